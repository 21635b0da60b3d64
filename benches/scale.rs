//! What one of many costs: one job of 100,000 that are configured, one run of 5,000 that go on at the same time, one end
//! of 1,000 in a second, one of 10,000 that wait. Each table has several sizes side by side, and behind each figure the
//! ratio to that of the first line: where some step is quadratic, it grows as the size does. CPU is that of hupd, without
//! its jobs.
//!
//! `cargo bench --bench scale`, or with the names of tables: `cargo bench --bench scale -- running waiting`

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark stands outside hupd"
)]

#[path = "../tests/common/mod.rs"]
mod common;
mod meter;

use std::fmt::Write;
use std::fs;
use std::time::{Duration, Instant};

use common::{Home, Hupd, store};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use meter::{cpu_micros, resident, wait_quiet};
use rustix::process::Signal;

/// For how long there are so many ends in each second.
const SECONDS: u64 = 10;

struct Table {
    name: &'static str,
    title: &'static str,
    columns: &'static [&'static str],
    sizes: &'static [usize],
    measure: fn(usize) -> Vec<f64>,
}

const TABLES: [Table; 4] = [
    Table {
        name: "configured",
        title: "for each job that is configured",
        columns: &["KiB", "start µs", "reload µs", "list µs", "a wake-up µs"],
        sizes: &[1_000, 10_000, 100_000],
        measure: configured,
    },
    Table {
        name: "running",
        title: "for each of so many runs at once",
        columns: &["KiB", "start µs", "status µs", "stop µs", "stop by clock"],
        sizes: &[500, 1_000, 2_000, 5_000],
        measure: running,
    },
    Table {
        name: "ending",
        title: "for each of so many runs in every second, with output and records",
        columns: &["CPU µs", "grown KiB", "ends a second", "not run"],
        sizes: &[250, 500, 1_000],
        measure: ending,
    },
    Table {
        name: "waiting",
        title: "for each run of so many that wait for each other",
        columns: &["in a group µs", "for a place µs"],
        sizes: &[10, 1_000, 10_000],
        measure: waiting,
    },
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |table: &&Table| {
        let mut names = wanted.iter().filter(|name| !name.starts_with('-'));
        names.clone().next().is_none() || names.any(|name| name == table.name)
    };
    TABLES.iter().filter(is_wanted).for_each(Table::print);
}

impl Table {
    fn print(&self) {
        println!("{}: {}", self.name, self.title);
        let names = self.columns.iter();
        let head: String = names.map(|name| format!("{name:>15} ratio")).collect();
        println!("{:>8}{head}", "size");
        let mut first: Option<Vec<f64>> = None;
        for &size in self.sizes {
            let figures = (self.measure)(size);
            let first = first.get_or_insert_with(|| figures.clone());
            let pairs = figures.iter().zip(first);
            let row: String = pairs.map(|(now, first)| cell(*now, *first)).collect();
            println!("{size:>8}{row}");
        }
    }
}

fn cell(now: f64, first: f64) -> String {
    let ratio = match first > 0.0 {
        true => format!("{:.2}", now / first),
        false => "-".to_owned(),
    };
    format!("{now:>15.2} {ratio:>5}")
}

/// A job each, with these keys.
fn jobs(count: usize, keys: &str) -> String {
    let mut text = String::new();
    for job in 0..count {
        let _ = writeln!(text, "[jobs.job-{job:06}]\n{keys}");
    }
    text
}

fn config(daemon: &str, jobs: &str) -> String {
    format!("[daemon]\ntimezone = \"UTC\"\n{daemon}\n[log]\nlevel = \"warn\"\n{jobs}")
}

/// What has ended and is not waited for yet is a zombie.
fn is_alive(hupd: &Hupd) -> bool {
    let stat = fs::read_to_string(hupd.proc("stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

/// What hupd does until it has nothing to do any more, in microseconds of CPU.
fn cpu_of(hupd: &Hupd, act: impl FnOnce()) -> f64 {
    let before = cpu_micros(hupd);
    act();
    wait_quiet(hupd);
    cpu_micros(hupd) - before
}

fn micros(act: impl FnOnce()) -> f64 {
    let began = Instant::now();
    act();
    began.elapsed().as_secs_f64() * 1e6
}

fn configured(size: usize) -> Vec<f64> {
    let empty = Hupd::start(&config("", ""));
    wait_quiet(&empty);
    let base = resident(&empty);
    drop(empty);
    let far = "command = [\"/bin/true\"]\nschedule = \"0 0 1 1 *\"";
    let home = Home::new();
    home.configure(&config("", &jobs(size, far)));
    let mut begun = None;
    let start = micros(|| begun = Some(Hupd::start_in(home)));
    let hupd = begun.expect("it serves");
    wait_quiet(&hupd);
    let memory = resident(&hupd) - base;
    let ticking = format!(
        "{}[jobs.tick]\ncommand = [\"/bin/true\"]\nevery = \"1s\"\n",
        jobs(size, far)
    );
    let list = cpu_of(&hupd, || drop(hupd.home.json(&["list"])));
    hupd.home.configure(&config("", &ticking));
    let reload = micros(|| drop(hupd.reload()));
    std::thread::sleep(Duration::from_secs(2));
    let before = cpu_micros(&hupd);
    std::thread::sleep(Duration::from_secs(SECONDS));
    let wake = (cpu_micros(&hupd) - before) / SECONDS as f64;
    let each = size as f64;
    vec![
        memory / each,
        start / each,
        reload / each,
        list / each,
        wake,
    ]
}

/// A schedule that is due once: soon, but not before hupd serves.
fn once(size: usize) -> (String, Duration) {
    let patience = 3 + size as i64 / 4_000;
    let due = Timestamp::now() + patience.seconds();
    let due = due
        .to_zoned(TimeZone::UTC)
        .strftime("%-S %-M %-H %-d %-m * %Y");
    let until = Duration::from_secs(patience.unsigned_abs() + 1);
    (format!("schedule = \"{due}\""), until)
}

fn running(size: usize) -> Vec<f64> {
    let (schedule, until) = once(size);
    let keys = format!("command = [\"/bin/sleep\", \"1000\"]\n{schedule}");
    let mut hupd = Hupd::start(&config("max_running = 6000", &jobs(size, &keys)));
    let before = resident(&hupd);
    let start = cpu_of(&hupd, || std::thread::sleep(until));
    let memory = resident(&hupd) - before;
    let mut alive = 0;
    let status = cpu_of(&hupd, || {
        alive = hupd.status()["running"].as_array().map_or(0, Vec::len);
    });
    assert_eq!(alive, size, "all run");
    let (mut cpu, before) = (0.0_f64, cpu_micros(&hupd));
    let stop = micros(|| {
        hupd.signal(Signal::QUIT);
        while is_alive(&hupd) {
            cpu = cpu.max(cpu_micros(&hupd) - before);
            std::thread::sleep(Duration::from_millis(2));
        }
        hupd.wait();
    });
    let each = size as f64;
    vec![
        memory / each,
        start / each,
        status / each,
        cpu / each,
        stop / each,
    ]
}

fn ending(size: usize) -> Vec<f64> {
    let keys = "command = [\"/bin/echo\", \"some words\"]\nevery = \"1s\"";
    let mut hupd = Hupd::start(&config("max_running = 6000", &jobs(size, keys)));
    std::thread::sleep(Duration::from_secs(3));
    let (before, memory) = (cpu_micros(&hupd), resident(&hupd));
    std::thread::sleep(Duration::from_secs(SECONDS));
    let cpu = cpu_micros(&hupd) - before;
    let grown = resident(&hupd) - memory;
    hupd.stop();
    let count = |sql: &str| -> f64 {
        let count = store(&hupd.home).query_row(sql, [], |row| row.get::<_, f64>(0));
        count.expect("a number")
    };
    let whole = "SELECT count(*) FROM runs JOIN outputs ON run = id
                 WHERE outcome = 'exited 0' AND total = 11";
    let span = "SELECT (max(ended_at) - min(started_at)) / 1e6 FROM runs";
    let (ended, span) = (count(whole), count(span));
    assert_eq!(
        ended,
        count("SELECT count(*) FROM runs"),
        "each has its end and its output"
    );
    let skipped = count("SELECT count(*) FROM ledger WHERE fate <> 'ran'");
    let each = (size as u64 * SECONDS) as f64;
    vec![cpu / each, grown / each, ended / span, skipped]
}

fn waiting(size: usize) -> Vec<f64> {
    let in_turn = |daemon: &str, keys: &str| {
        let (schedule, until) = once(size);
        let keys = format!("command = [\"/bin/true\"]\n{schedule}\n{keys}");
        let mut hupd = Hupd::start(&config(daemon, &jobs(size, &keys)));
        let cpu = cpu_of(&hupd, || std::thread::sleep(until));
        hupd.stop();
        let sql = "SELECT count(*) FROM runs WHERE outcome = 'exited 0'";
        let ran = store(&hupd.home).query_row(sql, [], |row| row.get::<_, i64>(0));
        assert_eq!(ran, Ok(size as i64), "all have run");
        cpu / size as f64
    };
    vec![
        in_turn("", "group = \"one\"\noverlap = \"queue\""),
        in_turn("max_running = 1", ""),
    ]
}

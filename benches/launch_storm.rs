//! How late the last of K jobs due at one instant starts, and what a run costs, beside a bare loop of posix_spawn in C with
//! the same program, an own group and a pipe for each, in turn, in one run. Everything that hupd does is in its figure:
//! claims committed before the starts, own process groups, captured output, records.
//!
//! `cargo bench --bench launch_storm`

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark stands outside hupd"
)]

#[path = "../tests/common/mod.rs"]
mod common;
mod floor;

use std::fmt::Write;
use std::time::Duration;

use common::Hupd;
use floor::{Cost, Floor, median};
use serde_json::Value;

const PROGRAM: &str = "/bin/true";
const ROUNDS: usize = 3;
/// Long enough for the start and for the storm to be over before the next one.
const EVERY: Duration = Duration::from_secs(12);
/// Long enough for the start of hupd.
const QUIET: Duration = Duration::from_secs(10);

/// How a command is written, and what is executed then.
const FORMS: [(&str, &str, &[&str]); 2] = [
    ("array", "[\"/bin/true\"]", &[PROGRAM]),
    ("shell", "\"/bin/true\"", &["/bin/sh", "-c", PROGRAM]),
];

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let floor = Floor::compile(folder.path());
    println!(
        "last of K starts of {PROGRAM}, after the instant at which all are due, and CPU of each run; medians of {ROUNDS}"
    );
    println!(
        "{:>6} {:>6} {:>10} {:>10} {:>6} {:>10} {:>10} {:>6}",
        "form", "K", "floor", "hupd", "ratio", "floor CPU", "hupd CPU", "ratio"
    );
    for (form, written, executed) in FORMS {
        for jobs in [1_000, 5_000] {
            let pairs: Vec<_> = (0..ROUNDS)
                .map(|_| (floor.run(jobs, executed), run_hupd(jobs, written)))
                .collect();
            print_row(form, jobs, &pairs);
        }
    }
}

fn print_row(form: &str, jobs: usize, pairs: &[(Cost, Cost)]) {
    let of = |figure: fn(&(Cost, Cost)) -> f64| median(pairs.iter().map(figure));
    let last = (of(|pair| pair.0.last), of(|pair| pair.1.last));
    let cpu = (of(|pair| pair.0.cpu), of(|pair| pair.1.cpu));
    println!(
        "{form:>6} {jobs:>6} {:>7.0} ms {:>7.0} ms {:>6.2} {:>7.0} µs {:>7.0} µs {:>6.2}",
        last.0,
        last.1,
        of(|pair| pair.1.last / pair.0.last),
        cpu.0,
        cpu.1,
        of(|pair| pair.1.cpu / pair.0.cpu),
    );
}

/// From the instant at which all jobs are due to the last start.
fn run_hupd(jobs: usize, command: &str) -> Cost {
    let mut config = "[daemon]\nmax_running = 6000\n[log]\nlevel = \"warn\"\n".to_owned();
    for job in 0..jobs {
        let _ = writeln!(
            config,
            "[jobs.job-{job:05}]\ncommand = {command}\nevery = \"{}s\"",
            EVERY.as_secs()
        );
    }
    let mut hupd = Hupd::start(&config);
    std::thread::sleep(QUIET);
    let before = cpu_micros(&hupd);
    // Nobody looks on during the storm: a client costs time too.
    std::thread::sleep(EVERY + EVERY / 2 - QUIET);
    let cpu = (cpu_micros(&hupd) - before) / jobs as f64;
    let runs = hupd.home.json(&["runs", "-n", &jobs.to_string()])["runs"].clone();
    let runs = runs.as_array().expect("runs");
    assert_eq!(runs.len(), jobs, "every job has run once");
    assert!(runs.iter().all(|run| run["outcome"] == "exited 0"));
    let last = runs.iter().map(lateness).fold(0.0, f64::max);
    hupd.stop();
    Cost { last, cpu }
}

/// Of hupd and of all that it has reaped, in hundredths of a second, as proc_pid_stat(5) has it.
fn cpu_micros(hupd: &Hupd) -> f64 {
    let stat = std::fs::read_to_string(hupd.proc("stat")).expect("hupd is there");
    let after_name = stat.rsplit(") ").next().expect("fields");
    let fields = after_name.split(' ').skip(11).take(4);
    let ticks = fields.map(|field| field.parse::<f64>().expect("a number"));
    ticks.sum::<f64>() * 1e4
}

fn lateness(run: &Value) -> f64 {
    let time = |key: &str| -> jiff::Timestamp {
        run[key]
            .as_str()
            .and_then(|text| text.parse().ok())
            .expect("a time")
    };
    let late = time("started_at").duration_since(time("scheduled_for"));
    late.as_secs_f64() * 1e3
}

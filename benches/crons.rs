//! K jobs that are due in the same minute, beside Debian's cron and the crond of busybox where they are installed: how late the
//! last one starts, and the CPU of each. Everybody gets the same job through the same shell, and lives from before the full
//! minute until all have run; that whole life is in the figure. As root, for a cron is; each in a mount namespace of its
//! own, so that no table of the machine is read or written.
//!
//! `cargo bench --bench crons`: takes ten minutes, for crons count in minutes.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark stands outside hupd"
)]

#[path = "../tests/common/mod.rs"]
mod common;
#[allow(dead_code, reason = "each benchmark uses its part")]
mod floor;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Home, Hupd, has_program};
use floor::{Cost, Floor, compile};
use jiff::Timestamp;
use nix::sys::resource::{UsageWho, getrusage};
use rustix::process::{Pid, Signal, kill_process};

/// How long before the full minute everybody is started.
const BEFORE: i64 = 8_000_000_000;
/// Until when all have been started even where it takes long, in nanoseconds.
const PATIENCE: i64 = 50_000_000_000;

/// An empty place instead of each that a cron would read or write.
const PLACES: &str = "
    for place in /var/spool/cron /etc/cron.d /run; do
        if [ -d $place ]; then mount -t tmpfs none $place; fi
    done
    if [ -e /etc/crontab ]; then mount --bind /dev/null /etc/crontab; fi
";

struct Bench {
    folder: PathBuf,
    program: PathBuf,
    /// Where the program notes when it was started.
    times: PathBuf,
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let bench = Bench {
        folder: folder.path().to_owned(),
        program: compile("now.c", folder.path()),
        times: folder.path().join("times"),
    };
    let floor = Floor::compile(folder.path());
    println!("the last of K starts after the full minute, and CPU of each job");
    println!("{:<8} {:>6} {:>10} {:>10}", "", "K", "last", "CPU");
    for jobs in [1_000, 5_000] {
        print(
            "floor",
            jobs,
            floor.run(jobs, &["/bin/sh", "-c", &bench.job()]),
        );
        print("hupd", jobs, bench.hupd(jobs));
        for (name, is_there) in [
            ("cron", has_program("cron")),
            ("busybox", has_busybox_crond()),
        ] {
            match (rustix::process::geteuid().is_root(), is_there) {
                (false, _) => println!("{name:<8} is skipped: it needs root"),
                (true, false) => println!("{name:<8} is not installed"),
                (true, true) => print(name, jobs, bench.cron(name, jobs)),
            }
        }
    }
}

/// Debian's busybox is built without it.
fn has_busybox_crond() -> bool {
    let list = Command::new("busybox").arg("--list").output();
    list.is_ok_and(|list| {
        list.stdout
            .split(|&byte| byte == b'\n')
            .any(|one| one == b"crond")
    })
}

fn print(name: &str, jobs: usize, Cost { last, cpu }: Cost) {
    println!("{name:<8} {jobs:>6} {last:>7.0} ms {cpu:>7.0} µs");
}

impl Bench {
    fn job(&self) -> String {
        format!("{} {}", self.program.display(), self.times.display())
    }

    fn hupd(&self, jobs: usize) -> Cost {
        let home = Home::new();
        let command = self.job();
        let text: String = (0..jobs)
            .map(|job| {
                format!("[jobs.job-{job}]\ncommand = \"{command}\"\nschedule = \"* * * * *\"\n")
            })
            .collect();
        let daemon = "[daemon]\nmax_running = 6000\n[log]\nlevel = \"warn\"\n";
        home.configure(&format!("{daemon}{text}"));
        let start = || Hupd::start_in(home);
        self.measure(jobs, start, |mut hupd| {
            hupd.stop();
        })
    }

    fn cron(&self, name: &str, jobs: usize) -> Cost {
        let tables = match name {
            "cron" => Path::new("/var/spool/cron/crontabs").to_owned(),
            _ => self.folder.join("tables"),
        };
        let daemon = match name {
            "cron" => "cron -f".to_owned(),
            _ => format!("busybox crond -f -l 8 -c {}", tables.display()),
        };
        let table = self.folder.join("table");
        let lines = format!("* * * * * {}\n", self.job()).repeat(jobs);
        fs::write(&table, lines).expect("a table can be written");
        let script = format!(
            "set -e; {PLACES} mkdir -p {0}; install -m 600 {1} {0}/root; exec {daemon}",
            tables.display(),
            table.display()
        );
        let start = || {
            let mut unshare = Command::new("unshare");
            unshare.args(["--mount", "--propagation", "private", "sh", "-c", &script]);
            let unshare = unshare.stdin(Stdio::null()).stdout(Stdio::null());
            unshare.stderr(Stdio::null()).spawn().expect("unshare runs")
        };
        self.measure(jobs, start, end)
    }

    fn measure<T>(&self, jobs: usize, start: impl FnOnce() -> T, end: impl FnOnce(T)) -> Cost {
        let _ = fs::remove_file(&self.times);
        let before = cpu_of_ended();
        let minute = next_minute();
        sleep_until(minute - BEFORE);
        let daemon = start();
        sleep_until(minute);
        // Nobody looks on more often: that costs time too.
        while count(&self.times) < jobs && now() < minute + PATIENCE {
            std::thread::sleep(Duration::from_millis(250));
        }
        // The last ones end, too.
        std::thread::sleep(Duration::from_secs(2));
        end(daemon);
        let times = fs::read_to_string(&self.times).expect("something was started");
        let times = times.lines().map(|line| line.parse::<i64>());
        let times: Vec<_> = times.map(|time| time.expect("a time")).collect();
        assert_eq!(times.len(), jobs, "each is started once");
        Cost {
            last: times
                .into_iter()
                .max()
                .map_or(0.0, |last| (last - minute) as f64 / 1e6),
            cpu: (cpu_of_ended() - before) / jobs as f64,
        }
    }
}

/// Nothing of a cron is to be lost: it gets TERM as it does from an init.
fn end(mut cron: Child) {
    let _ = kill_process(Pid::from_child(&cron), Signal::TERM);
    cron.wait().expect("it ends");
}

/// In nanoseconds.
fn now() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).expect("it is before 2262")
}

/// The first full minute before which there is time to start.
fn next_minute() -> i64 {
    const MINUTE: i64 = 60_000_000_000;
    let earliest = now() + BEFORE + 1_000_000_000;
    (earliest / MINUTE + 1) * MINUTE
}

fn sleep_until(time: i64) {
    let left = u64::try_from(time - now()).unwrap_or_default();
    std::thread::sleep(Duration::from_nanos(left));
}

/// How many have noted their start, which is always as long.
fn count(times: &Path) -> usize {
    let line = now().to_string().len() + 1;
    fs::metadata(times).map_or(0, |times| times.len() as usize / line)
}

/// Microseconds of CPU of all who have ended, and of those whom they have waited for.
fn cpu_of_ended() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("every process has it");
    let of = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64;
    of(usage.user_time()) + of(usage.system_time())
}

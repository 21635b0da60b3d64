//! What hupd costs while nothing is due: wake-ups of all its threads, as the kernel counts them, and its
//! memory, with 10 … 100,000 jobs.
//!
//! `cargo bench --bench idle`

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark stands outside hupd"
)]

#[path = "../tests/common/mod.rs"]
mod common;
#[allow(dead_code, reason = "each benchmark uses its part")]
mod meter;

use std::fmt::Write;
use std::fs;
use std::time::Duration;

use common::Hupd;
use meter::resident;

const WINDOW: Duration = Duration::from_secs(60);

fn main() {
    println!(
        "{:>8} {:>22} {:>12}",
        "jobs", "wake-ups in a minute", "resident"
    );
    for jobs in [10, 10_000, 100_000] {
        let mut config = String::new();
        for job in 0..jobs {
            let minute = job % 60;
            let _ = writeln!(
                config,
                "[jobs.job-{job:06}]\ncommand = [\"/bin/true\"]\nschedule = \"{minute} 0 1 1 *\""
            );
        }
        let mut hupd = Hupd::start(&config);
        let pid = hupd.pid().as_raw_nonzero().get();
        let before = settled(pid);
        std::thread::sleep(WINDOW);
        let after = wake_ups(pid);
        println!(
            "{jobs:>8} {:>22} {:>8.1} MiB",
            after - before,
            resident(&hupd) / 1024.0
        );
        hupd.stop();
    }
}

/// The count once what the start left to do is done: a second without a wake-up.
fn settled(pid: i32) -> u64 {
    let mut last = wake_ups(pid);
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let now = wake_ups(pid);
        if now == last {
            return now;
        }
        last = now;
    }
}

/// Context switches of all threads: a thread that sleeps makes none.
fn wake_ups(pid: i32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("threads");
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("status")).ok())
        .map(|status| field(&status, "voluntary_ctxt_switches"))
        .sum()
}

fn field(status: &str, name: &str) -> u64 {
    let line = status
        .lines()
        .find(|line| line.starts_with(name))
        .expect("a field");
    let value = line.split_whitespace().nth(1).expect("a value");
    value.parse().expect("a number")
}

//! How late a job that is due each second starts, by its own clock, hupd otherwise idle: over a minute, beside a bare
//! loop of clock_nanosleep and posix_spawn in C with the same program, one after the other in one run. And beside
//! snooze, in a loop of the shell, where it is installed: the schedulers of Debian count in minutes, and a timer of
//! systemd needs systemd as PID 1.
//!
//! `cargo bench --bench lateness`

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
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::Hupd;
use floor::compile;

/// Starts that are looked at.
const SECONDS: usize = 60;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = compile("now.c", folder.path());
    let floor = compile("each_second.c", folder.path());
    println!("milliseconds from each full second to the start of a program, over {SECONDS} s");
    println!(
        "{:<8} {:>8} {:>8} {:>8} {:>8}",
        "", "min", "median", "p99", "max"
    );
    print("floor", &run_floor(&floor, &program, folder.path()));
    print("hupd", &run_hupd(&program, folder.path()));
    match common::has_program("snooze") {
        true => print("snooze", &run_snooze(&program, folder.path())),
        false => println!("{:<8} is not installed", "snooze"),
    }
}

fn run_floor(floor: &Path, program: &Path, folder: &Path) -> Vec<f64> {
    let times = folder.join("floor");
    let number = SECONDS.to_string();
    let mut command = Command::new(floor);
    let status = command.arg(number).arg(program).arg(&times).status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "the floor runs"
    );
    lateness(&times)
}

fn run_hupd(program: &Path, folder: &Path) -> Vec<f64> {
    let times = folder.join("hupd");
    let mut hupd = Hupd::start(&format!(
        "[jobs.a]\ncommand = [\"{}\", \"{}\"]\nschedule = \"* * * * * *\"\n",
        program.display(),
        times.display()
    ));
    // Nobody looks on meanwhile: a client costs time too.
    std::thread::sleep(Duration::from_secs(SECONDS as u64 + 2));
    hupd.stop();
    lateness(&times)
}

fn run_snooze(program: &Path, folder: &Path) -> Vec<f64> {
    let times = folder.join("snooze");
    let script = format!(
        "for n in $(seq {SECONDS}); do snooze -H'*' -M'*' -S'*' {} {}; done",
        program.display(),
        times.display()
    );
    let status = Command::new("sh").arg("-c").arg(script).status();
    assert!(status.is_ok_and(|status| status.success()), "snooze runs");
    lateness(&times)
}

/// Milliseconds after the nearest full second, or before it where that is less than nothing; the least first.
fn lateness(times: &Path) -> Vec<f64> {
    let text = fs::read_to_string(times).expect("the program was started");
    let late = |line: &str| {
        let time: i64 = line.parse().expect("a time");
        let late = (time + 500_000_000).rem_euclid(1_000_000_000) - 500_000_000;
        late as f64 / 1e6
    };
    let mut all: Vec<f64> = text.lines().map(late).take(SECONDS).collect();
    assert_eq!(all.len(), SECONDS, "a start for each second");
    all.sort_by(f64::total_cmp);
    all
}

fn print(name: &str, late: &[f64]) {
    let at = |share: f64| late[((late.len() - 1) as f64 * share).round() as usize];
    println!(
        "{name:<8} {:>8.2} {:>8.2} {:>8.2} {:>8.2}",
        at(0.0),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

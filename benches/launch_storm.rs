//! How late the last of K jobs due at one instant starts, beside a bare loop of posix_spawn in C with the same
//! program, in turn, in one run. Everything that hupd does is in its figure: claims committed before the
//! starts, own process groups, captured output, records.
//!
//! `cargo bench --bench launch_storm`

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark stands outside hupd"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use common::Hupd;
use serde_json::Value;

const PROGRAM: &str = "/bin/true";
const ROUNDS: usize = 5;
/// Long enough for the start and for the storm to be over before the next one.
const EVERY: Duration = Duration::from_secs(10);

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let floor = compile_floor(folder.path());
    println!(
        "last of K starts of {PROGRAM}, after the instant at which all are due; medians of {ROUNDS}"
    );
    println!("{:>6} {:>12} {:>12} {:>8}", "K", "floor", "hupd", "ratio");
    for jobs in [1_000, 5_000] {
        let pairs: Vec<_> = (0..ROUNDS)
            .map(|_| (run_floor(&floor, jobs), run_hupd(jobs)))
            .collect();
        let floor = median(pairs.iter().map(|pair| pair.0));
        let hupd = median(pairs.iter().map(|pair| pair.1));
        let ratio = median(pairs.iter().map(|pair| pair.1 / pair.0));
        println!("{jobs:>6} {floor:>9.0} ms {hupd:>9.0} ms {ratio:>8.2}");
    }
}

fn compile_floor(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/floor.c");
    let program = folder.join("floor");
    let compiled = Command::new("cc")
        .arg("-O2")
        .arg("-o")
        .arg(&program)
        .arg(source)
        .status();
    assert!(
        compiled.is_ok_and(|status| status.success()),
        "cc compiles the floor"
    );
    program
}

/// Milliseconds from the first start to the last.
fn run_floor(program: &Path, jobs: usize) -> f64 {
    let output = Command::new(program)
        .arg(jobs.to_string())
        .arg(PROGRAM)
        .output();
    let output = output.expect("the floor runs");
    let micros: f64 = common::text(&output.stdout)
        .trim()
        .parse()
        .expect("a number");
    micros / 1e3
}

/// Milliseconds from the instant at which all jobs are due to the last start.
fn run_hupd(jobs: usize) -> f64 {
    let mut config = "[daemon]\nmax_running = 6000\n[log]\nlevel = \"warn\"\n".to_owned();
    for job in 0..jobs {
        let _ = writeln!(
            config,
            "[jobs.job-{job:05}]\ncommand = [\"{PROGRAM}\"]\nevery = \"{}s\"",
            EVERY.as_secs()
        );
    }
    let mut hupd = Hupd::start(&config);
    // Nobody looks on during the storm: a client costs time too.
    std::thread::sleep(EVERY + EVERY / 2);
    let runs = hupd.home.json(&["runs", "-n", &jobs.to_string()])["runs"].clone();
    let runs = runs.as_array().expect("runs");
    assert_eq!(runs.len(), jobs, "every job has run once");
    assert!(runs.iter().all(|run| run["outcome"] == "exited 0"));
    let last = runs.iter().map(lateness).fold(0.0, f64::max);
    hupd.stop();
    last
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

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

//! Lives one invented life of hupd after another, until one breaks a promise or somebody stops it, and says how
//! fast.
//!
//! ```sh
//! cargo run --profile simulation --example lives                 # from a seed of the time, until it is stopped
//! cargo run --profile simulation --example lives -- 1 5000       # the seeds 1 to 5000
//! ```
//!
//! The seed of a life that breaks one is told at once, as `seed 12: broken: no panic is reachable`; then follows
//! the smallest life that breaks the same one. Exit status: 0 when all lives have kept the promises, 1 when one
//! has not, 2 on wrong usage.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it stands outside hupd"
)]

#[path = "../tests/simulation/mod.rs"]
mod simulation;

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use simulation::life::Universe;
use simulation::plan::Plan;
use simulation::shrink::explain;
use simulation::tally::Tally;

const BETWEEN_LINES: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let numbers: Result<Vec<u64>, _> = std::env::args().skip(1).map(|word| word.parse()).collect();
    let (first, count) = match numbers.as_deref() {
        Ok([]) => (seed_of_the_time(), u64::MAX),
        Ok([first]) => (*first, u64::MAX),
        Ok([first, count]) => (*first, *count),
        _ => {
            eprintln!("usage: lives [FIRST_SEED [COUNT]]");
            return ExitCode::from(2);
        }
    };
    if cfg!(panic = "abort") {
        eprintln!("lives: a panic could not be told by its seed; build with --profile simulation");
        return ExitCode::from(2);
    }
    // A panic is a broken promise, and told as such.
    std::panic::set_hook(Box::new(|_| {}));
    match live(first, count) {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            println!("{report}");
            ExitCode::FAILURE
        }
    }
}

fn live(first: u64, count: u64) -> Result<(), String> {
    let universe = Universe::new();
    let began = Instant::now();
    let (mut said, mut total) = (began, Tally::default());
    for lives in 0..count {
        let seed = first.wrapping_add(lives);
        let plan = Plan::of(seed);
        match universe.live(&plan) {
            Ok(tally) => total += tally,
            Err(failure) => {
                // At once: to find the smallest life takes a while.
                println!("seed {seed}: broken: {}", failure.broken.invariant);
                return Err(explain(
                    &universe,
                    &format!("HUPD_SIM_SEED={seed}"),
                    plan,
                    failure,
                ));
            }
        }
        if said.elapsed() >= BETWEEN_LINES || lives + 1 == count {
            said = Instant::now();
            println!("{}", line((lives + 1, seed), &total, began.elapsed()));
        }
    }
    Ok(())
}

fn line((lives, seed): (u64, u64), total: &Tally, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    let (years, job_years) = (total.years(), total.job_years());
    format!(
        "{lives} lives up to seed {seed} in {seconds:.0} s: {years:.0} years, {job_years:.0} job-years \
         ({:.0} a second), {:.0} events and {:.0} records a second, {} starts of hupd",
        job_years / seconds,
        total.turns as f64 / seconds,
        total.rows as f64 / seconds,
        total.hupds,
    )
}

fn seed_of_the_time() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

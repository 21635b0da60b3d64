//! Whole lives of hupd, each from a seed. A life that goes wrong is told with what repeats it, such as
//! `HUPD_SIM_SEED=12 cargo test --test lives`; `HUPD_SIM_SECONDS=…` lives fresh ones for longer, `HUPD_SIM_FROM=…` from
//! that seed on in place of one of the time.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test stands outside hupd"
)]

mod simulation;

use std::env::var;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use simulation::chance::Pace;
use simulation::life::{Trace, Universe};
use simulation::plan::Plan;
use simulation::shrink::explain;
use simulation::tally::Tally;

/// Seeds that are lived every time: unoptimized, each takes a core some fifteen seconds.
const FIXED: u64 = 8;

/// Lives in which hupd is killed at every turn, one after another.
const BRIEF: usize = 3;

/// How long fresh ones are lived.
const FRESH: Duration = Duration::from_secs(8);

/// A life, or why it went wrong.
fn live(universe: &Universe, plan: Plan, again: &str) -> Tally {
    match universe.live(&plan) {
        Ok(tally) => tally,
        Err(failure) => {
            // At once: to find the smallest life takes a while.
            eprintln!("{again}: broken: {}", failure.broken.invariant);
            panic!("{}", explain(universe, again, plan, failure));
        }
    }
}

fn live_seed(universe: &Universe, seed: u64) -> Tally {
    live(universe, Plan::of(seed), &format!("HUPD_SIM_SEED={seed}"))
}

/// A brief life, with KILL after so many turns.
fn live_briefly(universe: &Universe, seed: u64, killed_after: Option<u64>) -> Tally {
    let plan = Plan {
        killed_after,
        ..Plan::at(Pace::Brief, seed)
    };
    let again = format!("HUPD_SIM_SEED={seed} HUPD_SIM_BRIEF=1");
    let again = match killed_after {
        None => again,
        Some(turns) => format!("{again} HUPD_SIM_KILLED_AFTER={turns}"),
    };
    live(universe, plan, &again)
}

/// Whether one life is to be repeated, and nothing else.
fn repeats_one() -> bool {
    number("HUPD_SIM_SEED").is_some()
}

fn number(name: &str) -> Option<u64> {
    let text = var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

fn seed_of_the_time() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_nanos() as u64
}

#[test]
fn every_life_keeps_the_promises() {
    let universe = Universe::new();
    let Some(seed) = number("HUPD_SIM_SEED") else {
        for seed in 0..FIXED {
            live_seed(&universe, seed);
        }
        return;
    };
    match number("HUPD_SIM_BRIEF") {
        None => live_seed(&universe, seed),
        Some(_) => live_briefly(&universe, seed, number("HUPD_SIM_KILLED_AFTER")),
    };
}

#[test]
fn so_do_lives_that_nobody_has_seen_before() {
    if repeats_one() {
        return;
    }
    let universe = Universe::new();
    let lasts = number("HUPD_SIM_SECONDS").map_or(FRESH, Duration::from_secs);
    let first = number("HUPD_SIM_FROM").unwrap_or_else(seed_of_the_time);
    let began = Instant::now();
    let mut lives = 0;
    while began.elapsed() < lasts {
        live_seed(&universe, first.wrapping_add(lives));
        lives += 1;
    }
    eprintln!("{lives} lives from seed {first} on");
    assert!(lives > 0);
}

/// Between a claim and its start, between a start and its record, in the middle of a reload: everywhere.
#[test]
fn whenever_hupd_is_killed_the_promises_hold() {
    if repeats_one() {
        return;
    }
    let universe = Universe::new();
    for (seed, turns) in brief_lives(&universe).take(BRIEF) {
        for turn in 0..=turns {
            live_briefly(&universe, seed, Some(turn));
        }
    }
}

/// Lives in which something happens, and not too much, with their turns.
fn brief_lives(universe: &Universe) -> impl Iterator<Item = (u64, u64)> {
    let lives = (0..).map(|seed| (seed, live_briefly(universe, seed, None).turns));
    lives.filter(|(_, turns)| (100..300).contains(turns))
}

#[test]
fn a_life_from_the_same_seed_is_the_same_to_the_letter() {
    if repeats_one() {
        return;
    }
    for seed in 1000..1004 {
        let lived = [(); 2].map(|()| {
            let mut trace = Trace::On(Vec::new());
            let life = Universe::new().live_with(&Plan::of(seed), &mut trace);
            life.unwrap_or_else(|failure| panic!("seed {seed}: {failure:?}"));
            let Trace::On(lines) = trace else {
                unreachable!("it was on");
            };
            lines
        });
        assert!(!lived[0].is_empty(), "seed {seed}");
        assert_eq!(lived[0], lived[1], "seed {seed}");
    }
}

//! Chaos: the real programs are edited, signalled, stopped and killed at random, and in the end the ledger and the
//! marks that the jobs themselves have made must agree with every promise.
//!
//! ```sh
//! cargo test --test chaos                              # half a minute
//! HUPD_CHAOS_SECONDS=7200 cargo test --test chaos      # two hours
//! HUPD_SEED=4711 cargo test --test chaos               # the same deeds once more
//! ```

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test stands outside hupd"
)]

mod common;

#[path = "chaos/deeds.rs"]
mod deeds;
#[path = "chaos/doubt.rs"]
mod doubt;
#[path = "chaos/evidence.rs"]
mod evidence;
#[path = "chaos/holes.rs"]
mod holes;
#[path = "chaos/jobs.rs"]
mod jobs;
#[path = "chaos/promises.rs"]
mod promises;

use std::env::var;
use std::time::{Duration, Instant};

use common::{Dice, Home, copied_store, open_runs, store};
use deeds::{End, Known};
use evidence::{Evidence, Generations};
use jobs::File;
use promises::{Broken, judge};

const LASTS: Duration = Duration::from_secs(30);

#[test]
fn whatever_is_done_to_hupd_its_promises_hold() {
    let lasts = var("HUPD_CHAOS_SECONDS").map_or(LASTS, |seconds| {
        Duration::from_secs(seconds.parse().unwrap())
    });
    let mut dice = Dice::new();
    let mut file = File::new(&mut dice);
    let mut home = Home::new();
    home.configure(&file.text(home.path()));
    let mut known = Known::default();
    let mut generations = Generations::default();
    let mut lives = 0;
    let until = Instant::now() + lasts;
    while Instant::now() < until {
        lives += 1;
        home = match deeds::life(home, &mut file, &mut dice, (until, &mut known)) {
            End::InOrder(home) => home,
            End::Killed(home) => {
                let (_folder, copy) = copied_store(&home);
                known.lost.extend(open_runs(&copy));
                home
            }
        };
        // Of a copy: the next hupd must find the store as this one left it.
        let (_folder, copy) = copied_store(&home);
        generations.note(&copy);
    }
    let (home, last_file) = deeds::settle(home, &file, &mut known);
    generations.note(&store(&home));
    let evidence = Evidence {
        generations: generations.all(),
        max_running: file.max_running as usize,
        open_at_a_kill: known.lost,
        asked_to_end: known.asked_to_end,
        stops: known.stops,
        last_file,
        ..Evidence::of(&home)
    };
    eprintln!(
        "{lives} lives of hupd, {} generations, {} runs, {} lines of the ledger, {} marks",
        evidence.generations.len(),
        evidence.runs.len(),
        evidence.ledger.len(),
        evidence.marks.len()
    );
    let broken = judge(&evidence);
    assert!(broken.is_empty(), "{}", told(&broken));
}

fn told(broken: &[Broken]) -> String {
    let lines = broken
        .iter()
        .map(|Broken { promise, what }| format!("broken: {promise}\n  {what}\n"));
    lines.collect()
}

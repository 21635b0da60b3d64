//! Under fire: HUP every 50 ms while 200 jobs are due in each second, and the files are swapped, half written, cut off, and
//! written while they are read. In the end the ledger, the marks that the jobs themselves have made, and the log must agree:
//! no occurrence is lost or doubled, generations only go up, what is written last is in force, and nothing has grown.
//!
//! ```sh
//! cargo test --test fire                             # some seconds
//! HUPD_FIRE_SECONDS=120 cargo test --test fire       # two minutes, beside two minutes in peace
//! ```

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test stands outside hupd"
)]

mod common;

#[path = "chaos/evidence.rs"]
mod evidence;
#[path = "fire/files.rs"]
mod files;
#[path = "fire/gauge.rs"]
mod gauge;
#[path = "chaos/holes.rs"]
mod holes;
#[allow(dead_code, reason = "only some of its numbers matter here")]
#[path = "chaos/jobs.rs"]
mod jobs;
#[path = "chaos/promises.rs"]
mod promises;
#[path = "fire/spoiled.rs"]
mod spoiled;
#[path = "fire/under.rs"]
mod under;

use std::env::var;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use common::{Home, Hupd, store, wait_until};
use evidence::{Evidence, Generations};
use files::Files;
use gauge::Gauge;
use jiff::Timestamp;
use rustix::process::Signal;
use under::{Fire, lateness, reloads};

const LASTS: Duration = Duration::from_secs(4);
const BEAT: Duration = Duration::from_millis(50);
/// The store keeps the files of the last 50 generations: none is forgotten before it is looked at.
const LOOK: Duration = Duration::from_millis(500);

#[test]
fn under_fire_nothing_is_lost_or_doubled_and_nothing_grows() {
    let lasts =
        var("HUPD_FIRE_SECONDS").map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    // That doubles the time: only where it is long anyway.
    let in_peace = lasts
        .as_ref()
        .ok()
        .map(|lasts| life(*lasts, Weather::Peace));
    let lasts = lasts.unwrap_or(LASTS);
    let fire = life(lasts, Weather::Fire);
    eprintln!(
        "{} HUPs, {} verdicts, {} generations, {} runs, {} lines of the ledger; {}",
        fire.hups.len(),
        fire.reloads.len(),
        fire.evidence.generations.last().unwrap().number,
        fire.evidence.runs.len(),
        fire.evidence.ledger.len(),
        lateness(&fire.evidence)
    );
    eprintln!("before: {:?}, after: {:?}", fire.before, fire.after);
    if let Some(peace) = &in_peace {
        eprintln!(
            "in peace: {}; {:?}, {:?}",
            lateness(&peace.evidence),
            peace.before,
            peace.after
        );
    }
    let grown = in_peace.map_or(0, |peace| peace.after.grown_since(&peace.before));
    let broken = under::judge(&fire, grown);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// What there is beside the jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Peace,
    Fire,
}

fn life(lasts: Duration, weather: Weather) -> Fire {
    let home = Home::new();
    let mut files = Files::new(home.path());
    files.settle();
    let mut hupd = Hupd::start_in(home);
    let served_from = now();
    // What is made when it is first needed is there then.
    sleep(Duration::from_secs(1));
    hupd.reload();
    let before = Gauge::of(&hupd);
    let mut generations = Generations::default();
    let hups = match weather {
        Weather::Peace => {
            sleep(lasts);
            Vec::new()
        }
        Weather::Fire => fire(&hupd, &mut files, (lasts, &mut generations)),
    };
    files.settle();
    let last = now();
    hupd.signal(Signal::HUP);
    wait_until("the last HUP has its verdict", || {
        hupd.notified();
        let reloads = reloads(&hupd.log());
        reloads
            .last()
            .filter(|it| it.began >= last && it.verdict.is_some())
            .map(drop)
    });
    let after = Gauge::settled(&hupd, &before);
    let served_until = now();
    let status = hupd.stop();
    assert!(status.success(), "{status}");
    generations.note(&store(&hupd.home));
    Fire {
        evidence: Evidence {
            max_running: files::MAX_RUNNING,
            generations: generations.all(),
            marks: under::marks(&hupd.home),
            stops: vec![served_until],
            last_file: hupd.home.read("hupd.toml"),
            ..Evidence::of(&hupd.home)
        },
        served: served_from..served_until,
        hups: hups.into_iter().chain([last]).collect(),
        reloads: reloads(&hupd.log()),
        kept: under::kept(&hupd.home),
        on_disk: files.texts(),
        before,
        after,
    }
}

/// When each HUP was sent.
fn fire(
    hupd: &Hupd,
    files: &mut Files,
    (lasts, generations): (Duration, &mut Generations),
) -> Vec<i64> {
    let until = Instant::now() + lasts;
    scope(|scope| {
        scope.spawn(|| {
            while Instant::now() < until {
                files.attack();
            }
        });
        scope.spawn(|| {
            while Instant::now() < until {
                generations.note(&store(&hupd.home));
                sleep(LOOK);
            }
        });
        hang_up(hupd, until)
    })
}

fn hang_up(hupd: &Hupd, until: Instant) -> Vec<i64> {
    let mut hups = Vec::new();
    let mut next = Instant::now();
    while next < until {
        hups.push(now());
        hupd.signal(Signal::HUP);
        // Somebody reads what the service manager is told.
        hupd.notified();
        next += BEAT;
        sleep(next.saturating_duration_since(Instant::now()));
    }
    hups
}

fn now() -> i64 {
    Timestamp::now().as_microsecond()
}

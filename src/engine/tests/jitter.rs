//! Occurrences that start later than they are due.

use std::time::Duration;

use super::world::*;
use crate::config::{Jitter, Job, Missed};
use crate::ledger::Fate;
use crate::run::Exit;
use crate::schedule::Seed;

fn jittered(job: Job) -> Job {
    let jitter = Jitter {
        below: 10 * MINUTE,
        seed: Seed::of("host", job.name.as_str()),
    };
    Job { jitter, ..job }
}

/// How much later the occurrence of that instant starts.
fn delay(job: &Job, instant: &str) -> Duration {
    let delay = job.jitter.of(at(instant));
    assert!(delay > Duration::ZERO && delay < 10 * MINUTE, "{delay:?}");
    delay
}

#[test]
fn an_occurrence_starts_later_by_what_is_drawn_for_it() {
    let job = jittered(cron("tick", "30 12 * * *"));
    let delay = delay(&job, "2026-06-01T12:30:00Z");
    let mut world = World::of(config([job]));
    world.pass(30 * MINUTE);
    assert_eq!(world.fates_of("tick"), [Fate::Waiting]);
    let wake = world.engine.next_wake().elapsed;
    assert_eq!(wake, Some(world.now.elapsed + delay));
    world.pass(delay - Duration::from_millis(1));
    assert_eq!(world.started, []);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.instants_of("tick"), ["2026-06-01T12:30:00Z"]);
}

#[test]
fn each_occurrence_draws_its_own() {
    let job = jittered(cron("tick", "0 * * * *"));
    let delays =
        ["2026-06-01T12:00:00Z", "2026-06-01T13:00:00Z"].map(|instant| delay(&job, instant));
    assert_ne!(delays[0], delays[1]);
}

#[test]
fn a_reload_does_not_draw_again() {
    let job = jittered(cron("tick", "30 12 * * *"));
    let delay = delay(&job, "2026-06-01T12:30:00Z");
    let changed = Job {
        timeout: Some(HOUR),
        jitter: Jitter {
            below: HOUR,
            ..job.jitter
        },
        ..job.clone()
    };
    let mut world = World::of(config([job]));
    world.pass(30 * MINUTE);
    world.adopt(config([changed]));
    world.pass(delay);
    assert_eq!(world.started.len(), 1);
}

#[test]
fn what_still_runs_when_the_delay_is_over_is_in_the_way_not_what_ran_when_it_began() {
    let job = jittered(cron("tick", "30,31 12 * * *"));
    let delay = delay(&job, "2026-06-01T12:30:00Z");
    let mut world = World::of(config([job]));
    world.request("tick");
    world.pass(30 * MINUTE);
    world.end(1, Exit::Code(0));
    world.pass(delay);
    assert_eq!(world.instants_of("tick").len(), 2);
}

#[test]
fn whoever_asks_for_a_run_does_not_wait() {
    let mut world = World::of(config([jittered(job("tick"))]));
    world.request("tick");
    assert_eq!(world.started.len(), 1);
}

#[test]
fn what_is_late_is_not_delayed_further() {
    let job = Job {
        missed: Missed::Once,
        ..jittered(cron("tick", "0 13 * * *"))
    };
    let mut world = World::of(config([job]));
    world.set_clock("2026-06-01T20:00:00Z");
    assert_eq!(world.instants_of("tick"), ["2026-06-01T13:00:00Z"]);
}

#[test]
fn a_stop_leaves_a_delay_to_the_next_hupd() {
    let mut world = World::of(config([jittered(cron("tick", "30 12 * * *"))]));
    world.pass(30 * MINUTE);
    world.stop();
    assert!(world.engine.has_finished());
    assert_eq!(world.fates_of("tick"), [Fate::Waiting; 2]);
}

#[test]
fn a_job_that_is_removed_starts_nothing_after_a_delay() {
    let mut world = World::of(config([jittered(cron("tick", "30 12 * * *"))]));
    world.pass(30 * MINUTE);
    world.adopt(config([]));
    assert_eq!(world.fates_of("tick"), [Fate::Waiting, Fate::Skipped]);
    world.pass(HOUR);
    assert_eq!(world.started, []);
}

#[test]
fn a_delay_that_ends_after_the_deadline_is_in_vain() {
    let job = jittered(Job {
        deadline: Some(SECOND),
        ..cron("tick", "30 12 * * *")
    });
    let mut world = World::of(config([job]));
    world.pass(30 * MINUTE);
    world.pass(10 * MINUTE);
    assert_eq!(world.fates_of("tick"), [Fate::Waiting, Fate::Skipped]);
}

//! A job that is paused is not due, and has missed what would have been.

use std::collections::BTreeMap;

use super::world::*;
use crate::config::{Job, Missed};
use crate::engine::{Left, NotPaused};
use crate::ledger::{Fate, Pause, Waited};
use crate::run::{Occurrence, Trigger};

fn hourly(missed: Missed) -> Job {
    Job {
        missed,
        ..cron("tick", "0 * * * *")
    }
}

/// Paused at half past twelve.
fn paused(job: Job) -> World {
    let mut world = World::of(config([job]));
    world.pass(30 * MINUTE);
    world.pause("tick", None);
    world
}

#[test]
fn a_paused_job_is_not_due_and_wakes_nobody() {
    let mut world = paused(hourly(Missed::Once));
    assert_eq!(world.engine.next_wake().wall, None);
    world.pass(5 * HOUR);
    assert_eq!((world.started.len(), world.fates.len()), (0, 0));
}

#[test]
fn what_was_due_in_the_pause_is_on_record_when_it_ends() {
    let mut world = paused(hourly(Missed::Skip));
    world.pass(3 * HOUR);
    world.resume("tick");
    assert_eq!(world.fates_of("tick"), [Fate::Missed; 3]);
    assert_eq!(world.started, []);
    world.pass(HOUR);
    assert_eq!(world.instants_of("tick"), ["2026-06-01T16:00:00Z"]);
}

#[test]
fn a_job_may_want_it_made_up_for() {
    let mut world = paused(hourly(Missed::Once));
    world.pass(3 * HOUR);
    world.resume("tick");
    assert_eq!(world.instants_of("tick"), ["2026-06-01T15:00:00Z"]);
    assert_eq!(
        world.fates_of("tick"),
        [Fate::Missed, Fate::Missed, Fate::Waiting]
    );
}

#[test]
fn a_pause_ends_by_itself() {
    let mut world = World::of(config([hourly(Missed::Once)]));
    world.pause("tick", Some(at("2026-06-01T14:30:00Z")));
    assert_eq!(
        world.engine.next_wake().wall,
        Some(at("2026-06-01T14:30:00Z"))
    );
    world.pass(2 * HOUR + 30 * MINUTE);
    assert_eq!(world.instants_of("tick"), ["2026-06-01T14:00:00Z"]);
    assert_eq!(world.engine.pause_of(&name("tick")), None);
    assert_eq!(
        world.engine.next_wake().wall,
        Some(at("2026-06-01T15:00:00Z"))
    );
}

#[test]
fn a_second_pause_keeps_the_beginning_of_the_first() {
    let mut world = paused(hourly(Missed::Skip));
    world.pass(HOUR);
    world.pause("tick", Some(at("2026-06-01T15:00:00Z")));
    world.pass(2 * HOUR);
    assert_eq!(world.fates_of("tick"), [Fate::Missed; 3]);
}

#[test]
fn what_is_due_at_that_moment_is_decided_before_the_pause() {
    let mut world = World::of(config([hourly(Missed::Skip)]));
    world.now.wall += HOUR;
    world.now.elapsed += HOUR;
    world.pause("tick", None);
    assert_eq!(world.instants_of("tick"), ["2026-06-01T13:00:00Z"]);
}

#[test]
fn an_interval_keeps_its_phase_over_a_pause() {
    let mut world = World::of(config([every("tick", HOUR)]));
    world.pause("tick", None);
    world.pass(2 * HOUR + 30 * MINUTE);
    world.resume("tick");
    assert_eq!(world.fates_of("tick"), [Fate::Missed; 2]);
    world.pass(30 * MINUTE);
    assert_eq!(world.instants_of("tick"), ["2026-06-01T15:00:00Z"]);
}

#[test]
fn a_run_on_request_is_not_paused() {
    let mut world = paused(hourly(Missed::Skip));
    world.request("tick");
    assert_eq!(world.started.len(), 1);
}

#[test]
fn what_waits_for_a_place_is_held_where_it_is_to_be_made_up_for() {
    let mut config = config([hourly(Missed::Once), job("other")]);
    config.daemon.max_running = 1;
    let mut world = World::of(config);
    world.request("other");
    world.pass(HOUR);
    world.pause("tick", None);
    assert_eq!(world.engine.waiting(), 0);
    world.end(1, crate::run::Exit::Code(0));
    assert_eq!(world.instants_of("tick").len(), 0);
    world.pass(MINUTE);
    world.resume("tick");
    assert_eq!(world.instants_of("tick"), ["2026-06-01T13:00:00Z"]);
}

#[test]
fn no_edit_makes_a_past_instant_due() {
    let mut world = paused(hourly(Missed::All(9)));
    world.pass(3 * HOUR);
    let half_past = Job {
        missed: Missed::All(9),
        ..cron("tick", "30 * * * *")
    };
    world.adopt(config([half_past]));
    assert_eq!(world.fates_of("tick"), [Fate::Missed; 3]);
    assert!(world.engine.pause_of(&name("tick")).is_some());
    world.resume("tick");
    assert_eq!(world.started, []);
    world.pass(HOUR);
    assert_eq!(world.instants_of("tick"), ["2026-06-01T16:30:00Z"]);
}

#[test]
fn an_edit_of_something_else_keeps_the_pause_as_it_is() {
    let mut world = paused(hourly(Missed::Once));
    world.pass(3 * HOUR);
    let edited = Job {
        description: "hourly".to_owned(),
        ..hourly(Missed::Once)
    };
    world.adopt(config([edited]));
    world.resume("tick");
    assert_eq!(world.instants_of("tick"), ["2026-06-01T15:00:00Z"]);
}

#[test]
fn a_pause_goes_with_its_job() {
    let mut world = paused(hourly(Missed::Skip));
    world.pass(HOUR);
    world.adopt(config([]));
    assert_eq!(world.fates_of("tick"), [Fate::Missed]);
    assert_eq!(world.engine.paused(), 0);
}

#[test]
fn what_a_clock_that_was_set_back_shows_once_more_is_missed_as_well() {
    let mut world = World::of(config([hourly(Missed::Skip)]));
    world.pass(3 * HOUR + 30 * MINUTE);
    world.pause("tick", None);
    world.set_clock("2026-06-01T12:30:00Z");
    world.pass(2 * HOUR);
    world.fates.clear();
    world.resume("tick");
    assert_eq!(world.fates_of("tick"), [Fate::Missed; 2]);
}

#[test]
fn a_pause_outlives_hupd() {
    let job = hourly(Missed::All(9));
    let since = at("2026-06-01T08:30:00Z");
    let left = Left {
        timings: [(name("tick"), job.timing.identity().expect("it has one"))].into(),
        decided: Some(at("2026-06-01T10:30:00Z")),
        pauses: vec![Pause {
            since,
            ..pause("tick", Some(at("2026-06-01T12:30:00Z")), noon())
        }],
        waiting: vec![Waited {
            occurrence: Occurrence {
                job: name("tick"),
                instant: at("2026-06-01T08:00:00Z"),
                trigger: Trigger::Schedule,
            },
            starts_at: None,
        }],
        ..Left::default()
    };
    let mut world = World::after(config([job]), BTreeMap::new(), left);
    assert_eq!((world.started.len(), world.fates.len()), (0, 0));
    world.pass(30 * MINUTE);
    assert_eq!(world.instants_of("tick")[0], "2026-06-01T08:00:00Z");
    assert_eq!(world.fates_of("tick"), [Fate::Waiting; 5]);
}

#[test]
fn a_hupd_that_stops_leaves_the_pause_to_the_next_one() {
    let mut world = World::of(config([hourly(Missed::Once), job("other")]));
    world.request("other");
    world.pause("tick", Some(at("2026-06-01T13:30:00Z")));
    world.stop();
    assert_eq!(world.engine.next_wake().wall, None);
    world.pass(2 * HOUR);
    assert_eq!(world.engine.paused(), 1);
}

#[test]
fn only_a_job_that_is_paused_is_resumed() {
    let mut world = World::of(config([hourly(Missed::Skip)]));
    let resumed = world.engine.resume(&name("tick"), noon());
    assert_eq!(resumed, Err(NotPaused::Already));
    let resumed = world.engine.resume(&name("tock"), noon());
    assert_eq!(resumed, Err(NotPaused::NoSuchJob));
    let paused = world.engine.pause(pause("tock", None, noon()), noon());
    assert_eq!(paused, Err(NotPaused::NoSuchJob));
}

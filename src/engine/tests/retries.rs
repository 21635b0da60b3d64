//! Runs that are tried again.

use std::time::Duration;

use super::world::*;
use crate::config::{Config, Job, Retry};
use crate::engine::{Left, State};
use crate::ledger::{NoStart, Resting};
use crate::run::{Exit, Outcome, RunId, Signal, StopReason};

fn retry(attempts: u32) -> Option<Retry> {
    Some(Retry {
        attempts,
        delay: 40 * SECOND,
        max_delay: 100 * SECOND,
        on: None,
    })
}

fn tried(attempts: u32) -> Job {
    Job {
        retry: retry(attempts),
        ..job("a")
    }
}

/// A world in which the first attempt of a run of this job has just failed.
fn failed(job: Job) -> World {
    let mut world = World::of(config([job]));
    world.request("a");
    world.end(1, Exit::Code(1));
    world
}

fn crowded(jobs: impl IntoIterator<Item = Job>) -> Config {
    let mut config = config(jobs);
    config.daemon.max_running = 1;
    config
}

#[test]
fn a_failed_run_is_tried_again_until_it_succeeds() {
    let mut world = failed(tried(3));
    assert_eq!(world.ends, []);
    assert_eq!(world.started.len(), 1);
    world.pass(29 * SECOND);
    assert_eq!(world.started.len(), 1);
    world.pass(11 * SECOND);
    assert_eq!(world.started.len(), 2);
    world.end(1, Exit::Code(0));
    assert_eq!(world.ends[0].outcome, Outcome::Exited(0));
    assert!(world.ends[0].success);
    assert!(world.engine.run(RunId(1)).is_none());
}

#[test]
fn delays_double_up_to_the_ceiling_less_at_most_a_quarter() {
    let mut world = failed(tried(5));
    for _ in 0..3 {
        world.pass(100 * SECOND);
        world.end(1, Exit::Signal(Signal::KILL));
    }
    let delays: Vec<_> = world.failed.iter().map(|failed| failed.delay).collect();
    for (delay, whole) in delays.iter().zip([40, 80, 100, 100]) {
        let whole = whole * SECOND;
        assert!(*delay <= whole && *delay > whole * 3 / 4, "{delays:?}");
    }
    world.pass(100 * SECOND);
    world.end(1, Exit::Code(7));
    assert_eq!(world.ends[0].outcome, Outcome::Exited(7));
    assert_eq!(world.started.len(), 5);
}

#[test]
fn only_the_exit_codes_that_it_names_are_tried_again() {
    let picky = Job {
        retry: retry(3).map(|retry| Retry {
            on: Some([1].into()),
            ..retry
        }),
        ..tried(3)
    };
    for (exit, is_tried) in [
        (Exit::Code(1), true),
        (Exit::Code(2), false),
        (Exit::Signal(Signal::KILL), false),
    ] {
        let mut world = World::of(config([picky.clone()]));
        world.request("a");
        world.end(1, exit);
        assert_eq!(world.failed.len(), usize::from(is_tried), "{exit:?}");
    }
}

#[test]
fn a_success_is_what_the_job_calls_one() {
    let odd = Job {
        success_exit_codes: [3].into(),
        ..tried(3)
    };
    let mut world = World::of(config([odd]));
    world.request("a");
    world.end(1, Exit::Code(0));
    assert_eq!(world.failed[0].end.outcome, Outcome::Exited(0));
    world.pass(40 * SECOND);
    world.end(1, Exit::Code(3));
    assert!(world.ends[0].success);
}

#[test]
fn what_waits_for_its_next_attempt_holds_its_job_but_no_place() {
    let mut world = World::of(crowded([tried(3), job("b")]));
    world.request("a");
    world.end(1, Exit::Code(1));
    world.request("a");
    world.request("b");
    let started: Vec<_> = world
        .started
        .iter()
        .map(|(_, job, _)| job.as_str())
        .collect();
    assert_eq!(started, ["a", "b"]);
    // Its time comes while the place is taken.
    world.pass(40 * SECOND);
    assert_eq!(world.engine.next_wake().elapsed, None);
    assert_eq!(world.started.len(), 2);
    world.end(2, Exit::Code(0));
    assert_eq!(world.started.len(), 3);
}

#[test]
fn whoever_ends_a_run_does_not_want_another_attempt() {
    let mut world = World::of(config([tried(3)]));
    world.request("a");
    world.kill(1);
    world.end(1, Exit::Signal(Signal::TERM));
    assert_eq!(world.ends[0].stopped_by, Some(StopReason::Request));
    assert_eq!(world.failed, []);

    let mut world = failed(tried(3));
    assert!(world.kill(1));
    assert_eq!(world.ends[0].outcome, Outcome::Exited(1));
    assert_eq!(world.ends[0].stopped_by, Some(StopReason::Request));
    assert_eq!(world.engine.next_wake().elapsed, None);
}

#[test]
fn what_timed_out_or_could_not_start_is_tried_again() {
    let slow = Job {
        timeout: Some(SECOND),
        ..tried(3)
    };
    let mut world = World::of(config([slow]));
    world.request("a");
    world.pass(SECOND);
    world.end(1, Exit::Signal(Signal::TERM));
    assert_eq!(world.failed[0].end.outcome, Outcome::TimedOut);

    let mut world = World::of(config([tried(3)]));
    world.request("a");
    let why = NoStart::Refused("no such file".to_owned());
    let effects = world.engine.could_not_start(RunId(1), why, world.now);
    world.perform(effects);
    assert_eq!(world.failed.len(), 1);
}

#[test]
fn the_next_attempt_is_of_the_definition_in_force() {
    let mut world = failed(tried(3));
    let mended = Job {
        command: vec!["/bin/mended".to_owned()],
        ..tried(3)
    };
    world.adopt(config([mended.clone()]));
    let run = world.engine.run(RunId(1)).expect("it waits");
    assert_eq!((&*run.job, run.generation.0), (&mended, 2));
}

#[test]
fn a_reload_ends_those_that_are_not_wanted_any_more() {
    let once = Job {
        retry: None,
        ..tried(3)
    };
    for after in [config([]), config([once]), config([tried(2)])] {
        let mut world = failed(tried(3));
        world.pass(40 * SECOND);
        world.end(1, Exit::Code(9));
        world.adopt(after);
        assert_eq!(world.ends[0].outcome, Outcome::Exited(9));
        assert_eq!(world.ends[0].stopped_by, Some(StopReason::Configuration));
        assert_eq!(world.engine.runs().count(), 0);
    }
}

#[test]
fn a_stop_leaves_them_to_the_next_hupd() {
    let mut world = failed(tried(3));
    world.stop();
    assert_eq!(world.put_off, [RunId(1)]);
    assert!(world.engine.has_finished());

    let mut world = World::of(config([tried(3)]));
    world.request("a");
    world.stop();
    world.end(1, Exit::Code(1));
    assert_eq!((world.failed.len(), world.put_off.len()), (1, 1));
    assert!(world.engine.has_finished());
}

fn left(next_at: &str, delay: Duration) -> Left {
    let world = failed(tried(3));
    let resting = Resting {
        occurrence: world
            .engine
            .run(RunId(1))
            .expect("it waits")
            .occurrence
            .clone(),
        attempt: 1,
        end: world.failed[0].end.clone(),
        delay,
        next_at: at(next_at),
    };
    Left {
        resting: vec![resting],
        ..Left::default()
    }
}

#[test]
fn after_a_restart_it_waits_for_the_rest_and_never_longer_than_was_drawn() {
    for (next_at, expected) in [
        ("2026-06-01T12:00:25Z", 25),
        ("2026-06-01T11:00:00Z", 0),
        // The clock was ahead.
        ("2026-06-01T18:00:00Z", 30),
    ] {
        let left = left(next_at, 30 * SECOND);
        let world = World::after(config([tried(3)]), Default::default(), left);
        let until = world.now.elapsed + expected * SECOND;
        let state = world.engine.run(RunId(1)).map(|run| run.state);
        assert_eq!(state, Some(State::Resting { until }), "{next_at}");
    }
}

#[test]
fn after_a_restart_it_ends_where_its_job_does_not_want_another_attempt() {
    for after in [config([]), config([tried(1)])] {
        let left = left("2026-06-01T12:00:25Z", 30 * SECOND);
        let world = World::after(after, Default::default(), left);
        assert_eq!(world.ends[0].stopped_by, Some(StopReason::Configuration));
        assert_eq!(world.engine.runs().count(), 0);
    }
}

//! Starts that take too long.

use super::world::*;
use crate::config::{Job, Retry};
use crate::engine::{Effect, State};
use crate::ledger::{ClaimVerdict, Claimed, Started};
use crate::run::{Outcome, RunId, StopReason};

/// A world in which the one run of this job is being started.
fn starting(job: Job) -> World {
    let mut world = World::of(config([job]));
    world.engine.request(&name("a"), world.now);
    claim(&mut world);
    world
}

/// The store grants its claim, and nothing comes of the start.
fn claim(world: &mut World) {
    let (run, claimed) = (RunId(1), Claimed::Yes);
    let effects = world
        .engine
        .claimed(&[ClaimVerdict { run, claimed }], world.now);
    assert!(matches!(effects[..], [Effect::Start(_)]), "{effects:?}");
}

fn limited() -> Job {
    Job {
        timeout: Some(MINUTE),
        ..job("a")
    }
}

fn unanswered() -> Outcome {
    Outcome::CouldNotStart("no answer".to_owned())
}

#[test]
fn a_start_may_take_the_time_limit_and_then_as_long_as_a_kill() {
    let mut world = starting(limited());
    world.pass(69 * SECOND);
    assert!(world.ends.is_empty());
    world.pass(SECOND);
    assert_eq!(world.ends[0].outcome, unanswered());
    assert_eq!(world.ends[0].stopped_by, Some(StopReason::TimeLimit));
    assert_eq!(world.engine.runs().count(), 0);
}

#[test]
fn the_time_limit_counts_from_when_the_process_is_there() {
    let mut world = starting(limited());
    world.pass(65 * SECOND);
    let started = Started {
        run: RunId(1),
        pid: 7,
        at: world.now,
        birth: None,
    };
    let effects = world.engine.started(&started, world.now);
    world.perform(effects);
    world.pass(59 * SECOND);
    assert_eq!(world.signals, []);
    world.pass(SECOND);
    assert_eq!(world.signals.len(), 1);
}

#[test]
fn a_start_without_a_limit_takes_its_time() {
    let mut world = starting(job("a"));
    world.pass(24 * HOUR);
    let state = world.engine.run(RunId(1)).map(|run| run.state);
    assert!(matches!(state, Some(State::Starting { .. })), "{state:?}");
}

#[test]
fn a_start_that_is_killed_is_given_up_after_its_kill_after() {
    let mut world = starting(limited());
    world.kill(1);
    world.pass(9 * SECOND);
    assert!(world.ends.is_empty());
    world.kill(1);
    world.pass(SECOND);
    assert_eq!(world.ends[0].outcome, unanswered());
    assert_eq!(world.ends[0].stopped_by, Some(StopReason::Request));
}

#[test]
fn a_run_that_was_killed_before_its_start_has_no_longer() {
    let mut world = World::of(config([job("a")]));
    world.engine.request(&name("a"), world.now);
    world.kill(1);
    claim(&mut world);
    world.pass(10 * SECOND);
    assert_eq!(world.ends[0].stopped_by, Some(StopReason::Request));
}

#[test]
fn a_stop_does_not_wait_for_a_start_for_ever() {
    let mut world = starting(job("a"));
    world.stop();
    world.pass(30 * SECOND);
    assert!(!world.engine.has_finished());
    world.pass(10 * SECOND);
    assert!(world.engine.has_finished());
    assert_eq!(world.ends[0].stopped_by, Some(StopReason::Shutdown));
}

#[test]
fn whoever_is_told_to_stop_three_times_does_not_wait_for_it_at_all() {
    let mut world = starting(job("a"));
    (0..3).for_each(|_| world.stop());
    assert!(world.engine.has_finished());
    assert_eq!(world.ends[0].outcome, unanswered());
}

#[test]
fn a_start_that_took_too_long_is_tried_again_and_one_that_was_killed_is_not() {
    let retried = Job {
        retry: Some(Retry {
            attempts: 2,
            delay: SECOND,
            max_delay: SECOND,
            on: None,
        }),
        ..limited()
    };
    let mut world = starting(retried.clone());
    world.pass(70 * SECOND);
    assert_eq!(world.failed[0].end.outcome, unanswered());
    let mut world = starting(retried);
    world.kill(1);
    world.pass(10 * SECOND);
    assert!(world.failed.is_empty());
    assert_eq!(world.ends.len(), 1);
}

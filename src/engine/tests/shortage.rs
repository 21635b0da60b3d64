//! Runs for which there is no process, or no descriptor.

use std::time::Duration;

use super::world::*;
use crate::config::Job;
use crate::engine::{Effect, Engine, Lack, State};
use crate::ledger::{ClaimVerdict, Claimed, NoStart, Started};
use crate::run::{Outcome, RunId, StopReason};

/// An engine in which these have been asked for and there is no process for any.
fn short(jobs: &[&str]) -> World {
    let mut world = World::of(config(jobs.iter().map(|name| job(name))));
    for (number, name) in (1..).zip(jobs) {
        world.engine.request(&super::world::name(name), world.now);
        let run = RunId(number);
        let claimed = Claimed::Yes;
        let effects = world
            .engine
            .claimed(&[ClaimVerdict { run, claimed }], world.now);
        assert_eq!(starts(&effects), [number]);
        assert_eq!(fall_short(&mut world, number), []);
    }
    world
}

fn fall_short(world: &mut World, run: u64) -> Vec<Effect> {
    let why = NoStart::Shortage("no processes".to_owned());
    world.engine.could_not_start(RunId(run), why, world.now)
}

fn start(world: &mut World, run: u64) -> Vec<Effect> {
    let started = Started {
        run: RunId(run),
        pid: 7,
        at: world.now,
        birth: None,
    };
    world.engine.started(&started, world.now)
}

fn starts(effects: &[Effect]) -> Vec<u64> {
    let started = effects.iter().filter_map(|effect| match effect {
        Effect::Start(start) => Some(start.run.0),
        _ => None,
    });
    started.collect()
}

fn wait(world: &mut World, millis: u64) -> Vec<u64> {
    let time = Duration::from_millis(millis);
    world.now.wall += time;
    world.now.elapsed += time;
    let effects = world.engine.wake(world.now);
    starts(&effects)
}

fn wake_in(engine: &Engine, world: &World) -> Option<u128> {
    let at = engine.next_wake().elapsed?;
    Some((at - world.now.elapsed).as_millis())
}

#[test]
fn it_is_tried_again_after_a_delay_that_grows() {
    let mut world = short(&["a"]);
    let mut delays = Vec::new();
    for _ in 0..9 {
        let millis = wake_in(&world.engine, &world).expect("it is tried again");
        delays.push(millis);
        assert!(wait(&mut world, millis as u64 - 1).is_empty());
        assert_eq!(wait(&mut world, 1), [1]);
        fall_short(&mut world, 1);
    }
    assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
}

#[test]
fn one_that_starts_lets_the_next_one_try() {
    let mut world = short(&["a", "b", "c"]);
    assert_eq!(wait(&mut world, 100), [1]);
    let effects = start(&mut world, 1);
    assert_eq!(starts(&effects), [2]);
    let effects = start(&mut world, 2);
    assert_eq!(starts(&effects), [3]);
    assert!(world.engine.is_short());
    start(&mut world, 3);
    assert!(!world.engine.is_short());
    assert_eq!(world.engine.next_wake().elapsed, None);
}

#[test]
fn what_ends_makes_room_for_the_one_that_was_tried_least() {
    let mut world = short(&["a", "b", "c"]);
    assert_eq!(wait(&mut world, 100), [1]);
    let effects = start(&mut world, 1);
    assert_eq!(starts(&effects), [2]);
    fall_short(&mut world, 2);
    let ended = crate::ledger::Ended {
        run: RunId(1),
        exit: crate::run::Exit::Code(0),
        was_signalled: false,
        usage: Default::default(),
        survivors: Vec::new(),
        output: Default::default(),
        at: world.now,
    };
    let effects = world.engine.run_ended(ended, world.now);
    assert_eq!(starts(&effects), [3]);
}

#[test]
fn a_run_that_waited_for_a_process_beyond_its_deadline_does_not_start() {
    let young = Job {
        deadline: Some(Duration::from_millis(50)),
        ..every("a", MINUTE)
    };
    let mut world = World::of(config([young]));
    world.now.wall += MINUTE;
    world.now.elapsed += MINUTE;
    world.engine.wake(world.now);
    let (run, claimed) = (RunId(1), Claimed::Yes);
    world
        .engine
        .claimed(&[ClaimVerdict { run, claimed }], world.now);
    fall_short(&mut world, 1);
    world.pass(Duration::from_millis(100));
    let why = "older than its deadline of 50ms; no processes".to_owned();
    assert_eq!(world.ends[0].outcome, Outcome::CouldNotStart(why));
    assert!(!world.engine.is_short());
}

#[test]
fn a_drain_lets_it_try_until_the_grace_is_over() {
    let mut world = short(&["a"]);
    world.stop();
    assert_eq!(wait(&mut world, 100), [1]);
    fall_short(&mut world, 1);
    world.pass(30 * SECOND);
    let end = &world.ends[0];
    assert_eq!(end.outcome, Outcome::CouldNotStart("no processes".into()));
    assert_eq!(end.stopped_by, Some(StopReason::Shutdown));
    assert!(world.engine.has_finished());
}

#[test]
fn whoever_kills_it_ends_the_wait() {
    let mut world = short(&["a", "b"]);
    assert!(world.kill(1));
    assert_eq!(world.ends[0].stopped_by, Some(StopReason::Request));
    let state = world.engine.run(RunId(2)).map(|run| run.state);
    assert!(matches!(state, Some(State::Alive { .. })), "{state:?}");
}

#[test]
fn each_tells_what_it_lacks_itself_and_since_when() {
    let mut world = short(&["a", "b"]);
    let since = world.now.wall;
    assert_eq!(wait(&mut world, 100), [1]);
    let lack_of = |world: &World, run| {
        let run = world.engine.run(RunId(run)).expect("it is not over");
        world.engine.lack_of(run)
    };
    assert_eq!(lack_of(&world, 1), None, "it is being tried");
    let why = NoStart::Shortage("no memory".to_owned());
    world.engine.could_not_start(RunId(1), why, world.now);
    let next = world.now.elapsed + Duration::from_millis(200);
    for (run, reason) in [(1, "no memory"), (2, "no processes")] {
        let reason = reason.to_owned();
        let lack = Lack { reason, since };
        assert_eq!(lack_of(&world, run), Some((lack, next)));
    }
    assert_eq!(wait(&mut world, 200), [2]);
    start(&mut world, 2);
    assert_eq!(lack_of(&world, 2), None);
}

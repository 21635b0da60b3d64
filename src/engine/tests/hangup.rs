//! HUP that went to the whole unit.

use std::time::Duration;

use super::world::*;
use crate::config::{Job, Retry};
use crate::run::{Exit, RunId, Signal};

const HUNG_UP: Exit = Exit::Signal(Signal::HUP);
const FROM: &str = "from pid 1, uid 0 (systemd)";
const NOTE: &str = "hangup sent to the whole unit, from pid 1, uid 0 (systemd)";

/// With a run of a job that can wait.
fn world_of(job: Job) -> World {
    let mut world = World::of(config([job]));
    world.request("a");
    world
}

fn hang_up(world: &mut World) {
    let effects = world.engine.hung_up(FROM, world.now);
    world.perform(effects);
}

fn noted(run: u64) -> [(RunId, String); 1] {
    [(RunId(run), NOTE.to_owned())]
}

#[test]
fn a_run_that_ends_by_hup_within_a_second_after_one_to_hupd_is_told_why() {
    for (later, is_told) in [(0, true), (1_000, true), (1_001, false)] {
        let mut world = world_of(job("a"));
        hang_up(&mut world);
        world.pass(Duration::from_millis(later));
        world.end(1, HUNG_UP);
        assert_eq!(!world.hangups.is_empty(), is_told, "{later} ms");
    }
}

#[test]
fn a_run_that_has_ended_by_hup_within_a_second_before_is_told_why_as_well() {
    for (later, is_told) in [(0, true), (1_000, true), (1_001, false)] {
        let mut world = world_of(job("a"));
        world.end(1, HUNG_UP);
        assert_eq!(world.hangups, []);
        world.pass(Duration::from_millis(later));
        hang_up(&mut world);
        assert_eq!(!world.hangups.is_empty(), is_told, "{later} ms");
    }
}

#[test]
fn it_is_told_once_and_of_each() {
    let mut world = World::of(config([job("a"), job("b")]));
    world.request("a");
    world.request("b");
    world.end(1, HUNG_UP);
    hang_up(&mut world);
    hang_up(&mut world);
    assert_eq!(world.hangups, noted(1));
    world.end(2, HUNG_UP);
    assert_eq!(world.hangups, [noted(1), noted(2)].concat());
}

#[test]
fn what_ends_otherwise_has_its_own_reason() {
    for exit in [Exit::Code(0), Exit::Code(129), Exit::Signal(Signal::TERM)] {
        let mut world = world_of(job("a"));
        hang_up(&mut world);
        world.end(1, exit);
        hang_up(&mut world);
        assert_eq!(world.hangups, [], "{exit:?}");
    }
}

#[test]
fn the_stop_signal_of_hupd_is_no_hangup_by_others() {
    let mut world = world_of(Job {
        stop_signal: Signal::HUP,
        ..job("a")
    });
    world.kill(1);
    hang_up(&mut world);
    world.end(1, HUNG_UP);
    assert_eq!(world.hangups, []);
}

#[test]
fn an_attempt_that_was_hung_up_is_told_of_and_tried_again() {
    let mut world = world_of(Job {
        retry: Some(Retry {
            attempts: 2,
            delay: SECOND,
            max_delay: SECOND,
            on: None,
        }),
        ..job("a")
    });
    world.end(1, HUNG_UP);
    hang_up(&mut world);
    assert_eq!((world.failed.len(), world.ends.len()), (1, 0));
    assert_eq!(world.hangups, noted(1));
}

#[test]
fn a_hangup_while_hupd_drains_is_one_too() {
    let mut world = world_of(job("a"));
    world.stop();
    hang_up(&mut world);
    world.end(1, HUNG_UP);
    assert_eq!(world.hangups, noted(1));
}

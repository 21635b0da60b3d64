//! Time limits and places.

use std::time::Duration;

use super::world::*;
use crate::config::{Config, Job};
use crate::ledger::Fate;
use crate::run::{Exit, Outcome, Signal, StopReason};

fn limited(timeout: Duration) -> Job {
    Job {
        timeout: Some(timeout),
        ..job("slow")
    }
}

fn crowded(max_running: usize, jobs: impl IntoIterator<Item = Job>) -> Config {
    let mut config = config(jobs);
    config.daemon.max_running = max_running;
    config
}

#[test]
fn a_run_past_its_limit_gets_its_stop_signal_then_kill() {
    let mut world = World::of(config([limited(MINUTE)]));
    world.request("slow");
    world.pass(MINUTE - SECOND);
    assert_eq!(world.signals, []);
    world.pass(SECOND);
    assert_eq!(world.signals, [(crate::run::RunId(1), Signal::TERM)]);
    world.pass(10 * SECOND);
    assert_eq!(
        world.signals.last(),
        Some(&(crate::run::RunId(1), Signal::KILL))
    );
    world.end(1, Exit::Signal(Signal::KILL));
    assert_eq!(world.ends[0].outcome, Outcome::TimedOut);
    assert_eq!(world.ends[0].stopped_by, Some(StopReason::TimeLimit));
    assert_eq!(world.ends[0].duration, MINUTE + 10 * SECOND);
}

#[test]
fn kill_is_repeated_until_the_run_is_over() {
    let mut world = World::of(config([limited(MINUTE)]));
    world.request("slow");
    world.pass(MINUTE);
    world.pass(10 * SECOND);
    world.pass(SECOND);
    let kills = world
        .signals
        .iter()
        .filter(|(_, signal)| *signal == Signal::KILL);
    assert_eq!(kills.count(), 2);
}

#[test]
fn a_run_that_had_ended_before_the_signal_is_not_timed_out() {
    let mut world = World::of(config([limited(MINUTE)]));
    world.request("slow");
    world.pass(5 * MINUTE);
    world.signals.clear();
    world.end(1, Exit::Code(0));
    assert_eq!(world.ends[0].outcome, Outcome::Exited(0));
    assert_eq!(world.ends[0].stopped_by, None);
}

#[test]
fn the_loop_is_woken_for_a_limit() {
    let mut world = World::of(config([limited(MINUTE)]));
    world.request("slow");
    assert_eq!(
        world.engine.next_wake().elapsed,
        Some(noon().elapsed + MINUTE)
    );
}

#[test]
fn more_than_max_running_wait_in_order_of_due_time() {
    let jobs = [
        cron("a", "2 12 * * *"),
        cron("b", "1 12 * * *"),
        cron("c", "0 * * * *"),
    ];
    let mut world = World::of(crowded(1, jobs.into_iter().chain([job("first")])));
    world.request("first");
    world.pass(MINUTE);
    world.pass(MINUTE);
    assert_eq!(world.fates_of("a"), [Fate::Waiting]);
    world.end(1, Exit::Code(0));
    let started: Vec<_> = world
        .started
        .iter()
        .map(|(_, job, _)| job.as_str())
        .collect();
    assert_eq!(started, ["first", "b"]);
    world.end(2, Exit::Code(0));
    assert_eq!(world.instants_of("a"), ["2026-06-01T12:02:00Z"]);
}

#[test]
fn a_failed_start_gives_its_place_to_the_next() {
    let mut world = World::of(crowded(1, [job("a"), job("b")]));
    world.request("a");
    world.request("b");
    let effects = world
        .engine
        .could_not_start(crate::run::RunId(1), refused("why"), world.now);
    world.perform(effects);
    assert_eq!(world.ends[0].outcome, Outcome::CouldNotStart("why".into()));
    assert_eq!(world.started.len(), 2);
}

#[test]
fn what_waits_counts_for_overlap() {
    let mut world = World::of(crowded(1, [job("a"), every("poll", MINUTE)]));
    world.request("a");
    world.pass(MINUTE);
    world.pass(MINUTE);
    assert_eq!(world.fates_of("poll"), [Fate::Waiting, Fate::Skipped]);
}

#[test]
fn kill_on_request_is_recorded_as_such() {
    let mut world = World::of(config([job("a")]));
    world.request("a");
    assert!(world.kill(1));
    world.end(1, Exit::Signal(Signal::TERM));
    assert_eq!(world.ends[0].outcome, Outcome::Killed(Signal::TERM));
    assert_eq!(world.ends[0].stopped_by, Some(StopReason::Request));
    assert!(!world.kill(1));
}

#[test]
fn what_waits_keeps_waiting_when_the_clock_is_set_back_before_its_instant() {
    let mut world = World::of(crowded(1, [job("long"), cron("c", "*/5 * * * *")]));
    world.request("long");
    world.pass(5 * MINUTE);
    assert_eq!(world.fates_of("c"), [Fate::Waiting]);
    world.set_clock("2026-06-01T12:04:50Z");
    world.pass(10 * SECOND);
    world.end(1, Exit::Code(0));
    assert_eq!(world.fates_of("c"), [Fate::Waiting]);
    assert_eq!(world.instants_of("c"), ["2026-06-01T12:05:00Z"]);
}

#[test]
fn whoever_was_due_first_gets_the_place_by_whatever_clock() {
    let mut world = World::of(crowded(
        1,
        [cron("a", "* * * * *"), every("b", 50 * SECOND)],
    ));
    world.pass(65 * SECOND);
    assert_eq!(world.instants_of("b"), ["2026-06-01T12:00:50Z"]);
    assert_eq!(world.fates_of("a"), [Fate::Waiting]);
}

#[test]
fn what_waits_is_not_missed_when_it_is_named_again_and_reached_late() {
    let often = Job {
        overlap: ALLOW,
        ..cron("often", "*/5 * * * *")
    };
    let mut world = World::of(crowded(1, [job("long"), often]));
    world.request("long");
    world.pass(5 * MINUTE);
    world.set_clock("2026-06-01T12:04:50Z");
    world.pass(6 * MINUTE);
    assert_eq!(world.fates_of("often"), [Fate::Waiting, Fate::Waiting]);
    world.end(1, Exit::Code(0));
    assert_eq!(world.instants_of("often"), ["2026-06-01T12:05:00Z"]);
}

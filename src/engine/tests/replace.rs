//! `overlap = "replace"`: the newest wins.

use super::world::*;
use crate::config::{Config, Daemon, Jitter, Job, Missed, Overlap};
use crate::ledger::Fate;
use crate::run::{Exit, Outcome, RunId, Signal, StopReason};
use crate::schedule::Seed;

fn replacing(job: Job) -> Job {
    Job {
        overlap: Overlap::Replace,
        missed: Missed::All(3),
        ..job
    }
}

/// The one of 12:30 starts at some time in the ten minutes after that.
fn jittered() -> Job {
    let below = 10 * MINUTE;
    let seed = Seed::of("host", "tick");
    Job {
        jitter: Jitter { below, seed },
        ..replacing(cron("tick", "30 12 * * *"))
    }
}

#[test]
fn what_replaces_stops_the_run_and_starts_when_that_has_ended() {
    let poll = replacing(every("poll", MINUTE));
    let mut world = World::of(config([poll]));
    world.pass(MINUTE);
    world.pass(MINUTE);
    assert_eq!(world.signals, [(RunId(1), Signal::TERM)]);
    assert_eq!(world.started.len(), 1);
    world.pass(10 * SECOND);
    assert_eq!(world.signals.last(), Some(&(RunId(1), Signal::KILL)));
    world.end(1, Exit::Signal(Signal::KILL));
    assert_eq!(world.ends[0].outcome, Outcome::Killed(Signal::KILL));
    let by = StopReason::ReplacedBy(RunId(2));
    assert_eq!(world.ends[0].stopped_by, Some(by));
    assert_eq!(by.to_string(), "replaced by run 2");
    assert_eq!(world.started.last().map(|(run, ..)| *run), Some(RunId(2)));
}

#[test]
fn of_those_that_wait_to_replace_the_newest_wins() {
    let mut world = World::of(config([replacing(job("a"))]));
    for _ in 0..4 {
        world.request("a");
    }
    assert_eq!(world.signals, [(RunId(1), Signal::TERM)]);
    let replaced = [Fate::Replaced, Fate::Waiting];
    assert_eq!(world.fates_of("a")[1..3], replaced);
    world.end(1, Exit::Signal(Signal::TERM));
    let started: Vec<_> = world.started.iter().map(|(run, ..)| run.0).collect();
    assert_eq!(started, [1, 4]);
    assert_eq!(world.engine.waiting(), 0);
}

#[test]
fn a_run_whose_claim_is_being_written_is_replaced_as_well() {
    let mut world = World::of(config([replacing(job("a"))]));
    let (_, first) = world.engine.request(&name("a"), world.now);
    world.request("a");
    assert_eq!(world.started, []);
    world.perform(first);
    assert_eq!(world.signals, [(RunId(1), Signal::TERM)]);
    world.end(1, Exit::Signal(Signal::TERM));
    assert_eq!(world.started.len(), 2);
}

#[test]
fn of_what_is_late_only_the_newest_starts() {
    let mut world = World::of(config([replacing(cron("tick", "*/10 * * * *"))]));
    world.set_clock("2026-06-01T12:25:00Z");
    assert_eq!(world.instants_of("tick"), ["2026-06-01T12:20:00Z"]);
    let fates = [Fate::Waiting, Fate::Replaced, Fate::Waiting];
    assert_eq!(world.fates_of("tick"), fates);
    world.pass(5 * MINUTE);
    assert_eq!(world.signals, [(RunId(2), Signal::TERM)]);
    world.end(2, Exit::Signal(Signal::TERM));
    world.end(3, Exit::Code(0));
    let due = ["2026-06-01T12:20:00Z", "2026-06-01T12:30:00Z"];
    assert_eq!(world.instants_of("tick"), due);
}

#[test]
fn what_is_late_replaces_what_is_older_still() {
    let mut world = World::of(config([replacing(cron("tick", "*/10 * * * *"))]));
    world.pass(10 * MINUTE);
    world.set_clock("2026-06-01T12:35:00Z");
    assert_eq!(world.signals, [(RunId(1), Signal::TERM)]);
    world.end(1, Exit::Signal(Signal::TERM));
    let due = ["2026-06-01T12:10:00Z", "2026-06-01T12:30:00Z"];
    assert_eq!(world.instants_of("tick"), due);
}

#[test]
fn no_run_is_stopped_for_what_is_late_and_older() {
    let mut world = World::of(config([replacing(cron("tick", "*/10 * * * *"))]));
    world.now.wall += 25 * MINUTE;
    world.now.elapsed += 25 * MINUTE;
    world.request("tick");
    world.wake();
    assert_eq!(world.signals, []);
    assert_eq!(world.fates_of("tick"), [Fate::Replaced, Fate::Replaced]);
    assert_eq!(world.engine.waiting(), 0);
}

#[test]
fn what_is_late_and_waits_makes_way_for_what_is_in_time() {
    let one_place = Config {
        daemon: Daemon {
            max_running: 1,
            ..config([]).daemon
        },
        ..config([job("long"), replacing(cron("tick", "*/10 * * * *"))])
    };
    let mut world = World::of(one_place);
    world.request("long");
    world.set_clock("2026-06-01T12:15:00Z");
    let why = "late, and max_running = 1 is reached";
    assert_eq!(world.why_waits("tick"), why);
    world.pass(5 * MINUTE);
    let fates = [Fate::Waiting, Fate::Replaced, Fate::Waiting];
    assert_eq!(world.fates_of("tick"), fates);
    world.end(1, Exit::Code(0));
    assert_eq!(world.instants_of("tick"), ["2026-06-01T12:20:00Z"]);
}

#[test]
fn what_waits_for_its_jitter_makes_way_as_well() {
    let mut world = World::of(config([jittered()]));
    world.pass(30 * MINUTE);
    world.pass(SECOND);
    world.request("tick");
    assert_eq!(world.fates_of("tick"), [Fate::Waiting, Fate::Replaced]);
    world.end(2, Exit::Code(0));
    world.pass(10 * MINUTE);
    assert_eq!(world.started.len(), 1);
}

#[test]
fn what_was_kept_in_a_pause_is_as_old_as_it_was() {
    let mut world = World::of(config([jittered()]));
    world.pass(30 * MINUTE);
    world.pause("tick", None);
    world.pass(SECOND);
    world.request("tick");
    world.resume("tick");
    world.pass(10 * MINUTE);
    assert_eq!(world.signals, []);
    assert_eq!(world.started.len(), 1);
    assert_eq!(world.fates_of("tick").last(), Some(&Fate::Replaced));
}

#[test]
fn a_clock_that_is_set_back_makes_nothing_newer() {
    let mut world = World::of(config([replacing(cron("tick", "*/10 * * * *"))]));
    world.pass(10 * MINUTE);
    world.set_clock("2026-06-01T11:05:00Z");
    world.pass(5 * MINUTE);
    assert_eq!(world.signals, [(RunId(1), Signal::TERM)]);
    world.end(1, Exit::Signal(Signal::TERM));
    let due = ["2026-06-01T12:10:00Z", "2026-06-01T11:10:00Z"];
    assert_eq!(world.instants_of("tick"), due);
}

//! What a reload touches, and what it does not.

use super::world::*;
use crate::config::{Job, Overlap};
use crate::ledger::Fate;
use crate::run::{Exit, Generation, Outcome};

#[test]
fn an_unchanged_job_keeps_its_instant_to_the_nanosecond() {
    let jobs = || [every("poll", MINUTE), cron("tick", "30 12 * * *")];
    let mut world = World::of(config(jobs()));
    let before = world.engine.next_wake();
    world.pass(37 * SECOND);
    world.adopt(config(jobs()));
    assert_eq!(world.engine.next_wake(), before);
    assert_eq!(world.engine.generation(), Generation(2));
}

#[test]
fn a_job_whose_command_changed_keeps_its_phase() {
    let mut world = World::of(config([every("poll", MINUTE)]));
    world.pass(37 * SECOND);
    let command = vec!["/bin/false".to_owned()];
    world.adopt(config([Job {
        command,
        ..every("poll", MINUTE)
    }]));
    world.pass(23 * SECOND);
    assert_eq!(world.instants_of("poll"), ["2026-06-01T12:01:00Z"]);
}

#[test]
fn no_edit_makes_a_past_instant_due() {
    let mut world = World::of(config([cron("backup", "30 13 * * *")]));
    world.pass(10 * MINUTE);
    world.adopt(config([cron("backup", "5 12 * * *")]));
    world.wake();
    assert_eq!(world.started, []);
    assert_eq!(
        world.engine.next_wake().wall,
        Some(at("2026-06-02T12:05:00Z"))
    );
}

#[test]
fn what_was_due_when_the_reload_came_is_not_lost() {
    let mut world = World::of(config([cron("backup", "30 12 * * *")]));
    world.now.wall = at("2026-06-01T12:30:00Z");
    world.adopt(config([cron("backup", "45 12 * * *")]));
    assert_eq!(world.instants_of("backup"), ["2026-06-01T12:30:00Z"]);
}

#[test]
fn a_removed_job_finishes_its_run_and_never_starts_again() {
    let mut world = World::of(config([every("poll", MINUTE)]));
    world.pass(MINUTE);
    world.adopt(config([]));
    world.pass(HOUR);
    assert_eq!(world.started.len(), 1);
    world.end(1, Exit::Code(0));
    assert_eq!(world.ends[0].outcome, Outcome::Exited(0));
    assert_eq!(world.engine.next_wake(), Default::default());
}

#[test]
fn a_job_removed_and_added_again_still_sees_its_run() {
    let mut world = World::of(config([every("poll", MINUTE)]));
    world.pass(MINUTE);
    world.adopt(config([]));
    world.adopt(config([every("poll", MINUTE)]));
    world.pass(MINUTE);
    assert_eq!(world.started.len(), 1);
    assert_eq!(world.fates_of("poll"), [Fate::Skipped]);
}

#[test]
fn a_running_run_keeps_the_limit_that_it_started_with() {
    let limited = |seconds| Job {
        timeout: Some(seconds * SECOND),
        ..job("slow")
    };
    let mut world = World::of(config([limited(60)]));
    world.request("slow");
    world.adopt(config([limited(5)]));
    world.pass(6 * SECOND);
    assert_eq!(world.signals, []);
    world.pass(54 * SECOND);
    assert_eq!(world.signals.len(), 1);
}

#[test]
fn the_queue_of_a_removed_job_is_recorded_as_skipped() {
    let crowded = |jobs: Vec<Job>| {
        let mut config = config(jobs);
        config.daemon.max_running = 1;
        config
    };
    let mut world = World::of(crowded(vec![job("a"), every("poll", MINUTE)]));
    world.request("a");
    world.pass(MINUTE);
    world.adopt(crowded(vec![job("a")]));
    assert_eq!(world.fates_of("poll"), [Fate::Waiting, Fate::Skipped]);
    world.end(1, Exit::Code(0));
    assert_eq!(world.started.len(), 1);
}

#[test]
fn more_places_let_in_what_waits() {
    let mut small = config([job("a"), job("b")]);
    small.daemon.max_running = 1;
    let mut world = World::of(small);
    world.request("a");
    world.request("b");
    world.adopt(config([job("a"), job("b")]));
    assert_eq!(world.started.len(), 2);
}

#[test]
fn an_interval_that_is_edited_counts_from_the_edit() {
    let mut world = World::of(config([every("poll", MINUTE)]));
    world.pass(30 * SECOND);
    world.adopt(config([every("poll", 2 * MINUTE)]));
    world.pass(2 * MINUTE - SECOND);
    assert_eq!(world.started, []);
    world.pass(SECOND);
    assert_eq!(world.started.len(), 1);
}

#[test]
fn a_job_switched_off_and_on_is_due_at_its_next_instant_only() {
    let mut world = World::of(config([cron("tick", "*/10 * * * *")]));
    world.adopt(config([Job {
        enabled: false,
        ..cron("tick", "*/10 * * * *")
    }]));
    world.pass(35 * MINUTE);
    world.adopt(config([cron("tick", "*/10 * * * *")]));
    world.pass(5 * MINUTE);
    assert_eq!(world.instants_of("tick"), ["2026-06-01T12:40:00Z"]);
}

#[test]
fn what_waits_of_a_job_that_must_not_overlap_any_more_does_not_overlap() {
    let crowded = |overlap| {
        let poll = Job {
            overlap,
            ..every("poll", MINUTE)
        };
        let mut config = config([job("a"), poll]);
        config.daemon.max_running = 1;
        config
    };
    let mut world = World::of(crowded(ALLOW));
    world.request("a");
    world.pass(MINUTE);
    world.pass(MINUTE);
    let mut roomy = crowded(Overlap::Skip);
    roomy.daemon.max_running = 8;
    world.adopt(roomy);
    assert_eq!(world.instants_of("poll"), ["2026-06-01T12:01:00Z"]);
    assert_eq!(world.fates_of("poll").last(), Some(&Fate::Skipped));
}

#[test]
fn a_job_that_comes_back_counts_its_interval_from_then() {
    let mut world = World::of(config([every("poll", MINUTE)]));
    world.adopt(config([]));
    assert_eq!(world.engine.sizes().anchors, 0);
    world.pass(30 * SECOND);
    world.adopt(config([every("poll", MINUTE)]));
    world.pass(MINUTE - SECOND);
    assert_eq!(world.started, []);
    world.pass(SECOND);
    assert_eq!(world.started.len(), 1);
}

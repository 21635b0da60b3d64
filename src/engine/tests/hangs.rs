//! Starts that were given up and have not come back: they are in the way of their job, and of nobody else.

use super::world::*;
use crate::config::{Config, Job, Missed, Overlap, Retry};
use crate::engine::{Refused, Request};
use crate::ledger::{Fate, NoStart};
use crate::run::{Exit, GroupName, Outcome, RunId, StopReason};

const HANGS: &str =
    "the start of run 1 hangs since 2026-06-01T12:00:00Z: it was given up, and has not come back";
const AFTER: &str = "; the job starts again when its program, files and folders answer";

fn limited(overlap: Overlap) -> Job {
    Job {
        timeout: Some(MINUTE),
        overlap,
        ..job("a")
    }
}

fn in_group(job: Job) -> Job {
    Job {
        group: Some(GroupName::new("g")),
        ..job
    }
}

/// The first run of job `a` was given up, and its start hangs on.
fn hanging(config: Config) -> World {
    let mut world = World::of(config);
    world.hanging.insert(name("a"));
    assert_eq!(world.request("a"), Request::Accepted(RunId(1)));
    world.pass(70 * SECOND);
    assert_eq!(world.ends[0].stopped_by, Some(StopReason::TimeLimit));
    assert_eq!(world.engine.runs().count(), 0);
    world.hanging.clear();
    world
}

fn skipped(world: &mut World) -> String {
    match world.request("a") {
        Request::Refused(Refused::Skipped(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_next_run_of_its_job_is_skipped_until_it_has_come_back() {
    let mut world = hanging(config([limited(Overlap::Skip)]));
    let why = format!("{HANGS} (overlap = \"skip\"){AFTER}");
    assert_eq!(skipped(&mut world), why);
    assert_eq!(world.fates_of("a"), [Fate::Skipped]);
    assert_eq!(world.engine.hangs().count(), 1);
    world.come_back(1);
    assert_eq!(world.engine.hangs().count(), 0);
    assert_eq!(world.request("a"), Request::Accepted(RunId(2)));
    assert_eq!(world.jobs_started(), ["a"]);
}

#[test]
fn what_may_wait_waits_for_it() {
    for overlap in [Overlap::Queue, Overlap::Replace, ALLOW] {
        let mut world = hanging(config([limited(overlap)]));
        world.request("a");
        assert_eq!(world.why_waits("a"), format!("{HANGS}{AFTER}"), "{overlap}");
        assert!(world.jobs_started().is_empty(), "{overlap}");
        world.come_back(1);
        assert_eq!(world.jobs_started(), ["a"], "{overlap}");
    }
}

#[test]
fn what_is_late_waits_for_it_as_well() {
    let late = Job {
        missed: Missed::Once,
        timeout: Some(MINUTE),
        ..every("a", HOUR)
    };
    let mut world = hanging(config([late]));
    world.pause("a", None);
    world.pass(2 * HOUR);
    world.resume("a");
    assert_eq!(world.why_waits("a"), format!("late, and {HANGS}{AFTER}"));
    world.come_back(1);
    assert_eq!(world.jobs_started(), ["a"]);
}

#[test]
fn others_go_on_beside_it() {
    let mut config = config([limited(Overlap::Skip), job("b")]);
    config.daemon.max_running = 1;
    let mut world = hanging(config);
    world.request("b");
    assert_eq!(world.jobs_started(), ["b"]);
}

#[test]
fn others_of_its_group_go_on_and_what_waits_of_it_comes_after_it_has_come_back() {
    let jobs = || [limited(Overlap::Queue), job("b")].map(in_group);
    let mut world = hanging(config(jobs()));
    world.request("a");
    world.request("b");
    assert_eq!(world.jobs_started(), ["b"]);
    // What waits where is told anew by a reload.
    world.adopt(config(jobs()));
    world.request("b");
    world.end(3, Exit::Code(0));
    world.request("b");
    assert_eq!(world.jobs_started(), ["b", "b"]);
    world.come_back(1);
    assert_eq!(world.jobs_started(), ["b", "b"], "one of the group runs");
    world.end(4, Exit::Code(0));
    assert_eq!(world.jobs_started(), ["b", "b", "a"]);
}

#[test]
fn what_waited_in_its_group_does_not_hold_up_the_others() {
    let jobs = [limited(Overlap::Queue), job("b")].map(in_group);
    let mut world = World::of(config(jobs));
    world.hanging.insert(name("a"));
    for job in ["a", "a", "b"] {
        world.request(job);
    }
    world.pass(70 * SECOND);
    assert_eq!(world.why_waits("a"), format!("{HANGS}{AFTER}"));
    assert_eq!(world.jobs_started(), ["b"]);
}

#[test]
fn a_run_is_not_tried_again_while_a_start_of_its_job_hangs() {
    let retry = Some(Retry {
        attempts: 3,
        delay: SECOND,
        max_delay: SECOND,
        on: None,
    });
    let retried = || Job {
        retry: retry.clone(),
        ..limited(Overlap::Skip)
    };
    for hangs_on in [true, false] {
        let mut world = World::of(config([retried()]));
        world.hanging.insert(name("a"));
        world.request("a");
        world.pass(70 * SECOND);
        assert_eq!(world.failed.len(), 1);
        world.hanging.clear();
        if hangs_on {
            world.pass(SECOND);
            assert_eq!(world.notes, [format!("{HANGS}{AFTER}")]);
            let no_answer = Outcome::CouldNotStart("no answer".to_owned());
            assert_eq!(world.ends[0].outcome, no_answer);
            assert_eq!(world.ends[0].stopped_by, Some(StopReason::TimeLimit));
        } else {
            world.come_back(1);
            world.pass(SECOND);
            assert_eq!(world.jobs_started(), ["a"], "the second attempt");
        }
    }
}

#[test]
fn a_start_that_was_not_begun_is_in_nobodys_way() {
    let mut world = World::of(config([limited(Overlap::Skip)]));
    world.hanging.insert(name("a"));
    world.request("a");
    let why = NoStart::NoTurn("no answer".to_owned());
    let effects = world.engine.could_not_start(RunId(1), why, world.now);
    world.perform(effects);
    assert_eq!(world.request("a"), Request::Accepted(RunId(2)));
}

#[test]
fn a_job_that_comes_back_into_the_file_still_has_it_in_its_way() {
    let mut world = hanging(config([limited(Overlap::Skip)]));
    world.adopt(config([job("b")]));
    world.adopt(config([limited(Overlap::Skip)]));
    assert!(skipped(&mut world).starts_with(HANGS));
    world.adopt(config([job("b")]));
    world.come_back(1);
    world.adopt(config([limited(Overlap::Skip)]));
    assert!(matches!(world.request("a"), Request::Accepted(_)));
}

#[test]
fn hupd_ends_without_it() {
    let mut world = hanging(config([limited(Overlap::Skip)]));
    world.stop();
    assert!(world.engine.has_finished());
}

//! What runs beside what: jobs beside themselves, and groups.

use super::world::*;
use crate::config::{Config, Job, Missed, Overlap};
use crate::engine::{Refused, Request};
use crate::ledger::Fate;
use crate::run::{Exit, GroupName, RunId, Signal};

fn beside(overlap: Overlap, job: Job) -> Job {
    Job { overlap, ..job }
}

fn in_group(group: &str, job: Job) -> Job {
    Job {
        group: Some(GroupName::new(group)),
        ..job
    }
}

fn places(max_running: usize, jobs: impl IntoIterator<Item = Job>) -> Config {
    let mut config = config(jobs);
    config.daemon.max_running = max_running;
    config
}

#[test]
fn what_queues_waits_until_the_earlier_run_is_over() {
    let poll = beside(Overlap::Queue, every("poll", MINUTE));
    let mut world = World::of(config([poll]));
    world.pass(MINUTE);
    world.pass(MINUTE);
    world.pass(MINUTE);
    assert_eq!(world.fates_of("poll"), [Fate::Waiting, Fate::Waiting]);
    assert_eq!(
        world.why_waits("poll"),
        "run 1 is not over (overlap = \"queue\")"
    );
    world.end(1, Exit::Code(0));
    world.end(2, Exit::Code(0));
    let due = [
        "2026-06-01T12:01:00Z",
        "2026-06-01T12:02:00Z",
        "2026-06-01T12:03:00Z",
    ];
    assert_eq!(world.instants_of("poll"), due);
    assert_eq!(world.engine.runs().count(), 1);
}

#[test]
fn a_queue_is_bounded_and_what_is_refused_is_told() {
    let mut world = World::of(config([beside(Overlap::Queue, job("a"))]));
    for _ in 0..101 {
        assert!(matches!(world.request("a"), Request::Accepted(_)));
    }
    let refused = Refused::Skipped("100 occurrences wait already".to_owned());
    assert_eq!(world.request("a"), Request::Refused(refused));
    assert_eq!(world.fates_of("a").last(), Some(&Fate::Skipped));
    assert_eq!(world.engine.waiting(), 100);
}

#[test]
fn a_job_has_no_more_runs_at_once_than_it_may() {
    let mut world = World::of(config([beside(Overlap::Allow { most: 2 }, job("a"))]));
    for _ in 0..3 {
        world.request("a");
    }
    assert_eq!(world.engine.runs().count(), 2);
    assert_eq!(
        world.why_waits("a"),
        "max_running = 2 of the job is reached, by run 1 and others"
    );
    world.end(2, Exit::Code(0));
    assert_eq!(world.started.len(), 3);
}

#[test]
fn runs_of_one_group_are_never_beside_each_other() {
    let jobs = ["a", "b", "c"].map(|name| in_group("db", job(name)));
    let mut world = World::of(config(jobs));
    world.request("a");
    world.pass(SECOND);
    world.request("c");
    world.pass(SECOND);
    world.request("b");
    assert_eq!(
        world.why_waits("b"),
        "run 1 of job 'a' is not over (group = \"db\")"
    );
    world.end(1, Exit::Code(0));
    assert_eq!(world.jobs_started(), ["a", "c"]);
    world.end(2, Exit::Code(0));
    assert_eq!(world.jobs_started(), ["a", "c", "b"]);
}

#[test]
fn in_a_group_a_job_skips_itself_and_waits_for_others() {
    let jobs = [in_group("db", job("a")), in_group("db", job("b"))];
    let mut world = World::of(config(jobs));
    world.request("a");
    assert!(matches!(world.request("a"), Request::Refused(_)));
    world.request("b");
    assert!(matches!(world.request("b"), Request::Refused(_)));
    assert_eq!(world.fates_of("b"), [Fate::Waiting, Fate::Skipped]);
}

#[test]
fn nobody_waits_behind_those_that_wait_for_something_else() {
    let jobs = [
        in_group("db", job("a")),
        in_group("db", job("b")),
        job("long"),
        job("free"),
    ];
    let mut world = World::of(places(2, jobs));
    for job in ["a", "long", "b", "free"] {
        world.request(job);
        world.pass(SECOND);
    }
    world.end(2, Exit::Code(0));
    assert_eq!(world.jobs_started(), ["a", "long", "free"]);
    world.end(1, Exit::Code(0));
    assert_eq!(world.jobs_started(), ["a", "long", "free", "b"]);
}

#[test]
fn a_replacement_does_not_overtake_its_group() {
    let jobs = [
        in_group("db", beside(Overlap::Replace, job("a"))),
        in_group("db", job("b")),
    ];
    let mut world = World::of(config(jobs));
    for job in ["a", "b", "a"] {
        world.request(job);
        world.pass(SECOND);
    }
    world.end(1, Exit::Signal(Signal::TERM));
    world.end(2, Exit::Code(0));
    assert_eq!(world.jobs_started(), ["a", "b", "a"]);
}

#[test]
fn what_is_late_goes_before_its_group_when_it_has_a_turn() {
    let late = Job {
        missed: Missed::Once,
        ..in_group("db", cron("late", "*/10 * * * *"))
    };
    let tick = in_group("db", cron("tick", "15 * * * *"));
    let mut world = World::of(config([late, tick]));
    world.set_clock("2026-06-01T12:15:00Z");
    assert_eq!(world.jobs_started(), ["late"]);
    world.end(1, Exit::Code(0));
    assert_eq!(world.jobs_started(), ["late", "tick"]);
}

#[test]
fn a_run_counts_in_the_group_it_began_in_and_in_that_of_its_job_now() {
    let jobs = |group| {
        let moves = in_group(group, job("moves"));
        [moves, in_group("old", job("o")), in_group("new", job("n"))]
    };
    let mut world = World::of(config(jobs("old")));
    world.request("moves");
    world.adopt(config(jobs("new")));
    world.request("o");
    world.request("n");
    assert_eq!(world.jobs_started(), ["moves"]);
    world.end(1, Exit::Code(0));
    assert_eq!(world.jobs_started(), ["moves", "o", "n"]);
}

#[test]
fn what_waits_is_judged_by_the_file_in_force() {
    let jobs = |overlap| [beside(overlap, job("a"))];
    let mut world = World::of(config(jobs(Overlap::Queue)));
    for _ in 0..4 {
        world.request("a");
    }
    world.adopt(config(jobs(Overlap::Allow { most: 3 })));
    assert_eq!(world.engine.runs().count(), 3);
    world.adopt(config(jobs(Overlap::Queue)));
    assert_eq!(world.engine.waiting(), 1);
    world.end(1, Exit::Code(0));
    world.end(2, Exit::Code(0));
    assert_eq!(world.engine.waiting(), 1);
    world.end(3, Exit::Code(0));
    assert_eq!(world.engine.waiting(), 0);
}

#[test]
fn one_that_is_killed_while_it_waits_for_its_group_is_gone() {
    let jobs = ["a", "b", "c"].map(|name| in_group("db", job(name)));
    let mut world = World::of(config(jobs));
    for job in ["a", "b", "c"] {
        world.request(job);
    }
    assert!(world.kill(2));
    assert_eq!(world.fates_of("b"), [Fate::Waiting, Fate::Skipped]);
    world.end(1, Exit::Code(0));
    assert_eq!(world.jobs_started(), ["a", "c"]);
}

#[test]
fn what_has_waited_too_long_is_not_in_the_way_of_the_next_one() {
    let tick = Job {
        deadline: Some(5 * MINUTE),
        ..in_group("db", cron("tick", "*/10 * * * *"))
    };
    let mut world = World::of(config([in_group("db", job("long")), tick]));
    world.request("long");
    for _ in 0..3 {
        world.pass(10 * MINUTE);
    }
    let fates = [Fate::Waiting, Fate::Skipped, Fate::Waiting];
    assert_eq!(world.fates_of("tick")[..3], fates);
    world.end(1, Exit::Code(0));
    assert_eq!(world.instants_of("tick"), ["2026-06-01T12:30:00Z"]);
}

#[test]
fn what_has_waited_too_long_is_not_in_the_way_of_a_request() {
    let tick = Job {
        deadline: Some(5 * MINUTE),
        ..in_group("db", cron("tick", "*/10 * * * *"))
    };
    let mut world = World::of(config([in_group("db", job("long")), tick]));
    world.request("long");
    world.pass(10 * MINUTE);
    world.now.wall += 6 * MINUTE;
    world.now.elapsed += 6 * MINUTE;
    assert_eq!(world.request("tick"), Request::Accepted(RunId(3)));
    let fates = [Fate::Waiting, Fate::Skipped, Fate::Waiting];
    assert_eq!(world.fates_of("tick"), fates);
}

#[test]
fn what_has_waited_too_long_for_its_group_does_not_start() {
    let tick = Job {
        deadline: Some(5 * MINUTE),
        ..in_group("db", cron("tick", "1 * * * *"))
    };
    let mut world = World::of(config([in_group("db", job("long")), tick]));
    world.request("long");
    world.pass(MINUTE);
    world.pass(6 * MINUTE);
    world.end(1, Exit::Code(0));
    assert_eq!(world.fates_of("tick"), [Fate::Waiting, Fate::Skipped]);
    assert_eq!(world.jobs_started(), ["long"]);
}

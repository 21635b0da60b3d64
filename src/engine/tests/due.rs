//! When jobs are due, and what becomes of instants that are reached late.

use super::world::*;
use crate::engine::{Effect, Refused, Request};
use crate::ledger::{ClaimVerdict, Claimed, Fate};
use crate::run::{Exit, RunId};

#[test]
fn a_job_starts_at_its_instant_and_not_before() {
    let mut world = World::of(config([cron("backup", "30 12 * * *")]));
    world.pass(30 * MINUTE - SECOND);
    assert_eq!(world.instants_of("backup"), [""; 0]);
    world.pass(SECOND);
    assert_eq!(world.instants_of("backup"), ["2026-06-01T12:30:00Z"]);
}

#[test]
fn the_engine_sleeps_until_the_earliest_deadline_and_no_longer() {
    let world = World::of(config([cron("a", "30 12 * * *"), every("b", 5 * MINUTE)]));
    let wake = world.engine.next_wake();
    assert_eq!(wake.wall, Some(at("2026-06-01T12:30:00Z")));
    assert_eq!(wake.elapsed, Some(noon().elapsed + 5 * MINUTE));
}

#[test]
fn nothing_to_do_means_nothing_to_wake_for() {
    let world = World::of(config([job("on-request")]));
    assert_eq!(world.engine.next_wake(), Default::default());
}

#[test]
fn jobs_due_at_one_instant_start_in_the_order_of_their_names() {
    let names = ["c", "a", "b"];
    let mut world = World::of(config(names.map(|name| cron(name, "30 12 * * *"))));
    world.pass(30 * MINUTE);
    let started: Vec<_> = world
        .started
        .iter()
        .map(|(_, job, _)| job.as_str())
        .collect();
    assert_eq!(started, ["a", "b", "c"]);
}

#[test]
fn a_job_still_running_is_not_started_again_and_that_is_recorded() {
    let mut world = World::of(config([every("poll", MINUTE)]));
    world.pass(MINUTE);
    world.pass(MINUTE);
    assert_eq!(world.started.len(), 1);
    assert_eq!(world.fates_of("poll"), [Fate::Skipped]);
}

#[test]
fn overlap_allow_starts_it_again() {
    let job = crate::config::Job {
        overlap: ALLOW,
        ..every("poll", MINUTE)
    };
    let mut world = World::of(config([job]));
    world.pass(MINUTE);
    world.pass(MINUTE);
    assert_eq!(world.started.len(), 2);
}

#[test]
fn an_interval_keeps_its_phase_however_long_runs_take() {
    let mut world = World::of(config([every("poll", MINUTE)]));
    world.pass(MINUTE + 20 * SECOND);
    world.end(1, Exit::Code(0));
    world.pass(40 * SECOND);
    assert_eq!(
        world.instants_of("poll"),
        ["2026-06-01T12:01:00Z", "2026-06-01T12:02:00Z"]
    );
}

#[test]
fn an_interval_ignores_the_wall_clock() {
    let mut world = World::of(config([every("poll", MINUTE)]));
    world.set_clock("2026-06-02T00:00:00Z");
    assert_eq!(world.started, []);
    world.pass(MINUTE);
    assert_eq!(world.started.len(), 1);
}

#[test]
fn stopped_for_a_minute_each_job_catches_up_once_and_the_rest_is_on_record() {
    let mut world = World::of(config([
        every("poll", 10 * SECOND),
        cron("tick", "* * * * *"),
    ]));
    world.pass(3 * MINUTE);
    assert_eq!(world.instants_of("poll"), ["2026-06-01T12:03:00Z"]);
    assert_eq!(world.instants_of("tick"), ["2026-06-01T12:03:00Z"]);
    assert_eq!(world.fates_of("poll"), [Fate::Missed; 17]);
    assert_eq!(world.fates_of("tick"), [Fate::Missed; 2]);
}

#[test]
fn an_instant_reached_more_than_three_hours_late_is_missed() {
    let mut world = World::of(config([cron("backup", "30 12 * * *")]));
    world.set_clock("2026-06-01T22:00:00Z");
    assert_eq!(world.started, []);
    assert_eq!(world.fates_of("backup"), [Fate::Missed]);
    assert_eq!(
        world.engine.next_wake().wall,
        Some(at("2026-06-02T12:30:00Z"))
    );
}

#[test]
fn a_jump_of_ten_years_is_bounded_work_and_no_burst() {
    let mut world = World::of(config([cron("tick", "* * * * *")]));
    world.set_clock("2036-06-01T12:00:00Z");
    assert_eq!(world.instants_of("tick"), ["2036-06-01T12:00:00Z"]);
    assert_eq!(world.fates_of("tick"), [Fate::Missed; 100]);
    assert_eq!(
        world.engine.next_wake().wall,
        Some(at("2036-06-01T12:01:00Z"))
    );
}

#[test]
fn a_step_back_does_not_silence_a_job() {
    let mut world = World::of(config([cron("tick", "0 * * * *")]));
    world.set_clock("2026-06-01T02:30:00Z");
    assert_eq!(
        world.engine.next_wake().wall,
        Some(at("2026-06-01T03:00:00Z"))
    );
}

#[test]
fn an_occurrence_that_the_ledger_has_already_does_not_start() {
    let mut world = World::of(config([cron("tick", "* * * * *")]));
    world.now.wall = at("2026-06-01T12:01:00Z");
    world.engine.wake(world.now);
    let verdict = ClaimVerdict {
        run: RunId(1),
        claimed: Claimed::AlreadyThere,
    };
    assert_eq!(world.engine.claimed(&[verdict], world.now), []);
    assert_eq!(world.engine.runs().count(), 0);
}

#[test]
fn a_disabled_job_is_never_due_but_runs_on_request() {
    let job = crate::config::Job {
        enabled: false,
        ..every("poll", MINUTE)
    };
    let mut world = World::of(config([job]));
    world.pass(HOUR);
    assert_eq!(world.started, []);
    assert_eq!(world.request("poll"), Request::Accepted(RunId(1)));
    assert_eq!(world.started.len(), 1);
}

#[test]
fn two_requests_in_one_microsecond_are_two_occurrences() {
    let job = crate::config::Job {
        overlap: ALLOW,
        ..job("hook")
    };
    let mut world = World::of(config([job]));
    world.request("hook");
    world.request("hook");
    let [first, second] = world.instants_of("hook").try_into().expect("two runs");
    assert_ne!(first, second);
}

#[test]
fn a_request_for_a_job_that_runs_is_refused_with_the_reason() {
    let mut world = World::of(config([job("hook")]));
    world.request("hook");
    let Request::Refused(Refused::Skipped(reason)) = world.request("hook") else {
        panic!("accepted twice");
    };
    assert_eq!(reason, "run 1 is not over (overlap = \"skip\")");
    assert_eq!(world.fates_of("hook"), [Fate::Skipped]);
}

#[test]
fn a_request_for_an_unknown_job_changes_nothing() {
    let mut world = World::of(config([]));
    assert_eq!(world.request("nope"), Request::Refused(Refused::NoSuchJob));
    assert_eq!(world.fates, []);
}

#[test]
fn instants_of_intervals_do_not_tremble_with_the_reading_of_the_clocks() {
    let mut world = World::of(config([every("poll", MINUTE)]));
    world.now.wall += 300 * std::time::Duration::from_micros(1);
    world.pass(MINUTE);
    assert_eq!(world.instants_of("poll"), ["2026-06-01T12:01:00Z"]);
}

#[test]
fn instants_of_intervals_follow_a_clock_that_is_set() {
    let mut world = World::of(config([every("poll", MINUTE)]));
    world.set_clock("2026-07-01T00:00:00Z");
    world.pass(MINUTE);
    assert_eq!(world.instants_of("poll"), ["2026-07-01T00:01:00Z"]);
}

#[test]
fn requests_follow_a_clock_that_is_set_back() {
    let mut world = World::of(config([job("a"), job("b")]));
    world.set_clock("2099-01-01T00:00:00Z");
    world.request("a");
    world.set_clock("2026-06-01T12:00:00Z");
    world.request("b");
    assert_eq!(world.instants_of("b"), ["2026-06-01T12:00:00Z"]);
}

#[test]
fn a_row_stands_for_later_ones_only_where_there_are_some() {
    let rows_for_more = |minutes: u32| {
        let mut world = World::of(config([cron("c", "* * * * *")]));
        world.now.wall += minutes * MINUTE;
        let effects = world.engine.wake(world.now);
        let is_for_more = |effect: &&Effect| match effect {
            Effect::Record(entry) => entry.reason.contains("have no rows of their own"),
            _ => false,
        };
        effects.iter().filter(is_for_more).count()
    };
    assert_eq!(rows_for_more(101), 0);
    assert_eq!(rows_for_more(102), 1);
}

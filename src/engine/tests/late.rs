//! What becomes of instants that are reached late, by the policies of their jobs: `missed`, `deadline`, and
//! `catch_up_limit`.

use super::world::*;
use crate::config::{Job, Missed};
use crate::engine::Effect;
use crate::ledger::{ClaimVerdict, Claimed, Fate};
use crate::run::{Exit, RunId};

fn hourly(missed: Missed) -> Job {
    Job {
        missed,
        ..cron("tick", "0 * * * *")
    }
}

#[test]
fn once_makes_up_for_the_newest_however_late_it_is() {
    let mut world = World::of(config([hourly(Missed::Once)]));
    world.set_clock("2026-06-03T20:59:00Z");
    assert_eq!(world.instants_of("tick"), ["2026-06-03T20:00:00Z"]);
    assert_eq!(world.fates_of("tick").len(), 55 + 1);
    assert_eq!(world.fates_of("tick")[..55], [Fate::Missed; 55]);
}

#[test]
fn all_makes_up_for_as_many_as_it_says_one_after_the_other() {
    let mut world = World::of(config([hourly(Missed::All(3))]));
    world.set_clock("2026-06-02T12:00:00Z");
    assert_eq!(world.instants_of("tick"), ["2026-06-02T10:00:00Z"]);
    world.end(1, Exit::Code(0));
    world.end(2, Exit::Code(0));
    assert_eq!(
        world.instants_of("tick"),
        [
            "2026-06-02T10:00:00Z",
            "2026-06-02T11:00:00Z",
            "2026-06-02T12:00:00Z"
        ]
    );
}

#[test]
fn skip_makes_up_for_nothing_that_is_later_than_three_hours() {
    let mut world = World::of(config([cron("tick", "0 0 * * *")]));
    world.set_clock("2026-06-02T03:00:01Z");
    assert_eq!(world.fates_of("tick"), [Fate::Missed]);
    world.set_clock("2026-06-03T02:59:00Z");
    assert_eq!(world.instants_of("tick"), ["2026-06-03T00:00:00Z"]);
}

#[test]
fn what_is_older_than_its_deadline_is_missed() {
    let job = Job {
        deadline: Some(30 * MINUTE),
        ..hourly(Missed::All(5))
    };
    let mut world = World::of(config([job]));
    world.set_clock("2026-06-01T18:31:00Z");
    assert_eq!(world.started, []);
    assert_eq!(world.fates_of("tick"), [Fate::Missed; 6]);
    world.set_clock("2026-06-01T19:30:00Z");
    assert_eq!(world.instants_of("tick"), ["2026-06-01T19:00:00Z"]);
}

#[test]
fn what_waits_for_a_place_past_its_deadline_is_skipped() {
    let waits = Job {
        deadline: Some(10 * MINUTE),
        ..cron("waits", "1 12 * * *")
    };
    let mut config = config([cron("long", "0-59 12 * * *"), waits]);
    config.daemon.max_running = 1;
    let mut world = World::of(config);
    world.pass(MINUTE);
    assert_eq!(world.fates_of("waits"), [Fate::Waiting]);
    world.pass(11 * MINUTE);
    world.end(1, Exit::Code(0));
    assert_eq!(world.fates_of("waits"), [Fate::Waiting, Fate::Skipped]);
}

#[test]
fn late_jobs_take_turns_in_order_of_due_time() {
    let job = |name: &str, minute: u32| Job {
        missed: Missed::Once,
        ..cron(name, &format!("{minute} 13 * * *"))
    };
    let mut config = config([job("a", 30), job("b", 10), job("c", 20), job("d", 0)]);
    config.daemon.catch_up_limit = 2;
    let mut world = World::of(config);
    world.set_clock("2026-06-01T20:00:00Z");
    let started = |world: &World| -> Vec<_> {
        let started = world.started.iter();
        started.map(|(_, job, _)| job.to_string()).collect()
    };
    assert_eq!(started(&world), ["d", "b"]);
    world.end(1, Exit::Code(0));
    assert_eq!(started(&world).len(), 3);
    assert_eq!(started(&world)[2], "c");
}

#[test]
fn what_is_in_time_does_not_wait_for_what_is_late() {
    let late = Job {
        missed: Missed::Once,
        ..cron("late", "0 13 * * *")
    };
    let mut config = config([late, cron("now", "0 20 * * *")]);
    config.daemon.catch_up_limit = 1;
    let mut world = World::of(config);
    world.set_clock("2026-06-01T20:00:00Z");
    assert_eq!(world.instants_of("now"), ["2026-06-01T20:00:00Z"]);
    assert_eq!(world.instants_of("late"), ["2026-06-01T13:00:00Z"]);
}

#[test]
fn what_is_made_up_for_is_left_to_the_next_hupd_when_this_one_stops() {
    let mut world = World::of(config([hourly(Missed::All(3)), job("other")]));
    world.request("other");
    world.set_clock("2026-06-02T12:00:00Z");
    world.stop();
    let fates = world.fates_of("tick");
    assert_eq!(fates[fates.len() - 2..], [Fate::Waiting; 2]);
    world.set_clock("2026-06-02T13:00:00Z");
    assert_eq!(world.fates_of("tick").last(), Some(&Fate::Waiting));
}

/// Says of the next claim that the ledger has it already, and gives back what comes of that.
fn refuse(world: &mut World) -> Vec<Effect> {
    let effects = world.engine.wake(world.now);
    let is_claim = |effect: &&Effect| matches!(effect, Effect::Claim(_));
    assert_eq!(effects.iter().filter(is_claim).count(), 1, "{effects:?}");
    let verdict = ClaimVerdict {
        run: RunId(1),
        claimed: Claimed::AlreadyThere,
    };
    world.engine.claimed(&[verdict], world.now)
}

#[test]
fn in_a_time_that_comes_again_a_wild_schedule_is_not_silent() {
    let job = Job {
        overlap: ALLOW,
        ..cron("tick", "* * * * *")
    };
    let mut world = World::of(config([job, cron("fixed", "30 13 * * *")]));
    world.set_clock("2026-06-01T11:49:59Z");
    world.now.wall += SECOND;
    let again = refuse(&mut world);
    world.perform(again);
    assert_eq!(world.instants_of("tick"), ["2026-06-01T11:50:00.000001Z"]);
}

#[test]
fn a_great_step_back_is_noticed_though_nobody_tells() {
    let mut world = World::of(config([cron("tick", "0 * * * *")]));
    world.now.wall = at("2026-06-01T02:30:00Z");
    world.wake();
    let wake = world.engine.next_wake().wall;
    assert_eq!(wake, Some(at("2026-06-01T03:00:00Z")));
}

#[test]
fn in_a_time_that_comes_again_a_fixed_schedule_is_not_repeated() {
    let mut world = World::of(config([cron("tick", "50 11 * * *")]));
    world.set_clock("2026-06-01T11:49:59Z");
    world.now.wall += SECOND;
    assert_eq!(refuse(&mut world), []);
    assert_eq!(world.engine.runs().count(), 0);
}

#[test]
fn a_clock_set_back_by_a_little_repeats_nothing() {
    let mut world = World::of(config([cron("tick", "* * * * *")]));
    world.set_clock("2026-06-01T11:59:00Z");
    world.now.wall += MINUTE;
    assert_eq!(refuse(&mut world), []);
}

#[test]
fn what_waits_for_its_turn_is_not_in_the_way_of_its_own_job() {
    let slow = cron("slow", "55 12 * * *");
    let often = Job {
        missed: Missed::Once,
        ..cron("often", "*/10 * * * *")
    };
    let mut config = config([slow, often]);
    config.daemon.catch_up_limit = 1;
    let mut world = World::of(config);
    world.set_clock("2026-06-01T13:05:00Z");
    assert_eq!(world.instants_of("slow").len(), 1);
    assert_eq!(world.instants_of("often"), [""; 0]);
    world.pass(5 * MINUTE);
    assert_eq!(world.instants_of("often"), ["2026-06-01T13:10:00Z"]);
}

#[test]
fn in_a_time_that_comes_again_a_small_step_back_repeats_nothing() {
    let mut world = World::of(config([cron("tick", "* * * * *")]));
    world.set_clock("2026-06-01T11:50:00.2Z");
    world.set_clock("2026-06-01T11:49:59.7Z");
    world.now.wall += SECOND;
    world.now.elapsed += SECOND;
    assert_eq!(refuse(&mut world), []);
}

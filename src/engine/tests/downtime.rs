//! What a hupd owes when it begins: what was due since the last one had decided everything.

use std::collections::BTreeMap;

use super::world::*;
use crate::config::{Job, Missed};
use crate::engine::{Effect, Engine, Left};
use crate::ledger::{Anchor, Fate, Waited};
use crate::run::{Exit, Occurrence, Trigger};

fn hourly(missed: Missed) -> Job {
    Job {
        missed,
        ..cron("tick", "0 * * * *")
    }
}

/// All was decided until then, and the jobs were due as they are now.
fn left(jobs: &[&Job], decided: &str) -> Left {
    let timing = |job: &&Job| Some((job.name.clone(), job.timing.identity()?));
    Left {
        timings: jobs.iter().filter_map(timing).collect(),
        decided: Some(at(decided)),
        ..Left::default()
    }
}

/// A life in which hupd was down from then until noon.
fn down_since(job: Job, decided: &str) -> World {
    let left = left(&[&job], decided);
    let mut world = World::after(config([job]), BTreeMap::new(), left);
    world.wake();
    world
}

#[test]
fn what_came_while_hupd_was_down_is_on_record() {
    let world = down_since(hourly(Missed::Skip), "2026-06-01T08:30:00Z");
    assert_eq!(world.started, []);
    assert_eq!(world.fates_of("tick"), [Fate::Missed; 4]);
}

#[test]
fn once_makes_up_for_the_newest() {
    let world = down_since(hourly(Missed::Once), "2026-06-01T08:30:00Z");
    assert_eq!(world.instants_of("tick"), ["2026-06-01T12:00:00Z"]);
    assert_eq!(world.fates_of("tick")[..3], [Fate::Missed; 3]);
}

#[test]
fn all_makes_up_for_the_newest_ones_in_order() {
    let mut world = down_since(hourly(Missed::All(2)), "2026-06-01T08:30:00Z");
    world.end(1, Exit::Code(0));
    assert_eq!(
        world.instants_of("tick"),
        ["2026-06-01T11:00:00Z", "2026-06-01T12:00:00Z"]
    );
}

#[test]
fn nothing_older_than_the_deadline_is_made_up_for() {
    let job = Job {
        deadline: Some(90 * MINUTE),
        ..hourly(Missed::All(10))
    };
    let mut world = down_since(job, "2026-06-01T08:30:00Z");
    world.end(1, Exit::Code(0));
    assert_eq!(
        world.instants_of("tick"),
        ["2026-06-01T11:00:00Z", "2026-06-01T12:00:00Z"]
    );
}

#[test]
fn a_long_downtime_is_bounded_work() {
    let job = Job {
        missed: Missed::Once,
        ..cron("tick", "* * * * * *")
    };
    let world = down_since(job, "1990-01-01T00:00:00Z");
    assert_eq!(world.fates_of("tick").len(), 101);
    assert_eq!(world.instants_of("tick"), ["2026-06-01T12:00:00Z"]);
}

#[test]
fn a_job_that_was_due_otherwise_has_missed_nothing() {
    let (before, now) = (cron("tick", "30 * * * *"), hourly(Missed::All(10)));
    let left = left(&[&before], "2026-06-01T08:30:00Z");
    let mut world = World::after(config([now]), BTreeMap::new(), left);
    world.wake();
    assert_eq!((world.started.len(), world.fates.len()), (0, 0));
}

#[test]
fn a_new_job_has_missed_nothing() {
    let left = left(&[], "2026-06-01T08:30:00Z");
    let mut world = World::after(config([hourly(Missed::All(10))]), BTreeMap::new(), left);
    world.wake();
    assert_eq!((world.started.len(), world.fates.len()), (0, 0));
}

#[test]
fn an_interval_is_made_up_for_in_its_phase() {
    let job = Job {
        missed: Missed::Once,
        ..every("poll", 20 * MINUTE)
    };
    let anchor = Anchor {
        job: job.name.clone(),
        every: 20 * MINUTE,
        at: at("2026-06-01T03:05:00Z"),
    };
    let left = left(&[&job], "2026-06-01T11:05:00.5Z");
    let anchors = [(job.name.clone(), anchor)].into();
    let mut world = World::after(config([job]), anchors, left);
    world.wake();
    assert_eq!(world.instants_of("poll"), ["2026-06-01T11:45:00Z"]);
    assert_eq!(world.fates_of("poll")[..1], [Fate::Missed]);
    world.end(1, Exit::Code(0));
    world.pass(5 * MINUTE);
    assert_eq!(world.instants_of("poll")[1..], ["2026-06-01T12:05:00Z"]);
}

fn waited(job: &str, starts_at: Option<&str>) -> Waited {
    Waited {
        occurrence: Occurrence {
            job: name(job),
            instant: at("2026-06-01T08:00:00Z"),
            trigger: Trigger::Schedule,
        },
        starts_at: starts_at.map(at),
    }
}

#[test]
fn a_delay_goes_on_after_a_restart() {
    let jobs = [cron("over", "0 8 * * *"), cron("to-come", "0 8 * * *")];
    let left = Left {
        waiting: vec![
            waited("over", Some("2026-06-01T11:59:59Z")),
            waited("to-come", Some("2026-06-01T12:00:10Z")),
        ],
        ..left(&[&jobs[0], &jobs[1]], "2026-06-01T12:00:00Z")
    };
    let mut world = World::after(config(jobs), BTreeMap::new(), left);
    assert_eq!(world.fates_of("over"), [Fate::Missed]);
    world.pass(9 * SECOND);
    assert_eq!(world.started, []);
    world.pass(SECOND);
    assert_eq!(world.instants_of("to-come"), ["2026-06-01T08:00:00Z"]);
}

#[test]
fn what_waited_is_made_up_for_where_the_job_wants_that() {
    let waited = |job: &str| waited(job, None);
    let wanted = hourly(Missed::Once);
    let unwanted = cron("other", "0 * * * *");
    let left = Left {
        waiting: vec![waited("tick"), waited("other"), waited("gone")],
        ..left(&[&wanted, &unwanted], "2026-06-01T12:00:00Z")
    };
    let mut world = World::after(config([wanted, unwanted]), BTreeMap::new(), left);
    world.wake();
    assert_eq!(world.instants_of("tick"), ["2026-06-01T08:00:00Z"]);
    assert_eq!(world.fates_of("other"), [Fate::Missed]);
    assert_eq!(world.fates_of("gone"), [Fate::Missed]);
}

#[test]
fn a_hupd_that_is_told_to_stop_at_once_leaves_all_to_the_next() {
    let job = hourly(Missed::Once);
    let left = left(&[&job], "2026-06-01T08:30:00Z");
    let mut world = World::after(config([job]), BTreeMap::new(), left);
    world.stop();
    assert_eq!(world.started, []);
    assert_eq!(world.fates_of("tick").last(), Some(&Fate::Waiting));
}

/// Only what has changed is written at a start.
#[test]
fn by_what_jobs_are_due_is_recorded_once() {
    let (kept, changed) = (hourly(Missed::Skip), cron("changed", "5 * * * *"));
    let beginning = crate::engine::Beginning {
        config: std::sync::Arc::new(config([kept.clone(), changed.clone()])),
        generation: crate::run::Generation(1),
        next_run: crate::run::RunId(1),
        anchors: BTreeMap::new(),
        left: left(&[&kept, &cron("gone", "1 * * * *")], "2026-06-01T12:00:00Z"),
    };
    let (_, effects) = Engine::new(beginning, noon());
    assert_eq!(
        effects,
        [
            Effect::RecordTiming(changed.name.clone(), changed.timing.identity()),
            Effect::RecordTiming(name("gone"), None),
            Effect::RecordDecided(noon().wall),
        ]
    );
}

#[test]
fn many_jobs_that_have_missed_much_have_few_rows_each() {
    let jobs: Vec<_> = (0..20_000)
        .map(|number| cron(&format!("j{number}"), "* * * * *"))
        .collect();
    let left = left(&jobs.iter().collect::<Vec<_>>(), "2026-05-01T00:00:00Z");
    let world = World::after(config(jobs), BTreeMap::new(), left);
    assert_eq!(world.fates_of("j7"), [Fate::Missed; 5]);
    assert_eq!(world.fates.len(), 100_000);
}

#[test]
fn an_interval_keeps_the_phase_that_a_clock_that_was_set_has_given_it() {
    let mut world = World::of(config([every("poll", HOUR)]));
    world.set_clock("2026-06-01T12:50:00Z");
    world.now.wall += HOUR;
    world.now.elapsed += HOUR;
    let effects = world.engine.wake(world.now);
    let anchor = effects.iter().find_map(|effect| match effect {
        Effect::RecordAnchor(anchor) => Some(anchor.at),
        _ => None,
    });
    assert_eq!(anchor, Some(at("2026-06-01T13:50:00Z")));
}

//! Runs that a hupd which was killed has left open.

use std::collections::BTreeMap;

use super::world::*;
use crate::config::{Config, Daemon, Job, Orphans};
use crate::engine::Left;
use crate::ledger::{Fate, Gone, OpenRun, Remains, RunStart};
use crate::run::{Generation, Occurrence, RunId, Signal, StopReason, Survivor, Trigger};

fn with(orphans: Orphans, job: Job) -> Config {
    let config = config([job]);
    Config {
        daemon: Daemon {
            orphans,
            ..config.daemon
        },
        ..config
    }
}

fn open(job: &str) -> OpenRun {
    let run = RunId(7);
    OpenRun {
        run,
        occurrence: Occurrence {
            job: name(job),
            instant: at("2026-06-01T11:00:00Z"),
            trigger: Trigger::Schedule,
        },
        generation: Generation(1),
        attempt: 1,
        start: Some(RunStart {
            run,
            pid: 77,
            at: at("2026-06-01T11:00:00Z"),
            birth: None,
        }),
    }
}

fn left(pid: i32) -> Survivor {
    Survivor {
        pid,
        command: "sleep".into(),
    }
}

fn after(config: Config, remains: Remains) -> World {
    let left = Left {
        runs: vec![(open("tick"), remains)],
        ..Left::default()
    };
    World::after(config, BTreeMap::new(), left)
}

impl World {
    fn gone(&mut self) {
        let gone = Gone {
            run: RunId(7),
            was_signalled: !self.signals.is_empty(),
            survivors: Vec::new(),
        };
        let effects = self.engine.run_gone(gone, self.now);
        self.perform(effects);
    }
}

fn each_minute() -> Job {
    cron("tick", "* * * * *")
}

#[test]
fn a_run_of_which_nothing_is_left_is_lost() {
    let world = after(with(Orphans::Kill, each_minute()), Remains::Nothing);
    assert_eq!(world.engine.runs().count(), 0);
    assert_eq!(world.losses[0].run, RunId(7));
    assert_eq!(world.losses[0].stopped_by, None);
    assert_eq!(world.signals, []);
}

#[test]
fn a_run_of_which_nothing_can_be_seen_is_lost_and_nobody_says_that_nothing_is_left() {
    for orphans in [Orphans::Kill, Orphans::Leave] {
        let mut world = after(with(orphans, each_minute()), Remains::Unseen);
        let note = &world.losses[0].note;
        assert!(
            note.ends_with("whether anything of it goes on cannot be seen"),
            "{note}"
        );
        assert_eq!(world.signals, []);
        world.pass(MINUTE);
        assert_eq!(world.started.len(), 1);
    }
}

#[test]
fn what_goes_on_is_in_the_way_of_the_next_run_until_it_is_gone() {
    let config = with(Orphans::Leave, each_minute());
    let mut world = after(config, Remains::Process(HOUR));
    world.pass(MINUTE);
    assert_eq!(world.fates_of("tick"), [Fate::Skipped]);
    assert_eq!(world.signals, []);
    world.gone();
    assert_eq!(world.losses.len(), 1);
    world.pass(MINUTE);
    assert_eq!(world.started.len(), 1);
}

#[test]
fn what_shall_not_go_on_is_stopped_and_in_the_way_until_it_is_gone() {
    let config = with(Orphans::Kill, each_minute());
    let mut world = after(config, Remains::Process(HOUR));
    assert_eq!(world.signals, [(RunId(7), Signal::TERM)]);
    world.pass(MINUTE);
    assert_eq!(world.signals[1], (RunId(7), Signal::KILL));
    assert_eq!(world.fates_of("tick"), [Fate::Skipped]);
    world.gone();
    assert_eq!(world.losses[0].stopped_by, Some(StopReason::Orphan));
}

#[test]
fn the_rest_of_a_group_is_stopped_or_named() {
    let rest = Remains::Others(vec![left(78), left(79)]);
    let world = after(with(Orphans::Leave, each_minute()), rest.clone());
    let note = &world.losses[0].note;
    assert!(note.ends_with("there still is: pid 78, 79"), "{note}");
    assert_eq!(world.losses[0].survivors, [left(78), left(79)]);
    assert_eq!(world.engine.runs().count(), 0);
    let world = after(with(Orphans::Kill, each_minute()), rest);
    assert_eq!(world.signals, [(RunId(7), Signal::TERM)]);
}

/// hupd was killed between the start of a process and the record of that.
#[test]
fn what_is_left_of_a_run_whose_start_is_not_on_record_is_stopped_too() {
    let unknown = OpenRun {
        start: None,
        ..open("tick")
    };
    let left = Left {
        runs: vec![(unknown, Remains::Others(vec![left(78)]))],
        ..Left::default()
    };
    let config = with(Orphans::Kill, each_minute());
    let world = World::after(config, BTreeMap::new(), left);
    assert_eq!(world.signals, [(RunId(7), Signal::TERM)]);
}

#[test]
fn what_outlives_kill_is_on_record() {
    let config = with(Orphans::Kill, each_minute());
    let mut world = after(config, Remains::Process(HOUR));
    let gone = Gone {
        run: RunId(7),
        was_signalled: true,
        survivors: vec![left(77)],
    };
    let effects = world.engine.run_gone(gone, world.now);
    world.perform(effects);
    let loss = &world.losses[0];
    assert_eq!(loss.survivors, [left(77)]);
    let named = "was sent KILL (orphans = \"kill\"); of its processes there still is: pid 77";
    assert!(loss.note.ends_with(named), "{}", loss.note);
}

#[test]
fn what_is_left_of_a_run_that_has_ended_by_itself_is_named() {
    let config = with(Orphans::Leave, each_minute());
    let mut world = after(config, Remains::Process(HOUR));
    let gone = Gone {
        run: RunId(7),
        was_signalled: false,
        survivors: vec![left(78)],
    };
    let effects = world.engine.run_gone(gone, world.now);
    world.perform(effects);
    let loss = &world.losses[0];
    assert_eq!((&*loss.survivors, loss.stopped_by), (&[left(78)][..], None));
    let note = "hupd was killed, its process went on and has ended, nobody saw how; of its processes there \
                still is: pid 78";
    assert_eq!(loss.note, note);
}

#[test]
fn a_time_limit_counts_from_the_start_of_what_goes_on() {
    let job = Job {
        timeout: Some(HOUR),
        ..each_minute()
    };
    let mut world = after(with(Orphans::Leave, job), Remains::Process(HOUR - SECOND));
    assert_eq!(world.signals, []);
    world.pass(SECOND);
    assert_eq!(world.signals, [(RunId(7), Signal::TERM)]);
    world.gone();
    assert_eq!(world.losses[0].stopped_by, Some(StopReason::TimeLimit));
}

#[test]
fn what_goes_on_of_a_job_that_is_gone_can_be_stopped() {
    let config = with(Orphans::Leave, cron("other", "0 0 1 1 *"));
    let mut world = after(config, Remains::Process(HOUR));
    assert!(world.kill(7));
    assert_eq!(world.signals, [(RunId(7), Signal::TERM)]);
    world.gone();
    assert_eq!(world.losses[0].stopped_by, Some(StopReason::Request));
}

//! Stopping hupd: drain, stop signals, KILL.

use super::world::*;
use crate::config::Job;
use crate::engine::Phase;
use crate::ledger::Fate;
use crate::run::{Exit, Outcome, RunId, Signal, StopReason};

#[test]
fn an_idle_hupd_has_finished_as_soon_as_it_is_told_to_stop() {
    let mut world = World::of(config([every("poll", MINUTE)]));
    assert!(!world.engine.has_finished());
    world.stop();
    assert!(world.engine.has_finished());
}

#[test]
fn the_work_in_hand_is_finished_not_cut() {
    let mut world = World::of(config([job("backup")]));
    world.request("backup");
    world.stop();
    world.pass(29 * SECOND);
    assert!(!world.engine.has_finished());
    world.end(1, Exit::Code(0));
    assert!(world.engine.has_finished());
    assert_eq!(world.signals, []);
    assert_eq!(world.ends[0].outcome, Outcome::Exited(0));
}

#[test]
fn after_the_grace_come_the_stop_signal_and_then_kill() {
    let mut world = World::of(config([job("stubborn")]));
    world.request("stubborn");
    world.stop();
    world.pass(30 * SECOND);
    assert_eq!(world.signals, [(RunId(1), Signal::TERM)]);
    world.pass(10 * SECOND);
    assert_eq!(world.signals[1], (RunId(1), Signal::KILL));
    world.end(1, Exit::Signal(Signal::KILL));
    assert_eq!(world.ends[0].stopped_by, Some(StopReason::Shutdown));
    assert!(world.engine.has_finished());
}

#[test]
fn a_second_signal_ends_the_grace_and_a_third_kills() {
    let mut world = World::of(config([job("stubborn")]));
    world.request("stubborn");
    world.stop();
    world.stop();
    assert_eq!(world.signals, [(RunId(1), Signal::TERM)]);
    world.stop();
    assert_eq!(world.signals[1], (RunId(1), Signal::KILL));
}

#[test]
fn quit_knows_no_grace() {
    let mut world = World::of(config([Job {
        stop_signal: Signal::INT,
        ..job("a")
    }]));
    world.request("a");
    let effects = world.engine.stop_now(world.now);
    world.perform(effects);
    assert_eq!(world.engine.phase(), Phase::Stopping);
    assert_eq!(world.signals, [(RunId(1), Signal::INT)]);
}

#[test]
fn while_draining_nothing_starts_and_that_is_recorded() {
    let mut world = World::of(config([job("slow"), every("poll", SECOND)]));
    world.request("slow");
    world.stop();
    world.pass(SECOND);
    assert_eq!(world.started.len(), 1);
    assert_eq!(world.fates_of("poll"), [Fate::Skipped]);
}

#[test]
fn what_was_due_before_the_alarm_is_heard_is_on_record() {
    let mut world = World::of(config([every("poll", SECOND)]));
    world.now.wall += 3 * SECOND;
    world.now.elapsed += 3 * SECOND;
    world.stop();
    assert!(world.engine.has_finished());
    let fates = [Fate::Missed, Fate::Missed, Fate::Skipped];
    assert_eq!(world.fates_of("poll"), fates);
}

#[test]
fn what_waited_for_a_place_is_recorded_as_skipped() {
    let mut config = config([job("a"), job("b")]);
    config.daemon.max_running = 1;
    let mut world = World::of(config);
    world.request("a");
    world.request("b");
    world.stop();
    assert_eq!(world.fates_of("b"), [Fate::Waiting, Fate::Skipped]);
    world.end(1, Exit::Code(0));
    assert!(world.engine.has_finished());
}

#[test]
fn a_process_that_appears_after_the_stop_signals_gets_its_own() {
    let mut world = World::of(config([job("late")]));
    let (_, effects) = world.engine.request(&name("late"), world.now);
    world.stop();
    world.stop();
    world.perform(effects);
    assert_eq!(world.signals, [(RunId(1), Signal::TERM)]);
}

#[test]
fn a_process_that_appears_after_the_third_signal_is_killed() {
    let mut world = World::of(config([job("late")]));
    let (_, effects) = world.engine.request(&name("late"), world.now);
    world.stop();
    world.stop();
    world.stop();
    world.perform(effects);
    assert_eq!(world.signals, [(RunId(1), Signal::KILL)]);
}

#[test]
fn a_late_process_has_its_whole_kill_after_to_obey() {
    let mut world = World::of(config([job("late")]));
    let (_, effects) = world.engine.request(&name("late"), world.now);
    world.kill(1);
    world.pass(9 * SECOND);
    world.perform(effects);
    assert_eq!(world.signals, [(RunId(1), Signal::TERM)]);
    world.pass(9 * SECOND);
    assert_eq!(world.signals.len(), 1);
    world.pass(SECOND);
    assert_eq!(world.signals.last(), Some(&(RunId(1), Signal::KILL)));
}

//! The loop: one owner of all state, told everything as an event, that performs what the engine
//! decides.

mod answers;
mod askers;
mod attempts;
mod check;
mod confirm;
mod degraded;
mod details;
mod effects;
mod end;
mod followers;
mod generations;
mod history;
mod in_force;
mod instead;
mod launch;
mod loader;
mod locks;
mod missing;
mod origin;
mod parts;
mod pauses;
mod reload;
mod rollback;
mod rows;
mod slow;
mod spent;
mod start;
mod steering;
mod verdict;
mod waiters;
mod watching;
mod world;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

pub use crate::config::DEFAULT_FILE;
pub use check::check;
pub use end::End;
pub use launch::{Mode, Options, install_signals, serve};
pub use origin::{Found, Invalid, Origin};
pub use world::{Load, Notice, World};

use crate::clock::{Moment, Wake};
use crate::engine::Engine;
use crate::event::Event;
use crate::protocol::{NoStarters, Unrecorded};
use followers::Followers;
use reload::Reloads;
use waiters::Waiters;

/// The one owner: of all state, and of the world that it acts upon.
#[derive(Debug)]
pub struct Daemon<W> {
    engine: Engine,
    reloads: Reloads,
    waiters: Waiters,
    followers: Followers,
    /// Why the history is not being recorded, while it is not.
    store_failure: Option<String>,
    unrecorded: Option<Unrecorded>,
    /// What became of a history that could not be read, in this life of hupd.
    history_moved: Option<String>,
    /// When systemd wants the next sign of life, on the elapsed clock.
    sign_of_life: Option<Duration>,
    no_starters: Option<NoStarters>,
    began: Began,
    world: W,
}

/// What is fixed for the life of the daemon.
#[derive(Debug)]
struct Began {
    at: Timestamp,
    file: PathBuf,
}

impl<W: World> Daemon<W> {
    fn run(&mut self) {
        while !self.engine.has_finished() {
            self.turn();
        }
    }

    /// One turn of the loop: waits for an event, and does what it asks for.
    pub fn turn(&mut self) {
        let event = self.world.next(self.next_wake());
        let now = self.world.now();
        self.give_sign_of_life(now);
        self.handle(event, now);
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub fn world(&self) -> &W {
        &self.world
    }

    pub fn world_mut(&mut self) -> &mut W {
        &mut self.world
    }

    /// The end of the daemon, but not of its world.
    pub fn into_world(self) -> W {
        self.world
    }

    fn handle(&mut self, event: Event, now: Moment) {
        match event {
            Event::Due => self.due(now),
            Event::ClockSet => self.clock_set(now),
            Event::Signal(signal) => self.signalled(signal, now),
            Event::FilesChanged => self.files_changed(now),
            Event::Watching(watching) => self.watching(watching),
            Event::Reading(file) => self.reading(file),
            Event::Loaded(loaded) => self.loaded(*loaded, now),
            Event::Fetched(answer) => self.fetched(*answer, now),
            Event::Recorded(on_record) => self.promised(on_record, now),
            Event::Claimed(verdicts) => self.claimed(&verdicts, now),
            Event::StoreFailed(reason) => self.store_failed(reason, now),
            Event::StoreOwes { waiting, lost } => self.store_owes(waiting, lost),
            Event::StoreReplaced(moved) => self.store_replaced(moved, now),
            Event::StoreRecovered { lost } => self.store_recovered(lost),
            Event::Started(started) => self.started(&started, now),
            Event::CouldNotStart { run, why } => self.could_not_start(run, why, now),
            Event::CameBack { run } => self.start_came_back(run, now),
            Event::HeldUp(held_up) => self.held_up(held_up, now),
            Event::Ended(ended) => self.ended(*ended, now),
            Event::Gone(gone) => self.gone(gone, now),
            Event::Asked(asked) => self.asked(asked, now),
            Event::Follow(follow) => self.follow(follow, now),
        }
    }

    fn due(&mut self, now: Moment) {
        self.waiters.answer_in_time(now);
        self.tell_slow_reload(now);
        let effects = self.engine.wake(now);
        self.perform(effects);
        self.go_back_if_due(now);
    }

    fn clock_set(&mut self, now: Moment) {
        log::info!(
            "the clock was set, it is {} now; due times follow",
            now.wall
        );
        let effects = self.engine.clock_set(now);
        self.perform(effects);
    }

    /// Until when nothing needs to be done, unless something happens.
    pub fn next_wake(&self) -> Wake {
        let wake = self.engine.next_wake();
        let elapsed = [
            wake.elapsed,
            self.sign_of_life,
            self.end_of_trial(),
            self.waiters.deadline(),
            self.slow_reload_at(),
        ];
        Wake {
            wall: wake.wall,
            elapsed: elapsed.into_iter().flatten().min(),
        }
    }

    /// The watchdog hears from the loop itself: a loop that is stuck falls silent.
    fn give_sign_of_life(&mut self, now: Moment) {
        if self.sign_of_life.is_some_and(|at| at <= now.elapsed) {
            self.world.notify(Notice::Alive);
            let interval = self.world.watchdog_interval();
            self.sign_of_life = interval.map(|interval| now.elapsed + interval);
        }
    }
}

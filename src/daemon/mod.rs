//! The loop: one owner of all state, told everything as an event, that performs what the engine
//! decides.

mod answers;
mod askers;
mod check;
mod effects;
mod launch;
mod loader;
mod locks;
mod reload;
mod rows;
mod start;
mod steering;
mod verdict;
mod waiters;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

pub use crate::config::DEFAULT_FILE;
pub use check::check;
pub use launch::{Mode, Options, install_signals, serve};

use crate::clock::{Moment, Wake};
use crate::control::Server;
use crate::engine::Engine;
use crate::event::{Event, Inbox};
use crate::logging::Logging;
use crate::store::Store;
use crate::system::alarm::Alarm;
use crate::system::children::Children;
use crate::system::spawn::Spawners;
use crate::system::systemd::Notifier;
use crate::system::watch::ConfigWatch;
use loader::Loader;
use locks::Locks;
use reload::Reloads;
use waiters::Waiters;

/// The one owner.
#[derive(Debug)]
struct Daemon {
    inbox: Inbox,
    engine: Engine,
    reloads: Reloads,
    waiters: Waiters,
    /// Why the history is not being recorded, while it is not.
    store_failure: Option<String>,
    /// When systemd wants the next sign of life, on the elapsed clock.
    sign_of_life: Option<Duration>,
    began: Began,
    parts: Parts,
}

/// What is fixed for the life of the daemon.
#[derive(Debug)]
struct Began {
    at: Timestamp,
    file: PathBuf,
    log_level: Option<String>,
}

/// What performs effects and watches the world.
#[derive(Debug)]
struct Parts {
    logging: Logging,
    notifier: Notifier,
    store: Store,
    children: Children,
    spawners: Spawners,
    alarm: Alarm,
    loader: Loader,
    watch: Option<ConfigWatch>,
    server: Server,
    locks: Locks,
}

impl Daemon {
    fn run(&mut self) {
        while !self.engine.has_finished() {
            self.parts.alarm.set(self.next_wake());
            let event = self.inbox.next();
            let now = Moment::now();
            self.give_sign_of_life(now);
            self.handle(event, now);
        }
    }

    fn handle(&mut self, event: Event, now: Moment) {
        match event {
            Event::Due => self.due(now),
            Event::ClockSet => self.clock_set(now),
            Event::Signal(signal) => self.signalled(signal, now),
            Event::FilesChanged => self.files_changed(now),
            Event::Loaded(outcome) => self.loaded(*outcome, now),
            Event::Claimed(verdicts) => self.claimed(&verdicts),
            Event::StoreFailed(reason) => self.store_failed(reason),
            Event::StoreRecovered { lost } => self.store_recovered(lost),
            Event::Started(started) => self.started(&started),
            Event::CouldNotStart { run, reason } => self.could_not_start(run, reason, now),
            Event::Ended(ended) => self.ended(*ended),
            Event::Asked(asked) => self.asked(asked, now),
        }
    }

    fn due(&mut self, now: Moment) {
        let effects = self.engine.wake(now);
        self.perform(effects);
    }

    fn clock_set(&mut self, now: Moment) {
        log::info!(
            "the clock was set, it is {} now; due times follow",
            now.wall
        );
        let effects = self.engine.clock_set(now);
        self.perform(effects);
    }

    fn next_wake(&self) -> Wake {
        let wake = self.engine.next_wake();
        let elapsed = [wake.elapsed, self.sign_of_life];
        Wake {
            wall: wake.wall,
            elapsed: elapsed.into_iter().flatten().min(),
        }
    }

    /// The watchdog hears from the loop itself: a loop that is stuck falls silent.
    fn give_sign_of_life(&mut self, now: Moment) {
        if self.sign_of_life.is_some_and(|at| at <= now.elapsed) {
            self.parts.notifier.watchdog();
            let interval = self.parts.notifier.watchdog_interval();
            self.sign_of_life = interval.map(|interval| now.elapsed + interval);
        }
    }
}

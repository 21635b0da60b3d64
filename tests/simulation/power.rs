//! How hupd comes and goes on the invented machine.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use hupd::event::{Inbox, Meaning};
use hupd::ledger::{OpenRun, Remains};
use hupd::store::Recovered;

use super::acts::Told;
use super::clock::Time;
use super::jobs::FileSpec;
use super::machine::{Happening, Latency, Machine};
use super::plan::Temper;
use super::process::Watcher;

impl Machine {
    /// A hupd begins to live here.
    pub fn boot(&mut self) -> (Arc<FileSpec>, Recovered) {
        // Whoever starts hupd sees to it that the file is right.
        self.disposition.is_broken = false;
        self.disposition.is_forbidden = false;
        Arc::make_mut(&mut self.disposition.file).state_dir = "/state";
        self.inbox = Inbox::new();
        self.alarm = None;
        self.is_up = true;
        self.is_watching = self.disposition.file.watch;
        self.told = Told::Begin;
        self.early.clear();
        self.signal_early();
        let file = Arc::clone(&self.disposition.file);
        let history = file.config(&self.zones).history;
        let now = self.clock.moment().wall;
        let recovered = self.disk.open(history, now, self.inbox.outbox());
        self.ledger.keep(file.keep_runs);
        (file, recovered)
    }

    /// Signals that come at birth.
    fn signal_early(&mut self) {
        let mut dice = self.dice(Latency::Sight);
        if self.plan.temper == Temper::Wild && dice.percent(10) {
            for _ in 0..dice.between(1, 3) {
                match dice.below(4) {
                    0 => self.signal_hupd(Meaning::Stop, Told::Stop),
                    _ => self.signal_hupd(Meaning::Reload, Told::Hangup),
                }
            }
        }
    }

    /// hupd has ended in order: what it has queued is written. The most runs of one job on record.
    pub fn shut_down(&mut self) -> Option<u64> {
        while self.disk.queued() > 0 {
            self.commit(usize::MAX);
        }
        if !self.disk.fails_at(self.clock.now()) {
            self.disk.look(self.clock.now(), self.clock.moment().wall);
            self.ledger.settle();
        }
        let now = self.clock.moment().wall;
        self.ledger.commit_at(now);
        let most = self.disk.tidy(now);
        // Nobody knew of them: the hupd that had started them was killed before their start was on record.
        self.processes.clear();
        self.go_down();
        most
    }

    /// hupd was killed: each of its threads got to some point of what it had to do.
    pub fn crash(&mut self) {
        let mut dice = self.dice(Latency::Crash);
        let written = dice.index(self.disk.queued() + 1);
        self.commit(written);
        let orders: Vec<_> = self.orders.keys().copied().collect();
        for run in &orders[..dice.index(orders.len() + 1)] {
            self.give_birth(*run);
        }
        // A service manager ends what is left in the group of a hupd; without one it goes on.
        if dice.percent(50) {
            self.processes.clear();
        }
        self.go_down();
    }

    pub(super) fn go_down(&mut self) {
        self.disk.crash(self.clock.moment().wall);
        self.ledger.crash();
        self.is_up = false;
        self.events.clear();
        self.orders.clear();
        for process in self.processes.values_mut() {
            process.watched = Watcher::Nobody;
        }
        self.unanswered.clear();
        self.read = None;
        self.refuses = false;
        self.frozen_until = Time::ZERO;
        let processes = &self.processes;
        let is_own = |happening: &Happening| match happening {
            Happening::Step(_) | Happening::End => false,
            Happening::ProcessEnds(run) => !processes.contains_key(run),
            _ => true,
        };
        self.happenings
            .retain(|Reverse((_, _, happening))| !is_own(happening));
    }

    /// What there is of a run whose hupd was killed: only what is on record can be known again.
    pub fn remains_of(&self, open: &OpenRun) -> Remains {
        match (self.processes.get(&open.run), &open.start) {
            (Some(process), Some(_)) => Remains::Process(self.clock.now() - process.born),
            _ => Remains::Nothing,
        }
    }

    /// Time passes while nobody serves.
    pub fn be_down(&mut self, down: Duration) {
        let until = self.clock.now() + down;
        while let Some(Reverse((time, _, _))) = self.happenings.peek()
            && *time <= until
        {
            self.take_happening();
        }
        let now = self.clock.now();
        self.clock.pass_to(until.max(now));
    }
}

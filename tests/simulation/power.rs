//! How hupd comes and goes on the invented machine.

use std::cmp::Reverse;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hupd::daemon::{Found, Invalid, Origin};
use hupd::event::{Inbox, Meaning};
use hupd::ledger::{OpenRun, Remains};
use hupd::store::{ForStart, Recovered};

use super::acts::Told;
use super::clock::Time;
use super::happenings::{FILE, problems};
use super::jobs::FileSpec;
use super::machine::{Happening, Latency, Machine};
use super::plan::Temper;
use super::process::{Process, Watcher};

/// By what a hupd starts.
#[derive(Clone, Debug)]
pub struct StartBy {
    /// None where nothing can be started.
    pub file: Option<Arc<FileSpec>>,
    /// It is not what is on the disk.
    pub is_instead: bool,
    /// It was in force before something that nobody has confirmed.
    pub was_unconfirmed: bool,
    /// None where that is broken.
    pub on_disk: Option<Arc<FileSpec>>,
}

impl Machine {
    /// A hupd begins to live here, by the file or by what takes its place.
    pub fn boot(&mut self) -> (Origin, Recovered) {
        Arc::make_mut(&mut self.disposition.file).state_dir = "/state";
        self.disposition.is_forbidden = false;
        let origin = match self.origin() {
            Ok(origin) => origin,
            // Whoever starts hupd sees to it that the file is right.
            Err(_) => {
                self.disposition.is_broken = false;
                self.origin().expect("the file is right")
            }
        };
        self.inbox = Inbox::new();
        self.alarm = None;
        self.is_up = true;
        self.is_watching = origin.config.daemon.watch_config;
        self.told = Told::Begin;
        self.early.clear();
        self.signal_early();
        let history = origin.config.history.clone();
        self.ledger.keep(history.keep_runs);
        let now = self.clock.moment().wall;
        let recovered = self.disk.open(history, now, self.inbox.outbox());
        self.ledger.learn(&recovered.waiting);
        (origin, recovered)
    }

    fn origin(&mut self) -> Result<Origin, Invalid> {
        let file = &self.disposition.file;
        self.texts.insert(file.text(), Arc::clone(file));
        let found = Found {
            file: PathBuf::from(FILE),
            outcome: match self.disposition.is_broken {
                true => Err(problems()),
                false => Ok(self.accepted(file)),
            },
            on_invalid_start: None,
        };
        let kept = ForStart::of(self.disk.database()).expect("what is on the disk can be read");
        Origin::among(found, (kept, None), |files| {
            Ok(self.accepted(&self.texts[&*files[0].text]))
        })
    }

    /// By what hupd must start, as far as the other book-keeper knows.
    pub fn start(&self) -> StartBy {
        let named = |text: &Arc<str>| Arc::clone(&self.texts[&**text]);
        let is_broken = self.disposition.is_broken;
        let confirmed = self.ledger.confirmed.as_ref().map(named);
        let last = self.ledger.accepted.last().map(|(_, text)| named(text));
        let last = last.filter(|last| is_broken && last.last_good);
        let on_disk = (!is_broken).then(|| Arc::clone(&self.disposition.file));
        StartBy {
            was_unconfirmed: confirmed.is_some(),
            is_instead: confirmed.is_some() || last.is_some(),
            file: confirmed.or(last).or(on_disk.clone()),
            on_disk,
        }
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

    /// What was put off only because hupd was frozen happens now: nobody is frozen any more.
    fn thaw(&mut self) {
        let now = self.clock.now();
        let frozen_until = std::mem::replace(&mut self.frozen_until, Time::ZERO);
        let put_off = |process: &Process| process.ends <= now && now < frozen_until;
        let dead = self.processes.iter();
        let dead: Vec<_> = dead
            .filter(|(_, process)| put_off(process))
            .map(|(run, _)| *run)
            .collect();
        for run in dead {
            self.at(now, Happening::ProcessEnds(run));
        }
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
        // Those that came since the last turn of the loop as well.
        self.answers.1.try_iter().for_each(drop);
        self.unanswered.clear();
        self.read = None;
        self.questions.clear();
        self.receipts.clear();
        self.refuses = false;
        self.thaw();
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

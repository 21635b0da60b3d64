//! Runs of an earlier hupd that go on: watched by the end of their process, and once they were told to stop, by
//! looking who is left, for the kernel tells nobody when a group becomes empty.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::Source;
use super::lingering::{KILL_PATIENCE, LOOK_EVERY, next_look};
use super::marks::Mark;
use super::poll::Token;
use super::processes;
use super::relic::{Relic, Search};
use super::sight::Sight;
use crate::clock::Moment;
use crate::config::Orphans;
use crate::event::Event;
use crate::ledger::{Gone, OpenRun, Remains};
use crate::run::{RunId, Signal};

/// The time between two looks at what goes on without having been told to stop.
const LOOK_AT_UNWATCHED_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Relics {
    by_run: HashMap<RunId, Relic>,
    /// Those of them at which one has to look, and when, on the elapsed clock.
    looked_at: Vec<RunId>,
    not_before: Duration,
    /// Those that have ended by themselves: who is left of them is to be looked up, also for all of them at once.
    ended: Vec<RunId>,
    /// Signals that are to be sent: one look at all processes is for all of them.
    signals: Vec<(RunId, Signal)>,
}

impl Relics {
    pub(super) fn has(&self, run: RunId) -> bool {
        self.by_run.contains_key(&run)
    }

    pub(super) fn next_look(&self) -> Option<Duration> {
        (!self.looked_at.is_empty()).then_some(self.not_before)
    }

    pub(super) fn will_be_told(&mut self, run: RunId, signal: Signal) {
        if self.has(run) {
            self.signals.push((run, signal));
        }
    }

    fn was_signalled(&self, run: RunId) -> bool {
        self.by_run.get(&run).is_some_and(Relic::was_signalled)
    }

    fn look_every(&self) -> Duration {
        match self.looked_at.iter().any(|&run| self.was_signalled(run)) {
            true => LOOK_EVERY,
            false => LOOK_AT_UNWATCHED_EVERY,
        }
    }
}

/// Looks for what there is of all these runs, with one look at all processes.
pub(super) fn find(
    open: Vec<OpenRun>,
    (orphans, history): (Orphans, &Path),
) -> (Vec<(OpenRun, Remains)>, Vec<Relic>) {
    if open.is_empty() {
        return Default::default();
    }
    let mark = |open: &OpenRun| Mark::new(open.run, &open.occurrence, history);
    let marks: Vec<_> = open.iter().map(mark).collect();
    let sight = Sight::of(&marks);
    let search = Search {
        boot: processes::boot(),
        sight: sight.as_ref().ok(),
        is_whole: sight.is_ok() && processes::shows_others(),
        orphans,
    };
    if !search.is_whole {
        say_unseen(sight.as_ref().err());
    }
    let mut relics = Vec::new();
    let look = |(mut open, mark): (OpenRun, Mark)| {
        let (remains, relic) = search.find(&open, mark);
        // Its start may not be on record: hupd was killed in that moment.
        if let (None, Remains::Process(age), Some(relic)) = (&open.start, &remains, &relic) {
            open.start = relic.as_started(*age);
        }
        relics.extend(relic);
        (open, remains)
    };
    let found = open.into_iter().zip(marks).map(look).collect();
    say_unwatched(&relics);
    (found, relics)
}

fn say_unseen(why: Option<&io::Error>) {
    let why = match why {
        Some(error) => format!("no process can be looked at: {error}"),
        None => "/proc does not show the processes of others".to_owned(),
    };
    log::warn!(
        "{why}; runs that were open are taken for living while there is a process of the number that is on record, the \
         others are recorded as lost: whether anything of them goes on cannot be seen"
    );
}

fn say_unwatched(relics: &[Relic]) {
    let unwatched = relics.iter().filter(|relic| relic.is_unwatched()).count();
    if unwatched > 0 {
        log::warn!(
            "runs of an earlier hupd that go on and cannot be watched for want of open files, or because /proc does not \
             show them: {unwatched}; they are looked at instead"
        );
    }
}

impl Source {
    pub(super) fn take_over(&mut self, relic: Relic) {
        let run = relic.run();
        let watched = relic
            .leader()
            .map(|leader| self.poll.watch(leader, Token::Process(run)));
        if !matches!(watched, Some(Ok(()))) {
            self.relics.looked_at.push(run);
        }
        self.relics.by_run.insert(run, relic);
    }

    /// Sends what was ordered meanwhile.
    pub(super) fn signal_relics(&mut self) {
        if self.relics.signals.is_empty() {
            return;
        }
        let signals = std::mem::take(&mut self.relics.signals);
        let told = signals
            .iter()
            .filter_map(|(run, _)| self.relics.by_run.get(run));
        let sight = Sight::of(told.map(Relic::mark)).ok();
        for (run, signal) in signals {
            let Some(relic) = self.relics.by_run.get_mut(&run) else {
                continue;
            };
            if let Err(error) = relic.signal(signal, sight.as_ref()) {
                log::warn!("cannot send {signal} to what is left of run {run}: {error}");
            }
        }
        self.relics.not_before = self
            .relics
            .not_before
            .min(Moment::now().elapsed + LOOK_EVERY);
    }

    /// The first process of a run has ended. What was told to stop gets its time to do so as a whole.
    pub(super) fn relic_ended(&mut self, run: RunId) {
        let relic = self.relics.by_run.get_mut(&run);
        let relic = relic.expect("only those that are here are watched");
        if let Some(leader) = relic.leader() {
            self.poll.forget(leader);
        }
        relic.leader_ended();
        match relic.was_signalled() {
            true => self.relics.looked_at.push(run),
            false => self.relics.ended.push(run),
        }
    }

    /// Tells the end of those that have ended by themselves, and names who is left of them.
    pub(super) fn tell_of_relics(&mut self) {
        let ended = std::mem::take(&mut self.relics.ended);
        if ended.is_empty() {
            return;
        }
        let relics = ended.iter().filter_map(|run| self.relics.by_run.get(run));
        // Where nobody can be seen, those are named that were known before and are still there.
        let sight = Sight::of(relics.map(Relic::mark)).ok();
        for run in ended {
            if let Some(relic) = self.relics.by_run.get_mut(&run) {
                relic.gather(sight.as_ref());
            }
            self.relic_gone(run);
        }
    }

    fn relic_gone(&mut self, run: RunId) {
        if let Some(mut relic) = self.relics.by_run.remove(&run) {
            if let Some(home) = relic.take_home() {
                self.left_homes.take_back(home);
            }
            self.tell(Event::Gone(Gone {
                run,
                was_signalled: relic.was_signalled(),
                survivors: relic.left(),
            }));
        }
    }

    pub(super) fn look_after_relics(&mut self) {
        let now = Moment::now().elapsed;
        if self.relics.looked_at.is_empty() || now < self.relics.not_before {
            return;
        }
        let looked_at = self.relics.looked_at.iter();
        let relics = looked_at.filter_map(|run| self.relics.by_run.get(run));
        let stopping = relics.filter(|relic| relic.was_signalled());
        let sight = Sight::of(stopping.map(Relic::mark)).ok();
        let runs = std::mem::take(&mut self.relics.looked_at);
        let (staying, gone): (Vec<_>, Vec<_>) = runs.into_iter().partition(|run| {
            let relic = self.relics.by_run.get_mut(run);
            relic.is_some_and(|relic| {
                relic.goes_on(sight.as_ref()) && !relic.is_given_up(now, KILL_PATIENCE)
            })
        });
        for run in gone {
            match self.relics.was_signalled(run) {
                true => self.relic_gone(run),
                false => self.relics.ended.push(run),
            }
        }
        self.relics.looked_at = staying;
        self.relics.not_before = next_look(now, self.relics.look_every());
    }
}

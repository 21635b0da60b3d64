//! Runs of an earlier hupd that go on: watched by the end of their process, and once they were told to stop, by
//! looking who is left, for the kernel tells nobody when a group becomes empty.

use std::collections::HashMap;
use std::time::Duration;

use super::Source;
use super::lingering::{KILL_PATIENCE, LOOK_EVERY};
use super::poll::Token;
use super::relic::Relic;
use crate::clock::Moment;
use crate::event::Event;
use crate::ledger::Gone;
use crate::run::{RunId, Signal};

#[derive(Debug, Default)]
pub(super) struct Relics {
    by_run: HashMap<RunId, Relic>,
    /// Those of them at which one has to look, and when, on the elapsed clock.
    looked_at: Vec<RunId>,
    not_before: Duration,
}

impl Relics {
    pub(super) fn has(&self, run: RunId) -> bool {
        self.by_run.contains_key(&run)
    }

    pub(super) fn next_look(&self) -> Option<Duration> {
        (!self.looked_at.is_empty()).then_some(self.not_before)
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

    pub(super) fn signal_relic(&mut self, run: RunId, signal: Signal) {
        if let Some(relic) = self.relics.by_run.get_mut(&run)
            && let Err(error) = relic.signal(signal)
        {
            log::warn!("cannot send {signal} to what is left of run {run}: {error}");
        }
    }

    /// The first process of a run has ended. What was told to stop gets its time to do so as a whole.
    pub(super) fn relic_ended(&mut self, run: RunId) {
        let relic = self.relics.by_run.get_mut(&run);
        let relic = relic.expect("only those that are here are watched");
        if let Some(leader) = relic.leader() {
            self.poll.forget(leader);
        }
        match relic.was_signalled() {
            true => self.relics.looked_at.push(run),
            false => self.relic_gone(run),
        }
    }

    fn relic_gone(&mut self, run: RunId) {
        if let Some(relic) = self.relics.by_run.remove(&run) {
            self.tell(Event::Gone(Gone {
                run,
                was_signalled: relic.was_signalled(),
            }));
        }
    }

    pub(super) fn look_after_relics(&mut self) {
        let now = Moment::now().elapsed;
        if self.relics.looked_at.is_empty() || now < self.relics.not_before {
            return;
        }
        let runs = std::mem::take(&mut self.relics.looked_at);
        let (staying, gone): (Vec<_>, Vec<_>) = runs.into_iter().partition(|run| {
            let relic = self.relics.by_run.get_mut(run);
            relic.is_some_and(|relic| relic.gather() && !relic.is_killed_since(now, KILL_PATIENCE))
        });
        for run in gone {
            self.relic_gone(run);
        }
        self.relics.looked_at = staying;
        self.relics.not_before = Moment::now().elapsed + LOOK_EVERY;
    }
}

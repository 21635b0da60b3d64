//! `overlap = "replace"`: the newest occurrence of a job wins, late or not. Newer is what was due later; but what is due
//! later than now was so before the clock on the wall was set back, and is older than all that comes.

use jiff::Timestamp;

use super::due::TREMBLE;
use super::line::Place;
use super::waiting::Waiting;
use super::{Effect, Engine};
use crate::clock::Moment;
use crate::ledger::Fate;
use crate::run::{RunId, StopReason, Trigger};

impl Engine {
    /// One that runs or waits already and is newer than this one. Nothing is newer than what somebody asks for now.
    pub(super) fn newer_than(&self, waiting: &Waiting, now: Moment) -> Option<RunId> {
        if waiting.occurrence.trigger == Trigger::Request {
            return None;
        }
        let job = &waiting.occurrence.job;
        let runs = self.runs.of_job(job).filter_map(|run| self.runs.get(run));
        let runs = runs.map(|run| (run.occurrence.instant, run.id));
        let arrived = self.queue.of_job(job).into_iter();
        let arrived = arrived.filter(|one| one.starts_at.is_none());
        let others = runs.chain(arrived.map(place));
        let newest = others.max_by_key(|place| newness(*place, now))?;
        let is_newer = newness(newest, now) > newness(place(waiting), now);
        is_newer.then_some(newest.1)
    }

    /// Older ones that wait do not run any more, for whatever they wait, and what runs is stopped.
    pub(super) fn make_way(&mut self, waiting: &Waiting, now: Moment) -> Vec<Effect> {
        let (job, by) = (&waiting.occurrence.job, waiting.run);
        let newness_of = |one: &Waiting| newness(place(one), now);
        let older = self.queue.of_job(job).into_iter();
        let older = older.filter(|one| newness_of(one) < newness_of(waiting));
        let older: Vec<_> = older.map(|one| one.run).collect();
        let older = older.into_iter().filter_map(|one| self.queue.remove(one));
        let older: Vec<_> = older.collect();
        let older = older.into_iter();
        let mut effects: Vec<_> = older.map(|older| self.replaced(older, by)).collect();
        let runs: Vec<_> = self.runs.of_job(job).collect();
        for run in runs {
            effects.extend(self.begin_stop(run, StopReason::ReplacedBy(by), now));
        }
        effects
    }

    pub(super) fn replaced(&self, waiting: Waiting, by: RunId) -> Effect {
        let reason = format!("run {by} takes its place (overlap = \"replace\")");
        self.record(waiting.occurrence, Fate::Replaced, &reason)
    }
}

fn place(waiting: &Waiting) -> Place {
    (waiting.occurrence.instant, waiting.run)
}

fn newness((instant, run): Place, now: Moment) -> (bool, Timestamp, RunId) {
    // The clocks may differ by so much about an instant that has just come.
    let has_come = instant.duration_since(now.wall) <= TREMBLE;
    (has_come, instant, run)
}

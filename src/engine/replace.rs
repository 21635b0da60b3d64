//! `overlap = "replace"`: the newest occurrence of a job wins. Newer is what was decided later, whatever the clock on the
//! wall has done since. What is late replaces nothing: it takes its turn.

use super::owed::Pace;
use super::waiting::Waiting;
use super::{Effect, Engine};
use crate::clock::Moment;
use crate::ledger::Fate;
use crate::run::{RunId, StopReason};

impl Engine {
    /// One that has overtaken this one, which has waited for its own time.
    pub(super) fn newer_than(&self, waiting: &Waiting) -> Option<RunId> {
        let job = &waiting.occurrence.job;
        let runs = self.runs.of_job(job);
        let in_time = runs.filter(|run| {
            let run = self.runs.get(*run);
            run.is_some_and(|run| run.pace == Pace::InTime)
        });
        let newest = in_time.chain(self.queue.arrived_of(job)).max()?;
        (newest > waiting.run).then_some(newest)
    }

    /// Those that wait for what this one waits for as well do not run any more, and what runs is stopped.
    pub(super) fn make_way(&mut self, waiting: &Waiting, now: Moment) -> Vec<Effect> {
        let (job, by) = (&waiting.occurrence.job, waiting.run);
        let older = self.queue.arrived_of(job);
        let older: Vec<_> = older
            .into_iter()
            .filter_map(|older| self.queue.remove(older))
            .collect();
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

//! What a new history is told: the one before was moved aside while hupd runs.

use super::begin::timing_in_force;
use super::{Effect, Engine, Run};
use crate::clock::Moment;
use crate::ledger::{Entry, Fate, OpenRun, RunStart, Waited};
use crate::run::RunId;

const MOVED: &str = "it waited in a history that was moved aside since";

impl Engine {
    /// What is on record of what is still to come, for a ledger that has never heard of it: so the next hupd knows what it has missed.
    pub fn retell(&self, now: Moment) -> Vec<Effect> {
        let anchors = self.anchors.values().cloned();
        let mut effects: Vec<_> = anchors.map(Effect::RecordAnchor).collect();
        for job in self.config.jobs.values() {
            if let Some(timing) = timing_in_force(job) {
                effects.push(Effect::RecordTiming(job.name.clone(), Some(timing)));
            }
        }
        let waiting = self.queue.first(usize::MAX).into_iter();
        effects.extend(waiting.map(|waiting| self.record_waiting(waiting, MOVED)));
        effects.extend(self.pauses.waited().map(|one| self.record_waited(one)));
        effects.push(Effect::RecordDecided(now.wall));
        effects
    }

    /// The highest number that a run, or what waits for one, has ever had.
    pub fn last_run(&self) -> RunId {
        RunId(self.next_run.0 - 1)
    }

    /// What waits for the end of a pause.
    fn record_waited(&self, waited: &Waited) -> Effect {
        Effect::Record(Entry {
            occurrence: waited.occurrence.clone(),
            generation: self.generation,
            fate: Fate::Waiting,
            reason: MOVED.to_owned(),
            starts_at: waited.starts_at,
        })
    }
}

impl Run {
    /// What the next hupd finds on record of it, should this one be killed.
    pub fn on_record(&self) -> OpenRun {
        let start = self.state.process().map(|process| RunStart {
            run: self.id,
            pid: process.pid,
            at: process.since.wall,
            birth: process.birth,
        });
        OpenRun {
            run: self.id,
            occurrence: self.occurrence.clone(),
            generation: self.generation,
            attempt: self.attempt,
            start,
        }
    }
}

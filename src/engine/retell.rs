//! What a new history is told: the one before was moved aside while hupd runs. Of runs and of what waits the store tells it.

use super::begin::timing_in_force;
use super::{Effect, Engine};
use crate::clock::Moment;
use crate::run::RunId;

impl Engine {
    /// By what jobs are due, for a ledger that has never heard of it: so the next hupd knows what it has missed.
    pub fn retell(&self, now: Moment) -> Vec<Effect> {
        let anchors = self.anchors.values().cloned();
        let mut effects: Vec<_> = anchors.map(Effect::RecordAnchor).collect();
        for job in self.config.jobs.values() {
            if let Some(timing) = timing_in_force(job) {
                effects.push(Effect::RecordTiming(job.name.clone(), Some(timing)));
            }
        }
        effects.push(Effect::RecordDecided(now.wall));
        effects
    }

    /// The highest number that a run, or what waits for one, has ever had.
    pub fn last_run(&self) -> RunId {
        RunId(self.next_run.0 - 1)
    }
}

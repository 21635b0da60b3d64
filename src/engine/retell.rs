//! What a new history is told: the one before was moved aside while hupd runs.

use super::begin::timing_in_force;
use super::{Effect, Engine};
use crate::clock::Moment;

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
        effects.extend(self.queue.first(usize::MAX).into_iter().map(|waiting| {
            self.record_waiting(waiting, "it waited in a history that was moved aside since")
        }));
        effects.push(Effect::RecordDecided(now.wall));
        effects
    }
}

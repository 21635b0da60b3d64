//! The commit of a reload: one step that cannot fail, between two events.

use std::sync::Arc;

use super::begin::timing_in_force;
use super::guards::Guards;
use super::{Effect, Engine};
use crate::clock::Moment;
use crate::config::{Compared, Job};
use crate::ledger::Fate;
use crate::run::{Generation, JobName, Trigger};

impl Engine {
    /// Puts a configuration into force. What is due by now is decided under the old one first, so
    /// that no instant falls between the two. A job whose timing is the same keeps its due time, and is not even looked at:
    /// there may be a great many.
    pub fn adopt(
        &mut self,
        compared: &Compared,
        generation: Generation,
        now: Moment,
    ) -> Vec<Effect> {
        let mut effects = self.wake(now);
        let config = Arc::clone(&compared.config);
        let old = std::mem::replace(&mut self.config, Arc::clone(&config));
        for name in &compared.changes.removed {
            effects.extend(self.forget_removed(&old.jobs[name], now));
        }
        for name in &compared.moved {
            effects.extend(self.replan(&config.jobs[name], old.jobs.get(name), now));
        }
        effects.extend(self.skip_unwanted());
        self.runs.regroup(|job| config.jobs.get(job)?.group.clone());
        let guards = Guards {
            config: &config,
            runs: &self.runs,
            hangs: &self.hangs,
        };
        self.queue
            .rearrange(|job| guards.lane_of(&config.jobs[job]));
        self.generation = generation;
        effects.extend(self.revise_resting(now));
        effects.extend(self.run_changed(compared, now));
        // Under the old one: what comes into force now has missed nothing.
        effects.push(Effect::RecordDecided(now.wall));
        effects.extend(self.admit_waiting(now));
        effects
    }

    fn forget_removed(&mut self, job: &Job, now: Moment) -> Vec<Effect> {
        let name = &job.name;
        let mut effects = self.miss_in_pause(job, now);
        self.agenda.remove(name);
        self.last.remove(name);
        let timing = timing_in_force(job).map(|_| Effect::RecordTiming(name.clone(), None));
        effects.extend(self.forget_anchor(name));
        effects.extend(timing);
        effects
    }

    pub(super) fn forget_anchor(&mut self, name: &JobName) -> Option<Effect> {
        let anchor = self.anchors.remove(name)?;
        Some(Effect::ForgetAnchor(anchor.job))
    }

    fn replan(&mut self, job: &Job, old: Option<&Arc<Job>>, now: Moment) -> Vec<Effect> {
        let (before, timing) = (
            old.and_then(|old| timing_in_force(old)),
            timing_in_force(job),
        );
        let changed = (before != timing).then(|| Effect::RecordTiming(job.name.clone(), timing));
        let mut effects: Vec<_> = changed.into_iter().collect();
        effects.extend(old.map_or_else(Vec::new, |old| self.miss_in_pause(old, now)));
        // A different interval is counted from now: its old anchor means another rhythm.
        effects.extend(self.plan(job, now));
        effects
    }

    /// Occurrences that wait, of jobs that are gone or switched off; whoever asks for a run of a job that
    /// is switched off gets it.
    fn skip_unwanted(&mut self) -> Vec<Effect> {
        let config = Arc::clone(&self.config);
        let unwanted = self.queue.remove_if(|waiting| {
            let requested = waiting.occurrence.trigger == Trigger::Request;
            let job = config.jobs.get(&waiting.occurrence.job);
            job.is_none_or(|job| !job.enabled && !requested)
        });
        unwanted
            .into_iter()
            .map(|waiting| {
                let reason = match config.jobs.contains_key(&waiting.occurrence.job) {
                    true => "the job was switched off while it waited",
                    false => "the job was removed while it waited",
                };
                self.record(waiting.occurrence, Fate::Skipped, reason)
            })
            .collect()
    }
}

//! `on_change`: a run after a reload that has changed the job, or a file that it names.

use std::sync::Arc;

use super::objection::Objection;
use super::owed::Pace;
use super::waiting::Waiting;
use super::{Effect, Engine};
use crate::clock::Moment;
use crate::config::{Config, Job};
use crate::ledger::Fate;
use crate::run::{Occurrence, Trigger};
use crate::schedule::Watch;

impl Engine {
    /// What is in force now, against what was. A job that is new has not changed, and one that is switched off is not due.
    pub(super) fn run_changed(&mut self, old: &Config, now: Moment) -> Vec<Effect> {
        let config = Arc::clone(&self.config);
        let jobs = config.jobs.values().filter(|job| job.enabled);
        let changed = jobs.filter_map(|job| {
            let before = old.jobs.get(&job.name)?;
            Some((job, job.change_since(before)?))
        });
        let mut effects = Vec::new();
        for (job, what) in changed {
            effects.extend(self.run_for_change(job, &what, now));
        }
        effects
    }

    /// Nobody who edits a file is made to wait by a jitter.
    fn run_for_change(&mut self, job: &Arc<Job>, what: &str, now: Moment) -> Vec<Effect> {
        let occurrence = Occurrence {
            job: job.name.clone(),
            instant: self.request_instant(now),
            trigger: Trigger::Change,
        };
        let mut effects = self.drop_too_old(job, now);
        let paused = self.pause_of(&job.name).map(|_| Objection::Paused);
        let objection = paused.or_else(|| self.objection(job, Pace::InTime, None));
        if let Some(objection) = objection {
            effects.push(self.record(occurrence, Fate::Skipped, &objection.to_string()));
            return effects;
        }
        let waiting = Waiting {
            run: self.new_run_id(),
            occurrence,
            watch: Watch::Fixed,
            pace: Pace::InTime,
            starts_at: None,
            note: format!("generation {} has changed {what}", self.generation),
        };
        effects.extend(self.arrive(job, waiting, now));
        effects
    }
}

//! `on_change`: a run after a reload that has changed the job, or a file that it names.

use std::sync::Arc;

use super::objection::Objection;
use super::owed::Pace;
use super::waiting::Waiting;
use super::{Effect, Engine};
use crate::clock::Moment;
use crate::config::{Compared, Job};
use crate::ledger::Fate;
use crate::run::{Occurrence, Trigger};
use crate::schedule::Watch;

impl Engine {
    /// What has changed was found out off the loop. A job that is switched off is not due.
    pub(super) fn run_changed(&mut self, compared: &Compared, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (name, what) in &compared.causes {
            let job = &compared.config.jobs[name];
            if job.enabled {
                effects.extend(self.run_for_change(job, what, now));
            }
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

//! A run after a reload that has changed a job, or the file that it names.

use std::sync::Arc;
use std::time::Duration;

use hupd::clock::Moment;
use hupd::ledger::Fate;
use hupd::run::{JobName, Occurrence, RunId, Trigger};

use super::{Model, Waiting};
use crate::simulation::acts::Act;
use crate::simulation::jobs::{FileSpec, JobSpec};
use crate::simulation::owed::micros;

impl Model {
    pub(super) fn run_changed(&mut self, old: &FileSpec, now: Moment) -> Vec<Act> {
        let file = Arc::clone(&self.file);
        let mut acts = Vec::new();
        for (name, job) in &file.jobs {
            let before = old.jobs.get(name);
            if before.is_some_and(|old| job.enabled && has_changed(old, job)) {
                acts.extend(self.run_for_change(&JobName::new(name), job, now));
            }
        }
        acts
    }

    fn run_for_change(&mut self, name: &JobName, job: &JobSpec, now: Moment) -> Vec<Act> {
        let soonest = self.last_request + Duration::from_micros(1);
        let instant = micros(now.wall).max(soonest);
        self.last_request = instant;
        let waiting = Waiting {
            occurrence: Occurrence {
                job: name.clone(),
                instant,
                trigger: Trigger::Change,
            },
            is_late: false,
            is_wild: false,
            starts_at: None,
        };
        let mut acts = self.drop_too_old(name, job, now);
        if self.pauses.contains_key(name) || self.objects(job, &waiting, false) {
            acts.push(self.fate(waiting.occurrence, Fate::Skipped));
            return acts;
        }
        let run = RunId(self.next_run);
        self.next_run += 1;
        acts.extend(self.start_or_wait(run, job, waiting, now));
        acts
    }
}

/// Anything but that it asks for this; of the file, where it was named before, what is in it.
fn has_changed(old: &JobSpec, new: &JobSpec) -> bool {
    let same_file = old.on_change.is_none() || old.on_change == new.on_change;
    let renamed = JobSpec {
        on_change: new.on_change,
        ..old.clone()
    };
    new.on_change.is_some() && (renamed != *new || !same_file)
}

//! The difference between what is in force and what a file says.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::on_change::RunsOnChange;
use super::outlook::{Note, Outlook};
use super::portrait::{JobPortrait, Portrait};
use crate::config::{Changes, Job, KeyChange};
use crate::forecast::{Forecast, NextRow};
use crate::run::JobName;

/// What a reload of a file would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The file that was compared.
    pub file: String,
    /// The file that is in force, or that it was compared with.
    pub against: String,
    /// In force now; none where two files are compared.
    pub generation: Option<u64>,
    /// Whether anything changes.
    pub changes: bool,
    /// Settings that cannot change while hupd runs: for them, hupd refuses the file.
    pub refused: Vec<String>,
    pub summary: String,
    pub settings: Vec<KeyChange>,
    /// The jobs that change, by name.
    pub jobs: Vec<JobPlan>,
    /// What becomes of others.
    pub notes: Vec<Note>,
}

/// What changes of a job, and what follows from that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobPlan {
    pub job: String,
    pub change: Change,
    pub keys: Vec<KeyChange>,
    pub next_before: Option<NextRow>,
    pub next_after: Option<NextRow>,
    pub notes: Vec<Note>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Added,
    Changed,
    Removed,
}

impl Plan {
    /// `new` is what a hupd would do that starts with the file.
    pub fn between(old: &Portrait, (file, new): (String, Forecast)) -> Self {
        let pauses = old.jobs.iter().filter(|(_, job)| job.live.paused);
        let pauses = pauses.map(|(name, job)| (JobName::new(name), job.live.paused_until));
        let phases = old.jobs.iter();
        let phases = phases.filter_map(|(name, job)| Some((JobName::new(name), job.phase?)));
        let new = new.with_past(pauses.collect(), &phases.collect());
        let config = Arc::clone(new.config());
        let outlook = Outlook::new(old, &config);
        let known = config.jobs.values();
        let known = known.filter_map(|job| kept_or_added(job, old, (&new, &outlook)));
        let removed = old.jobs.iter().filter_map(|(name, before)| {
            let is_gone = !config.jobs.contains_key(&JobName::new(name));
            is_gone.then(|| removed(name, before, &outlook))
        });
        let mut jobs: Vec<_> = known.chain(removed).collect();
        jobs.sort_by(|a, b| a.job.cmp(&b.job));
        let mut on_change = RunsOnChange::new(&outlook);
        for plan in &mut jobs {
            let job = config.jobs.get(&JobName::new(&plan.job));
            plan.notes
                .extend(job.and_then(|job| on_change.of(job, &plan.keys)));
        }
        let settings = KeyChange::between(&old.settings, &config.settings());
        let changes = changes(&jobs, &settings, config.jobs.len());
        let refused = settings.iter().filter(|setting| setting.is_refused());
        Self {
            file,
            against: old.config_file.clone(),
            generation: old.generation,
            changes: !changes.is_empty(),
            refused: refused.map(|setting| setting.key.clone()).collect(),
            summary: changes.to_string(),
            jobs,
            notes: outlook.of_all(),
            settings,
        }
    }
}

/// None where nothing of it changes.
fn kept_or_added(
    job: &Job,
    old: &Portrait,
    (new, outlook): (&Forecast, &Outlook<'_>),
) -> Option<JobPlan> {
    let before = old.jobs.get(job.name.as_str());
    let keys = before.map_or(&[][..], |before| &before.keys);
    let keys = KeyChange::between(keys, &job.keys());
    if before.is_some() && keys.is_empty() {
        return None;
    }
    let next_after = match before.filter(|before| before.keeps_time(job)) {
        Some(before) => before.next.clone(),
        None => new.next_of(job),
    };
    Some(JobPlan {
        job: job.name.to_string(),
        change: match before {
            Some(_) => Change::Changed,
            None => Change::Added,
        },
        next_before: before.and_then(|before| before.next.clone()),
        next_after,
        notes: outlook.of_job(job, &keys),
        keys,
    })
}

fn removed(name: &str, before: &JobPortrait, outlook: &Outlook<'_>) -> JobPlan {
    JobPlan {
        job: name.to_owned(),
        change: Change::Removed,
        keys: Vec::new(),
        next_before: before.next.clone(),
        next_after: None,
        notes: outlook.of_removed(before),
    }
}

/// As the verdict of a reload counts them.
fn changes(jobs: &[JobPlan], settings: &[KeyChange], all: usize) -> Changes {
    let names = |change: Change| -> Vec<JobName> {
        let jobs = jobs.iter().filter(|job| job.change == change);
        jobs.map(|job| JobName::new(&job.job)).collect()
    };
    let (added, changed) = (names(Change::Added), names(Change::Changed));
    Changes {
        unchanged: all - added.len() - changed.len(),
        removed: names(Change::Removed),
        added,
        changed,
        settings: settings.iter().map(|change| change.key.clone()).collect(),
    }
}

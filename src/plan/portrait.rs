//! What is in force: by a hupd that runs, or by a file.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::live::Live;
use crate::config::{Job, Key, Surroundings};
use crate::forecast::{Forecast, NextRow, Phase};
use crate::run::JobName;

/// All that is known of what is in force, for whoever has the time to look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct InForce {
    pub config_file: String,
    pub generation: Option<u64>,
    /// What the defaults of the file depend on, where hupd is.
    pub surroundings: Option<Surroundings>,
    pub forecast: Forecast,
    /// From where the intervals of jobs are counted.
    pub phases: HashMap<JobName, Phase>,
    /// Of jobs of which something runs, waits or is paused, also where they are gone from the configuration.
    pub live: HashMap<JobName, Live>,
}

/// The same for a client: key by key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Portrait {
    pub config_file: String,
    pub generation: Option<u64>,
    pub surroundings: Option<Surroundings>,
    pub settings: Vec<Key>,
    pub jobs: BTreeMap<String, JobPortrait>,
    /// What is left of jobs that are not in it.
    pub others: BTreeMap<String, Live>,
}

/// One job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobPortrait {
    /// Those that are not as by default.
    pub keys: Vec<Key>,
    pub enabled: bool,
    /// What names its instants, as far as that can be told.
    pub timing: Option<String>,
    /// From where its interval is counted, also the last one that it had.
    pub phase: Option<Phase>,
    pub next: Option<NextRow>,
    pub live: Live,
}

impl InForce {
    /// A file, of which nothing runs.
    pub fn of_file(config_file: String, forecast: Forecast) -> Self {
        Self {
            config_file,
            generation: None,
            surroundings: None,
            forecast,
            phases: HashMap::new(),
            live: HashMap::new(),
        }
    }

    /// It takes its time: it is not for a thread that others wait for.
    pub fn portrait(mut self) -> Portrait {
        let config = self.forecast.config().clone();
        let jobs = config.jobs.values().map(|job| {
            let live = self.live.remove(&job.name).unwrap_or_default();
            let portrait = JobPortrait {
                phase: self.phases.get(&job.name).copied(),
                ..portrait(job, &self.forecast, live)
            };
            (job.name.to_string(), portrait)
        });
        let jobs = jobs.collect();
        let others = self.live.into_iter();
        Portrait {
            config_file: self.config_file,
            generation: self.generation,
            surroundings: self.surroundings,
            settings: config.settings(),
            jobs,
            others: others
                .map(|(name, live)| (name.to_string(), live))
                .collect(),
        }
    }
}

impl JobPortrait {
    /// Whether that keeps its due time, also the phase of its interval, and what its pause has missed.
    pub fn keeps_time(&self, job: &Job) -> bool {
        self.enabled == job.enabled && self.timing == job.timing.identity_now()
    }

    /// Whether what it has missed in a pause is made up for.
    pub fn makes_up(&self) -> bool {
        let makes_up = self.keys.iter().any(|key| key.key == "missed");
        makes_up && self.enabled && self.timing.is_some()
    }
}

fn portrait(job: &Job, forecast: &Forecast, live: Live) -> JobPortrait {
    JobPortrait {
        keys: job.keys(),
        enabled: job.enabled,
        timing: job.timing.identity_now(),
        phase: None,
        next: forecast.next_of(job),
        live,
    }
}

//! A configuration beside the one in force: compared by whoever has the time for that, before the loop takes it.

use std::sync::Arc;

use super::{Accepted, Changes, Config, Job, Problems};
use crate::run::JobName;

/// A configuration that may come into force in place of another one.
#[derive(Debug)]
pub struct Compared {
    pub config: Arc<Config>,
    pub warnings: Problems,
    /// Against that other one.
    pub changes: Changes,
    /// The jobs that are new, or are not due as they were, by name.
    pub moved: Vec<JobName>,
    /// The jobs that want to run after such a change, and what has changed of them.
    pub causes: Vec<(JobName, String)>,
    /// Why it cannot come into force while hupd runs.
    pub fixed: Problems,
}

impl Accepted {
    pub fn beside(mut self, old: &Config) -> Compared {
        self.config.share(old);
        let changes = Changes::between(old, &self.config);
        Compared {
            moved: self.config.moved(&changes, old),
            causes: self.config.causes(&changes, old),
            changes,
            fixed: Changes::fixed_settings(old, &self.config),
            config: Arc::new(self.config),
            warnings: self.warnings,
        }
    }
}

impl Config {
    fn moved(&self, changes: &Changes, old: &Self) -> Vec<JobName> {
        let changed = changes.changed.iter();
        let changed = changed.filter(|name| !keeps_time(&old.jobs[*name], &self.jobs[*name]));
        let mut moved: Vec<_> = changes.added.iter().chain(changed).cloned().collect();
        moved.sort();
        moved
    }

    fn causes(&self, changes: &Changes, old: &Self) -> Vec<(JobName, String)> {
        let changed = changes.changed.iter();
        let causes = changed.filter_map(|name| {
            let cause = self.jobs[name].change_since(&old.jobs[name])?;
            Some((name.clone(), cause))
        });
        causes.collect()
    }

    /// What is equal in both becomes one and the same: it is in memory once, and whoever compares it again sees that
    /// at a glance.
    fn share(&mut self, old: &Self) {
        for (source, before) in self.sources.iter_mut().zip(&old.sources) {
            if source == before {
                source.text = Arc::clone(&before.text);
            }
        }
        let mut before = old.jobs.iter().peekable();
        for (name, job) in &mut self.jobs {
            while before.next_if(|(other, _)| *other < name).is_some() {}
            let same = before.next_if(|(other, before)| *other == name && *before == job);
            if let Some((_, before)) = same {
                *job = Arc::clone(before);
            }
        }
    }
}

fn keeps_time(old: &Job, job: &Job) -> bool {
    old.timing == job.timing && old.enabled == job.enabled
}

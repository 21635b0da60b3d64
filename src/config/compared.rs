//! A configuration beside the one in force: compared by whoever has the time for that, before the loop takes it.

use std::sync::Arc;

use super::{Accepted, Changes, Config, Problems};

/// A configuration that may come into force in place of another one.
#[derive(Debug)]
pub struct Compared {
    pub config: Arc<Config>,
    pub warnings: Problems,
    /// Against that other one.
    pub changes: Arc<Changes>,
    /// Why it cannot come into force while hupd runs.
    pub fixed: Problems,
}

impl Accepted {
    pub fn beside(mut self, old: &Config) -> Compared {
        self.config.share(old);
        Compared {
            changes: Arc::new(Changes::between(old, &self.config)),
            fixed: Changes::fixed_settings(old, &self.config),
            config: Arc::new(self.config),
            warnings: self.warnings,
        }
    }
}

impl Config {
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

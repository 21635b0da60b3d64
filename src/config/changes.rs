//! What a reload changes: the difference between two values.

use std::fmt;
use std::path::Path;

use toml::de::DeTable;

use super::finding::Finding;
use super::render::render;
use super::source::Source;
use super::words::visible;
use super::{Config, KeyChange, Problem, Problems};
use crate::run::JobName;

/// So many jobs of a kind are named.
const NAMED: usize = 5;

/// The jobs of a new configuration against those of an old one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub added: Vec<JobName>,
    pub changed: Vec<JobName>,
    pub removed: Vec<JobName>,
    pub unchanged: usize,
    /// Settings outside jobs that changed, as `[daemon] grace`.
    pub settings: Vec<String>,
}

impl Changes {
    pub fn between(old: &Config, new: &Config) -> Self {
        let mut changes = Self {
            settings: changed_settings(old, new),
            ..Self::default()
        };
        // Both are in order: there is no need to look for anything.
        let mut before = old.jobs.iter().peekable();
        for (name, job) in &new.jobs {
            while let Some((gone, _)) = before.next_if(|(other, _)| *other < name) {
                changes.removed.push(gone.clone());
            }
            match before.next_if(|(other, _)| *other == name) {
                None => changes.added.push(name.clone()),
                Some((_, before)) if before == job => changes.unchanged += 1,
                Some(_) => changes.changed.push(name.clone()),
            }
        }
        changes.removed.extend(before.map(|(name, _)| name.clone()));
        changes
    }

    /// Problems where `new` changes what cannot change while hupd runs: `state_dir`, `runtime_dir`.
    pub fn fixed_settings(old: &Config, new: &Config) -> Problems {
        let (before, after) = (&old.daemon, &new.daemon);
        let fixed = [
            ("state_dir", &before.state_dir, &after.state_dir),
            ("runtime_dir", &before.runtime_dir, &after.runtime_dir),
        ];
        let changed = fixed.into_iter().filter(|(_, old, new)| old != new);
        let mut problems: Vec<Problem> = changed
            .map(|(key, old, _)| is_fixed(new, key, old))
            .collect();
        problems.sort_by_key(|problem| problem.line);
        Problems(problems)
    }

    /// Whether neither a job nor a setting changed.
    pub fn is_empty(&self) -> bool {
        let jobs = [&self.added, &self.changed, &self.removed];
        jobs.iter().all(|names| names.is_empty()) && self.settings.is_empty()
    }
}

/// `2 added (mail, report), 1 changed (backup), 14 unchanged, 1 removed (old)`; `no change` where there is none.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no change");
        }
        let unchanged = match self.unchanged {
            0 => None,
            number => Some(format!("{number} unchanged")),
        };
        let parts = [
            named(&self.added, "added"),
            named(&self.changed, "changed"),
            unchanged,
            named(&self.removed, "removed"),
        ];
        let jobs: Vec<String> = parts.into_iter().flatten().collect();
        let settings = match self.settings.is_empty() {
            true => None,
            false => Some(format!("{} changed", self.settings.join(", "))),
        };
        let jobs = Some(jobs.join(", ")).filter(|jobs| !jobs.is_empty());
        let parts: Vec<String> = jobs.into_iter().chain(settings).collect();
        f.write_str(&parts.join("; "))
    }
}

/// `3 added (a, b, c)`, with the first names only where there are many: it is to be one line of a log.
fn named(jobs: &[JobName], what: &str) -> Option<String> {
    let first: Vec<&str> = jobs.iter().take(NAMED).map(JobName::as_str).collect();
    let names = first.join(", ");
    match jobs.len() {
        0 => None,
        number if number > NAMED => {
            let more = number - NAMED;
            Some(format!("{number} {what} ({names} and {more} more)"))
        }
        number => Some(format!("{number} {what} ({names})")),
    }
}

fn changed_settings(old: &Config, new: &Config) -> Vec<String> {
    let changed = KeyChange::between(&old.settings(), &new.settings());
    changed.into_iter().map(|change| change.key).collect()
}

/// The place is looked up in the text only now: it is hardly ever needed.
fn is_fixed(new: &Config, key: &str, old: &Path) -> Problem {
    let main = new.sources.first();
    let source = match main {
        Some(file) => Source::new(&file.path, file.text.clone()),
        None => Source::new(Path::new(""), "".into()),
    };
    let old = visible(&old.to_string_lossy());
    let mut finding = Finding::error(format!(
        "[daemon] {key}: cannot change while hupd runs: restart it, or put back '{old}'"
    ));
    let (tree, _) = DeTable::parse_recoverable(source.text());
    let daemon = tree.get_ref().get("daemon");
    let value = daemon.and_then(|daemon| daemon.get_ref().get(key));
    finding.at = value.map(|value| value.span());
    drop(tree);
    render(&source, &finding)
}

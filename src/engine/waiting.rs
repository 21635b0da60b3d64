//! Occurrences that wait for a place among `max_running`, in order of due time.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::run::{JobName, Occurrence, RunId};

/// An occurrence that waits. Its run has a number already, so that whoever asked for it can wait too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub run: RunId,
    pub occurrence: Occurrence,
    /// What is worth knowing about the occurrence, for its claim.
    pub note: String,
}

/// First due, first served; among equals the one that was decided first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queue {
    entries: BTreeMap<(Timestamp, RunId), Waiting>,
    per_job: HashMap<JobName, usize>,
}

impl Queue {
    pub fn push(&mut self, waiting: Waiting) {
        let job = waiting.occurrence.job.clone();
        *self.per_job.entry(job).or_default() += 1;
        self.entries
            .insert((waiting.occurrence.instant, waiting.run), waiting);
    }

    pub fn pop(&mut self) -> Option<Waiting> {
        let (_, waiting) = self.entries.pop_first()?;
        self.forget_one(&waiting.occurrence.job);
        Some(waiting)
    }

    /// Takes out all that `unwanted` says, in order.
    pub fn remove_if(&mut self, unwanted: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        let removed: Vec<_> = self
            .entries
            .extract_if(.., |_, waiting| unwanted(waiting))
            .collect();
        for (_, waiting) in &removed {
            self.forget_one(&waiting.occurrence.job);
        }
        removed.into_iter().map(|(_, waiting)| waiting).collect()
    }

    /// Whether this very occurrence waits.
    pub fn has(&self, occurrence: &Occurrence) -> bool {
        let first = (occurrence.instant, RunId(0));
        let at_that_instant = self.entries.range(first..);
        at_that_instant
            .take_while(|((instant, _), _)| *instant == occurrence.instant)
            .any(|(_, waiting)| waiting.occurrence == *occurrence)
    }

    pub fn count_of(&self, job: &JobName) -> usize {
        self.per_job.get(job).copied().unwrap_or(0)
    }

    pub fn get(&self, run: RunId) -> Option<&Waiting> {
        self.entries.values().find(|waiting| waiting.run == run)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    fn forget_one(&mut self, job: &JobName) {
        let count = self.per_job.get_mut(job).expect("every entry is counted");
        *count -= 1;
        if *count == 0 {
            self.per_job.remove(job);
        }
    }
}

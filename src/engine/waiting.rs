//! Occurrences that wait for their turn, in order of due time: for a place among `max_running`, and those that are
//! late for one of `catch_up_limit` as well.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::owed::Pace;
use crate::run::{JobName, Occurrence, RunId};
use crate::schedule::Watch;

/// An occurrence that waits. Its run has a number already, so that whoever asked for it can wait too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub run: RunId,
    pub occurrence: Occurrence,
    pub watch: Watch,
    pub pace: Pace,
    /// What is worth knowing about the occurrence, for its claim.
    pub note: String,
}

/// First due, first served; among equals the one that was decided first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queue {
    in_time: Line,
    late: Line,
    per_job: HashMap<JobName, usize>,
}

type Line = BTreeMap<Place, Waiting>;
type Place = (Timestamp, RunId);

impl Queue {
    pub fn push(&mut self, waiting: Waiting) {
        let job = waiting.occurrence.job.clone();
        *self.per_job.entry(job).or_default() += 1;
        let place = (waiting.occurrence.instant, waiting.run);
        let line = match waiting.pace {
            Pace::InTime => &mut self.in_time,
            Pace::CatchUp => &mut self.late,
        };
        line.insert(place, waiting);
    }

    /// The first one; of those that are late, the first that may go now.
    pub fn pop(&mut self, may_go: impl Fn(&Waiting) -> bool) -> Option<Waiting> {
        let in_time = self.in_time.first_key_value().map(|(place, _)| *place);
        let late = self.late.iter().find(|(_, waiting)| may_go(waiting));
        let late = late.map(|(place, _)| *place);
        let first = in_time.into_iter().chain(late).min()?;
        let waiting = match in_time == Some(first) {
            true => self.in_time.remove(&first),
            false => self.late.remove(&first),
        }?;
        self.forget_one(&waiting.occurrence.job);
        Some(waiting)
    }

    /// Takes out all that `unwanted` says, in order.
    pub fn remove_if(&mut self, unwanted: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        let lines = [&mut self.in_time, &mut self.late];
        let mut removed: Vec<_> = lines
            .into_iter()
            .flat_map(|line| line.extract_if(.., |_, waiting| unwanted(waiting)))
            .collect();
        removed.sort_by_key(|(place, _)| *place);
        for (_, waiting) in &removed {
            self.forget_one(&waiting.occurrence.job);
        }
        removed.into_iter().map(|(_, waiting)| waiting).collect()
    }

    /// Whether this very occurrence waits.
    pub fn has(&self, occurrence: &Occurrence) -> bool {
        let is_in = |line: &Line| {
            let at_that_instant = line.range((occurrence.instant, RunId(0))..);
            at_that_instant
                .take_while(|((instant, _), _)| *instant == occurrence.instant)
                .any(|(_, waiting)| waiting.occurrence == *occurrence)
        };
        is_in(&self.in_time) || is_in(&self.late)
    }

    pub fn count_of(&self, job: &JobName) -> usize {
        self.per_job.get(job).copied().unwrap_or(0)
    }

    pub fn get(&self, run: RunId) -> Option<&Waiting> {
        let mut all = self.in_time.values().chain(self.late.values());
        all.find(|waiting| waiting.run == run)
    }

    pub fn len(&self) -> usize {
        self.in_time.len() + self.late.len()
    }

    fn forget_one(&mut self, job: &JobName) {
        let count = self.per_job.get_mut(job).expect("every entry is counted");
        *count -= 1;
        if *count == 0 {
            self.per_job.remove(job);
        }
    }
}

//! Occurrences that wait for their turn, in order of due time: for a place among `max_running`, and those that are
//! late for one of `catch_up_limit` as well; and those that start later than they are due.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

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
    /// When it starts on the clock on the wall, where it waits for that.
    pub starts_at: Option<Timestamp>,
    /// What is worth knowing about the occurrence, for its claim.
    pub note: String,
}

/// First due, first served; among equals the one that was decided first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queue {
    in_time: Line,
    late: Line,
    /// By when they start, on the elapsed clock.
    delayed: BTreeMap<(Duration, RunId), Waiting>,
    per_job: HashMap<JobName, usize>,
}

type Line = BTreeMap<Place, Waiting>;
type Place = (Timestamp, RunId);

impl Queue {
    pub fn push(&mut self, waiting: Waiting) {
        self.count_one(&waiting);
        let place = (waiting.occurrence.instant, waiting.run);
        let line = match waiting.pace {
            Pace::InTime => &mut self.in_time,
            Pace::CatchUp => &mut self.late,
        };
        line.insert(place, waiting);
    }

    /// It waits until then, on the elapsed clock.
    pub fn delay(&mut self, waiting: Waiting, until: Duration) {
        self.count_one(&waiting);
        self.delayed.insert((until, waiting.run), waiting);
    }

    /// Until when the next of those waits.
    pub fn next_delayed(&self) -> Option<Duration> {
        self.delayed.first_key_value().map(|((until, _), _)| *until)
    }

    /// Takes one that has waited until its time.
    pub fn take_delayed(&mut self, now: Duration) -> Option<Waiting> {
        let place = *self.delayed.first_key_value()?.0;
        let waiting = (place.0 <= now).then(|| self.delayed.remove(&place))??;
        self.forget_one(&waiting.occurrence.job);
        Some(waiting)
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
        let removed = lines
            .into_iter()
            .flat_map(|line| line.extract_if(.., |_, waiting| unwanted(waiting)));
        let mut removed: Vec<_> = removed.map(|(_, waiting)| waiting).collect();
        let delayed = self.delayed.extract_if(.., |_, waiting| unwanted(waiting));
        removed.extend(delayed.map(|(_, waiting)| waiting));
        removed.sort_by_key(|waiting| (waiting.occurrence.instant, waiting.run));
        for waiting in &removed {
            self.forget_one(&waiting.occurrence.job);
        }
        removed
    }

    /// Whether this very occurrence waits.
    pub fn has(&self, occurrence: &Occurrence) -> bool {
        if self.count_of(&occurrence.job) == 0 {
            return false;
        }
        let is_in = |line: &Line| {
            let at_that_instant = line.range((occurrence.instant, RunId(0))..);
            at_that_instant
                .take_while(|((instant, _), _)| *instant == occurrence.instant)
                .any(|(_, waiting)| waiting.occurrence == *occurrence)
        };
        let mut delayed = self.delayed.values();
        is_in(&self.in_time)
            || is_in(&self.late)
            || delayed.any(|waiting| waiting.occurrence == *occurrence)
    }

    pub fn count_of(&self, job: &JobName) -> usize {
        self.per_job.get(job).copied().unwrap_or(0)
    }

    pub fn get(&self, run: RunId) -> Option<&Waiting> {
        let queued = self.in_time.values().chain(self.late.values());
        let mut all = queued.chain(self.delayed.values());
        all.find(|waiting| waiting.run == run)
    }

    pub fn len(&self) -> usize {
        self.in_time.len() + self.late.len() + self.delayed.len()
    }

    fn count_one(&mut self, waiting: &Waiting) {
        let job = waiting.occurrence.job.clone();
        *self.per_job.entry(job).or_default() += 1;
    }

    fn forget_one(&mut self, job: &JobName) {
        let count = self.per_job.get_mut(job).expect("every entry is counted");
        *count -= 1;
        if *count == 0 {
            self.per_job.remove(job);
        }
    }
}

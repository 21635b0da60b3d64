//! Occurrences that wait for their turn, in order of due time: for a place among `max_running`, and those that are
//! late for one of `catch_up_limit` as well; and those that start later than they are due.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::owed::Pace;
use crate::run::{JobName, Occurrence, RunId, Trigger};
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
    /// At most a few hundred each.
    per_job: HashMap<JobName, Vec<Listed>>,
}

/// What is asked of one that waits.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Listed {
    run: RunId,
    instant: Timestamp,
    trigger: Trigger,
    pace: Pace,
}

type Line = BTreeMap<Place, Waiting>;
type Place = (Timestamp, RunId);

impl Queue {
    pub fn push(&mut self, waiting: Waiting) {
        self.list(&waiting);
        let place = (waiting.occurrence.instant, waiting.run);
        let line = match waiting.pace {
            Pace::InTime => &mut self.in_time,
            Pace::CatchUp => &mut self.late,
        };
        line.insert(place, waiting);
    }

    /// It waits until then, on the elapsed clock.
    pub fn delay(&mut self, waiting: Waiting, until: Duration) {
        self.list(&waiting);
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
        self.forget_one(&waiting);
        Some(waiting)
    }

    /// The first one; of those that are late, the first that may go now.
    pub fn pop(&mut self, has_turn: bool, may_go: impl Fn(&Waiting) -> bool) -> Option<Waiting> {
        let in_time = self.in_time.first_key_value().map(|(place, _)| *place);
        let late = match has_turn {
            true => self.late.iter().find(|(_, waiting)| may_go(waiting)),
            false => None,
        };
        let late = late.map(|(place, _)| *place);
        let first = in_time.into_iter().chain(late).min()?;
        let waiting = match in_time == Some(first) {
            true => self.in_time.remove(&first),
            false => self.late.remove(&first),
        }?;
        self.forget_one(&waiting);
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
            self.forget_one(waiting);
        }
        removed
    }

    /// Whether this very occurrence waits.
    pub fn has(&self, occurrence: &Occurrence) -> bool {
        let key = (occurrence.instant, occurrence.trigger);
        let mut listed = self.of_job(&occurrence.job);
        listed.any(|listed| (listed.instant, listed.trigger) == key)
    }

    pub fn count_of(&self, job: &JobName) -> usize {
        self.of_job(job).count()
    }

    /// Those of a job that do not wait because they are late.
    pub fn count_in_time(&self, job: &JobName) -> usize {
        let listed = self.of_job(job);
        listed.filter(|listed| listed.pace == Pace::InTime).count()
    }

    fn of_job(&self, job: &JobName) -> impl Iterator<Item = &Listed> {
        self.per_job.get(job).into_iter().flatten()
    }

    pub fn get(&self, run: RunId) -> Option<&Waiting> {
        let queued = self.in_time.values().chain(self.late.values());
        let mut all = queued.chain(self.delayed.values());
        all.find(|waiting| waiting.run == run)
    }

    pub fn len(&self) -> usize {
        self.in_time.len() + self.late.len() + self.delayed.len()
    }

    fn list(&mut self, waiting: &Waiting) {
        let Occurrence {
            job,
            instant,
            trigger,
        } = waiting.occurrence.clone();
        let listed = Listed {
            run: waiting.run,
            instant,
            trigger,
            pace: waiting.pace,
        };
        self.per_job.entry(job).or_default().push(listed);
    }

    fn forget_one(&mut self, waiting: &Waiting) {
        let job = &waiting.occurrence.job;
        let listed = self.per_job.get_mut(job).expect("whatever waits is listed");
        listed.retain(|listed| listed.run != waiting.run);
        if listed.is_empty() {
            self.per_job.remove(job);
        }
    }
}

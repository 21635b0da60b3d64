//! The coming instants of all jobs: a value that any thread can ask, so that the loop need not. Pure.

mod chart;
mod rows;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::config::{Config, Job, Timing};
use crate::run::JobName;
use crate::schedule::Zone;

pub use chart::{Chart, ChartFilter, ChartRow, FULL, MOST_SLICES};
pub use rows::{NextFilter, NextRow, NextRows, zone_of};

/// What names the instants of every job: the schedules in force, and where each interval stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    config: Arc<Config>,
    /// From where it looks ahead where nobody says otherwise.
    now: Timestamp,
    /// One instant of each job that is due at intervals.
    intervals: HashMap<JobName, Timestamp>,
    /// Until when jobs are paused; none where nobody knows.
    pauses: HashMap<JobName, Option<Timestamp>>,
}

/// From where the instants of an interval are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    pub every: Duration,
    pub at: Timestamp,
}

/// A coming instant of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upcoming {
    pub at: Timestamp,
    pub moved_from: Option<DateTime>,
}

impl Forecast {
    pub fn new(
        config: Arc<Config>,
        now: Timestamp,
        intervals: HashMap<JobName, Timestamp>,
        pauses: HashMap<JobName, Option<Timestamp>>,
    ) -> Self {
        Self {
            config,
            now,
            intervals,
            pauses,
        }
    }

    /// The same where these jobs are paused, and so much is known of their intervals.
    pub fn with_past(
        mut self,
        pauses: HashMap<JobName, Option<Timestamp>>,
        phases: &HashMap<JobName, Phase>,
    ) -> Self {
        for (name, at) in &mut self.intervals {
            let timing = self.config.jobs.get(name).map(|job| &job.timing);
            if let Some(Timing::Every(every)) = timing {
                let resumed = pauses.get(name).copied().flatten();
                let begin = resumed.map_or(self.now, |until| until.max(self.now));
                *at = counted_from(*every, phases.get(name).copied(), begin);
            }
        }
        Self { pauses, ..self }
    }

    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The job of that name, or all; none where there is no such job.
    fn jobs(&self, name: Option<&str>) -> Option<Vec<&Job>> {
        let jobs = &self.config.jobs;
        match name {
            Some(name) => Some(vec![&**jobs.get(&JobName::new(name))?]),
            None => Some(jobs.values().map(|job| &**job).collect()),
        }
    }

    /// The zone that tells the instants of a job.
    pub fn zone_of<'a>(&'a self, job: &'a Job) -> &'a Zone {
        zone_of(job, &self.config)
    }

    /// The first instant of a job strictly after `time` at which it is not paused.
    pub fn next_after(&self, job: &Job, time: Timestamp) -> Option<Upcoming> {
        if !job.enabled {
            return None;
        }
        let time = match self.pauses.get(&job.name) {
            None => time,
            Some(until) => time.max((*until)?),
        };
        match &job.timing {
            Timing::Never => None,
            Timing::Schedule(schedule) => {
                let next = schedule.next_after(time)?;
                Some(Upcoming {
                    at: next.at,
                    moved_from: next.moved_from,
                })
            }
            Timing::Every(every) => Some(Upcoming {
                at: next_multiple(*self.intervals.get(&job.name)?, *every, time)?,
                moved_from: None,
            }),
        }
    }

    /// The instants of these jobs strictly after `time`, in their order, and where they are the same in that of
    /// the jobs. A job is asked for another one only after its last one was taken: few of many jobs cost little.
    fn coming<'a>(
        &'a self,
        jobs: Vec<&'a Job>,
        time: Timestamp,
    ) -> impl Iterator<Item = (&'a Job, Upcoming)> + 'a {
        let after = |place: usize, job: &Job, time| {
            let next = self.next_after(job, time)?;
            Some(Reverse((next.at, place, next.moved_from)))
        };
        let first = |(place, job): (usize, &&Job)| after(place, job, time);
        let mut queue: BinaryHeap<_> = jobs.iter().enumerate().filter_map(first).collect();
        std::iter::from_fn(move || {
            let Reverse((at, place, moved_from)) = queue.pop()?;
            let job = jobs[place];
            queue.extend(after(place, job, at));
            Some((job, Upcoming { at, moved_from }))
        })
    }
}

/// An instant from which those of an interval are counted that begins at `begin`: the known one, where it is of the same
/// interval; else `begin`.
pub fn counted_from(every: Duration, known: Option<Phase>, begin: Timestamp) -> Timestamp {
    let fits = known.filter(|known| known.every == every && known.at <= begin);
    fits.map_or(begin, |known| known.at)
}

/// The first instant after `time` that is any number of intervals from `instant`, in either direction; none
/// where the calendar has ended by then.
fn next_multiple(instant: Timestamp, every: Duration, time: Timestamp) -> Option<Timestamp> {
    let every = i128::try_from(every.as_nanos()).ok()?;
    let since = time.as_nanosecond() - instant.as_nanosecond();
    let next = instant.as_nanosecond() + (since.div_euclid(every) + 1) * every;
    Timestamp::from_nanosecond(next).ok()
}

//! When each job is due next, on either clock. Knows names and times, not jobs.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{Moment, Wake};
use crate::run::JobName;
use crate::schedule::Instant;

/// When a job is due next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Never,
    /// At an instant of the wall clock.
    Wall(Instant),
    /// At a reading of the elapsed clock.
    Elapsed(Duration),
}

/// The next due time of every job. Both orders end with the name, so that jobs that are due
/// together always come in the same order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agenda {
    due: HashMap<JobName, Due>,
    wall: BTreeSet<(Timestamp, JobName)>,
    elapsed: BTreeSet<(Duration, JobName)>,
}

impl Agenda {
    pub fn of(&self, job: &JobName) -> Due {
        self.due.get(job).copied().unwrap_or(Due::Never)
    }

    pub fn set(&mut self, job: &JobName, due: Due) {
        self.remove(job);
        match due {
            Due::Never => return,
            Due::Wall(instant) => self.wall.insert((instant.at, job.clone())),
            Due::Elapsed(at) => self.elapsed.insert((at, job.clone())),
        };
        self.due.insert(job.clone(), due);
    }

    pub fn remove(&mut self, job: &JobName) -> Due {
        let due = self.due.remove(job).unwrap_or(Due::Never);
        match due {
            Due::Never => {}
            Due::Wall(instant) => {
                self.wall.remove(&(instant.at, job.clone()));
            }
            Due::Elapsed(at) => {
                self.elapsed.remove(&(at, job.clone()));
            }
        }
        due
    }

    /// Takes the job that has been due longest, if one is due; `on_the_wall` tells elapsed due times by the other
    /// clock.
    pub fn take_due(
        &mut self,
        now: Moment,
        on_the_wall: impl Fn(Duration) -> Timestamp,
    ) -> Option<(JobName, Due)> {
        let by_wall = self.wall.first().filter(|(at, _)| *at <= now.wall);
        let by_wall = by_wall.map(|(at, job)| (*at, job));
        let by_elapsed = self.elapsed.first().filter(|(at, _)| *at <= now.elapsed);
        let by_elapsed = by_elapsed.map(|(at, job)| (on_the_wall(*at), job));
        let (_, job) = by_wall.into_iter().chain(by_elapsed).min()?;
        let job = job.clone();
        let due = self.remove(&job);
        Some((job, due))
    }

    /// The job that is due first on each clock.
    pub fn first(&self) -> impl Iterator<Item = &JobName> {
        let by_wall = self.wall.first().map(|(_, job)| job);
        let by_elapsed = self.elapsed.first().map(|(_, job)| job);
        by_wall.into_iter().chain(by_elapsed)
    }

    /// What is due by elapsed time.
    pub fn elapsed(&self) -> impl Iterator<Item = (Duration, &JobName)> {
        self.elapsed.iter().map(|(at, job)| (*at, job))
    }

    /// How many jobs are due some time.
    pub fn len(&self) -> usize {
        self.due.len()
    }

    pub fn next_wake(&self) -> Wake {
        Wake {
            wall: self.wall.first().map(|(at, _)| *at),
            elapsed: self.elapsed.first().map(|(at, _)| *at),
        }
    }
}

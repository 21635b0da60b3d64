//! The coming instants of jobs, as the agenda stands now.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::agenda::Due;
use super::{Engine, due};
use crate::config::{Job, Timing};
use crate::run::JobName;

/// A coming instant of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upcoming {
    pub at: Timestamp,
    pub moved_from: Option<DateTime>,
}

impl Engine {
    /// The next `count` instants of a job; fewer where it is not due so often any more.
    pub fn upcoming(&self, job: &Job, count: usize) -> Vec<Upcoming> {
        let first = self.agenda.of(&job.name);
        std::iter::successors(Some(first), |&due| Some(following(job, due)))
            .map_while(|due| self.instant_of(due))
            .take(count)
            .collect()
    }

    /// The next `count` instants over all jobs, by time and then by name. A job is asked for another one only
    /// after its last one was taken: few of many jobs cost little.
    pub fn coming(&self, count: usize) -> Vec<(&Job, Upcoming)> {
        let jobs = self.config.jobs.values();
        let mut dues: Vec<_> = jobs
            .map(|job| (&**job, self.agenda.of(&job.name)))
            .collect();
        let at = |due, place| self.instant_of(due).map(|next| Reverse((next.at, place)));
        let mut queue: BinaryHeap<_> = (dues.iter().enumerate())
            .filter_map(|(place, &(_, due))| at(due, place))
            .collect();
        let mut coming = Vec::new();
        while coming.len() < count
            && let Some(Reverse((_, place))) = queue.pop()
        {
            let (job, due) = &mut dues[place];
            coming.extend(self.instant_of(*due).map(|next| (*job, next)));
            *due = following(job, *due);
            queue.extend(at(*due, place));
        }
        coming
    }

    /// The next instant of a job.
    pub fn next_due(&self, job: &JobName) -> Option<Timestamp> {
        self.instant_of(self.agenda.of(job)).map(|next| next.at)
    }

    fn instant_of(&self, due: Due) -> Option<Upcoming> {
        match due {
            Due::Never => None,
            Due::Wall(instant) => Some(Upcoming {
                at: instant.at,
                moved_from: instant.moved_from,
            }),
            Due::Elapsed(at) => Some(Upcoming {
                at: due::instant_of(at, self.clocks)?,
                moved_from: None,
            }),
        }
    }
}

/// When a job is due after that.
fn following(job: &Job, due: Due) -> Due {
    match (due, &job.timing) {
        (Due::Wall(instant), Timing::Schedule(schedule)) => schedule
            .next_after(instant.at)
            .map_or(Due::Never, Due::Wall),
        (Due::Elapsed(at), Timing::Every(every)) => {
            at.checked_add(*every).map_or(Due::Never, Due::Elapsed)
        }
        _ => Due::Never,
    }
}

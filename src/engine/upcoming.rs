//! The coming instants of a job, as the agenda stands now.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::agenda::Due;
use super::{Engine, due};
use crate::config::{Job, Timing};
use crate::schedule::Instant;

/// A coming instant of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upcoming {
    pub at: Timestamp,
    pub moved_from: Option<DateTime>,
}

impl Engine {
    /// The next `count` instants of a job; fewer where it is not due so often any more.
    pub fn upcoming(&self, job: &Job, count: usize) -> Vec<Upcoming> {
        match (self.agenda.of(&job.name), &job.timing) {
            (Due::Wall(first), Timing::Calendar(calendar)) => {
                let following = |instant: &Instant| calendar.next_after(instant.at);
                std::iter::successors(Some(first), following)
                    .take(count)
                    .map(|instant| Upcoming {
                        at: instant.at,
                        moved_from: instant.moved_from,
                    })
                    .collect()
            }
            (Due::Elapsed(first), Timing::Every(every)) => {
                std::iter::successors(Some(first), |at| at.checked_add(*every))
                    .take(count)
                    .map(|at| Upcoming {
                        at: due::wall_instant(at, self.clocks),
                        moved_from: None,
                    })
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

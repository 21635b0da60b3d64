//! What is due next, as the agenda stands now.

use std::sync::Arc;

use jiff::Timestamp;

use super::agenda::Due;
use super::{Engine, due};
use crate::config::Job;
use crate::forecast::{Forecast, Upcoming};
use crate::run::JobName;

impl Engine {
    /// The coming instants of all jobs as of `now`, for whoever has the time to look at them.
    pub fn forecast(&self, now: Timestamp) -> Forecast {
        let intervals = self.agenda.elapsed().filter_map(|(at, job)| {
            let instant = due::instant_of(*at, self.clocks)?;
            Some((job.clone(), instant))
        });
        Forecast::new(Arc::clone(&self.config), now, intervals.collect())
    }

    /// What is due first of all.
    pub fn first_due(&self) -> Option<(&Job, Upcoming)> {
        let first = self.agenda.first().filter_map(|name| {
            let job = self.config.jobs.get(name)?;
            Some((&**job, self.instant_of(self.agenda.of(name))?))
        });
        first.min_by_key(|(job, next)| (next.at, &job.name))
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

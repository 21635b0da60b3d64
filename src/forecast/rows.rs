//! The coming instants one by one: `hupctl next`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Forecast, Upcoming};
use crate::config::{Config, Job, Timing};
use crate::schedule::Zone;

/// Which coming instants are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NextFilter {
    pub job: Option<String>,
    /// Strictly after that; after now where nothing is said.
    pub from: Option<Timestamp>,
    /// Not after that.
    pub to: Option<Timestamp>,
    pub count: usize,
}

/// What `hupctl next` is answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NextRows {
    pub next: Vec<NextRow>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

/// One instant of `hupctl next`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NextRow {
    pub job: String,
    pub at: Timestamp,
    /// In the job's own zone, with offset: RFC 3339.
    pub local: String,
    /// The wall-clock time that a clock change left out, where it moved the run.
    pub moved_from: Option<String>,
}

impl NextRow {
    pub fn new(config: &Config, job: &Job, upcoming: Upcoming) -> Self {
        Self {
            job: job.name.to_string(),
            at: upcoming.at,
            local: zone_of(job, config).format(upcoming.at),
            moved_from: upcoming.moved_from.map(|from| from.to_string()),
        }
    }
}

impl Forecast {
    /// The instants that are asked for; none where there is no such job.
    pub fn next(&self, filter: &NextFilter) -> Option<NextRows> {
        let jobs = self.jobs(filter.job.as_deref())?;
        let until = filter.to.unwrap_or(Timestamp::MAX);
        let coming = self.coming(jobs, filter.from.unwrap_or(self.now));
        let mut coming = coming.take_while(|(_, upcoming)| upcoming.at <= until);
        let row = |(job, upcoming)| NextRow::new(&self.config, job, upcoming);
        let next = coming.by_ref().take(filter.count).map(row).collect();
        Some(NextRows {
            next,
            more: coming.next().is_some(),
        })
    }
}

impl Forecast {
    /// The next instant of a job.
    pub fn next_of(&self, job: &Job) -> Option<NextRow> {
        let next = self.next_after(job, self.now)?;
        Some(NextRow::new(&self.config, job, next))
    }
}

/// The zone that tells the instants of a job.
pub fn zone_of<'a>(job: &'a Job, config: &'a Config) -> &'a Zone {
    match &job.timing {
        Timing::Schedule(schedule) => &schedule.zone,
        Timing::Never | Timing::Every(_) => &config.daemon.timezone,
    }
}

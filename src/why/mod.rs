//! What became of an instant of a job, and why: from the ledger and the schedule in force. Pure.

mod answer;
mod point;
mod reasons;
mod wanted;

use std::sync::Arc;

use jiff::Timestamp;

use crate::config::Job;
use crate::forecast::Forecast;
use crate::ledger::Pause;
use crate::protocol::OccurrenceRow;
use crate::run::{Generation, JobName};
use crate::schedule::Zone;

use point::Point;
pub use wanted::WantedTime;

/// What somebody wants to know, and how things stand.
#[derive(Clone, Debug)]
pub struct Case {
    now: Circumstances,
    zone: Zone,
    /// The instants that the time means that was asked for; none where none was.
    points: Vec<Point>,
}

/// How things stand when somebody asks.
#[derive(Clone, Debug)]
pub struct Circumstances {
    pub job: Arc<Job>,
    pub forecast: Forecast,
    pub generation: Generation,
    /// Since when it is in force.
    pub since: Timestamp,
    pub started_at: Timestamp,
    /// Why the history is not being recorded, if it is not.
    pub store_failure: Option<String>,
    /// The pause of the job, if it is paused.
    pub pause: Option<Pause>,
}

/// What the ledger knows about a case.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The occurrences in the second of each instant.
    pub at: Vec<Vec<OccurrenceRow>>,
    /// The newest ones, where no time was asked for.
    pub newest: Nearest,
    /// The one before the first instant, and the one after the last, where at one there is none.
    pub before: Nearest,
    pub after: Nearest,
    /// Of whatever job.
    pub oldest: Option<Timestamp>,
    /// The generation that was in force at the first instant, and since when.
    pub generation: Option<(u64, Timestamp)>,
}

/// The nearest occurrences of a job to an instant.
#[derive(Clone, Debug, Default)]
pub struct Nearest {
    pub rows: Vec<OccurrenceRow>,
    /// Up to where all rows were looked at, if not all the way: beyond it only what ran was found.
    pub looked_up_to: Option<Timestamp>,
}

impl Case {
    pub fn new(now: Circumstances, wanted: Option<WantedTime>) -> Self {
        let zone = now.forecast.zone_of(&now.job).clone();
        let instants = wanted.map(|wanted| wanted.instants(&zone, now.forecast.now()));
        let points = instants.unwrap_or_default().into_iter();
        let points = points.flat_map(|instant| Point::all_of(instant, &now));
        Self {
            points: points.collect(),
            now,
            zone,
        }
    }

    pub fn job(&self) -> &JobName {
        &self.now.job.name
    }

    /// The zone of the job.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The seconds in which occurrences are looked for; none where the newest ones are wanted.
    pub fn seconds(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        self.points.iter().map(Point::second)
    }
}

//! How many instants are in each slice of a stretch of time: `hupctl next --chart`.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Forecast;
use crate::config::Job;

/// As far as is counted: a slice that has so many is full.
pub const FULL: u8 = 10;
/// A chart has at most so many slices.
pub const MOST_SLICES: i64 = 500;
const DAY: i64 = 24 * 60 * 60;

/// Which chart is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartFilter {
    pub job: Option<String>,
    /// Strictly after that; after now where nothing is said.
    pub from: Option<Timestamp>,
    /// Not after that; a day where nothing is said.
    pub to: Option<Timestamp>,
    /// How long a slice is, in seconds.
    pub slice: u32,
}

/// What `hupctl next --chart` is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// The zone by whose clocks the slices begin.
    pub timezone: String,
    pub slice_seconds: u32,
    /// When each slice begins, and the last one ends, in that zone with offset: RFC 3339.
    pub bounds: Vec<String>,
    /// The jobs that are due in it, by name.
    pub rows: Vec<ChartRow>,
}

/// The instants of one job in each slice; ten stands for more as well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChartRow {
    pub job: String,
    pub counts: Vec<u8>,
}

impl ChartFilter {
    /// From where to where, if that is a stretch of time with not too many slices.
    pub fn span(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), String> {
        let from = self.from.unwrap_or(now);
        let day = || from.checked_add(SignedDuration::from_secs(DAY));
        let to = self.to.or_else(|| day().ok()).unwrap_or(Timestamp::MAX);
        let seconds = to.duration_since(from).as_secs();
        match seconds / i64::from(self.slice.max(1)) {
            _ if to <= from => Err(format!("'to' is not after {from}")),
            slices if slices >= MOST_SLICES => Err(format!(
                "a chart has at most {MOST_SLICES} slices; ask for longer ones"
            )),
            _ => Ok((from, to)),
        }
    }
}

impl Forecast {
    /// The chart that is asked for; none where there is no such job. Its span must be right.
    pub fn chart(&self, filter: &ChartFilter) -> Option<Chart> {
        let jobs = self.jobs(filter.job.as_deref())?;
        let (from, to) = filter.span(self.now).ok()?;
        let zone = &self.config.daemon.timezone;
        let bounds = bounds((from, zone.wall(from)), to, filter.slice);
        let row = |job: &Job| {
            let counts = self.counts(job, &bounds)?;
            let job = job.name.to_string();
            Some(ChartRow { job, counts })
        };
        Some(Chart {
            rows: jobs.into_iter().filter_map(row).collect(),
            timezone: zone.name().to_owned(),
            slice_seconds: filter.slice,
            bounds: bounds.iter().map(|bound| zone.format(*bound)).collect(),
        })
    }

    /// How many instants are in each slice; none where none is in any. What is in a full slice is not looked
    /// at: the next slice is.
    fn counts(&self, job: &Job, bounds: &[Timestamp]) -> Option<Vec<u8>> {
        let (slices, end) = (bounds.len() - 1, *bounds.last()?);
        let mut counts = vec![0; slices];
        let first = self.next_after(job, bounds[0])?;
        let mut next = Some(first).filter(|next| next.at <= end)?;
        loop {
            // The last slice has its end in it.
            let slice = bounds[1..slices].partition_point(|bound| *bound <= next.at);
            counts[slice] += 1;
            let is_full = counts[slice] == FULL;
            let from = match is_full && slice + 1 < slices {
                true => just_before(bounds[slice + 1]),
                false => next.at,
            };
            let following = self.next_after(job, from).filter(|next| next.at <= end);
            match following.filter(|_| !is_full || slice + 1 < slices) {
                Some(following) => next = following,
                None => return Some(counts),
            }
        }
    }
}

fn just_before(time: Timestamp) -> Timestamp {
    let before = time.checked_sub(SignedDuration::from_nanos(1));
    before.unwrap_or(Timestamp::MIN)
}

/// From `from` on wherever a clock on the wall shows a multiple of a slice, and `to`. After a clock change slices
/// are as long as before, whatever the clock shows.
fn bounds((from, wall): (Timestamp, DateTime), to: Timestamp, slice: u32) -> Vec<Timestamp> {
    let slice = i64::from(slice.max(1));
    let shown = Offset::UTC.to_timestamp(wall);
    let into = shown.map_or(0, |shown| shown.as_second().rem_euclid(slice));
    let first = from.as_second() - into + slice;
    let inner = (0..).map(|number| first + number * slice);
    let inner = inner.map_while(|second| Timestamp::from_second(second).ok());
    let inner = inner.take_while(|bound| *bound < to);
    [from].into_iter().chain(inner).chain([to]).collect()
}

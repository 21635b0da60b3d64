//! Periods of a zone: stretches of time with one offset from UTC.

use std::iter;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::digest::Digest;

/// 2200-01-01, behind the last year that can be named: up to here the periods of a zone are listed once,
/// what follows is worked out on demand.
const TABLE_END: i64 = 7_258_118_400;
/// The rules for the far future repeat every year, so a walk that starts two years early has the
/// change before any instant right.
const RUN_UP: i64 = 2 * 366 * 86_400;
/// A stretch of the index has 2^24 seconds, about half a year: mostly one change of the clocks.
const STRETCH_BITS: u32 = 24;
pub(super) const FOREVER: i64 = i64::MAX;

/// A stretch of time with one offset from UTC. All numbers are seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub start: i64,
    pub end: i64,
    pub offset: i64,
    /// The wall-clock time up to which the days before were lived through: earlier than the start
    /// on the wall after a gap, later where a stretch repeats.
    pub lived: i64,
}

/// The periods of a zone from the beginning of time to a little beyond 2200.
#[derive(Debug)]
pub(super) struct Table {
    periods: Box<[Period]>,
    /// For every stretch of time from 1970 on the period in which it begins: so few are looked at.
    index: Box<[u32]>,
}

impl Table {
    pub fn new(zone: &TimeZone) -> Self {
        let periods = periods(zone, Timestamp::MIN).take_while(|period| period.start < TABLE_END);
        let periods: Box<[_]> = periods.collect();
        let period_of = |time| periods.partition_point(|period| period.end <= time) as u32;
        let later = (1..=stretch(TABLE_END)).map(|stretch| period_of(stretch << STRETCH_BITS));
        // What is earlier than 1970 belongs to the first one.
        let index = iter::once(0).chain(later).collect();
        Self { periods, index }
    }

    /// The period of an instant and all that follow which are listed.
    fn from(&self, time: i64) -> &[Period] {
        let first = self.index[stretch(time.min(TABLE_END)) as usize] as usize;
        let listed = &self.periods[first..];
        let past = listed.iter().take_while(|period| period.end <= time);
        &listed[past.count()..]
    }

    pub fn digest(&self) -> Digest {
        let periods = self.periods.iter();
        let numbers = periods.flat_map(|it| [it.start, it.end, it.offset, it.lived]);
        Digest::of(&numbers.flat_map(i64::to_le_bytes).collect::<Vec<_>>())
    }

    /// Up to here it goes.
    fn end(&self) -> i64 {
        self.periods.last().map_or(FOREVER, |period| period.end)
    }
}

/// Which stretch of the index a time belongs to.
fn stretch(time: i64) -> i64 {
    (time >> STRETCH_BITS).max(0)
}

/// The period of an instant.
pub(super) fn of(zone: &TimeZone, table: &Table, time: i64) -> Option<Period> {
    let listed = table.from(time).first().copied();
    listed.or_else(|| from(zone, table, time).next())
}

/// The period of an instant and all that follow, first those of the table.
pub(super) fn from<'z>(
    zone: &'z TimeZone,
    table: &'z Table,
    time: i64,
) -> impl Iterator<Item = Period> + 'z {
    let beyond = (table.end() < FOREVER).then_some(table.end().max(time));
    let beyond = beyond.into_iter().flat_map(move |time| {
        let start = Timestamp::from_second(time - RUN_UP).unwrap_or(Timestamp::MAX);
        periods(zone, start).skip_while(move |period| period.end <= time)
    });
    table.from(time).iter().copied().chain(beyond)
}

fn periods(zone: &TimeZone, from: Timestamp) -> impl Iterator<Item = Period> {
    let offset = i64::from(zone.to_offset(from).seconds());
    let start = from.as_second();
    let first = Period {
        start,
        end: FOREVER,
        offset,
        lived: start + offset,
    };
    let mut changes = zone.following(from);
    let mut open = Some(first);
    iter::from_fn(move || {
        let mut period = open.take()?;
        if let Some(change) = changes.next() {
            period.end = change.timestamp().as_second();
            let offset = i64::from(change.offset().seconds());
            let lived = period.lived.max(period.end + period.offset);
            open = Some(Period {
                start: period.end,
                end: FOREVER,
                offset,
                lived,
            });
        }
        Some(period)
    })
}

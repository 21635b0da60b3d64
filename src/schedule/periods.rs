//! Periods of a zone: stretches of time with one offset from UTC.

use std::iter;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// 2100-01-01: up to here the periods of a zone are listed once, what follows is worked out on
/// demand.
const TABLE_END: i64 = 4_102_444_800;
/// The rules for the far future repeat every year, so a walk that starts two years early has the
/// change before any instant right.
const RUN_UP: i64 = 2 * 366 * 86_400;
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

/// The periods of a zone from the beginning of time to a little beyond 2100.
pub(super) fn table(zone: &TimeZone) -> Box<[Period]> {
    periods(zone, Timestamp::MIN)
        .take_while(|period| period.start < TABLE_END)
        .collect()
}

/// The period of an instant and all that follow, first those of the table.
pub(super) fn from<'z>(
    zone: &'z TimeZone,
    table: &'z [Period],
    time: i64,
) -> impl Iterator<Item = Period> + 'z {
    let listed = &table[table.partition_point(|period| period.end <= time)..];
    let listed_until = table.last().map_or(FOREVER, |period| period.end);
    let beyond = (listed_until < FOREVER).then_some(listed_until.max(time));
    let beyond = beyond.into_iter().flat_map(move |time| {
        let start = Timestamp::from_second(time - RUN_UP).unwrap_or(Timestamp::MAX);
        periods(zone, start).skip_while(move |period| period.end <= time)
    });
    listed.iter().copied().chain(beyond)
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

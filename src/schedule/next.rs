//! The next instant of a pattern: a walk over the periods of a zone. Within a period the wall clock is UTC plus a
//! constant, so nothing is converted there.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::days::SECONDS_PER_DAY;
use super::pattern::{Pattern, Watch};
use super::periods::{FOREVER, Period};
use super::{Dst, Instant, Zone};

/// Behind it there are no instants: the end of the year 9999.
const END: i64 = 253_402_300_800;
/// So far from UTC a clock on a wall may be, and a little more.
const FARTHEST: i64 = 27 * 3600;
/// A greater jump is no daylight saving but a correction of the calendar: nothing is made up for.
const WIDEST_GAP: i64 = 3 * 3600;

impl Pattern {
    /// The first instant strictly after `time`; none where there is none any more.
    pub fn next_after(&self, time: Timestamp, zone: &Zone, dst: Dst) -> Option<Instant> {
        let is_before_full_second = time.subsec_nanosecond() < 0;
        let mut from = time.as_second() + i64::from(!is_before_full_second);
        let last_day = self.days.last_after(from.div_euclid(SECONDS_PER_DAY));
        loop {
            let period = zone.periods_from(from).next()?;
            let instant = self.first_of(&period, from, dst);
            if instant.is_some() || period.end == FOREVER {
                return instant;
            }
            // Nothing follows before the next day that is named begins somewhere.
            let day = (period.end - FARTHEST).div_euclid(SECONDS_PER_DAY);
            let day = self.days.first_from(day, last_day)?;
            from = period.end.max(day * SECONDS_PER_DAY - FARTHEST);
        }
    }

    /// The first instant of a period, at `from` or later.
    fn first_of(&self, period: &Period, from: i64, dst: Dst) -> Option<Instant> {
        let mut begins = from.max(period.start) + period.offset;
        if self.times.watch == Watch::Fixed {
            let is_ahead = period.start >= from;
            if is_ahead && let Some(lost) = self.made_up_for(period, dst) {
                return self.instant(period.start, Some(lost));
            }
            // A repeated time has had its run in the first pass, whether anybody remembers or not.
            begins = begins.max(period.lived);
        }
        let wall = self.first_in(begins, period.end.min(END) + period.offset)?;
        self.instant(wall - period.offset, None)
    }

    /// The first wall-clock time that was asked for and left out when the period began, where that is made up for
    /// to somebody who chose it.
    pub fn made_up_for(&self, period: &Period, dst: Dst) -> Option<DateTime> {
        let resumes = period.start + period.offset;
        if dst == Dst::Skip || resumes - period.lived > WIDEST_GAP {
            return None;
        }
        wall(self.first_in(period.lived, resumes)?)
    }

    fn instant(&self, second: i64, moved_from: Option<DateTime>) -> Option<Instant> {
        let at = Timestamp::from_second(second).ok()?;
        Some(Instant {
            at,
            moved_from,
            watch: self.times.watch,
        })
    }
}

/// What a clock on a wall shows, from its seconds since 1970.
pub(super) fn wall(second: i64) -> Option<DateTime> {
    let time = Timestamp::from_second(second).ok()?;
    Some(Offset::UTC.to_datetime(time))
}

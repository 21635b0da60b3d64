//! The next instant of a pattern: a walk over the periods of a zone. Within a period the wall clock is UTC plus a
//! constant, so nothing is converted there.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::pattern::{Pattern, Watch};
use super::periods::Period;
use super::{Dst, Instant, Zone};

/// So far from UTC a clock on a wall may be, and a little more.
const FARTHEST: i64 = 27 * 3600;
/// A greater jump is no daylight saving but a correction of the calendar: nothing is made up for.
const WIDEST_GAP: i64 = 3 * 3600;

impl Pattern {
    /// The first instant strictly after `time`; none where there is none any more.
    pub fn next_after(&self, time: Timestamp, zone: &Zone, dst: Dst) -> Option<Instant> {
        let is_before_full_second = time.subsec_nanosecond() < 0;
        let mut from = time.as_second() + i64::from(!is_before_full_second);
        // The first time on a wall that is named and still to come.
        let mut named = None;
        loop {
            let period = zone.period_of(from)?;
            if from == period.start
                && let Some(lost) = self.made_up_for(&period, dst)
            {
                return self.instant(from, Some(lost));
            }
            let begins = self.begins(&period, from);
            if named.is_none_or(|wall| wall < begins) {
                named = self.first_from(begins);
            }
            if let Some(wall) = named
                && wall - period.offset < period.end
            {
                return self.instant(wall - period.offset, None);
            }
            // Clocks may go back over what they showed, but behind the period none shows what is earlier than that.
            let earliest = period.end - FARTHEST;
            if begins > earliest {
                named = self.first_from(earliest);
            }
            from = period.end.max(named? - FARTHEST);
        }
    }

    /// What a clock on a wall shows at `from`, or where what it shows counts again.
    fn begins(&self, period: &Period, from: i64) -> i64 {
        let wall = from + period.offset;
        match self.times.watch {
            Watch::Wild => wall,
            // A repeated time has had its run in the first pass, whether anybody remembers or not.
            Watch::Fixed => wall.max(period.lived),
        }
    }

    /// The first wall-clock time that was asked for and left out when the period began, where that is made up for:
    /// to somebody who chose it.
    pub fn made_up_for(&self, period: &Period, dst: Dst) -> Option<DateTime> {
        let resumes = period.start + period.offset;
        let is_chosen = self.times.watch == Watch::Fixed;
        if !is_chosen || dst == Dst::Skip || resumes - period.lived > WIDEST_GAP {
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

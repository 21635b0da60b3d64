//! The next instant of a pattern: a walk over the periods of a zone. Within a period the wall clock is UTC plus a
//! constant, so nothing is converted there.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::days::DAYS_PER_CYCLE;
use super::pattern::{Pattern, Watch};
use super::periods::Period;
use super::{Dst, Instant, Zone};

/// What has not fired in a whole cycle of the calendar never will.
const CYCLE: i64 = DAYS_PER_CYCLE * 86_400;
/// A greater jump is no daylight saving but a correction of the calendar: nothing is made up for.
const WIDEST_GAP: i64 = 3 * 3600;

impl Pattern {
    /// The first instant strictly after `time`; none where there is none any more.
    pub fn next_after(&self, time: Timestamp, zone: &Zone, dst: Dst) -> Option<Instant> {
        let from = time.as_nanosecond().div_euclid(1_000_000_000) as i64 + 1;
        let (opens, closes) = self.days.bounds();
        let from = from.max(opens);
        let until = (from + CYCLE).min(closes);
        zone.periods_from(from)
            .take_while(|period| period.start < until)
            .find_map(|period| self.first_of(&period, from, until, dst))
    }

    /// The first instant of a period, at `from` or later and before `until`.
    fn first_of(&self, period: &Period, from: i64, until: i64, dst: Dst) -> Option<Instant> {
        let mut begins = from.max(period.start) + period.offset;
        if self.times.watch == Watch::Fixed {
            let is_ahead = period.start >= from;
            if let Some(lost) = self.made_up_for(period, dst).filter(|_| is_ahead) {
                return self.instant(period.start, Some(lost));
            }
            // A repeated time has had its run in the first pass, whether anybody remembers or not.
            begins = begins.max(period.lived);
        }
        let wall = self.first_in(begins, period.end.min(until) + period.offset)?;
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

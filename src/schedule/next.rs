//! The next instant of an expression: a walk over the periods of a zone. Within a period the wall
//! clock is UTC plus a constant, so nothing is converted there.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::days::DAYS_PER_CYCLE;
use super::periods::Period;
use super::{Cron, Instant, Zone};

const MINUTES_PER_DAY: i64 = 1440;
/// What has not fired in a whole cycle of the calendar never will.
const CYCLE: i64 = DAYS_PER_CYCLE * 86_400;
/// A greater jump is no daylight saving but a correction of the calendar: nothing is made up for.
const WIDEST_GAP: i64 = 3 * 3600;

/// The minutes of a day that an expression names: a bit for every value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub minutes: u64,
    pub hours: u32,
    pub watch: Watch,
}

/// Which time an expression watches when the clocks change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    /// Minute or hour begins with `*`: every real minute that matches, both passes of a repeated hour.
    Wild,
    /// Times that a person chose: one run for each, whether its hour is left out or repeated.
    Fixed,
}

impl Times {
    /// The first of them from a minute of the day on.
    fn first_from(&self, minute: u32) -> Option<u32> {
        let (hour, minute) = (minute / 60, minute % 60);
        if self.hours >> hour & 1 == 1 {
            let rest = self.minutes & (u64::MAX << minute);
            if rest != 0 {
                return Some(hour * 60 + rest.trailing_zeros());
            }
        }
        match self.hours & (u32::MAX << (hour + 1)) {
            0 => None,
            later => Some(later.trailing_zeros() * 60 + self.minutes.trailing_zeros()),
        }
    }
}

impl Cron {
    pub(super) fn next_after(&self, time: Timestamp, zone: &Zone) -> Option<Instant> {
        let from = time.as_nanosecond().div_euclid(1_000_000_000) as i64 + 1;
        let until = (from + CYCLE).min(Timestamp::MAX.as_second() + 1);
        zone.periods_from(from)
            .take_while(|period| period.start < until)
            .find_map(|period| self.first_in(&period, from, until))
    }

    /// The first instant of a period, at `from` or later and before `until`.
    fn first_in(&self, period: &Period, from: i64, until: i64) -> Option<Instant> {
        let mut begins = from.max(period.start) + period.offset;
        if self.times.watch == Watch::Fixed {
            let is_ahead = period.start >= from;
            if let Some(lost) = self.first_lost(period).filter(|_| is_ahead) {
                return instant(period.start, Some(lost));
            }
            // A repeated time has had its run in the first pass, whether anybody remembers or not.
            begins = begins.max(period.lived);
        }
        let wall = self.first_wall(begins, period.end.min(until) + period.offset)?;
        instant(wall - period.offset, None)
    }

    /// The first wall-clock time that was asked for and left out when the period began.
    fn first_lost(&self, period: &Period) -> Option<DateTime> {
        let resumes = period.start + period.offset;
        if resumes - period.lived > WIDEST_GAP {
            return None;
        }
        let wall = self.first_wall(period.lived, resumes)?;
        Some(Offset::UTC.to_datetime(Timestamp::from_second(wall).ok()?))
    }

    /// The first wall-clock second in `from..until` that matches: always a full minute.
    fn first_wall(&self, from: i64, until: i64) -> Option<i64> {
        let minute = (from + 59).div_euclid(60);
        let last = (until - 1).div_euclid(60);
        if minute > last {
            return None;
        }
        let (today, last_day) = (
            minute.div_euclid(MINUTES_PER_DAY),
            last.div_euclid(MINUTES_PER_DAY),
        );
        let mut day = self.days.first_from(today, last_day)?;
        let now = if day == today {
            minute.rem_euclid(MINUTES_PER_DAY)
        } else {
            0
        };
        let mut time = self.times.first_from(now as u32);
        if time.is_none() {
            day = self.days.first_from(day + 1, last_day)?;
            time = self.times.first_from(0);
        }
        let found = day * MINUTES_PER_DAY + i64::from(time?);
        (found <= last).then_some(found * 60)
    }
}

fn instant(second: i64, moved_from: Option<DateTime>) -> Option<Instant> {
    let at = Timestamp::from_second(second).ok()?;
    Some(Instant { at, moved_from })
}

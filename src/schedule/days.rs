//! Which days a pattern names. Days are counted from 1970-01-01 on.

use jiff::Timestamp;
use jiff::tz::Offset;

use super::rare_days::{RareDays, Years};

const SECONDS_PER_DAY: i64 = 86_400;
/// The Gregorian calendar repeats after 400 years, weekdays included.
pub(super) const DAYS_PER_CYCLE: i64 = 146_097;
const YEARS_PER_CYCLE: i64 = 400;
/// 1970-01-01 was a Thursday; Sunday is 0.
const FIRST_WEEKDAY: i64 = 4;
/// One bit in seven: repeats a week over a month.
const WEEKS: u64 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28;

/// The days that a pattern names: a bit for every value, that of day 1 being bit 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Days {
    pub days: u32,
    pub months: u16,
    /// Sunday is bit 0.
    pub weekdays: u8,
    pub rule: DayRule,
    /// What few patterns have.
    pub rare: Option<Box<RareDays>>,
}

/// How day of month and day of week go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayRule {
    /// A day must be named by both.
    Both,
    /// By one of them: the classic rule of cron, where neither field begins with `*`.
    Either,
}

/// A month of a year, and where its days lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Month {
    year: i64,
    /// From 1 on.
    number: u32,
    first_day: i64,
}

impl Days {
    /// The first of them from `day` to `last_day`. Walks by months and skips years, so a leap day on a Monday is
    /// found soon.
    pub fn first_from(&self, day: i64, last_day: i64) -> Option<i64> {
        let (mut month, day_of_month) = Month::of(day);
        let mut found = self.within(month) & (u32::MAX << day_of_month);
        while found == 0 {
            month = self.month_after(month)?;
            if month.first_day > last_day {
                return None;
            }
            found = self.within(month);
        }
        let day = month.first_day + i64::from(found.trailing_zeros()) - 1;
        (day <= last_day).then_some(day)
    }

    fn month_after(&self, month: Month) -> Option<Month> {
        let next = month.next();
        match self.years() {
            Some(years) if !years.names(next.year) => {
                let year = years.first_from(next.year)?;
                Some(Month::january(year))
            }
            _ => Some(next),
        }
    }

    /// The years that are named; none where all are.
    pub fn years(&self) -> Option<&Years> {
        self.rare.as_ref()?.years.as_ref()
    }

    /// A bit for every day of the month that is named, the first of the month being bit 1.
    fn within(&self, month: Month) -> u32 {
        if self.months >> month.number & 1 == 0 {
            return 0;
        }
        let begins = month.first_weekday();
        let week = u64::from(self.weekdays) >> begins | u64::from(self.weekdays) << (7 - begins);
        let mut weekdays = (((week & 0x7f) * WEEKS) << 1) as u32;
        let mut days = self.days;
        if let Some(rare) = &self.rare {
            if !rare.is_in_years(month.year) {
                return 0;
            }
            days |= rare.days_of_month(month);
            weekdays |= rare.weekdays(month);
        }
        let named = match self.rule {
            DayRule::Both => days & weekdays,
            DayRule::Either => days | weekdays,
        };
        named & (u32::MAX >> (31 - month.length()))
    }

    /// Before the first and after the last second of the years that are named, in whatever zone.
    pub fn bounds(&self) -> (i64, i64) {
        let Some(years) = self.years() else {
            return (i64::MIN, Timestamp::MAX.as_second() + 1);
        };
        let (first, last) = years.ends();
        let day = |year| Month::january(year).first_day;
        let (opens, closes) = (day(first) - 2, day(last + 1) + 2);
        (opens * SECONDS_PER_DAY, closes * SECONDS_PER_DAY)
    }

    /// Whether any year has such a day.
    pub fn ever_come(&self) -> bool {
        self.first_from(0, DAYS_PER_CYCLE).is_some()
    }
}

impl Month {
    /// The month of a day, and which day of it that is. All cycles of 400 years are alike, and the one from 1970
    /// on is surely in range.
    fn of(day: i64) -> (Self, u32) {
        let time = Timestamp::from_second(day.rem_euclid(DAYS_PER_CYCLE) * SECONDS_PER_DAY)
            .expect("400 years from 1970 on are in range");
        let date = Offset::UTC.to_datetime(time).date();
        let cycles = day.div_euclid(DAYS_PER_CYCLE);
        let month = Self {
            year: i64::from(date.year()) + cycles * YEARS_PER_CYCLE,
            number: u32::from(date.month().unsigned_abs()),
            first_day: day - i64::from(date.day()) + 1,
        };
        (month, u32::from(date.day().unsigned_abs()))
    }

    fn january(year: i64) -> Self {
        // The days of the years before, one leap day in four, but for whole centuries.
        let before = year - 1;
        let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
        let days = before * 365 + leap_days;
        Self {
            year,
            number: 1,
            first_day: days - DAYS_BEFORE_1970,
        }
    }

    fn next(self) -> Self {
        let first_day = self.first_day + i64::from(self.length());
        match self.number {
            12 => Self {
                year: self.year + 1,
                number: 1,
                first_day,
            },
            _ => Self {
                number: self.number + 1,
                first_day,
                ..self
            },
        }
    }

    pub fn length(self) -> u32 {
        length_of(self.year, self.number)
    }

    /// Of its first day; Sunday is 0.
    pub fn first_weekday(self) -> u32 {
        (self.first_day + FIRST_WEEKDAY).rem_euclid(7) as u32
    }
}

/// From 0001-01-01 on.
const DAYS_BEFORE_1970: i64 = 719_162;

/// The days of a month of a year.
pub(super) fn length_of(year: i64, month: u32) -> u32 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

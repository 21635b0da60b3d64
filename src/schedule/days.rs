//! Which days a pattern names. Days are counted from 1970-01-01 on.

use super::rare_days::{RareDays, Years};
use super::weekdays;

pub(super) const SECONDS_PER_DAY: i64 = 86_400;
/// The Gregorian calendar repeats after 400 years, weekdays included.
pub(super) const DAYS_PER_CYCLE: i64 = 146_097;
const YEARS_PER_CYCLE: i64 = 400;
/// 1970-01-01 was a Thursday; Sunday is 0.
const FIRST_WEEKDAY: i64 = 4;
/// The days before a 1 March in the year 0: from there on a leap day is the last one of its year.
const MARCH_OF_YEAR_0: i64 = -719_468;
/// Before a month, where the year is no leap year.
const DAYS_BEFORE: [i64; 13] = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
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

pub(super) const ALL_DAYS: u32 = u32::MAX - 1;
pub(super) const ALL_MONTHS: u16 = 0b1_1111_1111_1110;

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
        if self.are_all() {
            return Some(day).filter(|day| *day <= last_day);
        }
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

    /// As in most patterns, which are spared the calendar.
    fn are_all(&self) -> bool {
        let is_named = (self.days, self.months, self.weekdays);
        self.rare.is_none() && is_named == (ALL_DAYS, ALL_MONTHS, weekdays::ALL)
    }

    /// The next month that is named, of a year that is.
    fn month_after(&self, month: Month) -> Option<Month> {
        let years = self.years();
        let rest = self.months & (u16::MAX << (month.number + 1));
        if rest != 0 && years.is_none_or(|years| years.names(month.year)) {
            return Some(Month::new(month.year, rest.trailing_zeros()));
        }
        let next = month.year + 1;
        let year = years.map_or(Some(next), |years| years.first_from(next))?;
        Some(Month::new(year, self.months.trailing_zeros()))
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

    /// A day behind which none of them is, or that only sees again what was there from `day` on: what has not come in
    /// a whole cycle of the calendar never will.
    pub fn last_after(&self, day: i64) -> i64 {
        match self.years() {
            None => day + DAYS_PER_CYCLE,
            Some(years) => Month::new(years.last() + 1, 1).first_day,
        }
    }

    /// Whether any year has such a day.
    pub fn ever_come(&self) -> bool {
        self.first_from(0, DAYS_PER_CYCLE).is_some()
    }
}

impl Month {
    /// The month of a day, and which day of it that is. By `civil_from_days` of
    /// <https://howardhinnant.github.io/date_algorithms.html>.
    fn of(day: i64) -> (Self, u32) {
        let days = day - MARCH_OF_YEAR_0;
        let (cycle, of_cycle) = (
            days.div_euclid(DAYS_PER_CYCLE),
            days.rem_euclid(DAYS_PER_CYCLE),
        );
        let leap_days = of_cycle / 1460 - of_cycle / 36_524 + of_cycle / 146_096;
        let year = (of_cycle - leap_days) / 365;
        let of_year = of_cycle - (365 * year + year / 4 - year / 100);
        // Five months from March on have 153 days, and so have the next five.
        let months = (5 * of_year + 2) / 153;
        let before = (153 * months + 2) / 5;
        let is_next_year = months >= 10;
        let month = Self {
            year: year + cycle * YEARS_PER_CYCLE + i64::from(is_next_year),
            number: (if is_next_year { months - 9 } else { months + 3 }) as u32,
            first_day: day - (of_year - before),
        };
        (month, (of_year - before) as u32 + 1)
    }

    fn new(year: i64, number: u32) -> Self {
        // The days of the years before, one leap day in four, but for whole centuries.
        let before = year - 1;
        let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
        let days = before * 365 + leap_days + DAYS_BEFORE[number as usize];
        let has_leap_day = number > 2 && is_leap(year);
        Self {
            year,
            number,
            first_day: days + i64::from(has_leap_day) - DAYS_BEFORE_1970,
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
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

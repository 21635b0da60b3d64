//! Which days an expression names. Days are counted from 1970-01-01 on.

use jiff::Timestamp;
use jiff::tz::Offset;

const SECONDS_PER_DAY: i64 = 86_400;
/// The Gregorian calendar repeats after 400 years, weekdays included.
pub(super) const DAYS_PER_CYCLE: i64 = 146_097;
/// 1970-01-01 was a Thursday; Sunday is 0.
const FIRST_WEEKDAY: i64 = 4;
/// One bit in seven: repeats a week over a month.
const WEEKS: u64 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28;
const MONTHS: [&str; 13] = [
    "",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The days that an expression names: a bit for every value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Days {
    pub days: u32,
    pub months: u16,
    pub weekdays: u8,
    pub rule: DayRule,
}

/// How day of month and day of week go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayRule {
    /// One of the two fields begins with `*`.
    Both,
    /// Neither does: the classic rule of cron.
    Either,
}

#[derive(Clone, Copy)]
struct Month {
    year: i16,
    /// From 1 on.
    number: u32,
    first_day: i64,
}

impl Days {
    /// The first of them from `day` to `last_day`. Walks by months, so a leap day is found soon.
    pub fn first_from(&self, day: i64, last_day: i64) -> Option<i64> {
        let (mut month, day_of_month) = Month::of(day);
        let mut found = self.within(month) & (u32::MAX << day_of_month);
        while found == 0 {
            month = month.next();
            if month.first_day > last_day {
                return None;
            }
            found = self.within(month);
        }
        let day = month.first_day + i64::from(found.trailing_zeros()) - 1;
        (day <= last_day).then_some(day)
    }

    /// A bit for every day of the month that is named, the first of the month being bit 1.
    fn within(&self, month: Month) -> u32 {
        if self.months >> month.number & 1 == 0 {
            return 0;
        }
        let begins = (month.first_day + FIRST_WEEKDAY).rem_euclid(7);
        let week = u64::from(self.weekdays) >> begins | u64::from(self.weekdays) << (7 - begins);
        let weekdays = (((week & 0x7f) * WEEKS) << 1) as u32;
        let named = match self.rule {
            DayRule::Both => self.days & weekdays,
            DayRule::Either => self.days | weekdays,
        };
        named & (u32::MAX >> (31 - month.length()))
    }

    /// Why no year has such a day, where none has. Every day of the year falls on every weekday
    /// sooner or later, so only month and day of month can exclude each other.
    pub fn why_never(&self) -> Option<String> {
        let months: Vec<u32> = (1..=12)
            .filter(|month| self.months >> month & 1 == 1)
            .collect();
        let earliest = self.days.trailing_zeros();
        let may_fire = self.rule == DayRule::Either
            || months
                .iter()
                .any(|&number| earliest <= length_of(LEAP_YEAR, number));
        if may_fire {
            return None;
        }
        let names: Vec<_> = months
            .iter()
            .map(|&number| MONTHS[number as usize])
            .collect();
        let days: Vec<_> = [(30, "30th"), (31, "31st")]
            .into_iter()
            .filter_map(|(day, name)| (self.days >> day & 1 == 1).then_some(name))
            .collect();
        let verb = if names.len() == 1 { "has" } else { "have" };
        Some(format!(
            "{} {verb} no {}",
            joined(&names, "and"),
            joined(&days, "or")
        ))
    }
}

const LEAP_YEAR: i16 = 2000;

impl Month {
    /// The month of a day, and which day of it that is. The year is only as good as its leap day
    /// and its weekdays: all 400 years are alike, and those from 1970 on are surely in range.
    fn of(day: i64) -> (Self, u32) {
        let day_of_cycle = day.rem_euclid(DAYS_PER_CYCLE);
        let time = Timestamp::from_second(day_of_cycle * SECONDS_PER_DAY)
            .expect("400 years from 1970 on are in range");
        let date = Offset::UTC.to_datetime(time).date();
        let month = Self {
            year: date.year(),
            number: u32::from(date.month().unsigned_abs()),
            first_day: day - i64::from(date.day()) + 1,
        };
        (month, u32::from(date.day().unsigned_abs()))
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

    fn length(self) -> u32 {
        length_of(self.year, self.number)
    }
}

fn length_of(year: i16, month: u32) -> u32 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn joined(words: &[&str], last: &str) -> String {
    match words {
        [rest @ .., word] if !rest.is_empty() => format!("{} {last} {word}", rest.join(", ")),
        _ => words.concat(),
    }
}

//! The Gregorian calendar: its months, and the kinds of its years. Days are counted from 1970-01-01 on.
//!
//! Dates are worked out as in C. Neri and L. Schneider, "Euclidean affine functions and their application to calendar
//! algorithms", <https://doi.org/10.1002/spe.3172>, whose constants these are: years that begin with March, so that a
//! leap day is the last one of its year, and numbers without a sign.

/// After so many years the calendar repeats, weekdays included.
pub(super) const YEARS_PER_CYCLE: i64 = 400;
const DAYS_PER_CYCLE: u32 = 146_097;
/// So far back no time reaches.
const CYCLES_BEFORE: u32 = 30;
const YEARS_BEFORE: i64 = CYCLES_BEFORE as i64 * YEARS_PER_CYCLE;
/// Before 1970-01-01.
const DAYS_BEFORE: i64 = 719_468 + (CYCLES_BEFORE * DAYS_PER_CYCLE) as i64;
/// Of the first one of these; Sunday is 0.
const FIRST_WEEKDAY: u32 = 3;

/// A month of a year, and where its days lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Month {
    pub year: i64,
    /// From 1 on.
    pub number: u32,
    pub first_day: i64,
}

impl Month {
    /// The month of a day, and which day of it that is.
    pub fn of(day: i64) -> (Self, u32) {
        let quarters = 4 * since_march(day) + 3;
        let (century, quarters) = (quarters / DAYS_PER_CYCLE, (quarters % DAYS_PER_CYCLE) | 3);
        let years = u64::from(quarters) * 2_939_745;
        let day_of_year = years as u32 / 2_939_745 / 4;
        let months = 2141 * day_of_year + 197_913;
        let (month, days) = (months >> 16, (months & 0xffff) / 2141);
        let year = i64::from(100 * century + (years >> 32) as u32) - YEARS_BEFORE;
        let is_next_year = month > 12;
        let month = Self {
            year: year + i64::from(is_next_year),
            number: if is_next_year { month - 12 } else { month },
            first_day: day - i64::from(days),
        };
        (month, days + 1)
    }

    pub const fn new(year: i64, number: u32) -> Self {
        let is_before_march = number <= 2;
        let years = (year + YEARS_BEFORE - is_before_march as i64) as u32;
        let months = if is_before_march { number + 12 } else { number };
        let centuries = years / 100;
        let days = 1461 * years / 4 - centuries + centuries / 4 + (979 * months - 2919) / 32;
        Self {
            year,
            number,
            first_day: days as i64 - DAYS_BEFORE,
        }
    }

    /// The first of some of its days, a bit for each, that of day 1 being bit 1.
    pub fn first_of(self, days: u32) -> Option<i64> {
        (days != 0).then(|| self.first_day + i64::from(days.trailing_zeros()) - 1)
    }

    pub fn length(self) -> u32 {
        length_of(self.year, self.number)
    }

    /// Of its first day; Sunday is 0.
    pub const fn first_weekday(self) -> u32 {
        weekday(self.first_day)
    }
}

const fn since_march(day: i64) -> u32 {
    (day + DAYS_BEFORE) as u32
}

/// Sunday is 0.
pub(super) const fn weekday(day: i64) -> u32 {
    (since_march(day) + FIRST_WEEKDAY) % 7
}

/// The days of a month of a year.
pub(super) const fn length_of(year: i64, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Kinds of years, a bit for each. There are 14: by the weekday of the first day, and by whether there is a leap day.
/// Years of one kind have the same weekdays all over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct YearKinds(u16);

/// All of them.
impl Default for YearKinds {
    fn default() -> Self {
        Self((1 << 14) - 1)
    }
}

/// The kind of every year of a cycle.
static KINDS: [YearKinds; YEARS_PER_CYCLE as usize] = {
    let mut kinds = [YearKinds(0); YEARS_PER_CYCLE as usize];
    let mut year = 0;
    while year < YEARS_PER_CYCLE {
        let kind = 2 * Month::new(year, 1).first_weekday() + is_leap(year) as u32;
        kinds[year as usize] = YearKinds(1 << kind);
        year += 1;
    }
    kinds
};

impl YearKinds {
    /// Those of which a year has what is looked for.
    pub fn that(have: impl Fn(i64) -> bool) -> Self {
        // From one leap year that ends a century to the next, all of them come within 28 years.
        let years = (2001..=2028).filter(|year| have(*year));
        Self(years.fold(0, |bits, year| bits | Self::of(year).0))
    }

    fn of(year: i64) -> Self {
        KINDS[((year + YEARS_BEFORE) as u32 % YEARS_PER_CYCLE as u32) as usize]
    }

    pub fn include(self, year: i64) -> bool {
        self.0 & Self::of(year).0 != 0
    }

    /// The first year of these kinds from a year on.
    pub fn first_from(self, year: i64) -> Option<i64> {
        (year..year + YEARS_PER_CYCLE).find(|year| self.include(*year))
    }
}

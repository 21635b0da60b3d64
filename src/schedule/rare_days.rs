//! Days that are counted from elsewhere: from the end of the month, by weeks of the month, to the nearest working
//! day; and years.

use std::iter;

use super::days::{ones, week_from};
use super::gregorian::{Month, YearKinds};

/// The years that may be named, as in `systemd.time(7)`.
pub(super) const FIRST_YEAR: i64 = 1970;
pub(super) const LAST_YEAR: i64 = 2199;

const SUNDAY: u32 = 0;
const SATURDAY: u32 = 6;

/// What few patterns name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RareDays {
    /// Bit n: n days before the last one.
    pub before_last: u32,
    /// Bit n: the working day nearest to day n of the month.
    pub near: u32,
    /// The last working day.
    pub last_working_day: bool,
    /// A bit for every weekday, for its first to fifth in the month.
    pub nth: [u8; 5],
    /// A bit for every weekday, for its last in the month.
    pub last: u8,
    /// None: all.
    pub years: Option<Years>,
    /// The kinds of years that have such a day: the others are passed over.
    pub year_kinds: YearKinds,
}

/// A bit for every year from the first one on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Years([u64; 4]);

impl FromIterator<u64> for Years {
    fn from_iter<I: IntoIterator<Item = u64>>(named: I) -> Self {
        let mut years = Self::default();
        for year in named {
            let bit = year as usize - FIRST_YEAR as usize;
            years.0[bit / 64] |= 1 << (bit % 64);
        }
        years
    }
}

impl Years {
    pub fn names(&self, year: i64) -> bool {
        (FIRST_YEAR..=LAST_YEAR).contains(&year) && {
            let bit = (year - FIRST_YEAR) as usize;
            self.0[bit / 64] >> (bit % 64) & 1 == 1
        }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = u32> {
        let years = (FIRST_YEAR..=LAST_YEAR).filter(|year| self.names(*year));
        years.map(|year| year as u32)
    }

    /// Those from a year on.
    pub fn from(&self, year: i64) -> impl Iterator<Item = i64> {
        iter::successors(self.first_from(year), |year| self.first_from(year + 1))
    }

    fn first_from(&self, year: i64) -> Option<i64> {
        let first = (year.max(FIRST_YEAR) - FIRST_YEAR) as usize;
        let mut rest = self.0.get(first / 64)? & (u64::MAX << (first % 64));
        let mut word = first / 64;
        while rest == 0 {
            word += 1;
            rest = *self.0.get(word)?;
        }
        Some(FIRST_YEAR + 64 * word as i64 + i64::from(rest.trailing_zeros()))
    }
}

impl RareDays {
    /// As a pattern has it: mostly there is nothing.
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }

    pub fn is_in_years(&self, year: i64) -> bool {
        self.years.is_none_or(|years| years.names(year)) && self.year_kinds.include(year)
    }

    /// The first year from a year on that has one of them.
    pub fn first_year_from(&self, year: i64) -> Option<i64> {
        match &self.years {
            None => self.year_kinds.first_from(year),
            Some(years) => years.from(year).find(|year| self.year_kinds.include(*year)),
        }
    }

    /// A bit for every day of the month that is named as such.
    pub fn days_of_month(&self, month: Month) -> u32 {
        let length = month.length();
        let from_end = ones(self.before_last).filter(|days| *days < length);
        let near = ones(self.near).filter(|day| *day <= length);
        let last = self.last_working_day.then_some(length);
        let working = near.chain(last).map(|day| nearest_working_day(day, month));
        let from_end = from_end.map(|days| length - days);
        from_end.chain(working).fold(0, |bits, day| bits | 1 << day)
    }

    /// Whether weekdays are named by where they come in the month.
    pub fn count_weekdays(&self) -> bool {
        (self.nth, self.last) != Default::default()
    }

    /// A bit for every day of the month that is named by its weekday.
    pub fn weekdays(&self, month: Month) -> u32 {
        if !self.count_weekdays() {
            return 0;
        }
        let begins = month.first_weekday();
        // The last week begins so many days after the first of the month.
        let before = month.length() - 7;
        let last = week_from((begins + before) % 7, self.last) << (before + 1);
        let weeks = (0..).zip(self.nth);
        let weeks = weeks.map(|(week, nth)| u64::from(week_from(begins, nth)) << (7 * week + 1));
        // A fifth one may lie beyond the month.
        last | weeks.fold(0, |days, week| days | week) as u32
    }
}

/// Never in another month: from the first one it goes forward, from the last one back.
fn nearest_working_day(day: u32, month: Month) -> u32 {
    match (month.first_weekday() + day - 1) % 7 {
        SATURDAY if day == 1 => day + 2,
        SATURDAY => day - 1,
        SUNDAY if day == month.length() => day - 2,
        SUNDAY => day + 1,
        _ => day,
    }
}

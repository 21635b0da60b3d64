//! Which days a pattern names. Days are counted from 1970-01-01 on.

use std::iter;

use super::gregorian::{Month, YearKinds, weekday};
use super::rare_days::{FIRST_YEAR, RareDays};

pub(super) const SECONDS_PER_DAY: i64 = 86_400;
/// One bit in seven: repeats a week over a month, from day 1 on.
const WEEKS: u64 = 1 << 1 | 1 << 8 | 1 << 15 | 1 << 22 | 1 << 29;

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

impl Days {
    /// The same days, to be looked for; or why no year has such a day.
    pub fn that_come(self) -> Result<Self, String> {
        let rare = self.rare.as_deref().cloned().unwrap_or_default();
        let year_kinds = YearKinds::that(|year| self.first_of_year(year).is_some());
        let rare = RareDays { year_kinds, ..rare };
        match rare.first_year_from(FIRST_YEAR) {
            Some(_) => Ok(Self {
                rare: rare.boxed(),
                ..self
            }),
            None => Err(self.why_never()),
        }
    }

    /// The first of them from `day` on; none where none comes any more.
    pub fn first_from(&self, day: i64) -> Option<i64> {
        if self.are_weekly() {
            let week = week_from(weekday(day), self.weekdays);
            return Some(day + i64::from(week.trailing_zeros()));
        }
        let (month, day_of_month) = Month::of(day);
        let this_year = self.first_in_year_from(month, day_of_month);
        this_year.or_else(|| self.first_of_year(self.first_year_from(month.year + 1)?))
    }

    /// As in most patterns, which are spared the calendar.
    fn are_weekly(&self) -> bool {
        let named = (self.days, self.months, self.rule);
        named == (ALL_DAYS, ALL_MONTHS, DayRule::Both) && self.rare.is_none()
    }

    /// From a day of a month on, in the year of this month.
    fn first_in_year_from(&self, month: Month, day_of_month: u32) -> Option<i64> {
        if !self.name_year(month.year) {
            return None;
        }
        let rest = self.within(month) & (u32::MAX << day_of_month);
        let later = self.months & (u16::MAX << (month.number + 1));
        month
            .first_of(rest)
            .or_else(|| self.first_among(later, month.year))
    }

    fn first_of_year(&self, year: i64) -> Option<i64> {
        self.first_among(self.months, year)
    }

    fn first_among(&self, months: u16, year: i64) -> Option<i64> {
        ones(months.into()).find_map(|number| {
            let month = Month::new(year, number);
            month.first_of(self.within(month))
        })
    }

    fn name_year(&self, year: i64) -> bool {
        self.rare.as_ref().is_none_or(|rare| rare.is_in_years(year))
    }

    /// The first year from a year on that has one of them.
    fn first_year_from(&self, year: i64) -> Option<i64> {
        match &self.rare {
            None => Some(year),
            Some(rare) => rare.first_year_from(year),
        }
    }

    /// A bit for every day of the month that is named, the first of the month being bit 1. Of whichever year.
    fn within(&self, month: Month) -> u32 {
        if self.months >> month.number & 1 == 0 {
            return 0;
        }
        let week = week_from(month.first_weekday(), self.weekdays);
        let mut weekdays = (u64::from(week) * WEEKS) as u32;
        let mut days = self.days;
        if let Some(rare) = &self.rare {
            days |= rare.days_of_month(month);
            weekdays |= rare.weekdays(month);
        }
        let named = match self.rule {
            DayRule::Both => days & weekdays,
            DayRule::Either => days | weekdays,
        };
        named & (u32::MAX >> (31 - month.length()))
    }
}

/// The bits of a week that begins with another weekday than Sunday.
pub(super) fn week_from(weekday: u32, bits: u8) -> u32 {
    let two_weeks = u32::from(bits) << 7 | u32::from(bits);
    two_weeks >> weekday & 0x7f
}

/// What the bits stand for.
pub(super) fn ones(mut bits: u32) -> impl Iterator<Item = u32> {
    iter::from_fn(move || {
        let first = (bits != 0).then(|| bits.trailing_zeros())?;
        bits &= bits - 1;
        Some(first)
    })
}

//! Days that are counted from elsewhere: from the end of the month, by weeks of the month, to the nearest working
//! day; and years.

use super::days::Month;

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

    pub fn last(&self) -> i64 {
        let word = self.0.iter().rposition(|bits| *bits != 0).unwrap_or(0);
        let bit = 64 * word as i64 + i64::from(63 - self.0[word].leading_zeros().min(63));
        FIRST_YEAR + bit
    }

    /// The first of them from a year on.
    pub fn first_from(&self, year: i64) -> Option<i64> {
        let first = (year.max(FIRST_YEAR) - FIRST_YEAR) as usize;
        let word = first / 64;
        let rest = self.0.get(word)? & (u64::MAX << (first % 64));
        let others = self.0.iter().enumerate().skip(word + 1);
        let mut words =
            std::iter::once((word, rest)).chain(others.map(|(word, bits)| (word, *bits)));
        let (word, bits) = words.find(|(_, bits)| *bits != 0)?;
        Some(FIRST_YEAR + 64 * word as i64 + i64::from(bits.trailing_zeros()))
    }
}

impl RareDays {
    /// As a pattern has it: mostly there is nothing.
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }

    pub fn is_in_years(&self, year: i64) -> bool {
        self.years.is_none_or(|years| years.names(year))
    }

    /// A bit for every day of the month that is named as such.
    pub fn days_of_month(&self, month: Month) -> u32 {
        let length = month.length();
        let from_end = (0..length).filter(|days| self.before_last >> days & 1 == 1);
        let near = (1..=length).filter(|day| self.near >> day & 1 == 1);
        let last = self.last_working_day.then_some(length);
        let working = near.chain(last).map(|day| nearest_working_day(day, month));
        let from_end = from_end.map(|days| length - days);
        from_end.chain(working).fold(0, |bits, day| bits | 1 << day)
    }

    /// A bit for every day of the month that is named by its weekday.
    pub fn weekdays(&self, month: Month) -> u32 {
        let mut bits = 0_u64;
        for weekday in SUNDAY..=SATURDAY {
            let first = 1 + (weekday + 7 - month.first_weekday()) % 7;
            for (week, nth) in (0..).zip(self.nth) {
                bits |= u64::from(nth >> weekday & 1) << (first + 7 * week);
            }
            let last = first + (month.length() - first) / 7 * 7;
            bits |= u64::from(self.last >> weekday & 1) << last;
        }
        // A fifth one may lie beyond the month.
        bits as u32
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

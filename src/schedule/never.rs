//! Why an expression never fires, where no year has such a day.

use super::days::{DayRule, Days};
use super::gregorian::length_of;

const LEAP_YEAR: i64 = 2000;
pub(super) const MONTHS: [&str; 13] = [
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

impl Days {
    /// What no year has.
    pub fn why_never(&self) -> String {
        let why = self.too_long_for_its_months();
        why.unwrap_or_else(|| "no year has such a day".to_owned())
    }

    fn too_long_for_its_months(&self) -> Option<String> {
        let months: Vec<u32> = (1..=12)
            .filter(|month| self.months >> month & 1 == 1)
            .collect();
        let earliest = self.days.trailing_zeros();
        let has_room = |&month: &u32| earliest <= length_of(LEAP_YEAR, month);
        let is_plain = self.rare.is_none() && self.rule == DayRule::Both;
        if !is_plain || months.iter().any(has_room) {
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

/// `a, b and c`.
pub(super) fn joined<T: AsRef<str>>(words: &[T], last: &str) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match &words[..] {
        [rest @ .., word] if !rest.is_empty() => format!("{} {last} {word}", rest.join(", ")),
        _ => words.concat(),
    }
}

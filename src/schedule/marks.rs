//! Marks of the two day fields: `L`, `L-3`, `LW`, `15W`, `FRI#2`, `FRI#L`, `5L`.

use super::expression_error::{ExpressionError, quoted};
use super::field::{Field, Marks};
use super::rare_days::RareDays;
use super::word::Word;

/// A month has so many days at most; before its last one there are fewer.
const MOST_BEFORE_LAST: u64 = 30;

impl Field {
    /// Takes an element that is a mark; false where it is none.
    pub fn take_mark(
        &self,
        element: Word<'_>,
        rare: &mut RareDays,
    ) -> Result<bool, ExpressionError> {
        match self.marks {
            Marks::None | Marks::Hash => Ok(false),
            Marks::DayOfMonth => self.take_day_mark(element, rare),
            Marks::DayOfWeek => self.take_weekday_mark(element, rare),
        }
    }

    fn take_day_mark(
        &self,
        element: Word<'_>,
        rare: &mut RareDays,
    ) -> Result<bool, ExpressionError> {
        let upper = element.text.to_ascii_uppercase();
        if matches!(upper.as_str(), "LW" | "WL") {
            rare.last_working_day = true;
        } else if upper == "L" {
            rare.before_last |= 1;
        } else if upper.starts_with("L-") {
            rare.before_last |= 1 << self.days_before_last(element)?;
        } else if let Some(day) = element.strip_suffix_letter('W').filter(Word::is_number) {
            rare.near |= 1 << self.value(day)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn days_before_last(&self, element: Word<'_>) -> Result<u64, ExpressionError> {
        let (_, days) = element.split_at('-');
        let number = days.filter(Word::is_number);
        let number = number.and_then(|days| days.text.parse().ok());
        number
            .filter(|days| *days <= MOST_BEFORE_LAST)
            .ok_or_else(|| {
                let found = quoted(element.text);
                let message =
                    format!("{found}: 'L-' takes a number of days before the last one, 0-30");
                ExpressionError::new(element.range(), message)
            })
    }

    fn take_weekday_mark(
        &self,
        element: Word<'_>,
        rare: &mut RareDays,
    ) -> Result<bool, ExpressionError> {
        let (weekday, nth) = match element.split_at('#') {
            (weekday, Some(nth)) => (weekday, Some(nth)),
            (whole, None) => match whole.strip_suffix_letter('L') {
                Some(weekday) if self.is_weekday(weekday) => (weekday, None),
                _ => return Ok(false),
            },
        };
        if weekday.text.is_empty() {
            return Err(self.unknown(element));
        }
        let bit = 1_u8 << (self.value(weekday)? % 7);
        match nth.filter(|nth| !nth.text.eq_ignore_ascii_case("L")) {
            None => rare.last |= bit,
            Some(nth) => rare.nth[which(element, nth)?] |= bit,
        }
        Ok(true)
    }

    fn is_weekday(&self, word: Word<'_>) -> bool {
        word.is_number() || self.named(word.text).is_some()
    }
}

/// Counted from 0.
fn which(element: Word<'_>, nth: Word<'_>) -> Result<usize, ExpressionError> {
    let number = nth.text.parse().ok().filter(|_| nth.is_number());
    match number {
        Some(number @ 1..=5) => Ok(number - 1),
        _ => {
            let found = quoted(nth.text);
            let message =
                format!("{found} after '#': which one of the month, 1-5 or L for the last");
            Err(ExpressionError::new(element.range(), message))
        }
    }
}

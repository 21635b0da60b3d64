//! Durations: `1h 30m`.

use std::time::Duration;

use hupd::config::{format_duration, parse_duration};

use super::{check_message, check_quotes};

const UNITS: [(&str, u128); 23] = [
    ("w", WEEK),
    ("week", WEEK),
    ("weeks", WEEK),
    ("d", DAY),
    ("day", DAY),
    ("days", DAY),
    ("h", HOUR),
    ("hr", HOUR),
    ("hour", HOUR),
    ("hours", HOUR),
    ("m", MINUTE),
    ("min", MINUTE),
    ("mins", MINUTE),
    ("minute", MINUTE),
    ("minutes", MINUTE),
    ("s", SECOND),
    ("sec", SECOND),
    ("secs", SECOND),
    ("second", SECOND),
    ("seconds", SECOND),
    ("ms", 1),
    ("msec", 1),
    ("millisecond", 1),
];
const SECOND: u128 = 1000;
const MINUTE: u128 = 60 * SECOND;
const HOUR: u128 = 60 * MINUTE;
const DAY: u128 = 24 * HOUR;
const WEEK: u128 = 7 * DAY;
const LONGEST: u128 = 36_525 * DAY;

/// An accepted duration is the exact sum of its parts and survives being printed; a refused one is told.
pub fn durations(text: &str) {
    let sum = sum_of(text);
    match parse_duration(text) {
        Ok(duration) => {
            let millis = duration.as_millis();
            assert!(millis <= LONGEST, "{text:?}");
            assert!(sum.is_none_or(|sum| sum == millis), "{text:?}");
            check_printed(duration);
        }
        Err(message) => {
            let is_too_long = message.contains("longer than 100 years");
            assert!(
                sum.is_none_or(|sum| sum > LONGEST && is_too_long),
                "{text:?}: {message}"
            );
            check_message(&message);
            check_quotes(&message, text);
        }
    }
}

fn check_printed(duration: Duration) {
    let printed = format_duration(duration);
    assert_eq!(
        parse_duration(&printed).as_ref(),
        Ok(&duration),
        "{printed}"
    );
    assert!(
        !printed.contains('w') && printed.trim() == printed,
        "{printed}"
    );
}

/// What numbers and units, each pair with a blank behind it, add up to; none where it is not that.
fn sum_of(text: &str) -> Option<u128> {
    let mut units = Vec::new();
    let mut sum: u128 = 0;
    for part in text.split_ascii_whitespace() {
        let (digits, name) = part.split_at(part.find(|c: char| !c.is_ascii_digit())?);
        let (_, unit) = UNITS.iter().find(|(known, _)| *known == name)?;
        if digits.is_empty() || units.contains(unit) {
            return None;
        }
        units.push(*unit);
        let number = digits.parse().unwrap_or(u128::MAX);
        sum = sum.saturating_add(number.saturating_mul(*unit));
    }
    (!units.is_empty()).then_some(sum)
}

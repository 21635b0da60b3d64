//! The weekdays of a calendar expression: `Mon`, `Mon,Wed`, `Mon..Fri`, `monday..friday`.

use super::complaints::empty_element;
use super::expression_error::{ExpressionError, quoted};
use super::word::Word;

/// Monday first, as ranges count.
pub(super) const NAMES: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const ALLOWED: &str = "Mon-Sun, or the whole name";

/// A bit for every weekday, Sunday being bit 0.
pub(super) const ALL: u8 = 0x7f;

/// Whether a word is meant to name weekdays, be it right or wrong.
pub(super) fn begins(word: Word<'_>) -> bool {
    let letters = word.text.chars().take_while(char::is_ascii_alphabetic);
    named(&letters.collect::<String>()).is_some()
}

/// A bit for every weekday that is named.
pub(super) fn parse(word: Word<'_>) -> Result<u8, ExpressionError> {
    let mut bits = 0;
    for element in word.elements() {
        if element.text.is_empty() {
            return Err(empty_element("weekday", word, element));
        }
        bits |= range(element)?;
    }
    Ok(bits)
}

fn range(element: Word<'_>) -> Result<u8, ExpressionError> {
    let ends = element
        .split_around("..")
        .or_else(|| element.split_around("-"));
    let (first, last) = ends.unwrap_or((element, element));
    let (from, to) = (value(element, first)?, value(element, last)?);
    if from > to {
        let found = quoted(element.text);
        let message = format!("weekday range {found} ends before it begins");
        let help = match to {
            0 => format!("write it as two: '{}..Sun,{}'", first.text, last.text),
            _ => format!("write it as two: '{}..Sun,Mon..{}'", first.text, last.text),
        };
        return Err(ExpressionError::new(element.range(), message).help(help));
    }
    Ok((from..=to).fold(0, |bits, day| bits | 1 << ((day + 1) % 7)))
}

fn value(element: Word<'_>, word: Word<'_>) -> Result<usize, ExpressionError> {
    named(word.text).ok_or_else(|| {
        let word = if word.text.is_empty() { element } else { word };
        let found = quoted(word.text);
        let message = format!("{found} is no weekday (allowed: {ALLOWED})");
        ExpressionError::new(word.range(), message)
    })
}

/// Monday is 0.
fn named(text: &str) -> Option<usize> {
    NAMES
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text) || name[..3].eq_ignore_ascii_case(text))
}

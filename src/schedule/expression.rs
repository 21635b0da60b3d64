//! An expression: some wall-clock times, written in one of the forms that people know.

use std::fmt;
use std::ops::Range;

use super::expression_error::ExpressionError;
use super::pattern::Pattern;
use super::word::Word;
use super::{Seed, cron, on_calendar};

/// An expression that is right and names at least one time. Small: there may be 100,000 of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    text: Box<str>,
    /// Whether its last word is a zone.
    names_zone: bool,
    pub(super) pattern: Pattern,
}

impl Expression {
    /// A cron expression, a macro such as `@daily`, or a calendar expression. `H` is a number drawn from the seed.
    pub fn parse(text: &str, seed: Seed) -> Result<Self, ExpressionError> {
        let words = Word::fields(text);
        if words.is_empty() {
            let error = ExpressionError::new(0..text.len(), "the expression is empty");
            return Err(error.help(format!("write five fields: {}", cron::FIELDS)));
        }
        let (pattern, zone) = match on_calendar::is_meant(&words) {
            true => on_calendar::parse(&words)?,
            false => (cron::parse(&words, seed)?, None),
        };
        Ok(Self {
            text: text.into(),
            names_zone: zone.is_some(),
            pattern,
        })
    }

    /// The zone that it names itself, and where.
    pub fn zone(&self) -> Option<(&str, Range<usize>)> {
        let last = Word::fields(&self.text).pop()?;
        let range = last.range();
        self.names_zone.then(|| (&self.text[range.clone()], range))
    }
}

/// As it was written.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

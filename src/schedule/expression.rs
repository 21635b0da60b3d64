//! An expression: some wall-clock times, written in one of the forms that people know.

use std::fmt;

use super::expression_error::ExpressionError;
use super::pattern::Pattern;
use super::word::Word;
use super::{Seed, cron};

/// An expression that is right and names at least one time. Small: there may be 100,000 of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    text: Box<str>,
    pub(super) pattern: Pattern,
}

impl Expression {
    /// A cron expression or a macro such as `@daily`. `H` in it is a number drawn from the seed.
    pub fn parse(text: &str, seed: Seed) -> Result<Self, ExpressionError> {
        let words = Word::fields(text);
        if words.is_empty() {
            let error = ExpressionError::new(0..text.len(), "the expression is empty");
            return Err(error.help(format!("write five fields: {}", cron::FIELDS)));
        }
        Ok(Self {
            text: text.into(),
            pattern: cron::parse(&words, seed)?,
        })
    }
}

/// As it was written.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

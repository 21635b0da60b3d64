//! What is wrong with an expression, where, and what to write instead.

use std::error::Error;
use std::fmt;
use std::ops::Range;

/// Longer pieces of an expression are cut in messages.
const LONGEST_QUOTE: usize = 40;

/// What is wrong with an expression, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    /// Bytes of the expression that are meant.
    pub at: Range<usize>,
    /// What was found and what is allowed: `minute 61 is above 59 (allowed: 0-59)`.
    pub message: String,
    /// What to write instead, where that can be said.
    pub help: Option<String>,
}

impl ExpressionError {
    pub(super) fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
            help: None,
        }
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl Error for ExpressionError {}

/// What the user wrote, in quotes, of bounded length; what would not be seen, or not as it is, by its number.
pub(super) fn quoted(text: &str) -> String {
    let mut quote = String::from("'");
    for letter in text.chars().take(LONGEST_QUOTE) {
        match is_seen(letter) {
            true => quote.push(letter),
            false => quote.extend(letter.escape_default()),
        }
    }
    if text.chars().nth(LONGEST_QUOTE).is_some() {
        quote.push('…');
    }
    quote.push('\'');
    quote
}

/// Whether a letter looks like itself: it neither steers a terminal nor turns the direction of text.
fn is_seen(letter: char) -> bool {
    matches!(letter, '\'' | '"' | '\\') || letter.escape_debug().len() == 1
}

/// A number as the user wrote it, of bounded length.
pub(super) fn shortened(digits: &str) -> &str {
    &digits[..digits.len().min(20)]
}

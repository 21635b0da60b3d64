//! What is said of a field that is wrong, where it takes more than a line.

use super::expression_error::{ExpressionError, quoted};
use super::field::{Field, Marks, Span};
use super::word::Word;

/// Nothing can be marked but the comma beside it: no list is empty as a whole.
pub(super) fn empty_element(name: &str, list: Word<'_>, element: Word<'_>) -> ExpressionError {
    let comma = element.start.max(list.start + 1) - 1;
    let message = format!("{name} list has an empty element");
    ExpressionError::new(comma..comma + 1, message)
}

impl Field {
    pub fn empty_element(&self, field: Word<'_>, element: Word<'_>) -> ExpressionError {
        empty_element(self.name, field, element)
    }

    pub fn half_a_range(&self, range: Word<'_>, to: Word<'_>) -> ExpressionError {
        let lacks = if to.text.is_empty() {
            "has no end"
        } else {
            "has no beginning"
        };
        let found = quoted(range.text);
        let message = format!("{} range {found} {lacks}", self.name);
        ExpressionError::new(range.range(), message)
    }

    pub fn reversed(&self, range: Word<'_>, span: &Span, every: u64) -> ExpressionError {
        let message = format!(
            "{} range {} ends before it begins",
            self.name,
            quoted(range.text)
        );
        let error = ExpressionError::new(range.range(), message);
        if every > 1 {
            return error.help(format!("write '{}'", self.values_of(span, every)));
        }
        error.help(format!("write it as two: '{}'", self.as_two(range, span)))
    }

    fn as_two(&self, range: Word<'_>, span: &Span) -> String {
        let (from, to) = range.text.split_once('-').unwrap_or((range.text, ""));
        let (min, max) = self.ends_like(from);
        let before = if span.first == self.max {
            from.to_string()
        } else {
            format!("{from}-{max}")
        };
        let after = if span.last == self.first_after_wrap() {
            to.to_string()
        } else {
            format!("{min}-{to}")
        };
        format!("{before},{after}")
    }

    /// After a range that ended at Sunday, the second one starts at Monday.
    fn first_after_wrap(&self) -> u64 {
        self.min + (self.max - self.last)
    }

    /// The ends of the field as a range continues them, in names where names were written.
    fn ends_like(&self, value: &str) -> (String, String) {
        let (min, max) = (self.first_after_wrap(), self.max);
        if self.named(value).is_none() {
            return (min.to_string(), max.to_string());
        }
        let name = |value: u64| self.names[(value - self.min) as usize % self.names.len()];
        (name(min).to_string(), name(max).to_string())
    }

    fn values_of(&self, span: &Span, every: u64) -> String {
        let count = self.last - self.min + 1;
        let every = usize::try_from(every).unwrap_or(usize::MAX);
        (span.first..=span.last + count)
            .step_by(every)
            .map(|value| ((value - self.min) % count + self.min).to_string())
            .collect::<Vec<_>>()
            .join(",")
    }

    pub fn unknown(&self, word: Word<'_>) -> ExpressionError {
        let article = if self.name.starts_with('h') {
            "an"
        } else {
            "a"
        };
        let message = format!(
            "{} is not {article} {} (allowed: {})",
            quoted(word.text),
            self.name,
            self.allowed
        );
        let error = ExpressionError::new(word.range(), message);
        // The start of a name written out: `monday`.
        match word.text.get(..3).and_then(|start| self.named(start)) {
            Some(value) => {
                let name = self.names[(value - self.min) as usize];
                error.help(format!("write '{name}'"))
            }
            None => error,
        }
    }

    /// What is known in other fields and not in this one, so that nobody searches for a typing error.
    pub fn refuse_extensions(&self, base: Word<'_>) -> Result<(), ExpressionError> {
        let text = base.text.to_ascii_uppercase();
        let ends_with = |letter: char| {
            text.strip_suffix(letter).is_some_and(|rest| {
                rest.bytes().all(|byte| byte.is_ascii_digit()) || self.named(rest).is_some()
            })
        };
        let (mark, help) = if text.contains('?') {
            ("'?'", Some("write '*'"))
        } else if text.contains('#') {
            ("'#' (which weekday of the month)", None)
        } else if self.marks == Marks::None && (text == "H" || text.starts_with("H(")) {
            ("'H' (a value from a hash)", Some("write a number"))
        } else if self.marks == Marks::DayOfWeek && text == "L" {
            (
                "'L' alone",
                Some("for the last Friday of the month write 'FRI#L'"),
            )
        } else if matches!(text.as_str(), "LW" | "WL") || text.starts_with("L-") || ends_with('L') {
            ("'L' (the last one)", None)
        } else if ends_with('W') {
            ("'W' (the nearest working day)", None)
        } else {
            return Ok(());
        };
        let message = format!(
            "{mark} is not available (allowed for {}: {})",
            self.name, self.allowed
        );
        let error = ExpressionError::new(base.range(), message);
        Err(ExpressionError {
            help: help.map(str::to_string),
            ..error
        })
    }
}

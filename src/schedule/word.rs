//! A piece of an expression that remembers where it stands.

use std::ops::Range;

/// A piece of an expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub text: &'a str,
    /// Its first byte in the expression.
    pub start: usize,
}

impl<'a> Word<'a> {
    /// The fields of an expression: what stands between white space.
    pub fn fields(expression: &'a str) -> Vec<Self> {
        let start_of = |text: &str| text.as_ptr().addr() - expression.as_ptr().addr();
        expression
            .split_ascii_whitespace()
            .map(|text| Self {
                text,
                start: start_of(text),
            })
            .collect()
    }

    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub fn range(&self) -> Range<usize> {
        self.start..self.end()
    }

    pub fn is_number(&self) -> bool {
        !self.text.is_empty() && self.text.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// The pieces between commas.
    pub fn elements(self) -> impl Iterator<Item = Self> {
        self.parts(',')
    }

    /// The pieces between marks.
    pub fn parts(self, mark: char) -> impl Iterator<Item = Self> {
        let mut start = self.start;
        self.text.split(mark).map(move |text| {
            let part = Self { text, start };
            start = part.end() + mark.len_utf8();
            part
        })
    }

    /// What stands before and after the first `mark`.
    pub fn split_at(self, mark: char) -> (Self, Option<Self>) {
        match self.text.split_once(mark) {
            None => (self, None),
            Some((before, after)) => {
                let (before, after) = self.halves(before, after);
                (before, Some(after))
            }
        }
    }

    /// What stands before and after the last `mark`.
    pub fn split_at_last(self, mark: char) -> Option<(Self, Self)> {
        let (before, after) = self.text.rsplit_once(mark)?;
        Some(self.halves(before, after))
    }

    /// What stands before and after the first `mark`.
    pub fn split_around(self, mark: &str) -> Option<(Self, Self)> {
        let (before, after) = self.text.split_once(mark)?;
        Some(self.halves(before, after))
    }

    fn halves(self, before: &'a str, after: &'a str) -> (Self, Self) {
        let start = self.end() - after.len();
        let before = Self {
            text: before,
            ..self
        };
        (before, Self { text: after, start })
    }

    /// What follows a letter, in any case.
    pub fn strip_prefix_letter(self, letter: char) -> Option<Self> {
        let first = self.text.chars().next()?;
        let start = self.start + first.len_utf8();
        let text = &self.text[first.len_utf8()..];
        first
            .eq_ignore_ascii_case(&letter)
            .then_some(Self { text, start })
    }

    /// What stands before a letter at the end, in any case.
    pub fn strip_suffix_letter(self, letter: char) -> Option<Self> {
        let last = self.text.chars().next_back()?;
        let text = &self.text[..self.text.len() - last.len_utf8()];
        last.eq_ignore_ascii_case(&letter)
            .then_some(Self { text, ..self })
    }

    /// What stands between a pair of marks that encloses everything.
    pub fn between(self, open: char, close: char) -> Option<Self> {
        let text = self.text.strip_prefix(open)?.strip_suffix(close)?;
        let start = self.start + open.len_utf8();
        Some(Self { text, start })
    }
}

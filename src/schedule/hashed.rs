//! `H`: a value that is drawn, always the same one.

use super::Seed;
use super::expression_error::ExpressionError;
use super::field::{Field, Marks, Span, Stepped};
use super::word::Word;

/// A month has 28 days or more: what comes once a month must come in every one.
const DAYS_FOR_HASH: u64 = 28;

impl Field {
    /// The range of `H` or `H(0-29)`.
    pub fn hashed_range(&self, base: Word<'_>) -> Result<Option<Span>, ExpressionError> {
        let Some(rest) = base.strip_prefix_letter('H') else {
            return Ok(None);
        };
        if rest.text.is_empty() {
            let mut range = self.whole();
            if self.marks == Marks::DayOfMonth {
                range.last = DAYS_FOR_HASH;
            }
            return Ok(Some(range));
        }
        match rest.between('(', ')') {
            Some(inside) if !inside.text.is_empty() => self.span(inside, 1).map(Some),
            _ => Err(self.unknown(base)),
        }
    }

    /// One value of the range; with a step, every so many-th from one of the first ones on.
    pub fn hashed(
        &self,
        range: Span,
        step: Option<Word<'_>>,
        seed: Seed,
    ) -> Result<Stepped, ExpressionError> {
        let values = range.last - range.first + 1;
        let Some(step) = step else {
            let value = range.first + seed.below(values, self.name);
            let span = Span {
                first: value,
                last: value,
            };
            return Ok(Stepped::new(span, 1));
        };
        let every = self.step(step)?;
        self.refuse_idle_step(step, every, &range)?;
        let first = range.first + seed.below(every, self.name);
        let span = Span { first, ..range };
        Ok(Stepped::new(span, every))
    }
}

//! One field of a cron expression: its grammar, from text to the values that it names.

use super::Seed;
use super::expression_error::{ExpressionError, quoted, shortened};
use super::rare_days::{FIRST_YEAR, LAST_YEAR, RareDays};
use super::word::Word;

/// What a field is called and what may stand in it.
#[derive(Debug)]
pub(super) struct Field {
    pub name: &'static str,
    /// As messages say it.
    pub allowed: &'static str,
    pub min: u64,
    /// The last value of `*`.
    pub last: u64,
    /// The greatest number that may be written: for a day of the week one more than the last value,
    /// for both 0 and 7 are Sunday.
    pub max: u64,
    /// From `min` on.
    pub names: &'static [&'static str],
    pub marks: Marks,
}

/// What else may stand in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    None,
    /// `H`.
    Hash,
    /// Also `?`, `L`, `L-3`, `LW`, `15W`.
    DayOfMonth,
    /// Also `?`, `FRI#2`, `FRI#L`, `5L`.
    DayOfWeek,
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const SUNDAY_AFTER_SATURDAY: u64 = 7;

pub(super) const SECOND: Field = Field {
    name: "second",
    allowed: "0-59",
    min: 0,
    last: 59,
    max: 59,
    names: &[],
    marks: Marks::Hash,
};
pub(super) const MINUTE: Field = Field {
    name: "minute",
    allowed: "0-59",
    min: 0,
    last: 59,
    max: 59,
    names: &[],
    marks: Marks::Hash,
};
pub(super) const HOUR: Field = Field {
    name: "hour",
    allowed: "0-23",
    min: 0,
    last: 23,
    max: 23,
    names: &[],
    marks: Marks::Hash,
};
pub(super) const DAY_OF_MONTH: Field = Field {
    name: "day of month",
    allowed: "1-31",
    min: 1,
    last: 31,
    max: 31,
    names: &[],
    marks: Marks::DayOfMonth,
};
pub(super) const MONTH: Field = Field {
    name: "month",
    allowed: "1-12 or JAN-DEC",
    min: 1,
    last: 12,
    max: 12,
    names: &MONTHS,
    marks: Marks::Hash,
};
pub(super) const DAY_OF_WEEK: Field = Field {
    name: "day of week",
    allowed: "0-7 or SUN-SAT",
    min: 0,
    last: 6,
    max: SUNDAY_AFTER_SATURDAY,
    names: &WEEKDAYS,
    marks: Marks::DayOfWeek,
};

pub(super) const YEAR: Field = Field {
    name: "year",
    allowed: "1970-2199",
    min: FIRST_YEAR as u64,
    last: LAST_YEAR as u64,
    max: LAST_YEAR as u64,
    names: &[],
    marks: Marks::None,
};

/// The values from one to another, as they were written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub first: u64,
    pub last: u64,
}

/// Every so many-th value of a span.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stepped {
    span: Span,
    every: u64,
}

impl Stepped {
    pub fn new(span: Span, every: u64) -> Self {
        Self { span, every }
    }

    pub fn values(self) -> impl Iterator<Item = u64> {
        let every = usize::try_from(self.every).unwrap_or(usize::MAX);
        (self.span.first..=self.span.last).step_by(every)
    }
}

/// A bit for every value.
pub(super) fn bits(values: Vec<Stepped>) -> u64 {
    let values = values.into_iter().flat_map(Stepped::values);
    values.fold(0, |bits, value| bits | 1 << value)
}

impl Field {
    /// A bit for every value that the field names; what is counted from elsewhere goes to `rare`.
    pub fn parse(
        &self,
        word: Word<'_>,
        seed: Seed,
        rare: &mut RareDays,
    ) -> Result<u64, ExpressionError> {
        let values = self.values(word, seed, rare)?;
        Ok(self.with_one_sunday(bits(values)))
    }

    /// The values that the field names, element by element.
    pub fn values(
        &self,
        word: Word<'_>,
        seed: Seed,
        rare: &mut RareDays,
    ) -> Result<Vec<Stepped>, ExpressionError> {
        let mut values = Vec::new();
        if word.text == "?" && matches!(self.marks, Marks::DayOfMonth | Marks::DayOfWeek) {
            let span = self.whole();
            return Ok(vec![Stepped { span, every: 1 }]);
        }
        for element in word.elements() {
            if element.text.is_empty() {
                return Err(self.empty_element(word, element));
            }
            if !self.take_mark(element, rare)? {
                values.push(self.element(element, seed)?);
            }
        }
        Ok(values)
    }

    fn with_one_sunday(&self, bits: u64) -> u64 {
        let beyond = bits >> (self.last + 1);
        (bits & ((1 << (self.last + 1)) - 1)) | beyond
    }

    pub fn whole(&self) -> Span {
        Span {
            first: self.min,
            last: self.last,
        }
    }

    fn element(&self, element: Word<'_>, seed: Seed) -> Result<Stepped, ExpressionError> {
        let (base, step) = element.split_at('/');
        self.refuse_extensions(base)?;
        if base.text.is_empty() && step.is_some() {
            let message = format!("{} has nothing before '/'", self.name);
            let help = format!("write {}", quoted(&format!("*{}", element.text)));
            return Err(ExpressionError::new(element.range(), message).help(help));
        }
        if let Some(range) = self.hashed_range(base)? {
            return self.hashed(range, step, seed);
        }
        let Some(step) = step else {
            let span = self.span(base, 1)?;
            return Ok(Stepped { span, every: 1 });
        };
        let every = self.step(step)?;
        let span = self.open_ended(base, self.span(base, every)?);
        self.refuse_idle_step(step, every, &span)?;
        Ok(Stepped { span, every })
    }

    /// What a step starts from: a single value reaches to the end of the field.
    fn open_ended(&self, base: Word<'_>, span: Span) -> Span {
        let is_single = base.text != "*" && !base.text.contains('-');
        let last = if is_single { self.max } else { span.last };
        Span { last, ..span }
    }

    pub fn span(&self, base: Word<'_>, every: u64) -> Result<Span, ExpressionError> {
        if base.text == "*" {
            return Ok(self.whole());
        }
        let (from, to) = base.split_at('-');
        let Some(to) = to else {
            let value = self.value(from)?;
            return Ok(Span {
                first: value,
                last: value,
            });
        };
        if from.text.is_empty() || to.text.is_empty() {
            return Err(self.half_a_range(base, to));
        }
        let span = Span {
            first: self.value(from)?,
            last: self.value(to)?,
        };
        match span.first <= span.last {
            true => Ok(span),
            false if self.ends_the_week(&span) => Ok(Span {
                last: self.max,
                ..span
            }),
            false => Err(self.reversed(base, &span, every)),
        }
    }

    fn ends_the_week(&self, span: &Span) -> bool {
        self.max > self.last && span.last == self.min
    }

    pub fn value(&self, word: Word<'_>) -> Result<u64, ExpressionError> {
        if word.is_number() {
            return self.number(word);
        }
        match self.named(word.text) {
            Some(value) => Ok(value),
            None => Err(self.unknown(word)),
        }
    }

    fn number(&self, word: Word<'_>) -> Result<u64, ExpressionError> {
        self.number_by(word, &|value| value)
    }

    /// A number, where what is written and what is meant may differ.
    pub fn number_by(
        &self,
        word: Word<'_>,
        meaning: &dyn Fn(u64) -> u64,
    ) -> Result<u64, ExpressionError> {
        // Too many digits for a number are too great as well.
        let value = meaning(word.text.parse().unwrap_or(u64::MAX));
        let limit = match value {
            _ if value < self.min => format!("is below {}", self.min),
            _ if value > self.max => format!("is above {}", self.max),
            _ => return Ok(value),
        };
        let found = shortened(word.text);
        let message = format!("{} {found} {limit} (allowed: {})", self.name, self.allowed);
        Err(ExpressionError::new(word.range(), message))
    }

    pub fn named(&self, text: &str) -> Option<u64> {
        let index = self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text))?;
        Some(self.min + index as u64)
    }

    pub fn step(&self, word: Word<'_>) -> Result<u64, ExpressionError> {
        let complain = |message: String| Err(ExpressionError::new(word.range(), message));
        if word.text.is_empty() {
            let slash = word.start - 1..word.start;
            let message = format!("{} has no step after '/'", self.name);
            return Err(ExpressionError::new(slash, message));
        }
        if !word.is_number() {
            let found = quoted(word.text);
            return complain(format!("{} step {found} is not a number", self.name));
        }
        match word.text.parse().unwrap_or(u64::MAX) {
            0 => complain(format!("{} step 0 is below 1", self.name)),
            every => Ok(every),
        }
    }

    /// A step over everything is a slip of the pen: it names only the first value.
    pub fn refuse_idle_step(
        &self,
        word: Word<'_>,
        every: u64,
        span: &Span,
    ) -> Result<(), ExpressionError> {
        let values = (span.last - span.first + 1).min(self.last - self.min + 1);
        if every <= values {
            return Ok(());
        }
        let (found, first, last) = (shortened(word.text), span.first, span.last);
        let message = format!(
            "{} step {found} is above {values}, the number of values in {first}-{last}",
            self.name
        );
        Err(ExpressionError::new(word.range(), message)
            .help(format!("for {} {first} alone write '{first}'", self.name)))
    }
}

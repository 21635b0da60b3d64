//! The parts of a date or a time in a calendar expression: `*`, `5`, `5..7`, `0/15`, and lists of these.

use super::expression_error::{ExpressionError, quoted, shortened};
use super::field::{self, Field, Marks, Span, Stepped};
use super::word::Word;

/// Every month has so many.
const DAY_FROM_END: Field = Field {
    allowed: "1-28",
    last: 28,
    max: 28,
    name: "day from the end of the month",
    marks: Marks::None,
    ..field::DAY_OF_MONTH
};

/// A bit for so many days before the last one. A range is counted from the end of the month on; a single day with a
/// step goes on to the last day.
pub(super) fn before_last(word: Word<'_>) -> Result<u32, ExpressionError> {
    let mut bits = 0;
    for element in word.elements() {
        if element.text.is_empty() {
            return Err(DAY_FROM_END.empty_element(word, element));
        }
        if element.text == "*" {
            return Ok(u32::MAX);
        }
        let (base, step) = element.split_at('/');
        let days = match step.filter(|_| !base.text.contains("..")) {
            None => stepped(element, &DAY_FROM_END, &|day| day)?,
            Some(step) => {
                let day = span(element, base, &DAY_FROM_END, &|day| day)?.first;
                let every = DAY_FROM_END.step(step)?;
                refuse_idle(step, every, (1, day), &DAY_FROM_END)?;
                let last = 1 + (day - 1) % every;
                Stepped::new(
                    Span {
                        first: last,
                        last: day,
                    },
                    every,
                )
            }
        };
        bits |= days.values().fold(0, |bits, day| bits | 1 << (day - 1));
    }
    Ok(bits)
}

/// What a component names; none for `*`.
pub(super) fn values(
    word: Word<'_>,
    field: &Field,
) -> Result<Option<Vec<Stepped>>, ExpressionError> {
    values_by(word, field, |value| value)
}

pub(super) fn values_by(
    word: Word<'_>,
    field: &Field,
    meaning: impl Fn(u64) -> u64,
) -> Result<Option<Vec<Stepped>>, ExpressionError> {
    if word.text == "*" {
        return Ok(None);
    }
    let element = |element: Word<'_>| match element.text.is_empty() {
        true => Err(field.empty_element(word, element)),
        false => stepped(element, field, &meaning),
    };
    word.elements()
        .map(element)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// `5`, `5..7`, `5/2` to the end, `5..9/2`, `*/2`.
fn stepped(
    element: Word<'_>,
    field: &Field,
    meaning: &dyn Fn(u64) -> u64,
) -> Result<Stepped, ExpressionError> {
    let (base, step) = element.split_at('/');
    let Some(step) = step else {
        return Ok(Stepped::new(span(element, base, field, meaning)?, 1));
    };
    let every = field.step(step)?;
    let mut span = match base.text {
        "*" => field.whole(),
        _ => span(element, base, field, meaning)?,
    };
    if !base.text.contains("..") {
        span.last = field.last;
    }
    refuse_idle(step, every, (span.first, span.last), field)?;
    Ok(Stepped::new(span, every))
}

/// A step must lead to a second value.
fn refuse_idle(
    step: Word<'_>,
    every: u64,
    (first, last): (u64, u64),
    field: &Field,
) -> Result<(), ExpressionError> {
    if every <= last - first {
        return Ok(());
    }
    let found = shortened(step.text);
    let message = format!("{} step {found} leads beyond {last}", field.name);
    Err(ExpressionError::new(step.range(), message).help("leave it out"))
}

fn span(
    whole: Word<'_>,
    base: Word<'_>,
    field: &Field,
    meaning: &dyn Fn(u64) -> u64,
) -> Result<Span, ExpressionError> {
    let value = |word: Word<'_>| match word.text.is_empty() {
        _ if word.is_number() => field.number_by(word, meaning),
        // An end of a range, or what a step starts from: nothing can be marked but what is there.
        true => Err(field.unknown(whole)),
        false => Err(field.unknown(word)),
    };
    let Some((from, to)) = base.split_around("..") else {
        let first = value(base)?;
        return Ok(Span { first, last: first });
    };
    let span = Span {
        first: value(from)?,
        last: value(to)?,
    };
    if span.first <= span.last {
        return Ok(span);
    }
    let found = quoted(base.text);
    let message = format!("{} range {found} ends before it begins", field.name);
    Err(ExpressionError::new(base.range(), message))
}

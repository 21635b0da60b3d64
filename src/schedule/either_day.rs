//! Cron expressions in which a day counts that either of two fields names, and what may have been meant instead.

use super::days::{DayRule, Days};
use super::pattern::Pattern;
use super::weekdays::NAMES;
use super::word::Word;
use super::{Expression, Seed};

/// The two fields for days, and the other ways to write the expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EitherDay {
    pub day: String,
    pub weekday: String,
    /// For days that both name. None where no expression says it.
    pub both: Option<String>,
    /// For days that one of them names, an expression for each. None where one of them alone never comes.
    pub apart: Option<[String; 2]>,
}

impl Expression {
    /// None where a day must be named by both, as mostly.
    pub fn either_day(&self) -> Option<EitherDay> {
        if self.pattern.days.rule == DayRule::Both {
            return None;
        }
        let text = self.to_string();
        let fields: Vec<&str> = Word::fields(&text).iter().map(|word| word.text).collect();
        let day = if fields.len() == 5 { 2 } else { 3 };
        let weekday = day + 2;
        let without = |field: usize| {
            let mut fields = fields.clone();
            fields[field] = "*";
            fields.join(" ")
        };
        let apart = [without(weekday), without(day)];
        Some(EitherDay {
            day: fields[day].to_owned(),
            weekday: fields[weekday].to_owned(),
            both: self.for_both(&fields, day),
            apart: apart
                .iter()
                .all(|text| parsed(text).is_some())
                .then_some(apart),
        })
    }

    /// A calendar expression, where there is one: there a day must be named by both. What it says is read back.
    fn for_both(&self, fields: &[&str], day: usize) -> Option<String> {
        let Days {
            days,
            months,
            weekdays,
            ..
        } = self.pattern.days;
        let year = fields.get(day + 3).filter(|year| **year != "*");
        let year = year.map_or_else(|| "*".to_owned(), |year| component(year));
        let date = format!(
            "{year}-{}-{}",
            numbers(months.into(), 12),
            numbers(days, 31)
        );
        let mut time = vec![component(fields[day - 1]), component(fields[day - 2])];
        time.extend(day.checked_sub(3).map(|second| component(fields[second])));
        let text = format!("{} {date} {}", names(weekdays), time.join(":"));
        let days = Days {
            rule: DayRule::Both,
            ..self.pattern.days.clone()
        };
        let wanted = Pattern {
            days: days.that_come().ok()?,
            times: self.pattern.times.clone(),
        };
        (parsed(&text)?.pattern == wanted).then_some(text)
    }
}

/// Whether it is right does not depend on what `H` is.
fn parsed(text: &str) -> Option<Expression> {
    Expression::parse(text, Seed::of("", "")).ok()
}

/// A field for times or years as a part of a calendar expression; one number has two digits.
fn component(field: &str) -> String {
    match field.bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!("{field:0>2}"),
        false => field.replace('-', ".."),
    }
}

/// `*`, or the numbers of the bits from 1 on.
fn numbers(bits: u32, count: u32) -> String {
    let named: Vec<u32> = (1..=count).filter(|value| bits >> value & 1 == 1).collect();
    match named.len() == count as usize {
        true => "*".to_owned(),
        false => runs(&named, |value| format!("{value:02}")),
    }
}

/// `Mon..Fri`. As weeks go on, from Monday on.
fn names(weekdays: u8) -> String {
    let named: Vec<u32> = (1..=7)
        .filter(|day| weekdays >> (day % 7) & 1 == 1)
        .collect();
    runs(&named, |day| NAMES[day as usize - 1][..3].to_owned())
}

/// What follows each other is told by its ends.
fn runs(values: &[u32], name: impl Fn(u32) -> String) -> String {
    let mut parts = Vec::new();
    for run in values.chunk_by(|one, other| one + 1 == *other) {
        match *run {
            [first, _, .., last] => parts.push(format!("{}..{}", name(first), name(last))),
            _ => parts.extend(run.iter().map(|value| name(*value))),
        }
    }
    parts.join(",")
}

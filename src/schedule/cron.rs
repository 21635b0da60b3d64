//! Cron expressions: five fields and macros, from text to bit masks.

use std::fmt;

use super::days::{DayRule, Days};
use super::expression_error::{ExpressionError, quoted};
use super::field::{DAY_OF_MONTH, DAY_OF_WEEK, HOUR, MINUTE, MONTH};
use super::next::{Times, Watch};
use super::word::Word;

const MACROS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];
const FIELDS: &str = "minute, hour, day of month, month, day of week";
const ALIKE: f64 = 0.7;

/// A cron expression that is right and fires at least once. Small: there may be 100,000 of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    text: Box<str>,
    pub(super) days: Days,
    pub(super) times: Times,
}

impl Cron {
    /// The five fields, or one of the macros such as `@daily`.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let (days, times) = match Word::fields(text).as_slice() {
            [] => {
                return Err(
                    ExpressionError::new(0..text.len(), "the expression is empty")
                        .help(format!("write five fields: {FIELDS}")),
                );
            }
            [first, rest @ ..] if first.text.starts_with('@') => expand(*first, rest)?,
            [minute, hour, day, month, weekday] => {
                (days(*day, *month, *weekday)?, times(*minute, *hour)?)
            }
            fields => return Err(wrong_count(fields)),
        };
        Ok(Self {
            text: text.into(),
            days,
            times,
        })
    }
}

/// As it was written.
impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn times(minute: Word<'_>, hour: Word<'_>) -> Result<Times, ExpressionError> {
    let is_wild = minute.text.starts_with('*') || hour.text.starts_with('*');
    Ok(Times {
        minutes: MINUTE.parse(minute)?,
        hours: HOUR.parse(hour)? as u32,
        watch: if is_wild { Watch::Wild } else { Watch::Fixed },
    })
}

fn days(day: Word<'_>, month: Word<'_>, weekday: Word<'_>) -> Result<Days, ExpressionError> {
    let is_unrestricted = day.text.starts_with('*') || weekday.text.starts_with('*');
    let days = Days {
        days: DAY_OF_MONTH.parse(day)? as u32,
        months: MONTH.parse(month)? as u16,
        weekdays: DAY_OF_WEEK.parse(weekday)? as u8,
        rule: if is_unrestricted {
            DayRule::Both
        } else {
            DayRule::Either
        },
    };
    match days.why_never() {
        None => Ok(days),
        Some(why) => {
            let message = format!("never fires: {why}");
            Err(ExpressionError::new(day.start..month.end(), message))
        }
    }
}

fn expand(name: Word<'_>, rest: &[Word<'_>]) -> Result<(Days, Times), ExpressionError> {
    let expansion = MACROS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name.text));
    match (expansion, rest) {
        (Some((_, expansion)), []) => {
            let cron = Cron::parse(expansion).expect("macros stand for right expressions");
            Ok((cron.days, cron.times))
        }
        (Some(_), [first, ..]) => {
            let end = rest.last().unwrap_or(first).end();
            let message = format!("nothing may follow {}", quoted(name.text));
            Err(ExpressionError::new(first.start..end, message))
        }
        (None, _) => Err(unknown_macro(name)),
    }
}

fn unknown_macro(name: Word<'_>) -> ExpressionError {
    let found = name.text.to_ascii_lowercase();
    let refuse =
        |what: &str| ExpressionError::new(name.range(), format!("{} {what}", quoted(name.text)));
    match found.as_str() {
        "@reboot" => refuse("is not available: a schedule names times")
            .help("what runs once at boot is a systemd service with 'Type=oneshot'"),
        "@every" => refuse("is not available").help("use the key 'every' in place of 'schedule'"),
        _ => refuse("is not a macro").help(closest_macro(&found)),
    }
}

fn closest_macro(found: &str) -> String {
    let known = MACROS.map(|(known, _)| known);
    let likenesses = known.iter().map(|known| (likeness(known, found), known));
    match likenesses.max_by(|(a, _), (b, _)| a.total_cmp(b)) {
        Some((likeness, best)) if likeness >= ALIKE => format!("did you mean '{best}'?"),
        _ => format!("allowed: {}", known.join(", ")),
    }
}

fn likeness(known: &str, found: &str) -> f64 {
    // What nobody means is not compared: the cost grows with the product of the lengths.
    if found.len() > 40 {
        0.0
    } else {
        strsim::normalized_damerau_levenshtein(known, found)
    }
}

fn wrong_count(fields: &[Word<'_>]) -> ExpressionError {
    let (first, last) = (fields[0], fields[fields.len() - 1]);
    let found = match fields.len() {
        1 => "1 field".to_string(),
        count => format!("{count} fields"),
    };
    let unknown = match fields.len() {
        6 => "; seconds are not known",
        7 => "; seconds and years are not known",
        _ => "",
    };
    let message = format!("{found} found, 5 needed ({FIELDS}){unknown}");
    let error = ExpressionError::new(first.start..last.end(), message);
    match fields {
        [word] if is_bare_macro(word.text) => {
            error.help(format!("did you mean '@{}'?", word.text.to_lowercase()))
        }
        [_, rest @ ..] if matches!(fields.len(), 6 | 7) => without_seconds(error, &rest[..5]),
        _ => error,
    }
}

fn is_bare_macro(text: &str) -> bool {
    MACROS
        .iter()
        .any(|(known, _)| known[1..].eq_ignore_ascii_case(text))
}

/// What six or seven fields mean elsewhere, if the rest is an expression here.
fn without_seconds(error: ExpressionError, rest: &[Word<'_>]) -> ExpressionError {
    let rest = rest
        .iter()
        .map(|word| word.text)
        .collect::<Vec<_>>()
        .join(" ");
    match Cron::parse(&rest) {
        Ok(_) => error.help(format!("without them: '{rest}'")),
        Err(_) => error,
    }
}

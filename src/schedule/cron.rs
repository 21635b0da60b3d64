//! Cron expressions: five to seven fields and macros, from text to a pattern.

use super::Seed;
use super::days::{DayRule, Days};
use super::expression_error::{ExpressionError, quoted};
use super::field::{DAY_OF_MONTH, DAY_OF_WEEK, HOUR, MINUTE, MONTH, SECOND, Stepped, YEAR};
use super::pattern::{Pattern, Times, Watch};
use super::rare_days::{RareDays, Years};
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
pub(super) const FIELDS: &str = "minute, hour, day of month, month, day of week";
const ALIKE: f64 = 0.7;

/// At the beginning of the minute.
const NO_SECONDS: u64 = 1;

/// Five fields, six with seconds before them, seven with years after them, or one of the macros such as `@daily`.
pub(super) fn parse(words: &[Word<'_>], seed: Seed) -> Result<Pattern, ExpressionError> {
    match *words {
        [first, ref rest @ ..] if first.text.starts_with('@') => expand(first, rest, seed),
        [minute, hour, day, month, weekday] => Ok(Pattern {
            days: days([day, month, weekday], None, seed)?,
            times: times(None, [minute, hour], seed)?,
        }),
        [second, minute, hour, day, month, weekday] => Ok(Pattern {
            days: days([day, month, weekday], None, seed)?,
            times: times(Some(second), [minute, hour], seed)?,
        }),
        [second, minute, hour, day, month, weekday, year] => Ok(Pattern {
            days: days([day, month, weekday], Some(year), seed)?,
            times: times(Some(second), [minute, hour], seed)?,
        }),
        _ => Err(wrong_count(words)),
    }
}

fn times(
    second: Option<Word<'_>>,
    [minute, hour]: [Word<'_>; 2],
    seed: Seed,
) -> Result<Times, ExpressionError> {
    let fields = second.into_iter().chain([minute, hour]);
    let is_wild = fields.into_iter().any(|field| field.text.starts_with('*'));
    let rare = &mut RareDays::default();
    Ok(Times {
        seconds: second.map_or(Ok(NO_SECONDS), |second| SECOND.parse(second, seed, rare))?,
        minutes: MINUTE.parse(minute, seed, rare)?,
        hours: HOUR.parse(hour, seed, rare)? as u32,
        watch: if is_wild { Watch::Wild } else { Watch::Fixed },
    })
}

fn days(
    [day, month, weekday]: [Word<'_>; 3],
    year: Option<Word<'_>>,
    seed: Seed,
) -> Result<Days, ExpressionError> {
    let is_free = |field: Word<'_>| field.text.starts_with('*') || field.text == "?";
    let is_unrestricted = is_free(day) || is_free(weekday);
    let mut rare = RareDays::default();
    let mut days = Days {
        days: DAY_OF_MONTH.parse(day, seed, &mut rare)? as u32,
        months: MONTH.parse(month, seed, &mut rare)? as u16,
        weekdays: DAY_OF_WEEK.parse(weekday, seed, &mut rare)? as u8,
        rule: if is_unrestricted {
            DayRule::Both
        } else {
            DayRule::Either
        },
        rare: None,
    };
    if let Some(year) = year.filter(|year| year.text != "*") {
        rare.years = Some(years(year, seed)?);
    }
    days.rare = rare.boxed();
    days.that_come().map_err(|why| {
        let message = format!("never fires: {why}");
        ExpressionError::new(day.start..month.end(), message)
    })
}

fn years(year: Word<'_>, seed: Seed) -> Result<Years, ExpressionError> {
    let values = YEAR.values(year, seed, &mut RareDays::default())?;
    Ok(values.into_iter().flat_map(Stepped::values).collect())
}

fn expand(name: Word<'_>, rest: &[Word<'_>], seed: Seed) -> Result<Pattern, ExpressionError> {
    let expansion = MACROS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name.text));
    match (expansion, rest) {
        (Some((_, expansion)), []) => {
            let pattern = parse(&Word::fields(expansion), seed);
            Ok(pattern.expect("macros stand for right expressions"))
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
    let message = match fields.len() {
        ..5 => format!("{found} found, 5 needed ({FIELDS})"),
        _ => format!("{found} found, 7 at most (second, {FIELDS}, year)"),
    };
    let error = ExpressionError::new(first.start..last.end(), message);
    match fields {
        [word] if is_bare_macro(word.text) => {
            error.help(format!("did you mean '@{}'?", word.text.to_lowercase()))
        }
        _ => error,
    }
}

fn is_bare_macro(text: &str) -> bool {
    MACROS
        .iter()
        .any(|(known, _)| known[1..].eq_ignore_ascii_case(text))
}

//! Calendar expressions as systemd has them: `Mon..Fri *-*-* 09:00 Europe/Berlin`. The source of the rules is
//! `systemd.time(7)`; where more or less is allowed here, hupd.toml(5) says so.

use super::components::{before_last, values, values_by};
use super::days::{ALL_DAYS, ALL_MONTHS, DayRule, Days};
use super::expression_error::{ExpressionError, quoted};
use super::field::{self, Field, Marks, Stepped, bits};
use super::pattern::{Pattern, Times, Watch};
use super::rare_days::{RareDays, Years};
use super::weekdays;
use super::word::Word;

const SHORTHANDS: [(&str, &str); 13] = [
    ("minutely", "*-*-* *:*:00"),
    ("hourly", "*-*-* *:00:00"),
    ("daily", "*-*-* 00:00:00"),
    ("weekly", "Mon *-*-* 00:00:00"),
    ("monthly", "*-*-01 00:00:00"),
    ("quarterly", "*-01,04,07,10-01 00:00:00"),
    ("semiannually", "*-01,07-01 00:00:00"),
    ("semi-annually", "*-01,07-01 00:00:00"),
    ("biannually", "*-01,07-01 00:00:00"),
    ("bi-annually", "*-01,07-01 00:00:00"),
    ("yearly", "*-01-01 00:00:00"),
    ("annually", "*-01-01 00:00:00"),
    ("anually", "*-01-01 00:00:00"),
];

const MONTH: Field = Field {
    allowed: "1-12",
    names: &[],
    marks: Marks::None,
    ..field::MONTH
};
const DAY: Field = Field {
    name: "day",
    marks: Marks::None,
    ..field::DAY_OF_MONTH
};
const AT_THE_FIRST: u64 = 1;

/// Whether somebody means this form, be it right or wrong.
pub(super) fn is_meant(words: &[Word<'_>]) -> bool {
    let is_date = |word: &Word<'_>| {
        let begins = word
            .text
            .starts_with(|c: char| c == '*' || c.is_ascii_digit());
        begins && word.text.contains(['-', '~'])
    };
    let has_time = words.iter().any(|word| word.text.contains(':'));
    let first = words[0];
    has_time
        || words.len() < 4
            && (expansion(first).is_some() || weekdays::begins(first) || words.iter().any(is_date))
}

/// The pattern, and the zone that it names.
pub(super) fn parse<'t>(
    words: &[Word<'t>],
) -> Result<(Pattern, Option<Word<'t>>), ExpressionError> {
    let (words, zone) = match words {
        [rest @ .., last] if !rest.is_empty() && is_zone(*last) => (rest, Some(*last)),
        _ => (words, None),
    };
    if let Some(expansion) = expansion(words[0]) {
        if let Some(extra) = words.get(1) {
            let message = format!("nothing but a zone may follow {}", quoted(words[0].text));
            return Err(ExpressionError::new(extra.range(), message));
        }
        let words = Word::fields(expansion);
        let pattern = pattern(&words).expect("shorthands stand for right expressions");
        return Ok((pattern, zone));
    }
    Ok((pattern(words)?, zone))
}

fn expansion(word: Word<'_>) -> Option<&'static str> {
    let mut known = SHORTHANDS.iter();
    let found = known.find(|(name, _)| name.eq_ignore_ascii_case(word.text))?;
    Some(found.1)
}

/// Weekdays stand first, so a word behind that begins with a letter can only be a zone.
fn is_zone(word: Word<'_>) -> bool {
    word.text.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn pattern(words: &[Word<'_>]) -> Result<Pattern, ExpressionError> {
    let mut rest = words;
    let mut next_if = |is_it: &dyn Fn(Word<'_>) -> bool| {
        let (first, others) = rest.split_first()?;
        is_it(*first).then(|| {
            rest = others;
            *first
        })
    };
    let weekdays = next_if(&weekdays::begins);
    let date = next_if(&|word| !word.text.contains(':'));
    let time = next_if(&|_| true);
    if let Some(extra) = rest.first() {
        let message = format!("{} is one too many", quoted(extra.text));
        let help = "write weekdays, date, time and zone, in this order; each may be left out";
        return Err(ExpressionError::new(extra.range(), message).help(help));
    }
    let mut days = Days {
        days: ALL_DAYS,
        months: ALL_MONTHS,
        weekdays: weekdays.map_or(Ok(weekdays::ALL), weekdays::parse)?,
        rule: DayRule::Both,
        rare: None,
    };
    if let Some(date) = date {
        self::date(date, &mut days)?;
    }
    let times = time.map_or(Ok(midnight()), self::time)?;
    let days = days.that_come().map_err(|why| {
        let message = format!("never fires: {why}");
        ExpressionError::new(date.unwrap_or(words[0]).range(), message)
    })?;
    Ok(Pattern { days, times })
}

fn midnight() -> Times {
    Times {
        seconds: AT_THE_FIRST,
        minutes: AT_THE_FIRST,
        hours: AT_THE_FIRST as u32,
        watch: Watch::Fixed,
    }
}

/// `YEAR-MONTH-DAY` or `MONTH-DAY`; with `~` before it the day is counted from the end of the month.
fn date(word: Word<'_>, days: &mut Days) -> Result<(), ExpressionError> {
    let wrong = || {
        if word.text.chars().all(char::is_alphabetic) {
            let message = format!("{} is no weekday and no date", quoted(word.text));
            let help = "write 'Mon', 'Mon..Fri' or 'Sat,Sun', or a date such as '*-12-24'";
            return ExpressionError::new(word.range(), message).help(help);
        }
        let message = format!("{} is no date", quoted(word.text));
        let help = "write 'YEAR-MONTH-DAY', '*-12-24' for every year, '*-*~01' for the last day of every month";
        ExpressionError::new(word.range(), message).help(help)
    };
    let (before, day, is_from_end) = match word.split_at('~') {
        (before, Some(day)) => (before, day, true),
        (whole, None) => {
            let (before, day) = whole.split_at_last('-').ok_or_else(wrong)?;
            (before, day, false)
        }
    };
    let mut rare = RareDays::default();
    let month = match before.split_at('-') {
        (year, Some(month)) => {
            rare.years = years(year)?;
            month
        }
        (month, None) => month,
    };
    let parts = [before, month, day];
    let has_more = month.text.contains('-') || day.text.contains(['-', '~']);
    if has_more || before.text.starts_with('-') || parts.iter().any(|part| part.text.is_empty()) {
        return Err(wrong());
    }
    if let Some(months) = values(month, &MONTH)? {
        days.months = bits(months) as u16;
    }
    match is_from_end {
        true => {
            rare.before_last = before_last(day)?;
            days.days = 0;
        }
        false => {
            if let Some(named) = values(day, &DAY)? {
                days.days = bits(named) as u32;
            }
        }
    }
    days.rare = rare.boxed();
    Ok(())
}

/// Of two digits, those up to 69 are of this century.
fn years(word: Word<'_>) -> Result<Option<Years>, ExpressionError> {
    let Some(values) = values_by(word, &field::YEAR, |year| match year {
        0..70 => year + 2000,
        70..100 => year + 1900,
        _ => year,
    })?
    else {
        return Ok(None);
    };
    let values = values.into_iter().flat_map(Stepped::values);
    Ok(Some(values.collect()))
}

/// `HOUR:MINUTE` or `HOUR:MINUTE:SECOND`.
fn time(word: Word<'_>) -> Result<Times, ExpressionError> {
    let parts: Vec<_> = word.parts(':').collect();
    let has_all = !parts.iter().any(|part| part.text.is_empty());
    let (hour, minute, second) = match *parts {
        [hour, minute] if has_all => (hour, minute, None),
        [hour, minute, second] if has_all => (hour, minute, Some(second)),
        _ => {
            let message = format!("{} is no time", quoted(word.text));
            let help = "write 'HOUR:MINUTE' or 'HOUR:MINUTE:SECOND'";
            return Err(ExpressionError::new(word.range(), message).help(help));
        }
    };
    let fraction = |second: Word<'_>| second.text.replace("..", "").contains('.');
    if let Some(second) = second.filter(|second| fraction(*second)) {
        let message = format!("{}: seconds are whole here", quoted(second.text));
        return Err(ExpressionError::new(second.range(), message));
    }
    let is_wild = parts.iter().any(|part| part.text.starts_with('*'));
    let all = |word: Word<'_>, field: &Field| {
        let values = values(word, field)?;
        Ok(values.map_or((1 << (field.max + 1)) - 1, bits))
    };
    Ok(Times {
        hours: all(hour, &field::HOUR)? as u32,
        minutes: all(minute, &field::MINUTE)?,
        seconds: second.map_or(Ok(AT_THE_FIRST), |second| all(second, &field::SECOND))?,
        watch: if is_wild { Watch::Wild } else { Watch::Fixed },
    })
}

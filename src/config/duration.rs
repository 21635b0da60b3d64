//! Durations as people write them: `90s`, `1h 30m`.

use std::time::Duration;

use super::words::{list, quoted};

struct Unit {
    /// The short name first: the one that is printed.
    names: &'static [&'static str],
    millis: u64,
}

const DAY: u64 = 24 * 60 * 60 * 1000;

const UNITS: [Unit; 6] = [
    unit(&["w", "week", "weeks"], 7 * DAY),
    unit(&["d", "day", "days"], DAY),
    unit(&["h", "hr", "hour", "hours"], 60 * 60 * 1000),
    unit(&["m", "min", "mins", "minute", "minutes"], 60 * 1000),
    unit(&["s", "sec", "secs", "second", "seconds"], 1000),
    unit(&["ms", "msec", "millisecond", "milliseconds"], 1),
];

/// 100 years: beyond it a duration is a slip of the hand, and arithmetic with time gets unsafe.
const LONGEST: u64 = 36_525 * DAY;

const EXAMPLES: &str = "write '90s' or '1h 30m'";

const fn unit(names: &'static [&'static str], millis: u64) -> Unit {
    Unit { names, millis }
}

/// Parses `90s`, `1h 30m`, `250ms`, `2d`; the error says what is allowed.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(format!("{} is empty; {EXAMPLES}", quoted(text)));
    }
    let mut seen = Vec::new();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (millis, unit, after) = part(text, rest)?;
        if seen.contains(&unit) {
            return Err(format!(
                "{} names '{unit}' twice; add the two up",
                quoted(text)
            ));
        }
        seen.push(unit);
        total = total
            .checked_add(millis)
            .filter(|sum| *sum <= LONGEST)
            .ok_or_else(|| too_long(text))?;
        rest = after.trim_start();
    }
    Ok(Duration::from_millis(total))
}

/// What a duration looks like, as a regular expression of JavaScript.
pub(super) fn pattern() -> String {
    let names: Vec<_> = UNITS.iter().flat_map(|unit| unit.names).copied().collect();
    format!("^\\s*([0-9]+\\s*({})\\s*)+$", names.join("|"))
}

/// One number with its unit: milliseconds, the unit's short name, and what follows.
fn part<'t>(text: &str, rest: &'t str) -> Result<(u64, &'static str, &'t str), String> {
    let (digits, after) = split(rest, |c| c.is_ascii_digit());
    if digits.is_empty() {
        return Err(format!("{} is no duration; {EXAMPLES}", quoted(text)));
    }
    if after.starts_with(['.', ',']) {
        let advice = without_fraction(rest).unwrap_or_else(|| EXAMPLES.to_owned());
        return Err(format!("{} has a fraction; {advice}", quoted(text)));
    }
    let (name, after) = split(after.trim_start(), char::is_alphabetic);
    if name.is_empty() && after.is_empty() {
        let example = format!("write {} or '1h 30m'", quoted(&format!("{digits}s")));
        return Err(format!("{} has no unit; {example}", quoted(text)));
    }
    let Some(unit) = UNITS.iter().find(|unit| unit.names.contains(&name)) else {
        return Err(unknown_unit(text, name));
    };
    let millis = digits.parse::<u64>().ok();
    let millis = millis.and_then(|number| number.checked_mul(unit.millis));
    Ok((millis.ok_or_else(|| too_long(text))?, unit.names[0], after))
}

/// What to write in place of `1.5h`, where it is whole milliseconds.
fn without_fraction(text: &str) -> Option<String> {
    let belongs = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
    let (number, after) = split(text, belongs);
    let (name, _) = split(after.trim_start(), char::is_alphabetic);
    let unit = UNITS.iter().find(|unit| unit.names.contains(&name))?;
    let (whole, fraction) = number.split_once(['.', ','])?;
    let parts = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let all: u64 = format!("{whole}{fraction}").parse().ok()?;
    let millis = all.checked_mul(unit.millis)?;
    if millis % parts != 0 || millis / parts > LONGEST {
        return None;
    }
    let exact = format_duration(Duration::from_millis(millis / parts));
    let written = format!("{number}{}", unit.names[0]);
    Some(format!("write '{exact}' instead of '{written}'"))
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

fn unknown_unit(text: &str, name: &str) -> String {
    if name.is_empty() {
        return format!("{} is no duration; {EXAMPLES}", quoted(text));
    }
    let known = list(UNITS.iter().rev().map(|unit| unit.names[0]), "or");
    let name = quoted(name);
    format!("{}: {name} is no unit; write {known}", quoted(text))
}

fn too_long(text: &str) -> String {
    format!(
        "{} is longer than 100 years, the most that is possible",
        quoted(text)
    )
}

/// The shortest exact form that [`parse_duration`] reads back: `1h 30m`. What is finer than a
/// millisecond is left out.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut parts = Vec::new();
    // Without weeks: 90 days are `90d` to everybody, and `12w 6d` to nobody.
    for unit in &UNITS[1..] {
        let number = rest / unit.millis;
        rest %= unit.millis;
        if number > 0 {
            parts.push(format!("{number}{}", unit.names[0]));
        }
    }
    if parts.is_empty() {
        parts.push("0s".to_owned());
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(text: &str) -> u64 {
        parse_duration(text).unwrap().as_secs()
    }

    #[test]
    fn a_duration_is_numbers_with_units() {
        assert_eq!(seconds("90s"), 90);
        assert_eq!(seconds("1h 30m"), 5400);
        assert_eq!(seconds("1h30m"), 5400);
        assert_eq!(seconds(" 2 days "), 172_800);
        assert_eq!(seconds("1w"), 604_800);
        assert_eq!(seconds("0s"), 0);
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
    }

    #[test]
    fn what_is_no_duration_is_told_what_is() {
        for (text, message) in [
            ("", "'' is empty; write '90s' or '1h 30m'"),
            ("90", "'90' has no unit; write '90s' or '1h 30m'"),
            ("1h 30", "'1h 30' has no unit; write '30s' or '1h 30m'"),
            ("soon", "'soon' is no duration; write '90s' or '1h 30m'"),
            ("-5s", "'-5s' is no duration; write '90s' or '1h 30m'"),
            (
                "5M",
                "'5M': 'M' is no unit; write 'ms', 's', 'm', 'h', 'd' or 'w'",
            ),
            (
                "1.5h",
                "'1.5h' has a fraction; write '1h 30m' instead of '1.5h'",
            ),
            (
                "2.5 days",
                "'2.5 days' has a fraction; write '2d 12h' instead of '2.5d'",
            ),
            (
                "0,5m",
                "'0,5m' has a fraction; write '30s' instead of '0,5m'",
            ),
            (
                "1.2345s",
                "'1.2345s' has a fraction; write '90s' or '1h 30m'",
            ),
            ("1.5", "'1.5' has a fraction; write '90s' or '1h 30m'"),
            ("1s 2s", "'1s 2s' names 's' twice; add the two up"),
            (
                "36526d",
                "'36526d' is longer than 100 years, the most that is possible",
            ),
            (
                "99999999999999999999s",
                "'99999999999999999999s' is longer than 100 years, the most that is possible",
            ),
            (
                &"9".repeat(70),
                &format!(
                    "'{nines}...' has no unit; write '{nines}...' or '1h 30m'",
                    nines = "9".repeat(60)
                ),
            ),
            ("5§", "'5§' is no duration; write '90s' or '1h 30m'"),
        ] {
            assert_eq!(parse_duration(text), Err(message.to_owned()));
        }
    }

    #[test]
    fn the_printed_form_is_the_short_one() {
        for (text, printed) in [
            ("90s", "1m 30s"),
            ("36h", "1d 12h"),
            ("12w 6d", "90d"),
            ("0ms", "0s"),
            ("1500ms", "1s 500ms"),
        ] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), printed);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(millis in 0..=LONGEST) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in "\\PC*|[0-9 smhdw.-]*") {
            let _ = parse_duration(&text);
        }
    }
}

//! Sizes as people write them: `256KiB`, `2GiB`.

use super::words::{list, quoted};

const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1000),
    ("MB", 1000 * 1000),
    ("GB", 1000 * 1000 * 1000),
    ("TB", 1000 * 1000 * 1000 * 1000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Parses a size in bytes, where a bare number counts bytes; the error says what is allowed.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let trimmed = text.trim();
    let end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = trimmed.split_at(end.unwrap_or(trimmed.len()));
    let factor = factor(text, number, unit.trim())?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_divisible = factor > 1 || !number.contains('.');
    let bytes = scaled(whole, factor)
        .zip(part_of(fraction, factor))
        .and_then(|(whole, part)| whole.checked_add(part))
        .filter(|_| !whole.is_empty() && is_divisible);
    bytes.ok_or_else(|| format!("{} is no size; write '256KiB' or '2MiB'", quoted(text)))
}

/// What a size looks like, as a regular expression of JavaScript, which has no way to say "in any case".
pub(super) fn pattern() -> String {
    let either = |letter: char| format!("[{letter}{}]", letter.to_ascii_lowercase());
    let name = |name: &str| name.to_uppercase().chars().map(either).collect::<String>();
    let names: Vec<_> = UNITS.iter().map(|(unit, _)| name(unit)).collect();
    format!("^\\s*[0-9]+(\\.[0-9]+)?\\s*({})?\\s*$", names.join("|"))
}

fn factor(text: &str, number: &str, unit: &str) -> Result<u64, String> {
    if number.is_empty() {
        let text = quoted(text);
        return Err(format!("{text} is no size; write '256KiB' or '2MiB'"));
    }
    if unit.is_empty() {
        return Ok(1);
    }
    let known = UNITS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit));
    known.map(|(_, factor)| *factor).ok_or_else(|| {
        let known = list(UNITS.map(|(name, _)| name), "or");
        let unit = quoted(unit);
        format!("{}: {unit} is no unit; write {known}", quoted(text))
    })
}

fn scaled(digits: &str, factor: u64) -> Option<u64> {
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// `.5` of a unit, in bytes. Nine digits name every byte that anybody can mean.
fn part_of(digits: &str, factor: u64) -> Option<u64> {
    let scale = 10_u128.pow(u32::try_from(digits.len()).ok().filter(|len| *len <= 9)?);
    let part = u128::from(digits.parse::<u64>().ok()?) * u128::from(factor) / scale;
    u64::try_from(part).ok()
}

/// The largest unit that leaves a short number: `256KiB`, `1.5MiB`.
pub fn format_size(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let tenths =
        |factor: u64| (u128::from(bytes) * 10 + u128::from(factor) / 2) / u128::from(factor);
    let rounded = UNITS[5..]
        .iter()
        .map(|(name, factor)| (name, tenths(*factor)));
    let shortest = rounded.reduce(|small, large| if small.1 < 10 * 1024 { small } else { large });
    let (name, tenths) = shortest.expect("there are units");
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole}{name}"),
        (whole, tenth) => format!("{whole}.{tenth}{name}"),
    }
}

/// The same where nothing is lost by it, else in bytes: `1.5MiB`, `1048577B`.
pub fn format_size_exactly(bytes: u64) -> String {
    let short = format_size(bytes);
    match parse_size(&short) == Ok(bytes) {
        true => short,
        false => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_size_is_a_number_with_a_unit() {
        for (text, bytes) in [
            ("512", 512),
            ("512 B", 512),
            ("256KiB", 262_144),
            ("1MB", 1_000_000),
            ("1.5MiB", 1_572_864),
            ("2gib", 2 << 30),
        ] {
            assert_eq!(parse_size(text), Ok(bytes));
        }
    }

    #[test]
    fn what_is_no_size_is_told_what_is() {
        for (text, message) in [
            ("", "'' is no size; write '256KiB' or '2MiB'"),
            ("much", "'much' is no size; write '256KiB' or '2MiB'"),
            ("1.5", "'1.5' is no size; write '256KiB' or '2MiB'"),
            (".5MiB", "'.5MiB' is no size; write '256KiB' or '2MiB'"),
            (
                "1.2.3MiB",
                "'1.2.3MiB' is no size; write '256KiB' or '2MiB'",
            ),
            (
                "1K",
                "'1K': 'K' is no unit; write 'B', 'KB', 'MB', 'GB', 'TB', 'KiB', 'MiB', 'GiB' or 'TiB'",
            ),
            (
                "99999999999TiB",
                "'99999999999TiB' is no size; write '256KiB' or '2MiB'",
            ),
        ] {
            assert_eq!(parse_size(text), Err(message.to_owned()));
        }
    }

    #[test]
    fn the_printed_form_is_the_short_one() {
        assert_eq!(format_size(0), "0B");
        assert_eq!(format_size(1023), "1023B");
        assert_eq!(format_size(1024 * 1024 - 1), "1MiB");
        assert_eq!(format_size(262_144), "256KiB");
        assert_eq!(format_size(1_572_864), "1.5MiB");
        assert_eq!(format_size(u64::MAX), "16777216TiB");
    }

    proptest! {
        #[test]
        fn whole_units_are_read_back(number in 1_u64..1023, unit in 0_u32..4) {
            let bytes = number << (10 * unit);
            prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }

        #[test]
        fn the_exact_form_is_read_back(bytes: u64) {
            prop_assert_eq!(parse_size(&format_size_exactly(bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_panics(text in "\\PC*|[0-9.]*[KMGTiB ]*") {
            let _ = parse_size(&text);
        }
    }
}

//! Sizes: `256KiB`.

use hupd::config::{format_size, parse_size};

use super::{check_message, check_quotes};

const UNITS: [(&str, u128); 10] = [
    ("", 1),
    ("b", 1),
    ("kb", 1000),
    ("mb", 1000_u128.pow(2)),
    ("gb", 1000_u128.pow(3)),
    ("tb", 1000_u128.pow(4)),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];
const LARGEST: u128 = u64::MAX as u128;

/// An accepted size is the number times the unit, and near to what is printed of it; a refused one is told.
pub fn sizes(text: &str) {
    let product = product_of(text);
    match parse_size(text) {
        Ok(bytes) => {
            assert!(
                product.is_none_or(|product| product == u128::from(bytes)),
                "{text:?}"
            );
            check_printed(bytes);
        }
        Err(message) => {
            assert!(
                product.is_none_or(|product| product > LARGEST),
                "{text:?}: {message}"
            );
            check_message(&message);
            check_quotes(&message, text);
        }
    }
}

fn check_printed(bytes: u64) {
    assert_eq!(parse_size(&bytes.to_string()), Ok(bytes));
    assert_eq!(parse_size(&format!("{bytes}B")), Ok(bytes));
    let printed = format_size(bytes);
    let Ok(read) = parse_size(&printed) else {
        // The last sizes of all are rounded up to one that does not exist.
        assert!(bytes > u64::MAX - (1 << 40), "{printed}");
        return;
    };
    assert!(
        read.abs_diff(bytes) <= bytes / 20,
        "{bytes} is printed as {printed}"
    );
    let is_whole = |unit: &u64| bytes.is_multiple_of(*unit) && bytes / unit < 1024;
    if [1, 1 << 10, 1 << 20, 1 << 30, 1 << 40].iter().any(is_whole) {
        assert_eq!(read, bytes, "{printed}");
    }
}

/// A number without a point, times its unit; none where it is not that.
fn product_of(text: &str) -> Option<u128> {
    let text = text.trim();
    let (digits, unit) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    let unit = unit.trim().to_ascii_lowercase();
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let number = digits
        .parse()
        .or_else(|_| (!digits.is_empty()).then_some(u128::MAX).ok_or(()));
    Some(number.ok()?.saturating_mul(*factor))
}

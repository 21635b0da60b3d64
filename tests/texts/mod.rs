//! Texts that are nearly right: where a parser stumbles first.

mod files;
mod requests;
mod schedules;

use proptest::prelude::*;
use proptest::sample::select;

pub use files::{bytes_of_a_file, pieces_of_a_file, sections_of_a_file};
pub use requests::{conversation, request, target};
pub use schedules::lines_of_a_schedule;

/// Some of these one after the other.
fn some_of(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(select(pieces), 0..most).prop_map(|pieces| pieces.concat())
}

const IN_AMOUNTS: [&str; 32] = [
    "0",
    "1",
    "5",
    "90",
    "00",
    "36525",
    "999999999999999999999",
    "18446744073709551615",
    ".",
    ",",
    "-",
    "+",
    " ",
    " ",
    "\u{a0}",
    "\n",
    "w",
    "d",
    "h",
    "m",
    "s",
    "ms",
    "min",
    "hours",
    "B",
    "KiB",
    "mib",
    "TB",
    "K",
    "x",
    "\u{202e}",
    "é",
];

/// A duration or a size, more or less.
pub fn amount() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => some_of(&IN_AMOUNTS, 8),
        2 => "([0-9]{1,12} ?(ms|s|m|h|d|w|days|sec) ?){1,4}",
        2 => " ?[0-9]{1,22}(\\.[0-9]{0,12})? ?([KMGT]i?)?[Bb]? ?",
        1 => any::<String>(),
        1 => "[0-9]{1,3000}",
    ]
}

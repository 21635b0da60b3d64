//! What must hold whatever somebody writes: one function for each kind of text that hupd reads. Each panics
//! where its promise is broken. `cargo test` and the targets below fuzz/ call the same functions.

mod durations;
mod file;
mod requests;
mod schedules;
mod sizes;
mod socket;

pub use durations::durations;
pub use file::file;
pub use requests::{request_survives, requests};
pub use schedules::schedule_of_lines;
pub use sizes::sizes;
pub use socket::Socket;

/// Letters of a message about one value: room for what is quoted with every letter of it escaped, twice.
const LONGEST: usize = 1500;

/// A message that may stand in a log and on a terminal: one line, and nothing that steers either.
fn is_clean(message: &str) -> bool {
    !message.trim().is_empty() && message.chars().all(is_harmless)
}

fn is_harmless(letter: char) -> bool {
    !letter.is_control()
        && !matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A message about one value: clean, and not as long as somebody likes.
fn check_message(message: &str) {
    assert!(is_clean(message), "{message:?}");
    assert!(message.chars().count() <= LONGEST, "{message:?}");
}

/// That a message begins with what was written, where that can be repeated letter for letter.
fn check_quotes(message: &str, written: &str) {
    let is_plain = written.len() <= 40 && written.bytes().all(|byte| (b' '..0x7f).contains(&byte));
    if is_plain {
        assert!(message.starts_with(&format!("'{written}'")), "{message:?}");
    }
}

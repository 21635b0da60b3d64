//! Words in messages: what the user wrote, lists of what is allowed, the nearest known word.

use std::fmt::Write as _;

/// Letters of the user's text that a message repeats.
const LONGEST_QUOTE: usize = 60;

/// What the user wrote, in quotes, on one line, cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    push_visible(&mut out, text, LONGEST_QUOTE);
    out.push('\'');
    out
}

/// What the user wrote, on one line, cut where it is long.
pub(super) fn shortened(text: &str) -> String {
    let mut out = String::new();
    push_visible(&mut out, text, LONGEST_QUOTE);
    out
}

/// A text of any length on one line, without anything that steers a terminal.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_visible(&mut out, text, usize::MAX);
    out
}

fn push_visible(out: &mut String, text: &str, longest: usize) {
    for (count, c) in text.chars().enumerate() {
        if count == longest {
            out.push_str("...");
            return;
        }
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if steers(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

/// Whether a character moves the cursor, changes colours or turns the direction of text.
pub(super) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `'a', 'b' or 'c'`.
pub(super) fn list<'w>(words: impl IntoIterator<Item = &'w str>, last: &str) -> String {
    let mut words: Vec<String> = words.into_iter().map(quoted).collect();
    let Some(final_word) = words.pop() else {
        return String::new();
    };
    if words.is_empty() {
        return final_word;
    }
    format!("{} {last} {final_word}", words.join(", "))
}

/// `1 problem`, `2 problems`.
pub fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// The known word that was probably meant.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // A distance is never less than the difference in length, and far quicker to be had.
    let length = word.chars().count();
    let is_near = |known: &&str| known.len().abs_diff(length) <= allowed(known);
    let near = known.into_iter().filter(is_near).filter_map(|candidate| {
        let (word, known) = (word.to_lowercase(), candidate.to_lowercase());
        let distance = strsim::damerau_levenshtein(&word, &known);
        (distance <= allowed(candidate)).then_some((distance, candidate))
    });
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// So many mistakes may be in a word.
fn allowed(known: &str) -> usize {
    (known.len() / 3).max(1)
}

/// A name as it stands in the head of its table: in quotes where TOML wants them.
pub(super) fn key_of(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match !name.is_empty() && name.chars().all(is_bare) {
        true => name.to_owned(),
        false => format!("\"{}\"", visible(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_made_visible() {
        assert_eq!(quoted("a\u{1b}[31m\nb"), "'a\\u{1b}[31m\\nb'");
        assert_eq!(quoted("\u{9b}x\u{202e}"), "'\\u{9b}x\\u{202e}'");
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(quoted(&"x".repeat(61)).len(), 65);
        assert_eq!(quoted(&"x".repeat(60)).len(), 62);
    }

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not() {
        let known = ["schedule", "shell", "env", "every"];
        assert_eq!(nearest("shedule", known), Some("schedule"));
        assert_eq!(nearest("Every", known), Some("every"));
        assert_eq!(nearest("envs", known), Some("env"));
        assert_eq!(nearest("description", known), None);
    }
}

//! Blanks what a parser cannot get past, so that the errors behind it are found as well.
//!
//! A line without `=` ends the parser's work on tables, and an array that is not closed swallows
//! the rest of the file. Both are blanked, byte for byte, so that all other places stay true.

use std::ops::Range;

use toml::de::DeTable;

use super::syntax::{SyntaxError, in_order};

/// Each round parses the text once more.
const ROUNDS: usize = 20;

/// What this module calls an array or table that runs into the next statement.
pub(super) const UNCLOSED_ARRAY: &str = "unclosed array before the next key";
pub(super) const UNCLOSED_TABLE: &str = "unclosed table before the next key";

/// The text with blanks instead of broken statements, and the errors that went with them; none
/// where nothing needs to be blanked.
pub(super) fn mend(text: &str, errors: &[SyntaxError]) -> Option<(String, Vec<SyntaxError>)> {
    let mut mended = text.to_owned();
    let mut found = Vec::new();
    let mut errors = errors.to_vec();
    for _ in 0..ROUNDS {
        let breaks = breaks(&mended, &errors);
        if breaks.is_empty() {
            break;
        }
        mended = blanked(mended, breaks.iter().map(|(range, _)| range.clone()));
        found.extend(breaks.into_iter().map(|(_, error)| error));
        errors = in_order(&mended, DeTable::parse_recoverable(&mended).1);
    }
    (!found.is_empty()).then_some((mended, found))
}

/// What to blank in this round: the first statement that swallows others, else all lines that stop
/// the parser.
fn breaks(text: &str, errors: &[SyntaxError]) -> Vec<(Range<usize>, SyntaxError)> {
    let swallows = errors.iter().find_map(|error| swallowing(text, error));
    if let Some(swallows) = swallows {
        return vec![swallows];
    }
    let stops = errors.iter().filter(|error| {
        error.message.starts_with("key with no value") || error.message.contains("missing key")
    });
    stops
        .map(|error| (line_around(text, error.at.start), error.clone()))
        .filter(|(line, _)| !text[line.clone()].trim().is_empty())
        .collect()
}

/// An array or inline table in whose middle another statement begins.
fn swallowing(text: &str, error: &SyntaxError) -> Option<(Range<usize>, SyntaxError)> {
    let kind = match error.message.as_str() {
        message if message.contains("array") => UNCLOSED_ARRAY,
        message if message.contains("inline table") || message.contains("key-value pairs") => {
            UNCLOSED_TABLE
        }
        _ => return None,
    };
    let line = line_around(text, error.at.start);
    if !is_statement(&text[line.clone()]) {
        return None;
    }
    let start = statement_before(text, line.start)?;
    let first_line = line_around(text, start);
    let at = text[first_line.clone()].trim_end().len();
    let opening = text[first_line.clone()].find(['[', '{']).unwrap_or(0);
    let error = SyntaxError {
        at: start + opening..start + at,
        message: kind.to_owned(),
    };
    Some((start..line.start, error))
}

/// The start of the last statement above `offset`, if it opens an array or table.
fn statement_before(text: &str, offset: usize) -> Option<usize> {
    let mut end = offset;
    while end > 0 {
        let line = line_around(text, end - 1);
        if is_statement(&text[line.clone()]) {
            let opens = text[line.clone()].contains(['[', '{']) && !is_header(&text[line.clone()]);
            return opens.then_some(line.start);
        }
        end = line.start;
    }
    None
}

fn line_around(text: &str, offset: usize) -> Range<usize> {
    let offset = text.floor_char_boundary(offset);
    let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let end = text[offset..]
        .find('\n')
        .map_or(text.len(), |at| offset + at);
    start..end
}

/// Whether a line looks like `key = …` or `[header]`.
fn is_statement(line: &str) -> bool {
    if is_header(line) {
        return true;
    }
    let Some((key, value)) = line.split_once('=') else {
        return false;
    };
    let is_bare = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'');
    let key = key.trim();
    !key.is_empty() && key.chars().all(is_bare) && !value.trim().ends_with(',')
}

fn is_header(line: &str) -> bool {
    let line = line.trim();
    let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'');
    line.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|name| name.starts_with(char::is_alphabetic) && name.chars().all(is_inside))
}

fn blanked(text: String, ranges: impl Iterator<Item = Range<usize>>) -> String {
    let mut bytes = text.into_bytes();
    for range in ranges {
        for byte in &mut bytes[range] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    String::from_utf8(bytes).expect("whole lines were blanked")
}

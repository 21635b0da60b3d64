//! Syntax errors in the words of the manual, with what to write instead.

use std::ops::Range;

use super::finding::Finding;
use super::mend::{UNCLOSED_ARRAY, UNCLOSED_TABLE};
use super::source::Source;
use super::syntax::SyntaxError;
use super::words::{quoted, visible};

/// Lines above that are searched for the first one of two.
const FARTHEST: usize = 100_000;

pub(super) fn reworded(source: &Source, error: &SyntaxError) -> Finding {
    let text = source.text();
    let at = error.at.clone();
    let written = text.get(at.clone()).unwrap_or_default();
    let line = &text[source.line_at(at.start)];
    let message = error.message.split(", expected").next().unwrap_or_default();
    if let Some(finding) = untold(source, error, message) {
        return finding;
    }
    match message {
        "string values must be quoted" if written.is_empty() => missing_value(at),
        "string values must be quoted" => unquoted(written, at),
        "invalid boolean" => not_a_word(written, at),
        "duplicate key" => duplicate(source, written, at),
        "unclosed table" | "unclosed array table" => unclosed_header(line, at),
        "key with no value" => no_value(line, at),
        "unquoted keys cannot be empty" if no_statement(line.trim()).is_some() => {
            no_value(line, at)
        }
        "invalid basic string" if written.is_empty() => unclosed_text(at),
        "invalid literal string" if written.is_empty() => match ends_line(text, at.end) {
            true => unclosed_text(at),
            false => missing_value(at),
        },
        "invalid multi-line basic string" if written.is_empty() => unclosed_lines(text, "\"\"\""),
        "invalid multi-line literal string" if written.is_empty() => unclosed_lines(text, "'''"),
        "missing escaped value" => Finding::error("a backslash must begin an escape")
            .at(at)
            .help("write '\\\\' for a backslash, or put the text in single quotes"),
        "unexpected key or value"
            if text
                .get(at.start..)
                .is_some_and(|rest| rest.starts_with([',', ';'])) =>
        {
            let sign = &text[at.start..=at.start];
            Finding::error(format!("{} ends no line here", quoted(sign)))
                .at(at)
                .help("leave it out")
        }
        "unexpected key or value" => Finding::error("one key and its value must be on one line")
            .at(at)
            .help("begin a new line here, or put quotes round the whole text"),
        "missing comma between array elements" => Finding::error("missing comma in an array")
            .at(at)
            .help("write ',' between two values"),
        message if message.contains("recursion") || message.contains("recurse") => {
            Finding::error("nested more than 80 deep")
                .at(at)
                .help("no key needs that")
        }
        _ if written.chars().all(char::is_control) && !written.is_empty() => control(written, at),
        UNCLOSED_ARRAY => Finding::error("array is not closed")
            .at(at)
            .help("write ']' before the next key"),
        UNCLOSED_TABLE => Finding::error("inline table is not closed")
            .at(at)
            .help("write '}' before the next key"),
        _ => in_its_own_words(error, message),
    }
}

/// Where what is written must not be told: those words that would tell it.
fn untold(source: &Source, error: &SyntaxError, message: &str) -> Option<Finding> {
    let says = match message {
        "string values must be quoted" | "invalid boolean" if !error.at.is_empty() => {
            "the value must be in quotes"
        }
        "key with no value" => "a key has no value",
        "unclosed table" | "unclosed array table" => "section header is not closed",
        _ => return None,
    };
    let is_secret = source.has_secrets_at(error.at.start);
    is_secret.then(|| Finding::error(says).at(error.at.clone()))
}

/// What the parser says well enough.
fn in_its_own_words(error: &SyntaxError, message: &str) -> Finding {
    let words = error.message.trim_end_matches(", expected nothing");
    let finding = Finding::error(visible(&words.replace('`', "'"))).at(error.at.clone());
    let help = match message.split_once(' ') {
        Some(("invalid", "date" | "time" | "datetime")) => {
            "no key takes a date; write a text in quotes"
        }
        _ if message == "unexpected leading zero" => {
            "write the number without it, or all of it in quotes where a text is wanted"
        }
        _ if message.ends_with("may only go between digits") => "leave it out here",
        _ => return finding,
    };
    finding.help(help)
}

/// Whether nothing follows on the line. A text that is not closed takes all of it.
fn ends_line(text: &str, offset: usize) -> bool {
    let rest = text.get(offset..).unwrap_or_default();
    rest.is_empty() || rest.starts_with(['\n', '\r'])
}

fn missing_value(at: Range<usize>) -> Finding {
    Finding::error("a value is missing")
        .at(at)
        .help("write it behind '='")
}

fn unquoted(written: &str, at: Range<usize>) -> Finding {
    let finding = Finding::error(format!("{} must be in quotes", quoted(written))).at(at);
    let plain = written.trim_matches(['“', '”', '„', '‘', '’', '\'', '"']);
    match written.to_lowercase().as_str() {
        "yes" | "on" => finding.help("write true, or \"yes\" where a text is wanted"),
        "no" | "off" => finding.help("write false, or \"no\" where a text is wanted"),
        _ if written.len() > 60 || written.contains(['\\', '"']) => finding,
        _ => finding.help(format!("write \"{}\"", visible(plain))),
    }
}

fn not_a_word(written: &str, at: Range<usize>) -> Finding {
    let finding = Finding::error(format!("{} is no value", quoted(written))).at(at);
    match written.to_lowercase().as_str() {
        lower @ ("true" | "false") => finding.help(format!("write {lower}")),
        _ => finding.help(format!("write true or false, or \"{}\"", visible(written))),
    }
}

fn duplicate(source: &Source, key: &str, at: Range<usize>) -> Finding {
    let first = first_of(source, &at);
    let line = source.position(first.unwrap_or(at.start)).line;
    let place = first.map_or(String::new(), |_| format!(", on line {line}"));
    let line = source.text()[source.line_at(at.start)].trim();
    let name = match header_of(line) {
        Some(header) => format!("[{}]", visible(header)),
        None => quoted(key),
    };
    Finding::error(format!("{name} is already there{place}"))
        .at(at)
        .help("keep one of them")
}

/// Where the same key or header stands above, in the same section.
fn first_of(source: &Source, at: &Range<usize>) -> Option<usize> {
    let text = source.text();
    let line = source.line_at(at.start);
    let written = text[line.clone()].trim();
    let is_header = written.starts_with('[');
    let key = text[at.clone()].trim();
    let mut end = line.start;
    for _ in 0..FARTHEST {
        let above = source.line_at(end.checked_sub(1)?);
        let candidate = text[above.clone()].trim();
        let is_same = match is_header {
            true => header_of(candidate) == header_of(written),
            false => key_of(candidate) == Some(key),
        };
        if is_same {
            return Some(above.start);
        }
        if !is_header && candidate.starts_with('[') {
            return None;
        }
        end = above.start;
    }
    None
}

fn key_of(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    Some(key.trim())
}

fn header_of(line: &str) -> Option<&str> {
    let (header, _) = line.strip_prefix('[')?.split_once(']')?;
    Some(header.trim())
}

fn unclosed_header(line: &str, at: Range<usize>) -> Finding {
    let name = line.trim().trim_start_matches('[').trim_end_matches(']');
    let finding = Finding::error("section header is not closed").at(at);
    match name.split_once(char::is_whitespace) {
        Some(_) => finding.help("a name with a blank must be in quotes"),
        None => finding.help(format!("write [{}]", visible(name))),
    }
}

fn no_value(line: &str, at: Range<usize>) -> Finding {
    if let Some(help) = no_statement(line.trim()) {
        return Finding::error("this is neither a key nor a section")
            .at(at)
            .help(help);
    }
    let key: String = line
        .trim()
        .chars()
        .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
        .collect();
    let rest = line.trim().trim_start_matches(key.as_str());
    let value = match rest.trim_start_matches([':', '=', ' ', '\t']) {
        "" => "…".to_owned(),
        value => visible(value),
    };
    Finding::error(format!("{} has no value", quoted(&key)))
        .at(at)
        .help(format!("write {key} = {value}"))
}

/// What was meant by a line of another language.
fn no_statement(line: &str) -> Option<String> {
    let comment = ["//", ";", "--"].into_iter();
    let comment = comment.filter_map(|mark| line.strip_prefix(mark)).next();
    if let Some(comment) = comment {
        let comment = visible(comment.trim_start_matches(['/', ';', '-', ' ']));
        return Some(format!("a comment begins with '#': write # {comment}"));
    }
    if ["<<<<<<<", "=======", ">>>>>>>"]
        .iter()
        .any(|mark| line.starts_with(mark))
    {
        return Some("a merge has left both versions: keep one, without these lines".to_owned());
    }
    let (times, command) = crontab_line(line)?;
    Some(format!(
        "a line of a crontab is a job here: write [jobs.NAME] and below it schedule = \"{}\" and command = \"{}\"",
        visible(&times),
        visible(&command)
    ))
}

/// The times and the command of `30 2 * * * /usr/bin/backup`.
fn crontab_line(line: &str) -> Option<(String, String)> {
    let is_field = |field: &&str| field.starts_with(|c: char| c.is_ascii_digit() || c == '*');
    let fields: Vec<_> = line.split_whitespace().collect();
    let (times, command) = fields.split_at_checked(5)?;
    let is_crontab = !command.is_empty() && times.iter().all(is_field);
    is_crontab.then(|| (times.join(" "), command.join(" ")))
}

fn control(written: &str, at: Range<usize>) -> Finding {
    let code = written.chars().next().map_or(0, u32::from);
    Finding::error(format!("control character U+{code:04X} must be escaped"))
        .at(at)
        .help(format!(
            "write \\u{code:04X} in double quotes, or leave it out"
        ))
}

fn unclosed_text(at: Range<usize>) -> Finding {
    Finding::error("text is not closed")
        .at(at)
        .help("end it with the quote that begins it; a quote inside is written \\\"")
}

/// The opening quotes are the place to look at; the end of the file is not.
fn unclosed_lines(text: &str, quotes: &str) -> Finding {
    let at = text.rfind(quotes).unwrap_or(text.len());
    Finding::error("text of several lines is not closed")
        .at(at..at + quotes.len())
        .help(format!("end it with {quotes}"))
}

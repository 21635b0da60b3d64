//! From one value as written to what it means, or what to write instead.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde_json::{Value, json};
use toml::de::{DeInteger, DeValue};

use super::section::{Item, Wrong};
use super::synonyms;
use super::words::{list, nearest, quoted, shortened};
use super::{format_size, kinds, parse_duration, parse_size};
use crate::run::Signal;

type Read<T> = Result<T, Wrong>;

/// A text that a process can be given.
pub(super) fn text<'t>(item: &Item<'t>) -> Read<&'t str> {
    let written = item.source.text().get(item.at.clone()).unwrap_or_default();
    match item.value {
        DeValue::Array(_) | DeValue::Table(_) => text_like(item, "\"a text in quotes\""),
        _ => text_like(item, &format!("it in quotes: \"{}\"", shortened(written))),
    }
}

/// A text; the example is what to write instead of something else.
pub(super) fn text_like<'t>(item: &Item<'t>, example: &str) -> Read<&'t str> {
    let DeValue::String(text) = item.value else {
        return Err(item.unlike("a text").help(format!("write {example}")));
    };
    match text.contains('\0') {
        true => Err(Wrong::new(format!("{} has a NUL character", quoted(text)))
            .help("no program can be given one; leave it out")),
        false => Ok(text),
    }
}

pub(super) fn owned_text(item: &Item<'_>) -> Read<String> {
    text(item).map(str::to_owned)
}

/// A text that is told to nobody, whatever is wrong with it.
pub(super) fn secret_text(item: &Item<'_>) -> Read<String> {
    match item.value {
        DeValue::String(text) if text.contains('\0') => {
            Err(Wrong::new("has a NUL character").help("no program can be given one; leave it out"))
        }
        DeValue::String(text) => Ok(text.clone().into_owned()),
        _ => {
            let message = format!("expected a text, found {}", item.kind());
            Err(Wrong::new(message).help("write it in quotes"))
        }
    }
}

pub(super) fn flag(item: &Item<'_>) -> Read<bool> {
    match item.value {
        DeValue::Boolean(flag) => Ok(*flag),
        _ => Err(item
            .unlike("true or false")
            .help("write true or false, without quotes")),
    }
}

pub(super) fn count(item: &Item<'_>, allowed: RangeInclusive<u64>) -> Read<u64> {
    let (start, end) = (allowed.start(), allowed.end());
    let help = format!("write {start} to {end}, without quotes");
    let DeValue::Integer(number) = item.value else {
        return Err(item.unlike("a whole number").help(help));
    };
    let value = whole(number).filter(|value| allowed.contains(value));
    value.ok_or_else(|| Wrong::new(format!("{} is out of range", shown(number))).help(help))
}

fn whole(number: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn shown(number: &DeInteger<'_>) -> String {
    shortened(&number.to_string())
}

pub(super) fn duration(item: &Item<'_>) -> Read<Duration> {
    match item.value {
        DeValue::String(text) => parse_duration(text).map_err(Wrong::new),
        DeValue::Integer(number) if whole(number).is_some() => {
            let number = shown(number);
            let message = format!("the number {number} has no unit; write \"{number}s\"");
            Err(Wrong::new(message))
        }
        _ => Err(item
            .unlike("a duration")
            .help("write \"90s\" or \"1h 30m\"")),
    }
}

pub(super) fn duration_within(
    item: &Item<'_>,
    allowed: RangeInclusive<Duration>,
) -> Read<Duration> {
    let value = duration(item)?;
    let (problem, bound, side) = match value {
        value if value < *allowed.start() => ("too short", allowed.start(), "more"),
        value if value > *allowed.end() => ("too long", allowed.end(), "less"),
        value => return Ok(value),
    };
    let bound = super::format_duration(*bound);
    Err(Wrong::new(format!("{} is {problem}", item_text(item)))
        .help(format!("write \"{bound}\" or {side}")))
}

/// A duration, or no limit: `"none"`.
pub(super) fn limit(item: &Item<'_>) -> Read<Option<Duration>> {
    if matches!(item.value, DeValue::String(text) if text == "none") {
        return Ok(None);
    }
    match duration(item)? {
        Duration::ZERO => Err(Wrong::new(format!("{} is no time at all", item_text(item)))
            .help("write how long, or \"none\" for no limit")),
        limit => Ok(Some(limit)),
    }
}

pub(super) fn size(item: &Item<'_>, allowed: RangeInclusive<u64>) -> Read<u64> {
    let value = match item.value {
        DeValue::String(text) => parse_size(text).map_err(Wrong::new)?,
        DeValue::Integer(number) => whole(number).unwrap_or(u64::MAX),
        _ => return Err(item.unlike("a size").help("write \"256KiB\" or \"2MiB\"")),
    };
    if allowed.contains(&value) {
        return Ok(value);
    }
    let (start, end) = (format_size(*allowed.start()), format_size(*allowed.end()));
    Err(Wrong::new(format!("{} is out of range", item_text(item)))
        .help(format!("write \"{start}\" to \"{end}\"")))
}

/// A path, absolute: a relative one starts from the folder of the file that names it.
pub(super) fn path(item: &Item<'_>) -> Read<PathBuf> {
    let text = text_like(item, "\"/path/to/it\"")?;
    if text.is_empty() {
        return Err(Wrong::new("is empty").help("write a path, or leave the key out"));
    }
    refuse_what_shells_replace(text)?;
    Ok(resolved(item.source.folder(), text))
}

/// A shell would make a home, or the value of a variable of it.
pub(super) fn refuse_what_shells_replace(path: &str) -> Read<()> {
    match path.chars().next() {
        Some(sign @ ('~' | '$')) => Err(Wrong::new(format!(
            "{}: '{sign}' means nothing here",
            quoted(path)
        ))
        .help("write the whole path, from '/' on")),
        _ => Ok(()),
    }
}

/// `path` from `folder` on, without `.` in it.
pub(super) fn resolved(folder: &Path, path: &str) -> PathBuf {
    let whole = folder.join(path);
    let parts = whole.components();
    parts.filter(|part| *part != Component::CurDir).collect()
}

pub(super) fn shell(item: &Item<'_>) -> Read<String> {
    let shell = text_like(item, "\"/bin/sh\"")?;
    match shell.starts_with('/') {
        true => Ok(shell.to_owned()),
        false => Err(Wrong::new(format!("{} is not absolute", quoted(shell)))
            .help("write the whole path, such as \"/bin/sh\" or \"/bin/bash\"")),
    }
}

/// Those that are meant most, and told where another word is wrong.
const GOOD: [&str; 6] = ["TERM", "INT", "QUIT", "HUP", "USR1", "KILL"];

pub(super) fn stop_signal_schema() -> Value {
    let others = json!({ "type": "string", "pattern": "^[A-Za-z0-9]+$" });
    kinds::any_of([json!({ "enum": GOOD }), others])
}

/// A signal that ends a process that does nothing about it.
pub(super) fn stop_signal(item: &Item<'_>) -> Read<Signal> {
    const HARMLESS: [&str; 8] = [
        "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "WINCH",
    ];
    let all = format!("write {}", list(GOOD, "or"));
    if let DeValue::Integer(number) = item.value {
        let message = format!("expected a name, found the number {}", shown(number));
        return Err(Wrong::new(message).help(all));
    }
    let name = text_like(item, "\"TERM\"")?;
    let Some(signal) = Signal::from_name(name) else {
        let meant = nearest(name, GOOD).map(|meant| format!("did you mean '{meant}'?"));
        return Err(Wrong::new(format!("{} is no signal", quoted(name))).help(meant.unwrap_or(all)));
    };
    match HARMLESS.contains(&signal.to_string().as_str()) {
        true => Err(Wrong::new(format!("{} does not end a process", quoted(name))).help(all)),
        false => Ok(signal),
    }
}

/// One of the words that `T` deserializes from.
pub(super) fn choice<T: for<'de> Deserialize<'de>>(item: &Item<'_>) -> Read<T> {
    let word = item.value.as_str().unwrap_or_default();
    T::deserialize(word.into_deserializer()).map_err(|NoSuchWord(known)| {
        let all = list(known.iter().copied(), "or");
        if !item.value.is_str() {
            return item
                .unlike("a text")
                .help(format!("write {all}, in quotes"));
        }
        let wrong = Wrong::new(format!("{} is not known here", quoted(word)));
        match nearest(word, known.iter().copied()).or(synonyms::meant(word, known)) {
            Some(meant) => wrong.help(format!("did you mean '{meant}'? Known: {all}")),
            None => wrong.help(format!("write {all}")),
        }
    })
}

/// The words that `T` deserializes from.
pub(super) fn words_of<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    let none: Result<T, NoSuchWord> = T::deserialize("".into_deserializer());
    none.err().map_or(&[], |NoSuchWord(known)| known)
}

/// What serde tells about a word that no variant has: those that exist.
#[derive(Debug)]
struct NoSuchWord(&'static [&'static str]);

impl serde::de::Error for NoSuchWord {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }
}

impl std::error::Error for NoSuchWord {}

impl fmt::Display for NoSuchWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "write {}", list(self.0.iter().copied(), "or"))
    }
}

/// A filter as env_logger reads it. A bare word must be a level: env_logger would take `inof` for
/// the name of a module, and be silent about all others.
pub(super) fn log_filter(item: &Item<'_>) -> Read<String> {
    const EXAMPLE: &str = "write a level, or a list such as \"warn,hupd::engine=debug\"";
    let filter = text_like(item, "\"info\"")?;
    let directives = filter.split('/').next().unwrap_or_default();
    if directives.trim().is_empty() || filter.matches('/').count() > 1 {
        return Err(Wrong::new(format!("{} is no filter", quoted(filter))).help(EXAMPLE));
    }
    let mut start = 0;
    for directive in directives.split(',') {
        let at = start..start + directive.len();
        check_directive(directive.trim()).map_err(|wrong| Wrong {
            at: item.inside(filter, &at),
            help: wrong.help.or_else(|| Some(EXAMPLE.to_owned())),
            ..wrong
        })?;
        start = at.end + 1;
    }
    Ok(filter.to_owned())
}

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

pub(super) fn log_filter_schema() -> Value {
    let others = json!({ "type": "string", "pattern": "[A-Z=,/ ]" });
    kinds::any_of([json!({ "enum": LEVELS }), others])
}

/// `info` or `hupd::engine=debug`.
fn check_directive(directive: &str) -> Read<()> {
    let (target, level) = directive.split_once('=').unwrap_or(("any", directive));
    let level = level.trim();
    let is_known = LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level));
    if is_known && !target.trim().is_empty() {
        return Ok(());
    }
    let known = list(LEVELS, "or");
    Err(match is_known {
        true => Wrong::new(format!("{} names no module", quoted(directive))),
        false => {
            let wrong = Wrong::new(format!("{} is no level; write {known}", quoted(level)));
            let meant = nearest(level, LEVELS).or(synonyms::meant(level, &LEVELS));
            let help = meant.map(|meant| format!("did you mean '{meant}'?"));
            Wrong { help, ..wrong }
        }
    })
}

/// The value as the file has it, quoted.
fn item_text(item: &Item<'_>) -> String {
    match item.value {
        DeValue::String(text) => quoted(text),
        _ => shortened(item.source.text().get(item.at.clone()).unwrap_or_default()),
    }
}

//! `retry`: `{ attempts = 3, delay = "30s", max_delay = "10m", on = [1, 75] }`, and `success_exit_codes`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::Finding;
use super::key_of::{KeyOf, Kind, Known, Shape, table_of};
use super::kinds::{self, Count, Like, Time};
use super::section::{Item, Section, Wrong};
use super::words::{list, nearest, quoted};
use super::{Retry, format_duration};

const MOST_ATTEMPTS: u64 = 100;
const SHORTEST: Duration = Duration::from_millis(100);
/// More would be another day's run.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Where the file does not say.
const USUAL_DELAY: Duration = Duration::from_secs(10);
const USUAL_MAX_DELAY: Duration = Duration::from_secs(600);

static ATTEMPTS: KeyOf<Count> = KeyOf::new(
    "attempts",
    Count(2..=MOST_ATTEMPTS),
    "",
    "How often it is tried, the first time included",
);
static DELAY: KeyOf<Time> = KeyOf::new(
    "delay",
    Time(SHORTEST, LONGEST),
    "\"10s\"",
    "From the end of the first attempt to the second; twice as long each time",
);
static MAX_DELAY: KeyOf<Time> = KeyOf::new(
    "max_delay",
    Time(SHORTEST, LONGEST),
    "\"10m\"",
    "The longest delay",
);
static ON: KeyOf<Like> = KeyOf::new(
    "on",
    Like(exit_codes_schema),
    "",
    "Only after one of these exit codes",
);
static KEYS: [&dyn Known; 4] = [&ATTEMPTS, &DELAY, &MAX_DELAY, &ON];

const HELP: &str = "write { attempts = 3, delay = \"30s\", max_delay = \"10m\" }, or \"none\"";

/// What is wrong is among `wrongs`; then there is nothing.
pub(super) fn retry(item: &Item<'_>, wrongs: &mut Vec<Wrong>) -> Option<Retry> {
    let table = match item.value {
        DeValue::Table(table) => table,
        DeValue::String(word) if word == "none" => return None,
        _ => {
            wrongs.push(item.unlike("a table").help(HELP));
            return None;
        }
    };
    wrongs.extend(unknown_keys(table));
    let delay = within(item, &DELAY, wrongs).flatten();
    let max_delay = within(item, &MAX_DELAY, wrongs).flatten();
    let on = part_of(item, ON.name, wrongs, exit_codes);
    let attempts = within(item, &ATTEMPTS, wrongs).unwrap_or_else(|| {
        wrongs.push(Wrong::new("has no 'attempts'").help(HELP));
        None
    });
    let delay = delay.unwrap_or(USUAL_DELAY);
    let retry = Retry {
        attempts: u32::try_from(attempts?).unwrap_or(u32::MAX),
        delay,
        max_delay: max_delay.unwrap_or(USUAL_MAX_DELAY.max(delay)),
        on: match on {
            None => None,
            Some(codes) => Some(codes?),
        },
    };
    wrongs.extend(upside_down(&retry));
    Some(retry)
}

fn upside_down(retry: &Retry) -> Option<Wrong> {
    let (delay, most) = (retry.delay, retry.max_delay);
    (delay > most).then(|| {
        let (delay, most) = (format_duration(delay), format_duration(most));
        Wrong::new(format!(
            "the delay of {delay} is above the max_delay of {most}"
        ))
        .help("write a max_delay that is not below the delay")
    })
}

fn unknown_keys(table: &DeTable<'_>) -> Vec<Wrong> {
    let known = KEYS.map(Known::name);
    let unknown = table
        .keys()
        .filter(|key| !known.contains(&&**key.get_ref()));
    let wrong = |key: &Spanned<toml::de::DeString<'_>>| {
        let name = key.get_ref();
        let help = match nearest(name, known) {
            Some(known) => format!("did you mean '{known}'?"),
            None => format!("known here: {}", list(known, "and")),
        };
        Wrong {
            at: Some(key.span()),
            ..Wrong::new(format!("unknown key {}", quoted(name))).help(help)
        }
    };
    unknown.map(wrong).collect()
}

/// The value of one key of the table, if it is there, and if it is right.
fn within<K: Kind>(
    item: &Item<'_>,
    key: &KeyOf<K>,
    wrongs: &mut Vec<Wrong>,
) -> Option<Option<K::Value>> {
    part_of(item, key.name, wrongs, |part, wrongs| {
        let value = key.kind.read(part);
        value.map_err(|wrong| wrongs.push(wrong)).ok()
    })
}

/// The same of one in which several things can be wrong.
fn part_of<T>(
    item: &Item<'_>,
    name: &str,
    wrongs: &mut Vec<Wrong>,
    read: impl FnOnce(&Item<'_>, &mut Vec<Wrong>) -> Option<T>,
) -> Option<Option<T>> {
    let part = item.part(item.value.get(name)?);
    let mut of_part = Vec::new();
    let value = read(&part, &mut of_part);
    wrongs.extend(of_part.into_iter().map(|wrong| Wrong {
        at: wrong.at.or(Some(part.at.clone())),
        message: format!("{name}: {}", wrong.message),
        ..wrong
    }));
    Some(value)
}

pub(super) fn schema() -> Value {
    let mut table = table_of(&KEYS);
    table["required"] = json!([ATTEMPTS.name]);
    kinds::any_of([kinds::word("none"), table])
}

static CODE: Count = Count(0..=255);

pub(super) fn exit_codes_schema() -> Value {
    kinds::list_of(CODE.schema())
}

/// At least one; nothing where one is wrong.
pub(super) fn exit_codes(item: &Item<'_>, wrongs: &mut Vec<Wrong>) -> Option<BTreeSet<i32>> {
    let help = "write a list of exit codes, such as [0, 75]";
    let codes = match item.value {
        DeValue::Array(codes) if codes.is_empty() => Err(Wrong::new("is empty").help(help)),
        DeValue::Array(codes) => Ok(codes),
        _ => Err(item.unlike("an array").help(help)),
    };
    let codes = codes.map_err(|wrong| wrongs.push(wrong)).ok()?;
    let code = |code| {
        let code = item.part(code);
        let read = CODE.read(&code).map_err(|wrong| Wrong {
            at: Some(code.at.clone()),
            ..wrong
        });
        read.map_err(|wrong| wrongs.push(wrong)).ok()
    };
    let right: Vec<_> = codes.iter().filter_map(code).collect();
    let whole = |code: u64| i32::try_from(code).unwrap_or(i32::MAX);
    (right.len() == codes.len()).then(|| right.into_iter().map(whole).collect())
}

/// A success is never tried again, whatever the file says: so it must not say so.
pub(super) fn refuse_success(
    section: &mut Section<'_, '_>,
    retry: Option<&Retry>,
    success: &BTreeSet<i32>,
) {
    let codes = retry.and_then(|retry| retry.on.as_ref());
    let Some(code) = codes.and_then(|codes| codes.intersection(success).next()) else {
        return;
    };
    let at = section
        .value_at("retry")
        .or(section.value_at("success_exit_codes"));
    let Some(at) = at else { return };
    let finding = Finding::error(format!("retry: on: exit code {code} is a success here"));
    let help = "a success is not tried again: leave it out here or in 'success_exit_codes'";
    section.push(finding.at(at).help(help));
}

//! `retry`: `{ attempts = 3, delay = "30s", max_delay = "10m", on = [1, 75] }`, and `success_exit_codes`.

use std::collections::BTreeSet;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::Finding;
use super::section::{Item, Section, Wrong};
use super::words::{list, nearest, quoted};
use super::{Retry, format_duration, typed};

const MOST_ATTEMPTS: u64 = 100;
const SHORTEST: Duration = Duration::from_millis(100);
/// Where the file does not say.
const DELAY: Duration = Duration::from_secs(10);
const MAX_DELAY: Duration = Duration::from_secs(600);

const KEYS: [&str; 4] = ["attempts", "delay", "max_delay", "on"];
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
    let mut part = |key, read: &dyn Fn(&Item<'_>) -> Result<Duration, Wrong>| {
        let value = table.get(key)?;
        within(item, key, value, read, wrongs)
    };
    let delay = part("delay", &delay);
    let max_delay = part("max_delay", &self::delay);
    let on = table
        .get("on")
        .map(|value| within(item, "on", value, exit_codes, wrongs));
    let attempts = match table.get("attempts") {
        Some(value) => within(item, "attempts", value, attempts, wrongs),
        None => {
            wrongs.push(Wrong::new("has no 'attempts'").help(HELP));
            None
        }
    };
    let delay = delay.unwrap_or(DELAY);
    let retry = Retry {
        attempts: attempts?,
        delay,
        max_delay: max_delay.unwrap_or(MAX_DELAY.max(delay)),
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
    let unknown = table.keys().filter(|key| !KEYS.contains(&&**key.get_ref()));
    let wrong = |key: &Spanned<toml::de::DeString<'_>>| {
        let name = key.get_ref();
        let help = match nearest(name, KEYS) {
            Some(known) => format!("did you mean '{known}'?"),
            None => format!("known here: {}", list(KEYS, "and")),
        };
        Wrong {
            at: Some(key.span()),
            ..Wrong::new(format!("unknown key {}", quoted(name))).help(help)
        }
    };
    unknown.map(wrong).collect()
}

/// The value of one key of the table.
fn within<'t, T>(
    item: &Item<'t>,
    key: &str,
    value: &'t Spanned<DeValue<'t>>,
    read: impl Fn(&Item<'t>) -> Result<T, Wrong>,
    wrongs: &mut Vec<Wrong>,
) -> Option<T> {
    let part = item.part(value);
    let named = |wrong: Wrong| Wrong {
        at: wrong.at.or(Some(part.at.clone())),
        message: format!("{key}: {}", wrong.message),
        ..wrong
    };
    read(&part).map_err(|wrong| wrongs.push(named(wrong))).ok()
}

fn attempts(item: &Item<'_>) -> Result<u32, Wrong> {
    let number = typed::count(item, 2..=MOST_ATTEMPTS)?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

fn delay(item: &Item<'_>) -> Result<Duration, Wrong> {
    typed::duration_of_at_least(item, SHORTEST)?;
    typed::duration_up_to_a_day(item)
}

/// At least one.
pub(super) fn exit_codes(item: &Item<'_>) -> Result<BTreeSet<i32>, Wrong> {
    let help = "write a list of exit codes, such as [0, 75]";
    let DeValue::Array(codes) = item.value else {
        return Err(item.unlike("an array").help(help));
    };
    if codes.is_empty() {
        return Err(Wrong::new("is empty").help(help));
    }
    let code = |code| {
        let code = item.part(code);
        typed::count(&code, 0..=255).map_err(|wrong| Wrong {
            at: Some(code.at.clone()),
            ..wrong
        })
    };
    let codes = codes.iter().map(code);
    codes
        .map(|code| code.map(|code| i32::try_from(code).unwrap_or(i32::MAX)))
        .collect()
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

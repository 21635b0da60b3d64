//! `missed`: `"skip"`, `"once"`, or `{ all = 5 }`.

use serde_json::{Value, json};
use toml::de::DeValue;

use super::Missed;
use super::key_of::{KeyOf, Kind, table_of};
use super::kinds::{self, Count};
use super::section::{Item, Wrong};
use super::words::quoted;

/// No more runs of one job are made up for, whatever the file says: as many as may wait for a place.
const MOST: u64 = 100;

const HELP: &str = "write \"skip\", \"once\", or { all = 5 }";

static ALL: KeyOf<Count> = KeyOf::new(
    "all",
    Count(1..=MOST),
    "",
    "A run for each of the newest, so many at most",
);

pub(super) fn schema() -> Value {
    let mut all = table_of(&[&ALL]);
    all["required"] = json!([ALL.name]);
    kinds::any_of([json!({ "enum": ["skip", "once"] }), all])
}

pub(super) fn missed(item: &Item<'_>) -> Result<Missed, Wrong> {
    match item.value {
        DeValue::String(word) => named(word),
        DeValue::Table(table) => match (table.len(), table.get(ALL.name)) {
            (1, Some(count)) => all(&item.part(count)),
            _ => Err(Wrong::new("is a table of other keys than 'all'").help(HELP)),
        },
        _ => Err(item.unlike("a text or a table").help(HELP)),
    }
}

fn named(word: &str) -> Result<Missed, Wrong> {
    match word {
        "skip" => Ok(Missed::Skip),
        "once" => Ok(Missed::Once),
        _ => Err(Wrong::new(format!("{} is not known here", quoted(word))).help(HELP)),
    }
}

fn all(count: &Item<'_>) -> Result<Missed, Wrong> {
    let number = ALL.kind.read(count).map_err(|wrong| Wrong {
        at: wrong.at.or(Some(count.at.clone())),
        message: format!("all: {}", wrong.message),
        ..wrong
    })?;
    Ok(Missed::All(usize::try_from(number).unwrap_or(usize::MAX)))
}

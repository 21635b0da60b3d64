//! `missed`: `"skip"`, `"once"`, or `{ all = 5 }`.

use toml::de::DeValue;

use super::section::{Item, Wrong};
use super::words::quoted;
use super::{Missed, typed};

/// No more runs of one job are made up for, whatever the file says: as many as may wait for a place.
const MOST: u64 = 100;

const HELP: &str = "write \"skip\", \"once\", or { all = 5 }";

pub(super) fn missed(item: &Item<'_>) -> Result<Missed, Wrong> {
    match item.value {
        DeValue::String(word) => named(word),
        DeValue::Table(table) => match (table.len(), table.get("all")) {
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
    let number = typed::count(count, 1..=MOST).map_err(|wrong| Wrong {
        at: wrong.at.or(Some(count.at.clone())),
        message: format!("all: {}", wrong.message),
        ..wrong
    })?;
    Ok(Missed::All(usize::try_from(number).unwrap_or(usize::MAX)))
}

//! A time zone as the file names it.

use serde_json::{Value, json};

use super::section::{Item, Wrong};
use super::typed;
use crate::schedule::{Zone, ZoneError, Zones};

const EXAMPLE: &str = "a name such as \"Europe/Berlin\" or \"UTC\"";

/// Looks it up among those of this load, so that each zone is read once and shared.
pub(super) fn zone(item: &Item<'_>, zones: &mut Zones) -> Result<Zone, Wrong> {
    named(typed::text_like(item, EXAMPLE)?, zones)
}

pub(super) fn schema() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

/// The same, by its name.
pub(super) fn named(name: &str, zones: &mut Zones) -> Result<Zone, Wrong> {
    let zone = zones.named(name);
    zone.map_err(|ZoneError(message)| Wrong::new(message).help(format!("write {EXAMPLE}")))
}

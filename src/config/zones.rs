//! The time zones of one load: each is looked up once and shared.

use std::collections::BTreeMap;

use super::section::{Item, Wrong};
use super::typed;
use crate::schedule::{Zone, ZoneError};

const EXAMPLE: &str = "a name such as \"Europe/Berlin\" or \"UTC\"";

#[derive(Debug, Default)]
pub(super) struct Zones {
    known: BTreeMap<String, Result<Zone, ZoneError>>,
}

impl Zones {
    pub fn read(&mut self, item: &Item<'_>) -> Result<Zone, Wrong> {
        let name = typed::text_like(item, EXAMPLE)?;
        let zone = match self.known.get(name) {
            Some(zone) => zone.clone(),
            None => self.look_up(name),
        };
        zone.map_err(|ZoneError(message)| Wrong::new(message).help(format!("write {EXAMPLE}")))
    }

    fn look_up(&mut self, name: &str) -> Result<Zone, ZoneError> {
        let zone = Zone::named(name);
        self.known.insert(name.to_owned(), zone.clone());
        zone
    }
}

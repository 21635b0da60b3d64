//! One key as it may be written: its name, what its value may be, what it is by default and what it is for. The parser
//! takes keys by these and the schema is made of what it takes, so neither can know a key that the other does not.

use std::fmt::Debug;

use serde_json::{Map, Value, json};

use super::section::{Item, Wrong};

/// What a value may be, in the words of JSON Schema.
pub(super) trait Shape: Debug + Sync {
    fn schema(&self) -> Value;
}

/// A shape that by itself says how such a value is read.
pub(super) trait Kind: Shape {
    type Value;

    fn read(&self, item: &Item<'_>) -> Result<Self::Value, Wrong>;
}

/// A key whose value is of a kind or of a shape.
#[derive(Debug)]
pub(super) struct KeyOf<K> {
    pub name: &'static str,
    pub kind: K,
    /// As a file would say it; empty where there is none, or where it depends on the machine.
    default: &'static str,
    /// One line, for who hovers over it.
    about: &'static str,
}

impl<K> KeyOf<K> {
    pub const fn new(
        name: &'static str,
        kind: K,
        default: &'static str,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            default,
            about,
        }
    }
}

/// Any key, whatever its value is.
pub(super) trait Known: Debug + Sync {
    fn name(&self) -> &'static str;

    /// The schema of its value, with what it is for and by default.
    fn schema(&self) -> Value;
}

impl<K: Shape> Known for KeyOf<K> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Value {
        let mut schema = self.kind.schema();
        schema["description"] = match schema["description"].as_str() {
            Some(more) => format!("{}: {more}", self.about).into(),
            None => self.about.into(),
        };
        if !self.default.is_empty() {
            schema["default"] = of_toml(self.default);
        }
        schema
    }
}

/// A table of these keys and no others.
pub(super) fn table_of(known: &[&'static dyn Known]) -> Value {
    let properties = known
        .iter()
        .map(|key| (key.name().to_owned(), key.schema()));
    json!({
        "type": "object",
        "properties": properties.collect::<Map<_, _>>(),
        "additionalProperties": false,
    })
}

/// A value as a file has it.
fn of_toml(text: &str) -> Value {
    let table: toml::Table = toml::from_str(&format!("value = {text}"))
        .expect("a default is written as a file would say it");
    serde_json::to_value(&table["value"]).expect("no default is a date")
}

//! `env`: the variables that a file adds to the clean environment of a job.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::{DeString, DeValue};

use super::credential::{self, Credential};
use super::key_of::KeyOf;
use super::kinds::Like;
use super::longest::too_long_for;
use super::policies::check_name;
use super::section::{Item, Wrong};
use super::typed;
use super::words::visible;

/// What a variable is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvValue {
    Text(String),
    /// What this is when a run starts.
    Credential(Credential),
}

impl From<&str> for EnvValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

pub type Environment = BTreeMap<String, EnvValue>;

pub(super) static ENV: KeyOf<Like> = KeyOf::new("env", Like(schema), "{}", "Environment variables");

fn schema() -> Value {
    let value = json!({ "anyOf": [{ "type": "string" }, credential::schema()] });
    json!({
        "type": "object",
        "patternProperties": { "^[^=]+$": value },
        "additionalProperties": false,
    })
}

/// Without a folder of credentials nobody knows yet whether they are there: each run sees.
pub(super) fn environment(
    item: &Item<'_>,
    wrongs: &mut Vec<Wrong>,
    credentials: Option<&Path>,
) -> Environment {
    let DeValue::Table(table) = item.value else {
        let help = "write env = { NAME = \"value\" }";
        let message = format!("expected a table, found {}", item.kind());
        wrongs.push(Wrong::new(message).help(help));
        return Environment::new();
    };
    let mut env = Environment::new();
    for (name, value) in table {
        match variable(item, (name, value), credentials) {
            Ok(read) => {
                env.insert(name.get_ref().clone().into_owned(), read);
            }
            Err(wrong) => wrongs.push(Wrong {
                at: wrong.at.or_else(|| Some(value.span())),
                ..wrong
            }),
        }
    }
    env
}

fn variable(
    item: &Item<'_>,
    (name, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>),
    credentials: Option<&Path>,
) -> Result<EnvValue, Wrong> {
    check_name(name.get_ref()).map_err(|wrong| Wrong {
        at: Some(name.span()),
        ..wrong
    })?;
    let item = item.part(value);
    let read = match item.value {
        DeValue::Table(table) => Credential::of(&item, table)
            .and_then(|it| at_hand(it, (name.get_ref(), credentials)))
            .map(EnvValue::Credential),
        _ => text(&item, name.get_ref()).map(EnvValue::Text),
    };
    read.map_err(|wrong| Wrong {
        message: format!("{}: {}", visible(name.get_ref()), wrong.message),
        ..wrong
    })
}

fn text(item: &Item<'_>, name: &str) -> Result<String, Wrong> {
    let text = typed::secret_text(item)?;
    match too_long_for(name, text.len()) {
        Some(problem) => Err(Wrong::new(problem).help("give it in a file, and write its path")),
        None => Ok(text),
    }
}

fn at_hand(
    credential: Credential,
    (name, folder): (&str, Option<&Path>),
) -> Result<Credential, Wrong> {
    match folder.and_then(|folder| credential.read(name, Some(folder)).err()) {
        Some(problem) => Err(Wrong::new(problem.to_string()).help(problem.help())),
        None => Ok(credential),
    }
}

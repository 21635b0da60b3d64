//! `on_change`: `true`, or files: a job runs once after a reload that has changed its definition, or what these hold.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::PathBuf;

use serde_json::json;
use toml::de::DeValue;

use super::finding::Finding;
use super::key_of::KeyOf;
use super::kinds::{Like, path};
use super::read::try_read;
use super::section::{Item, Section, Wrong};
use super::words::visible;
use super::{Job, KeyChange, typed};
use crate::digest::Digest;
use crate::reason::reason;

/// What counts besides the definition itself: each file with what stands for its content, none where there is no such
/// file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnChange {
    pub files: BTreeMap<PathBuf, Option<Digest>>,
}

/// So many of the keys that have changed are named.
const MOST_NAMED: usize = 5;

/// Before the path of a file that is named: its content is a key as well.
pub(super) const CONTENT: &str = "content of ";

static ON_CHANGE: KeyOf<Like> = KeyOf::new(
    "on_change",
    Like(|| {
        json!({ "anyOf": [
            { "type": "boolean" },
            { "type": "array", "items": path(), "minItems": 1 },
        ] })
    }),
    "false",
    "Whether it runs once after a reload that has changed it, or what one of these files holds",
);

const HELP: &str = "write true, or [\"/path/to/a/file\"] for what is in it as well";

impl Job {
    /// What has changed of it since, in words, where it wants to run after that.
    pub(super) fn change_since(&self, old: &Self) -> Option<String> {
        self.on_change.as_ref()?;
        OnChange::causes(&KeyChange::between(&old.keys(), &self.keys()))
    }
}

impl OnChange {
    /// Those of the changes that count. That a job asks for a run after a change is none itself.
    pub fn causes(changes: &[KeyChange]) -> Option<String> {
        let keys = changes.iter().map(|change| change.key.as_str());
        let names: Vec<_> = keys.filter(|key| *key != "on_change").collect();
        let told = names[..names.len().min(MOST_NAMED)].join(", ");
        match names.len().saturating_sub(MOST_NAMED) {
            _ if names.is_empty() => None,
            0 => Some(told),
            more => Some(format!("{told} and {more} more")),
        }
    }
}

pub(super) fn on_change(section: &mut Section<'_, '_>) -> Option<OnChange> {
    let mut missing = Vec::new();
    let files =
        section.take_all(&ON_CHANGE, |item, wrongs| files(item, wrongs, &mut missing))??;
    for (path, at) in missing {
        let message = format!(
            "on_change: '{}' is not there",
            visible(&path.to_string_lossy())
        );
        let finding = Finding::warning(message).at(at);
        section.push(finding.help("when it comes, that is a change of it"));
    }
    Some(OnChange { files })
}

type Missing = Vec<(PathBuf, Range<usize>)>;

fn files(
    item: &Item<'_>,
    wrongs: &mut Vec<Wrong>,
    missing: &mut Missing,
) -> Option<BTreeMap<PathBuf, Option<Digest>>> {
    let parts = match item.value {
        DeValue::Boolean(is_wanted) => return is_wanted.then(BTreeMap::new),
        DeValue::Array(parts) => parts,
        _ => {
            wrongs.push(item.unlike("true, false or an array of paths").help(HELP));
            return None;
        }
    };
    if parts.is_empty() {
        wrongs.push(Wrong::new("is empty").help(HELP));
    }
    let mut files = BTreeMap::new();
    for part in parts {
        match file(&item.part(part)) {
            Ok((path, digest)) => {
                if digest.is_none() {
                    missing.push((path.clone(), part.span()));
                }
                files.insert(path, digest);
            }
            Err(wrong) => wrongs.push(Wrong {
                at: wrong.at.or(Some(part.span())),
                ..wrong
            }),
        }
    }
    Some(files)
}

/// A file that is not there has a content of its own.
fn file(item: &Item<'_>) -> Result<(PathBuf, Option<Digest>), Wrong> {
    let path = typed::path(item)?;
    match try_read(&path) {
        Ok(contents) => Ok((path, Some(Digest::of(&contents.bytes)))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((path, None)),
        Err(error) => {
            let file = visible(&path.to_string_lossy());
            let wrong = Wrong::new(format!("cannot read '{file}': {}", reason(&error)));
            Err(wrong.help("name a file that hupd can read, or leave it out"))
        }
    }
}

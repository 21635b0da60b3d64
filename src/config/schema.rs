//! The JSON Schema of the file, made of the keys that the parser asks for.
//!
//! Draft 7, and of that only what draft 4 has as well: the language servers of TOML know no more.

use std::path::Path;
use std::rc::Rc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Surroundings;
use super::check::Loading;
use super::finding::Findings;
use super::key_of::table_of;
use super::origin::Origin;
use super::section::{Section, Title};
use super::source::Source;

/// All that a file may say, for editors.
pub fn schema() -> Value {
    let nowhere = Surroundings::default();
    let loading = Loading::new(Origin::Disk, &nowhere, Timestamp::UNIX_EPOCH);
    let mut schema = keys_of(|top| loading.keys(top));
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("hupd.toml");
    schema["description"] = json!("The configuration of hupd; see hupd.toml(5)");
    schema
}

/// A table of the keys that are asked for when an empty one is read.
pub(super) fn keys_of(read: impl FnOnce(&mut Section<'_, '_>)) -> Value {
    let source = Rc::new(Source::new(Path::new("/"), "".into()));
    let mut findings = Findings::new(Rc::clone(&source));
    let mut section = Section::new(Title::Top, &source, None, &mut findings);
    read(&mut section);
    table_of(&section.into_known())
}

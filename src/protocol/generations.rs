//! What came into force, and what did not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};

use super::Verdict;
use crate::run::RunId;

/// The newest starts and reloads, newest first; and those from which runs are left, however old.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generations {
    pub generations: Vec<GenerationRow>,
}

/// One start or reload, accepted or refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerationRow {
    #[serde(flatten)]
    pub verdict: Verdict,
    pub in_force: bool,
    /// Whether the files are kept as they were accepted.
    pub kept: bool,
    /// Who confirmed it, where it had to be confirmed and was.
    pub confirmed_by: Option<String>,
    /// The runs in progress that belong to it.
    pub runs: Vec<LiveRun>,
}

/// A run in progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveRun {
    pub run: RunId,
    pub job: String,
}

/// A generation with its files, in the order in which they were read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerationDetails {
    #[serde(flatten)]
    pub row: GenerationRow,
    pub files: Vec<KeptFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// For clients as far as it is text.
    #[serde(serialize_with = "readable")]
    pub path: PathBuf,
    pub text: String,
}

fn readable<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// Which generation is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    Number(u64),
    /// The newest one before the one in force that says something else.
    Before,
}

/// What the store does not know of generations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub in_force: u64,
    pub runs: BTreeMap<u64, Vec<LiveRun>>,
}

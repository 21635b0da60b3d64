//! Files beside those that `include` names, of which somebody may think that they count.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::words::{quoted, visible};

/// A file in an included folder that is not included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    pub path: PathBuf,
    /// "a hidden file", "the name of a backup", "its name does not match 'conf.d/*.toml'".
    pub why: String,
}

/// Endings under which editors and package tools keep what was before, or is to come.
const BACKUPS: [&str; 12] = [
    "~",
    "#",
    ".bak",
    ".old",
    ".orig",
    ".rej",
    ".swp",
    ".tmp",
    ".rpmsave",
    ".rpmnew",
    ".dpkg-old",
    ".dpkg-dist",
];

impl Ignored {
    /// The files of a folder in which a pattern looks, in the order of their names, without those that are named.
    pub(super) fn among(folder: &Path, pattern: &str, named: &BTreeSet<PathBuf>) -> Vec<Self> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        let mut paths: Vec<_> = paths
            .filter(|path| path.is_file() && !named.contains(path))
            .collect();
        paths.sort();
        let ignored = paths.into_iter().map(|path| Self {
            why: why(&path, pattern),
            path,
        });
        ignored.collect()
    }
}

fn why(path: &Path, pattern: &str) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with('.') {
        return "a hidden file".to_owned();
    }
    match BACKUPS.iter().any(|ending| name.ends_with(ending)) {
        true => "the name of a backup".to_owned(),
        false => format!("its name does not match {}", quoted(pattern)),
    }
}

/// `/etc/hupd/conf.d/a.toml~: ignored: the name of a backup`.
impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = visible(&self.path.to_string_lossy());
        write!(f, "{path}: ignored: {}", self.why)
    }
}

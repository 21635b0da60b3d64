//! What an entry of `include` names.

use std::ops::Range;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};
use serde_json::json;
use toml::de::DeValue;

use super::key_of::KeyOf;
use super::kinds::Like;
use super::section::{Item, Wrong};
use super::typed;
use super::words::quoted;
use crate::reason::reason;

/// One entry of `include`, and where it is written.
#[derive(Debug)]
pub(super) struct Entry {
    pub pattern: String,
    pub at: Range<usize>,
}

pub(super) static INCLUDE: KeyOf<Like> = KeyOf::new(
    "include",
    Like(|| json!({ "type": "array", "items": { "type": "string", "pattern": "^[^~$]" } })),
    "[]",
    "More files with jobs, relative to this one, in the order of their names",
);

/// Hidden files are not matched: editors and config maps keep their own there.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

pub(super) fn entries(item: &Item<'_>, wrongs: &mut Vec<Wrong>) -> Vec<Entry> {
    let DeValue::Array(written) = item.value else {
        let help = "write include = [\"conf.d/*.toml\"]";
        wrongs.push(item.unlike("an array").help(help));
        return Vec::new();
    };
    let mut entries = Vec::new();
    for value in written.iter() {
        let item = Item {
            source: item.source,
            value: value.get_ref(),
            at: value.span(),
        };
        match pattern(&item) {
            Ok(pattern) => entries.push(Entry {
                pattern,
                at: value.span(),
            }),
            Err(wrong) => wrongs.push(Wrong {
                at: Some(value.span()),
                ..wrong
            }),
        }
    }
    entries
}

fn pattern(item: &Item<'_>) -> Result<String, Wrong> {
    let pattern = typed::text_like(item, "\"conf.d/*.toml\"")?;
    typed::refuse_what_shells_replace(pattern)?;
    match pattern.is_empty() {
        true => Err(Wrong::new("a pattern is empty").help("write \"conf.d/*.toml\"")),
        false => Ok(pattern.to_owned()),
    }
}

/// The folders in which a pattern looks for names: the one before its first wildcard, also where it is missing, and
/// those that its further steps lead to.
pub(super) fn folders(from: &Path, pattern: &str) -> Vec<PathBuf> {
    let is_wild = |step: &str| step.contains(['*', '?', '[']);
    let steps: Vec<&str> = pattern.split('/').collect();
    let Some(first) = steps.iter().position(|step| is_wild(step)) else {
        return Vec::new();
    };
    let before = match &steps[..first] {
        [""] => "/".to_owned(),
        before => before.join("/"),
    };
    let mut folders = vec![typed::resolved(from, &before)];
    for end in first + 1..steps.len() {
        let found = expand(from, &steps[..end].join("/")).unwrap_or_default();
        folders.extend(found.into_iter().filter(|path| path.is_dir()));
    }
    folders
}

/// The last of them: where the files themselves are looked for.
pub(super) fn last_folders(from: &Path, pattern: &str) -> Vec<PathBuf> {
    let wild = |part: &str| part.contains(['*', '?', '[']);
    match pattern.rsplit_once('/') {
        _ if !wild(pattern) => Vec::new(),
        None => vec![from.to_owned()],
        Some(("", _)) => vec![PathBuf::from("/")],
        Some((folders, _)) => expand(from, folders).unwrap_or_default(),
    }
}

/// The files that a pattern names, sorted. A path without wildcards names itself.
pub(super) fn expand(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, Wrong> {
    if !pattern.contains(['*', '?', '[']) {
        return Ok(vec![typed::resolved(folder, pattern)]);
    }
    let whole = whole(folder, pattern)?;
    let matches = glob::glob_with(&whole, OPTIONS);
    let matches = matches.map_err(|error| broken(pattern, error.msg))?;
    let mut paths = Vec::new();
    for path in matches {
        let path = path.map_err(|error| {
            let place = quoted(&error.path().to_string_lossy());
            broken(pattern, &format!("{place}: {}", reason(error.error())))
        })?;
        paths.push(path.components().collect());
    }
    paths.sort();
    Ok(paths)
}

/// The same among files that are not on the disk.
pub(super) fn expand_among<'p>(
    files: impl Iterator<Item = &'p Path>,
    folder: &Path,
    pattern: &str,
) -> Result<Vec<PathBuf>, Wrong> {
    if !pattern.contains(['*', '?', '[']) {
        return Ok(vec![typed::resolved(folder, pattern)]);
    }
    // As the paths are that are found on the disk: without what says nothing, such as "./".
    let whole: PathBuf = Path::new(&whole(folder, pattern)?).components().collect();
    let matcher = Pattern::new(&whole.to_string_lossy());
    let matcher = matcher.map_err(|error| broken(pattern, error.msg))?;
    let mut paths: Vec<_> = files
        .filter(|path| matcher.matches_path_with(path, OPTIONS))
        .map(Path::to_owned)
        .collect();
    paths.sort();
    Ok(paths)
}

/// The pattern from the root on.
fn whole(folder: &Path, pattern: &str) -> Result<String, Wrong> {
    match (pattern.starts_with('/'), folder.to_str()) {
        (true, _) => Ok(pattern.to_owned()),
        (false, Some(folder)) => Ok(format!("{}/{pattern}", Pattern::escape(folder))),
        (false, None) => Err(broken(pattern, "the folder's own name is not UTF-8")),
    }
}

fn broken(pattern: &str, reason: &str) -> Wrong {
    let message = format!("{} cannot be used: {reason}", quoted(pattern));
    Wrong::new(message).help("write a pattern such as \"conf.d/*.toml\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path, pattern: &str) -> Vec<String> {
        let paths = expand(folder, pattern).unwrap();
        let name = |path: &PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
        paths.iter().map(name).collect()
    }

    #[test]
    fn wildcards_name_sorted_files_and_no_hidden_ones() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("we[i]rd *");
        std::fs::create_dir_all(folder.join("conf.d")).unwrap();
        for name in ["b.toml", "a.toml", ".hidden.toml", "c.toml~"] {
            std::fs::write(folder.join("conf.d").join(name), "").unwrap();
        }
        let found = names(&folder, "conf.d/*.toml");
        assert_eq!(found, ["conf.d/a.toml", "conf.d/b.toml"]);
        assert!(names(&folder, "none.d/*.toml").is_empty());
    }

    #[test]
    fn a_pattern_looks_for_names_in_every_folder_on_its_way() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        std::fs::create_dir_all(root.join("sites/a/jobs")).unwrap();
        std::fs::create_dir_all(root.join("sites/b")).unwrap();
        std::fs::write(root.join("sites/file"), "").unwrap();
        let found = |pattern| folders(root, pattern);
        let all = ["sites", "sites/a", "sites/b", "sites/a/jobs"].map(|name| root.join(name));
        assert_eq!(found("sites/*/jobs/*.toml"), all);
        assert_eq!(found("none.d/*.toml"), [root.join("none.d")]);
        assert!(found("sites/a/jobs.toml").is_empty());
        assert_eq!(folders(root, "/*.toml"), [Path::new("/")]);
    }

    #[test]
    fn a_path_without_wildcards_names_itself() {
        let folder = Path::new("/etc/hupd");
        assert_eq!(names(folder, "./jobs.toml"), ["jobs.toml"]);
    }
}

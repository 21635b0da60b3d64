//! Which folders tell of a change of some files, and which names in them matter.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// As many links as the kernel itself follows.
const LONGEST_CHAIN: usize = 40;

/// Folders by their real paths, so that each is watched once however it is reached.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<PathBuf, Interest>);

/// What matters in one folder.
#[derive(Debug, Default)]
struct Interest {
    names: BTreeSet<OsString>,
    others: Others,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Others {
    #[default]
    Ignored,
    /// A new file may be included as well.
    Matter,
}

impl Places {
    /// The folder of each file and of every link on the way to it; an included folder, and the one
    /// that it is in.
    pub(super) fn of(files: &[PathBuf]) -> Self {
        let mut places = Self::default();
        for file in files {
            let end = places.walk(file);
            if let Some(folder) = end.filter(|end| end.is_dir()) {
                places.0.entry(folder).or_default().others = Others::Matter;
            }
        }
        places
    }

    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    pub(super) fn watches(&self, folder: &Path) -> bool {
        self.0.contains_key(folder)
    }

    /// Whether a change at this path may change what is followed. A folder itself always may: it
    /// was removed or renamed.
    pub(super) fn concern(&self, path: &Path) -> bool {
        let by_name = || {
            let interest = self.0.get(path.parent()?)?;
            Some(interest.includes(path.file_name()?))
        };
        self.watches(path) || by_name().unwrap_or(false)
    }

    /// Goes along the path as the kernel would, and notes every name that leads on: each link, and
    /// the last name. Returns where it ends, if it ends anywhere.
    fn walk(&mut self, path: &Path) -> Option<PathBuf> {
        let mut links = 0;
        let mut at = PathBuf::from("/");
        let mut ahead = steps(path);
        while let Some(step) = ahead.pop() {
            if step == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&step);
            if let Ok(target) = next.read_link() {
                self.note(&at, &step);
                links += 1;
                if links > LONGEST_CHAIN {
                    return None;
                }
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                ahead.extend(steps(&target));
                continue;
            }
            if ahead.is_empty() || !next.is_dir() {
                // Either here, or it is missing and this is where it would appear.
                self.note(&at, &step);
            }
            if !ahead.is_empty() && !next.is_dir() {
                return None;
            }
            at = next;
        }
        Some(at)
    }

    fn note(&mut self, folder: &Path, name: &OsStr) {
        let interest = self.0.entry(folder.to_owned()).or_default();
        interest.names.insert(name.to_owned());
    }
}

/// The steps of a path, the next one last.
fn steps(path: &Path) -> Vec<OsString> {
    let steps = path.components().rev().filter_map(|step| match step {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    steps.collect()
}

impl Interest {
    fn includes(&self, name: &OsStr) -> bool {
        self.names.contains(name) || (self.others == Others::Matter && !is_leftover(name))
    }
}

/// Names under which editors and package tools keep what is not finished: swap files, backups,
/// and the number with which vim tries whether it may write.
pub(super) fn is_leftover(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with(['.', '#']) || name.ends_with('~') || name.chars().all(|c| c.is_ascii_digit())
}

/// Which folder it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let metadata = folder.metadata().ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn folder() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        (folder, path)
    }

    fn folders(places: &Places) -> Vec<&Path> {
        places.folders().collect()
    }

    #[test]
    fn of_the_main_file_only_its_own_name_matters() {
        let (_keep, at) = folder();
        let main = at.join("hupd.toml");
        fs::write(&main, "").unwrap();
        let places = Places::of(std::slice::from_ref(&main));
        assert_eq!(folders(&places), [at.as_path()]);
        assert!(places.concern(&main));
        assert!(places.concern(&at));
        assert!(!places.concern(&at.join("other.toml")));
        assert!(!places.concern(&at.join(".hupd.toml.swp")));
    }

    #[test]
    fn in_an_included_folder_every_file_matters_but_what_editors_leave() {
        let (_keep, at) = folder();
        let included = at.join("conf.d");
        fs::create_dir(&included).unwrap();
        let places = Places::of(&[at.join("hupd.toml"), included.clone()]);
        assert_eq!(folders(&places), [at.as_path(), &included]);
        assert!(places.concern(&included.join("new.toml")));
        for leftover in [
            ".new.toml.swp",
            "new.toml~",
            "4913",
            "#new.toml#",
            ".#new.toml",
        ] {
            assert!(!places.concern(&included.join(leftover)), "{leftover}");
        }
    }

    #[test]
    fn of_the_folder_of_a_file_that_is_included_by_its_name_nothing_else_matters() {
        let (_keep, at) = folder();
        let included = at.join("conf.d");
        fs::create_dir(&included).unwrap();
        let places = Places::of(&[at.join("hupd.toml"), included.join("a.toml")]);
        assert!(places.concern(&included.join("a.toml")));
        assert!(places.concern(&included));
        assert!(!places.concern(&included.join("b.toml")));
    }

    #[test]
    fn while_an_included_folder_is_missing_only_its_name_matters() {
        let (_keep, at) = folder();
        let included = at.join("conf.d");
        let places = Places::of(&[at.join("hupd.toml"), included.clone()]);
        assert_eq!(folders(&places), [at.as_path()]);
        assert!(places.concern(&included));
        assert!(!places.concern(&at.join("log")));
    }

    #[test]
    fn every_link_on_the_way_matters() {
        let (_keep, at) = folder();
        fs::create_dir(at.join("real")).unwrap();
        fs::write(at.join("real/hupd.toml"), "").unwrap();
        symlink("real", at.join("..data")).unwrap();
        symlink("..data/hupd.toml", at.join("hupd.toml")).unwrap();
        let places = Places::of(&[at.join("hupd.toml")]);
        assert_eq!(folders(&places), [at.as_path(), &at.join("real")]);
        assert!(places.concern(&at.join("hupd.toml")));
        assert!(places.concern(&at.join("..data")));
        assert!(places.concern(&at.join("real/hupd.toml")));
        assert!(!places.concern(&at.join("..data_tmp")));
    }

    #[test]
    fn what_is_missing_is_awaited_where_it_would_appear() {
        let (_keep, at) = folder();
        let places = Places::of(&[at.join("gone/deep/hupd.toml")]);
        assert_eq!(folders(&places), [at.as_path()]);
        assert!(places.concern(&at.join("gone")));
    }

    #[test]
    fn a_loop_of_links_comes_to_an_end() {
        let (_keep, at) = folder();
        symlink("b", at.join("a")).unwrap();
        symlink("a", at.join("b")).unwrap();
        assert_eq!(folders(&Places::of(&[at.join("a")])), [at.as_path()]);
    }
}

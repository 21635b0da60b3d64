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
    attention: Attention,
}

/// What is to be told of a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Attention {
    /// Which names come and go: everybody writes files in folders such as /tmp, and reads some in /etc.
    #[default]
    Names,
    /// Also what becomes of the files in it.
    Contents,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Others {
    #[default]
    Ignored,
    /// A new file may be included as well.
    Matter,
}

impl Places {
    /// Every folder on the way to each file, from the root on and through every link; and included folders.
    pub(super) fn of(files: &[PathBuf]) -> Self {
        let mut places = Self::default();
        for file in files {
            let Some(end) = places.walk(file) else {
                continue;
            };
            let is_folder = end.is_dir();
            let folder = end.parent().filter(|_| !is_folder).unwrap_or(&end);
            let interest = places.0.entry(folder.to_owned()).or_default();
            interest.attention = Attention::Contents;
            if is_folder {
                interest.others = Others::Matter;
            }
        }
        places
    }

    pub(super) fn folders(&self) -> impl Iterator<Item = (&Path, Attention)> {
        let folders = self.0.iter();
        folders.map(|(folder, interest)| (folder.as_path(), interest.attention))
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

    /// Goes along the path as the kernel would, and notes every name that leads on: whatever is put in the place of any
    /// of them, the path leads elsewhere then. Returns where it ends, if it ends anywhere.
    fn walk(&mut self, path: &Path) -> Option<PathBuf> {
        let mut links = 0;
        let mut at = PathBuf::from("/");
        let mut ahead = steps(path);
        while let Some(step) = ahead.pop() {
            if step == ".." {
                at.pop();
                continue;
            }
            // Also where it is missing: this is where it would appear.
            self.note(&at, &step);
            let next = at.join(&step);
            if let Ok(target) = next.read_link() {
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

    /// Without those above.
    fn folders<'p>(places: &'p Places, at: &Path) -> Vec<&'p Path> {
        let folders = places.folders().map(|(folder, _)| folder);
        folders.filter(|folder| folder.starts_with(at)).collect()
    }

    #[test]
    fn of_the_main_file_only_its_own_name_matters() {
        let (_keep, at) = folder();
        let main = at.join("hupd.toml");
        fs::write(&main, "").unwrap();
        let places = Places::of(std::slice::from_ref(&main));
        assert_eq!(folders(&places, &at), [at.as_path()]);
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
        assert_eq!(folders(&places, &at), [at.as_path(), &included]);
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
        assert_eq!(folders(&places, &at), [at.as_path()]);
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
        assert_eq!(folders(&places, &at), [at.as_path(), &at.join("real")]);
        assert!(places.concern(&at.join("hupd.toml")));
        assert!(places.concern(&at.join("..data")));
        assert!(places.concern(&at.join("real/hupd.toml")));
        assert!(!places.concern(&at.join("..data_tmp")));
    }

    #[test]
    fn what_is_missing_is_awaited_where_it_would_appear() {
        let (_keep, at) = folder();
        let places = Places::of(&[at.join("gone/deep/hupd.toml")]);
        assert_eq!(folders(&places, &at), [at.as_path()]);
        assert!(places.concern(&at.join("gone")));
    }

    #[test]
    fn a_loop_of_links_comes_to_an_end() {
        let (_keep, at) = folder();
        symlink("b", at.join("a")).unwrap();
        symlink("a", at.join("b")).unwrap();
        let places = Places::of(&[at.join("a")]);
        assert_eq!(folders(&places, &at), [at.as_path()]);
    }

    #[test]
    fn every_name_on_the_way_matters_and_no_other_of_its_folder() {
        let (_keep, at) = folder();
        fs::create_dir_all(at.join("x/y/conf.d")).unwrap();
        fs::write(at.join("x/y/conf.d/a.toml"), "").unwrap();
        for followed in ["x/y/conf.d", "x/y/conf.d/a.toml"] {
            let places = Places::of(&[at.join(followed)]);
            let told: Vec<_> = places.folders().collect();
            let way = at.ancestors().collect::<Vec<_>>().into_iter().rev();
            let mut expected: Vec<_> = way.map(|folder| (folder, Attention::Names)).collect();
            let more = [at.join("x"), at.join("x/y"), at.join("x/y/conf.d")];
            expected.push((&more[0], Attention::Names));
            expected.push((&more[1], Attention::Names));
            expected.push((&more[2], Attention::Contents));
            assert_eq!(told, expected);
            for step in at.join("x/y/conf.d").ancestors() {
                assert!(places.concern(step), "{}", step.display());
            }
            for other in ["other", "x/other", "x/y/other"] {
                assert!(!places.concern(&at.join(other)), "{other}");
            }
            assert!(!places.concern(Path::new("/other")));
        }
    }
}

//! The way of a path through folders and links, as the kernel goes it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::Metadata;
use std::path::{Component, Path, PathBuf};

/// As many links as the kernel itself follows.
const LONGEST_CHAIN: usize = 40;

/// What is on it, from the root on: each folder, each link, and where it ends. It stops early where the path leads
/// nowhere, which whoever reads it will tell.
pub(super) fn way(path: &Path) -> impl Iterator<Item = (PathBuf, Metadata)> {
    let root = PathBuf::from("/");
    let start = root.symlink_metadata().map(|found| (root.clone(), found));
    let steps = Way {
        at: root,
        ahead: steps(path),
        links: 0,
    };
    start.into_iter().chain(steps)
}

struct Way {
    at: PathBuf,
    ahead: VecDeque<OsString>,
    links: usize,
}

impl Way {
    fn step(&mut self, step: OsString) -> Option<(PathBuf, Metadata)> {
        let next = self.at.join(step);
        let metadata = next.symlink_metadata().ok()?;
        match metadata.is_symlink() {
            true => self.follow(&next),
            false => self.at = next.clone(),
        }
        Some((next, metadata))
    }

    fn follow(&mut self, link: &Path) {
        self.links += 1;
        let target = link.read_link().ok();
        let Some(target) = target.filter(|_| self.links <= LONGEST_CHAIN) else {
            return self.ahead.clear();
        };
        if target.is_absolute() {
            self.at = PathBuf::from("/");
        }
        let mut further = steps(&target);
        further.append(&mut self.ahead);
        self.ahead = further;
    }
}

impl Iterator for Way {
    type Item = (PathBuf, Metadata);

    fn next(&mut self) -> Option<Self::Item> {
        let mut step = self.ahead.pop_front()?;
        while step == ".." {
            self.at.pop();
            step = self.ahead.pop_front()?;
        }
        let found = self.step(step);
        if found.is_none() {
            self.ahead.clear();
        }
        found
    }
}

fn steps(path: &Path) -> VecDeque<OsString> {
    let steps = path.components().filter_map(|step| match step {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    steps.collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn folders_links_and_what_they_lead_to_are_on_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().canonicalize().unwrap();
        fs::create_dir_all(at.join("real/deep")).unwrap();
        fs::write(at.join("real/file"), "").unwrap();
        symlink("real/deep", at.join("link")).unwrap();
        symlink("loop", at.join("loop")).unwrap();
        let names = |path: &str| -> Vec<String> {
            let path = at.join(path);
            let found = way(&path).map(|(at, _)| at);
            let below = found.filter_map(|found| Some(found.strip_prefix(&at).ok()?.to_owned()));
            below.map(|path| path.display().to_string()).collect()
        };
        let expected = ["", "link", "real", "real/deep", "real/file"];
        assert_eq!(names("link/../file"), expected);
        assert_eq!(names("real/gone/file"), ["", "real"]);
        assert_eq!(names("loop/file")[..2], ["", "loop"]);
        assert_eq!(way(Path::new("/")).count(), 1);
    }
}

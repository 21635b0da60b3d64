//! What decided what was read. Files that lie beside each other are read one after the other, so somebody may put others in
//! their place in between: only where all of it is the same afterwards, what was read was there at one time.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use super::include;
use super::read::{Contents, Identity, State, read};
use super::way::way;

#[derive(Debug, Default)]
pub(super) struct Snapshot {
    /// Folders and links on the way to what was read, each noted before anything was read through it.
    steps: BTreeMap<PathBuf, Step>,
    /// None where there was nothing.
    files: BTreeMap<PathBuf, Option<State>>,
    lists: Vec<List>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// With its times: of a link that was turned and turned back nothing else tells.
    Link(State),
    /// Others may do in a folder what they like.
    Other(Identity),
}

/// What a pattern has named.
#[derive(Debug, PartialEq, Eq)]
struct List {
    from: PathBuf,
    pattern: String,
    folders: Vec<PathBuf>,
    /// None where it could not be used.
    paths: Option<Vec<PathBuf>>,
}

impl Snapshot {
    /// Reads a file; the error is what follows "cannot read".
    pub fn read(&mut self, path: &Path) -> Result<Contents, String> {
        self.note_way(path);
        let contents = read(path);
        let state = match &contents {
            Ok(contents) => contents.state,
            Err(_) => State::of(path),
        };
        self.files.insert(path.to_owned(), state);
        contents
    }

    /// Before the pattern is used.
    pub fn note_pattern(&mut self, from: &Path, pattern: &str) {
        for folder in include::folders(from, pattern) {
            self.note_way(&folder);
        }
        self.lists.push(List::of(from, pattern));
    }

    fn note_way(&mut self, path: &Path) {
        for (at, metadata) in way(path) {
            self.steps.entry(at).or_insert_with(|| Step::of(&metadata));
        }
    }

    /// Something that is not what it was.
    pub fn changed(&self) -> Option<&Path> {
        let mut files = self.files.iter();
        let file = files.find(|(path, state)| State::of(path) != **state);
        let list = || {
            let mut lists = self.lists.iter();
            let list = lists.find(|list| List::of(&list.from, &list.pattern) != **list);
            list.map(|list| list.folders.first().unwrap_or(&list.from))
        };
        let step = || {
            let mut steps = self.steps.iter();
            let is_other = |(path, step): &(&PathBuf, &Step)| {
                let found = path.symlink_metadata();
                !found.is_ok_and(|found| Step::of(&found) == **step)
            };
            steps.find(is_other).map(|(path, _)| path)
        };
        let changed = file.map(|(path, _)| path).or_else(list).or_else(step);
        changed.map(PathBuf::as_path)
    }
}

impl Step {
    fn of(metadata: &Metadata) -> Self {
        let state = State::from(metadata);
        match metadata.is_symlink() {
            true => Self::Link(state),
            false => Self::Other(state.identity()),
        }
    }
}

impl List {
    fn of(from: &Path, pattern: &str) -> Self {
        Self {
            from: from.to_owned(),
            pattern: pattern.to_owned(),
            folders: include::folders(from, pattern),
            paths: include::expand(from, pattern).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// A link to one of two folders with files, and what was noted of it.
    struct Scene {
        at: PathBuf,
        snapshot: Snapshot,
        _folder: TempDir,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let at = folder.path().canonicalize().unwrap();
            for version in ["v0", "v1"] {
                fs::create_dir(at.join(version)).unwrap();
                for name in ["a.toml", "b.toml"] {
                    fs::write(at.join(version).join(name), version).unwrap();
                }
            }
            let mut scene = Self {
                at,
                snapshot: Snapshot::default(),
                _folder: folder,
            };
            scene.turn("v0");
            scene.snapshot.note_pattern(&scene.at, "current/*.toml");
            scene
        }

        fn turn(&self, version: &str) {
            symlink(version, self.at.join("new")).unwrap();
            fs::rename(self.at.join("new"), self.at.join("current")).unwrap();
        }

        fn read(&mut self, name: &str) -> String {
            let path = self.at.join("current").join(name);
            String::from_utf8(self.snapshot.read(&path).unwrap().bytes).unwrap()
        }

        fn changed(&self) -> Option<&Path> {
            let changed = self.snapshot.changed()?;
            Some(changed.strip_prefix(&self.at).unwrap())
        }
    }

    #[test]
    fn what_stays_as_it_was_is_no_change_whatever_lies_beside_it() {
        let mut scene = Scene::new();
        scene.read("a.toml");
        scene.read("b.toml");
        fs::write(scene.at.join("v0/a.toml~"), "").unwrap();
        fs::write(scene.at.join("noise"), "").unwrap();
        assert_eq!(scene.changed(), None);
    }

    #[test]
    fn a_file_of_another_version_is_a_change_and_so_is_a_new_one() {
        let mut scene = Scene::new();
        scene.read("a.toml");
        fs::write(scene.at.join("v0/a.toml"), "v2").unwrap();
        assert_eq!(scene.changed(), Some(Path::new("current/a.toml")));

        let scene = Scene::new();
        fs::write(scene.at.join("v0/c.toml"), "").unwrap();
        assert_eq!(scene.changed(), Some(Path::new("current")));
    }

    #[test]
    fn a_file_that_was_missing_and_comes_is_a_change() {
        let mut scene = Scene::new();
        let path = scene.at.join("c.toml");
        assert!(scene.snapshot.read(&path).is_err());
        assert_eq!(scene.changed(), None);
        fs::write(&path, "").unwrap();
        assert_eq!(scene.changed(), Some(Path::new("c.toml")));
    }

    #[test]
    fn a_link_that_is_turned_and_turned_back_is_a_change() {
        let mut scene = Scene::new();
        assert_eq!(scene.read("a.toml"), "v0");
        scene.turn("v1");
        assert_eq!(scene.read("b.toml"), "v1");
        assert_eq!(scene.changed(), Some(Path::new("current/a.toml")));

        // As if it had been turned again and again, each time just before it was looked at.
        scene.snapshot.files.clear();
        scene.turn("v0");
        assert_eq!(scene.changed(), Some(Path::new("current")));
    }
}

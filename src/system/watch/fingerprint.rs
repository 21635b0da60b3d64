//! What the followed files hold, to be compared where nobody tells of a change. Contents and names count, no times.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::places::is_leftover;
use crate::digest::Digest;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(Vec<Held>);

#[derive(Debug, PartialEq, Eq)]
enum Held {
    /// Of a folder the names: what is in a file that is included is a matter of that file.
    Folder(BTreeSet<OsString>),
    File(Result<Digest, String>),
}

impl Fingerprint {
    pub fn of(files: &[PathBuf]) -> Self {
        Self(files.iter().map(|file| Held::of(file)).collect())
    }
}

impl Held {
    fn of(path: &Path) -> Self {
        let Ok(entries) = fs::read_dir(path) else {
            return Self::File(Digest::of_file(path));
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        Self::Folder(names.filter(|name| !is_leftover(name)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_and_names_count_and_no_times() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        fs::write(&file, "one").unwrap();
        let time = file.metadata().unwrap().modified().unwrap();
        let files = [file.clone(), folder.path().to_owned()];
        let before = Fingerprint::of(&files);

        fs::write(&file, "one").unwrap();
        fs::write(folder.path().join(".a.toml.swp"), "").unwrap();
        assert_eq!(Fingerprint::of(&files), before);

        fs::write(&file, "two").unwrap();
        let open = fs::File::options().write(true).open(&file).unwrap();
        open.set_modified(time).unwrap();
        assert_ne!(Fingerprint::of(&files), before);

        fs::write(&file, "one").unwrap();
        fs::write(folder.path().join("b.toml"), "").unwrap();
        assert_ne!(Fingerprint::of(&files), before);
    }
}

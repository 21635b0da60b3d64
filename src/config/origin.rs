//! Where the text of a configuration comes from: the disk, or what is kept of an earlier generation.

use std::path::{Path, PathBuf};

use super::SourceFile;
use super::include;
use super::read::Contents;
use super::section::Wrong;
use super::snapshot::Snapshot;

/// Where files are looked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin<'s> {
    Disk,
    /// The disk, with one file in the place of another.
    With {
        text: &'s Path,
        at: &'s Path,
    },
    /// These alone, whatever the disk has by now.
    Kept(&'s [SourceFile]),
}

impl Origin<'_> {
    /// The contents of a file; the error is what follows "cannot read".
    pub fn read(self, path: &Path, snapshot: &mut Snapshot) -> Result<Contents, String> {
        let files = match self {
            Self::Disk | Self::With { .. } => return snapshot.read(self.place(path)),
            Self::Kept(files) => files,
        };
        let place = files.iter().position(|file| file.path == path);
        let place = place.ok_or("it is not among the files that are kept")?;
        Ok(Contents {
            bytes: files[place].text.as_bytes().to_vec(),
            // No device has the number 0 here: each of them is a file of its own.
            identity: (0, place as u64),
            state: None,
        })
    }

    /// Where that is which is read for this path.
    pub fn place<'p>(&'p self, path: &'p Path) -> &'p Path {
        match self {
            Self::With { text, at } if path == *at => text,
            _ => path,
        }
    }

    pub fn is_disk(self) -> bool {
        !matches!(self, Self::Kept(_))
    }

    /// The files that a pattern of `include` names, sorted.
    pub fn expand(
        self,
        (folder, pattern): (&Path, &str),
        snapshot: &mut Snapshot,
    ) -> Result<Vec<PathBuf>, Wrong> {
        match self {
            Self::Disk | Self::With { .. } => {
                snapshot.note_pattern(folder, pattern);
                include::expand(folder, pattern)
            }
            Self::Kept(files) => {
                let paths = files.iter().map(|file| &*file.path);
                include::expand_among(paths, folder, pattern)
            }
        }
    }
}

//! The files that the store was opened as, to be compared with what is at its path later: SQLite goes on writing into
//! files that nobody will find again. They are only asked for by name: to close a file drops the locks on it.

use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::files::{beginning_of_log, log_of};

#[derive(Debug)]
pub(super) struct Opened {
    store: Identity,
    log: Option<Identity>,
    /// So that the log has its first bytes: after a power cut there may be zeros until then.
    has_written: bool,
}

/// One file among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
        }
    }

    fn at(path: &Path) -> Option<Self> {
        path.metadata().ok().map(|file| Self::of(&file))
    }
}

fn is_absence(why: &io::Error) -> bool {
    matches!(why.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

impl Opened {
    pub(super) fn at(path: &Path) -> Option<Self> {
        Some(Self {
            store: Identity::at(path)?,
            log: Identity::at(&log_of(path)),
            has_written: false,
        })
    }

    pub(super) fn note_written(&mut self) {
        self.has_written = true;
    }

    /// Why what is written now would not be found by the next hupd, if so.
    pub(super) fn loss(&mut self, path: &Path) -> Option<&'static str> {
        let store = match path.metadata() {
            Ok(store) => store,
            Err(why) if is_absence(&why) => {
                return Some("the file was removed or moved away while it was in use");
            }
            // It may well be there.
            Err(_) => return None,
        };
        if Identity::of(&store) != self.store {
            return Some("another file was put in its place while it was in use");
        }
        if store.len() == 0 {
            return Some("the file was emptied while it was in use");
        }
        self.loss_of_log(path)
    }

    fn loss_of_log(&mut self, path: &Path) -> Option<&'static str> {
        let found = Identity::at(&log_of(path));
        // SQLite makes it when it needs it first.
        if self.log.is_none() {
            self.log = found;
        }
        if found != self.log {
            return Some("its log, the file that ends in '-wal', was removed while it was in use");
        }
        // Empty it may be, where somebody has moved all of it into the store. What was emptied and written on has a hole
        // at its beginning.
        let has_hole = self.has_written && beginning_of_log(path) == [0, 0, 0, 0];
        has_hole.then_some("its log, the file that ends in '-wal', was emptied while it was in use")
    }
}

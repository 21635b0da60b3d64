//! Whether anybody but root could change what root reads: what sudo asks of its files, and sshd of every folder above.
//! What is read for a process of another user may be of that user as well; and behind the first step that is, nothing else
//! is read, or links of the user would lead root to files that the user may not read. A folder with the sticky bit may be written
//! by all, for nobody replaces there what is not his own; what may be written by the group of root, or is on another file
//! system than / that is mounted read-only, is as good as root's.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::StatVfsMountFlags;

use super::read::Identity;
use super::way::way;
use super::words::visible;

const STICKY: u32 = 0o1000;
const BY_GROUP: u32 = 0o020;
const BY_OTHERS: u32 = 0o002;

/// Who may write what counts, besides root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writers {
    Anybody,
    Root,
    /// The user of the job, by number.
    RootAnd(u32),
}

impl Writers {
    /// Of what is read for a process of this user.
    #[must_use]
    pub fn and(self, uid: u32) -> Self {
        match self {
            Self::Root if uid != 0 => Self::RootAnd(uid),
            others => others,
        }
    }

    fn has(self, uid: u32) -> bool {
        uid == 0 || matches!(self, Self::Anybody) || self == Self::RootAnd(uid)
    }
}

/// Somebody else's hand on the way to a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hand {
    pub at: PathBuf,
    /// What follows the path: "is writable by everybody".
    how: String,
    /// What takes it away: "chmod o-w".
    remedy: &'static str,
    writers: Writers,
}

impl Hand {
    pub fn on(&self, path: &Path) -> String {
        let what = match self.at == path {
            true => "it".to_owned(),
            false => quoted(&self.at),
        };
        format!("cannot trust {}: {what} {}", quoted(path), self.how)
    }

    pub fn help(&self) -> String {
        let who = match self.writers {
            Writers::RootAnd(uid) => format!("root and the user with uid {uid} alone"),
            Writers::Root | Writers::Anybody => "root alone".to_owned(),
        };
        let (remedy, at) = (self.remedy, visible(&self.at.to_string_lossy()));
        format!("as root hupd reads what {who} can write: {remedy} {at}")
    }
}

/// Paths are not cut: their end says most.
fn quoted(path: &Path) -> String {
    format!("'{}'", visible(&path.to_string_lossy()))
}

/// The first of them, from the root on: the file, every folder above it, every link on the way. None too where the way
/// ends early, which whoever reads it will tell.
pub(super) fn first_hand(path: &Path, writers: Writers) -> Option<Hand> {
    match writers {
        Writers::Anybody => None,
        _ => trusted_end(path, writers).err(),
    }
}

/// Where a way ends on which there is none of them. Only what was opened there is to be trusted: a moment before or after
/// this the way may lead elsewhere.
pub(super) fn trusted_end(path: &Path, writers: Writers) -> Result<Identity, Hand> {
    let (mut of_user, mut end) = (None, (0, 0));
    for (at, metadata) in way(path) {
        let is_file = metadata.is_file();
        let is_of_user = writers == Writers::RootAnd(metadata.uid());
        match (hand(&at, &metadata, writers), of_user.take()) {
            (Some(hand), _) => return Err(hand),
            (None, Some(at)) if is_file && !is_of_user => return Err(astray(at, writers)),
            (None, known) => of_user = known.or(is_of_user.then_some(at)),
        }
        end = (metadata.dev(), metadata.ino());
    }
    Ok(end)
}

/// By this the user leads to what is of somebody else.
fn astray(at: PathBuf, writers: Writers) -> Hand {
    Hand {
        at,
        how: "belongs to the user of the job, and the file to which it leads does not".to_owned(),
        remedy: "name the file by a way without",
        writers,
    }
}

/// The first hand on these files, or on their folder or above that, and what takes it away. In the folder itself the sticky
/// bit is no help, for there others could put what belongs to the files.
pub fn hand_of_others(folder: &Path, files: &[PathBuf], writers: Writers) -> Option<String> {
    let on_files = files.iter().find_map(|file| first_hand(file, writers));
    let in_folder = || {
        let metadata = folder.metadata().ok()?;
        open_hand(folder, &metadata, writers)
    };
    let hand = match writers {
        Writers::Anybody => None,
        _ => on_files.or_else(in_folder),
    }?;
    let at = visible(&hand.at.to_string_lossy());
    Some(format!("'{at}' {}: {} {at}", hand.how, hand.remedy))
}

/// The same of a folder in which files are looked for: the sticky bit keeps nobody from adding one.
pub(super) fn first_hand_on_names(folder: &Path, writers: Writers) -> Option<Hand> {
    let itself = || {
        let metadata = folder.metadata().ok()?;
        open_hand(folder, &metadata, writers).filter(|_| writers != Writers::Anybody)
    };
    first_hand(folder, writers).or_else(itself)
}

fn hand(at: &Path, metadata: &Metadata, writers: Writers) -> Option<Hand> {
    if !writers.has(metadata.uid()) {
        let how = format!("belongs to the user with uid {}", metadata.uid());
        return Some(Hand {
            at: at.to_owned(),
            how,
            remedy: "chown root",
            writers,
        });
    }
    // The mode of a link says nothing.
    match metadata.is_symlink() || is_sticky_folder(metadata) {
        true => None,
        false => open_hand(at, metadata, writers),
    }
}

/// By its mode.
fn open_hand(at: &Path, metadata: &Metadata, writers: Writers) -> Option<Hand> {
    let is_open = |bit| metadata.mode() & bit != 0 && !is_handed_in(at, metadata);
    let (how, remedy) = match metadata.gid() {
        _ if is_open(BY_OTHERS) => ("is writable by everybody".to_owned(), "chmod o-w"),
        gid if gid != 0 && is_open(BY_GROUP) => (
            format!("is writable by the group with gid {gid}"),
            "chmod g-w",
        ),
        _ => return None,
    };
    Some(Hand {
        at: at.to_owned(),
        how,
        remedy,
        writers,
    })
}

fn is_sticky_folder(metadata: &Metadata) -> bool {
    metadata.is_dir() && metadata.mode() & STICKY != 0
}

/// As ConfigMaps are mounted in a pod, open to everybody by their mode. What is read-only for a service alone, as by
/// `ProtectSystem=` of systemd, is of the same file system as its root: outside others can write it.
fn is_handed_in(at: &Path, metadata: &Metadata) -> bool {
    let found = rustix::fs::statvfs(at);
    let is_read_only = found.is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY));
    let root = Path::new("/").metadata();
    is_read_only && root.is_ok_and(|root| root.dev() != metadata.dev())
}

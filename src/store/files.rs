//! The state directory and the files of the store in it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rustix::fs::{Access, access};

use crate::reason::reason;

use super::StoreError;

/// The name of the store in `state_dir`.
pub(super) const NAME: &str = "hupd.db";

/// Makes the directory and an empty file where they are missing; both are for their owner alone,
/// for outputs may hold secrets. SQLite gives its other files the mode of this one.
pub(super) fn prepare(state_dir: &Path) -> Result<PathBuf, StoreError> {
    let error = |path: &Path, what: &str, why: &dyn std::fmt::Display| {
        Err(StoreError(format!("{}: {what}: {why}", path.display())))
    };
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state_dir);
    if let Err(why) = made {
        return error(state_dir, "cannot make the state directory", &reason(&why));
    }
    if let Err(errno) = access(state_dir, Access::WRITE_OK | Access::EXEC_OK) {
        let why = std::io::Error::from(errno);
        return error(
            state_dir,
            "cannot write in the state directory",
            &reason(&why),
        );
    }
    let path = state_dir.join(NAME);
    if path
        .metadata()
        .is_ok_and(|file| !file.is_file() && !file.is_dir())
    {
        return error(&path, "cannot open the store", &"not a regular file");
    }
    // Closed again before SQLite opens it: closing any descriptor of a file drops the locks that
    // the process has on it.
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path);
    match opened {
        Ok(_) => Ok(path),
        Err(why) => error(&path, "cannot open the store", &reason(&why)),
    }
}

/// The one path to which all spellings of this folder lead, links among them.
pub(super) fn plain(state_dir: &Path) -> Result<Arc<Path>, StoreError> {
    let found = state_dir.canonicalize().map_err(|why| {
        let (path, why) = (state_dir.display(), reason(&why));
        StoreError(format!(
            "{path}: cannot find out where this folder is: {why}"
        ))
    });
    Ok(found?.into())
}

/// What SQLite would pass over in silence, though there was a history once: it takes an empty file for a new database,
/// and a log that it cannot read for none.
pub(super) fn unreadable(state_dir: &Path) -> Option<&'static str> {
    let path = state_dir.join(NAME);
    let beginning = beginning_of_log(&path);
    let is_empty = path.metadata().is_ok_and(|file| file.len() == 0);
    match &beginning[..] {
        // Beside that SQLite deletes a log, which may be the whole history.
        _ if is_empty => Some("the file is empty"),
        // After a power cut there may be zeros for what had not come to the disk.
        [] | [0, 0, 0, 0] | [0x37, 0x7f, 0x06, 0x82 | 0x83] => None,
        _ => Some("its log, the file that ends in '-wal', is damaged"),
    }
}

/// The first bytes of the log, which is not the file that SQLite has its locks on.
pub(super) fn beginning_of_log(path: &Path) -> Vec<u8> {
    let mut beginning = Vec::new();
    if let Ok(log) = File::open(log_of(path)) {
        // A log that cannot be read at all is for SQLite to refuse.
        let _ = log.take(4).read_to_end(&mut beginning);
    }
    beginning
}

pub(super) fn log_of(path: &Path) -> PathBuf {
    with_suffix(path, "-wal")
}

/// Renames a store that cannot be read, with the files that belong to it, and says where it is now, or what is left of
/// it; none where nothing is.
pub(super) fn move_aside(path: &Path, now: Timestamp) -> Result<Option<PathBuf>, StoreError> {
    let aside = free_name(path, now);
    let mut kept = None;
    for suffix in ["", "-wal", "-shm"] {
        let to = with_suffix(&aside, suffix);
        match std::fs::rename(with_suffix(path, suffix), &to) {
            Ok(()) => kept = kept.or(Some(to)),
            // The other two need not exist.
            Err(why) if suffix.is_empty() && why.kind() != ErrorKind::NotFound => {
                return Err(StoreError(format!(
                    "{}: cannot move the corrupt store aside: {}",
                    path.display(),
                    reason(&why)
                )));
            }
            Err(_) => {}
        }
    }
    Ok(kept)
}

fn free_name(path: &Path, now: Timestamp) -> PathBuf {
    let stamp = format!(".corrupt-{}", now.strftime("%Y%m%dT%H%M%SZ"));
    let mut aside = with_suffix(path, &stamp);
    let mut number = 2;
    while aside.exists() {
        aside = with_suffix(path, &format!("{stamp}-{number}"));
        number += 1;
    }
    aside
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

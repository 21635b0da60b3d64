//! The pid file: who holds its lock is the one hupd of this place.
//!
//! The lock decides, not the number in the file: that is there for people, and never signalled.

mod holder;

use std::fmt;
use std::fs::File;
use std::io;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;

use crate::reason::reason;

pub use holder::Holder;

/// Each further attempt takes somebody who removes the file in that very moment.
const ATTEMPTS: usize = 100;

/// A pid file that is ours. The lock goes with the process, however that ends.
#[derive(Debug)]
pub struct LockFile {
    file: File,
    path: PathBuf,
}

impl LockFile {
    /// Takes the lock and writes our process id. A file that nobody holds is taken over.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        for _ in 0..ATTEMPTS {
            let file = open(path)?;
            lock(&file, path)?;
            let lock = Self {
                file,
                path: path.to_owned(),
            };
            if lock.is_in_place() {
                lock.write_pid()?;
                return Ok(lock);
            }
        }
        Err(failed(path, Errno::AGAIN.into()))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the file back if somebody removed or replaced it. On failure the lock that we have is
    /// kept.
    pub fn restore(&mut self) -> Result<Restored, LockError> {
        if self.is_in_place() {
            return Ok(Restored::WasInPlace);
        }
        *self = Self::acquire(&self.path)?;
        Ok(Restored::Again)
    }

    /// Removes the file. The lock goes with this value, after the file: who waits for it finds a new one.
    pub fn remove(&self) -> io::Result<()> {
        if self.is_in_place() {
            std::fs::remove_file(&self.path)?;
        }
        Ok(())
    }

    /// Whether the path still leads to the file that we have locked.
    fn is_in_place(&self) -> bool {
        let ours = self.file.metadata();
        let there = self.path.symlink_metadata();
        match (ours, there) {
            (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
            _ => false,
        }
    }

    fn write_pid(&self) -> Result<(), LockError> {
        let written = self
            .file
            .set_len(0)
            .and_then(|()| (&self.file).write_all(our_pid().as_bytes()));
        written.map_err(|error| {
            // It is ours, and without the number it only puzzles.
            let _ = std::fs::remove_file(&self.path);
            failed(&self.path, error)
        })
    }
}

/// What [`LockFile::restore`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    WasInPlace,
    Again,
}

fn our_pid() -> String {
    format!("{}\n", std::process::id())
}

fn open(path: &Path) -> Result<File, LockError> {
    // Not blocking, for a FIFO or a device in its place must not hold us up.
    let flags = OFlags::RDWR
        | OFlags::CREATE
        | OFlags::NOFOLLOW
        | OFlags::CLOEXEC
        | OFlags::NONBLOCK
        | OFlags::NOCTTY;
    let file = match rustix::fs::open(path, flags, Mode::from_raw_mode(0o644)) {
        Ok(descriptor) => File::from(descriptor),
        // Also where a folder on the way is part of a loop of links; then it is not ours either.
        Err(Errno::LOOP) => return Err(not_ours(path, "a symbolic link")),
        Err(Errno::ISDIR) => return Err(not_ours(path, "a directory")),
        Err(Errno::NXIO) => return Err(not_ours(path, "not a regular file")),
        Err(error) => return Err(failed(path, error.into())),
    };
    let metadata = file.metadata().map_err(|error| failed(path, error))?;
    if !metadata.is_file() {
        return Err(not_ours(path, "not a regular file"));
    }
    if metadata.nlink() > 1 {
        return Err(not_ours(path, "a hard link to another file"));
    }
    Ok(file)
}

fn lock(file: &File, path: &Path) -> Result<(), LockError> {
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(LockError::Held {
                    path: path.to_owned(),
                    by: Holder::of(file),
                });
            }
            Err(error) => return Err(failed(path, error.into())),
        }
    }
}

/// Why the lock is not ours.
#[derive(Debug)]
pub enum LockError {
    /// Another hupd holds it, or what one has left behind.
    Held {
        path: PathBuf,
        by: Holder,
    },
    /// Something stands there that hupd did not make; it is left as it is.
    NotOurs {
        path: PathBuf,
        what: &'static str,
    },
    Io {
        path: PathBuf,
        error: io::Error,
    },
}

fn not_ours(path: &Path, what: &'static str) -> LockError {
    LockError::NotOurs {
        path: path.to_owned(),
        what,
    }
}

fn failed(path: &Path, error: io::Error) -> LockError {
    LockError::Io {
        path: path.to_owned(),
        error,
    }
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { path, by } => {
                write!(f, "{}: held by ", path.display())?;
                write_holder(f, path, *by)
            }
            Self::NotOurs { path, what } => {
                write!(f, "{}: is {what}, not a pid file of hupd", path.display())
            }
            Self::Io { path, error } => {
                write!(f, "{}: cannot be locked: {}", path.display(), reason(error))
            }
        }
    }
}

/// In a process that has not come to its program other signals than KILL may still be blocked.
fn write_holder(f: &mut fmt::Formatter<'_>, path: &Path, holder: Holder) -> fmt::Result {
    match holder {
        Holder::Hupd(Some(pid)) => write!(f, "a running hupd (pid {pid})"),
        Holder::Hupd(None) => f.write_str("a running hupd"),
        Holder::HalfBorn { process, of } => write!(
            f,
            "process {process}, which a hupd that has ended (pid {of}) was just starting, and which hangs: end it \
             with 'kill -KILL {process}', or wait until its program, files and folders answer"
        ),
        Holder::OutOfSight(of) => write!(
            f,
            "somebody out of sight, and the hupd that wrote its number there (pid {of}) is not to be seen: it runs in \
             another container or on another machine, or it has ended while it started a process, which hangs \
             and which 'fuser -v {}' names: end that with 'kill -KILL', or wait until its program, files and \
             folders answer",
            path.display()
        ),
    }
}

impl std::error::Error for LockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::Held { .. } | Self::NotOurs { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;

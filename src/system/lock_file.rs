//! The pid file: who holds its lock is the one hupd of this place.
//!
//! The lock decides, not the number in the file: that is there for people, and never signalled.

use std::fmt;
use std::fs::File;
use std::io;
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;

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
                    pid: read_pid(file),
                });
            }
            Err(error) => return Err(failed(path, error.into())),
        }
    }
}

fn read_pid(file: &File) -> Option<i32> {
    let mut text = [0; 32];
    let length = file.read_at(&mut text, 0).ok()?;
    let digits = str::from_utf8(&text[..length]).ok()?.trim();
    digits.parse().ok().filter(|&pid| pid > 0)
}

/// Why the lock is not ours.
#[derive(Debug)]
pub enum LockError {
    /// Another hupd holds it.
    Held {
        path: PathBuf,
        pid: Option<i32>,
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
            Self::Held { path, pid } => {
                write!(f, "{}: held by a running hupd", path.display())?;
                match pid {
                    Some(pid) => write!(f, " (pid {pid})"),
                    None => Ok(()),
                }
            }
            Self::NotOurs { path, what } => {
                write!(f, "{}: is {what}, not a pid file of hupd", path.display())
            }
            Self::Io { path, error } => {
                write!(f, "{}: cannot be locked: {error}", path.display())
            }
        }
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
mod tests {
    use std::fs;
    use std::io::{BufRead, BufReader};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Stdio;

    use tempfile::TempDir;

    use super::*;

    fn place() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hupd.pid");
        (folder, path)
    }

    fn refusal(path: &Path) -> String {
        let error = LockFile::acquire(path).unwrap_err().to_string();
        error.replace(&format!("{}: ", path.display()), "")
    }

    #[test]
    fn the_file_holds_our_process_id_and_goes_with_us() {
        let (_folder, path) = place();
        let lock = LockFile::acquire(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), our_pid());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o133, 0);
        lock.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_second_one_is_refused_by_the_lock_and_told_the_holder() {
        let (_folder, path) = place();
        let _lock = LockFile::acquire(&path).unwrap();
        let held = format!("held by a running hupd (pid {})", std::process::id());
        assert_eq!(refusal(&path), held);
        assert_eq!(fs::read_to_string(&path).unwrap(), our_pid());
    }

    #[test]
    fn a_lock_held_by_another_process_counts() {
        let (_folder, path) = place();
        fs::write(&path, "4711\n").unwrap();
        #[expect(clippy::disallowed_methods, reason = "another process is the point")]
        let mut holder = std::process::Command::new("flock")
            .arg(&path)
            .args(["sh", "-c", "echo held; read stop"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut output = BufReader::new(holder.stdout.take().unwrap());
        output.read_line(&mut said).unwrap();
        assert_eq!(refusal(&path), "held by a running hupd (pid 4711)");

        drop(holder.stdin.take());
        holder.wait().unwrap();
        LockFile::acquire(&path).unwrap();
    }

    #[test]
    fn a_stale_file_is_taken_over_whatever_it_says() {
        let (_folder, path) = place();
        fs::write(&path, "1\nand much more that is longer than a number\n").unwrap();
        let _lock = LockFile::acquire(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), our_pid());
    }

    #[test]
    fn a_symbolic_link_is_refused_and_its_target_left_alone() {
        let (folder, path) = place();
        let target = folder.path().join("precious");
        fs::write(&target, "keep").unwrap();
        symlink(&target, &path).unwrap();
        assert_eq!(refusal(&path), "is a symbolic link, not a pid file of hupd");
        assert_eq!(fs::read_to_string(&target).unwrap(), "keep");
        assert!(path.is_symlink());
    }

    #[test]
    fn a_hard_link_is_refused_and_left_alone() {
        let (folder, path) = place();
        let target = folder.path().join("precious");
        fs::write(&target, "keep").unwrap();
        fs::hard_link(&target, &path).unwrap();
        let refused = refusal(&path);
        assert!(refused.starts_with("is a hard link"), "{refused}");
        assert_eq!(fs::read_to_string(&target).unwrap(), "keep");
    }

    #[test]
    fn a_directory_and_a_socket_are_refused() {
        let (_folder, path) = place();
        fs::create_dir(&path).unwrap();
        assert!(refusal(&path).starts_with("is a directory"));
        fs::remove_dir(&path).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(refusal(&path).starts_with("is not a regular file"));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let (folder, _) = place();
        let path = folder.path().join("none/hupd.pid");
        let refused = refusal(&path);
        assert!(
            refused.starts_with("cannot be locked: No such file"),
            "{refused}"
        );
    }

    #[test]
    fn what_was_removed_is_put_back() {
        let (_folder, path) = place();
        let mut lock = LockFile::acquire(&path).unwrap();
        assert_eq!(lock.restore().unwrap(), Restored::WasInPlace);
        fs::remove_file(&path).unwrap();
        assert_eq!(lock.restore().unwrap(), Restored::Again);
        assert!(refusal(&path).starts_with("held"));
    }

    #[test]
    fn the_file_of_another_is_not_removed() {
        let (_folder, path) = place();
        let lock = LockFile::acquire(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "another").unwrap();
        lock.remove().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "another");
    }

    #[test]
    fn a_number_that_makes_no_sense_is_not_named() {
        let (_folder, path) = place();
        fs::write(&path, "-1\n").unwrap();
        assert_eq!(read_pid(&File::open(&path).unwrap()), None);
    }
}

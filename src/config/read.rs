//! Reads a file: once, regular files only, bounded, never blocking.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use crate::reason::reason;

/// The largest file that is read.
const LARGEST: u64 = 64 << 20;

/// How often what changes while it is read is read again.
pub(super) const ATTEMPTS: usize = 5;

/// What a file holds, and which file it is, whatever names it has.
#[derive(Debug)]
pub(super) struct Contents {
    pub bytes: Vec<u8>,
    pub identity: Identity,
    /// As it was read; none where it is not from the disk.
    pub state: Option<State>,
}

/// Device and inode.
pub(super) type Identity = (u64, u64);

/// Which file it is, and what is different after a write, or after another was put in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    identity: Identity,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl State {
    /// Of what a path leads to, if anything.
    pub fn of(path: &Path) -> Option<Self> {
        path.metadata().ok().map(|metadata| Self::from(&metadata))
    }

    pub fn identity(&self) -> Identity {
        self.identity
    }
}

impl From<&Metadata> for State {
    fn from(metadata: &Metadata) -> Self {
        Self {
            identity: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The contents at one moment; the error is what follows "cannot read".
pub(super) fn read(path: &Path) -> Result<Contents, String> {
    try_read(path).map_err(|error| reason(&error))
}

/// The same, with the error of the system where it is one.
pub(super) fn try_read(path: &Path) -> io::Result<Contents> {
    for _ in 0..ATTEMPTS {
        if let Some(contents) = read_once(path)? {
            return Ok(contents);
        }
    }
    Err(changed())
}

pub(super) fn changed() -> io::Error {
    io::Error::other(format!(
        "it changed while it was read, {ATTEMPTS} times in a row"
    ))
}

/// None where the file changed meanwhile.
fn read_once(path: &Path) -> io::Result<Option<Contents>> {
    // Non-blocking: a FIFO must be refused, not waited for. Without becoming our terminal.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).expect("flags fit the type open takes");
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let before = file.metadata()?;
    refuse_what_is_no_file(&before)?;
    let bytes = read_bounded(&file, &before)?;
    let after = State::from(&file.metadata()?);
    let unchanged = State::from(&before) == after && bytes.len() as u64 == after.size;
    Ok(unchanged.then_some(Contents {
        bytes,
        identity: after.identity,
        state: Some(after),
    }))
}

fn refuse_what_is_no_file(metadata: &Metadata) -> io::Result<()> {
    let kind = metadata.file_type();
    if !kind.is_file() {
        let found = match () {
            () if kind.is_dir() => "a directory",
            () if kind.is_fifo() => "a FIFO",
            () if kind.is_char_device() || kind.is_block_device() => "a device",
            () => "no regular file",
        };
        let message = format!("it is {found}; it must be a regular file");
        return Err(io::Error::other(message));
    }
    if metadata.len() > LARGEST {
        let megabytes = metadata.len() >> 20;
        let message = format!("it has {megabytes} MiB; at most 64 are read");
        return Err(io::Error::other(message));
    }
    Ok(())
}

fn read_bounded(mut file: &File, metadata: &Metadata) -> io::Result<Vec<u8>> {
    let expected = usize::try_from(metadata.len()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(expected + 1);
    file.by_ref().take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifo_is_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert_eq!(
            read(&path).unwrap_err(),
            "it is a FIFO; it must be a regular file"
        );
    }

    #[test]
    fn directories_devices_and_what_is_missing_are_refused() {
        for (path, message) in [
            ("/", "it is a directory; it must be a regular file"),
            ("/dev/null", "it is a device; it must be a regular file"),
            ("/nowhere/at/all", "no such file or directory"),
            ("/dev/null/x", "not a directory"),
        ] {
            assert_eq!(read(Path::new(path)).unwrap_err(), message);
        }
    }

    #[test]
    fn a_huge_file_is_refused_before_it_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(100 << 20).unwrap();
        assert_eq!(
            read(file.path()).unwrap_err(),
            "it has 100 MiB; at most 64 are read"
        );
    }

    #[test]
    fn a_link_is_the_file_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "x").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let (direct, linked) = (read(&file).unwrap(), read(&link).unwrap());
        assert_eq!(direct.bytes, b"x");
        assert_eq!(direct.identity, linked.identity);
    }

    #[test]
    fn links_in_a_circle_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&link, &link).unwrap();
        assert_eq!(
            read(&link).unwrap_err(),
            "too many levels of symbolic links"
        );
    }
}

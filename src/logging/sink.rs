//! What is written to: standard error, or a file that can be opened again by its path.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::LogError;

/// An open place for log lines.
#[derive(Debug)]
pub(super) struct Sink {
    file: File,
    path: Option<PathBuf>,
}

impl Sink {
    pub(super) fn standard_error() -> Result<Self, LogError> {
        let descriptor = io::stderr().as_fd().try_clone_to_owned();
        Ok(Self {
            file: descriptor.map_err(LogError::StandardError)?.into(),
            path: None,
        })
    }

    pub(super) fn file(path: &Path) -> Result<Self, LogError> {
        Ok(Self {
            file: open(path)?,
            path: Some(path.to_owned()),
        })
    }

    /// Opens the file again by its path; there is nothing to do for standard error.
    pub(super) fn reopen(&mut self) -> Result<(), LogError> {
        if let Some(path) = &self.path {
            self.file = open(path)?;
        }
        Ok(())
    }

    /// Writes all of it, however long that takes; if that fails, tells how much was written.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), usize> {
        let mut written = 0;
        while written < bytes.len() {
            match rustix::io::write(&self.file, &bytes[written..]) {
                Ok(0) => return Err(written),
                Ok(more) => written += more,
                Err(Errno::INTR) => {}
                // Whoever shares our standard error can make it non-blocking under our hands.
                Err(Errno::AGAIN) => self.wait(),
                Err(_) => return Err(written),
            }
        }
        Ok(())
    }

    fn wait(&self) {
        let mut room = [PollFd::new(&self.file, PollFlags::OUT)];
        // Whatever it says, the next write says it better.
        let _ = poll(&mut room, None);
    }

    #[cfg(test)]
    pub(super) fn pipe(writer: std::os::fd::OwnedFd) -> Self {
        Self {
            file: writer.into(),
            path: None,
        }
    }
}

fn open(path: &Path) -> Result<File, LogError> {
    // Not blocking, for a FIFO without a reader would hold us up; on a regular file it means nothing.
    let flags = OFlags::WRONLY
        | OFlags::CREATE
        | OFlags::APPEND
        | OFlags::CLOEXEC
        | OFlags::NONBLOCK
        | OFlags::NOCTTY;
    let failed = |error| LogError::File {
        path: path.to_owned(),
        error,
    };
    match rustix::fs::open(path, flags, Mode::from_raw_mode(0o640)) {
        Ok(descriptor) => {
            let file = File::from(descriptor);
            let is_file = file.metadata().map_err(failed)?.is_file();
            is_file
                .then_some(file)
                .ok_or_else(|| LogError::NotRegular(path.to_owned()))
        }
        // A directory; a FIFO that nobody reads; a socket.
        Err(Errno::ISDIR | Errno::NXIO) => Err(LogError::NotRegular(path.to_owned())),
        Err(error) => Err(failed(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_file_is_not_for_everybody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hupd.log");
        Sink::file(&path).unwrap().write(b"line\n").unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o037, 0);
    }

    #[test]
    fn what_is_there_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hupd.log");
        std::fs::write(&path, "before\n").unwrap();
        Sink::file(&path).unwrap().write(b"after\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before\nafter\n");
    }

    #[test]
    fn only_regular_files_are_taken_and_nothing_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for path in [folder.path(), &fifo, Path::new("/dev/null")] {
            let error = Sink::file(path).unwrap_err();
            assert!(matches!(error, LogError::NotRegular(_)), "{error}");
        }
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = Sink::file(Path::new("/nonexistent/hupd.log")).unwrap_err();
        let start = "/nonexistent/hupd.log: cannot be opened as the log: no such file";
        assert!(error.to_string().starts_with(start), "{error}");
    }

    #[test]
    fn a_full_disk_and_a_reader_that_is_gone_are_told_apart_from_success() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(Sink::pipe(full.into()).write(b"line\n"), Err(0));
        let (_, writer) = rustix::pipe::pipe().unwrap();
        assert_eq!(Sink::pipe(writer).write(b"line\n"), Err(0));
    }
}

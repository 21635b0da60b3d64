//! Why changes cannot be watched, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::reason::reason;

/// Why not all changes are told.
#[derive(Debug)]
pub enum WatchError {
    /// The user has no more watches.
    TooManyWatches(PathBuf),
    /// The user has no more watchers.
    TooManyWatchers,
    Failed {
        path: PathBuf,
        reason: String,
    },
    /// It can be watched, and tells nothing of what other machines do.
    Silent {
        folder: PathBuf,
        file_system: &'static str,
    },
}

impl WatchError {
    pub(super) fn from_notify(error: notify::Error, path: &Path) -> Self {
        let path = path.to_owned();
        match error.kind {
            notify::ErrorKind::MaxFilesWatch => Self::TooManyWatches(path),
            notify::ErrorKind::Io(error) if error.raw_os_error() == Some(libc::EMFILE) => {
                Self::TooManyWatchers
            }
            notify::ErrorKind::Io(error) => Self::Failed {
                path,
                reason: reason(&error),
            },
            kind => Self::Failed {
                path,
                reason: notify::Error::new(kind).to_string(),
            },
        }
    }

    pub(super) fn of(error: Errno, path: &Path) -> Self {
        match error {
            Errno::NOSPC => Self::TooManyWatches(path.to_owned()),
            Errno::MFILE => Self::TooManyWatchers,
            error => Self::Failed {
                path: path.to_owned(),
                reason: reason(&error.into()),
            },
        }
    }
}

impl fmt::Display for WatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyWatches(path) => write!(
                f,
                "{}: cannot be watched: no more watches for this user; \
                 raise the sysctl fs.inotify.max_user_watches",
                path.display()
            ),
            Self::TooManyWatchers => f.write_str(
                "cannot watch files: no more watchers for this user or no more open files; \
                 raise the sysctl fs.inotify.max_user_instances",
            ),
            Self::Failed { path, reason } => {
                write!(f, "{}: cannot be watched: {reason}", path.display())
            }
            Self::Silent {
                folder,
                file_system,
            } => write!(
                f,
                "{}: is on {file_system}, which does not tell of what others change there",
                folder.display()
            ),
        }
    }
}

impl std::error::Error for WatchError {}

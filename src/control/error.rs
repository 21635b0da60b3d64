//! Why there is no socket.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why the socket cannot be made: its path first.
#[derive(Debug)]
pub struct ControlError {
    path: PathBuf,
    reason: String,
}

impl ControlError {
    pub(super) fn new(path: &Path, reason: impl fmt::Display) -> Self {
        Self {
            path: path.to_path_buf(),
            reason: reason.to_string(),
        }
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for ControlError {}

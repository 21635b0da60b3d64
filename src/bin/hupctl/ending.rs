//! How hupctl ends: its exit status, and the sentence for a failure.

use std::fmt;
use std::io;
use std::path::PathBuf;

use hupd::control::client::ClientError;
use hupd::reason::reason;

/// The exit status of a command that could be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Done,
    /// What was asked for failed: a refused reload, a failed run.
    Failed,
    InvalidConfiguration,
}

impl Ending {
    pub fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::InvalidConfiguration => 78,
        }
    }
}

/// Why a command could not be carried out.
#[derive(Debug)]
pub enum Failure {
    Client(ClientError),
    /// The file that was named cannot be read, so nobody knows which hupd is meant.
    File(PathBuf, io::Error),
    /// An argument means nothing.
    Usage(String),
    Output(io::Error),
}

const USAGE: u8 = 2;
const UNAVAILABLE: u8 = 69;
const NOT_ALLOWED: u8 = 77;

impl Failure {
    pub fn status(&self) -> u8 {
        match self {
            Self::Client(ClientError::NobodyThere(_) | ClientError::NoAnswer(_)) => UNAVAILABLE,
            Self::Client(ClientError::NoAccess(_)) => NOT_ALLOWED,
            Self::Client(ClientError::Refused(failure)) => match failure.status.as_u16() {
                403 => NOT_ALLOWED,
                503 => UNAVAILABLE,
                _ => 1,
            },
            Self::Client(ClientError::NotUnderstood(_)) | Self::Output(_) => 1,
            Self::Usage(_) => USAGE,
            Self::File(..) => Ending::InvalidConfiguration.status(),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) => error.fmt(f),
            Self::File(path, error) => {
                let (file, reason) = (path.display(), reason(error));
                write!(
                    f,
                    "{file}: cannot be read: {reason}; \
                     name the file of the hupd that is meant, or its socket with --socket"
                )
            }
            Self::Usage(message) => f.write_str(message),
            Self::Output(error) => write!(f, "standard output: {error}"),
        }
    }
}

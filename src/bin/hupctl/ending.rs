//! How hupctl ends: its exit status, and the sentence for a failure.

use std::fmt;
use std::io;
use std::path::PathBuf;

use hupd::control::client::ClientError;
use hupd::protocol::RunRow;
use hupd::run::Signal;

/// The exit status of a command that could be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Done,
    /// What was asked for failed: a refused reload, a failed run.
    Failed,
    InvalidConfiguration,
    /// It is done, but not on record.
    NotRecorded,
    /// Of a run that was waited for, and failed.
    OfRun(u8),
}

/// What a shell adds to the number of a signal.
const BY_SIGNAL: i32 = 128;

impl Ending {
    pub fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::InvalidConfiguration => INVALID_CONFIGURATION,
            Self::NotRecorded => NOT_RECORDED,
            Self::OfRun(status) => status,
        }
    }

    /// As the run ended, as far as a status can say it and says nothing else.
    pub fn of_run(run: &RunRow) -> Self {
        if run.success == Some(true) {
            return Self::Done;
        }
        let signal = run.signal.as_deref().and_then(signal_number);
        let status = run.exit_code.or(signal.map(|number| BY_SIGNAL + number));
        match status.and_then(|status| u8::try_from(status).ok()) {
            None | Some(0 | USAGE | UNAVAILABLE | NOT_ALLOWED | INVALID_CONFIGURATION) => {
                Self::Failed
            }
            Some(status) => Self::OfRun(status),
        }
    }
}

fn signal_number(name: &str) -> Option<i32> {
    let named = Signal::from_name(name).map(Signal::number);
    named.or_else(|| name.parse().ok())
}

/// Why a command could not be carried out.
#[derive(Debug)]
pub enum Failure {
    Client(ClientError),
    /// The file that was named does not say where its hupd is, and why, so nobody knows which one is meant.
    File(PathBuf, String),
    /// An argument means nothing.
    Usage(String),
    Output(io::Error),
}

const USAGE: u8 = 2;
const UNAVAILABLE: u8 = 69;
const NOT_RECORDED: u8 = 74;
const NOT_ALLOWED: u8 = 77;
const INVALID_CONFIGURATION: u8 = 78;

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
            Self::File(path, why) => {
                let file = path.display();
                write!(
                    f,
                    "{file}: {why}; name the file of the hupd that is meant, or its socket with --socket"
                )
            }
            Self::Usage(message) => f.write_str(message),
            Self::Output(error) => write!(f, "standard output: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::tests::ended;

    #[test]
    fn the_help_names_every_status() {
        let help = crate::arguments::EXIT_STATUS;
        let own = [
            USAGE,
            UNAVAILABLE,
            NOT_RECORDED,
            NOT_ALLOWED,
            INVALID_CONFIGURATION,
        ];
        for status in [0, 1].into_iter().chain(own) {
            let named = help
                .split([' ', '\n'])
                .any(|word| word == status.to_string());
            assert!(named, "{status}");
        }
    }

    #[test]
    fn a_run_gives_its_own_status_unless_that_means_something_else() {
        let status = |outcome: &str, exit_code: Option<i32>, signal: Option<&str>| {
            let run = RunRow {
                exit_code,
                signal: signal.map(str::to_owned),
                ..ended(17, outcome)
            };
            Ending::of_run(&run).status()
        };
        assert_eq!(status("exited 0", Some(0), None), 0);
        for code in [1, 3, 68, 70, 126, 127, 255] {
            let own = u8::try_from(code).unwrap();
            assert_eq!(status("exited", Some(code), None), own);
        }
        for code in [2, 69, 77, 78] {
            assert_eq!(status("exited", Some(code), None), 1);
        }
        assert_eq!(status("killed by TERM", None, Some("TERM")), 143);
        assert_eq!(status("killed by KILL", None, Some("KILL")), 137);
        assert_eq!(status("killed by 34", None, Some("34")), 162);
        assert_eq!(status("timed out", None, None), 1);
        assert_eq!(status("could not start: x", None, None), 1);
    }
}

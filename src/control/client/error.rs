//! Why a client has no answer, for people and for programs.

use std::fmt;

use hyper::StatusCode;

use crate::control::failure::Failure;

/// Why there is no answer.
#[derive(Debug)]
pub enum ClientError {
    /// Nobody listens there, and why.
    NobodyThere(String),
    /// The socket itself may not be used.
    NoAccess(String),
    /// hupd answered that it does not do that.
    Refused(Failure),
    /// It listens, and gives no answer.
    NoAnswer(String),
    /// It answered something that this client does not understand.
    NotUnderstood(String),
}

impl ClientError {
    /// It in the form in which the socket tells its refusals.
    pub fn to_json(&self) -> Vec<u8> {
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        let message = self.to_string();
        match self {
            Self::NobodyThere(_) => Failure::new(unavailable, "no_daemon", message).to_json(),
            Self::NoAccess(_) => Failure::not_allowed(message).to_json(),
            Self::Refused(failure) => failure.to_json(),
            Self::NoAnswer(_) => Failure::new(unavailable, "no_answer", message).to_json(),
            Self::NotUnderstood(_) => {
                Failure::new(StatusCode::BAD_GATEWAY, "not_understood", message).to_json()
            }
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyThere(message)
            | Self::NoAccess(message)
            | Self::NoAnswer(message)
            | Self::NotUnderstood(message) => f.write_str(message),
            Self::Refused(failure) => f.write_str(&failure.message),
        }
    }
}

impl std::error::Error for ClientError {}

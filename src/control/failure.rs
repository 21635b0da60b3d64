//! What goes wrong with a request, as status and as JSON.

use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::config::visible;
use crate::protocol::{Refusal, RefusalKind};

/// Why a request was not granted: a status for HTTP, a word for programs, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub status: StatusCode,
    pub kind: String,
    /// One line, whatever of a request it repeats.
    pub message: String,
    /// The method that is allowed instead, for the `Allow` header.
    pub(super) allow: Option<&'static str>,
}

/// `{"error":{"kind":"not_found","message":"…"}}`
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ErrorBody {
    pub error: ErrorText,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ErrorText {
    pub kind: String,
    pub message: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, kind: &str, message: impl AsRef<str>) -> Self {
        Self {
            status,
            kind: kind.to_owned(),
            message: visible(message.as_ref()),
            allow: None,
        }
    }

    pub(super) fn method_not_allowed(method: &Method, allow: &'static str) -> Self {
        let message = format!("method {method} is not allowed here, {allow} is");
        Self {
            allow: Some(allow),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                message,
            )
        }
    }

    pub(super) fn bad_request(message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(super) fn not_allowed(message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "not_allowed", message)
    }

    pub(super) fn unavailable(message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    /// The JSON of it.
    pub fn to_json(&self) -> Vec<u8> {
        let body = ErrorBody {
            error: ErrorText {
                kind: self.kind.clone(),
                message: self.message.clone(),
            },
        };
        let mut json = serde_json::to_vec(&body).expect("two strings are always JSON");
        json.push(b'\n');
        json
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let (status, kind) = match refusal.kind {
            RefusalKind::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            RefusalKind::NotAllowed => (StatusCode::FORBIDDEN, "not_allowed"),
            RefusalKind::Conflict => (StatusCode::CONFLICT, "conflict"),
            RefusalKind::BadRequest => (StatusCode::BAD_REQUEST, "bad_request"),
            RefusalKind::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        };
        Self::new(status, kind, refusal.message)
    }
}

//! Jobs, and when they run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::WaitingRow;
use crate::run::RunId;

/// One line of `hupctl list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRow {
    pub job: String,
    pub description: String,
    pub enabled: bool,
    /// As written: `30 2 * * *`, `every 15m`, or empty.
    pub timing: String,
    pub timezone: String,
    pub command: Vec<String>,
    pub next: Option<Timestamp>,
    pub running: Vec<RunId>,
    pub waiting: Vec<WaitingRow>,
    /// How its last run since the start of hupd ended.
    pub last_outcome: Option<String>,
    pub last_ended_at: Option<Timestamp>,
}

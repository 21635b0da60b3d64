//! Jobs, and when they run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{HangingRow, RunRow, Usual, WaitingRow};
use crate::forecast::NextRow;
use crate::run::RunId;

/// All that is known of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobDetails {
    #[serde(flatten)]
    pub job: JobRow,
    pub generation: u64,
    pub generation_since: Timestamp,
    pub policies: Vec<PolicyRow>,
    pub coming: Vec<NextRow>,
    /// Newest first.
    pub runs: Vec<RunRow>,
    pub usual: Usual,
}

/// One key of a job, in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyRow {
    pub key: String,
    /// As a file says it.
    pub value: String,
    /// What it is where no file says anything.
    pub default: String,
}

/// Which job is to be paused, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PauseRequest {
    pub job: String,
    /// Until it is resumed where nothing is said.
    pub until: Option<Timestamp>,
    pub reason: Option<String>,
}

/// One line of `hupctl list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRow {
    pub job: String,
    pub description: String,
    pub enabled: bool,
    pub paused: Option<PauseRow>,
    /// As written: `30 2 * * *`, `every 15m`, or empty.
    pub timing: String,
    pub timezone: String,
    pub command: Vec<String>,
    pub next: Option<Timestamp>,
    pub running: Vec<RunId>,
    pub waiting: Vec<WaitingRow>,
    /// The start that was given up and has not come back, if there is one.
    pub hanging: Option<HangingRow>,
    /// How its last run since the start of hupd ended.
    pub last_outcome: Option<String>,
    pub last_ended_at: Option<Timestamp>,
}

/// The pause of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PauseRow {
    pub since: Timestamp,
    /// When it ends by itself, if it does.
    pub until: Option<Timestamp>,
    pub by: String,
    /// Empty where nobody gave one.
    pub reason: String,
}

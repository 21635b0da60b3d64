//! Runs, and what they wrote.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Shortage, Usual};
use crate::run::{Output, RunId, Survivor, Trigger};

/// `hupctl runs`, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Runs {
    pub runs: Vec<RunRow>,
    /// What is usual for the job; none where none was named.
    pub usual: Option<Usual>,
}

/// All that is known of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunDetails {
    #[serde(flatten)]
    pub run: RunRow,
    /// When it was due, in the job's own zone, with offset: RFC 3339.
    pub scheduled_local: String,
    pub claimed_at: Timestamp,
    /// Since when its process is being made: while it is, and where that was given up until it has come back.
    pub starting_since: Option<Timestamp>,
    /// While there is nothing to make its process of.
    #[serde(default)]
    pub shortage: Option<Shortage>,
    /// From when it was due to its start.
    pub late_seconds: Option<f64>,
    /// What the ledger says of it besides: why it is late, for one.
    pub reason: Option<String>,
    pub output_kept_bytes: u64,
    pub output_lost_bytes: u64,
    /// Its attempts that failed and were followed by another one, the first one first.
    pub attempts: Vec<RunRow>,
    pub usual: Usual,
}

/// One run, of `hupctl runs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    pub run: RunId,
    pub job: String,
    pub trigger: Trigger,
    pub scheduled_for: Timestamp,
    pub generation: u64,
    pub pid: Option<i32>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// None while it runs.
    pub outcome: Option<String>,
    pub exit_code: Option<i32>,
    pub signal: Option<String>,
    /// Why hupd stopped it: "time limit", "request", "shutdown", "replaced by run N", "configuration".
    pub stopped_by: Option<String>,
    pub duration_seconds: Option<f64>,
    pub cpu_seconds: Option<f64>,
    /// None where the kernel cannot tell it from hupd's own.
    pub peak_memory_bytes: Option<u64>,
    pub output_bytes: Option<u64>,
    /// What else is worth knowing: of a run whose end nobody saw, what is known of it all the same.
    pub note: Option<String>,
    /// What is left of it although hupd stopped it.
    #[serde(default)]
    pub survivors: Vec<Survivor>,
    /// Whether its outcome is what its job calls a success; none while it runs.
    pub success: Option<bool>,
    /// The attempt that the row tells of, the last one.
    pub attempt: u32,
    /// When its next attempt comes, while it waits for that.
    pub next_attempt_at: Option<Timestamp>,
}

/// Whose output is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputOf {
    Run(RunId),
    /// One attempt of a run.
    Attempt(RunId, u32),
    /// The newest run of a job.
    LastOf(String),
}

/// The output of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputRow {
    pub run: RunId,
    pub output: Output,
    pub is_running: bool,
}

//! Runs, and what they wrote.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::run::{Output, RunId, Trigger};

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
    /// Why hupd stopped it: "time limit", "request", "shutdown".
    pub stopped_by: Option<String>,
    pub duration_seconds: Option<f64>,
    pub cpu_seconds: Option<f64>,
    /// None where the kernel cannot tell it from hupd's own.
    pub peak_memory_bytes: Option<u64>,
    pub output_bytes: Option<u64>,
}

/// Whose output is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputOf {
    Run(RunId),
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

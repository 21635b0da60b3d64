//! What a client may ask and what it is answered: the JSON of the control interface.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::forecast::Forecast;
pub use crate::forecast::{Chart, ChartFilter, ChartRow, NextFilter, NextRow, NextRows};
use crate::run::{RunId, Trigger};

/// What a client may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Status,
    Jobs,
    Next(NextFilter),
    Chart(ChartFilter),
    Run { job: String, patience: Patience },
    Runs(RunFilter),
    Output(OutputOf),
    Why(WhyFilter),
    Kill { run: RunId },
    Reload,
    Stop,
}

impl Request {
    /// Whether it changes anything: such requests are for root and the daemon's own user.
    pub fn changes_something(&self) -> bool {
        match self {
            Self::Status
            | Self::Jobs
            | Self::Next(_)
            | Self::Chart(_)
            | Self::Runs(_)
            | Self::Output(_)
            | Self::Why(_) => false,
            Self::Run { .. } | Self::Kill { .. } | Self::Reload | Self::Stop => true,
        }
    }
}

/// What the client of a `run` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    UntilAccepted,
    UntilEnded,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    pub job: Option<String>,
    /// Only runs that ended otherwise than `exited 0`.
    pub failed: bool,
    pub limit: usize,
}

/// Whose output is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputOf {
    Run(RunId),
    /// The newest run of a job.
    LastOf(String),
}

/// What became of which occurrences is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyFilter {
    pub job: String,
    /// As it was written: what it means depends on the zone of the job. The newest ones where nothing is said.
    pub at: Option<String>,
}

/// What a client is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Status(Status),
    Jobs(Vec<JobRow>),
    Next(NextRows),
    Chart(Chart),
    /// What is asked is still to be found in this: by whoever writes the answer, for the loop has no time.
    NextOf(Forecast, NextFilter),
    ChartOf(Forecast, ChartFilter),
    /// A requested run that was accepted, or has ended where the client waited for that.
    Run(RunRow),
    Runs(Vec<RunRow>),
    Output(OutputRow),
    Why(Box<Why>),
    /// The stop signal was sent to that run; or it waited for a place and will not start, then it
    /// has ended without an outcome.
    Kill(RunRow),
    Reload(Verdict),
    Stop(Status),
    Refused(Refusal),
}

/// Why a request was not granted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    pub kind: RefusalKind,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// No such job or run (404).
    NotFound,
    /// The caller may not do that (403).
    NotAllowed,
    /// It is not possible now: draining, already running, already ended (409).
    Conflict,
    /// The request itself is wrong (400).
    BadRequest,
    /// The daemon failed at it (500).
    Failed,
}

impl Refusal {
    pub fn new(kind: RefusalKind, message: impl fmt::Display) -> Self {
        Self {
            kind,
            message: message.to_string(),
        }
    }
}

/// `hupctl status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    pub started_at: Timestamp,
    #[serde(flatten)]
    pub phase: PhaseRow,
    pub config_file: String,
    pub generation: u64,
    pub generation_since: Timestamp,
    /// The last attempt to reload, if there was one.
    pub last_reload: Option<Verdict>,
    pub jobs: usize,
    pub disabled_jobs: usize,
    pub waiting: usize,
    pub running: Vec<RunningRow>,
    pub next: Option<NextRow>,
    /// Why the history is not being recorded, if it is not.
    pub store_failure: Option<String>,
    pub watch_config: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum PhaseRow {
    Serving,
    /// Waiting for runs to finish by themselves; their stop signals follow at that time.
    Draining {
        stop_signals_at: Timestamp,
    },
    /// The stop signals have been sent.
    Stopping,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunningRow {
    pub run: RunId,
    pub job: String,
    /// None until the process exists.
    pub pid: Option<i32>,
    pub trigger: Trigger,
    pub scheduled_for: Timestamp,
    pub started_at: Option<Timestamp>,
    /// When its time limit ends it.
    pub limit_at: Option<Timestamp>,
    /// "starting", "running", "stopping".
    pub state: String,
    pub generation: u64,
}

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
    /// How its last run since the start of hupd ended.
    pub last_outcome: Option<String>,
    pub last_ended_at: Option<Timestamp>,
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
    /// Why hupd stopped it: "time limit", "request", "shutdown".
    pub stopped_by: Option<String>,
    pub duration_seconds: Option<f64>,
    pub cpu_seconds: Option<f64>,
    /// None where the kernel cannot tell it from hupd's own.
    pub peak_memory_bytes: Option<u64>,
    pub output_bytes: Option<u64>,
}

/// The output of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputRow {
    pub run: RunId,
    pub output: crate::run::Output,
    pub is_running: bool,
}

/// What became of a reload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub at: Timestamp,
    /// `signal from pid 1, uid 0`, `hupctl from …`, `the files changed`.
    pub asked_by: String,
    pub accepted: bool,
    /// The generation in force afterwards.
    pub generation: u64,
    pub summary: String,
    /// What `hupd --check` prints for it; empty where nothing is to be said.
    pub problems: String,
    pub problem_count: usize,
    pub seconds: f64,
}

/// `hupctl why`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    pub job: String,
    pub enabled: bool,
    /// As written: `30 2 * * *`, `every 15m`, or empty.
    pub timing: String,
    /// That of the job.
    pub timezone: String,
    pub generation: u64,
    pub generation_since: Timestamp,
    pub started_at: Timestamp,
    /// The oldest instant of any job of which the ledger knows.
    pub oldest_kept: Option<Timestamp>,
    /// What the time means that was asked for: two where it comes twice, none where none was asked for.
    pub instants: Vec<WhyInstant>,
    /// The newest occurrences, newest first, where no time was asked for.
    pub newest: Vec<OccurrenceRow>,
    /// The nearest occurrences, where at an instant there is none.
    pub before: Option<OccurrenceRow>,
    pub after: Option<OccurrenceRow>,
    pub next: Option<NextRow>,
    /// Sentences about all of it.
    pub notes: Vec<String>,
}

/// An instant that somebody asked about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhyInstant {
    pub at: Timestamp,
    /// In the job's own zone, with offset: RFC 3339.
    pub local: String,
    /// Whether the timing in force names it.
    pub named: bool,
    /// What the ledger has in its second.
    pub occurrences: Vec<OccurrenceRow>,
    /// What the clocks do then, and why there is no occurrence where there is none: sentences.
    pub notes: Vec<String>,
}

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OccurrenceRow {
    pub at: Timestamp,
    /// In the job's own zone, with offset: RFC 3339.
    pub local: String,
    pub trigger: String,
    /// `ran`, `skipped`, `missed`, or `waiting` as long as it is not decided.
    pub fate: String,
    pub reason: String,
    pub generation: u64,
    pub decided_at: Timestamp,
    pub run: Option<RunId>,
    /// What is known of its run; none where it has none, or that is not kept any more.
    pub details: Option<RunRow>,
}

//! What a client may ask and what it is answered: the JSON of the control interface.

mod confirm;
mod filter;
mod follow;
mod generations;
mod jobs;
mod runs;
mod status;
mod usual;
mod why;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::forecast::Forecast;
pub use crate::forecast::{Chart, ChartFilter, ChartRow, NextFilter, NextRow, NextRows};
use crate::plan::InForce;
use crate::run::RunId;

pub use confirm::{Because, Confirmed, Degraded, Unconfirmed};
pub use filter::{OUTCOMES, OutcomeFilter, RunFilter};
pub use follow::{FollowRow, Written, base64};
pub use generations::{
    Earlier, GenerationDetails, GenerationRow, Generations, KeptFile, LiveRun, Standing,
};
pub use jobs::{JobDetails, JobRow, PauseRequest, PauseRow, PolicyRow};
pub use runs::{OutputOf, OutputRow, RunDetails, RunRow, Runs};
pub use status::{
    Awaiting, HangingRow, NoStarters, PhaseRow, Reloading, RunningRow, Shortage, Spent, Status,
    Unrecorded, Verdict, WaitingRow, Watching,
};
pub use usual::Usual;
pub use why::{OccurrenceRow, Why, WhyFilter, WhyInstant};

/// What a client may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Status,
    /// All that is in force, key by key, for a plan.
    InForce,
    Jobs,
    Next(NextFilter),
    Chart(ChartFilter),
    Run {
        job: String,
        patience: Patience,
    },
    /// The same, and what it writes, until it is over: the answer is that to a [`Request::Follow`].
    RunFollowed {
        job: String,
    },
    Runs(RunFilter),
    ShowRun(RunId),
    ShowJob(String),
    /// So many of the newest starts and reloads.
    Generations(usize),
    ShowGeneration(u64),
    Output(OutputOf),
    /// The output, and what comes, until the run is over.
    Follow(OutputOf),
    Why(WhyFilter),
    Kill {
        run: RunId,
    },
    Pause(PauseRequest),
    Resume {
        job: String,
    },
    /// With a time within which somebody has to confirm it, or else it is taken back.
    Reload {
        confirm_within: Option<Duration>,
    },
    Confirm,
    Rollback(Earlier),
    Stop,
}

impl Request {
    /// Whether it is for root and the daemon's own user alone: what changes anything, and what tells values that nobody
    /// else may read, or whether they are the same.
    pub fn is_for_owners(&self) -> bool {
        self.changes_something() || matches!(self, Self::InForce | Self::ShowGeneration(_))
    }

    /// Whether it changes anything.
    pub fn changes_something(&self) -> bool {
        match self {
            Self::Status
            | Self::InForce
            | Self::Jobs
            | Self::Next(_)
            | Self::Chart(_)
            | Self::Runs(_)
            | Self::ShowRun(_)
            | Self::ShowJob(_)
            | Self::Generations(_)
            | Self::ShowGeneration(_)
            | Self::Output(_)
            | Self::Follow(_)
            | Self::Why(_) => false,
            Self::Run { .. }
            | Self::RunFollowed { .. }
            | Self::Kill { .. }
            | Self::Pause(_)
            | Self::Resume { .. }
            | Self::Reload { .. }
            | Self::Confirm
            | Self::Rollback(_)
            | Self::Stop => true,
        }
    }
}

/// What the client of a `run` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    UntilAccepted,
    UntilEnded,
}

/// What a client is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Status(Status),
    Jobs(Vec<JobRow>),
    /// A job that was paused or resumed, as it is now.
    Job(Box<JobRow>),
    Next(NextRows),
    Chart(Chart),
    /// What is asked is still to be found in this: by whoever writes the answer, for the loop has no time.
    NextOf(Forecast, NextFilter),
    ChartOf(Forecast, ChartFilter),
    /// What is in force: whoever writes the answer goes through the jobs.
    InForceOf(Arc<InForce>),
    /// A requested run that was accepted, or has ended where the client waited for that.
    Run(RunRow),
    Runs(Runs),
    ShowRun(Box<RunDetails>),
    ShowJob(Box<JobDetails>),
    Generations(Generations),
    ShowGeneration(Box<GenerationDetails>),
    Output(OutputRow),
    Why(Box<Why>),
    /// The stop signal was sent to that run; or it waited for a place and will not start, then it
    /// has ended without an outcome.
    Kill(RunRow),
    Reload(Verdict),
    Confirm(Confirmed),
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

//! What runs and waits of a job now.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::run::RunId;

/// What there is of a job besides its definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Live {
    pub runs: Vec<LiveRun>,
    /// Occurrences that wait for a place or a turn, by the number that their runs will have.
    pub waiting: Vec<RunId>,
    /// Of these, those that somebody asked for.
    pub requested: Vec<RunId>,
    /// Those that wait for their own time, by their jitter.
    pub delayed: Vec<RunId>,
    /// Of those that wait, those that are late and take turns.
    pub late: Vec<RunId>,
    /// The run whose start was given up and has not come back.
    pub hangs: Option<RunId>,
    /// Whether it is paused.
    pub paused: bool,
    /// When its pause ends by itself, if it does.
    pub paused_until: Option<Timestamp>,
}

/// A run that is not over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveRun {
    pub run: RunId,
    pub generation: u64,
    /// Those that it is in the way of, by what it began as and by what its job is now.
    pub groups: Vec<String>,
    /// Whether it waits for its next attempt.
    pub rests: bool,
    /// Whether somebody asked for it.
    pub requested: bool,
}

impl Live {
    /// All that wait, for whatever it is.
    pub fn all_waiting(&self) -> impl Iterator<Item = &RunId> {
        self.waiting.iter().chain(&self.delayed)
    }

    /// Those that wait for a place or a turn and are not late.
    pub fn waiting_in_time(&self) -> impl Iterator<Item = RunId> {
        let waiting = self.waiting.iter().copied();
        waiting.filter(|run| !self.late.contains(run))
    }

    /// All that wait and are not late.
    pub fn earlier(&self) -> impl Iterator<Item = RunId> {
        self.waiting_in_time().chain(self.delayed.iter().copied())
    }
}

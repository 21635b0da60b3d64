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
}

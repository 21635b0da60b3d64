//! What hupd is doing, and what became of a reload.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Because, Degraded, Unconfirmed};
use crate::forecast::NextRow;
use crate::run::{RunId, Trigger};

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
    /// The generation whose kept text is in force in place of the file on disk, if it is.
    pub text_of: Option<u64>,
    /// Why that is so.
    pub text_because: Option<Because>,
    /// What a person has to mend, while it has to be.
    #[serde(default)]
    pub degraded: Option<Degraded>,
    /// What has to be confirmed, while it has to be.
    pub unconfirmed: Option<Unconfirmed>,
    /// The last attempt to reload, if there was one.
    pub last_reload: Option<Verdict>,
    pub jobs: usize,
    pub disabled_jobs: usize,
    pub paused_jobs: usize,
    pub waiting: usize,
    /// Those of them that were due first.
    pub first_waiting: Vec<WaitingRow>,
    pub running: Vec<RunningRow>,
    pub next: Option<NextRow>,
    /// Why the history is not being recorded, if it is not.
    pub store_failure: Option<String>,
    /// What that comes to, as long as it lasts.
    pub unrecorded: Option<Unrecorded>,
    /// What became of a history that could not be read, in this life of hupd.
    pub history_moved: Option<String>,
    /// Whether it reloads by itself when its files change…
    pub watch_config: bool,
    /// …and how well it sees that.
    pub watching: Option<Watching>,
    /// While nobody is left to start runs.
    pub no_starters: Option<NoStarters>,
    /// Starts that were given up and have not come back, by run.
    #[serde(default)]
    pub hanging: Vec<HangingRow>,
    /// While there is no verdict yet on the reload under way.
    #[serde(flatten)]
    pub reloading: Option<Reloading>,
}

/// A reload under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloading {
    pub reloading_since: Timestamp,
    pub awaiting: Awaiting,
    /// The file that is being read, or whose text is being checked.
    pub reading: Option<String>,
}

/// What a reload under way waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaiting {
    /// What would come back is being put on record.
    Record,
    /// The history is asked for the text of a generation.
    Text,
    /// The reader is not done with the configuration before.
    Reader,
    /// A file is being read.
    File,
}

/// How changes of the files are seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "health", rename_all = "snake_case")]
pub enum Watching {
    Beginning,
    /// Every change is told at once.
    Healthy,
    /// Not all are told: the files are looked through now and then.
    Degraded {
        reason: String,
    },
}

/// All who start runs are held up, and others wait for one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoStarters {
    pub since: Timestamp,
    /// So many threads there are for that.
    pub starters: usize,
    /// Why there are not more, where that is not the bound.
    pub no_more: Option<String>,
}

/// A start that was given up and has not come back: no run of its job starts until it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HangingRow {
    pub run: RunId,
    pub job: String,
    /// When it began.
    pub since: Timestamp,
}

/// A run waits, for there was no process, no memory or no descriptor for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// What the last try came to.
    pub reason: String,
    /// When the first one was.
    pub since: Timestamp,
    /// Until then nothing is tried, unless a run ends before: then one of those that wait is.
    pub next_try_at: Timestamp,
}

/// What is not being recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unrecorded {
    pub since: Timestamp,
    /// Records that are held in memory until there is room.
    pub waiting: usize,
    /// Records that are lost for good, wholly or but for what could be done without: there were too many.
    pub lost: u64,
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
    /// Since when its process is being made, while it is.
    pub starting_since: Option<Timestamp>,
    /// Why it has none yet, while there is nothing to make it of.
    #[serde(default)]
    pub shortage: Option<Shortage>,
    /// When its time limit ends it.
    pub limit_at: Option<Timestamp>,
    /// "starting", "waiting" (for its next attempt, or no process was to be had and it is tried again), "running",
    /// "stopping".
    pub state: String,
    pub generation: u64,
    /// Its last attempt, from 1 on, and how many there may be.
    pub attempt: u32,
    pub attempts: u32,
    /// When its next attempt comes, while it waits for that.
    pub next_attempt_at: Option<Timestamp>,
}

/// An occurrence that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaitingRow {
    /// Its number, once it runs.
    pub run: RunId,
    pub job: String,
    pub trigger: Trigger,
    pub scheduled_for: Timestamp,
    /// When it starts, where it waits for that.
    pub starts_at: Option<Timestamp>,
    /// For what it waits.
    pub why: String,
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
    /// The generation whose kept text it was about, and not the file on disk.
    pub text_of: Option<u64>,
    /// Until when the generation in force has to be confirmed, if it has to be.
    pub confirm_by: Option<Timestamp>,
    pub summary: String,
    /// What `hupd --check` prints for it; empty where nothing is to be said.
    pub problems: String,
    pub problem_count: usize,
    pub seconds: f64,
    /// On what, where the hupd that tells it has seen that: it is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
}

/// The parts of a reload, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Reading the files.
    pub read: f64,
    /// From text to tables.
    pub parse: f64,
    /// From tables to a value, or to all that is wrong with them.
    pub check: f64,
    /// What is different from what was in force.
    pub diff: f64,
    /// From the one to the other, in the loop.
    pub commit: f64,
    /// How long the loop had no time for anything else.
    pub loop_held: f64,
}

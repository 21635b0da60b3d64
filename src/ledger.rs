//! What became of every occurrence: the rows that the engine decides and the store keeps, and what the
//! engine is told of claims and processes.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Moment;
use crate::run::{
    Exit, Generation, JobName, Occurrence, Outcome, Output, RunId, StopReason, Survivor, Usage,
};

/// The claim of an occurrence: written before its process is started, so that neither a crash nor a
/// reload nor a clock step can start it twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub run: RunId,
    pub occurrence: Occurrence,
    pub generation: Generation,
    /// What is worth knowing about it: "moved from 02:30 by a clock change". Empty where nothing is.
    pub reason: String,
}

/// The fate of an occurrence that has no run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is due, and waits: for a place, for its turn among what is late, for its jitter, or for the next hupd. A later
    /// claim, or another fate, replaces this.
    Waiting,
    Skipped,
    Missed,
    /// It waited, and a newer occurrence of the job has taken its place.
    Replaced,
}

/// By this the reason of a row says that it stands for more occurrences than its own, and until when.
pub const STANDS_FOR_MORE: &str = "; later ones until ";

/// One row of the ledger for an occurrence without a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub occurrence: Occurrence,
    pub generation: Generation,
    pub fate: Fate,
    pub reason: String,
    /// When it is to start, where it waits for that.
    pub starts_at: Option<Timestamp>,
}

/// An occurrence that waited when hupd ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waited {
    pub occurrence: Occurrence,
    /// When it was to start, where it waited for that.
    pub starts_at: Option<Timestamp>,
}

/// The process of a run exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStart {
    pub run: RunId,
    pub pid: i32,
    pub at: Timestamp,
    pub birth: Option<Birth>,
}

/// By what a process is known again, for its number passes to others: they all begin later than this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Birth {
    /// In which boot of the machine it was, and in which of its pid namespaces.
    pub boot: u64,
    /// It had begun by then, since that boot: on CLOCK_BOOTTIME, which counts the sleep of the machine, as the kernel
    /// counts where it says when a process began; see `starttime` in proc_pid_stat(5).
    pub by: Duration,
    /// The same moment on the clock of all time limits, [`Moment::elapsed`]: CLOCK_MONOTONIC, which does not count that
    /// sleep, is the same for all processes of a boot; see clock_gettime(2).
    pub elapsed: Duration,
    /// Where it and all that it starts live, if they have a place of their own.
    pub home: Option<Home>,
}

/// The cgroup of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    pub path: Arc<Path>,
    /// Of its folder: another cgroup that gets the path later has another one.
    pub inode: u64,
}

/// A run that was open when an earlier hupd ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRun {
    pub run: RunId,
    pub occurrence: Occurrence,
    pub generation: Generation,
    /// Its last attempt.
    pub attempt: u32,
    /// None where it was not started, as far as is known.
    pub start: Option<RunStart>,
}

impl OpenRun {
    /// One that has just been claimed.
    pub fn of(claim: &Claim) -> Self {
        Self {
            run: claim.run,
            occurrence: claim.occurrence.clone(),
            generation: claim.generation,
            attempt: 1,
            start: None,
        }
    }
}

/// What there still is of such a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remains {
    Nothing,
    /// Nothing that can be seen, but not everything can.
    Unseen,
    /// Its process, which is so old, without the sleep of the machine.
    Process(Duration),
    /// Its process has ended, or was never known; these of it go on.
    Others(Vec<Survivor>),
}

/// A run that is over, and nobody saw how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub run: RunId,
    /// When hupd found that out.
    pub at: Timestamp,
    pub stopped_by: Option<StopReason>,
    /// What is known of it all the same.
    pub note: String,
    /// What is left of it all the same.
    pub survivors: Vec<Survivor>,
}

/// A run has ended, or never came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    pub run: RunId,
    pub at: Timestamp,
    pub duration: Duration,
    pub outcome: Outcome,
    /// Whether that is what its job calls a success.
    pub success: bool,
    /// Why hupd ended it, where it did.
    pub stopped_by: Option<StopReason>,
    pub usage: Usage,
    pub output: Output,
    /// What is left of it although hupd stopped it.
    pub survivors: Vec<Survivor>,
}

impl RunEnd {
    /// The end of a run whose process never was.
    pub fn unmade(run: RunId, outcome: Outcome, at: Timestamp) -> Self {
        Self {
            run,
            at,
            duration: Duration::ZERO,
            outcome,
            success: false,
            stopped_by: None,
            usage: Usage::default(),
            output: Output::default(),
            survivors: Vec::new(),
        }
    }
}

/// An attempt of a run has failed, and another one follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub end: RunEnd,
    pub attempt: u32,
    /// So many there are in all, if the next ones fail as well.
    pub attempts: u32,
    /// How long until the next one, and when that is on the clock on the wall.
    pub delay: Duration,
    pub next_at: Timestamp,
}

/// The next attempt of a run: written before its process is started, so that a crash cannot start it twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextAttempt {
    pub run: RunId,
    pub attempt: u32,
    pub generation: Generation,
}

/// A run that waited for its next attempt when hupd ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resting {
    pub occurrence: Occurrence,
    /// Its last attempt, and how that ended; its output is in the store.
    pub attempt: u32,
    pub end: RunEnd,
    /// How long it was to wait, and until when on the clock on the wall.
    pub delay: Duration,
    pub next_at: Timestamp,
}

/// From where the intervals of a job are counted, so that they keep their phase over a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    pub job: JobName,
    pub every: Duration,
    pub at: Timestamp,
}

/// A job that is not due by itself for a while, because somebody wants that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub job: JobName,
    pub since: Timestamp,
    /// When it ends by itself, if it does.
    pub until: Option<Timestamp>,
    /// Who wants it.
    pub by: String,
    /// Why. Empty where nobody said so.
    pub reason: String,
}

impl Pause {
    /// `by hupctl from pid 17, uid 0: disk is being replaced`
    pub fn by_whom(&self) -> String {
        match &*self.reason {
            "" => format!("by {}", self.by),
            reason => format!("by {}: {reason}", self.by),
        }
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the job was paused, {}", self.by_whom())
    }
}

/// What became of a claim in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimVerdict {
    pub run: RunId,
    pub claimed: Claimed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is in the ledger, or could not be written and must run all the same.
    Yes,
    /// The ledger has this occurrence already: it must not run again.
    AlreadyThere,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    pub run: RunId,
    pub pid: i32,
    pub at: Moment,
    pub birth: Option<Birth>,
}

/// A run that an earlier hupd had started is over. How it ended only its parent could know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    pub run: RunId,
    /// Whether a signal of ours reached it before its end.
    pub was_signalled: bool,
    /// What is left of it.
    pub survivors: Vec<Survivor>,
}

/// Why the process of a run could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoStart {
    /// For what the run is: another try would end alike.
    Refused(String),
    /// For want of processes, memory or descriptors: there may be some later.
    Shortage(String),
    /// It took too long to come to its turn.
    NoTurn(String),
    /// It took too long. Nothing comes of it any more, but it has not come back.
    GivenUp(String),
}

impl From<String> for NoStart {
    fn from(reason: String) -> Self {
        Self::Refused(reason)
    }
}

/// A process of ours has ended and is reaped.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub run: RunId,
    pub exit: Exit,
    /// Whether a signal of ours reached it before its end.
    pub was_signalled: bool,
    pub usage: Usage,
    pub output: Output,
    /// What is left of it although a signal of ours reached it.
    pub survivors: Vec<Survivor>,
    pub at: Moment,
}

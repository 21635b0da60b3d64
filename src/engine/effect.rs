//! What the engine wants done: plain, comparable data. The daemon performs it.

use std::sync::Arc;

use jiff::Timestamp;

use crate::config::Job;
use crate::ledger::{Anchor, Claim, Entry, Failed, Loss, NextAttempt, Pause, RunEnd, RunStart};
use crate::run::{Generation, JobName, Occurrence, RunId, Signal, StopReason};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write the claim into the ledger; `Engine::claimed` is told the verdict.
    Claim(Claim),
    /// Start the process of a claimed run.
    Start(Start),
    /// The start of a run takes too long: end it, and `Engine::could_not_start` is told. Where there is a process already,
    /// that is told instead.
    GiveUpStart {
        job: JobName,
        run: RunId,
    },
    /// Send a signal to the whole process group of a run.
    Signal(Send),
    /// Write the fate of an occurrence that does not run.
    Record(Entry),
    RecordStart(RunStart),
    RecordEnd {
        job: JobName,
        end: RunEnd,
    },
    /// The run of an earlier hupd is over.
    RecordLoss {
        job: JobName,
        loss: Loss,
    },
    /// The run of an earlier hupd is not over, as this note says.
    RecordNote {
        job: JobName,
        run: RunId,
        note: String,
    },
    /// HUP that went to hupd as well has ended a run, or an attempt of it, as this note says.
    RecordHangup {
        job: JobName,
        run: RunId,
        note: String,
    },
    /// Another attempt follows.
    RecordFailed {
        job: JobName,
        failed: Failed,
    },
    /// Write down that the next attempt begins; `Engine::claimed` is told when that is done.
    ClaimAttempt(NextAttempt),
    /// A run that waited for its next attempt ends with what its last one came to.
    EndRest {
        job: JobName,
        end: RunEnd,
        /// Why, where nobody has stopped it.
        note: Option<String>,
    },
    /// A run that waits for its next attempt is left to the next hupd.
    PutOff {
        job: JobName,
        run: RunId,
    },
    RecordAnchor(Anchor),
    /// The job is gone, and its interval is counted anew should it come back.
    ForgetAnchor(JobName),
    /// By what a job is due from now on, so that the next hupd knows what it has missed; none where it is not due by
    /// itself any more.
    RecordTiming(JobName, Option<String>),
    /// A job is paused, or its pause has changed.
    RecordPause(Pause),
    /// It is not paused any more.
    ForgetPause(JobName),
    /// All that was due by then is decided, by the effects before this.
    RecordDecided(Timestamp),
}

/// All that is needed to start one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub run: RunId,
    pub job: Arc<Job>,
    pub occurrence: Occurrence,
    pub attempt: u32,
    pub generation: Generation,
}

/// A signal for the process group of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    pub run: RunId,
    pub job: JobName,
    pub signal: Signal,
    pub why: StopReason,
}

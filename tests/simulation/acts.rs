//! What hupd is told and what it does, as plain data: for checking, and for people who read a trace.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hupd::clock::Moment;
use hupd::event::{ClaimVerdict, Claimed, Ended, Gone, Started};
use hupd::ledger::Fate;
use hupd::protocol::Earlier;
use hupd::run::{Exit, Generation, JobName, Occurrence, Outcome, RunId, Signal, StopReason};
use hupd::store::Record;
use jiff::Timestamp;

use super::jobs::FileSpec;

/// What hupd was told in one turn of its loop.
#[derive(Clone, Debug)]
pub enum Told {
    /// It has begun to serve.
    Begin,
    Due,
    ClockSet,
    Stop,
    StopNow,
    Hangup,
    FilesChanged,
    /// The file in its version, or that there is none that is right.
    Loaded(Option<Arc<FileSpec>>),
    Claimed(Vec<ClaimVerdict>),
    StoreFailed,
    StoreOwes,
    StoreRecovered,
    Started(Started),
    CouldNotStart(RunId),
    FellShort(RunId),
    /// It had not come to its turn.
    StartHadNoTurn(RunId),
    StartGivenUp(RunId),
    /// What was given up has come back.
    CameBack(RunId),
    Ended(Death),
    /// Nothing is left of a run of an earlier hupd.
    Gone(Gone),
    Run(JobName),
    Kill(RunId),
    /// Until then, if an end was given.
    Pause(JobName, Option<Timestamp>),
    Resume(JobName),
    AskReload,
    AskToConfirm(Duration),
    Confirm,
    RollBack(Earlier),
    /// The kept text of an earlier generation, if there is one.
    Fetched(Option<Arc<FileSpec>>),
    /// Whether it is on record what comes back unless what comes next is confirmed.
    Recorded(bool),
    AskStatus,
}

/// The end of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    pub run: RunId,
    pub exit: Exit,
    pub was_signalled: bool,
    pub at: Moment,
}

impl Death {
    pub fn of(ended: &Ended) -> Self {
        Self {
            run: ended.run,
            exit: ended.exit,
            was_signalled: ended.was_signalled,
            at: ended.at,
        }
    }
}

/// What hupd did to its world, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Claim {
        run: RunId,
        occurrence: Occurrence,
        generation: Generation,
    },
    Fate {
        occurrence: Occurrence,
        fate: Fate,
        generation: Generation,
        /// The row says that it stands for more than this one instant.
        stands_for_more: bool,
        /// When it is to start, where it waits for that.
        starts_at: Option<Timestamp>,
    },
    Spawn {
        run: RunId,
        occurrence: Occurrence,
        attempt: u32,
    },
    /// An attempt has failed, and another one follows.
    Failed {
        run: RunId,
        attempt: u32,
        outcome: Outcome,
        stopped_by: Option<StopReason>,
        delay: Duration,
        next_at: Timestamp,
    },
    NextAttempt {
        run: RunId,
        attempt: u32,
        generation: Generation,
    },
    /// No other attempt follows after all.
    EndRest {
        run: RunId,
        outcome: Outcome,
        stopped_by: Option<StopReason>,
    },
    /// The process is on record.
    Begun {
        run: RunId,
    },
    End {
        run: RunId,
        outcome: Outcome,
        stopped_by: Option<StopReason>,
    },
    /// A run of an earlier hupd is over.
    Loss {
        run: RunId,
        stopped_by: Option<StopReason>,
    },
    /// It goes on.
    Note(RunId),
    /// HUP to the whole unit has ended it, or its attempt.
    HungUp(RunId),
    GiveUpStart(RunId),
    Signal {
        run: RunId,
        signal: Signal,
    },
    Anchor {
        job: JobName,
        every: Duration,
        at: Timestamp,
    },
    NoAnchor(JobName),
    /// How the job is due from now on.
    Timing(JobName, Option<String>),
    /// A job is paused, since when, and until when if that is known.
    Pause(JobName, Timestamp, Option<Timestamp>),
    NoPause(JobName),
    /// All that was due by then is decided.
    Decided(Timestamp),
    /// Reads the file.
    Load,
    /// Looks for the text of an earlier generation.
    Fetch(Earlier),
    /// Takes a kept text for the file.
    LoadKept(String),
    /// What comes back unless what comes next is confirmed.
    Unconfirmed(String),
    NoUnconfirmed,
    Confirmed(Generation),
    Verdict {
        accepted: bool,
        generation: Generation,
    },
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded(None) => f.write_str("loaded: the file has problems"),
            Self::Loaded(Some(file)) => {
                write!(
                    f,
                    "loaded: {} jobs, {}",
                    file.jobs.len(),
                    first_line(&file.text())
                )
            }
            Self::Fetched(None) => f.write_str("nothing such is kept"),
            Self::Fetched(Some(file)) => write!(f, "found {}", first_line(&file.text())),
            Self::Claimed(verdicts) => {
                f.write_str("claimed:")?;
                for ClaimVerdict { run, claimed } in verdicts {
                    match claimed {
                        Claimed::Yes => write!(f, " {run}")?,
                        Claimed::AlreadyThere => write!(f, " not {run}")?,
                    }
                }
                Ok(())
            }
            Self::Started(started) => write!(f, "run {} has started", started.run),
            Self::CouldNotStart(run) => write!(f, "run {run} could not start"),
            Self::FellShort(run) => write!(f, "run {run} had no process to be had"),
            Self::StartHadNoTurn(run) => write!(f, "the start of run {run} did not begin"),
            Self::StartGivenUp(run) => write!(f, "the start of run {run} was given up"),
            Self::CameBack(run) => write!(f, "the start of run {run} has come back"),
            Self::Ended(death) => write!(f, "run {} has ended: {:?}", death.run, death.exit),
            Self::Gone(gone) => write!(f, "nothing is left of run {}", gone.run),
            Self::Run(job) => write!(f, "asked to run {job}"),
            Self::Kill(run) => write!(f, "asked to kill run {run}"),
            other => write!(f, "{other:?}"),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim {
                run, occurrence, ..
            } => write!(f, "claims {} for run {run}", Named(occurrence)),
            Self::Fate {
                occurrence, fate, ..
            } => write!(f, "records {} as {fate:?}", Named(occurrence)),
            Self::Spawn { run, attempt, .. } => write!(f, "starts attempt {attempt} of run {run}"),
            Self::Failed {
                run,
                attempt,
                outcome,
                delay,
                next_at,
                ..
            } => write!(
                f,
                "attempt {attempt} of run {run}: {outcome}; the next one in {delay:?}, at {next_at}"
            ),
            Self::NextAttempt { run, attempt, .. } => {
                write!(f, "claims attempt {attempt} of run {run}")
            }
            Self::EndRest {
                run,
                outcome,
                stopped_by,
            } => write!(f, "ends run {run}, {outcome}, by {stopped_by:?}"),
            Self::Begun { run } => write!(f, "records the start of run {run}"),
            Self::End { run, outcome, .. } => write!(f, "records the end of run {run}: {outcome}"),
            Self::Loss { run, .. } => write!(f, "records run {run} as lost"),
            Self::Note(run) => write!(f, "records that run {run} goes on"),
            Self::HungUp(run) => write!(f, "records that HUP to all has ended run {run}"),
            Self::GiveUpStart(run) => write!(f, "gives up the start of run {run}"),
            Self::Signal { run, signal } => write!(f, "sends {signal} to run {run}"),
            Self::NoAnchor(job) => write!(f, "forgets the anchor of {job}"),
            Self::Timing(job, Some(timing)) => write!(f, "{job} is due by {timing}"),
            Self::Timing(job, None) => write!(f, "{job} is not due by itself"),
            Self::Pause(job, since, _) => write!(f, "{job} is paused since {since}"),
            Self::NoPause(job) => write!(f, "{job} is not paused any more"),
            Self::Decided(at) => write!(f, "has decided all until {at}"),
            Self::Load => f.write_str("reads the file"),
            Self::Fetch(which) => write!(f, "looks for {which:?}"),
            Self::LoadKept(text) => write!(f, "takes what is kept: {}", first_line(text)),
            Self::Unconfirmed(text) => {
                write!(f, "has {} come back unless confirmed", first_line(text))
            }
            Self::NoUnconfirmed => f.write_str("has nothing to be confirmed any more"),
            Self::Confirmed(generation) => write!(f, "records that {generation} is confirmed"),
            Self::Anchor { job, every, at } => write!(f, "anchors {job}, every {every:?}, at {at}"),
            Self::Verdict {
                accepted,
                generation,
            } => match accepted {
                true => write!(f, "accepts the file, generation {generation}"),
                false => write!(f, "refuses the file, generation {generation} goes on"),
            },
        }
    }
}

/// By which a file is known.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// An occurrence as people read it.
pub struct Named<'a>(pub &'a Occurrence);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Occurrence {
            job,
            instant,
            trigger,
        } = self.0;
        write!(f, "({job}, {instant}, {trigger})")
    }
}

impl Act {
    pub fn of(record: &Record) -> Self {
        match record {
            Record::Claim(claim) | Record::Owed(claim) => Self::Claim {
                run: claim.run,
                occurrence: claim.occurrence.clone(),
                generation: claim.generation,
            },
            Record::Open(_) | Record::LastRun(_) => {
                unreachable!("no store of an invented machine is moved aside")
            }
            Record::Entry(entry) => Self::Fate {
                occurrence: entry.occurrence.clone(),
                fate: entry.fate,
                generation: entry.generation,
                stands_for_more: entry.reason.contains("have no rows of their own"),
                starts_at: entry.starts_at,
            },
            Record::Start(start) => Self::Begun { run: start.run },
            Record::End(end) => Self::End {
                run: end.run,
                outcome: end.outcome.clone(),
                stopped_by: end.stopped_by,
            },
            Record::Loss(loss) => Self::Loss {
                run: loss.run,
                stopped_by: loss.stopped_by,
            },
            Record::Note(run, note) if note.starts_with("hangup") => Self::HungUp(*run),
            Record::Note(run, _) => Self::Note(*run),
            Record::Failed(failed) => Self::Failed {
                run: failed.end.run,
                attempt: failed.attempt,
                outcome: failed.end.outcome.clone(),
                stopped_by: failed.end.stopped_by,
                delay: failed.delay,
                next_at: failed.next_at,
            },
            Record::NextAttempt(next) => Self::NextAttempt {
                run: next.run,
                attempt: next.attempt,
                generation: next.generation,
            },
            Record::EndRest(end) => Self::EndRest {
                run: end.run,
                outcome: end.outcome.clone(),
                stopped_by: end.stopped_by,
            },
            Record::Anchor(anchor) => Self::Anchor {
                job: anchor.job.clone(),
                every: anchor.every,
                at: anchor.at,
            },
            Record::NoAnchor(job) => Self::NoAnchor(job.clone()),
            Record::Timing(job, timing) => Self::Timing(job.clone(), timing.clone()),
            Record::Pause(pause) => Self::Pause(pause.job.clone(), pause.since, pause.until),
            Record::NoPause(job) => Self::NoPause(job.clone()),
            Record::Decided(at) => Self::Decided(*at),
            Record::Unconfirmed(kept) => Self::Unconfirmed(kept.files[0].text.to_string()),
            Record::NoUnconfirmed => Self::NoUnconfirmed,
            Record::Confirmed(generation, _) => Self::Confirmed(Generation(*generation)),
            Record::Verdict(verdict, _) => Self::Verdict {
                accepted: verdict.accepted,
                generation: Generation(verdict.generation),
            },
        }
    }
}

//! Whether an occurrence starts, waits or is skipped.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::owed::{Owed, Owing, Pace};
use super::runs::{Run, State};
use super::waiting::Waiting;
use super::{Effect, Engine, Phase, due, owed};
use crate::clock::Moment;
use crate::config::{Job, Missed, Overlap, format_duration};
use crate::ledger::{Claim, Entry, Fate};
use crate::run::{JobName, Occurrence, RunId, Trigger};
use crate::schedule::Watch;

/// So many occurrences of one job may wait for a place; what comes after them is skipped.
const MAX_WAITING: usize = 100;

/// What became of a request for a run.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    Accepted(RunId),
    Refused(Refused),
}

/// Why a requested run does not start.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    NoSuchJob,
    /// For the reason that is in the ledger.
    Skipped(String),
}

/// Why an occurrence may not run.
#[derive(Debug)]
pub(super) enum Objection {
    Stopping,
    Runs(RunId),
    EarlierWaits,
    ManyWait(usize),
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopping => f.write_str("hupd is stopping"),
            Self::Runs(run) => write!(f, "run {run} is not over (overlap = \"skip\")"),
            Self::EarlierWaits => {
                f.write_str("an earlier occurrence still waits (overlap = \"skip\")")
            }
            Self::ManyWait(count) => write!(f, "{count} occurrences wait already"),
        }
    }
}

impl Engine {
    /// Somebody wants a run of this job now.
    pub fn request(&mut self, name: &JobName, now: Moment) -> (Request, Vec<Effect>) {
        let Some(job) = self.job(name) else {
            return (Request::Refused(Refused::NoSuchJob), Vec::new());
        };
        let occurrence = Occurrence {
            job: name.clone(),
            instant: self.request_instant(now),
            trigger: Trigger::Request,
        };
        if let Some(objection) = self.objection(&job, Pace::InTime, None) {
            let reason = objection.to_string();
            let skipped = self.record(occurrence, Fate::Skipped, &reason);
            return (Request::Refused(Refused::Skipped(reason)), vec![skipped]);
        }
        let run = self.new_run_id();
        let waiting = Waiting {
            run,
            occurrence,
            watch: Watch::Fixed,
            pace: Pace::InTime,
            starts_at: None,
            note: String::new(),
        };
        let effect = self.admit_or_queue(&job, waiting);
        (Request::Accepted(run), vec![effect])
    }

    /// What a due job owes: the fates of the instants passed over, and what becomes of the others. Those that are late
    /// only get in line: they go in order of due time over all jobs.
    pub(super) fn decide_owed(&mut self, job: &Arc<Job>, owed: Owed, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (occurrence, reason) in owed.missed {
            effects.push(self.record(occurrence, Fate::Missed, &reason));
        }
        for owing in owed.starts {
            if !self.queue.has(&owing.occurrence) {
                effects.push(self.decide(job, owing, now));
            }
        }
        effects
    }

    fn decide(&mut self, job: &Arc<Job>, owing: Owing, now: Moment) -> Effect {
        let delay = delay(job, &owing, now);
        if let Some(objection) = self.objection(job, owing.pace, delay) {
            let fate = self.fate_by(&objection, job.missed);
            return self.record(owing.occurrence, fate, &objection.to_string());
        }
        let waiting = Waiting {
            run: self.new_run_id(),
            occurrence: owing.occurrence,
            watch: owing.watch,
            pace: owing.pace,
            starts_at: None,
            note: owing.note,
        };
        match delay {
            Some(delay) => self.delay(waiting, delay, now),
            None => self.admit_or_queue(job, waiting),
        }
    }

    /// It starts after that time. That is on record, so that it does so after a restart as well.
    fn delay(&mut self, waiting: Waiting, delay: Duration, now: Moment) -> Effect {
        let starts_at = now.wall.checked_add(delay).unwrap_or(Timestamp::MAX);
        let waiting = Waiting {
            starts_at: Some(due::micros(starts_at)),
            ..waiting
        };
        let reason = format!("starts {} later, by its jitter", format_duration(delay));
        let entry = self.record_waiting(&waiting, &reason);
        self.queue.delay(waiting, now.elapsed + delay);
        entry
    }

    /// What has waited for its own time starts, as if it were due now.
    pub(super) fn start_delayed(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some(waiting) = self.queue.take_delayed(now.elapsed) {
            let job = self
                .job(&waiting.occurrence.job)
                .expect("only jobs in force wait");
            effects.push(match self.refused(&job, &waiting, now) {
                Some(reason) => self.record(waiting.occurrence, Fate::Skipped, &reason),
                None => {
                    let waiting = Waiting {
                        starts_at: None,
                        ..waiting
                    };
                    self.admit_or_queue(&job, waiting)
                }
            });
        }
        effects
    }

    /// Why an occurrence of this job may not run, if it may not. What is made up for waits where what is in time
    /// would be skipped.
    fn objection(&self, job: &Job, pace: Pace, delay: Option<Duration>) -> Option<Objection> {
        if self.phase != Phase::Serving {
            return Some(Objection::Stopping);
        }
        let waiting = self.queue.count_of(&job.name);
        // What is late and takes its turn is in nobody's way.
        let in_time = self.queue.count_in_time(&job.name);
        let many = (waiting >= MAX_WAITING).then_some(Objection::ManyWait(waiting));
        let patient = pace == Pace::CatchUp && job.missed != Missed::Skip;
        match job.overlap {
            Overlap::Skip if !patient => {
                // Whether it still runs is asked when the delay is over.
                let running = self.running_objection(job);
                let running = running.filter(|_| delay.is_none());
                let earlier = (in_time > 0).then_some(Objection::EarlierWaits);
                running.or(earlier).or(many)
            }
            _ => many,
        }
    }

    /// What hupd does not come to any more is made up for by the next one, where the job wants that.
    pub(super) fn fate_by(&self, objection: &Objection, missed: Missed) -> Fate {
        match (objection, missed) {
            (Objection::Stopping, Missed::Once | Missed::All(_)) => Fate::Waiting,
            _ => Fate::Skipped,
        }
    }

    fn admit_or_queue(&mut self, job: &Arc<Job>, waiting: Waiting) -> Effect {
        let reason = match waiting.pace {
            Pace::InTime if self.has_place() => return self.claim(job, waiting),
            Pace::InTime => format!(
                "max_running = {} is reached",
                self.config.daemon.max_running
            ),
            Pace::CatchUp => format!(
                "late, takes its turn (catch_up_limit = {})",
                self.config.daemon.catch_up_limit
            ),
        };
        let entry = self.record_waiting(&waiting, &reason);
        self.queue.push(waiting);
        entry
    }

    /// Gives free places to those that wait.
    pub(super) fn admit_waiting(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.phase == Phase::Serving
            && self.has_place()
            && let Some(waiting) = self.pop_waiting()
        {
            let job = self
                .job(&waiting.occurrence.job)
                .expect("only jobs in force wait");
            effects.push(match self.refused(&job, &waiting, now) {
                Some(reason) => self.record(waiting.occurrence, Fate::Skipped, &reason),
                None => self.claim(&job, waiting),
            });
        }
        effects
    }

    /// Why what has waited does not start now, if it does not. What runs is in the way also where several have been let
    /// in to wait before a reload made it "skip".
    fn refused(&self, job: &Job, waiting: &Waiting, now: Moment) -> Option<String> {
        let running = || {
            self.running_objection(job)
                .map(|running| running.to_string())
        };
        too_old(job, &waiting.occurrence, now).or_else(running)
    }

    fn pop_waiting(&mut self) -> Option<Waiting> {
        let (config, runs) = (&self.config, &self.runs);
        let has_turn = runs.catch_ups() < config.daemon.catch_up_limit;
        let overlaps = |waiting: &Waiting| {
            let job = &config.jobs[&waiting.occurrence.job];
            job.overlap == Overlap::Skip && runs.of_job(&job.name).next().is_some()
        };
        self.queue.pop(has_turn, |waiting| !overlaps(waiting))
    }

    fn running_objection(&self, job: &Job) -> Option<Objection> {
        match job.overlap {
            Overlap::Skip => self.runs.of_job(&job.name).next().map(Objection::Runs),
            Overlap::Allow => None,
        }
    }

    /// The start of a run is its claim; the process follows when the claim is written.
    fn claim(&mut self, job: &Arc<Job>, waiting: Waiting) -> Effect {
        self.runs.add(Run {
            id: waiting.run,
            job: Arc::clone(job),
            occurrence: waiting.occurrence.clone(),
            generation: self.generation,
            watch: waiting.watch,
            pace: waiting.pace,
            state: State::Claiming { stop: None },
        });
        Effect::Claim(Claim {
            run: waiting.run,
            occurrence: waiting.occurrence,
            generation: self.generation,
            reason: waiting.note,
        })
    }

    pub(super) fn record(&self, occurrence: Occurrence, fate: Fate, reason: &str) -> Effect {
        Effect::Record(Entry {
            occurrence,
            generation: self.generation,
            fate,
            reason: reason.to_owned(),
            starts_at: None,
        })
    }

    pub(super) fn record_waiting(&self, waiting: &Waiting, reason: &str) -> Effect {
        Effect::Record(Entry {
            occurrence: waiting.occurrence.clone(),
            generation: self.generation,
            fate: Fate::Waiting,
            reason: reason.to_owned(),
            starts_at: waiting.starts_at,
        })
    }

    fn has_place(&self) -> bool {
        self.runs.len() < self.config.daemon.max_running
    }

    pub(super) fn new_run_id(&mut self) -> RunId {
        let run = self.next_run;
        self.next_run = RunId(run.0 + 1);
        run
    }

    /// Two requests are two occurrences, however fast they follow each other.
    fn request_instant(&mut self, now: Moment) -> Timestamp {
        let soonest = self
            .last_request
            .checked_add(SignedDuration::from_micros(1));
        let instant = due::micros(now.wall).max(soonest.unwrap_or(Timestamp::MAX));
        self.last_request = instant;
        instant
    }
}

/// How long an occurrence that has come in time waits, if it does.
fn delay(job: &Job, owing: &Owing, now: Moment) -> Option<Duration> {
    let delay = job.jitter.of(owing.occurrence.instant);
    let late = now.wall.duration_since(owing.occurrence.instant);
    let rest = delay.saturating_sub(Duration::try_from(late).unwrap_or_default());
    (owing.pace == Pace::InTime && !rest.is_zero()).then_some(rest)
}

/// Why what has waited is not started any more. Whoever asked for a run has no deadline.
fn too_old(job: &Job, occurrence: &Occurrence, now: Moment) -> Option<String> {
    let deadline = job.deadline?;
    let is_older = occurrence.trigger != Trigger::Request
        && now.wall.duration_since(occurrence.instant) > SignedDuration::try_from(deadline).ok()?;
    is_older.then(|| owed::older_than(deadline))
}

//! Whether an occurrence starts, waits or is skipped.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::owed::{Owed, Owing, Pace};
use super::waiting::Waiting;
use super::{Effect, Engine, due};
use crate::clock::Moment;
use crate::config::{Job, format_duration};
use crate::ledger::{Entry, Fate};
use crate::run::{JobName, Occurrence, RunId, Trigger};
use crate::schedule::Watch;

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
        let mut effects = self.drop_too_old(&job, now);
        if let Some(objection) = self.objection(&job, Pace::InTime, None) {
            let reason = objection.to_string();
            effects.push(self.record(occurrence, Fate::Skipped, &reason));
            return (Request::Refused(Refused::Skipped(reason)), effects);
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
        effects.extend(self.arrive(&job, waiting, now));
        effects.extend(self.admit_waiting(now));
        (Request::Accepted(run), effects)
    }

    /// What a due job owes: the fates of the instants passed over, and what becomes of the others. Those that are late
    /// only get in line: they go in order of due time over all jobs.
    pub(super) fn decide_owed(&mut self, job: &Arc<Job>, owed: Owed, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (occurrence, reason) in owed.missed {
            effects.push(self.record(occurrence, Fate::Missed, &reason));
        }
        if !owed.starts.is_empty() {
            effects.extend(self.drop_too_old(job, now));
        }
        for owing in owed.starts {
            if !self.queue.has(&owing.occurrence) {
                effects.extend(self.decide(job, owing, now));
            }
        }
        effects
    }

    fn decide(&mut self, job: &Arc<Job>, owing: Owing, now: Moment) -> Vec<Effect> {
        let delay = delay(job, &owing, now);
        if let Some(objection) = self.objection(job, owing.pace, delay) {
            let fate = self.fate_by(&objection, job.missed);
            return vec![self.record(owing.occurrence, fate, &objection.to_string())];
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
            Some(delay) => vec![self.delay(waiting, delay, now)],
            None => self.arrive(job, waiting, now),
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
            if let Some(reason) = self.refused(&job, &waiting, now) {
                effects.push(self.record(waiting.occurrence, Fate::Skipped, &reason));
                continue;
            }
            let waiting = Waiting {
                starts_at: None,
                ..waiting
            };
            effects.extend(self.arrive(&job, waiting, now));
        }
        effects
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

    pub(super) fn new_run_id(&mut self) -> RunId {
        let run = self.next_run;
        self.next_run = RunId(run.0 + 1);
        run
    }

    /// Two requests are two occurrences, however fast they follow each other.
    pub(super) fn request_instant(&mut self, now: Moment) -> Timestamp {
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

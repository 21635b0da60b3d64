//! Whether an occurrence starts, waits or is skipped.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::due::Owed;
use super::runs::{Run, State};
use super::waiting::{Queue, Waiting};
use super::{Effect, Engine, Phase, due};
use crate::clock::Moment;
use crate::config::{Job, Overlap, Timing};
use crate::ledger::{Claim, Entry, Fate};
use crate::run::{JobName, Occurrence, RunId, Trigger};

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
        match self.objection(&job) {
            Some(reason) => {
                let skipped = self.record(occurrence, Fate::Skipped, &reason);
                (Request::Refused(Refused::Skipped(reason)), vec![skipped])
            }
            None => {
                let run = self.next_run;
                let effect = self.admit_or_queue(&job, occurrence, String::new());
                (Request::Accepted(run), vec![effect])
            }
        }
    }

    /// What a due job owes: the fates of the instants passed over, and the one to decide on.
    pub(super) fn decide_owed(&mut self, job: &Arc<Job>, owed: Owed) -> Vec<Effect> {
        // A clock that was set back names once more what waits: that is due already.
        let waits = |queue: &Queue, at: Timestamp| queue.has(&occurrence(job, at));
        let mut effects = Vec::new();
        for (at, reason) in owed.missed {
            if !waits(&self.queue, at) {
                effects.push(self.record(occurrence(job, at), Fate::Missed, &reason));
            }
        }
        if let Some((at, note)) = owed.instant
            && !waits(&self.queue, at)
        {
            effects.push(self.decide(job, occurrence(job, at), note));
        }
        effects
    }

    fn decide(&mut self, job: &Arc<Job>, occurrence: Occurrence, note: String) -> Effect {
        match self.objection(job) {
            Some(reason) => self.record(occurrence, Fate::Skipped, &reason),
            None => self.admit_or_queue(job, occurrence, note),
        }
    }

    /// Why an occurrence of this job may not run, if it may not.
    fn objection(&self, job: &Job) -> Option<String> {
        if self.phase != Phase::Serving {
            return Some("hupd is stopping".to_owned());
        }
        let waiting = self.queue.count_of(&job.name);
        match job.overlap {
            Overlap::Skip => self.running_objection(job).or_else(|| {
                (waiting > 0).then(|| "an earlier occurrence still waits for a place".to_owned())
            }),
            Overlap::Allow => (waiting >= MAX_WAITING)
                .then(|| format!("{waiting} occurrences wait for a place already")),
        }
    }

    fn admit_or_queue(&mut self, job: &Arc<Job>, occurrence: Occurrence, note: String) -> Effect {
        let run = self.new_run_id();
        let waiting = Waiting {
            run,
            occurrence,
            note,
        };
        if self.has_place() {
            return self.claim(job, waiting);
        }
        let reason = format!(
            "max_running = {} is reached",
            self.config.daemon.max_running
        );
        let entry = self.record(waiting.occurrence.clone(), Fate::Waiting, &reason);
        self.queue.push(waiting);
        entry
    }

    /// Gives free places to those that wait.
    pub(super) fn admit_waiting(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.has_place()
            && let Some(waiting) = self.queue.pop()
        {
            let job = self
                .job(&waiting.occurrence.job)
                .expect("only jobs in force wait");
            effects.push(match self.running_objection(&job) {
                // A reload made it "skip" after several had been let in to wait.
                Some(reason) => self.record(waiting.occurrence, Fate::Skipped, &reason),
                None => self.claim(&job, waiting),
            });
        }
        effects
    }

    fn running_objection(&self, job: &Job) -> Option<String> {
        let run = match job.overlap {
            Overlap::Skip => self.runs.of_job(&job.name).next()?,
            Overlap::Allow => return None,
        };
        Some(format!("run {run} is not over (overlap = \"skip\")"))
    }

    /// The start of a run is its claim; the process follows when the claim is written.
    fn claim(&mut self, job: &Arc<Job>, waiting: Waiting) -> Effect {
        self.runs.add(Run {
            id: waiting.run,
            job: Arc::clone(job),
            occurrence: waiting.occurrence.clone(),
            generation: self.generation,
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
        })
    }

    fn has_place(&self) -> bool {
        self.runs.len() < self.config.daemon.max_running
    }

    fn new_run_id(&mut self) -> RunId {
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

fn occurrence(job: &Job, instant: Timestamp) -> Occurrence {
    let trigger = match job.timing {
        Timing::Every(_) => Trigger::Every,
        Timing::Schedule(_) | Timing::Never => Trigger::Schedule,
    };
    Occurrence {
        job: job.name.clone(),
        instant,
        trigger,
    }
}

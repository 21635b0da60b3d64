//! Who starts now, and who waits for a place or a turn.

use std::sync::Arc;

use jiff::SignedDuration;

use super::owed::Pace;
use super::runs::{Run, State};
use super::waiting::Waiting;
use super::{Effect, Engine, Phase, owed};
use crate::clock::Moment;
use crate::config::{Job, Overlap};
use crate::ledger::{Claim, Fate};
use crate::run::{Occurrence, Trigger};

impl Engine {
    pub(super) fn admit_or_queue(&mut self, job: &Arc<Job>, waiting: Waiting) -> Effect {
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
    pub(super) fn refused(&self, job: &Job, waiting: &Waiting, now: Moment) -> Option<String> {
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

    fn has_place(&self) -> bool {
        self.runs.len() < self.config.daemon.max_running
    }
}

/// Why what has waited is not started any more. Whoever asked for a run has no deadline.
pub(super) fn too_old(job: &Job, occurrence: &Occurrence, now: Moment) -> Option<String> {
    let deadline = job.deadline?;
    let is_older = occurrence.trigger != Trigger::Request
        && now.wall.duration_since(occurrence.instant) > SignedDuration::try_from(deadline).ok()?;
    is_older.then(|| owed::older_than(deadline))
}

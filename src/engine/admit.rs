//! Who starts now, and who waits for a place or a turn.

use std::sync::Arc;

use jiff::SignedDuration;

use super::guards::Guards;
use super::line::Lane;
use super::owed::Pace;
use super::runs::{Run, State};
use super::waiting::Waiting;
use super::{Effect, Engine, Phase, owed};
use crate::clock::Moment;
use crate::config::{Job, Overlap};
use crate::ledger::{Claim, Fate};
use crate::run::{Occurrence, RunId, Trigger};

impl Engine {
    /// Its time has come: it starts, or waits for what is in its way.
    pub(super) fn arrive(&mut self, job: &Arc<Job>, waiting: Waiting, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        if job.overlap == Overlap::Replace {
            if let Some(newer) = self.newer_than(&waiting, now) {
                return vec![self.replaced(waiting, newer)];
            }
            effects = self.make_way(&waiting, now);
        }
        effects.push(match self.wait_reason(job, &waiting) {
            None => self.claim(job, waiting),
            Some(reason) => {
                let entry = self.record_waiting(&waiting, &reason);
                let lane = self.guards().lane_of(job);
                self.queue.push(lane, waiting);
                entry
            }
        });
        effects
    }

    /// Why an occurrence whose time has come does not start at once. What is late always gets in line.
    fn wait_reason(&self, job: &Job, waiting: &Waiting) -> Option<String> {
        let starts = waiting.pace == Pace::InTime
            && self.obstacle(job, waiting.pace).is_none()
            && self.guards().has_place()
            && self.queue.is_clear(&self.guards().lane_of(job));
        (!starts).then(|| self.in_the_way(job, waiting.pace))
    }

    /// Gives free places to those that wait.
    pub(super) fn admit_waiting(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = self.admit_rested(now);
        while self.phase == Phase::Serving
            && self.guards().has_place()
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

    /// The start of a run is its claim; the process follows when the claim is written.
    fn claim(&mut self, job: &Arc<Job>, waiting: Waiting) -> Effect {
        let run = Run {
            id: waiting.run,
            job: Arc::clone(job),
            occurrence: waiting.occurrence.clone(),
            generation: self.generation,
            watch: waiting.watch,
            pace: waiting.pace,
            joined: None,
            attempt: 1,
            failed: None,
            shortages: 0,
            lack: None,
            state: State::Claiming { stop: None },
        };
        self.stir_lanes_of(&run);
        self.runs.add(run);
        Effect::Claim(Claim {
            run: waiting.run,
            occurrence: waiting.occurrence,
            generation: self.generation,
            reason: waiting.note,
        })
    }

    /// What has waited past its deadline does not start any more: it is not in the way of what comes now.
    pub(super) fn drop_too_old(&mut self, job: &Job, now: Moment) -> Vec<Effect> {
        if job.deadline.is_none() {
            return Vec::new();
        }
        let waiting = self.queue.of_job(&job.name).into_iter();
        let old = waiting.filter_map(|one| Some((one.run, too_old(job, &one.occurrence, now)?)));
        let old: Vec<_> = old.collect();
        let dropped = old.into_iter().filter_map(|(run, reason)| {
            let waiting = self.queue.remove(run)?;
            Some(self.record(waiting.occurrence, Fate::Skipped, &reason))
        });
        dropped.collect()
    }

    /// A run is over, and in nobody's way any more.
    pub(super) fn remove_run(&mut self, run: RunId) -> Option<Run> {
        let removed = self.runs.remove(run)?;
        self.stir_lanes_of(&removed);
        Some(removed)
    }

    pub(super) fn stir_lanes_of(&mut self, run: &Run) {
        self.queue.stir(Lane::Job(run.job.name.clone()));
        for group in run.groups() {
            self.queue.stir(Lane::Group(group.clone()));
        }
    }

    fn pop_waiting(&mut self) -> Option<Waiting> {
        let guards = Guards {
            config: &self.config,
            runs: &self.runs,
            hangs: &self.hangs,
        };
        let lines: &[Pace] = match guards.has_turn() {
            true => &[Pace::InTime, Pace::CatchUp],
            false => &[Pace::InTime],
        };
        self.queue
            .pop(lines, |lane, pace| guards.is_open(lane, pace))
    }

    pub(super) fn guards(&self) -> Guards<'_> {
        Guards {
            config: &self.config,
            runs: &self.runs,
            hangs: &self.hangs,
        }
    }
}

/// Why what has waited is not started any more. Whoever asked for a run has no deadline.
pub(super) fn too_old(job: &Job, occurrence: &Occurrence, now: Moment) -> Option<String> {
    let deadline = job.deadline?;
    let is_older = occurrence.trigger != Trigger::Request
        && now.wall.duration_since(occurrence.instant) > SignedDuration::try_from(deadline).ok()?;
    is_older.then(|| owed::older_than(deadline))
}

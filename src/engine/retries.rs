//! A run whose attempt has failed, and what becomes of it until the next one.
//!
//! It holds its job and its group meanwhile, but no place. It goes on after a restart of hupd, and by the definition that is
//! in force when its next attempt comes.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::hangs::Hang;
use super::owed::Pace;
use super::runs::{Run, State};
use super::{Effect, Engine, Phase, due};
use crate::clock::Moment;
use crate::config::Job;
use crate::ledger::{Failed, NextAttempt, Resting, RunEnd};
use crate::run::{Occurrence, RunId, StopReason, Trigger};
use crate::schedule::Watch;

/// The attempt that follows: how long after the last one, and how many there may be in all.
pub(super) struct Next {
    delay: Duration,
    attempts: u32,
}

/// Why no other attempt follows.
pub(super) enum NoMore {
    Stopped(StopReason),
    /// A start of the job that was given up has not come back: the next one is not made.
    Hangs(Hang),
}

impl Engine {
    /// Whether an end is that of an attempt, by what is in force now. Who ends a run does not want another one.
    pub(super) fn next_attempt(&self, end: &RunEnd) -> Option<Next> {
        let run = self.runs.get(end.run)?;
        match end.stopped_by {
            None | Some(StopReason::TimeLimit) => {}
            Some(_) => return None,
        }
        let job = self.wanted(&run.occurrence)?;
        next_of(job, end, run.attempt)
    }

    /// The job of an occurrence as it is in force; whoever asks for a run of a job that is switched off gets it.
    fn wanted(&self, occurrence: &Occurrence) -> Option<&Arc<Job>> {
        let job = self.config.jobs.get(&occurrence.job)?;
        (job.enabled || occurrence.trigger == Trigger::Request).then_some(job)
    }

    pub(super) fn rest(&mut self, end: RunEnd, next: Next, now: Moment) -> Vec<Effect> {
        let Some(run) = self.runs.get(end.run) else {
            return Vec::new();
        };
        let (id, attempt, job) = (end.run, run.attempt, run.job.name.clone());
        let has_lived = run.state.process().is_some();
        let next_at = now.wall.checked_add(next.delay).unwrap_or(Timestamp::MAX);
        // What was written is for the store alone.
        let kept = RunEnd {
            output: end.output.without_bytes(),
            ..end.clone()
        };
        self.runs
            .rest(id, kept, now.elapsed.saturating_add(next.delay));
        if !has_lived {
            self.end_shortage();
        }
        self.redefine(id);
        let failed = Failed {
            end,
            attempt,
            attempts: next.attempts,
            delay: next.delay,
            next_at: due::micros(next_at),
        };
        let mut effects = vec![Effect::RecordFailed { job, failed }];
        if self.phase != Phase::Serving {
            effects.extend(self.put_off(id));
        }
        effects
    }

    /// The next attempt is of what is in force.
    fn redefine(&mut self, id: RunId) {
        let Some(run) = self.runs.get(id).cloned() else {
            return;
        };
        if let Some(job) = self.wanted(&run.occurrence).cloned() {
            // It may leave a group by this.
            self.stir_lanes_of(&run);
            self.runs.redefine(id, job, self.generation);
        }
    }

    /// When an attempt comes for which there is a place.
    pub(super) fn next_rested(&self) -> Option<Duration> {
        let (until, _) = self.runs.first_resting()?;
        self.guards().has_place().then_some(until)
    }

    /// Those that have waited long enough, as far as there are places.
    pub(super) fn admit_rested(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.phase == Phase::Serving
            && self.guards().has_place()
            && let Some((until, id)) = self.runs.first_resting()
            && until <= now.elapsed
        {
            effects.extend(match self.hang_before(id) {
                Some(hang) => self.end_rest(id, NoMore::Hangs(hang), now),
                None => self.claim_next(id),
            });
        }
        effects
    }

    /// The start that is in the way of its next attempt, if there is one: its own last one may be that.
    fn hang_before(&self, id: RunId) -> Option<Hang> {
        let run = self.runs.get(id)?;
        self.hang_of(&run.job.name).cloned()
    }

    fn claim_next(&mut self, id: RunId) -> Option<Effect> {
        let run = self.runs.next_attempt(id)?;
        Some(Effect::ClaimAttempt(NextAttempt {
            run: id,
            attempt: run.attempt,
            generation: run.generation,
        }))
    }

    /// There is no next attempt: it ends as its last one has.
    pub(super) fn end_rest(&mut self, id: RunId, why: NoMore, now: Moment) -> Option<Effect> {
        let run = self.remove_run(id)?;
        let failed = *run.failed?;
        let (stopped_by, note) = match why {
            NoMore::Stopped(why) => (Some(why), None),
            NoMore::Hangs(hang) => (failed.stopped_by, Some(hang.to_string())),
        };
        let end = RunEnd {
            at: now.wall,
            stopped_by,
            ..failed
        };
        let job = run.job.name.clone();
        self.note_last(&job, &end);
        Some(Effect::EndRest { job, end, note })
    }

    /// The next hupd goes on with all that wait for another attempt.
    pub(super) fn put_off_all(&mut self) -> Vec<Effect> {
        let runs = self.runs.resting();
        runs.into_iter()
            .filter_map(|run| self.put_off(run))
            .collect()
    }

    fn put_off(&mut self, run: RunId) -> Option<Effect> {
        let job = self.remove_run(run)?.job.name.clone();
        Some(Effect::PutOff { job, run })
    }

    /// After a reload: those of jobs that are gone, switched off, or do not want another attempt any more, end.
    pub(super) fn revise_resting(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        for id in self.runs.resting() {
            match self.runs.get(id).is_some_and(|run| self.goes_on(run)) {
                true => self.redefine(id),
                false => effects.extend(self.end_rest(
                    id,
                    NoMore::Stopped(StopReason::Configuration),
                    now,
                )),
            }
        }
        effects
    }

    fn goes_on(&self, run: &Run) -> bool {
        let job = self.wanted(&run.occurrence);
        let next = |job: &Arc<Job>| next_of(job, run.failed.as_deref()?, run.attempt);
        job.and_then(next).is_some()
    }

    /// What waited for its next attempt when the last hupd ended, and still wants it.
    pub(super) fn go_on_with(&mut self, resting: Vec<Resting>, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        for one in resting {
            let job = self.wanted(&one.occurrence).cloned();
            let job = job.filter(|job| next_of(job, &one.end, one.attempt).is_some());
            match job {
                Some(job) => self.add_resting(one, job, now),
                None => effects.push(self.end_left(one, now)),
            }
        }
        effects
    }

    /// Never longer than what was drawn: the clock may have been ahead then.
    fn add_resting(&mut self, one: Resting, job: Arc<Job>, now: Moment) {
        let rest = Duration::try_from(one.next_at.duration_since(now.wall)).unwrap_or_default();
        let until = now.elapsed.saturating_add(rest.min(one.delay));
        self.runs.add(Run {
            id: one.end.run,
            job,
            occurrence: one.occurrence,
            generation: self.generation,
            watch: Watch::Fixed,
            pace: Pace::InTime,
            joined: None,
            shortages: 0,
            lack: None,
            attempt: one.attempt,
            failed: Some(Box::new(one.end)),
            state: State::Resting { until },
        });
    }

    fn end_left(&mut self, one: Resting, now: Moment) -> Effect {
        let job = one.occurrence.job;
        let end = RunEnd {
            at: now.wall,
            stopped_by: Some(StopReason::Configuration),
            ..one.end
        };
        self.note_last(&job, &end);
        Effect::EndRest {
            job,
            end,
            note: None,
        }
    }
}

fn next_of(job: &Job, end: &RunEnd, attempt: u32) -> Option<Next> {
    let retry = job.retry.as_ref()?;
    let delay = job.retry_after(&end.outcome, (end.run, attempt))?;
    Some(Next {
        delay,
        attempts: retry.attempts,
    })
}

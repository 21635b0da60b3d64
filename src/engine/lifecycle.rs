//! A run from its claim to its end.

use std::time::Duration;

use super::owed::Pace;
use super::runs::{Process, Run, State};
use super::{Effect, Engine, Last, Phase, Start};
use crate::clock::Moment;
use crate::ledger::{Claim, ClaimVerdict, Claimed, Ended, NoStart, RunEnd, RunStart, Started};
use crate::run::{Exit, JobName, Occurrence, Outcome, RunId, StopReason};
use crate::schedule::Watch;

const MICROSECOND: Duration = Duration::from_micros(1);

impl Engine {
    /// The store has dealt with claims: what is claimed may start.
    pub fn claimed(&mut self, verdicts: &[ClaimVerdict], now: Moment) -> Vec<Effect> {
        verdicts
            .iter()
            .flat_map(|verdict| match verdict.claimed {
                Claimed::Yes => self.start(verdict.run, now).into_iter().collect(),
                Claimed::AlreadyThere => self.claimed_before(verdict.run, now),
            })
            .collect()
    }

    fn start(&mut self, id: RunId, now: Moment) -> Option<Effect> {
        let State::Claiming { stop } = self.runs.get(id)?.state else {
            return None;
        };
        self.make(id, stop, now)
    }

    /// Another try of what is claimed.
    pub(super) fn start_again(&mut self, id: RunId, now: Moment) -> Option<Effect> {
        self.make(id, None, now)
    }

    fn make(&mut self, id: RunId, stop: Option<StopReason>, now: Moment) -> Option<Effect> {
        let run = self.runs.get(id)?;
        let start = Start {
            run: id,
            job: run.job.clone(),
            occurrence: run.occurrence.clone(),
            attempt: run.attempt,
            generation: run.generation,
        };
        // A start may have to wait for its turn: what a run may take counts from when it lives.
        let patience = match stop {
            None => run.job.timeout,
            Some(_) => Some(Duration::ZERO),
        };
        let patience = patience.map(|time| time.saturating_add(run.job.kill_after));
        let give_up_at = patience.map(|time| now.elapsed.saturating_add(time));
        let state = State::Starting {
            since: now,
            stop,
            give_up_at,
        };
        self.runs.set_state(id, state);
        Some(Effect::Start(start))
    }

    /// The ledger has that occurrence already, so it has had its run. In a time that the clock shows once more, a job
    /// that goes by every real minute is not silent for that: the second pass is told by a microsecond from the first.
    fn claimed_before(&mut self, id: RunId, now: Moment) -> Vec<Effect> {
        let Some(run) = self.runs.get(id) else {
            return Vec::new();
        };
        let comes_again = run.watch == Watch::Wild
            && run.pace == Pace::InTime
            && run.occurrence.instant <= self.lived
            && run.occurrence.instant > self.repeated
            && self.phase == Phase::Serving;
        let instant = run.occurrence.instant.checked_add(MICROSECOND).ok();
        let (Some(instant), true) = (instant, comes_again) else {
            self.remove_run(id);
            return self.admit_waiting(now);
        };
        let claim = Claim {
            run: id,
            occurrence: Occurrence {
                instant,
                ..run.occurrence.clone()
            },
            generation: run.generation,
            reason: "the clock was set back, this time comes once more".to_owned(),
        };
        self.runs.set_instant(id, instant);
        vec![Effect::Claim(claim)]
    }

    /// The process of a run exists.
    pub fn started(&mut self, started: &Started, now: Moment) -> Vec<Effect> {
        let Some(run) = self.runs.get(started.run) else {
            return Vec::new();
        };
        let State::Starting { stop, .. } = run.state else {
            return Vec::new();
        };
        let limit = run.job.timeout;
        let state = State::Alive {
            process: Process {
                pid: started.pid,
                since: started.at,
            },
            limit_at: limit.map(|limit| started.at.elapsed.saturating_add(limit)),
        };
        self.runs.set_state(started.run, state);
        let start = RunStart {
            run: started.run,
            pid: started.pid,
            at: started.at.wall,
            birth: started.birth.clone(),
        };
        let mut effects = vec![Effect::RecordStart(start)];
        self.end_shortage();
        effects.extend(self.try_next(now));
        effects.extend(self.stop_late_starter(started.run, stop, now));
        // Of those that were tried some may be over.
        effects.extend(self.admit_waiting(now));
        effects
    }

    /// A stop that came while the process was being made. Its time to obey counts from now.
    fn stop_late_starter(
        &mut self,
        run: RunId,
        stop: Option<StopReason>,
        now: Moment,
    ) -> Vec<Effect> {
        match (self.phase, stop) {
            (Phase::Killing, _) => self.kill_now(run, now).into_iter().collect(),
            (Phase::Stopping, _) => self.begin_stop(run, StopReason::Shutdown, now),
            (_, Some(why)) => self.begin_stop(run, why, now),
            (_, None) => Vec::new(),
        }
    }

    /// The process of a run could not be made.
    pub fn could_not_start(&mut self, run: RunId, why: NoStart, now: Moment) -> Vec<Effect> {
        match why {
            NoStart::Shortage(reason) => self.fell_short(run, reason, now),
            NoStart::Refused(reason) => {
                let outcome = Outcome::CouldNotStart(reason);
                self.over(RunEnd::unmade(run, outcome, now.wall), now)
            }
            NoStart::NoTurn(reason) => self.gave_up(run, reason, now),
            NoStart::GivenUp(reason) => {
                self.hang(run);
                self.gave_up(run, reason, now)
            }
        }
    }

    /// The process of a run has ended.
    pub fn run_ended(&mut self, ended: Ended, now: Moment) -> Vec<Effect> {
        let Some(run) = self.runs.get(ended.run) else {
            return Vec::new();
        };
        let stopped_by = stopped_by(run, &ended);
        let outcome = outcome(ended.exit, stopped_by);
        let end = RunEnd {
            run: ended.run,
            at: ended.at.wall,
            duration: duration(run, ended.at),
            success: run.job.is_success(&outcome),
            outcome,
            stopped_by,
            usage: ended.usage,
            output: ended.output,
            survivors: ended.survivors,
        };
        let hung_up = self.hung_up_by_others(&end, ended.at);
        let mut effects = self.over(end, now);
        effects.extend(hung_up.and_then(|run| self.explain_hangup(run)));
        effects
    }

    pub(super) fn over(&mut self, end: RunEnd, now: Moment) -> Vec<Effect> {
        if self.runs.get(end.run).is_none() {
            return Vec::new();
        }
        let mut effects = match self.next_attempt(&end) {
            Some(next) => self.rest(end, next, now),
            None => self.close(end).into_iter().collect(),
        };
        effects.extend(self.try_next(now));
        effects.extend(self.admit_waiting(now));
        effects
    }

    pub(super) fn close(&mut self, end: RunEnd) -> Option<Effect> {
        let run = self.remove_run(end.run)?;
        // What has lived says nothing of whether there are processes.
        if run.state.process().is_none() {
            self.end_shortage();
        }
        let job = run.job.name.clone();
        self.note_last(&job, &end);
        Some(Effect::RecordEnd { job, end })
    }

    pub(super) fn note_last(&mut self, job: &JobName, end: &RunEnd) {
        if self.config.jobs.contains_key(job) {
            let last = Last {
                run: end.run,
                outcome: end.outcome.clone(),
                at: end.at,
            };
            self.last.insert(job.clone(), last);
        }
    }
}

/// Why hupd ended it, if a signal of ours came before its own end.
fn stopped_by(run: &Run, ended: &Ended) -> Option<StopReason> {
    match run.state {
        State::Stopping { why, .. } if ended.was_signalled => Some(why),
        _ => None,
    }
}

fn outcome(exit: Exit, stopped_by: Option<StopReason>) -> Outcome {
    match (exit, stopped_by) {
        (_, Some(StopReason::TimeLimit)) => Outcome::TimedOut,
        (Exit::Code(code), _) => Outcome::Exited(code),
        (Exit::Signal(signal), _) => Outcome::Killed(signal),
    }
}

fn duration(run: &Run, at: Moment) -> Duration {
    let process = run.state.process();
    process.map_or(Duration::ZERO, |process| {
        at.elapsed.saturating_sub(process.since.elapsed)
    })
}

//! Time limits, stop signals, and the end of hupd.

use std::time::Duration;

use hupd::clock::Moment;
use hupd::ledger::Fate;
use hupd::run::{Outcome, RunId, Signal, StopReason};

use super::{Model, Phase, Run, Stage};
use crate::simulation::acts::Act;

/// KILL is repeated after that time.
const KILL_AGAIN: Duration = Duration::from_secs(1);

impl Model {
    pub(super) fn kill(&mut self, run: RunId, now: Moment) -> Vec<Act> {
        let waits = self
            .waiting
            .iter()
            .find(|((_, waiting), _)| *waiting == run);
        let queued = waits.map(|(key, _)| *key);
        let queued = queued.and_then(|key| self.waiting.remove(&key));
        let mut delayed = self.delayed.extract_if(.., |(_, other), _| *other == run);
        let delayed = delayed.next().map(|(_, waiting)| waiting);
        if let Some(waiting) = queued.or(delayed) {
            return vec![self.fate(waiting.occurrence, Fate::Skipped)];
        }
        if !self.runs.contains_key(&run) {
            return Vec::new();
        }
        let mut acts = self.send_stop(run, StopReason::Request, now);
        acts.extend(self.admit(now));
        acts
    }

    /// Grace periods and time limits, the earliest first.
    pub(super) fn enforce(&mut self, now: Moment) -> Vec<Act> {
        let mut acts = Vec::new();
        if matches!(self.phase, Phase::Draining(until) if until <= now.elapsed) {
            acts.extend(self.stop_all(now));
        }
        while let Some(run) = self.overdue(now) {
            match self.runs[&run].stage {
                Stage::Starting(..) => acts.extend(self.give_up_start(run, StopReason::TimeLimit)),
                Stage::Stopping(..) => acts.extend(self.send_kill(run, now)),
                _ => acts.extend(self.send_stop(run, StopReason::TimeLimit, now)),
            }
        }
        acts
    }

    fn overdue(&self, now: Moment) -> Option<RunId> {
        let (at, run) = self.deadlines().min()?;
        (at <= now.elapsed).then_some(run)
    }

    /// Of every run that has one.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = (Duration, RunId)> {
        self.runs.iter().filter_map(|(id, run)| match run.stage {
            Stage::Alive(limit) | Stage::Starting(_, limit) => limit.map(|at| (at, *id)),
            Stage::Stopping(_, at) => Some((at, *id)),
            Stage::Claiming(_) | Stage::Short | Stage::Resting(_) => None,
        })
    }

    /// It ends with what is heard of it next.
    fn give_up_start(&mut self, id: RunId, why: StopReason) -> Vec<Act> {
        let run = self.runs.get_mut(&id).expect("it is not over");
        let Stage::Starting(stop, _) = run.stage else {
            panic!("{run:?} is not being started")
        };
        run.stage = Stage::Starting(stop.or(Some(why)), None);
        vec![Act::GiveUpStart(id)]
    }

    pub(super) fn gave_up(&mut self, id: RunId, now: Moment) -> Vec<Act> {
        let Stage::Starting(why, _) = self.runs[&id].stage else {
            panic!("run {id} was not being started")
        };
        let outcome = Outcome::CouldNotStart("no answer".to_owned());
        self.over(id, outcome, why, now)
    }

    pub(super) fn send_stop(&mut self, id: RunId, why: StopReason, now: Moment) -> Vec<Act> {
        let Some(run) = self.runs.get_mut(&id) else {
            return Vec::new();
        };
        match &mut run.stage {
            Stage::Claiming(stop) => {
                *stop = stop.or(Some(why));
                Vec::new()
            }
            Stage::Starting(stop, until) => {
                *stop = stop.or(Some(why));
                let patience = now.elapsed + run.job.kill_after;
                *until = Some(until.map_or(patience, |until| until.min(patience)));
                Vec::new()
            }
            Stage::Stopping(..) => Vec::new(),
            Stage::Short => self.give_up(id, why, now),
            Stage::Resting(_) => vec![self.end_rest(id, why)],
            Stage::Alive(_) => {
                run.stage = Stage::Stopping(why, now.elapsed + run.job.kill_after);
                vec![Act::Signal {
                    run: id,
                    signal: run.job.stop_signal,
                }]
            }
        }
    }

    pub(super) fn send_kill(&mut self, id: RunId, now: Moment) -> Vec<Act> {
        let run = self.runs.get_mut(&id).expect("it is not over");
        let why = match run.stage {
            Stage::Claiming(_) | Stage::Short | Stage::Resting(_) => return Vec::new(),
            Stage::Starting(..) => return self.give_up_start(id, StopReason::Shutdown),
            Stage::Alive(_) => StopReason::Shutdown,
            Stage::Stopping(why, _) => why,
        };
        run.stage = Stage::Stopping(why, now.elapsed + KILL_AGAIN);
        vec![Act::Signal {
            run: id,
            signal: Signal::KILL,
        }]
    }

    pub(super) fn stop(&mut self, now: Moment) -> Vec<Act> {
        match self.phase {
            Phase::Serving => self.drain(now),
            _ => self.stop_now(now),
        }
    }

    pub(super) fn stop_now(&mut self, now: Moment) -> Vec<Act> {
        let mut acts = match self.phase {
            Phase::Serving => self.drain(now),
            _ => Vec::new(),
        };
        acts.extend(match self.phase {
            Phase::Stopping | Phase::Killing => self.kill_all(now),
            _ => self.stop_all(now),
        });
        acts
    }

    fn drain(&mut self, now: Moment) -> Vec<Act> {
        self.phase = Phase::Draining(now.elapsed + self.file.grace);
        let acts = self.all_waiting(|_| true);
        let mut acts: Vec<_> = acts.into_iter().map(|one| self.leave(one)).collect();
        self.runs
            .retain(|_, run| !matches!(run.stage, Stage::Resting(_)));
        acts.extend(self.decide_due(now));
        acts
    }

    fn stop_all(&mut self, now: Moment) -> Vec<Act> {
        self.phase = Phase::Stopping;
        let runs: Vec<_> = self.runs.keys().copied().collect();
        runs.into_iter()
            .flat_map(|run| self.send_stop(run, StopReason::Shutdown, now))
            .collect()
    }

    fn kill_all(&mut self, now: Moment) -> Vec<Act> {
        self.phase = Phase::Killing;
        let runs: Vec<_> = self.runs.keys().copied().collect();
        runs.into_iter()
            .flat_map(|run| self.send_kill(run, now))
            .collect()
    }
}

impl Run {
    /// From when its claim is written: what it may take, and once more as long as it may take to be killed. One that
    /// is not wanted any more has the latter alone.
    pub(super) fn starting(&self, stop: Option<StopReason>, now: Moment) -> Stage {
        let (limit, grace) = (self.job.timeout, self.job.kill_after);
        let patience = match stop {
            Some(_) => Some(grace),
            None => limit.map(|limit| limit + grace),
        };
        Stage::Starting(stop, patience.map(|patience| now.elapsed + patience))
    }
}

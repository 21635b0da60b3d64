//! Time limits, stopping one run, and stopping hupd: a state, not a function that waits.

use std::time::Duration;

use super::objection::Objection;
use super::retries::NoMore;
use super::runs::State;
use super::waiting::Waiting;
use super::{Effect, Engine, Send};
use crate::clock::Moment;
use crate::config::Missed;
use crate::ledger::{Fate, RunEnd};
use crate::run::{Outcome, RunId, Signal, StopReason, Trigger};

/// KILL is sent again after this time as long as a run has not ended: a group that forks fast can
/// have a member that the first one missed.
const KILL_AGAIN: Duration = Duration::from_secs(1);

/// Whether hupd serves or how far its stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Serving,
    /// Nothing new starts; what runs may finish until then, on the elapsed clock.
    Draining {
        stop_at: Duration,
    },
    /// The stop signals have been sent.
    Stopping,
    /// Everything gets KILL at once.
    Killing,
}

impl Phase {
    pub(super) fn deadline(self) -> Option<Duration> {
        match self {
            Self::Draining { stop_at } => Some(stop_at),
            Self::Serving | Self::Stopping | Self::Killing => None,
        }
    }
}

impl Engine {
    /// TERM or INT: drain; a second one: stop now; a third: kill now.
    pub fn stop(&mut self, now: Moment) -> Vec<Effect> {
        match self.phase {
            Phase::Serving => self.drain(now),
            Phase::Draining { .. } | Phase::Stopping | Phase::Killing => self.stop_now(now),
        }
    }

    /// QUIT: no grace; again: kill now.
    pub fn stop_now(&mut self, now: Moment) -> Vec<Effect> {
        match self.phase {
            Phase::Serving => {
                let mut effects = self.drain(now);
                effects.extend(self.stop_all(now));
                effects
            }
            Phase::Draining { .. } => self.stop_all(now),
            Phase::Stopping | Phase::Killing => self.kill_all(now),
        }
    }

    fn drain(&mut self, now: Moment) -> Vec<Effect> {
        self.phase = Phase::Draining {
            stop_at: now.elapsed.saturating_add(self.config.daemon.grace),
        };
        let waiting = self.queue.remove_if(|_| true);
        let mut effects: Vec<_> = waiting
            .into_iter()
            .map(|waiting| self.leave(&waiting, Objection::Stopping))
            .collect();
        effects.extend(self.put_off_all());
        // The alarm may not have been heard yet: hupd was stopped, or this signal came at the same time.
        effects.extend(self.decide_due(now));
        effects
    }

    /// What has waited does not start any more, or is left to the next hupd or the end of a pause.
    pub(super) fn leave(&self, waiting: &Waiting, objection: Objection) -> Effect {
        let occurrence = &waiting.occurrence;
        let missed = match occurrence.trigger {
            Trigger::Request | Trigger::Change => Missed::Skip,
            Trigger::Schedule | Trigger::Every => self.config.jobs[&occurrence.job].missed,
        };
        match (self.fate_by(&objection, missed), waiting.starts_at) {
            (Fate::Skipped | Fate::Missed, None) => {
                self.record(occurrence.clone(), Fate::Skipped, &objection.to_string())
            }
            // Its time may come when the next one serves.
            _ => self.record_waiting(waiting, &objection.to_string()),
        }
    }

    fn stop_all(&mut self, now: Moment) -> Vec<Effect> {
        self.phase = Phase::Stopping;
        let runs = self.runs.ids();
        runs.into_iter()
            .flat_map(|run| self.begin_stop(run, StopReason::Shutdown, now))
            .collect()
    }

    fn kill_all(&mut self, now: Moment) -> Vec<Effect> {
        self.phase = Phase::Killing;
        let runs = self.runs.ids();
        runs.into_iter()
            .filter_map(|run| self.kill_now(run, now))
            .collect()
    }

    /// `hupctl kill`: ends one run; none where it is over or still waits for a place.
    pub fn kill(&mut self, run: RunId, now: Moment) -> Option<Vec<Effect>> {
        if let Some(waiting) = self.queue.remove(run) {
            let reason = format!(
                "killed on request while it waited: {}",
                self.why_waits(&waiting)
            );
            return Some(vec![self.record(
                waiting.occurrence,
                Fate::Skipped,
                &reason,
            )]);
        }
        self.runs.get(run)?;
        let mut effects = self.begin_stop(run, StopReason::Request, now);
        // One that waited for its next attempt is in nobody's way any more.
        effects.extend(self.admit_waiting(now));
        Some(effects)
    }

    /// Time limits, KILL after the stop signal, and the end of the grace period.
    pub(super) fn enforce(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.phase.deadline().is_some_and(|at| at <= now.elapsed) {
            effects.extend(self.stop_all(now));
        }
        while let Some(run) = self.runs.overdue(now) {
            effects.extend(self.enforce_on(run, now));
        }
        effects
    }

    fn enforce_on(&mut self, run: RunId, now: Moment) -> Vec<Effect> {
        match self.runs.get(run).expect("a deadline is of a run").state {
            State::Stopping { .. } => self.kill_now(run, now).into_iter().collect(),
            State::Starting { stop, .. } => {
                let why = stop.unwrap_or(StopReason::TimeLimit);
                self.give_up_start(run, why).into_iter().collect()
            }
            _ => self.begin_stop(run, StopReason::TimeLimit, now),
        }
    }

    /// The stop signal to the whole group; KILL follows after `kill_after`.
    pub(super) fn begin_stop(&mut self, id: RunId, why: StopReason, now: Moment) -> Vec<Effect> {
        let Some(run) = self.runs.get(id) else {
            return Vec::new();
        };
        let (signal, job) = (run.job.stop_signal, run.job.name.clone());
        let kill_at = now.elapsed.saturating_add(run.job.kill_after);
        match run.state {
            State::Claiming { stop } => {
                let stop = stop.or(Some(why));
                self.runs.set_state(id, State::Claiming { stop });
                Vec::new()
            }
            State::Starting {
                since,
                stop,
                give_up_at,
            } => {
                let hurried = State::Starting {
                    since,
                    stop: stop.or(Some(why)),
                    give_up_at: Some(give_up_at.map_or(kill_at, |at| at.min(kill_at))),
                };
                self.runs.set_state(id, hurried);
                Vec::new()
            }
            State::Short => self.give_up(id, Some(why), now),
            State::Resting { .. } => {
                let end = self.end_rest(id, NoMore::Stopped(why), now);
                end.into_iter().collect()
            }
            State::Alive { process, .. } => {
                let stopping = State::Stopping {
                    process,
                    why,
                    kill_at,
                };
                self.runs.set_state(id, stopping);
                vec![Effect::Signal(Send {
                    run: id,
                    job,
                    signal,
                    why,
                })]
            }
            State::Stopping { .. } => Vec::new(),
        }
    }

    /// A start that takes too long. What comes of it is told: no process, or the one that there is by now.
    fn give_up_start(&mut self, id: RunId, why: StopReason) -> Option<Effect> {
        let run = self.runs.get(id)?;
        let State::Starting { since, .. } = run.state else {
            return None;
        };
        let job = run.job.name.clone();
        let given_up = State::Starting {
            since,
            stop: Some(why),
            give_up_at: None,
        };
        self.runs.set_state(id, given_up);
        Some(Effect::GiveUpStart { job, run: id })
    }

    /// There is no process, and there will be none.
    pub(super) fn gave_up(&mut self, run: RunId, reason: String, now: Moment) -> Vec<Effect> {
        let stopped_by = match self.runs.get(run).map(|run| run.state) {
            Some(State::Starting { stop, .. }) => stop,
            _ => return Vec::new(),
        };
        let end = RunEnd {
            stopped_by,
            ..RunEnd::unmade(run, Outcome::CouldNotStart(reason), now.wall)
        };
        self.over(end, now)
    }

    /// KILL to the whole group, and again later as long as it lives.
    pub(super) fn kill_now(&mut self, id: RunId, now: Moment) -> Option<Effect> {
        let run = self.runs.get(id)?;
        let job = run.job.name.clone();
        let (process, why) = match run.state {
            State::Claiming { .. } | State::Short | State::Resting { .. } => return None,
            State::Starting { stop, .. } => {
                return self.give_up_start(id, stop.unwrap_or(StopReason::Shutdown));
            }
            State::Alive { process, .. } => (process, StopReason::Shutdown),
            State::Stopping { process, why, .. } => (process, why),
        };
        let kill_at = now.elapsed.saturating_add(KILL_AGAIN);
        self.runs.set_state(
            id,
            State::Stopping {
                process,
                why,
                kill_at,
            },
        );
        Some(Effect::Signal(Send {
            run: id,
            job,
            signal: Signal::KILL,
            why,
        }))
    }
}

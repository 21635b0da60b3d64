//! When there are no processes, no memory or no descriptors for what is to start: it waits, and is tried again.
//!
//! One at a time, after a delay that grows and whenever something has ended; each one that starts lets the next one
//! try. Those go first that were tried least, for what one lacks may be its own, and of them the earliest due. So a great many that wait cost no more tries than one.

use std::time::Duration;

use jiff::Timestamp;

use super::admit::too_old;
use super::runs::{Run, State};
use super::{Effect, Engine, Phase};
use crate::clock::Moment;
use crate::ledger::RunEnd;
use crate::run::{Outcome, RunId, StopReason};

const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// Why there was nothing to make the process of a run of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// As the last try was told.
    pub reason: String,
    /// The first one.
    pub since: Timestamp,
}

/// When it is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shortage {
    /// On the elapsed clock.
    again_at: Duration,
    delay: Duration,
}

impl Engine {
    /// There was nothing to make the process of a run of.
    pub(super) fn fell_short(&mut self, run: RunId, reason: String, now: Moment) -> Vec<Effect> {
        let Some(State::Starting { stop, .. }) = self.runs.get(run).map(|run| run.state) else {
            return Vec::new();
        };
        let stop = match self.phase {
            Phase::Stopping | Phase::Killing => stop.or(Some(StopReason::Shutdown)),
            Phase::Serving | Phase::Draining { .. } => stop,
        };
        self.runs.fall_short(run, reason, now.wall);
        let shortage = self.shortage.get_or_insert(Shortage {
            again_at: now.elapsed + FIRST_DELAY,
            delay: FIRST_DELAY,
        });
        if shortage.again_at <= now.elapsed {
            shortage.again_at = now.elapsed + shortage.delay;
        }
        match stop {
            Some(why) => self.give_up(run, Some(why), now),
            None => Vec::new(),
        }
    }

    /// It does not wait any longer: that is its end.
    pub(super) fn give_up(
        &mut self,
        run: RunId,
        why: Option<StopReason>,
        now: Moment,
    ) -> Vec<Effect> {
        let end = self.unmade(run, why, now);
        self.over(end, now)
    }

    fn unmade(&self, run: RunId, stopped_by: Option<StopReason>, now: Moment) -> RunEnd {
        let lack = self.runs.get(run).and_then(|run| run.lack.as_ref());
        let reason = lack.map(|lack| lack.reason.clone()).unwrap_or_default();
        RunEnd {
            stopped_by,
            ..RunEnd::unmade(run, Outcome::CouldNotStart(reason), now.wall)
        }
    }

    /// When the next try is due, on the elapsed clock.
    pub(super) fn next_try(&self) -> Option<Duration> {
        let shortage = self.shortage.as_ref()?;
        self.runs.first_short().map(|_| shortage.again_at)
    }

    /// A try, if its time has come.
    pub(super) fn try_in_time(&mut self, now: Moment) -> Vec<Effect> {
        if self.next_try().is_none_or(|at| at > now.elapsed) {
            return Vec::new();
        }
        if let Some(shortage) = &mut self.shortage {
            shortage.delay = LONGEST_DELAY.min(shortage.delay * 2);
            shortage.again_at = now.elapsed + shortage.delay;
        }
        self.try_next(now)
    }

    /// The first of those that wait, if anything starts at all. One that has waited beyond its deadline is not started
    /// any more.
    pub(super) fn try_next(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        if matches!(self.phase, Phase::Stopping | Phase::Killing) {
            return effects;
        }
        while let Some(id) = self.runs.first_short()
            && let Some(run) = self.runs.get(id)
        {
            let late = too_old(&run.job, &run.occurrence, now);
            // Once it has started in time, its `retry` says how long it goes on.
            let Some(late) = late.filter(|_| run.attempt == 1) else {
                effects.extend(self.start_again(id, now));
                break;
            };
            let mut end = self.unmade(id, None, now);
            if let Outcome::CouldNotStart(reason) = &mut end.outcome {
                *reason = format!("{late}; {reason}");
            }
            effects.extend(self.close(end));
        }
        effects
    }

    /// The last one that waited has started, or does not wait any more.
    pub(super) fn end_shortage(&mut self) {
        if self.runs.first_short().is_none() {
            self.shortage = None;
        }
    }

    pub fn is_short(&self) -> bool {
        self.shortage.is_some()
    }

    /// Why a run waits for a process, if it does, and when one of those that do is tried again, on the elapsed clock.
    pub fn lack_of(&self, run: &Run) -> Option<(Lack, Duration)> {
        let lack = run.lack.as_deref().filter(|_| run.state == State::Short);
        lack.cloned().zip(self.next_try())
    }
}

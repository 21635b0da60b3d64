//! Of what begins: in time, in order, once, and where it may.

use std::sync::Arc;
use std::time::Duration;

use hupd::clock::Moment;
use hupd::daemon::Daemon;
use hupd::engine::{Engine, Pace, Phase};
use hupd::event::{ClaimVerdict, Claimed};
use hupd::run::{JobName, Occurrence, RunId, Trigger};
use jiff::Timestamp;

use super::{
    ALONE, ATTEMPTS, CLAIMED_FIRST, GENERATIONS, Invariants, NEVER_EARLY, NOTHING_FORGOTTEN, ONCE,
    ONE_FATE, Open, PAUSED, PLACES, QUIET, TURNS, Verdict, broken,
};
use crate::simulation::acts::Named;
use crate::simulation::jobs::Due;
use crate::simulation::machine::Machine;
use crate::simulation::oracle::Schedule;

/// An instant told by two clocks may be off by as much as they drift apart before hupd takes notice.
const TREMBLE: Duration = Duration::from_millis(10);

impl Invariants {
    pub(super) fn claim(
        &mut self,
        engine: &Engine,
        run: RunId,
        occurrence: &Occurrence,
        now: Moment,
    ) -> Verdict {
        if engine.phase() != Phase::Serving {
            return broken(QUIET, Named(occurrence));
        }
        let job = &occurrence.job;
        let is_paused = engine.pause_of(job).is_some() && self.pausing.as_ref() != Some(job);
        if is_paused && occurrence.trigger != Trigger::Request {
            return broken(PAUSED, Named(occurrence));
        }
        let since = self.queued.remove(occurrence);
        // What is claimed once more, because its time comes once more, was looked at the first time.
        if !self.refused.contains(&run) {
            self.is_not_early(occurrence, now)?;
            self.is_next(occurrence, false, now)?;
            self.has_waited(engine, run)?;
            self.is_alone(&occurrence.job)?;
        }
        let Some(begun) = engine.run(run) else {
            return broken(ONE_FATE, format!("run {run} is nowhere"));
        };
        let job = Arc::clone(&begun.job);
        self.is_placed(run)?;
        self.is_beside(&job, occurrence)?;
        self.is_newest(begun, since)?;
        self.has_come(occurrence);
        if begun.pace == Pace::CatchUp {
            self.has_turn(engine)?;
        }
        let open = Open::of(job, false);
        let before = self.open.insert(run, open);
        self.most_at_once = self.most_at_once.max(self.open.len());
        match before {
            None => Ok(()),
            Some(_) => broken(GENERATIONS, format!("run {run} twice")),
        }
    }

    fn is_not_early(&self, occurrence: &Occurrence, now: Moment) -> Verdict {
        let early = occurrence.instant.duration_since(now.wall);
        let is_early = match occurrence.trigger {
            Trigger::Every => early > TREMBLE.try_into().expect("it is short"),
            Trigger::Schedule => early.is_positive(),
            Trigger::Request | Trigger::Change => false,
        };
        // What has waited was due before somebody set the clock back.
        match is_early && !self.waiting.contains(occurrence) {
            true => broken(NEVER_EARLY, format!("{} by {early}", Named(occurrence))),
            false => Ok(()),
        }
    }

    pub(super) fn is_alone(&self, job: &JobName) -> Verdict {
        match self.is_hanging(job) {
            true => broken(ALONE, job),
            false => Ok(()),
        }
    }

    /// What waits for its next attempt has no place.
    pub(super) fn is_placed(&self, run: RunId) -> Verdict {
        let others = self.open.iter().filter(|(other, _)| **other != run);
        let others = others.filter(|(_, open)| !open.is_resting).count();
        match others < self.places {
            true => Ok(()),
            false => broken(PLACES, format!("run {run} is one of {}", others + 1)),
        }
    }

    /// A file that allows fewer ends none of those that there are.
    fn has_turn(&self, engine: &Engine) -> Verdict {
        let late = engine.runs().filter(|run| run.pace == Pace::CatchUp);
        match late.count() <= self.turns_to_take {
            true => Ok(()),
            false => broken(TURNS, self.turns_to_take),
        }
    }

    /// Whether no instant of the job's schedule was left out before this one.
    pub(super) fn is_next(
        &mut self,
        occurrence: &Occurrence,
        stands_for_more: bool,
        now: Moment,
    ) -> Verdict {
        let Occurrence { job, instant, .. } = occurrence;
        let Some((schedule, expected)) = self.expected_of(job) else {
            return Ok(());
        };
        // What is started of those that the row stands for is checked by the model.
        if stands_for_more {
            self.expect(job, Some(Due::At(schedule)), now.wall.max(*instant));
            return Ok(());
        }
        let has_waited = self.waiting.contains(occurrence);
        if has_waited || occurrence.trigger != Trigger::Schedule || *instant < expected {
            return Ok(());
        }
        if *instant > expected {
            let what = format!("{}, but {expected} came first", Named(occurrence));
            return broken(NOTHING_FORGOTTEN, what);
        }
        self.expect(job, Some(Due::At(schedule)), *instant);
        Ok(())
    }

    /// The next instant that a job's schedule names, but for one that has waited already and is named again by a
    /// clock that was set back.
    fn expected_of(&self, job: &JobName) -> Option<(Schedule, Timestamp)> {
        let &(schedule, mut expected) = self.expected.get(job)?;
        let mut one = Occurrence {
            job: job.clone(),
            instant: expected,
            trigger: Trigger::Schedule,
        };
        while self.waiting.contains(&one) {
            expected = self.oracle.next_after(schedule, expected)?;
            one.instant = expected;
        }
        Some((schedule, expected))
    }

    pub(super) fn spawn(
        &mut self,
        daemon: &Daemon<Machine>,
        run: RunId,
        (occurrence, attempt): (&Occurrence, u32),
    ) -> Verdict {
        let line = daemon.world().ledger.line(occurrence);
        if line.is_none_or(|line| (line.fate, line.run) != ("ran", Some(run))) {
            let what = format!("run {run} of {}: {line:?}", Named(occurrence));
            return broken(CLAIMED_FIRST, what);
        }
        let since = daemon.world().clock.moment().elapsed;
        self.starting.insert(run, (occurrence.clone(), since));
        let before = self.started.insert(occurrence.clone(), attempt);
        if before.unwrap_or(0) + 1 == attempt {
            return self.is_wanted(daemon.engine(), run, attempt);
        }
        let invariant = if attempt == 1 { ONCE } else { ATTEMPTS };
        broken(invariant, format!("{}, {attempt}", Named(occurrence)))
    }

    pub(super) fn begun(&mut self, run: RunId) -> Verdict {
        self.starting.remove(&run);
        match self.open.get_mut(&run) {
            Some(open) => {
                open.is_alive = true;
                Ok(())
            }
            None => broken(ONCE, format!("run {run} starts after its end")),
        }
    }

    /// A claim that was refused never becomes a process.
    pub(super) fn claimed(&mut self, verdicts: &[ClaimVerdict]) {
        for verdict in verdicts {
            if verdict.claimed == Claimed::AlreadyThere {
                self.open.remove(&verdict.run);
                self.refused.insert(verdict.run);
            }
        }
    }
}

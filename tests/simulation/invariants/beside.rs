//! Of what may be beside what: runs of one job, of one group, older and newer ones.

use hupd::clock::Moment;
use hupd::config::{Job, Overlap};
use hupd::engine::{Engine, Pace, Run, State};
use hupd::run::{JobName, Occurrence, RunId, StopReason};

use super::{
    APART, AT_ONCE, FOR_NEWER, IN_ORDER, Invariants, NEWEST, OVERLAP, Open, Verdict, broken,
};
use crate::simulation::acts::Named;
use crate::simulation::jobs::FileSpec;

impl Invariants {
    pub(super) fn is_beside(&self, job: &Job, occurrence: &Occurrence) -> Verdict {
        let same = |open: &&Open| open.job.name == job.name;
        let alive = self.open.values().filter(same).count();
        if alive >= job.overlap.most() {
            let invariant = match job.overlap {
                Overlap::Allow { .. } => AT_ONCE,
                _ => OVERLAP,
            };
            return broken(invariant, Named(occurrence));
        }
        // What rests may have left the group by this file, or have come into it.
        let others = self.open.values();
        let others = others.filter(|open| !(self.is_reload && open.is_resting));
        let mut groups = others.filter_map(|open| open.job.group.as_ref());
        match groups.any(|group| Some(group) == job.group.as_ref()) {
            true => broken(APART, Named(occurrence)),
            false => Ok(()),
        }
    }

    /// Nobody of the group who waited before this turn, and is in time as well, was due earlier.
    pub(super) fn has_waited(&self, engine: &Engine, run: RunId) -> Verdict {
        let Some(begun) = engine.run(run).filter(|_| !self.is_reload) else {
            return Ok(());
        };
        let Some(group) = begun.job.group.as_ref() else {
            return Ok(());
        };
        if begun.pace == Pace::CatchUp {
            return Ok(());
        }
        let place = (begun.occurrence.instant, begun.id);
        let jobs = engine.config().jobs.values();
        // Who waits for a start that hangs is ahead of nobody.
        let jobs = jobs.filter(|job| !self.is_hanging(&job.name));
        let jobs = jobs.filter(|job| job.group.as_ref() == Some(group));
        for other in jobs.flat_map(|job| engine.waiting_of(&job.name)) {
            let since = self.queued.get(&other.occurrence);
            let was_there = since.is_some_and(|turn| *turn < self.turns);
            let is_ready = other.pace == Pace::InTime && other.starts_at.is_none();
            let is_earlier = (other.occurrence.instant, other.run) < place;
            if was_there && is_ready && is_earlier {
                let (one, other) = (Named(&begun.occurrence), Named(&other.occurrence));
                return broken(IN_ORDER, format!("{one} before {other}"));
            }
        }
        Ok(())
    }

    /// One that waited since that turn must have made way for a newer one that came later, and before this turn.
    pub(super) fn is_newest(&self, begun: &Run, since: Option<u64>) -> Verdict {
        let Occurrence { job, instant, .. } = &begun.occurrence;
        let newest = self.newest.get(job).filter(|(newest, turn)| {
            let has_waited = since.is_some_and(|since| since <= *turn && *turn < self.turns);
            has_waited && newest > instant
        });
        let is_replacing = begun.job.overlap == Overlap::Replace && !self.mixed.contains(job);
        match newest.filter(|_| is_replacing) {
            Some((newest, _)) => broken(
                NEWEST,
                format!("{} after {newest}", Named(&begun.occurrence)),
            ),
            None => Ok(()),
        }
    }

    /// What came before the clock was set back and hupd was killed comes once more: until then it is nothing new.
    pub(super) fn has_come(&mut self, occurrence: &Occurrence) {
        let Occurrence { job, instant, .. } = occurrence;
        // Two clocks may differ by so much about an instant.
        let is_ahead = |read: Moment| instant.duration_since(read.wall).as_nanos() > 10_000_000;
        if self.read.is_some_and(is_ahead) {
            return;
        }
        let newest = self.newest.get(job);
        if newest.is_none_or(|(newest, _)| newest < instant) {
            let newest = (*instant, self.turns);
            self.newest.insert(job.clone(), newest);
        }
    }

    /// What is due later makes way for nobody who is due earlier, unless the clock has been set back.
    pub(super) fn makes_way(&self, engine: &Engine, run: RunId) -> Verdict {
        let run = engine.run(run);
        let Some((run, State::Stopping { why, .. })) = run.map(|run| (run, run.state)) else {
            return Ok(());
        };
        let StopReason::ReplacedBy(by) = why else {
            return Ok(());
        };
        let newer = engine.run(by).map(|by| &by.occurrence);
        let newer = newer.or_else(|| engine.waiting_for(by));
        let newer = newer.filter(|_| !self.went_back);
        // Two clocks may differ by so much about an instant.
        let is_older = |by: &&Occurrence| {
            run.occurrence.instant.duration_since(by.instant).as_nanos() > 10_000_000
        };
        match newer.filter(is_older) {
            Some(by) => broken(
                FOR_NEWER,
                format!("{} for {}", Named(&run.occurrence), Named(by)),
            ),
            None => Ok(()),
        }
    }

    /// What came before the clock was set back is older than what comes now.
    pub(super) fn read_clocks(&mut self, now: Moment) {
        let before = self.read.replace(now);
        let went_back = before.is_some_and(|before| {
            let passed = (now.elapsed - before.elapsed).as_nanos() as i128;
            let on_the_wall = now.wall.duration_since(before.wall).as_nanos();
            passed - on_the_wall > 10_000_000
        });
        if went_back {
            self.went_back = true;
            self.newest.retain(|_, (newest, _)| *newest <= now.wall);
        }
    }

    /// What waited under another policy starts in order of due time, whatever it is now.
    pub(super) fn forget_newest(&mut self, (before, after): (&FileSpec, &FileSpec)) {
        let turned = after.jobs.iter().filter(|(name, job)| {
            let old = before.jobs.get(*name);
            old.is_some_and(|old| old.overlap != job.overlap)
        });
        for (name, _) in turned {
            self.mixed.insert(JobName::new(name));
        }
    }
}

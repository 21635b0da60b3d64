//! Of what may be beside what: runs of one job, of one group, older and newer ones.

use hupd::config::{Job, Overlap};
use hupd::engine::{Engine, Pace, Run};
use hupd::run::{JobName, Occurrence};

use super::{APART, AT_ONCE, IN_ORDER, Invariants, NEWEST, OVERLAP, Open, Verdict, broken};
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
        let mut groups = self
            .open
            .values()
            .filter_map(|open| open.job.group.as_ref());
        match groups.any(|group| Some(group) == job.group.as_ref()) {
            true => broken(APART, Named(occurrence)),
            false => Ok(()),
        }
    }

    /// Nobody of the group who waited before this turn, and is in time as well, was due earlier.
    pub(super) fn has_waited(&self, engine: &Engine, begun: &Run) -> Verdict {
        let Some(group) = begun.job.group.as_ref().filter(|_| !self.is_reload) else {
            return Ok(());
        };
        if begun.pace == Pace::CatchUp {
            return Ok(());
        }
        let place = (begun.occurrence.instant, begun.id);
        let jobs = engine.config().jobs.values();
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

    /// One that waited since that turn must have made way for a newer one that was there after it.
    pub(super) fn is_newest(&mut self, begun: &Run, since: Option<u64>) -> Verdict {
        let name = &begun.job.name;
        let is_replacing = begun.job.overlap == Overlap::Replace && begun.pace == Pace::InTime;
        if !is_replacing || self.mixed.contains(name) {
            return Ok(());
        }
        let newest = self.newest.get(name).copied();
        match newest.filter(|(newest, _)| *newest > begun.id) {
            None => {
                self.newest.insert(name.clone(), (begun.id, self.turns));
                Ok(())
            }
            Some((newest, turn)) if since.is_some_and(|since| since < turn) => {
                broken(NEWEST, format!("run {} after run {newest}", begun.id))
            }
            Some(_) => Ok(()),
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

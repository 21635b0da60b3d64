//! Reload: one at a time, all or nothing.

use std::sync::Arc;

use hupd::clock::Moment;
use hupd::ledger::Fate;
use hupd::run::{Generation, JobName, Occurrence, Trigger};

use super::{Last, Model, Phase, Reload, Waiting, claims_last};
use crate::simulation::acts::Act;
use crate::simulation::jobs::FileSpec;

impl Model {
    /// Of jobs that are gone.
    pub(super) fn forget_anchors(&mut self) -> Vec<Act> {
        let jobs = &self.file.jobs;
        let is_gone = |name: &JobName| !jobs.contains_key(name.as_str());
        let gone = self.anchors.extract_if(.., |name, _| is_gone(name));
        gone.map(|(name, _)| Act::NoAnchor(name)).collect()
    }

    /// A reload is wanted: one at a time, and all wishes that come meanwhile are one.
    pub(super) fn wish(&mut self, for_news_only: bool) -> Vec<Act> {
        match &mut self.reload {
            _ if self.phase != Phase::Serving => return Vec::new(),
            Some(reload) => {
                reload.again = Some(reload.again.unwrap_or(true) && for_news_only);
                return Vec::new();
            }
            None => {}
        }
        self.reload = Some(Reload {
            for_news_only,
            again: None,
        });
        vec![Act::Load]
    }

    pub(super) fn loaded(
        &mut self,
        file: Option<&Arc<FileSpec>>,
        refuses: bool,
        now: Moment,
    ) -> Vec<Act> {
        let reload = self
            .reload
            .take()
            .expect("only what was asked for is loaded");
        if self.phase != Phase::Serving {
            return Vec::new();
        }
        let mut acts = Vec::new();
        if !reload.for_news_only || self.is_news(file) {
            acts = self.judge(file, refuses, now);
        }
        if let Some(for_news_only) = reload.again {
            acts.extend(self.wish(for_news_only));
        }
        acts
    }

    fn is_news(&self, file: Option<&Arc<FileSpec>>) -> bool {
        match file {
            Some(file) => self.last.is_refused() || *file != self.file,
            // A broken file always has the same problem here.
            None => self.last != Last::Broken,
        }
    }

    fn judge(&mut self, file: Option<&Arc<FileSpec>>, refuses: bool, now: Moment) -> Vec<Act> {
        let is_right = |file: &&Arc<FileSpec>| file.state_dir == self.file.state_dir && !refuses;
        let right = file.filter(is_right);
        self.last = match (right, file) {
            (Some(_), _) => Last::Accepted,
            (None, Some(_)) => Last::Refused,
            (None, None) => Last::Broken,
        };
        let adopted = match right {
            Some(file) => claims_last(self.adopt(Arc::clone(file), now)),
            None => Vec::new(),
        };
        let mut acts = vec![Act::Verdict {
            accepted: !self.last.is_refused(),
            generation: self.generation,
        }];
        acts.extend(adopted);
        acts
    }

    fn adopt(&mut self, file: Arc<FileSpec>, now: Moment) -> Vec<Act> {
        let mut acts = self.wake(now);
        let old = std::mem::replace(&mut self.file, Arc::clone(&file));
        for name in old
            .jobs
            .keys()
            .filter(|name| !file.jobs.contains_key(*name))
        {
            let (job, name) = (&old.jobs[name], JobName::new(name));
            acts.extend(self.miss_in_pause(&name, job, now));
            self.next.remove(&name);
            if self.anchors.remove(&name).is_some() {
                acts.push(Act::NoAnchor(name.clone()));
            }
            if old.jobs[name.as_str()].timing(&name, &self.zones).is_some() {
                acts.push(Act::Timing(name, None));
            }
        }
        for (name, job) in &file.jobs {
            let before = old.jobs.get(name);
            if !before.is_some_and(|old| (old.due, old.enabled) == (job.due, job.enabled)) {
                let name = JobName::new(name);
                let before = before.and_then(|old| old.timing(&name, &self.zones));
                let timing = job.timing(&name, &self.zones);
                acts.extend((before != timing).then(|| Act::Timing(name.clone(), timing)));
                let old = old.jobs.get(name.as_str());
                let missed = old.map(|old| self.miss_in_pause(&name, old, now));
                acts.extend(missed.into_iter().flatten());
                acts.extend(self.plan(&name, job, now));
            }
        }
        acts.extend(self.skip_unwanted());
        if *old != *file {
            self.generation = Generation(self.generation.0 + 1);
        }
        acts.extend(self.revise_resting());
        acts.extend(self.run_changed(&old, now));
        acts.extend(self.admit(now));
        acts.push(Act::Decided(now.wall));
        acts
    }

    /// What waits of jobs that are gone, or are switched off and nobody asked for.
    fn skip_unwanted(&mut self) -> Vec<Act> {
        let file = Arc::clone(&self.file);
        let is_unwanted = |one: &Occurrence| match file.jobs.get(one.job.as_str()) {
            Some(job) => !job.enabled && one.trigger != Trigger::Request,
            None => true,
        };
        let unwanted = self.all_waiting(|one| is_unwanted(&one.occurrence));
        unwanted
            .into_iter()
            .map(|one| self.fate(one.occurrence, Fate::Skipped))
            .collect()
    }

    /// Takes out whatever waits and is such, in order.
    pub(super) fn all_waiting(&mut self, is_such: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        let queued = self.waiting.extract_if(.., |_, one| is_such(one));
        let mut all: Vec<_> = queued.map(|((_, run), one)| (run, one)).collect();
        let delayed = self.delayed.extract_if(.., |_, one| is_such(one));
        all.extend(delayed.map(|((_, run), one)| (run, one)));
        all.sort_by_key(|(run, one)| (one.occurrence.instant, *run));
        all.into_iter().map(|(_, one)| one).collect()
    }
}

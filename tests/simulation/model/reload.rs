//! Reload: one at a time, all or nothing.

use std::sync::Arc;

use hupd::clock::Moment;
use hupd::ledger::Fate;
use hupd::protocol::Earlier;
use hupd::run::{Generation, JobName, Occurrence, Trigger};

use super::{Last, Loaded, Model, Of, Phase, Reload, Waiting, Wish, claims_last};
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

    /// A reload is wanted: one at a time, and all wishes for the disk that come in a row meanwhile are one.
    pub(super) fn wish(&mut self, wish: Wish) -> Vec<Act> {
        let Some(reload) = &mut self.reload else {
            return match self.phase {
                Phase::Serving => self.load(wish, Vec::new()),
                _ => Vec::new(),
            };
        };
        match (reload.again.last_mut(), wish) {
            _ if self.phase != Phase::Serving => {}
            (Some((Of::Disk, only_news)), (Of::Disk, news)) => *only_news &= news,
            _ => reload.again.push(wish),
        }
        Vec::new()
    }

    fn load(&mut self, wish: Wish, again: Vec<Wish>) -> Vec<Act> {
        self.reload = Some(Reload { wish, again });
        vec![match wish.0 {
            Of::Disk => Act::Load,
            Of::ToConfirm(_) if self.store_fails => return Vec::new(),
            Of::ToConfirm(_) => Act::Unconfirmed(self.confirmed_text()),
            // Nobody knows what was before, and nobody is asked.
            Of::Earlier(Earlier::Before) if self.store_fails => return Vec::new(),
            Of::Earlier(which) => Act::Fetch(which),
            Of::Confirmed => Act::LoadKept(self.confirmed_text()),
        }]
    }

    pub(super) fn loaded(&mut self, loaded: Loaded, refuses: bool, now: Moment) -> Vec<Act> {
        let reload = self.reload.take();
        let Reload { wish, again } = reload.expect("only what was asked for is loaded");
        let (of, for_news_only) = wish;
        if self.phase != Phase::Serving {
            return self.withdraw(of);
        }
        let mut acts = Vec::new();
        if !for_news_only || self.is_news(&loaded) {
            acts = self.judge(of, loaded, refuses, now);
        }
        let is_wanted = |(of, _): &Wish| *of != Of::Confirmed || self.comes_back();
        if let Some(next) = again.iter().position(is_wanted) {
            acts.extend(self.load(again[next], again[next + 1..].to_vec()));
        }
        acts
    }

    fn is_news(&self, loaded: &Loaded) -> bool {
        match loaded {
            Loaded::Right(file) => {
                let known = match &self.instead_of {
                    None => Some(&self.file),
                    Some(on_disk) => on_disk.as_ref(),
                };
                let was_wrong = self.last.is_refused() && self.instead_of.is_none();
                was_wrong || Some(file) != known
            }
            // A broken file always has the same problem here.
            _ => self.last != Last::Broken,
        }
    }

    fn judge(&mut self, of: Of, loaded: Loaded, refuses: bool, now: Moment) -> Vec<Act> {
        let is_read = !matches!(loaded, Loaded::Nothing);
        let (is_broken, file) = match loaded {
            Loaded::Right(file) => (false, Some(file)),
            Loaded::Broken => (true, None),
            Loaded::Nothing => (false, None),
        };
        let is_right = |file: &Arc<FileSpec>| file.state_dir == self.file.state_dir && !refuses;
        let right = file.filter(is_right);
        let accepted = right.is_some();
        if let (Of::Disk | Of::ToConfirm(_), true) = (of, is_read) {
            self.last = match (accepted, is_broken) {
                (true, _) => Last::Accepted,
                (false, false) => Last::Refused,
                (false, true) => Last::Broken,
            };
        }
        let mut adopted = Vec::new();
        let mut acts = match right {
            Some(file) => {
                let before = Arc::clone(&self.file);
                adopted = claims_last(self.adopt(file, now));
                self.came_into_force(of, before, now)
            }
            None => self.was_refused(of, now),
        };
        acts.extend(self.withdraw(of));
        // Of a text that is not there nothing is on record.
        if is_read || !matches!(of, Of::Earlier(_)) {
            acts.push(Act::Verdict {
                accepted,
                generation: self.generation,
            });
        }
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

//! Jobs that are paused: not due, and what they miss is decided when the pause ends.

use hupd::clock::Moment;
use hupd::config::Missed;
use hupd::ledger::{Fate, Pause, Waited};
use hupd::run::{JobName, Trigger};
use jiff::Timestamp;

use super::{Model, Paused, Phase};
use crate::simulation::acts::Act;
use crate::simulation::jobs::JobSpec;
use crate::simulation::owed::micros;

impl Model {
    pub(super) fn pause(
        &mut self,
        name: &JobName,
        until: Option<Timestamp>,
        now: Moment,
    ) -> Vec<Act> {
        if self.job(name).is_none() || until.is_some_and(|until| until <= now.wall) {
            return Vec::new();
        }
        let mut acts = self.decide_due(now);
        let mut paused = Paused {
            since: micros(now.wall),
            until: until.map(micros),
            waited: Vec::new(),
        };
        if let Some(old) = self.pauses.remove(name) {
            (paused.since, paused.waited) = (old.since, old.waited);
        }
        self.next.remove(name);
        let waiting = self.all_waiting(|one| {
            one.occurrence.job == *name && one.occurrence.trigger != Trigger::Request
        });
        for one in waiting {
            let waited = Waited {
                occurrence: one.occurrence.clone(),
                starts_at: one.starts_at,
            };
            let act = self.leave(one);
            if matches!(
                act,
                Act::Fate {
                    fate: Fate::Waiting,
                    ..
                }
            ) {
                paused.waited.push(waited);
            }
            acts.push(act);
        }
        acts.push(self.paused(name, paused));
        acts
    }

    fn paused(&mut self, name: &JobName, paused: Paused) -> Act {
        let act = Act::Pause(name.clone(), paused.since, paused.until);
        self.pauses.insert(name.clone(), paused);
        act
    }

    pub(super) fn resume(&mut self, name: &JobName, now: Moment) -> Vec<Act> {
        if self.job(name).is_none() || self.phase != Phase::Serving {
            return Vec::new();
        }
        let Some(paused) = self.pauses.remove(name) else {
            return Vec::new();
        };
        let mut acts = self.decide_due(now);
        acts.extend(self.end_pause(name, paused, now));
        acts.extend(self.admit(now));
        acts.push(Act::Decided(now.wall));
        acts
    }

    /// What the clock shows once more is missed as well.
    pub(super) fn set_pauses_back(&mut self, now: Moment) -> Vec<Act> {
        let now = micros(now.wall);
        let later = self.pauses.iter_mut().filter(|(_, one)| one.since > now);
        let set_back = later.map(|(name, one)| {
            one.since = now;
            Act::Pause(name.clone(), now, one.until)
        });
        set_back.collect()
    }

    /// Those whose time is up, the earliest first.
    pub(super) fn end_pauses(&mut self, now: Moment) -> Vec<Act> {
        if self.phase != Phase::Serving {
            return Vec::new();
        }
        let is_over = |paused: &Paused| paused.until.is_some_and(|until| until <= now.wall);
        let over = self.pauses.extract_if(.., |_, paused| is_over(paused));
        let mut over: Vec<_> = over.collect();
        over.sort_by_key(|(name, paused)| (paused.until, name.clone()));
        over.into_iter()
            .flat_map(|(name, paused)| self.end_pause(&name, paused, now))
            .collect()
    }

    fn end_pause(&mut self, name: &JobName, paused: Paused, now: Moment) -> Vec<Act> {
        let job = self.job(name).expect("it is in force").clone();
        let since = job.enabled.then_some(paused.since);
        let mut acts = self.make_up_and_delay(name, &job, (paused.waited, since), now);
        acts.push(Act::NoPause(name.clone()));
        acts.extend(self.plan(name, &job, now));
        acts
    }

    /// Nothing of what an old definition has missed is made up for; the pause goes on where the job is still there.
    pub(super) fn miss_in_pause(&mut self, name: &JobName, old: &JobSpec, now: Moment) -> Vec<Act> {
        let Some(paused) = self.pauses.remove(name) else {
            return Vec::new();
        };
        let old = JobSpec {
            missed: Missed::Skip,
            ..old.clone()
        };
        let since = old.enabled.then_some(paused.since);
        let waited = paused.waited.into_iter().map(|one| one.occurrence);
        let mut acts = self.make_up_for(name, &old, (waited.collect(), since), now);
        acts.push(match self.job(name).is_some() {
            true => self.paused(name, anew(paused.until, now)),
            false => Act::NoPause(name.clone()),
        });
        acts
    }

    /// A hupd begins on a job that was paused.
    pub(super) fn pause_further(
        &mut self,
        name: &JobName,
        (pause, waited): (&Pause, Vec<Waited>),
        is_due_as_before: bool,
        now: Moment,
    ) -> Vec<Act> {
        let until = pause.until;
        if !is_due_as_before {
            let missed = waited.into_iter();
            let mut acts: Vec<_> = missed
                .map(|one| self.fate(one.occurrence, Fate::Missed))
                .collect();
            acts.push(self.paused(name, anew(until, now)));
            return acts;
        }
        let paused = Paused {
            since: pause.since,
            until,
            waited,
        };
        if until.is_some_and(|until| until <= now.wall) {
            return self.end_pause(name, paused, now);
        }
        self.pauses.insert(name.clone(), paused);
        Vec::new()
    }
}

fn anew(until: Option<Timestamp>, now: Moment) -> Paused {
    Paused {
        since: micros(now.wall),
        until,
        waited: Vec::new(),
    }
}

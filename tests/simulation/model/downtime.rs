//! What a hupd makes up for when it begins.

use std::time::Duration;

use hupd::clock::Moment;
use hupd::config::Missed;
use hupd::ledger::{Fate, Waited};
use hupd::run::{JobName, Occurrence, RunId, Trigger};
use jiff::Timestamp;

use super::{Model, Waiting};
use crate::simulation::acts::Act;
use crate::simulation::jobs::{Due, JobSpec};
use crate::simulation::life::Inheritance;
use crate::simulation::owed::divided_by;

impl Model {
    pub(super) fn make_up(&mut self, inherited: Inheritance, now: Moment) -> Vec<Act> {
        let mut left = inherited.waiting.clone();
        left.sort_by_key(
            |Waited {
                 occurrence: one, ..
             }| { (one.instant, one.job.to_string(), one.trigger.to_string()) },
        );
        let is_wanted = |model: &Self, one: &Occurrence| {
            let job = model.job(&one.job);
            !matches!(one.trigger, Trigger::Request | Trigger::Change)
                && job.is_some_and(|job| job.enabled)
        };
        let (left, unwanted): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|one| is_wanted(self, &one.occurrence));
        let unwanted = unwanted.into_iter();
        let mut acts: Vec<_> = unwanted
            .map(|one| self.fate(one.occurrence, Fate::Missed))
            .collect();
        let file = self.file.clone();
        let mut before = inherited.timings.clone();
        let mut pauses = inherited.pauses.clone();
        for (name, job) in &file.jobs {
            let name = JobName::new(name);
            let (old, timing) = (before.remove(&name), job.timing(&name, &self.zones));
            let is_as_before = old == timing;
            let is_same = old.is_some() && is_as_before;
            if !is_as_before {
                acts.push(Act::Timing(name.clone(), timing));
            }
            let left = left.iter().filter(|one| one.occurrence.job == name);
            let left: Vec<_> = left.cloned().collect();
            acts.extend(match pauses.remove(&name) {
                Some(pause) => self.pause_further(&name, (&pause, left), is_as_before, now),
                None => {
                    let since = inherited.decided.filter(|_| is_same);
                    self.make_up_and_delay(&name, job, (left, since), now)
                }
            });
        }
        acts.extend(self.set_pauses_back(now));
        acts.extend(pauses.into_keys().map(Act::NoPause));
        acts.extend(before.into_keys().map(|name| Act::Timing(name, None)));
        acts.push(Act::Decided(now.wall));
        acts
    }

    /// Those whose own time is still to come wait for that.
    pub(super) fn make_up_and_delay(
        &mut self,
        name: &JobName,
        job: &JobSpec,
        (left, since): (Vec<Waited>, Option<Timestamp>),
        now: Moment,
    ) -> Vec<Act> {
        let (delayed, left): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|one| one.starts_at.is_some_and(|at| at > now.wall));
        for one in delayed {
            self.delay_further(one, now);
        }
        let left = left.into_iter().map(|one| one.occurrence).collect();
        self.make_up_for(name, job, (left, since), now)
    }

    fn delay_further(&mut self, one: Waited, now: Moment) {
        let run = RunId(self.next_run);
        self.next_run += 1;
        let starts_at = one.starts_at.expect("it has a time");
        let drawn = starts_at.duration_since(one.occurrence.instant);
        let rest = starts_at.duration_since(now.wall).min(drawn);
        let waiting = Waiting {
            occurrence: one.occurrence,
            is_late: false,
            is_wild: false,
            starts_at: one.starts_at,
        };
        let at = now.elapsed + rest.unsigned_abs();
        self.delayed.insert((at, run), waiting);
    }

    /// Those that waited, and what has come since; the newest of all that are wanted, and are young enough.
    pub(super) fn make_up_for(
        &mut self,
        name: &JobName,
        job: &JobSpec,
        (left, since): (Vec<Occurrence>, Option<Timestamp>),
        moment: Moment,
    ) -> Vec<Act> {
        let now = moment.wall;
        let most = match job.missed {
            Missed::Skip => 0,
            Missed::Once => 1,
            Missed::All(most) => most,
        };
        let is_young = |at: Timestamp| {
            let age = now.duration_since(at);
            let deadline = job.deadline.map(crate::simulation::owed::signed);
            deadline.is_none_or(|most| age <= most)
        };
        let come = since.map_or_else(Vec::new, |since| self.come_since(name, job, since, now));
        let owed = divided_by(most, (&is_young, &|at| self.waits_at(name, job, at)), &come);
        let chosen = left.len().saturating_sub(most - owed.instants.len());
        let (mut acts, mut waiting) = (Vec::new(), Vec::new());
        for (number, occurrence) in left.into_iter().enumerate() {
            match number >= chosen && is_young(occurrence.instant) {
                true => waiting.push(Waiting {
                    occurrence,
                    is_late: true,
                    is_wild: false,
                    starts_at: None,
                }),
                false => acts.push(self.fate(occurrence, Fate::Missed)),
            }
        }
        // The missed ones first, then those that waited, then those that came.
        let (missed, starts) = owed.halves();
        acts.extend(self.decide_on(name, job, missed, moment));
        if !waiting.is_empty() {
            acts.extend(self.drop_too_old(name, job, moment));
        }
        let waiting = waiting.into_iter();
        acts.extend(waiting.flat_map(|one| self.consider(job, one, moment)));
        acts.extend(self.decide_on(name, job, starts, moment));
        acts
    }

    fn come_since(
        &self,
        name: &JobName,
        job: &JobSpec,
        since: Timestamp,
        now: Timestamp,
    ) -> Vec<Timestamp> {
        match job.due {
            Due::OnRequest => Vec::new(),
            Due::At(schedule) => {
                let next = |time: &Timestamp| self.oracle.next_after(schedule, *time);
                let come = std::iter::successors(next(&since), next);
                come.take_while(|at| *at <= now).collect()
            }
            Due::Every(every) => {
                let Some((known, anchor)) = self.anchors.get(name).copied() else {
                    return Vec::new();
                };
                if known != every {
                    return Vec::new();
                }
                let passed = Duration::try_from(since.duration_since(anchor)).unwrap_or_default();
                let first = (passed.as_nanos() / every.as_nanos()) as u32 + 1;
                let come = (first..).map(|number| anchor + every * number);
                come.take_while(|at| *at <= now).collect()
            }
        }
    }
}

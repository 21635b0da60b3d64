//! What is due, and what becomes of it.

use std::rc::Rc;

use hupd::clock::{Moment, Wake};
use hupd::ledger::Fate;
use hupd::run::{JobName, Occurrence, Trigger};
use jiff::{SignedDuration, Timestamp};

use super::{Model, Phase, Waiting};
use crate::simulation::acts::Act;
use crate::simulation::jobs::{Due, JobSpec};
use crate::simulation::owed::{Next, Owed, Owing, first, owed, steady, wall_of};

impl Model {
    /// When a job that comes into force is due first, and from where its interval is counted.
    pub(super) fn plan(&mut self, name: &JobName, job: &JobSpec, now: Moment) -> Option<Act> {
        if self.pauses.contains_key(name) {
            return None;
        }
        let anchor = self.anchors.get(name).copied();
        let next = first(job, anchor, &self.oracle, now);
        self.next.remove(name);
        self.next.extend(next.map(|next| (name.clone(), next)));
        let (Some(Next::Elapsed(at)), Due::Every(every)) = (next, job.due) else {
            return None;
        };
        if anchor.is_some_and(|(known, since)| known == every && since <= now.wall) {
            return None;
        }
        let since = wall_of(at.saturating_sub(every), self.clocks);
        self.anchors.insert(name.clone(), (every, since));
        let job = name.clone();
        let at = since;
        Some(Act::Anchor { job, every, at })
    }

    /// When something is due next, by either clock.
    pub fn next_wake(&self) -> Wake {
        let wall = self.next.values().filter_map(|next| match next {
            Next::Wall(at) => Some(*at),
            Next::Elapsed(_) => None,
        });
        let elapsed = self.next.values().filter_map(|next| match next {
            Next::Wall(_) => None,
            Next::Elapsed(at) => Some(*at),
        });
        let ends = self.pauses.values().filter_map(|paused| paused.until);
        let ends = ends.filter(|_| self.phase == Phase::Serving);
        let limits = self.deadlines().map(|(at, ..)| at);
        let delays = self.delayed.keys().map(|(at, _)| *at);
        let grace = match self.phase {
            Phase::Draining(until) => Some(until),
            _ => None,
        };
        Wake {
            wall: wall.chain(ends).min(),
            elapsed: elapsed
                .chain(limits)
                .chain(grace)
                .chain(delays)
                .chain(self.next_try())
                .chain(self.next_rested())
                .min(),
        }
    }

    pub(super) fn wake(&mut self, now: Moment) -> Vec<Act> {
        let mut acts = self.enforce(now);
        acts.extend(self.try_in_time(now));
        acts.extend(self.decide_due(now));
        acts
    }

    pub(super) fn decide_due(&mut self, now: Moment) -> Vec<Act> {
        let mut acts = Vec::new();
        self.went_back = self.note_lived(wall_of(now.elapsed, self.clocks), now);
        let lived = wall_of(now.elapsed, self.clocks);
        if self.went_back {
            acts = self.go_back(now);
        } else if lived.duration_since(now.wall) > SignedDuration::from_millis(10) {
            self.repeated = self.repeated.max(lived);
        }
        self.clocks = steady(self.clocks, now);
        let ended = self.end_pauses(now);
        let any_ended = !ended.is_empty();
        acts.extend(ended);
        let due = self.due_by(now);
        let any = any_ended || !due.is_empty();
        acts.extend(self.start_delayed(now));
        for (name, next) in due {
            let job = self.job(&name).expect("only jobs in force are due").clone();
            let waits = |at| self.waits_at(&name, &job, at);
            let owed = owed(&job, next, (&self.oracle, &waits), (now, self.clocks));
            acts.extend(self.decide(&name, &job, owed, now));
            acts.extend(self.keep_phase(&name, &job));
        }
        acts.extend(self.admit(now));
        acts.extend(any.then_some(Act::Decided(now.wall)));
        acts
    }

    /// All that is due, what has been so longest first: by each clock in its own order, and merged by the one on the wall.
    fn due_by(&self, now: Moment) -> Vec<(JobName, Next)> {
        let due = self.next.iter().filter(|(_, next)| next.has_come(now));
        let mut due: Vec<_> = due.map(|(name, next)| (*next, name.clone())).collect();
        due.sort();
        let by_wall = due.partition_point(|(next, _)| matches!(next, Next::Wall(_)));
        let mut by_elapsed = due.split_off(by_wall).into_iter().peekable();
        let mut by_wall = due.into_iter().peekable();
        let place = |(next, name): &(Next, JobName)| (next.on_the_wall(self.clocks), name.clone());
        let mut merged = Vec::new();
        loop {
            let first = match (by_wall.peek(), by_elapsed.peek()) {
                (Some(one), Some(other)) if place(one) < place(other) => by_wall.next(),
                (Some(_), None) => by_wall.next(),
                _ => by_elapsed.next(),
            };
            let Some((next, name)) = first else {
                return merged;
            };
            merged.push((name, next));
        }
    }

    /// Instants that somebody has moved on the wall are counted from where they are.
    fn keep_phase(&mut self, name: &JobName, job: &JobSpec) -> Option<Act> {
        let (Some(Next::Elapsed(next)), Due::Every(every)) = (self.next.get(name), job.due) else {
            return None;
        };
        let at = wall_of(*next - every, self.clocks);
        let (known, anchor) = self.anchors.get_mut(name)?;
        let since = at.duration_since(*anchor).as_nanos();
        let into = since.rem_euclid(every.as_nanos() as i128) as u128;
        let off = into.min(every.as_nanos() - into);
        if *known == every && since >= 0 && off <= 10_000_000 {
            return None;
        }
        (*known, *anchor) = (every, at);
        let job = name.clone();
        Some(Act::Anchor { job, every, at })
    }

    /// A step back by less is none.
    pub(super) fn note_lived(&mut self, lived: Timestamp, now: Moment) -> bool {
        let is_set_back = lived.duration_since(now.wall) > SignedDuration::from_secs(60);
        if is_set_back {
            self.lived = self.lived.max(lived);
            self.repeated = Timestamp::MIN;
        }
        is_set_back
    }

    pub(super) fn clock_set(&mut self, now: Moment) -> Vec<Act> {
        let mut acts = self.go_back(now);
        acts.extend(self.wake(now));
        acts
    }

    fn go_back(&mut self, now: Moment) -> Vec<Act> {
        self.last_request = Timestamp::MIN;
        let oracle = Rc::clone(&self.oracle);
        for (name, next) in &mut self.next {
            let job = &self.file.jobs[name.as_str()];
            if let (Next::Wall(at), Due::At(schedule)) = (&next, job.due)
                && let Some(first) = oracle.next_after(schedule, now.wall)
                && first < *at
            {
                *next = Next::Wall(first);
            }
        }
        self.set_pauses_back(now)
    }

    fn decide(&mut self, name: &JobName, job: &JobSpec, owed: Owed, now: Moment) -> Vec<Act> {
        self.next.remove(name);
        self.next.extend(owed.next.map(|next| (name.clone(), next)));
        self.decide_on(name, job, owed, now)
    }

    pub(super) fn decide_on(
        &mut self,
        name: &JobName,
        job: &JobSpec,
        owed: Owed,
        now: Moment,
    ) -> Vec<Act> {
        let occurrence = |instant| occurrence(name, job, instant);
        let mut acts = Vec::new();
        for (instant, stands_for_more) in owed.missed {
            acts.push(Act::Fate {
                occurrence: occurrence(instant),
                fate: Fate::Missed,
                generation: self.generation,
                stands_for_more,
                starts_at: None,
            });
        }
        if !owed.instants.is_empty() {
            acts.extend(self.drop_too_old(name, job, now));
        }
        for Owing {
            at,
            is_late,
            is_wild,
        } in owed.instants
        {
            let waiting = Waiting {
                occurrence: occurrence(at),
                is_late,
                is_wild,
                starts_at: None,
            };
            if !self.waits_at(name, job, at) {
                acts.extend(self.consider(job, waiting, now));
            }
        }
        acts
    }

    /// Named again after a step back: it is due already.
    pub(super) fn waits_at(&self, name: &JobName, job: &JobSpec, at: Timestamp) -> bool {
        let one = occurrence(name, job, at);
        let mut waiting = self.waiting.values().chain(self.delayed.values());
        waiting.any(|waiting| waiting.occurrence == one)
    }
}

fn occurrence(name: &JobName, job: &JobSpec, instant: Timestamp) -> Occurrence {
    Occurrence {
        job: name.clone(),
        instant,
        trigger: match job.due {
            Due::Every(_) => Trigger::Every,
            _ => Trigger::Schedule,
        },
    }
}

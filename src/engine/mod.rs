//! Every decision, pure: no clock, no I/O, no log. Each verb takes `now` and returns what is to be done.

mod admit;
mod adopt;
mod agenda;
mod begin;
mod change;
mod come;
mod decide;
mod due;
mod effect;
mod guards;
mod hangs;
mod hangup;
mod leftover;
mod lifecycle;
mod line;
mod objection;
mod owed;
mod pause;
mod replace;
mod retell;
mod retries;
mod runs;
mod shortage;
mod stop;
#[cfg(test)]
mod tests;
mod upcoming;
mod waiting;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

pub use begin::{Beginning, Left};
pub use decide::{Refused, Request};
pub use effect::{Effect, Send, Start};
pub use hangs::Hang;
use hangs::Hangs;
use owed::Around;
pub use owed::Pace;
pub use pause::NotPaused;
use pause::Pauses;
pub use runs::{Process, Run, State};
pub use shortage::Lack;
use shortage::Shortage;
pub use stop::Phase;

use crate::clock::{Moment, Wake};
use crate::config::{Config, Job};
use crate::ledger::Anchor;
use crate::run::{Generation, JobName, Occurrence, Outcome, RunId};
use agenda::Agenda;
use hangup::Hangups;
use runs::Runs;
use waiting::Queue;
pub use waiting::Waiting;

/// What the clock shows again after a greater step back is another time to those that go by every real minute.
const SET_BACK: SignedDuration = SignedDuration::from_secs(60);

/// All state of the daemon that a decision depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Engine {
    config: Arc<Config>,
    generation: Generation,
    phase: Phase,
    agenda: Agenda,
    pauses: Pauses,
    queue: Queue,
    runs: Runs,
    hangs: Hangs,
    /// While runs wait for a process.
    shortage: Option<Shortage>,
    hangups: Hangups,
    anchors: BTreeMap<JobName, Anchor>,
    last: HashMap<JobName, Last>,
    next_run: RunId,
    last_request: Timestamp,
    /// The reading of both clocks by which elapsed due times are told on the wall.
    clocks: Moment,
    /// How far the clock on the wall had come before it was set back by more than a tremble.
    lived: Timestamp,
    /// What it showed again until then has just been: it was set back by a little.
    repeated: Timestamp,
}

/// How the last run of a job ended, in this life of hupd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    pub run: RunId,
    pub outcome: Outcome,
    pub at: Timestamp,
}

/// How much there is of everything in an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Jobs that are due some time.
    pub due: usize,
    /// Occurrences that wait for a place.
    pub waiting: usize,
    pub runs: usize,
    /// Runs that have a deadline.
    pub deadlines: usize,
    pub anchors: usize,
    /// Jobs whose last run is known.
    pub last: usize,
    /// Jobs that are paused.
    pub paused: usize,
}

impl Engine {
    /// A deadline may have come: limits and grace first, then the jobs that are due.
    pub fn wake(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = self.enforce(now);
        effects.extend(self.try_in_time(now));
        effects.extend(self.decide_due(now));
        effects
    }

    /// Every job that is due by now, the earliest first.
    fn decide_due(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = self.read_clocks(now);
        let clocks = self.clocks;
        let ended = self.end_pauses(now);
        let mut decided = (!ended.is_empty()).then_some(Effect::RecordDecided(now.wall));
        effects.extend(ended);
        effects.extend(self.start_delayed(now));
        let on_the_wall = |at| due::wall_instant(at, clocks);
        while let Some((name, due)) = self.agenda.take_due(now, on_the_wall) {
            let job = self
                .job(&name)
                .expect("only jobs in force are on the agenda");
            let (owed, next) = owed::settle(&job, due, (now, clocks), self.around());
            self.agenda.set(&name, next);
            effects.extend(self.decide_owed(&job, owed, now));
            effects.extend(self.keep_phase(&job, next));
            decided = Some(Effect::RecordDecided(now.wall));
        }
        effects.extend(self.admit_waiting(now));
        effects.extend(decided);
        effects
    }

    fn around(&self) -> Around<'_> {
        Around {
            queue: &self.queue,
            rows: owed::rows_of_each(self.config.jobs.len()),
        }
    }

    /// A clock that was set is told of; one that was set back by much is noticed even if nobody did.
    fn read_clocks(&mut self, now: Moment) -> Vec<Effect> {
        let lived = due::wall_instant(now.elapsed, self.clocks);
        let mut effects = Vec::new();
        if self.note_lived(lived, now) {
            effects = self.go_back(now);
        } else if lived.duration_since(now.wall) > due::TREMBLE {
            self.repeated = self.repeated.max(lived);
        }
        self.clocks = due::steady(self.clocks, now);
        effects
    }

    /// The wall clock was set.
    pub fn clock_set(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = self.go_back(now);
        effects.extend(self.wake(now));
        effects
    }

    /// A step back must not silence a job until the old time comes again; what is in the ledger already will be refused
    /// by its claim.
    fn go_back(&mut self, now: Moment) -> Vec<Effect> {
        // Requests are told by the new clock at once, and not after the last one by the old.
        self.last_request = Timestamp::MIN;
        for job in self.config.jobs.values() {
            let agenda::Due::Wall(due) = self.agenda.of(&job.name) else {
                continue;
            };
            let again = due::first_due(job, None, now);
            if matches!(again, agenda::Due::Wall(first) if first.at < due.at) {
                self.agenda.set(&job.name, again);
            }
        }
        self.set_pauses_back(now)
    }

    /// Whether the clock was set back from there. One that is set back by a little repeats nothing: what it shows again
    /// has just been.
    fn note_lived(&mut self, lived: Timestamp, now: Moment) -> bool {
        let is_set_back = lived.duration_since(now.wall) > SET_BACK;
        if is_set_back {
            self.lived = self.lived.max(lived);
            self.repeated = Timestamp::MIN;
        }
        is_set_back
    }

    /// Until when nothing needs to be decided.
    pub fn next_wake(&self) -> Wake {
        let agenda = self.agenda.next_wake();
        let elapsed = [
            agenda.elapsed,
            self.runs.next_deadline(),
            self.phase.deadline(),
            self.queue.next_delayed(),
            self.next_try(),
            self.next_rested(),
        ];
        let wall = [agenda.wall, self.next_end_of_pause()];
        Wake {
            wall: wall.into_iter().flatten().min(),
            elapsed: elapsed.into_iter().flatten().min(),
        }
    }

    /// Whether hupd has stopped and nothing of it is left.
    pub fn has_finished(&self) -> bool {
        self.phase != Phase::Serving && self.runs.is_empty()
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The runs that are not over, by number.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter()
    }

    pub fn run(&self, run: RunId) -> Option<&Run> {
        self.runs.get(run)
    }

    pub fn runs_of(&self, job: &JobName) -> Vec<RunId> {
        self.runs.of_job(job).collect()
    }

    /// How many occurrences wait for a place.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What waits for a place under this number.
    pub fn waiting_for(&self, run: RunId) -> Option<&Occurrence> {
        self.queue.get(run).map(|waiting| &waiting.occurrence)
    }

    /// What waits of a job, the earliest first.
    pub fn waiting_of(&self, job: &JobName) -> Vec<&Waiting> {
        self.queue.of_job(job)
    }

    /// Of all that wait, those that were due first.
    pub fn first_waiting(&self, most: usize) -> Vec<&Waiting> {
        self.queue.first(most)
    }

    pub fn last(&self, job: &JobName) -> Option<&Last> {
        self.last.get(job)
    }

    /// How much there is of everything, for whoever watches that nothing grows without bound.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            due: self.agenda.len(),
            waiting: self.queue.len(),
            runs: self.runs.len(),
            deadlines: self.runs.deadlines(),
            anchors: self.anchors.len(),
            last: self.last.len(),
            paused: self.pauses.len(),
        }
    }

    fn job(&self, name: &JobName) -> Option<Arc<Job>> {
        self.config.jobs.get(name).cloned()
    }

    /// Puts a job that has come into force on the agenda, unless it is paused.
    fn plan(&mut self, job: &Job, now: Moment) -> Option<Effect> {
        if self.pauses.of(&job.name).is_some() {
            return None;
        }
        let due = due::first_due(job, self.anchors.get(&job.name), now);
        self.agenda.set(&job.name, due);
        self.anchor(job, due, now)
    }

    /// A clock that was set, or a machine that slept, has moved the instants of an interval on the wall: from now on they
    /// are counted from where they are, so that a restart keeps their phase.
    fn keep_phase(&mut self, job: &Job, next: agenda::Due) -> Option<Effect> {
        let (agenda::Due::Elapsed(next), crate::config::Timing::Every(every)) = (next, &job.timing)
        else {
            return None;
        };
        let at = due::wall_instant(next.saturating_sub(*every), self.clocks);
        let anchor = self.anchors.get_mut(&job.name)?;
        if due::is_in_phase(anchor, *every, at) {
            return None;
        }
        *anchor = Anchor {
            every: *every,
            at,
            ..anchor.clone()
        };
        Some(Effect::RecordAnchor(anchor.clone()))
    }

    /// Fixes from where the interval of a job is counted, if it has one and that is not known yet.
    fn anchor(&mut self, job: &Job, due: agenda::Due, now: Moment) -> Option<Effect> {
        let (agenda::Due::Elapsed(at), crate::config::Timing::Every(every)) = (due, &job.timing)
        else {
            return None;
        };
        let known = self.anchors.get(&job.name);
        if known.is_some_and(|anchor| anchor.every == *every && anchor.at <= now.wall) {
            return None;
        }
        let anchor = Anchor {
            job: job.name.clone(),
            every: *every,
            at: due::wall_instant(at.saturating_sub(*every), self.clocks),
        };
        self.anchors.insert(job.name.clone(), anchor.clone());
        Some(Effect::RecordAnchor(anchor))
    }
}

//! The runs that are not over: from the claim to the end of the process.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::owed::Pace;
use super::shortage::Lack;
use crate::clock::Moment;
use crate::config::Job;
use crate::ledger::RunEnd;
use crate::run::{Generation, GroupName, JobName, Occurrence, RunId, StopReason};
use crate::schedule::Watch;

/// A run that is not over. It keeps the definition and the generation that it began under.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub id: RunId,
    pub job: Arc<Job>,
    pub occurrence: Occurrence,
    pub generation: Generation,
    pub watch: Watch,
    pub pace: Pace,
    /// The group that its job has come into since.
    pub joined: Option<GroupName>,
    /// The number of its last attempt, from 1 on.
    pub attempt: u32,
    /// How its last attempt ended, while it waits for the next one.
    pub failed: Option<Box<RunEnd>>,
    /// How often there was nothing to make its process of.
    pub shortages: u32,
    /// Why there is none, until it has one.
    pub lack: Option<Box<Lack>>,
    pub state: State,
}

impl Run {
    /// Those that it is in the way of: it goes on as it began, and its job is where it is now.
    pub fn groups(&self) -> impl Iterator<Item = &GroupName> {
        self.job.group.iter().chain(&self.joined)
    }

    fn place_among_short(&self) -> (u32, Timestamp, RunId) {
        (self.shortages, self.occurrence.instant, self.id)
    }
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its claim is being written.
    Claiming { stop: Option<StopReason> },
    /// Its process is being made.
    Starting {
        /// When that was asked for.
        since: Moment,
        stop: Option<StopReason>,
        /// When the start is given up, on the elapsed clock.
        give_up_at: Option<Duration>,
    },
    /// There was nothing to make its process of: it is tried again.
    Short,
    /// Its last attempt has failed. The next one comes then, on the elapsed clock, and takes a place then.
    Resting { until: Duration },
    Alive {
        process: Process,
        /// When its time limit is over, on the elapsed clock.
        limit_at: Option<Duration>,
    },
    /// Its stop signal has been sent.
    Stopping {
        process: Process,
        why: StopReason,
        /// When KILL follows, on the elapsed clock.
        kill_at: Duration,
    },
}

/// The process of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub since: Moment,
}

impl State {
    /// Its process, where there is one, or was one.
    pub fn process(&self) -> Option<Process> {
        match *self {
            Self::Alive { process, .. } | Self::Stopping { process, .. } => Some(process),
            Self::Claiming { .. } | Self::Starting { .. } | Self::Short | Self::Resting { .. } => {
                None
            }
        }
    }

    /// When something must be done about the run, on the elapsed clock.
    fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Claiming { .. } | Self::Short | Self::Resting { .. } => None,
            Self::Starting { give_up_at, .. } => *give_up_at,
            Self::Alive { limit_at, .. } => *limit_at,
            Self::Stopping { kill_at, .. } => Some(*kill_at),
        }
    }
}

/// All runs that are not over, by number, by job and by deadline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runs {
    by_id: BTreeMap<RunId, Run>,
    by_job: HashMap<JobName, BTreeSet<RunId>>,
    by_group: HashMap<GroupName, BTreeSet<RunId>>,
    deadlines: BTreeSet<(Duration, RunId)>,
    /// Those that wait for a process, by how often they have, and by the instants that they are for.
    short: BTreeSet<(u32, Timestamp, RunId)>,
    /// Those that wait for their next attempt, by when it comes.
    resting: BTreeSet<(Duration, RunId)>,
    /// How many of them make up for what is late.
    catch_ups: usize,
}

impl Runs {
    pub fn add(&mut self, run: Run) {
        let of_job = self.by_job.entry(run.job.name.clone()).or_default();
        of_job.insert(run.id);
        self.list_groups(&run);
        self.catch_ups += usize::from(run.pace == Pace::CatchUp);
        if let State::Resting { until } = run.state {
            self.resting.insert((until, run.id));
        }
        self.by_id.insert(run.id, run);
    }

    pub fn get(&self, run: RunId) -> Option<&Run> {
        self.by_id.get(&run)
    }

    /// Changes the state of a run; none where the run is over.
    pub fn set_state(&mut self, run: RunId, state: State) {
        let Some(entry) = self.by_id.get_mut(&run) else {
            return;
        };
        if let Some(old) = entry.state.deadline() {
            self.deadlines.remove(&(old, run));
        }
        self.short.remove(&entry.place_among_short());
        if state == State::Short {
            entry.shortages += 1;
            self.short.insert(entry.place_among_short());
        }
        if let State::Resting { until } = entry.state {
            self.resting.remove(&(until, run));
        }
        if let State::Resting { until } = state {
            self.resting.insert((until, run));
        }
        if !matches!(state, State::Starting { .. } | State::Short) {
            entry.lack = None;
        }
        entry.state = state;
        if let Some(new) = state.deadline() {
            self.deadlines.insert((new, run));
        }
    }

    /// There was nothing to make its process of.
    pub fn fall_short(&mut self, run: RunId, reason: String, now: Timestamp) {
        self.set_state(run, State::Short);
        if let Some(entry) = self.by_id.get_mut(&run) {
            let since = entry.lack.take().map_or(now, |lack| lack.since);
            entry.lack = Some(Box::new(Lack { reason, since }));
        }
    }

    pub fn remove(&mut self, run: RunId) -> Option<Run> {
        let removed = self.by_id.remove(&run)?;
        self.catch_ups -= usize::from(removed.pace == Pace::CatchUp);
        if let Some(deadline) = removed.state.deadline() {
            self.deadlines.remove(&(deadline, run));
        }
        self.short.remove(&removed.place_among_short());
        if let State::Resting { until } = removed.state {
            self.resting.remove(&(until, run));
        }
        let name = &removed.job.name;
        let of_job = self
            .by_job
            .get_mut(name)
            .expect("every run is listed under its job");
        of_job.remove(&run);
        if of_job.is_empty() {
            self.by_job.remove(name);
        }
        self.unlist_groups(&removed);
        Some(removed)
    }

    /// Another configuration is in force, in which the jobs are in these groups.
    pub fn regroup(&mut self, group_of: impl Fn(&JobName) -> Option<GroupName>) {
        self.by_group.clear();
        for mut run in std::mem::take(&mut self.by_id).into_values() {
            let now = group_of(&run.job.name);
            run.joined = now.filter(|now| Some(now) != run.job.group.as_ref());
            self.list_groups(&run);
            self.by_id.insert(run.id, run);
        }
    }

    fn list_groups(&mut self, run: &Run) {
        for group in run.groups() {
            let of_group = self.by_group.entry(group.clone()).or_default();
            of_group.insert(run.id);
        }
    }

    fn unlist_groups(&mut self, run: &Run) {
        for group in run.groups() {
            let of_group = self.by_group.get_mut(group);
            let of_group = of_group.expect("every run is listed under its groups");
            of_group.remove(&run.id);
            if of_group.is_empty() {
                self.by_group.remove(group);
            }
        }
    }

    /// The same run for another occurrence: its claim was not granted.
    pub fn set_instant(&mut self, run: RunId, instant: Timestamp) {
        if let Some(entry) = self.by_id.get_mut(&run) {
            entry.occurrence.instant = instant;
        }
    }

    pub fn of_job(&self, job: &JobName) -> impl Iterator<Item = RunId> {
        self.by_job.get(job).into_iter().flatten().copied()
    }

    pub fn count_of(&self, job: &JobName) -> usize {
        self.by_job.get(job).map_or(0, BTreeSet::len)
    }

    pub fn first_of_group(&self, group: &GroupName) -> Option<RunId> {
        self.by_group.get(group)?.first().copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Run> {
        self.by_id.values()
    }

    pub fn ids(&self) -> Vec<RunId> {
        self.by_id.keys().copied().collect()
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub fn catch_ups(&self) -> usize {
        self.catch_ups
    }

    /// How many runs have a deadline.
    pub fn deadlines(&self) -> usize {
        self.deadlines.len()
    }

    pub fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// The first of those that wait for a process.
    pub fn first_short(&self) -> Option<RunId> {
        self.short.first().map(|(.., run)| *run)
    }

    /// An attempt of a run has failed, and it waits for the next one. It does not make up for anything any more.
    pub fn rest(&mut self, run: RunId, end: RunEnd, until: Duration) {
        if let Some(entry) = self.by_id.get_mut(&run) {
            self.catch_ups -= usize::from(entry.pace == Pace::CatchUp);
            entry.pace = Pace::InTime;
            entry.failed = Some(Box::new(end));
        }
        self.set_state(run, State::Resting { until });
    }

    /// The next attempt of a run that has waited for it.
    pub fn next_attempt(&mut self, run: RunId) -> Option<&Run> {
        self.set_state(run, State::Claiming { stop: None });
        let entry = self.by_id.get_mut(&run)?;
        entry.attempt += 1;
        entry.failed = None;
        Some(entry)
    }

    /// A run that waits goes on by another definition.
    pub fn redefine(&mut self, run: RunId, job: Arc<Job>, generation: Generation) {
        let Some(mut entry) = self.by_id.remove(&run) else {
            return;
        };
        if entry.job != job {
            self.unlist_groups(&entry);
            entry.job = job;
            entry.generation = generation;
            entry.joined = None;
            self.list_groups(&entry);
        }
        self.by_id.insert(run, entry);
    }

    /// The first of those that wait for their next attempt, and when it comes.
    pub fn first_resting(&self) -> Option<(Duration, RunId)> {
        self.resting.first().copied()
    }

    /// All that wait for their next attempt, by number.
    pub fn resting(&self) -> Vec<RunId> {
        let mut runs: Vec<_> = self.resting.iter().map(|(_, run)| *run).collect();
        runs.sort_unstable();
        runs
    }

    /// How many have a place.
    pub fn placed(&self) -> usize {
        self.by_id.len() - self.resting.len()
    }

    /// A run whose deadline has come.
    pub fn overdue(&self, now: Moment) -> Option<RunId> {
        let (at, run) = self.deadlines.first()?;
        (*at <= now.elapsed).then_some(*run)
    }
}

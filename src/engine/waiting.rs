//! Occurrences that wait for their turn, in order of due time: for a place among `max_running` or for the runs that are
//! in their way, and those that are late for one of `catch_up_limit` as well; and those that start later than they are
//! due.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::line::{Lane, Line};
use super::owed::Pace;
use crate::run::{JobName, Occurrence, RunId, Trigger};
use crate::schedule::Watch;

/// An occurrence that waits. Its run has a number already, so that whoever asked for it can wait too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub run: RunId,
    pub occurrence: Occurrence,
    pub watch: Watch,
    pub pace: Pace,
    /// When it starts on the clock on the wall, where it waits for that.
    pub starts_at: Option<Timestamp>,
    /// What is worth knowing about the occurrence, for its claim.
    pub note: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queue {
    in_time: Line,
    late: Line,
    /// By when they start, on the elapsed clock.
    delayed: BTreeMap<(Duration, RunId), Waiting>,
    /// At most a few hundred each.
    per_job: HashMap<JobName, Vec<Listed>>,
    jobs: HashMap<RunId, JobName>,
    /// Lanes to look at again: somebody came or went there, or a run that was in the way.
    stirred: BTreeSet<Lane>,
}

/// What is asked of one that waits.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Listed {
    run: RunId,
    instant: Timestamp,
    trigger: Trigger,
    pace: Pace,
    /// Until when it is delayed.
    until: Option<Duration>,
}

impl Queue {
    pub fn push(&mut self, lane: Lane, waiting: Waiting) {
        self.list(&waiting, None);
        self.stir(lane.clone());
        self.line(waiting.pace).push(lane, waiting);
    }

    /// It waits until then, on the elapsed clock.
    pub fn delay(&mut self, waiting: Waiting, until: Duration) {
        self.list(&waiting, Some(until));
        self.delayed.insert((until, waiting.run), waiting);
    }

    /// Until when the next of those waits.
    pub fn next_delayed(&self) -> Option<Duration> {
        self.delayed.first_key_value().map(|((until, _), _)| *until)
    }

    /// Takes one that has waited until its time.
    pub fn take_delayed(&mut self, now: Duration) -> Option<Waiting> {
        let (until, run) = *self.delayed.first_key_value()?.0;
        (until <= now).then(|| self.remove(run))?
    }

    /// A run that is or was in the way there has come or gone.
    pub fn stir(&mut self, lane: Lane) {
        self.stirred.insert(lane);
    }

    /// Takes the first that may go now, of those lines. Only of lanes that were stirred it is asked whether they are open.
    pub fn pop(
        &mut self,
        lines: &[Pace],
        is_open: impl Fn(&Lane, Pace) -> bool,
    ) -> Option<Waiting> {
        for lane in std::mem::take(&mut self.stirred) {
            for pace in [Pace::InTime, Pace::CatchUp] {
                let line = self.line(pace);
                match line.first(&lane).is_some() && is_open(&lane, pace) {
                    true => line.open(&lane),
                    false => line.close(&lane),
                }
            }
        }
        let lines = lines.iter();
        let first = lines.filter_map(|pace| self.line(*pace).first_open()).min();
        first.and_then(|(_, run)| self.remove(run))
    }

    /// Whether nobody waits there who goes first. What is late and takes its turn is in nobody's way, but in a group
    /// nobody is overtaken.
    pub fn is_clear(&self, lane: &Lane) -> bool {
        let is_group = matches!(lane, Lane::Group(_));
        self.in_time.first(lane).is_none() && (!is_group || self.late.first(lane).is_none())
    }

    pub fn remove(&mut self, run: RunId) -> Option<Waiting> {
        let listed = self.listed(run)?;
        let waiting = match listed.until {
            Some(until) => self.delayed.remove(&(until, run))?,
            None => {
                let line = self.line(listed.pace);
                let (lane, waiting) = line.remove((listed.instant, run))?;
                self.stir(lane);
                waiting
            }
        };
        self.unlist(&waiting);
        Some(waiting)
    }

    /// Takes out all that `unwanted` says, in order.
    pub fn remove_if(&mut self, unwanted: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        let lines = self.in_time.iter().chain(self.late.iter());
        let all = lines.chain(self.delayed.values());
        let unwanted = all.filter(|waiting| unwanted(waiting));
        let mut places: Vec<_> = unwanted
            .map(|waiting| (waiting.occurrence.instant, waiting.run))
            .collect();
        places.sort_unstable();
        let removed = places.into_iter().map(|(_, run)| self.remove(run));
        removed.flatten().collect()
    }

    /// Another configuration is in force: who waits for what is told by that.
    pub fn rearrange(&mut self, lane_of: impl Fn(&JobName) -> Lane) {
        self.stirred.clear();
        for pace in [Pace::InTime, Pace::CatchUp] {
            let line = std::mem::take(self.line(pace));
            for waiting in line.into_waiting() {
                let lane = lane_of(&waiting.occurrence.job);
                self.stir(lane.clone());
                self.line(pace).push(lane, waiting);
            }
        }
    }

    /// All of a job that have come wait there from now on.
    pub fn change_lane(&mut self, job: &JobName, lane: &Lane) {
        let listed = self.listed_of(job).filter(|listed| listed.until.is_none());
        let runs: Vec<_> = listed.map(|listed| listed.run).collect();
        for run in runs {
            let waiting = self.remove(run).expect("whatever is listed waits");
            self.push(lane.clone(), waiting);
        }
    }

    /// Whether this very occurrence waits.
    pub fn has(&self, occurrence: &Occurrence) -> bool {
        let key = (occurrence.instant, occurrence.trigger);
        let mut listed = self.listed_of(&occurrence.job);
        listed.any(|listed| (listed.instant, listed.trigger) == key)
    }

    pub fn count_of(&self, job: &JobName) -> usize {
        self.listed_of(job).count()
    }

    /// Those of a job that do not wait because they are late.
    pub fn count_in_time(&self, job: &JobName) -> usize {
        let listed = self.listed_of(job);
        listed.filter(|listed| listed.pace == Pace::InTime).count()
    }

    /// All of a job, the earliest first.
    pub fn of_job(&self, job: &JobName) -> Vec<&Waiting> {
        let runs = self.listed_of(job).map(|listed| listed.run);
        let mut waiting: Vec<_> = runs.filter_map(|run| self.get(run)).collect();
        waiting.sort_by_key(|waiting| (waiting.occurrence.instant, waiting.run));
        waiting
    }

    /// Of all that wait, those that were due first.
    pub fn first(&self, most: usize) -> Vec<&Waiting> {
        let lines = self
            .in_time
            .iter()
            .take(most)
            .chain(self.late.iter().take(most));
        let mut waiting: Vec<_> = lines.chain(self.delayed.values().take(most)).collect();
        waiting.sort_by_key(|waiting| (waiting.occurrence.instant, waiting.run));
        waiting.truncate(most);
        waiting
    }

    fn listed_of(&self, job: &JobName) -> impl Iterator<Item = &Listed> {
        self.per_job.get(job).into_iter().flatten()
    }

    fn listed(&self, run: RunId) -> Option<Listed> {
        let mut listed = self.listed_of(self.jobs.get(&run)?);
        listed.find(|listed| listed.run == run).copied()
    }

    pub fn get(&self, run: RunId) -> Option<&Waiting> {
        let listed = self.listed(run)?;
        let place = (listed.instant, run);
        match (listed.until, listed.pace) {
            (Some(until), _) => self.delayed.get(&(until, run)),
            (None, Pace::InTime) => self.in_time.get(place),
            (None, Pace::CatchUp) => self.late.get(place),
        }
    }

    pub fn len(&self) -> usize {
        self.in_time.len() + self.late.len() + self.delayed.len()
    }

    fn line(&mut self, pace: Pace) -> &mut Line {
        match pace {
            Pace::InTime => &mut self.in_time,
            Pace::CatchUp => &mut self.late,
        }
    }

    fn list(&mut self, waiting: &Waiting, until: Option<Duration>) {
        let Occurrence {
            job,
            instant,
            trigger,
        } = waiting.occurrence.clone();
        let listed = Listed {
            run: waiting.run,
            instant,
            trigger,
            pace: waiting.pace,
            until,
        };
        self.jobs.insert(waiting.run, job.clone());
        self.per_job.entry(job).or_default().push(listed);
    }

    fn unlist(&mut self, waiting: &Waiting) {
        self.jobs.remove(&waiting.run);
        let job = &waiting.occurrence.job;
        let listed = self.per_job.get_mut(job).expect("whatever waits is listed");
        listed.retain(|listed| listed.run != waiting.run);
        if listed.is_empty() {
            self.per_job.remove(job);
        }
    }
}

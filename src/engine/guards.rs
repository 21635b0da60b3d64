//! What is in the way of those that wait: told by the runs there are, never by what somebody noted of them.

use super::Engine;
use super::hangs::{Hang, Hangs};
use super::line::Lane;
use super::owed::Pace;
use super::runs::{Run, Runs};
use super::waiting::Waiting;
use crate::config::{Config, Daemon, Job, Overlap};
use crate::run::RunId;

#[derive(Clone, Copy, Debug)]
pub struct Guards<'e> {
    pub config: &'e Config,
    pub runs: &'e Runs,
    pub hangs: &'e Hangs,
}

/// What is in the way of those that wait.
#[derive(Clone, Copy, Debug)]
pub enum Obstacle<'e> {
    /// A run that is not over.
    Run(&'e Run),
    /// A start that was given up and has not come back.
    Hang(&'e Hang),
}

impl<'e> Guards<'e> {
    /// Where those of a job wait. As long as a start of it hangs they wait for that alone, and hold up nobody else of
    /// their group.
    pub fn lane_of(self, job: &Job) -> Lane {
        match self.hangs.of(&job.name) {
            Some(_) => Lane::Job(job.name.clone()),
            None => Lane::of(job),
        }
    }

    /// Whether no run is in the way of those that wait there.
    pub fn is_open(self, lane: &Lane, pace: Pace) -> bool {
        self.obstacle(lane, pace).is_none()
    }

    /// What is in the way; the oldest of it.
    pub fn obstacle(self, lane: &Lane, pace: Pace) -> Option<Obstacle<'e>> {
        match lane {
            Lane::Group(group) => self.run(self.runs.first_of_group(group)?),
            Lane::Job(name) => {
                let overlap = self.config.jobs[name].overlap;
                // What is in time and finds a run is not kept: it is skipped.
                let is_kept = overlap != Overlap::Skip || pace == Pace::CatchUp;
                let is_full = self.runs.count_of(name) >= overlap.most();
                match self.hangs.of(name) {
                    _ if !is_kept => None,
                    Some(hang) => Some(Obstacle::Hang(hang)),
                    None if is_full => self.run(self.runs.of_job(name).next()?),
                    None => None,
                }
            }
        }
    }

    fn run(self, run: RunId) -> Option<Obstacle<'e>> {
        self.runs.get(run).map(Obstacle::Run)
    }

    /// Whether one more that is late may go.
    pub fn has_turn(self) -> bool {
        self.runs.catch_ups() < self.config.daemon.catch_up_limit
    }

    /// Whether one more may run beside all others.
    pub fn has_place(self) -> bool {
        self.runs.placed() < self.config.daemon.max_running
    }
}

impl Engine {
    pub(super) fn obstacle(&self, job: &Job, pace: Pace) -> Option<Obstacle<'_>> {
        let guards = self.guards();
        guards.obstacle(&guards.lane_of(job), pace)
    }

    /// For what an occurrence waits, as things are now.
    pub fn why_waits(&self, waiting: &Waiting) -> String {
        match (self.job(&waiting.occurrence.job), waiting.starts_at) {
            (_, Some(at)) => format!("starts at {at}, by its jitter"),
            (Some(job), None) => self.in_the_way(&job, waiting.pace),
            (None, None) => "its job is gone".to_owned(),
        }
    }

    /// For what an occurrence waits whose time has come.
    pub(super) fn in_the_way(&self, job: &Job, pace: Pace) -> String {
        let Daemon {
            max_running,
            catch_up_limit,
            ..
        } = self.config.daemon;
        let is_full = !self.guards().has_place();
        match (self.obstacle(job, pace), pace) {
            (Some(obstacle), Pace::InTime) => behind(obstacle, job),
            (Some(obstacle), Pace::CatchUp) => format!("late, and {}", behind(obstacle, job)),
            (None, Pace::CatchUp) if self.guards().has_turn() && is_full => {
                format!("late, and max_running = {max_running} is reached")
            }
            (None, Pace::CatchUp) => {
                format!("late, takes its turn (catch_up_limit = {catch_up_limit})")
            }
            (None, Pace::InTime) if is_full => format!("max_running = {max_running} is reached"),
            (None, Pace::InTime) => "others were due before it".to_owned(),
        }
    }
}

/// `run 7 of job 'dump' is not over (group = "database")`
fn behind(obstacle: Obstacle<'_>, job: &Job) -> String {
    let run = match obstacle {
        Obstacle::Run(run) => run,
        Obstacle::Hang(hang) => return hang.to_string(),
    };
    let (number, other, overlap) = (run.id, &run.job.name, job.overlap);
    match (&job.group, overlap) {
        (Some(group), _) if *other != job.name => {
            format!("run {number} of job '{other}' is not over (group = \"{group}\")")
        }
        (None, Overlap::Allow { most }) => {
            format!("max_running = {most} of the job is reached, by run {number} and others")
        }
        (Some(group), Overlap::Allow { .. }) => {
            format!("run {number} is not over (group = \"{group}\")")
        }
        _ => format!("run {number} is not over (overlap = \"{overlap}\")"),
    }
}

//! Starts that were given up and have not come back. Their runs are over and nothing comes of them; but what holds up one
//! start of a job holds up the next as well, and whoever makes it. So they are in the way of their job, and of nobody else.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::runs::State;
use super::{Effect, Engine};
use crate::clock::Moment;
use crate::run::{JobName, RunId};

/// What comes after it, for whoever reads why nothing has started.
pub(super) const AFTER_HANG: &str =
    "; the job starts again when its program, files and folders answer";

/// A start that was given up and has not come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hang {
    pub run: RunId,
    pub job: JobName,
    /// When it began.
    pub since: Timestamp,
}

impl Hang {
    /// Without what comes after it.
    pub(super) fn words(&self) -> String {
        let Self { run, since, .. } = self;
        format!(
            "the start of run {run} hangs since {since}: it was given up, and has not come back"
        )
    }
}

impl fmt::Display for Hang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{AFTER_HANG}", self.words())
    }
}

/// All of them, by run: at most as many as there are threads that start runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hangs(BTreeMap<RunId, Hang>);

impl Hangs {
    /// The oldest of a job.
    pub fn of(&self, job: &JobName) -> Option<&Hang> {
        self.0.values().find(|hang| hang.job == *job)
    }
}

impl Engine {
    /// The start of a run was given up, and has not come back. What waits of its job waits for that now, and no more in
    /// the lane of its group.
    pub(super) fn hang(&mut self, id: RunId) {
        let Some(run) = self.runs.get(id) else {
            return;
        };
        let State::Starting { since, .. } = run.state else {
            return;
        };
        let job = run.job.name.clone();
        let hang = Hang {
            run: id,
            job: job.clone(),
            since: since.wall,
        };
        self.hangs.0.insert(id, hang);
        self.change_lane(&job);
    }

    /// It has come back: nothing is left of it, and its job goes on.
    pub fn start_came_back(&mut self, run: RunId, now: Moment) -> Vec<Effect> {
        let Some(hang) = self.hangs.0.remove(&run) else {
            return Vec::new();
        };
        self.change_lane(&hang.job);
        self.admit_waiting(now)
    }

    fn change_lane(&mut self, name: &JobName) {
        if let Some(job) = self.job(name) {
            let lane = self.guards().lane_of(&job);
            self.queue.change_lane(name, &lane);
        }
    }

    /// Starts that were given up and have not come back, by run.
    pub fn hangs(&self) -> impl Iterator<Item = &Hang> {
        self.hangs.0.values()
    }

    /// The one that is in the way of this job, if there is one.
    pub fn hang_of(&self, job: &JobName) -> Option<&Hang> {
        self.hangs.of(job)
    }
}

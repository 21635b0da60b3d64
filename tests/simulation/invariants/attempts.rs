//! Of runs of several attempts.

use std::sync::Arc;

use hupd::config::Job;
use hupd::engine::Engine;
use hupd::run::RunId;

use super::{ATTEMPTS, Invariants, Open, Verdict, broken};

impl Open {
    pub(super) fn of(job: Arc<Job>, is_resting: bool) -> Self {
        Self {
            job,
            is_alive: false,
            is_resting,
            stopped_at: None,
            killed_at: None,
        }
    }
}

impl Invariants {
    /// What is left to the next hupd is not open any more.
    pub(super) fn failed(&mut self, engine: &Engine, run: RunId) {
        match (self.open.get_mut(&run), engine.run(run)) {
            (Some(open), Some(run)) => *open = Open::of(Arc::clone(&run.job), true),
            _ => drop(self.open.remove(&run)),
        }
    }

    pub(super) fn next_attempt(&mut self, engine: &Engine, run: RunId, attempt: u32) -> Verdict {
        if !self.open.get(&run).is_some_and(|open| open.is_resting) {
            return broken(
                ATTEMPTS,
                format!("{attempt} of run {run}, which has not failed"),
            );
        }
        self.is_placed(run)?;
        if let Some(begun) = engine.run(run) {
            self.is_alone(&begun.job.name)?;
            self.open
                .insert(run, Open::of(Arc::clone(&begun.job), false));
        }
        Ok(())
    }

    /// By the definition that it goes by.
    pub(super) fn is_wanted(&self, engine: &Engine, run: RunId, attempt: u32) -> Verdict {
        let job = engine.run(run).map(|run| &run.job);
        let retry = job.and_then(|job| job.retry.as_ref());
        let most = retry.map_or(1, |retry| retry.attempts);
        match attempt <= most {
            true => Ok(()),
            false => broken(ATTEMPTS, format!("{attempt} of {most} of run {run}")),
        }
    }
}

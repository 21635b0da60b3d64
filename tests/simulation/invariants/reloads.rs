//! Of what a reload may change, and of what is in force.

use std::sync::Arc;

use hupd::clock::Moment;
use hupd::config::{Job, Timing};
use hupd::daemon::Daemon;
use hupd::engine::Engine;
use hupd::run::JobName;

use super::{
    BOUNDED, GENERATIONS, Invariants, NOTHING_FORGOTTEN, PAUSED, UNMOVED, UNTOUCHED, Verdict,
    broken,
};
use crate::simulation::acts::Act;
use crate::simulation::jobs::FileSpec;
use crate::simulation::machine::Machine;

impl Invariants {
    /// The loader was done: accepted, refused, or no news.
    pub(super) fn reloaded(
        &mut self,
        daemon: &Daemon<Machine>,
        before: &Engine,
        now: Moment,
    ) -> Verdict {
        let engine = daemon.engine();
        if engine.generation() < self.generation {
            return broken(GENERATIONS, engine.generation());
        }
        self.generation = engine.generation();
        let is_accepted = |act: &Act| matches!(act, Act::Verdict { accepted: true, .. });
        if !daemon.world().acts.iter().any(is_accepted) {
            return match engine == before {
                true => Ok(()),
                false => broken(UNTOUCHED, format!("{before:?}\nis now\n{engine:?}")),
            };
        }
        self.redefine_resting(engine);
        self.unmoved(engine, before, now)
    }

    /// What waits for its next attempt goes on by what is in force.
    fn redefine_resting(&mut self, engine: &Engine) {
        for (id, open) in self.open.iter_mut().filter(|(_, open)| open.is_resting) {
            if let Some(run) = engine.run(*id) {
                open.job = Arc::clone(&run.job);
            }
        }
    }

    fn unmoved(&self, engine: &Engine, before: &Engine, now: Moment) -> Verdict {
        for (name, job) in &engine.config().jobs {
            let old = before.config().jobs.get(name);
            let is_same = old.is_some_and(|old| is_due_alike(old, job));
            let next = before.next_due(name).filter(|next| *next > now.wall);
            let is_kept = next.is_none() || next == engine.next_due(name);
            if is_same && matches!(job.timing, Timing::Schedule(_)) && !is_kept {
                return broken(UNMOVED, format!("{name}: {next:?}"));
            }
        }
        Ok(())
    }

    /// What came into force is due from now on, what is gone is not.
    pub(super) fn adopted(&mut self, (before, after): (&FileSpec, &FileSpec), now: Moment) {
        for name in before
            .jobs
            .keys()
            .filter(|name| !after.jobs.contains_key(*name))
        {
            self.expected.remove(&JobName::new(name));
        }
        for (name, job) in &after.jobs {
            let old = before.jobs.get(name);
            if !old.is_some_and(|old| (old.due, old.enabled) == (job.due, job.enabled)) {
                self.expect(
                    &JobName::new(name),
                    job.enabled.then_some(job.due),
                    now.wall,
                );
            }
        }
    }

    /// The engine and the oracle agree on what is due next, job by job.
    pub(super) fn all_is_due(&self, engine: &Engine, now: Moment) -> Verdict {
        for (job, (_, expected)) in &self.expected {
            let next = engine.next_due(job);
            if engine.pause_of(job).is_some() {
                match next {
                    Some(next) => return broken(PAUSED, format!("{job} is due at {next}")),
                    None => continue,
                }
            }
            if *expected > now.wall && next != Some(*expected) {
                let what = format!("{job} must be due at {expected}, and is at {next:?}");
                return broken(NOTHING_FORGOTTEN, what);
            }
        }
        Ok(())
    }
}

fn is_due_alike(old: &Job, new: &Job) -> bool {
    old.timing == new.timing && old.enabled == new.enabled
}

pub(super) fn bounded(engine: &Engine) -> Verdict {
    let sizes = engine.sizes();
    let jobs = engine.config().jobs.len();
    let is_bounded = sizes.due <= jobs
        && sizes.anchors <= jobs
        && sizes.last <= jobs
        && sizes.waiting <= 100 * (jobs + 1)
        && sizes.deadlines <= sizes.runs;
    match is_bounded {
        true => Ok(()),
        false => broken(BOUNDED, format!("{sizes:?} for {jobs} jobs")),
    }
}

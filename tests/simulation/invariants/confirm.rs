//! Of what has to be confirmed.

use std::time::Duration;

use hupd::clock::Moment;
use hupd::daemon::Daemon;
use hupd::engine::Phase;

use super::{Invariants, TAKEN_BACK, Verdict, broken};
use crate::simulation::acts::Told;
use crate::simulation::life::Inheritance;
use crate::simulation::machine::Machine;

/// After a return that could not be made comes the next one within so long.
const LONGEST_PATIENCE: Duration = Duration::from_secs(3600);

/// This text is in force by then, on the elapsed clock, unless somebody wants something else.
#[derive(Debug)]
pub(super) struct Promise {
    text: String,
    by: Duration,
    /// What is to be confirmed is not in force yet: then its time begins.
    is_new: bool,
}

impl Invariants {
    pub(super) fn begin_trials(&mut self, left: &Inheritance) {
        self.longest = Duration::ZERO;
        self.is_loading = false;
        self.promise = None;
        if left.by.was_unconfirmed
            && let Some(file) = &left.by.file
        {
            self.promise = Some(Promise {
                text: file.text(),
                by: Duration::ZERO,
                is_new: false,
            });
        }
    }

    pub(super) fn promise(&mut self, text: &str, now: Moment) {
        self.promise = Some(Promise {
            text: text.to_owned(),
            by: now.elapsed + self.longest,
            is_new: true,
        });
    }

    /// Nothing is being loaded any more.
    pub(super) fn loaded(&mut self, now: Moment) {
        self.is_loading = false;
        if let Some(promise) = &mut self.promise
            && std::mem::take(&mut promise.is_new)
        {
            promise.by = now.elapsed + self.longest;
        }
    }

    /// Where it was to come back and was refused there is some more time.
    pub(super) fn taken_back(&mut self, daemon: &Daemon<Machine>, now: Moment) -> Verdict {
        let (world, engine) = (daemon.world(), daemon.engine());
        let Some(promise) = &mut self.promise else {
            return Ok(());
        };
        if world.refuses && matches!(world.told, Told::Loaded(_)) {
            promise.by = promise.by.max(now.elapsed + LONGEST_PATIENCE);
        }
        let is_time = matches!(world.told, Told::Due) && promise.by <= now.elapsed;
        let is_back = *engine.config().sources[0].text == *promise.text;
        match is_time && !is_back && !self.is_loading && engine.phase() == Phase::Serving {
            true => broken(TAKEN_BACK, format!("{promise:?}")),
            false => Ok(()),
        }
    }
}

//! On what a reload has spent its time.

use std::time::Duration;

use super::{Daemon, World};
use crate::clock::Moment;
use crate::config::Took;
use crate::event::Loaded;
use crate::protocol::Spent;

/// So much of it is known so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    took: Took,
    diff: Duration,
    pub commit: Duration,
}

impl Parts {
    pub fn of(loaded: &Loaded) -> Self {
        Self {
            took: loaded.took,
            diff: loaded.diff,
            commit: Duration::ZERO,
        }
    }

    pub fn with_commit(self, commit: Duration) -> Self {
        Self { commit, ..self }
    }

    fn spent(self, held: Duration) -> Spent {
        Spent {
            read: self.took.read.as_secs_f64(),
            parse: self.took.parse.as_secs_f64(),
            check: self.took.check.as_secs_f64(),
            diff: self.diff.as_secs_f64(),
            commit: self.commit.as_secs_f64(),
            loop_held: held.as_secs_f64(),
        }
    }
}

impl<W: World> Daemon<W> {
    pub(super) fn elapsed_since(&self, began: Duration) -> Duration {
        self.world.now().elapsed.saturating_sub(began)
    }

    /// The loop has had nothing else to do since `now`.
    pub(super) fn spent(&self, parts: Parts, now: Moment) -> Spent {
        parts.spent(self.elapsed_since(now.elapsed))
    }
}

/// For whoever wants to know where the time goes.
pub(super) fn log_spent(spent: &Spent) {
    let ms = |seconds: f64| format!("{:.3}ms", seconds * 1e3);
    let Spent {
        read,
        parse,
        check,
        diff,
        commit,
        loop_held,
    } = *spent;
    log::debug!(
        read = ms(read), parse = ms(parse), check = ms(check), diff = ms(diff), commit = ms(commit),
        loop_held = ms(loop_held);
        "where the time of the reload went"
    );
}

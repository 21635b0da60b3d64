//! HUP to the whole unit: what ends by it within a second of one to hupd is told why, once.

use std::time::Duration;

use hupd::clock::Moment;
use hupd::run::{Exit, Signal};

use super::{Model, Stage};
use crate::simulation::acts::{Act, Death};

const SECOND: Duration = Duration::from_secs(1);

impl Model {
    pub(super) fn hung_up(&mut self, now: Moment) -> Vec<Act> {
        self.hangup = Some(now.elapsed);
        let ended = std::mem::take(&mut self.hung_up).into_iter();
        let near = ended.filter(|(at, _)| at.abs_diff(now.elapsed) <= SECOND);
        near.map(|(_, run)| Act::HungUp(run)).collect()
    }

    /// Whether a signal of ours ended it is to be asked before its end is dealt with.
    pub(super) fn was_hung_up(&self, death: &Death) -> bool {
        let run = self.runs.get(&death.run);
        let stops = run.is_some_and(|run| matches!(run.stage, Stage::Stopping(..)));
        run.is_some() && death.exit == Exit::Signal(Signal::HUP) && !(stops && death.was_signalled)
    }

    pub(super) fn note_hangup(&mut self, death: &Death) -> Vec<Act> {
        let at = death.at.elapsed;
        if self.hangup.is_some_and(|last| last.abs_diff(at) <= SECOND) {
            return vec![Act::HungUp(death.run)];
        }
        self.hung_up.push((at, death.run));
        Vec::new()
    }
}

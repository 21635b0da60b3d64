//! Runs that were told to stop, whose process has ended while others of its group clean up.
//!
//! The kernel tells nobody when a group becomes empty, so /proc is looked at, and only while such a
//! run exists.

use std::time::Duration;

use super::Source;
use super::census::Census;
use super::child::{Child, Phase};
use super::marks::{Marks, environment};
use super::survivors;
use crate::clock::Moment;
use crate::run::RunId;

/// The time between two looks.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A look at very many processes takes long; the thread has other things to do meanwhile.
const REST_PER_LOOK: u32 = 4;

/// How long KILL may take: what belongs to another user, or hangs in the kernel, survives it, and must
/// not hold the run for ever.
pub(super) const KILL_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Lingering {
    runs: Vec<RunId>,
    /// On the elapsed clock.
    not_before: Duration,
}

impl Lingering {
    pub(super) fn next_look(&self) -> Option<Duration> {
        (!self.runs.is_empty()).then_some(self.not_before)
    }
}

/// After a look that began then and is over.
pub(super) fn next_look(began: Duration, every: Duration) -> Duration {
    let ended = Moment::now().elapsed;
    ended + every.max((ended - began) * REST_PER_LOOK)
}

impl Source {
    pub(super) fn linger(&mut self, run: RunId) {
        let Some(child) = self.children.get_mut(&run) else {
            return;
        };
        child.set_phase(Phase::Lingering);
        self.lingering.runs.push(run);
    }

    /// Ends the runs whose groups are empty by now.
    pub(super) fn look_after_lingering(&mut self) {
        if self.lingering.runs.is_empty() {
            return;
        }
        let began = Moment::now().elapsed;
        if began < self.lingering.not_before {
            return;
        }
        // Where it cannot be seen who is alive, nobody is taken for dead.
        let census = Census::take().ok();
        let runs = std::mem::take(&mut self.lingering.runs);
        let (staying, ending): (Vec<_>, Vec<_>) = runs
            .into_iter()
            .partition(|&run| self.stays(run, census.as_ref(), began));
        self.lingering.runs = staying;
        self.name_survivors(&ending, census.as_ref());
        for run in ending {
            self.end_lingering(run);
        }
        self.lingering.not_before = next_look(began, LOOK_EVERY);
    }

    fn stays(&mut self, run: RunId, census: Option<&Census>, now: Duration) -> bool {
        let Some(child) = self.children.get(&run) else {
            return false;
        };
        let is_in_group = census.is_none_or(|census| census.has_group(child.pid()));
        let goes_on = child.was_signalled() && (is_in_group || child.is_at_home());
        goes_on && !child.is_killed_since(now, KILL_PATIENCE)
    }

    /// Of runs that were stopped: those without a cgroup are looked for all at once, for that is a look at
    /// all processes there are.
    fn name_survivors(&mut self, ending: &[RunId], census: Option<&Census>) {
        let stopped = |run: &&RunId| {
            let child = self.children.get(run);
            child.is_some_and(|child| child.was_signalled())
        };
        let stopped: Vec<RunId> = ending.iter().filter(stopped).copied().collect();
        let homeless = stopped.iter().filter_map(|run| self.children.get(run));
        let homeless = homeless.filter(|child| child.cgroup().is_none());
        let marks: Marks = homeless.map(Child::mark).collect();
        let everybody = census.into_iter().flat_map(Census::suspects);
        let mut found = marks.find(everybody, environment);
        for run in stopped {
            let Some(child) = self.children.get_mut(&run) else {
                continue;
            };
            let left = match child.cgroup() {
                Some(cgroup) => cgroup
                    .members()
                    .iter()
                    .map(|pid| pid.as_raw_pid())
                    .collect(),
                None => found.remove(&run).unwrap_or_default(),
            };
            child.left(survivors::named(left));
        }
    }

    /// A debugger may hold the process back; then it is looked at again.
    fn end_lingering(&mut self, run: RunId) {
        if self.children.contains_key(&run) && !self.reap(run) {
            self.lingering.runs.push(run);
        }
    }
}

//! How a run ends: its process ends and is reaped, what is in its pipe is taken, its end is told.

use std::time::Duration;

use super::Source;
use super::child::{Phase, Reaped};
use crate::clock::Moment;
use crate::event::Event;
use crate::run::{Exit, RunId, Usage};

/// How long output is still taken after the end of a process, where something of its own holds the
/// pipe open: long enough for the filters that a shell does not wait for.
const GRACE: Duration = Duration::from_millis(100);

impl Source {
    /// The process of a run has ended; of its group, something may go on.
    pub(super) fn leader_ended(&mut self, run: RunId) {
        // What ended may have been met among the orphans before, in the same batch of events.
        let Some(child) = self.children.get(&run).filter(|child| child.is_alive()) else {
            return;
        };
        child.stop_watching_process(&self.poll);
        // What was told to stop gets its time to do so. The leader is not reaped meanwhile: while
        // it is there, its number names this group and no other.
        if child.was_signalled() || !self.reap(run) {
            self.linger(run);
        }
    }

    /// Reaps the process of a run, if that is possible yet.
    pub(super) fn reap(&mut self, run: RunId) -> bool {
        let child = self
            .children
            .get_mut(&run)
            .expect("only runs that are here are reaped");
        let pid = child.pid();
        let Some((exit, usage)) = exit_of(pid, run) else {
            return false;
        };
        let at = Moment::now();
        self.by_pid.remove(&pid);
        child.set_phase(Phase::Reaped(Reaped { exit, usage, at }));
        child.read_what_is_there(&self.poll, &mut self.buffer);
        if child.is_over() {
            self.end(run);
        } else {
            self.graces.push_back((at.elapsed + GRACE, run));
        }
        true
    }

    pub(super) fn end_graces(&mut self) {
        if self.graces.is_empty() {
            return;
        }
        let now = Moment::now().elapsed;
        while let Some(&(until, run)) = self.graces.front()
            && until <= now
        {
            self.graces.pop_front();
            self.end(run);
        }
    }

    /// Tells the end of a run whose process is reaped; it may have been told already.
    pub(super) fn end(&mut self, run: RunId) {
        let Some(mut child) = self.children.remove(&run) else {
            return;
        };
        child.read_what_is_there(&self.poll, &mut self.buffer);
        if let Some(pipe) = child.take_pipe() {
            self.leftovers.keep(run, pipe, &self.poll);
        }
        if let Some(cgroup) = child.take_cgroup() {
            self.left_homes.take_back(cgroup);
        }
        self.tell(Event::Ended(Box::new(child.into_ended())));
    }
}

fn exit_of(pid: i32, run: RunId) -> Option<(Exit, Usage)> {
    super::reap::reap(pid).unwrap_or_else(|error| {
        log::error!("run {run}: how process {pid} ended is not known: {error}");
        Some((Exit::Code(-1), Usage::default()))
    })
}

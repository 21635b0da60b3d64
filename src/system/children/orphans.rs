//! Children that hupd never started: as PID 1, or as a subreaper, it inherits the orphans of others.

use rustix::io::Errno;

use super::Source;
use super::processes;
use crate::run::RunId;
use crate::system::raw;

impl Source {
    /// Reaps all orphans that have ended; ends runs that are met on the way.
    pub(super) fn reap_orphans(&mut self) {
        while let Ok(Some(pid)) = raw::first_ended_child() {
            match self.by_pid.get(&pid).copied() {
                Some(run) if self.is_lingering(run) => return self.reap_orphans_behind(),
                Some(run) => self.leader_ended(run),
                None if !self.reap_stranger(pid) => return,
                None => {}
            }
        }
    }

    /// A leader that must not be reaped yet hides the others from waitid; /proc shows them.
    fn reap_orphans_behind(&mut self) {
        for pid in processes::ended_children() {
            if !self.by_pid.contains_key(&pid) {
                self.reap_stranger(pid);
            }
        }
    }

    /// Whether it is known now what that process is: a stranger, which is reaped, or a run after all. One that is just
    /// being started is soon handed over, for whoever starts it stands still only as long as it lives.
    fn reap_stranger(&mut self, pid: i32) -> bool {
        if self.shared.is_in_flight(pid) {
            return false;
        }
        self.obey();
        self.by_pid.contains_key(&pid) || reap(pid)
    }

    fn is_lingering(&self, run: RunId) -> bool {
        self.children
            .get(&run)
            .is_some_and(|child| child.is_lingering())
    }
}

fn reap(pid: i32) -> bool {
    match super::reap::reap(pid) {
        Ok(Some((exit, _))) => {
            log::debug!("orphan {pid} has ended: {exit:?}");
            true
        }
        Ok(None) => false,
        // Somebody else was faster, and the others are still to be reaped.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::CHILD) => true,
        Err(error) => {
            log::warn!("cannot reap orphan {pid}: {error}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a child that no source watches")]
    fn a_child_that_somebody_else_has_reaped_is_in_nobodys_way() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        child.wait().unwrap();
        assert!(super::reap(pid));
    }
}

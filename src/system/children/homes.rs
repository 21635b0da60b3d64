//! Cgroups of runs that are over: given back when nobody lives there any more.

use std::collections::VecDeque;

use crate::system::cgroups::Cgroup;

/// In which something lives on that a run has left behind.
#[derive(Debug, Default)]
pub(super) struct LeftHomes(VecDeque<Cgroup>);

impl LeftHomes {
    /// Each time the one that waits for the longest is looked at as well: so every end costs the same.
    pub(super) fn take_back(&mut self, cgroup: Cgroup) {
        self.0.push_back(cgroup);
        for _ in 0..2 {
            match self.0.pop_front() {
                Some(cgroup) if cgroup.is_populated() => self.0.push_back(cgroup),
                Some(cgroup) => cgroup.release(),
                None => {}
            }
        }
    }
}

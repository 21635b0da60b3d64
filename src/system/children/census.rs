//! One look at all processes of this machine, for all who have something to look up.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::time::Duration;

use rustix::process::getpid;

use super::callers::is_caller;
use super::processes::{self, Process};

/// Those that were alive.
#[derive(Debug, Default)]
pub(super) struct Census {
    by_pid: BTreeMap<i32, Process>,
    by_group: HashMap<i32, Vec<i32>>,
}

impl Census {
    /// Nobody, where there is no /proc. An error where that cannot be known now. hupd itself is never one of them,
    /// though somebody may have started it from within a run.
    pub(super) fn take() -> io::Result<Self> {
        let mut all = processes::all()?;
        all.retain(|process| !is_hupd(process.pid));
        Ok(Self::of(all))
    }

    fn of(processes: Vec<Process>) -> Self {
        let mut census = Self::default();
        for process in processes.into_iter().filter(|process| process.is_alive) {
            let group = census.by_group.entry(process.group).or_default();
            group.push(process.pid);
            census.by_pid.insert(process.pid, process);
        }
        census
    }

    /// Those that may be of a run because their environment says so. Who started hupd may have one that says the same
    /// for another reason, such as a shell in which somebody looks into a job.
    pub(super) fn suspects(&self) -> impl Iterator<Item = i32> {
        let suspects = self.by_pid.values().filter(|process| !is_caller(process));
        suspects.map(|process| process.pid)
    }

    pub(super) fn has_group(&self, group: i32) -> bool {
        self.by_group.contains_key(&group)
    }

    pub(super) fn members(&self, group: i32) -> &[i32] {
        self.by_group.get(&group).map_or(&[], Vec::as_slice)
    }

    /// When the one of this number began.
    pub(super) fn began(&self, pid: i32) -> Option<Duration> {
        Some(self.by_pid.get(&pid)?.began)
    }

    /// Whether the process of this number had begun by then: who gets the number later begins later.
    pub(super) fn has(&self, pid: i32, by: Duration) -> bool {
        let process = self.by_pid.get(&pid);
        process.is_some_and(|process| process.had_begun(by))
    }
}

/// Whether that is the number of this process.
pub(super) fn is_hupd(pid: i32) -> bool {
    getpid().as_raw_pid() == pid
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, group: i32, is_alive: bool) -> Process {
        Process {
            pid,
            parent: 1,
            group,
            is_alive,
            began: Duration::from_secs(5),
        }
    }

    #[test]
    fn only_the_living_count() {
        let census = Census::of(vec![
            process(7, 7, false),
            process(8, 7, true),
            process(9, 9, false),
        ]);
        assert!(census.has_group(7) && !census.has_group(9));
        assert_eq!(census.members(7), [8]);
        assert!(census.has(8, Duration::from_secs(5)));
        assert!(!census.has(8, Duration::from_secs(4)));
        assert_eq!(census.began(7), None);
    }

    #[test]
    fn all_are_found_but_this_process() {
        let census = Census::take().unwrap();
        assert!(census.suspects().any(|pid| pid == 1));
        assert!(census.suspects().all(|pid| !is_hupd(pid)));
    }
}

//! The processes in a cgroup, and what is sent to them: each by a pidfd, and never to a number that has
//! passed to another process meanwhile.

use std::collections::HashSet;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::folder::Folder;

/// How often what is forked meanwhile is looked for.
const ROUNDS: usize = 100;
/// How many descriptors are open for this at once.
const AT_ONCE: usize = 128;

/// Also those in cgroups that a job has made within its own.
pub(super) fn members(cgroup: &Folder) -> Vec<Pid> {
    let list = cgroup.read("cgroup.procs").unwrap_or_default();
    let own = list.lines().filter_map(|line| line.parse().ok());
    let mut members: Vec<_> = own.filter_map(Pid::from_raw).collect();
    for inner in cgroup.within() {
        members.extend(self::members(&inner));
    }
    members
}

/// Signals those of them that are still there. First the pidfds, then a look who is a member: whose number
/// is still among them then is the very one that the pidfd means, or has ended.
pub(super) fn signal_each(cgroup: &Folder, whom: &[Pid], signal: Signal) {
    for some in whom.chunks(AT_ONCE) {
        let open = |pid: &Pid| Some((*pid, pidfd_open(*pid, PidfdFlags::empty()).ok()?));
        let opened: Vec<(Pid, OwnedFd)> = some.iter().filter_map(open).collect();
        let there: HashSet<Pid> = members(cgroup).into_iter().collect();
        for (_, pidfd) in opened.iter().filter(|(pid, _)| there.contains(pid)) {
            // One that has ended needs no signal, and what may not be signalled is a survivor.
            let _ = pidfd_send_signal(pidfd, signal);
        }
    }
}

/// Until nobody is left; whoever forks faster than this is met again at the next KILL.
pub(super) fn kill_all(cgroup: &Folder) {
    for _ in 0..ROUNDS {
        let members = members(cgroup);
        if members.is_empty() {
            return;
        }
        signal_each(cgroup, &members, Signal::KILL);
    }
}

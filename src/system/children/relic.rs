//! What a hupd that was killed has left of one run. These are nobody's children here: they cannot be reaped, and
//! each is reached by its pidfd alone, for the numbers of those that end pass to others at any time.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal as KernelSignal, pidfd_open, pidfd_send_signal};

use super::processes::{self, Process};
use crate::clock::{Moment, since_boot};
use crate::config::Orphans;
use crate::ledger::{OpenRun, Remains};
use crate::run::{JobName, RunId, Signal};

#[derive(Debug)]
pub(super) struct Relic {
    run: RunId,
    job: JobName,
    /// The process that hupd had started, and with it the number of the group.
    leader: Pid,
    /// All that are known, by number.
    held: BTreeMap<i32, OwnedFd>,
    was_signalled: bool,
    /// When KILL was sent, on the elapsed clock.
    killed_at: Option<Duration>,
}

/// What is there, and what is to be looked after of it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) remains: Remains,
    pub(super) relic: Option<Relic>,
}

impl Found {
    const NOTHING: Self = Self {
        remains: Remains::Nothing,
        relic: None,
    };
}

/// Looks for what there is of a run, by the number of its process and by when that began.
pub(super) fn find(open: &OpenRun, orphans: Orphans) -> Found {
    let Some(start) = &open.start else {
        return Found::NOTHING;
    };
    let (Some(birth), Some(leader)) = (start.birth, Pid::from_raw(start.pid)) else {
        return Found::NOTHING;
    };
    if processes::boot() != Some(birth.boot) {
        return Found::NOTHING;
    }
    let mut relic = Relic {
        run: open.run,
        job: open.occurrence.job.clone(),
        leader,
        held: BTreeMap::new(),
        was_signalled: false,
        killed_at: None,
    };
    if relic.hold_leader(birth.by) {
        let age = since_boot().saturating_sub(birth.by);
        return Found {
            remains: Remains::Process(age),
            relic: Some(relic),
        };
    }
    relic.gather();
    match (relic.pids(), orphans) {
        (pids, _) if pids.is_empty() => Found::NOTHING,
        (pids, orphans) => Found {
            remains: Remains::Others(pids),
            relic: (orphans == Orphans::Kill).then_some(relic),
        },
    }
}

impl Relic {
    pub(super) fn run(&self) -> RunId {
        self.run
    }

    pub(super) fn was_signalled(&self) -> bool {
        self.was_signalled
    }

    /// Its first process, if that lived when it was found.
    pub(super) fn leader(&self) -> Option<BorrowedFd<'_>> {
        Some(self.held.get(&self.leader.as_raw_pid())?.as_fd())
    }

    fn pids(&self) -> Vec<i32> {
        self.held.keys().copied().collect()
    }

    /// Whether it was killed, and that is so long ago.
    pub(super) fn is_killed_since(&self, now: Duration, ago: Duration) -> bool {
        self.killed_at.is_some_and(|at| now >= at + ago)
    }

    /// Whoever has the number now is held first and then looked at: what is held keeps its number.
    fn hold_leader(&mut self, by: Duration) -> bool {
        let Ok(pidfd) = pidfd_open(self.leader, PidfdFlags::empty()) else {
            return false;
        };
        let pid = self.leader.as_raw_pid();
        let is_it = processes::look(pid).is_some_and(|process| process.had_begun(by));
        if is_it && !has_ended(&pidfd) {
            self.held.insert(pid, pidfd);
        }
        !self.held.is_empty()
    }

    /// Sends a signal to all that there are.
    pub(super) fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if signal == Signal::KILL && self.killed_at.is_none() {
            self.killed_at = Some(Moment::now().elapsed);
        }
        let signal = KernelSignal::from_named_raw(signal.number()).ok_or(Errno::INVAL)?;
        self.gather();
        let mut result = Ok(());
        for pidfd in self.held.values() {
            match pidfd_send_signal(pidfd, signal) {
                Ok(()) => self.was_signalled = true,
                Err(Errno::SRCH) => {}
                Err(error) => result = Err(error.into()),
            }
        }
        result
    }

    /// Looks who is in the group by now. Whether anybody is known to be left.
    pub(super) fn gather(&mut self) -> bool {
        let newcomers = self.newcomers();
        // One that was known before and is in the group after them shows that the group is the same; without one,
        // each must show itself that it is of this run.
        let is_same = self.held.keys().any(|&pid| self.is_member(pid));
        for (pid, pidfd) in newcomers {
            if is_same || processes::is_of_run(pid, self.run, &self.job) {
                self.held.insert(pid, pidfd);
            }
        }
        self.held.retain(|_, pidfd| !has_ended(pidfd));
        !self.held.is_empty()
    }

    fn newcomers(&self) -> Vec<(i32, OwnedFd)> {
        let members = processes::members(self.leader.as_raw_pid()).unwrap_or_default();
        let unknown = members
            .into_iter()
            .filter(|pid| !self.held.contains_key(pid));
        unknown
            .filter_map(|pid| {
                let pidfd = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
                (self.is_in_group(pid) && !has_ended(&pidfd)).then_some((pid, pidfd))
            })
            .collect()
    }

    /// Whether one that is held lives in the group: its number is its own while it lives.
    fn is_member(&self, pid: i32) -> bool {
        self.is_in_group(pid) && !has_ended(&self.held[&pid])
    }

    fn is_in_group(&self, pid: i32) -> bool {
        let group = |process: Process| process.group == self.leader.as_raw_pid();
        processes::look(pid).is_some_and(group)
    }
}

/// It is readable from the end of the process on; whether anybody has reaped that does not matter.
fn has_ended(pidfd: &OwnedFd) -> bool {
    let mut polled = [PollFd::new(pidfd, PollFlags::IN)];
    let at_once = Timespec::default();
    rustix::io::retry_on_intr(|| poll(&mut polled, Some(&at_once))).is_ok_and(|ready| ready > 0)
}

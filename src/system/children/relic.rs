//! What a hupd that was killed has left of one run. These are nobody's children here: they cannot be reaped, and
//! the numbers of those that end pass to others at any time. So each is known by its number and by when it began.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal as KernelSignal, pidfd_open, pidfd_send_signal};

use super::census::Census;
use super::processes::{self, Process};
use crate::clock::{Moment, since_boot};
use crate::config::Orphans;
use crate::ledger::{OpenRun, Remains};
use crate::run::{JobName, RunId, Signal};
use crate::system::limits::is_scarce;

#[derive(Debug)]
pub(super) struct Relic {
    run: RunId,
    job: JobName,
    /// The number of the process that hupd had started, and with it that of the group.
    group: i32,
    /// All that are known to be alive: their numbers, and by when they had begun.
    known: BTreeMap<i32, Duration>,
    leader: Leader,
    was_signalled: bool,
    /// When KILL was sent, on the elapsed clock.
    killed_at: Option<Duration>,
}

/// The process that hupd had started, when the run was found.
#[derive(Debug)]
enum Leader {
    Ended,
    /// It lived, and its end is told.
    Held(OwnedFd),
    /// It lived, and one has to look.
    Unwatched,
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

/// Looks for what there is of a run of this boot, by the number of its process and by when that began. Where
/// nothing can be looked at, it is taken for living.
pub(super) fn find(
    open: &OpenRun,
    boot: Option<u64>,
    census: Option<&Census>,
    orphans: Orphans,
) -> Found {
    let Some(start) = &open.start else {
        return Found::NOTHING;
    };
    let Some(birth) = start.birth.filter(|birth| Some(birth.boot) == boot) else {
        return Found::NOTHING;
    };
    let mut relic = Relic::new(open, start.pid);
    if relic.find_leader(birth.by, census) {
        let age = since_boot().saturating_sub(birth.by);
        return Found {
            remains: Remains::Process(age),
            relic: Some(relic),
        };
    }
    relic.gather(census);
    match (relic.pids(), orphans) {
        (pids, _) if pids.is_empty() => Found::NOTHING,
        (pids, orphans) => Found {
            remains: Remains::Others(pids),
            relic: (orphans == Orphans::Kill).then_some(relic),
        },
    }
}

impl Relic {
    fn new(open: &OpenRun, group: i32) -> Self {
        Self {
            run: open.run,
            job: open.occurrence.job.clone(),
            group,
            known: BTreeMap::new(),
            leader: Leader::Ended,
            was_signalled: false,
            killed_at: None,
        }
    }

    pub(super) fn run(&self) -> RunId {
        self.run
    }

    pub(super) fn was_signalled(&self) -> bool {
        self.was_signalled
    }

    /// Its first process, if its end is told.
    pub(super) fn leader(&self) -> Option<BorrowedFd<'_>> {
        match &self.leader {
            Leader::Held(pidfd) => Some(pidfd.as_fd()),
            Leader::Ended | Leader::Unwatched => None,
        }
    }

    pub(super) fn is_unwatched(&self) -> bool {
        matches!(self.leader, Leader::Unwatched)
    }

    fn pids(&self) -> Vec<i32> {
        self.known.keys().copied().collect()
    }

    /// Whether it was killed, and that is so long ago.
    pub(super) fn is_killed_since(&self, now: Duration, ago: Duration) -> bool {
        self.killed_at.is_some_and(|at| now >= at + ago)
    }

    /// Whether the first process is alive: where that cannot be known now, it is taken for that.
    fn find_leader(&mut self, by: Duration, census: Option<&Census>) -> bool {
        if census.is_some_and(|census| !census.has(self.group, by)) {
            return false;
        }
        let leader = hold(self.group);
        // First it is held and then looked at: what is held keeps its number.
        self.leader = match (is_alive(self.group, by), leader) {
            (Ok(false), _) | (_, Ok(None)) => return false,
            (Ok(true), Ok(Some(pidfd))) if !is_scarce(&pidfd) => Leader::Held(pidfd),
            _ => Leader::Unwatched,
        };
        self.known.insert(self.group, by);
        true
    }

    /// Sends a signal to all that there are.
    pub(super) fn signal(&mut self, signal: Signal, census: Option<&Census>) -> io::Result<()> {
        if signal == Signal::KILL && self.killed_at.is_none() {
            self.killed_at = Some(Moment::now().elapsed);
        }
        let signal = KernelSignal::from_named_raw(signal.number()).ok_or(Errno::INVAL)?;
        self.gather(census);
        let mut result = Ok(());
        for (&pid, &by) in &self.known {
            match self.send(pid, by, signal) {
                Ok(true) => self.was_signalled = true,
                Ok(false) => {}
                Err(error) => result = Err(error),
            }
        }
        result
    }

    /// Whether the process was still there.
    fn send(&self, pid: i32, by: Duration, signal: KernelSignal) -> io::Result<bool> {
        match &self.leader {
            Leader::Held(pidfd) if pid == self.group => send(pidfd.as_fd(), signal),
            _ => match hold(pid)? {
                Some(pidfd) if is_alive(pid, by)? => send(pidfd.as_fd(), signal),
                _ => Ok(false),
            },
        }
    }

    /// Whether there is a run: its first process, or, once that was told to stop, any.
    pub(super) fn goes_on(&mut self, census: Option<&Census>) -> bool {
        let is_any_left = self.gather(census);
        match self.leader {
            Leader::Held(_) | Leader::Unwatched if !self.was_signalled => {
                self.known.contains_key(&self.group)
            }
            _ => is_any_left,
        }
    }

    /// Looks who there is by now; where that cannot be seen, nobody is taken for dead. Whether anybody is left.
    fn gather(&mut self, census: Option<&Census>) -> bool {
        if let Some(census) = census {
            self.known.retain(|&pid, by| census.has(pid, *by));
            let members = census.members(self.group);
            // One that was known before and is in the group after the others were seen there shows that the group is
            // the same; without one, each must show itself that it is of this run.
            let is_same = members.iter().any(|&pid| self.is_known_member(pid));
            for &pid in members {
                if is_same || processes::is_of_run(pid, self.run, &self.job) {
                    let began = census.began(pid).expect("who is in a group is there");
                    self.known.entry(pid).or_insert(began);
                }
            }
        }
        !self.known.is_empty()
    }

    fn is_known_member(&self, pid: i32) -> bool {
        let by = self.known.get(&pid);
        let is_it = |process: &Process, by: Duration| {
            process.is_alive && process.group == self.group && process.had_begun(by)
        };
        by.is_some_and(|&by| {
            processes::look(pid).is_ok_and(|found| found.is_some_and(|found| is_it(&found, by)))
        })
    }
}

/// None where it has ended, and only there: a want of files is no end.
fn hold(pid: i32) -> io::Result<Option<OwnedFd>> {
    let pid = Pid::from_raw(pid).ok_or(Errno::INVAL)?;
    match pidfd_open(pid, PidfdFlags::empty()) {
        Err(Errno::SRCH) => Ok(None),
        opened => Ok(Some(opened?)),
    }
}

/// Whether the process of this number lives and is no later one.
fn is_alive(pid: i32, by: Duration) -> io::Result<bool> {
    let process = processes::look(pid)?;
    Ok(process.is_some_and(|process| process.is_alive && process.had_begun(by)))
}

fn send(pidfd: BorrowedFd<'_>, signal: KernelSignal) -> io::Result<bool> {
    match pidfd_send_signal(pidfd, signal) {
        Err(Errno::SRCH) => Ok(false),
        sent => Ok(sent.map(|()| true)?),
    }
}

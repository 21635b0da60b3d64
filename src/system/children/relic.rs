//! What a hupd that was killed has left of one run. These are nobody's children here: they cannot be reaped, and
//! the numbers of those that end pass to others at any time. So each is known by its number and by when it began.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal as KernelSignal, pidfd_open, pidfd_send_signal};

use super::census::is_hupd;
use super::marks::{Mark, environment, is_of_attempt};
use super::processes::{self, Process};
use super::sight::Sight;
use super::survivors;
use crate::clock::{Moment, since_boot};
use crate::config::Orphans;
use crate::ledger::{OpenRun, Remains, RunStart};
use crate::run::{RunId, Signal, Survivor};
use crate::system::cgroups::Cgroup;
use crate::system::limits::is_scarce;

#[derive(Debug)]
pub(super) struct Relic {
    mark: Mark,
    /// The number of the process that hupd had started, and with it that of the group; as far as it is on record.
    group: Option<i32>,
    /// Where they live, if they have a cgroup of their own: nothing that a job starts gets out of that.
    home: Option<Cgroup>,
    /// All that are known to be alive: their numbers, and by when they had begun.
    known: BTreeMap<i32, Duration>,
    leader: Leader,
    was_signalled: bool,
    /// When KILL was sent, on the elapsed clock.
    killed_at: Option<Duration>,
}

/// The process that hupd had started.
#[derive(Debug)]
enum Leader {
    Ended,
    /// Its end is told.
    Held(OwnedFd),
    /// One has to look.
    Unwatched,
}

/// What there is to be looked up for all runs.
#[derive(Debug)]
pub(super) struct Search<'s> {
    pub(super) boot: Option<u64>,
    /// None where nobody can be looked at: then what has a number is taken for living.
    pub(super) sight: Option<&'s Sight>,
    /// Whether all there is of a run is in sight.
    pub(super) is_whole: bool,
    pub(super) orphans: Orphans,
}

impl Search<'_> {
    /// Looks for what there is of a run, and what is to be looked after of it: by the number of its process and by
    /// when that began, by its group, by its cgroup, and by what it was given as environment.
    pub(super) fn find(&self, open: &OpenRun, mark: Mark) -> (Remains, Option<Relic>) {
        let start = open.start.as_ref();
        let birth = start.and_then(|start| Some((start.pid, start.birth.as_ref()?)));
        let mut relic = Relic::new(mark, birth.map(|(pid, _)| pid));
        if let Some((pid, birth)) = birth {
            if self.boot.is_some_and(|boot| boot != birth.boot) {
                return (Remains::Nothing, None);
            }
            relic.home = birth.home.as_ref().and_then(Cgroup::find);
            if relic.find_leader(pid, birth.by) {
                // By those who are there now, the rest of its group is known when it has ended.
                relic.gather(self.sight);
                let age = Moment::now().elapsed.saturating_sub(birth.elapsed);
                return (Remains::Process(age), Some(relic));
            }
        }
        // What is on record and has ended is not looked for among the others.
        if start.is_none()
            && let Some(began) = self.sight.and_then(|it| relic.find_first(it, open.attempt))
        {
            relic.gather(self.sight);
            let age = since_boot().saturating_sub(began);
            return (Remains::Process(age), Some(relic));
        }
        relic.gather(self.sight);
        match (relic.left(), self.orphans) {
            (left, _) if left.is_empty() && self.is_whole => (Remains::Nothing, None),
            (left, _) if left.is_empty() => (Remains::Unseen, None),
            (left, Orphans::Kill) => (Remains::Others(left), Some(relic)),
            (left, Orphans::Leave) => (Remains::Others(left), None),
        }
    }
}

impl Relic {
    fn new(mark: Mark, group: Option<i32>) -> Self {
        Self {
            mark,
            group,
            home: None,
            known: BTreeMap::new(),
            leader: Leader::Ended,
            was_signalled: false,
            killed_at: None,
        }
    }

    pub(super) fn run(&self) -> RunId {
        self.mark.run()
    }

    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }

    pub(super) fn was_signalled(&self) -> bool {
        self.was_signalled
    }

    /// Of a run that began so long ago, by what is found of it.
    pub(super) fn as_started(&self, age: Duration) -> Option<RunStart> {
        let now = Moment::now().wall;
        Some(RunStart {
            run: self.run(),
            pid: self.group?,
            at: now.checked_sub(age).unwrap_or(now),
            birth: None,
        })
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

    /// Those of it that are known to be alive, by their names.
    pub(super) fn left(&self) -> Vec<Survivor> {
        survivors::named(self.known.keys().copied())
    }

    /// Whoever has its number now is another one.
    pub(super) fn leader_ended(&mut self) {
        self.leader = Leader::Ended;
        if let Some(pid) = self.group {
            self.known.remove(&pid);
        }
    }

    /// Whether it was killed so long ago, and its first process is not what is left.
    pub(super) fn is_given_up(&self, now: Duration, patience: Duration) -> bool {
        !self.has_leader() && self.killed_at.is_some_and(|at| now >= at + patience)
    }

    fn has_leader(&self) -> bool {
        let has_ended = matches!(self.leader, Leader::Ended);
        !has_ended && self.group.is_some_and(|pid| self.known.contains_key(&pid))
    }

    /// Whether the first process is alive: where that cannot be known now, it is taken for that.
    fn find_leader(&mut self, pid: i32, by: Duration) -> bool {
        let leader = hold(pid);
        if is_hupd(pid) || matches!(leader, Ok(None)) {
            return false;
        }
        // First it is held and then looked at: what is held keeps its number.
        self.leader = match (is_alive(pid, by), leader) {
            (Ok(false), _) => return false,
            (Ok(true), Ok(Some(pidfd))) if !is_scarce(&pidfd) => Leader::Held(pidfd),
            _ => Leader::Unwatched,
        };
        self.known.insert(pid, by);
        true
    }

    /// Finds the first process where hupd was killed before its number was on record: it leads its group, and nobody else
    /// of the run began before it. One that has left the group and lives on alone looks alike, and is taken for it: in
    /// doubt it is in the way. When it began.
    fn find_first(&mut self, sight: &Sight, attempt: u32) -> Option<Duration> {
        let marked = sight.marked(self.run()).iter();
        // What an earlier attempt has left is of the run, and not this one.
        let marked = marked.filter(|&&pid| is_of_attempt(&environment(pid), attempt));
        let marked = marked.filter_map(|&pid| Some((sight.census.began(pid)?, pid)));
        let (began, pid) = marked.min()?;
        if !sight.census.members(pid).contains(&pid) || !self.find_leader(pid, began) {
            return None;
        }
        self.group = Some(pid);
        Some(began)
    }

    /// Sends a signal to all that there are.
    pub(super) fn signal(&mut self, signal: Signal, sight: Option<&Sight>) -> io::Result<()> {
        if signal == Signal::KILL && self.killed_at.is_none() {
            self.killed_at = Some(Moment::now().elapsed);
        }
        let signal = KernelSignal::from_named_raw(signal.number()).ok_or(Errno::INVAL)?;
        self.gather(sight);
        let mut result = Ok(());
        for (&pid, &by) in &self.known {
            match self.send(pid, by, signal) {
                Ok(true) => self.was_signalled = true,
                Ok(false) => {}
                Err(error) => result = Err(error),
            }
        }
        match &self.home {
            // Those as well that are just being forked.
            Some(home) if signal == KernelSignal::KILL => result.and(home.kill()),
            _ => result,
        }
    }

    /// Whether the process was still there.
    fn send(&self, pid: i32, by: Duration, signal: KernelSignal) -> io::Result<bool> {
        match &self.leader {
            Leader::Held(pidfd) if Some(pid) == self.group => send(pidfd.as_fd(), signal),
            _ => match hold(pid)? {
                Some(pidfd) if is_alive(pid, by)? => send(pidfd.as_fd(), signal),
                _ => Ok(false),
            },
        }
    }

    /// Whether there is a run: its first process, or, once that was told to stop, any.
    pub(super) fn goes_on(&mut self, sight: Option<&Sight>) -> bool {
        let is_any_left = self.gather(sight);
        match self.leader {
            Leader::Held(_) | Leader::Unwatched if !self.was_signalled => self.has_leader(),
            _ => is_any_left,
        }
    }

    /// Looks who there is by now; where that cannot be seen, nobody is taken for dead. Whether anybody is left.
    pub(super) fn gather(&mut self, sight: Option<&Sight>) -> bool {
        let is_seen = |pid, by| sight.is_some_and(|sight| sight.census.has(pid, by));
        self.known
            .retain(|&pid, &mut by| is_seen(pid, by) || !matches!(is_alive(pid, by), Ok(false)));
        if let Some(sight) = sight {
            let census = &sight.census;
            let (group, home) = (self.members(sight).iter(), self.at_home());
            for &pid in group.chain(sight.marked(self.run())).chain(&home) {
                // One that came to its home after that look is met at the next one.
                if let Some(began) = census.began(pid) {
                    self.known.entry(pid).or_insert(began);
                }
            }
        }
        !self.known.is_empty()
    }

    fn at_home(&self) -> Vec<i32> {
        let members = self.home.as_ref().map(Cgroup::members);
        let members = members.into_iter().flatten();
        members.map(|pid| pid.as_raw_pid()).collect()
    }

    pub(super) fn take_home(&mut self) -> Option<Cgroup> {
        self.home.take()
    }

    /// Who is in the group. One that was known before and is there after the others were seen shows that it is the
    /// same group; without one, each must show itself that it is of this run.
    fn members<'s>(&self, sight: &'s Sight) -> &'s [i32] {
        let members = self
            .group
            .map_or(&[][..], |group| sight.census.members(group));
        match members.iter().any(|&pid| self.is_known_member(pid)) {
            true => members,
            false => &[],
        }
    }

    fn is_known_member(&self, pid: i32) -> bool {
        let by = self.known.get(&pid);
        let is_it = |process: &Process, by: Duration| {
            process.is_alive && Some(process.group) == self.group && process.had_begun(by)
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

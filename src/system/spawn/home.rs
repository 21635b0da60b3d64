//! Where runs live: each in a cgroup of its own, as long as there are any to be had.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicI32;

use rustix::io::Errno;
use rustix::process::{WaitOptions, waitpid};

use super::failure::no_home;
use super::plan::{Door, NotDone, NotStarted, Plan, Step};
use super::under_way::Seen;
use super::{SpawnOrder, Stack, start};
use crate::event::NoStart;
use crate::reason::reason;
use crate::system::cgroups::{Cgroup, Delegation};

/// How a process comes into its cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Birth,
    Joining,
}

impl Way {
    /// By one try without a program. Where hupd's own cgroup was killed once, as by a service manager before a
    /// restart, the kernel kills whoever is born from there into another one, before it can fail.
    pub(super) fn that_works(delegation: &Delegation, null: BorrowedFd<'_>) -> Self {
        let Ok(home) = delegation
            .make()
            .and_then(|cgroup| open(cgroup, Self::Birth))
        else {
            return Self::Birth;
        };
        let nowhere = [c"/".to_owned()];
        let plan = Plan {
            programs: &nowhere,
            arguments: &[],
            environment: &[],
            streams: [null; 3],
            cgroup: Some(home.door()),
            limits: &[],
            nice: None,
            umask: 0o022,
            ids: None,
            working_dir: c"/",
            handled: &[],
            ignored: &[],
            seen: Seen {
                under_way: &Arc::default(),
                number: &AtomicI32::new(0),
            },
        };
        let way = match start(&plan, &mut Stack::new()) {
            Ok(pid) => {
                let _ = rustix::io::retry_on_intr(|| waitpid(Some(pid), WaitOptions::empty()));
                Self::Joining
            }
            Err(_) => Self::Birth,
        };
        home.into_cgroup().release();
        way
    }
}

/// The homes that one who starts processes has to give.
#[derive(Debug)]
pub(super) struct Homes {
    delegation: RefCell<Option<Delegation>>,
    way: Cell<Way>,
}

/// A cgroup whose door is open.
#[derive(Debug)]
pub(super) struct Home {
    cgroup: Cgroup,
    door: OwnedFd,
    way: Way,
}

impl Homes {
    pub(super) fn new(delegation: Option<Delegation>, way: Way) -> Self {
        Self {
            delegation: RefCell::new(delegation),
            way: Cell::new(way),
        }
    }

    /// None where there are none. What is short for now is waited for, as by every other step of a start: nobody would
    /// know of a run that lives elsewhere than all others do.
    pub(super) fn take(&self, order: &SpawnOrder) -> Result<Option<Home>, NoStart> {
        let (way, delegation) = (self.way.get(), self.delegation.borrow());
        let made = delegation.as_ref().map(Delegation::make);
        match made.map(|made| made.and_then(|cgroup| open(cgroup, way))) {
            Some(Err(error)) if lacks_means(&error) => Err(no_home(&error)),
            Some(Err(error)) => {
                log::warn!("{}", gets_none(order, &error));
                Ok(None)
            }
            made => Ok(made.and_then(Result::ok)),
        }
    }

    /// By one that did not start. Whether another try is worth it: what kept the process from its start was the way
    /// into its cgroup, and the next one goes another way.
    pub(super) fn leave(&self, home: Home, what: &NotStarted) -> bool {
        let is_in_the_way = match what {
            NotStarted::NoProcess(error) => home.way == Way::Birth && !is_shortage(error),
            NotStarted::SetUp(_, NotDone { step, .. }) => *step == Step::Cgroup,
        };
        match home.way {
            Way::Birth if is_in_the_way => self.way.set(Way::Joining),
            Way::Joining if is_in_the_way => {
                log::warn!("no cgroup can be entered, so runs get none of their own any more");
                *self.delegation.borrow_mut() = None;
            }
            _ => {}
        }
        home.cgroup.release();
        is_in_the_way
    }
}

fn is_shortage(error: &io::Error) -> bool {
    lacks_means(error) || Errno::from_io_error(error) == Some(Errno::AGAIN)
}

/// Not what the limits of a hierarchy say, which is EAGAIN: that would be waited for for ever.
fn lacks_means(error: &io::Error) -> bool {
    let means = [Errno::NOMEM, Errno::MFILE, Errno::NFILE];
    Errno::from_io_error(error).is_some_and(|errno| means.contains(&errno))
}

fn gets_none(order: &SpawnOrder, error: &io::Error) -> String {
    let (run, job, reason) = (order.run, &order.job.name, reason(error));
    format!(
        "run {run} of job '{job}' starts without a cgroup of its own: {reason}; what leaves its process group is not \
         stopped with it"
    )
}

fn open(cgroup: Cgroup, way: Way) -> io::Result<Home> {
    let door = match way {
        Way::Birth => cgroup.open_folder(),
        Way::Joining => cgroup.open_procs(),
    };
    match door {
        Ok(door) => Ok(Home { cgroup, door, way }),
        Err(error) => {
            cgroup.release();
            Err(error)
        }
    }
}

impl Home {
    pub(super) fn door(&self) -> Door<'_> {
        match self.way {
            Way::Birth => Door::Birth(self.door.as_fd()),
            Way::Joining => Door::Joining(self.door.as_fd()),
        }
    }

    pub(super) fn into_cgroup(self) -> Cgroup {
        self.cgroup
    }
}

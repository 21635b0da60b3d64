//! Starts the processes of runs: a few threads, for starting one blocks its thread until the program
//! is loaded.
//!
//! A process is cloned with our memory in place of a copy, so that what it costs does not depend on how
//! much memory hupd has, and it sets itself up by system calls alone: see `system::raw`.

mod failure;
mod home;
mod limits;
mod plan;
mod prepared;
mod program;
mod stack;
mod streams;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use rustix::process::{Pid, WaitOptions, waitpid};

use crate::clock::Moment;
use crate::config::Job;
use crate::event::{Event, NoStart, Outbox};
use crate::run::{Generation, Occurrence, RunId};
use crate::system::cgroups::{Cgroup, Delegation};
use crate::system::children::{ChildrenHandle, NewChild};
use crate::system::identity::{Accounts, Identity};
use crate::system::inherited::signals_with_an_action;
use crate::system::raw;

pub(crate) use failure::by_kind;
use failure::why_not_started;
use home::{Home, Homes, Way};
pub(crate) use plan::{Door, Ids, NotDone, NotStarted, Plan, Step, errno, pointers};
use prepared::Prepared;
pub(crate) use stack::Stack;

/// All that is needed to start one run.
#[derive(Clone, Debug)]
pub struct SpawnOrder {
    pub run: RunId,
    pub job: Arc<Job>,
    pub occurrence: Occurrence,
    /// From 1 on.
    pub attempt: u32,
    pub generation: Generation,
    /// Bytes of output to keep.
    pub keep_output: usize,
}

/// The threads that start processes.
#[derive(Debug)]
pub struct Spawners {
    channels: Vec<Sender<SpawnOrder>>,
    next: usize,
    delegation: Option<Delegation>,
}

impl Spawners {
    /// Starts so many threads, at least one. They end when this is dropped.
    pub fn start(
        count: usize,
        children: ChildrenHandle,
        identity: Identity,
        outbox: Outbox,
    ) -> io::Result<Self> {
        let delegation = Delegation::find();
        let null = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/null")?;
        let pool = delegation.as_ref().map(Delegation::pool);
        let way = pool.map_or(Way::Birth, |pool| Way::that_works(&pool, null.as_fd()));
        if let Some(delegation) = &delegation {
            delegation.clean_up();
        }
        let spawner = Spawner {
            children,
            identity,
            outbox,
            null,
            handled: signals_with_an_action().into(),
            delegation: delegation.clone(),
            way,
            homes: Homes::new(None, way),
        };
        let channels = (0..count.max(1))
            .map(|number| spawner.try_clone()?.start(number))
            .collect::<io::Result<_>>()?;
        Ok(Self {
            channels,
            next: 0,
            delegation,
        })
    }

    /// Nothing runs any more: the cgroups that are empty are removed.
    pub fn clean_up(&self) {
        if let Some(delegation) = &self.delegation {
            delegation.clean_up();
        }
    }

    /// Starts the process of a run; `Started` or `CouldNotStart` follows.
    pub fn spawn(&mut self, order: SpawnOrder) {
        let channel = &self.channels[self.next];
        self.next = (self.next + 1) % self.channels.len();
        channel
            .send(order)
            .expect("a spawner lives as long as its channel");
    }
}

/// One of the threads.
#[derive(Debug)]
struct Spawner {
    children: ChildrenHandle,
    identity: Identity,
    outbox: Outbox,
    null: File,
    /// Signals that jobs must find at their default.
    handled: Arc<[i32]>,
    delegation: Option<Delegation>,
    way: Way,
    homes: Homes,
}

/// What a thread keeps from one start to the next.
struct Own {
    stack: Stack,
    accounts: Accounts,
}

impl Spawner {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            children: self.children.clone(),
            identity: self.identity.clone(),
            outbox: self.outbox.clone(),
            null: self.null.try_clone()?,
            handled: self.handled.clone(),
            delegation: self.delegation.clone(),
            way: self.way,
            homes: Homes::new(self.delegation.as_ref().map(Delegation::pool), self.way),
        })
    }

    fn start(self, number: usize) -> io::Result<Sender<SpawnOrder>> {
        let (channel, orders) = mpsc::channel();
        thread::Builder::new()
            .name(format!("spawner-{number}"))
            .spawn(move || self.serve(orders))?;
        Ok(channel)
    }

    fn serve(&self, orders: Receiver<SpawnOrder>) {
        let mut own = Own {
            stack: Stack::new(),
            accounts: Accounts::new(self.identity.clone()),
        };
        for order in orders {
            self.perform(&order, &mut own);
        }
    }

    fn perform(&self, order: &SpawnOrder, own: &mut Own) {
        let in_flight = self.children.start_in_flight();
        match self.spawn(order, own) {
            Ok(child) => self.children.adopt(child),
            Err(why) => {
                let run = order.run;
                // Nobody listens any more when hupd itself is at its end.
                let _ = self.outbox.send(Event::CouldNotStart { run, why });
            }
        }
        drop(in_flight);
    }

    fn spawn(&self, order: &SpawnOrder, own: &mut Own) -> Result<NewChild, NoStart> {
        let account = own.accounts.of(&order.job.process)?;
        let prepared = Prepared::new(order, account)?;
        let (born, home) = self.start_at_home(&prepared, &mut own.stack);
        let cgroup = home.map(Home::into_cgroup);
        let (pid, pidfd) = match born {
            Ok(process) => process,
            Err(what) => {
                cgroup.into_iter().for_each(Cgroup::release);
                return Err(why_not_started(&prepared, what));
            }
        };
        Ok(NewChild {
            run: order.run,
            job: order.job.clone(),
            pid,
            pidfd,
            cgroup,
            scheduled_for: order.occurrence.instant,
            pipe: prepared.into_pipe(),
            started: Moment::now(),
            keep_output: order.keep_output,
        })
    }
}

impl Spawner {
    /// In a cgroup of its own, where there is one.
    fn start_at_home(&self, prepared: &Prepared<'_>, stack: &mut Stack) -> (Born, Option<Home>) {
        loop {
            let home = self.homes.take();
            let door = home.as_ref().map(Home::door);
            let plan = prepared.plan(self.null.as_fd(), &self.handled, door);
            match (start(&plan, stack), home) {
                (Err(what), Some(home)) if self.homes.give_way(&home, &what) => {
                    home.into_cgroup().release();
                }
                (born, home) => return (born, home),
            }
        }
    }
}

/// A process and its pidfd, or why there is none.
type Born = Result<(Pid, OwnedFd), NotStarted>;

/// A process with its program; one that did not come so far is reaped.
fn start(plan: &Plan<'_>, stack: &mut Stack) -> Born {
    raw::start(plan, stack).inspect_err(|what| {
        if let NotStarted::SetUp(pid, _) = what {
            let _ = rustix::io::retry_on_intr(|| waitpid(Some(*pid), WaitOptions::empty()));
        }
    })
}

//! Starts the processes of runs: a few threads, for starting one blocks its thread until the program
//! is loaded.
//!
//! A process is cloned with our memory in place of a copy, so that what it costs does not depend on how
//! much memory hupd has, and it sets itself up by system calls alone: see `system::raw`.

mod crew;
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
mod under_way;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpid};

use crate::clock::Moment;
use crate::config::{Job, Surroundings, Writers};
use crate::event::{Event, HeldUp, NoStart, Outbox};
use crate::reason::reason;
use crate::run::{Generation, JobName, Occurrence, RunId};
use crate::system::cgroups::{Cgroup, Delegation};
use crate::system::children::{ChildrenHandle, Mark, NewChild};
use crate::system::identity::{Accounts, Identity};
use crate::system::inherited::signals_with_an_action;
use crate::system::raw;

use crew::{Crew, Size, Start};
pub(crate) use failure::by_kind;
use failure::why_not_started;
use home::{Home, Homes, Way};
pub(crate) use plan::{Door, Ids, NotDone, NotStarted, Plan, Step, errno, pointers};
use prepared::Prepared;
pub(crate) use stack::Stack;
pub(crate) use under_way::{Seen, UnderWay};

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
    /// Where the history is in which the run has its number.
    pub state_dir: Arc<Path>,
}

/// The threads that start processes.
#[derive(Debug)]
pub struct Spawners {
    crew: Crew,
    delegation: Option<Delegation>,
}

impl Spawners {
    /// Starts so many threads, at least one; more come when all of these are held up. They end when this is
    /// dropped.
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
        let way = delegation.as_ref().map_or(Way::Birth, |delegation| {
            delegation.clean_up();
            Way::that_works(delegation, null.as_fd())
        });
        let spawner = Spawner {
            children,
            identity: identity.clone(),
            outbox,
            null,
            handled: signals_with_an_action().into(),
            delegation: delegation.clone(),
            way,
            homes: Homes::new(None, way),
            writers: Surroundings::own_writers(),
            own: Own::new(&identity),
        };
        Ok(Self {
            crew: Crew::start(Size::of(count), spawner)?,
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
        self.crew.order(order);
    }

    /// Ends a start that takes too long: `CouldNotStart` follows, unless there is a process by now. One that comes
    /// to be later is killed, and only `CameBack` is told of it.
    pub fn give_up(&mut self, run: RunId) {
        self.crew.give_up(run);
    }
}

/// One of the threads.
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
    /// Whose files count.
    writers: Writers,
    own: Own,
}

/// What a thread keeps from one start to the next.
struct Own {
    stack: Stack,
    accounts: Accounts,
}

impl Own {
    fn new(identity: &Identity) -> Self {
        Self {
            stack: Stack::new(),
            accounts: Accounts::new(identity.clone()),
        }
    }
}

impl Start for Spawner {
    fn another(&self) -> io::Result<Self> {
        Ok(Self {
            children: self.children.clone(),
            identity: self.identity.clone(),
            outbox: self.outbox.clone(),
            null: self.null.try_clone()?,
            handled: self.handled.clone(),
            delegation: self.delegation.clone(),
            way: self.way,
            homes: Homes::new(self.delegation.clone(), self.way),
            writers: self.writers,
            own: Own::new(&self.identity),
        })
    }

    fn perform(&mut self, order: &SpawnOrder, under_way: &Arc<UnderWay>) {
        let children = self.children.clone();
        let in_flight = children.start_in_flight();
        let seen = Seen {
            under_way,
            number: in_flight.number(),
        };
        let made = self.spawn(order, seen);
        match (made, under_way.answer()) {
            (Ok(child), true) => children.adopt(child),
            (Ok(child), false) => undo(child),
            (Err(why), true) => self.could_not_start(order.run, why),
            (Err(_), false) => {}
        }
        drop(in_flight);
    }

    fn gave_up(&self, run: RunId, why: NoStart) {
        self.could_not_start(run, why);
    }

    fn came_back(&self, run: RunId) {
        let _ = self.outbox.send(Event::CameBack { run });
    }

    fn held_up(&self, held_up: Option<HeldUp>) {
        let _ = self.outbox.send(Event::HeldUp(held_up));
    }
}

impl Spawner {
    fn could_not_start(&self, run: RunId, why: NoStart) {
        // Nobody listens any more when hupd itself is at its end.
        let _ = self.outbox.send(Event::CouldNotStart { run, why });
    }
}

/// It has come too late, or nearly: it may have started others already.
fn undo(child: NewChild) {
    // Its number is its own until it is reaped, and that of its group.
    let killed = kill_process_group(child.pid, Signal::KILL);
    let killed_at_home = child.cgroup.as_ref().map(Cgroup::kill);
    if let (Err(error), None | Some(Err(_))) = (killed, killed_at_home) {
        let run = (child.run, &child.job.name);
        log::error!("{}", cannot_be_killed(run, child.pid, &error.into()));
    }
    reap(child.pid);
    child.cgroup.into_iter().for_each(Cgroup::release);
}

/// A program that has become another user by itself is out of the reach of an ordinary one.
fn cannot_be_killed((run, job): (RunId, &JobName), pid: Pid, error: &io::Error) -> String {
    let (pid, reason) = (pid.as_raw_pid(), reason(error));
    format!(
        "run {run} of job '{job}' was given up, and its process {pid}, which came all the same, cannot be killed: \
         {reason}; no run of the job starts until it has ended"
    )
}

impl Spawner {
    fn spawn(&mut self, order: &SpawnOrder, seen: Seen<'_>) -> Result<NewChild, NoStart> {
        let account = self.own.accounts.of(&order.job.process)?;
        let prepared = Prepared::new(order, account, self.writers)?;
        let (pid, cgroup) = self.start_at_home(order, &prepared, seen)?;
        Ok(NewChild {
            run: order.run,
            attempt: order.attempt,
            job: order.job.clone(),
            pid,
            process: seen.under_way.clone(),
            cgroup,
            mark: Mark::new(order.run, &order.occurrence, &order.state_dir),
            pipe: prepared.into_pipe(),
            started: Moment::now(),
            keep_output: order.keep_output,
        })
    }
}

impl Spawner {
    /// In a cgroup of its own, where there is one.
    fn start_at_home(
        &mut self,
        order: &SpawnOrder,
        prepared: &Prepared<'_>,
        seen: Seen<'_>,
    ) -> Result<(Pid, Option<Cgroup>), NoStart> {
        loop {
            let home = self.homes.take(order)?;
            let door = home.as_ref().map(Home::door);
            let plan = prepared.plan(self.null.as_fd(), &self.handled, (door, seen));
            let what = match start(&plan, &mut self.own.stack) {
                Ok(pid) => return Ok((pid, home.map(Home::into_cgroup))),
                Err(what) => what,
            };
            let again = home.is_some_and(|home| self.homes.leave(home, &what));
            if !again {
                return Err(why_not_started(prepared, what));
            }
        }
    }
}

/// A process with its program; one that did not come so far is reaped.
fn start(plan: &Plan<'_>, stack: &mut Stack) -> Result<Pid, NotStarted> {
    raw::start(plan, stack).inspect_err(|what| {
        if let NotStarted::SetUp(pid, _) = what {
            reap(*pid);
        }
    })
}

fn reap(pid: Pid) {
    let _ = rustix::io::retry_on_intr(|| waitpid(Some(pid), WaitOptions::empty()));
}

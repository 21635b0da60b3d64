//! Starts the processes of runs: a few threads, for starting one blocks its thread until the program
//! is loaded.
//!
//! Everything here stays on the path of std that is posix_spawn: a user, a group or `pre_exec` would
//! mean fork, which is fifty times slower beside a large heap.

mod failure;
mod program;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process_group, pidfd_open, waitpid,
};

use crate::clock::Moment;
use crate::config::{Job, OutputMode};
use crate::event::{Event, Outbox};
use crate::reason::reason;
use crate::run::{Generation, Occurrence, RunId};
use crate::system::children::{ChildrenHandle, NewChild};
use crate::system::identity::Identity;
use crate::system::raw;

use failure::{could_not_prepare, why_not_started};
use program::find;

/// All that is needed to start one run.
#[derive(Clone, Debug)]
pub struct SpawnOrder {
    pub run: RunId,
    pub job: Arc<Job>,
    pub occurrence: Occurrence,
    pub generation: Generation,
    /// Bytes of output to keep.
    pub keep_output: usize,
}

/// The threads that start processes.
#[derive(Debug)]
pub struct Spawners {
    channels: Vec<Sender<SpawnOrder>>,
    next: usize,
}

impl Spawners {
    /// Starts so many threads, at least one. They end when this is dropped.
    pub fn start(
        count: usize,
        children: ChildrenHandle,
        identity: Identity,
        outbox: Outbox,
    ) -> io::Result<Self> {
        let spawner = Spawner {
            children,
            identity,
            outbox,
            null: OpenOptions::new()
                .read(true)
                .write(true)
                .open("/dev/null")?,
        };
        let channels = (0..count.max(1))
            .map(|number| spawner.try_clone()?.start(number))
            .collect::<io::Result<_>>()?;
        Ok(Self { channels, next: 0 })
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
}

impl Spawner {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            children: self.children.clone(),
            identity: self.identity.clone(),
            outbox: self.outbox.clone(),
            null: self.null.try_clone()?,
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
        // A process inherits the mask of the thread that starts it.
        raw::unblock_all_signals();
        for order in orders {
            self.perform(&order);
        }
    }

    fn perform(&self, order: &SpawnOrder) {
        let in_flight = self.children.start_in_flight();
        match self.spawn(order) {
            Ok(child) => self.children.adopt(child),
            Err(reason) => {
                let run = order.run;
                // Nobody listens any more when hupd itself is at its end.
                let _ = self.outbox.send(Event::CouldNotStart { run, reason });
            }
        }
        drop(in_flight);
    }

    fn spawn(&self, order: &SpawnOrder) -> Result<NewChild, String> {
        let program = find(&order.job)?;
        let ends = self.ends(order.job.output).map_err(could_not_prepare)?;
        let mut command = self.command(order, &program, ends.job);
        let spawned = command.spawn();
        // The ends of the job are closed here, so that there is room for the pidfd.
        drop(command);
        let child = spawned.map_err(|error| why_not_started(&order.job, &program, &error))?;
        let pid = Pid::from_child(&child);
        Ok(NewChild {
            run: order.run,
            job: order.job.clone(),
            pid,
            pidfd: pidfd_of(pid)?,
            pipe: ends.ours,
            started: Moment::now(),
            keep_output: order.keep_output,
        })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that starts processes"
    )]
    fn command(&self, order: &SpawnOrder, program: &Path, ends: JobEnds) -> Command {
        let job = &order.job;
        let mut command = Command::new(program);
        command
            .arg0(&job.command[0])
            .args(&job.command[1..])
            .env_clear()
            .envs(self.identity.environment(order))
            .current_dir(&job.working_dir)
            .process_group(0)
            .stdin(ends.input)
            .stdout(ends.output)
            .stderr(ends.errors);
        command
    }

    fn ends(&self, mode: OutputMode) -> io::Result<Ends> {
        let input = self.null.try_clone()?.into();
        if mode == OutputMode::Discard {
            let (output, errors) = (self.null.try_clone()?.into(), self.null.try_clone()?.into());
            let job = JobEnds {
                input,
                output,
                errors,
            };
            return Ok(Ends { job, ours: None });
        }
        let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
        // Only our end: the flag belongs to each end of a pipe by itself.
        rustix::io::ioctl_fionbio(&ours, true)?;
        let job = JobEnds {
            input,
            output: theirs.try_clone()?.into(),
            errors: theirs.into(),
        };
        Ok(Ends {
            job,
            ours: Some(ours),
        })
    }
}

/// Both sides of the standard streams of a job.
struct Ends {
    job: JobEnds,
    /// Where its output is read; none where it is discarded.
    ours: Option<OwnedFd>,
}

struct JobEnds {
    input: Stdio,
    output: Stdio,
    errors: Stdio,
}

/// Nobody else reaps this child, so the number cannot have passed to another process yet.
fn pidfd_of(pid: Pid) -> Result<OwnedFd, String> {
    pidfd_open(pid, PidfdFlags::empty()).map_err(|error| {
        let _ = kill_process_group(pid, Signal::KILL);
        let _ = rustix::io::retry_on_intr(|| waitpid(Some(pid), WaitOptions::empty()));
        format!(
            "its process was killed at once, for it cannot be watched: {}",
            reason(&error.into())
        )
    })
}

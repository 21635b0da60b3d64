//! The ways into the children source: commands, and the bell that wakes it for them.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicI32;
use std::sync::mpsc::{self, Receiver, Sender};

use rustix::process::Pid;

use super::in_flight::Numbers;
use super::marks::Mark;
use super::relic::Relic;
use crate::clock::Moment;
use crate::config::Job;
use crate::event::{Listener, Reply};
use crate::run::{RunId, Signal};
use crate::system::bell::Bell;
use crate::system::cgroups::Cgroup;

/// A process that was just started, for the children source to look after.
#[derive(Debug)]
pub struct NewChild {
    pub run: RunId,
    pub attempt: u32,
    pub job: Arc<Job>,
    pub pid: Pid,
    /// Its pidfd.
    pub process: Arc<dyn Process>,
    /// Where it lives, if it has one of its own.
    pub cgroup: Option<Cgroup>,
    /// By what its processes are known, wherever they are.
    pub mark: Mark,
    /// The end of its output that is read, non-blocking; none where its output is discarded.
    pub pipe: Option<OwnedFd>,
    pub started: Moment,
    /// Bytes of output to keep.
    pub keep_output: usize,
}

/// By what a process is known.
pub trait Process: AsFd + fmt::Debug + Send + Sync {}

impl<T: AsFd + fmt::Debug + Send + Sync> Process for T {}

#[derive(Debug)]
pub(super) enum Command {
    Adopt(Box<NewChild>),
    TakeOver(Box<Relic>),
    Signal(RunId, Signal),
    Peek(RunId, Reply),
    Follow(RunId, Listener),
    ReapOrphans,
}

/// A way to the children source, for whoever starts processes.
#[derive(Clone, Debug)]
pub struct ChildrenHandle {
    // The order matters: the last caller must have hung up before the source wakes to find that.
    commands: Sender<Command>,
    _hang_up: Arc<HangUp>,
    shared: Arc<Shared>,
}

impl ChildrenHandle {
    pub(super) fn new() -> io::Result<(Self, Receiver<Command>)> {
        let (commands, inbox) = mpsc::channel();
        let shared = Arc::new(Shared {
            bell: Bell::new()?,
            in_flight: Numbers::default(),
        });
        let handle = Self {
            commands,
            _hang_up: Arc::new(HangUp(shared.clone())),
            shared,
        };
        Ok((handle, inbox))
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    pub(super) fn send(&self, command: Command) {
        // The source outlives all handles.
        let _ = self.commands.send(command);
        self.shared.bell.ring();
    }

    /// Hands over a process; its run begins with this.
    pub fn adopt(&self, child: NewChild) {
        self.send(Command::Adopt(Box::new(child)));
    }

    /// To be held from before a process is started until it is handed over, so that it is not taken
    /// for a stranger in between.
    pub fn start_in_flight(&self) -> InFlight<'_> {
        InFlight {
            handle: self,
            number: self.shared.in_flight.take(),
        }
    }
}

/// A start that is under way.
#[derive(Debug)]
pub struct InFlight<'a> {
    handle: &'a ChildrenHandle,
    number: &'a AtomicI32,
}

impl InFlight<'_> {
    /// Where the number of its process is to be written, before that can end.
    pub fn number(&self) -> &AtomicI32 {
        self.number
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if self.handle.shared.in_flight.leave(self.number) {
            self.handle.send(Command::ReapOrphans);
        }
    }
}

/// What callers and source share: no data, only words to each other.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) bell: Bell,
    in_flight: Numbers,
}

impl Shared {
    /// Whether a process that has ended is being started. If so, `ReapOrphans` comes when it is handed over.
    pub(super) fn is_in_flight(&self, pid: i32) -> bool {
        self.in_flight.has(pid)
    }
}

/// Wakes the source when the last handle is gone.
#[derive(Debug)]
struct HangUp(Arc<Shared>);

impl Drop for HangUp {
    fn drop(&mut self) {
        self.0.bell.ring();
    }
}

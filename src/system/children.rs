//! The children source: one thread that watches the processes of all runs, takes their output,
//! signals them and reaps them. What it sees becomes events; what it means, the engine decides.

mod callers;
mod census;
mod child;
mod ending;
mod expected;
mod handle;
mod homes;
mod in_flight;
mod leftovers;
mod lingering;
mod marks;
mod orphans;
mod pipe;
mod poll;
mod processes;
mod reap;
mod relic;
mod relics;
mod sight;
mod survivors;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

use rustix::process::{PidfdFlags, getpid, pidfd_open};

use crate::clock::since_boot;
use crate::config::Orphans;
use crate::event::{Event, Listener, Outbox, Reply, Started};
use crate::ledger::{Birth, OpenRun, Remains};
use crate::protocol::{Answer, OutputRow, Refusal, RefusalKind};
use crate::run::{Output, RunId, Signal};
use crate::system::cgroups::Cgroup;

pub(crate) use callers::note_callers;
use child::Child;
use expected::Expected;
pub use handle::{ChildrenHandle, NewChild};
use handle::{Command, Shared};
use homes::LeftHomes;
pub use in_flight::MOST_IN_FLIGHT;
use leftovers::Leftovers;
pub(crate) use leftovers::MOST_LEFTOVERS;
use lingering::Lingering;
pub use marks::Mark;
use poll::{Poll, Token};
pub(super) use processes::{is_gone, numbers_in_sight};
use relics::Relics;

/// What is read at once from one pipe, so that a flood from one run does not keep others waiting.
const READ_SIZE: usize = 64 * 1024;

/// The way to the children source.
#[derive(Debug)]
pub struct Children {
    handle: ChildrenHandle,
}

impl Children {
    /// Starts the source. It ends when this and all handles are gone.
    pub fn start(outbox: Outbox) -> io::Result<Self> {
        // Without pidfds nothing works: better said at start than at every run.
        pidfd_open(getpid(), PidfdFlags::empty())?;
        let (handle, commands) = ChildrenHandle::new()?;
        let source = Source::new(commands, handle.shared(), outbox)?;
        thread::Builder::new()
            .name("children".into())
            .spawn(move || source.run())?;
        Ok(Self { handle })
    }

    /// A way for a spawner to hand over what it started.
    pub fn handle(&self) -> ChildrenHandle {
        self.handle.clone()
    }

    /// Sends a signal to the whole process group of a run. It does nothing where the run has ended.
    pub fn signal(&self, run: RunId, signal: Signal) {
        self.handle.send(Command::Signal(run, signal));
    }

    /// Looks for what a hupd that was killed has left of these runs, and watches what goes on, as `orphans`
    /// says; they have their numbers in the history of that folder.
    pub fn take_over(&self, open: Vec<OpenRun>, by: (Orphans, &Path)) -> Vec<(OpenRun, Remains)> {
        let (found, relics) = relics::find(open, by);
        for relic in relics {
            self.handle.send(Command::TakeOver(Box::new(relic)));
        }
        found
    }

    /// Answers with the output so far; refuses where the run is not alive.
    pub fn peek(&self, run: RunId, reply: Reply) {
        self.handle.send(Command::Peek(run, reply));
    }

    /// Tells a follower what is kept of the output so far, and then what comes: all of it, where the process is still to
    /// come. It does nothing where the run has ended.
    pub fn follow(&self, run: RunId, listener: Listener) {
        self.handle.send(Command::Follow(run, listener));
    }

    /// Reaps children that hupd did not start: as PID 1 it inherits the orphans of the system.
    pub fn reap_orphans(&self) {
        self.handle.send(Command::ReapOrphans);
    }
}

/// All state of the thread.
#[derive(Debug)]
struct Source {
    commands: Receiver<Command>,
    shared: Arc<Shared>,
    outbox: Outbox,
    poll: Poll,
    children: HashMap<RunId, Child>,
    by_pid: HashMap<i32, RunId>,
    expected: Expected,
    /// Runs whose process has ended but whose pipe has not, the earliest first.
    graces: VecDeque<(Duration, RunId)>,
    lingering: Lingering,
    leftovers: Leftovers,
    relics: Relics,
    /// Which boot of the machine this is, as far as it tells.
    boot: Option<u64>,
    left_homes: LeftHomes,
    buffer: Box<[u8]>,
    orphans_asked: bool,
    has_callers: bool,
}

impl Source {
    fn new(commands: Receiver<Command>, shared: Arc<Shared>, outbox: Outbox) -> io::Result<Self> {
        let poll = Poll::new()?;
        poll.watch(&shared.bell, Token::Commands)?;
        Ok(Self {
            commands,
            shared,
            outbox,
            poll,
            children: HashMap::new(),
            by_pid: HashMap::new(),
            expected: Expected::default(),
            graces: VecDeque::new(),
            lingering: Lingering::default(),
            leftovers: Leftovers::default(),
            relics: Relics::default(),
            boot: processes::boot(),
            left_homes: LeftHomes::default(),
            buffer: vec![0; READ_SIZE].into(),
            orphans_asked: false,
            has_callers: true,
        })
    }

    fn run(mut self) {
        let mut ready = Vec::new();
        while self.has_callers {
            self.poll.wait(self.deadline(), &mut ready);
            for token in ready.drain(..) {
                self.wake(token);
            }
            while std::mem::take(&mut self.orphans_asked) {
                self.reap_orphans();
            }
            self.signal_relics();
            self.end_graces();
            self.look_after_lingering();
            self.look_after_relics();
            self.tell_of_relics();
        }
    }

    /// Until when the thread may sleep: for ever, unless a run is in between.
    fn deadline(&self) -> Option<Duration> {
        let grace = self.graces.front().map(|&(until, _)| until);
        let look = self.lingering.next_look();
        let looks = [grace, look, self.relics.next_look()];
        looks.into_iter().flatten().min()
    }

    fn wake(&mut self, token: Token) {
        match token {
            Token::Commands => self.obey(),
            Token::Process(run) if self.relics.has(run) => self.relic_ended(run),
            Token::Process(run) => self.leader_ended(run),
            Token::Output(run) if self.leftovers.has(run) => {
                self.leftovers.discard(run, &self.poll, &mut self.buffer);
            }
            Token::Output(run) => self.take_output(run),
        }
    }

    fn obey(&mut self) {
        self.shared.bell.silence();
        loop {
            match self.commands.try_recv() {
                Ok(Command::Adopt(child)) => self.adopt(*child),
                Ok(Command::TakeOver(relic)) => self.take_over(*relic),
                Ok(Command::Signal(run, signal)) => self.signal(run, signal),
                Ok(Command::Peek(run, reply)) => self.peek(run, reply),
                Ok(Command::Follow(run, listener)) => self.follow(run, listener),
                Ok(Command::ReapOrphans) => self.orphans_asked = true,
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.has_callers = false;
                    return;
                }
            }
        }
    }

    fn adopt(&mut self, new: NewChild) {
        let run = new.run;
        // Said here and not in the loop, so that it stands before the first line of forwarded output.
        log::info!(job:% = new.job.name, run:%, pid = new.pid.as_raw_pid(); "run started");
        self.tell(Event::Started(Started {
            run,
            pid: new.pid.as_raw_pid(),
            at: new.started,
            // It is reaped after this, so whoever gets its number begins later.
            birth: self.boot.map(|boot| Birth {
                boot,
                by: since_boot(),
                elapsed: new.started.elapsed,
                home: new.cgroup.as_ref().map(Cgroup::home),
            }),
        }));
        self.leftovers.let_go(run, &self.poll);
        self.by_pid.insert(new.pid.as_raw_pid(), run);
        let mut child = Child::new(new);
        for listener in self.expected.take(run) {
            child.follow(listener);
        }
        let watched = child.watch(&self.poll);
        self.children.insert(run, child);
        if let Err(error) = watched {
            self.give_up(run, &error);
        }
    }

    /// A run that cannot be watched would never end: it is killed, and looked after without events.
    fn give_up(&mut self, run: RunId, error: &io::Error) {
        log::error!("run {run} is killed, for it cannot be watched: {error}");
        self.signal(run, Signal::KILL);
        if let Some(child) = self.children.get(&run) {
            child.stop_watching_process(&self.poll);
        }
        self.linger(run);
    }

    fn signal(&mut self, run: RunId, signal: Signal) {
        let Some(child) = self.children.get_mut(&run) else {
            return self.relics.will_be_told(run, signal);
        };
        if let Err(error) = child.signal(signal) {
            log::warn!("cannot send {signal} to run {run}: {error}");
        }
    }

    fn peek(&self, run: RunId, reply: Reply) {
        let answer = match self.children.get(&run) {
            Some(child) => Answer::Output(OutputRow {
                run,
                output: child.output_so_far(),
                is_running: true,
            }),
            // Its output went to the hupd before this one.
            None if self.relics.has(run) => Answer::Output(OutputRow {
                run,
                output: Output::default(),
                is_running: true,
            }),
            None => Answer::Refused(Refusal::new(
                RefusalKind::NotFound,
                format_args!("run {run} is not running"),
            )),
        };
        reply.send(answer);
    }

    fn follow(&mut self, run: RunId, listener: Listener) {
        match self.children.get_mut(&run) {
            Some(child) => child.follow(listener),
            None => self.expected.add(run, listener),
        }
    }

    fn take_output(&mut self, run: RunId) {
        let Some(child) = self.children.get_mut(&run) else {
            return;
        };
        child.read(&self.poll, &mut self.buffer);
        if child.is_over() {
            self.end(run);
        }
    }

    fn tell(&self, event: Event) {
        // Nobody listens any more when hupd itself is at its end.
        let _ = self.outbox.send(event);
    }
}

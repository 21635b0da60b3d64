//! One run in the hands of the children source: its process, its output, and how far its end has come.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal as KernelSignal, WaitId, WaitIdOptions, kill_process_group, pidfd_send_signal,
    waitid,
};

use super::handle::{NewChild, Process};
use super::marks::Mark;
use super::pipe::{Found, fill_level, read_some};
use super::poll::{Poll, Token};
use crate::clock::Moment;
use crate::config::Job;
use crate::event::{Ended, Heard, Listener, Piece};
use crate::run::{Exit, Output, RunId, Signal, Survivor, Usage};
use crate::system::cgroups::Cgroup;
use crate::system::output::{Capture, Lines};

/// What is read at once where each line goes to the log, so that others are not kept waiting.
const FORWARDED_AT_ONCE: usize = 4 * 1024;

#[derive(Debug)]
pub(super) struct Child {
    run: RunId,
    attempt: u32,
    job: Arc<Job>,
    pid: Pid,
    started: Moment,
    cgroup: Option<Cgroup>,
    mark: Mark,
    pipe: Option<OwnedFd>,
    capture: Capture,
    lines: Lines,
    followers: Vec<Listener>,
    was_signalled: bool,
    /// When KILL was sent, on the elapsed clock.
    killed_at: Option<Duration>,
    survivors: Vec<Survivor>,
    phase: Phase,
}

#[derive(Debug)]
pub(super) enum Phase {
    Alive {
        process: Arc<dyn Process>,
    },
    /// The process has ended, and is not reaped.
    Lingering,
    Reaped(Reaped),
}

/// The end of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reaped {
    pub(super) exit: Exit,
    pub(super) usage: Usage,
    pub(super) at: Moment,
}

impl Child {
    pub(super) fn new(new: NewChild) -> Self {
        let keep = if new.job.output.stores() {
            new.keep_output
        } else {
            0
        };
        Self {
            run: new.run,
            attempt: new.attempt,
            job: new.job,
            pid: new.pid,
            started: new.started,
            cgroup: new.cgroup,
            mark: new.mark,
            pipe: new.pipe,
            capture: Capture::new(keep),
            lines: Lines::default(),
            followers: Vec::new(),
            was_signalled: false,
            killed_at: None,
            survivors: Vec::new(),
            phase: Phase::Alive {
                process: new.process,
            },
        }
    }

    pub(super) fn watch(&self, poll: &Poll) -> io::Result<()> {
        if let Some(pipe) = &self.pipe {
            poll.watch(pipe, Token::Output(self.run))?;
        }
        if let Phase::Alive { process } = &self.phase {
            poll.watch(process, Token::Process(self.run))?;
        }
        Ok(())
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_pid()
    }

    pub(super) fn was_signalled(&self) -> bool {
        self.was_signalled
    }

    /// Whether it was killed, and that is so long ago.
    pub(super) fn is_killed_since(&self, now: Duration, ago: Duration) -> bool {
        self.killed_at.is_some_and(|at| now >= at + ago)
    }

    pub(super) fn is_alive(&self) -> bool {
        matches!(self.phase, Phase::Alive { .. })
    }

    pub(super) fn is_lingering(&self) -> bool {
        matches!(self.phase, Phase::Lingering)
    }

    /// Whether nothing more can come: the process is reaped and the pipe at its end.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Reaped(_)) && self.pipe.is_none()
    }

    pub(super) fn output_so_far(&self) -> Output {
        self.capture.so_far()
    }

    /// From here on a follower hears what comes, after what came before.
    pub(super) fn follow(&mut self, listener: Listener) {
        listener.hear(Heard::Started {
            attempt: self.attempt,
            pid: self.pid(),
            at: self.started.wall,
        });
        listener.hear_kept(&self.capture.so_far());
        self.followers.retain(|follower| !follower.is_gone());
        self.followers.push(listener);
    }

    pub(super) fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
    }

    /// A process that has ended stays readable until it is reaped.
    pub(super) fn stop_watching_process(&self, poll: &Poll) {
        if let Phase::Alive { process } = &self.phase {
            poll.forget(process);
        }
    }

    /// Whether any process is left in its cgroup, where it has one.
    pub(super) fn is_at_home(&self) -> bool {
        self.cgroup.as_ref().is_some_and(Cgroup::is_populated)
    }

    pub(super) fn cgroup(&self) -> Option<&Cgroup> {
        self.cgroup.as_ref()
    }

    pub(super) fn take_cgroup(&mut self) -> Option<Cgroup> {
        self.cgroup.take()
    }

    /// By what its processes are known, wherever they are.
    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Names those that are left of it.
    pub(super) fn left(&mut self, survivors: Vec<Survivor>) {
        let (job, run) = (&self.job.name, self.run);
        for Survivor { pid, command } in &survivors {
            log::warn!(job:%, run:%, pid = *pid, command; "the run was stopped, and this process of it is left");
        }
        self.survivors = survivors;
    }

    /// Sends a signal to the group, while its number is sure to be its own: until the leader is reaped.
    pub(super) fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if signal == Signal::KILL && self.killed_at.is_none() {
            self.killed_at = Some(Moment::now().elapsed);
        }
        match &self.phase {
            // Its end is not told yet; what else is in its group is stopped only with it.
            Phase::Alive { process } if !self.was_signalled && has_ended(&**process) => Ok(()),
            Phase::Alive { process } => {
                send(self.pid, Some(&**process), signal)?;
                self.was_signalled = true;
                self.signal_the_rest(signal)
            }
            Phase::Lingering => {
                let sent = send(self.pid, None, signal);
                self.signal_the_rest(signal).and(sent)
            }
            Phase::Reaped(_) => Ok(()),
        }
    }

    /// Those that have left the group, as far as they are known.
    fn signal_the_rest(&self, signal: Signal) -> io::Result<()> {
        match (&self.cgroup, signal) {
            (None, _) => Ok(()),
            (Some(cgroup), Signal::KILL) => cgroup.kill(),
            (Some(cgroup), signal) => {
                cgroup.signal_outside(self.pid, of_kernel(signal)?);
                Ok(())
            }
        }
    }

    /// Takes some of the output.
    pub(super) fn read(&mut self, poll: &Poll, buffer: &mut [u8]) -> Found {
        let Some(pipe) = &self.pipe else {
            return Found::Closed;
        };
        // A line for the log costs a thousand times what a kept one does.
        let most = match self.job.output.forwards() {
            true => FORWARDED_AT_ONCE,
            false => buffer.len(),
        };
        let found = read_some(pipe, &mut buffer[..most]);
        match found {
            Found::Bytes(count) => self.take(&buffer[..count]),
            Found::Nothing => {}
            Found::Closed => {
                poll.forget(pipe);
                self.pipe = None;
            }
        }
        found
    }

    /// Takes all that is in the pipe at this moment, and not what others add meanwhile.
    pub(super) fn read_what_is_there(&mut self, poll: &Poll, buffer: &mut [u8]) {
        let mut left = self.pipe.as_ref().map_or(0, fill_level);
        while let Found::Bytes(count) = self.read(poll, buffer)
            && count <= left
        {
            left -= count;
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.tell_followers(bytes);
        self.capture.push(bytes);
        if self.job.output.forwards() {
            let mut emit = forward(&self.job, (self.run, self.attempt));
            self.lines.push(bytes, &mut emit);
        }
    }

    fn tell_followers(&mut self, bytes: &[u8]) {
        if self.followers.is_empty() {
            return;
        }
        self.followers.retain(|follower| !follower.is_gone());
        let piece = Piece {
            at: self.capture.total(),
            bytes: bytes.into(),
        };
        for follower in &self.followers {
            follower.hear(Heard::New(piece.clone()));
        }
    }

    pub(super) fn take_pipe(&mut self) -> Option<OwnedFd> {
        self.pipe.take()
    }

    pub(super) fn into_ended(mut self) -> Ended {
        let mut emit = forward(&self.job, (self.run, self.attempt));
        self.lines.finish(&mut emit);
        let Phase::Reaped(reaped) = self.phase else {
            unreachable!("a run ends after its process was reaped");
        };
        Ended {
            run: self.run,
            exit: reaped.exit,
            was_signalled: self.was_signalled,
            usage: reaped.usage,
            survivors: self.survivors,
            output: self.capture.into_output(),
            at: reaped.at,
        }
    }
}

fn forward(job: &Job, (run, attempt): (RunId, u32)) -> impl FnMut(&str) {
    let job = job.name.as_str();
    move |line| log::info!(target: "hupd::output", job, run = run.0, attempt; "{line}")
}

fn has_ended(process: &dyn Process) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let look = || waitid(WaitId::PidFd(process.as_fd()), options);
    !matches!(rustix::io::retry_on_intr(look), Ok(None))
}

fn of_kernel(signal: Signal) -> io::Result<KernelSignal> {
    Ok(KernelSignal::from_named_raw(signal.number()).ok_or(Errno::INVAL)?)
}

fn send(group: Pid, leader: Option<&dyn Process>, signal: Signal) -> io::Result<()> {
    let signal = of_kernel(signal)?;
    match (kill_process_group(group, signal), leader) {
        // It has left the group that it was started in.
        (Err(Errno::SRCH), Some(leader)) => Ok(pidfd_send_signal(leader, signal)?),
        (sent, _) => Ok(sent?),
    }
}

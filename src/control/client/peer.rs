//! The hupd at the other end of a connection, and whether it still lives.
//!
//! Where it ended while a start hung, the process that it was starting has its socket until its program is loaded: there
//! one connects as ever, and nobody answers.

use std::future::pending;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::net::UnixStream;
use tokio::time::sleep;

/// How often whoever waits for an answer looks. To be woken by its end is not to be had without unsafe code.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) enum Peer {
    Lives(i32, OwnedFd),
    IsGone(i32),
    /// In another pid namespace, or this kernel does not tell.
    OutOfSight,
}

impl Peer {
    /// Who listens there, and not who has the socket by now.
    pub(super) fn of(stream: &UnixStream) -> Self {
        let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
        let Some(pid) = pid.and_then(Pid::from_raw) else {
            return Self::OutOfSight;
        };
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) => Self::Lives(pid.as_raw_pid(), process),
            Err(Errno::SRCH) => Self::IsGone(pid.as_raw_pid()),
            Err(_) => Self::OutOfSight,
        }
    }

    /// Its number, as soon as it is known that it is gone.
    pub(super) async fn end(&self) -> i32 {
        match self {
            Self::Lives(pid, process) => {
                while !has_ended(process) {
                    sleep(LOOK_EVERY).await;
                }
                *pid
            }
            Self::IsGone(pid) => *pid,
            Self::OutOfSight => pending().await,
        }
    }
}

/// As its pidfd tells it: it is readable then.
fn has_ended(process: &OwnedFd) -> bool {
    let mut look = [PollFd::new(process, PollFlags::IN)];
    poll(&mut look, Some(&Timespec::default())).is_ok_and(|found| found > 0)
}

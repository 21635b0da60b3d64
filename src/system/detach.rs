//! Leaving the terminal: fork, own session, fork again, and a launcher that waits for the verdict.
//!
//! `daemonize` is used for the forks alone, through `execute()`. Its `start()` ends the launcher
//! with 0 before anything has been tried, its pid file follows links, its `user()` keeps the
//! supplementary groups, and nobody maintains it (RUSTSEC-2025-0069); so none of that is touched,
//! and nothing outside this module knows of it. What it lacks is here: the launcher waits on a
//! pipe until the daemon serves, has failed, or is dead.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, IntoRawFd};

use daemonize::{Daemonize, Outcome};
use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::run::Signal;
use crate::system::inherited;

/// What takes a launcher away that has not heard from its daemon yet. The daemon notices, and stops.
const STOPS: [Signal; 2] = [Signal::TERM, Signal::INT];

/// Less than a pipe holds, so that the daemon never waits for a launcher that does not read.
const LONGEST_MESSAGE: usize = 16 * 1024;

/// Which process this is, after [`detach`].
#[derive(Debug)]
pub enum Detached {
    /// Not the daemon: the process has nothing left to do but to end as the report says.
    Launcher(Report),
    /// The daemon: `/` is its folder, 0–2 are `/dev/null`, and it has a session of its own without
    /// a terminal. Somebody waits for its word.
    Daemon(Release),
}

/// How the launcher ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The exit status; 0 when the daemon serves.
    pub status: u8,
    /// What to say on standard error.
    pub message: Option<String>,
}

/// Forks into the background. Before any thread, or they are lost in the daemon. Returns twice: in
/// the daemon at once, in the launcher when the daemon has reported or is gone.
pub fn detach() -> Result<Detached, DetachError> {
    // Made before the fork, and closed on exec: only the daemon itself can keep it open.
    let (reader, writer) =
        pipe_with(PipeFlags::CLOEXEC).map_err(|e| DetachError::Pipe(e.into()))?;
    let release = Release(Some(writer.into()));
    // Until each process has its own answer to them: the handlers of the launcher note for nobody.
    inherited::hold_back(&STOPS);
    match Daemonize::new().execute() {
        // The first child's status tells nothing that the pipe does not tell better.
        Outcome::Parent(forked) => {
            inherited::let_end_us(&STOPS);
            drop(release);
            let report = Report::read(&mut File::from(reader));
            match (report, forked) {
                (Some(report), _) => Ok(Detached::Launcher(report)),
                (None, Ok(_)) => Ok(Detached::Launcher(Report::of_the_dead())),
                (None, Err(error)) => Err(DetachError::Fork(error.to_string())),
            }
        }
        Outcome::Child(Ok(_)) => {
            inherited::unblock_all_signals();
            set_umask();
            Ok(Detached::Daemon(release))
        }
        Outcome::Child(Err(error)) => {
            release.failed(&DetachError::Fork(error.to_string()).to_string(), 1);
            Ok(Detached::Launcher(Report {
                status: 1,
                message: None,
            }))
        }
    }
}

/// Sets the umask that jobs inherit, 022, whatever hupd was started with. Files of our own have
/// their modes spelled out.
pub fn set_umask() {
    rustix::process::umask(Mode::WGRP | Mode::WOTH);
}

/// Opens `/dev/null` on those of the descriptors 0–2 that the caller left closed, so that no file of
/// ours ever becomes one of them. Very first thing in main.
pub fn fill_standard_fds() -> io::Result<()> {
    loop {
        // The lowest free number is taken; above 2 there is nothing left to fill.
        let null = rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty())?;
        if null.as_raw_fd() > 2 {
            return Ok(());
        }
        // Stays open for as long as the process lives.
        let _ = null.into_raw_fd();
    }
}

/// Whether this is the first process of its container: then orphans are ours to reap, and there is
/// no background to go to.
pub fn is_pid_1() -> bool {
    std::process::id() == 1
}

/// The daemon's word to whoever launched it. Dropped without one, it tells that the daemon is gone.
#[derive(Debug)]
pub struct Release(Option<File>);

impl Release {
    /// For a hupd in the foreground: nobody waits.
    pub fn nobody_waits() -> Self {
        Self(None)
    }

    /// hupd serves: the launcher ends with 0. An error if there is no launcher any more.
    pub fn ready(self) -> io::Result<()> {
        self.say(0, "")
    }

    /// hupd has failed and is about to end: the launcher prints the message and ends with the
    /// status.
    pub fn failed(self, message: &str, status: u8) {
        // Where nobody hears it, there is nobody to tell of that.
        let _ = self.say(status.max(1), message);
    }

    fn say(self, status: u8, message: &str) -> io::Result<()> {
        let Some(mut pipe) = self.0 else {
            return Ok(());
        };
        let length = message.floor_char_boundary(LONGEST_MESSAGE);
        let words = &message.as_bytes()[..length];
        let length = u32::try_from(length).expect("messages are cut to fit");
        let mut report = vec![status];
        report.extend(length.to_le_bytes());
        report.extend(words);
        pipe.write_all(&report)
    }
}

impl Report {
    /// Reads to the end of the report and no further: should something else ever keep the pipe
    /// open, the launcher still returns.
    fn read(pipe: &mut impl Read) -> Option<Self> {
        let mut status = [0];
        let mut length = [0; 4];
        pipe.read_exact(&mut status).ok()?;
        pipe.read_exact(&mut length).ok()?;
        let length = usize::try_from(u32::from_le_bytes(length)).ok()?;
        let mut words = vec![0; length.min(LONGEST_MESSAGE)];
        pipe.read_exact(&mut words).ok()?;
        let message = String::from_utf8_lossy(&words).into_owned();
        Some(Self {
            status: status[0],
            message: Some(message).filter(|message| !message.is_empty()),
        })
    }

    fn of_the_dead() -> Self {
        let message = "hupd died while starting, before it could say why; nothing is running; \
             with --foreground it may say more";
        Self {
            status: 1,
            message: Some(message.into()),
        }
    }
}

/// Why there is no daemon.
#[derive(Debug)]
pub enum DetachError {
    Pipe(io::Error),
    /// In the words of `daemonize`, which says no more.
    Fork(String),
}

impl fmt::Display for DetachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot go to the background: ")?;
        match self {
            Self::Pipe(error) => error.fmt(f),
            Self::Fork(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for DetachError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Pipe(error) => Some(error),
            Self::Fork(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what_the_launcher_reads(say: impl FnOnce(Release)) -> Option<Report> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        say(Release(Some(writer.into())));
        Report::read(&mut File::from(reader))
    }

    #[test]
    fn a_daemon_that_serves_lets_the_launcher_end_with_0() {
        let report = what_the_launcher_reads(|release| release.ready().unwrap()).unwrap();
        assert_eq!((report.status, report.message), (0, None));
    }

    #[test]
    fn a_failure_arrives_with_its_message_and_status() {
        let report = what_the_launcher_reads(|release| release.failed("no", 75)).unwrap();
        assert_eq!((report.status, report.message), (75, Some("no".into())));
    }

    #[test]
    fn a_failure_never_looks_like_success() {
        let report = what_the_launcher_reads(|release| release.failed("no", 0)).unwrap();
        assert_eq!(report.status, 1);
    }

    #[test]
    fn a_daemon_that_dies_without_a_word_is_noticed() {
        assert_eq!(what_the_launcher_reads(drop), None);
        assert_eq!(Report::of_the_dead().status, 1);
    }

    #[test]
    fn a_launcher_that_is_gone_is_noticed() {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        drop(reader);
        assert!(Release(Some(writer.into())).ready().is_err());
    }

    #[test]
    fn a_long_message_is_cut_at_a_letter_and_fits_the_pipe() {
        let long = "ü".repeat(100_000);
        let report = what_the_launcher_reads(|release| release.failed(&long, 1)).unwrap();
        assert_eq!(report.message.unwrap().len(), LONGEST_MESSAGE);
    }

    #[test]
    fn the_launcher_does_not_wait_for_the_pipe_to_be_closed() {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let _kept_open = writer.try_clone().unwrap();
        Release(Some(writer.into())).ready().unwrap();
        assert_eq!(Report::read(&mut File::from(reader)).unwrap().status, 0);
    }

    #[test]
    fn standard_descriptors_that_are_open_are_left_alone() {
        fill_standard_fds().unwrap();
    }
}

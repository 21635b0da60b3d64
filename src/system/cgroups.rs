//! A cgroup for each run, where a cgroup v2 hierarchy is delegated to hupd: nothing that a job starts gets
//! out of it, however often it forks, and one word to the kernel ends all of it.
//!
//! They lie beside hupd's own processes, which the kernel allows as long as no controller is enabled
//! there. One that is empty again serves another run, for making and removing one takes longer than
//! entering it.

mod members;
mod place;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, getpgid, test_kill_process};

/// What the folders begin with, before the number of the hupd that made them.
const PREFIX: &str = "hupd.";
/// So many empty ones are kept by each who starts processes.
const KEPT_EMPTY: usize = 64;

/// The cgroup of hupd itself, in which it may make others.
#[derive(Clone, Debug)]
pub struct Delegation {
    folder: Arc<Path>,
}

/// How many were made by this process: none has the name of another one.
static MADE: AtomicU64 = AtomicU64::new(0);

impl Delegation {
    /// Where this process is, if that is delegated to it.
    pub fn find() -> Option<Self> {
        let folder = place::delegated()?;
        log::debug!("each run gets a cgroup of its own in {}", folder.display());
        Some(Self::at(&folder))
    }

    fn at(folder: &Path) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Removes what is empty of this hupd's, and of others that are gone.
    pub fn clean_up(&self) {
        for entry in fs::read_dir(&*self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let maker = name.to_str().and_then(maker);
            if maker.is_some_and(|maker| !lives_elsewhere(maker)) {
                remove(&entry.path());
            }
        }
    }

    pub(crate) fn pool(&self) -> Pool {
        let (back, empty) = mpsc::channel();
        Pool {
            delegation: self.clone(),
            empty,
            back,
            waiting: Arc::default(),
        }
    }

    fn make(&self) -> io::Result<PathBuf> {
        let (own, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = self.folder.join(format!("{PREFIX}{own}.{number}"));
        match fs::create_dir(&path) {
            // Of one that had our number.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_dir(&path)?;
                fs::create_dir(&path)?;
            }
            made => made?,
        }
        Ok(path)
    }
}

/// `hupd.PID.N`
fn maker(name: &str) -> Option<i32> {
    name.strip_prefix(PREFIX)?.split_once('.')?.0.parse().ok()
}

/// Whether another process than this one has that number.
fn lives_elsewhere(pid: i32) -> bool {
    let is_own = u32::try_from(pid) == Ok(std::process::id());
    let is_there = |pid| !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH));
    !is_own && Pid::from_raw(pid).is_some_and(is_there)
}

/// With what a job has made within, as far as it is empty.
fn remove(path: &Path) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    // It is busy as long as somebody lives there; then it is for a later hupd.
    let _ = fs::remove_dir(path);
}

/// The empty cgroups of one who starts processes.
#[derive(Debug)]
pub(crate) struct Pool {
    delegation: Delegation,
    empty: Receiver<PathBuf>,
    back: Sender<PathBuf>,
    waiting: Arc<AtomicUsize>,
}

impl Pool {
    /// An empty cgroup.
    pub(crate) fn take(&self) -> io::Result<Cgroup> {
        let path = match self.empty.try_recv() {
            Ok(path) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                path
            }
            Err(_) => self.delegation.make()?,
        };
        Ok(Cgroup {
            path,
            back: self.back.clone(),
            waiting: Arc::clone(&self.waiting),
            was_killed: Cell::new(false),
        })
    }
}

/// The cgroup of a run.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
    back: Sender<PathBuf>,
    waiting: Arc<AtomicUsize>,
    was_killed: Cell<bool>,
}

impl Cgroup {
    /// For a process that is to be born there.
    pub(crate) fn open_folder(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(&self.path, flags, Mode::empty())?)
    }

    /// For a process that is to join.
    pub(crate) fn open_procs(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(
            self.path.join("cgroup.procs"),
            flags,
            Mode::empty(),
        )?)
    }

    /// Whether anybody lives there; where that cannot be known, somebody does.
    pub(crate) fn is_populated(&self) -> bool {
        match fs::read_to_string(self.path.join("cgroup.events")) {
            Ok(events) => events.lines().any(|line| line == "populated 1"),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Kills all that is there, also what is just being forked.
    pub(crate) fn kill(&self) -> io::Result<()> {
        self.was_killed.set(true);
        match fs::write(self.path.join("cgroup.kill"), "1") {
            // Kernels before 5.14 have no such file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                members::kill_all(&self.path);
                Ok(())
            }
            written => written,
        }
    }

    pub(crate) fn members(&self) -> Vec<Pid> {
        members::members(&self.path)
    }

    /// Sends a signal to those who have left the process group of their run: the others have it already.
    pub(crate) fn signal_outside(&self, group: Pid, signal: Signal) {
        let mut strays = self.members();
        strays.retain(|pid| getpgid(Some(*pid)) != Ok(group));
        members::signal_each(&self.path, &strays, signal);
    }

    /// To be used again; where there are enough of them it is removed. So is one that was killed: the kernel
    /// counts that, and kills whoever is born there from a cgroup with another count.
    pub(crate) fn release(self) {
        if self.was_killed.get() {
            return remove(&self.path);
        }
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        if waiting >= KEPT_EMPTY {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return remove(&self.path);
        }
        // Whoever starts processes is gone when hupd is at its end, and removes them then.
        let _ = self.back.send(self.path);
    }
}

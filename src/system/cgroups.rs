//! A cgroup for each run, where a cgroup v2 hierarchy is delegated to hupd: nothing that a job starts gets
//! out of it, however often it forks, and one word to the kernel ends all of it.
//!
//! They lie beside hupd's own processes, which the kernel allows as long as no controller is enabled
//! there. Each serves one run and goes with it: a job may have frozen its own, or made it into something else, and
//! the kernel counts the kills of a cgroup and kills whoever is born there from one with another count.

mod members;
mod place;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, getpgid, getpid, test_kill_process};

use crate::ledger::Home;

/// What the folders begin with, before the number of the hupd that made them.
const PREFIX: &str = "hupd.";

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

    /// A new cgroup, for a run.
    pub(crate) fn make(&self) -> io::Result<Cgroup> {
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
        let inode = fs::metadata(&path)?.ino();
        Ok(Cgroup {
            path: path.into(),
            inode,
        })
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

/// The cgroup of a run.
#[derive(Debug)]
pub struct Cgroup {
    path: Arc<Path>,
    inode: u64,
}

impl Cgroup {
    /// One that an earlier hupd had made, if it is still there, and is that one. None where we live in it ourselves, as
    /// what was started by a run: what else is there says nothing of that run then.
    pub(crate) fn find(home: &Home) -> Option<Self> {
        let found = Self {
            path: home.path.clone(),
            inode: fs::metadata(&home.path).ok()?.ino(),
        };
        let is_it = found.inode == home.inode && !found.members().contains(&getpid());
        is_it.then_some(found)
    }

    /// By what a later hupd finds it.
    pub(crate) fn home(&self) -> Home {
        Home {
            path: self.path.clone(),
            inode: self.inode,
        }
    }

    /// For a process that is to be born there.
    pub(crate) fn open_folder(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(&*self.path, flags, Mode::empty())?)
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

    /// Nobody lives there any more.
    pub(crate) fn release(self) {
        remove(&self.path);
    }
}

//! A cgroup for each run, where a cgroup v2 hierarchy is delegated to hupd: nothing that a job starts gets
//! out of it, however often it forks, and one word to the kernel ends all of it.
//!
//! They lie beside hupd's own processes, which the kernel allows as long as no controller is enabled
//! there. Each serves one run and goes with it: a job may have frozen its own, or made it into something else, and
//! the kernel counts the kills of a cgroup and kills whoever is born there from one with another count.

mod folder;
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

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpgid, getpid, test_kill_process};

use crate::ledger::Home;
use folder::Folder;

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
        loop {
            let (own, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
            let path = self.folder.join(format!("{PREFIX}{own}.{number}"));
            match fs::create_dir(&path) {
                // Of one that had our number, as each hupd of a container has it, and somebody lives there.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made.and_then(|()| Cgroup::at(path.into())),
            }
        }
    }
}

/// The PID of `hupd.PID.N`.
fn maker(name: &str) -> Option<i32> {
    let (pid, number) = name.strip_prefix(PREFIX)?.split_once('.')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match is_number(pid) && is_number(number) {
        true => pid.parse().ok(),
        false => None,
    }
}

/// Whether another process than this one has that number.
fn lives_elsewhere(pid: i32) -> bool {
    let is_own = u32::try_from(pid) == Ok(std::process::id());
    let is_there = |pid| !matches!(test_kill_process(pid), Err(Errno::SRCH));
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

/// The cgroup of a run. Whatever is done with it begins with a look whether its path still means it.
#[derive(Debug)]
pub struct Cgroup {
    path: Arc<Path>,
    inode: u64,
}

impl Cgroup {
    fn at(path: Arc<Path>) -> io::Result<Self> {
        let inode = fs::metadata(&path)?.ino();
        Ok(Self { path, inode })
    }

    /// One that an earlier hupd had made, if it is still there, and is that one. None where we live in it ourselves, as
    /// what was started by a run: what else is there says nothing of that run then.
    pub(crate) fn find(home: &Home) -> Option<Self> {
        let found = Self {
            path: home.path.clone(),
            inode: home.inode,
        };
        let members = members::members(&found.folder().ok()?);
        (!members.contains(&getpid())).then_some(found)
    }

    /// By what a later hupd finds it.
    pub(crate) fn home(&self) -> Home {
        Home {
            path: self.path.clone(),
            inode: self.inode,
        }
    }

    /// Not there, where another one has its path by now.
    fn folder(&self) -> io::Result<Folder> {
        let folder = Folder::open(&self.path)?;
        match folder.inode()? == self.inode {
            true => Ok(folder),
            false => Err(Errno::NOENT.into()),
        }
    }

    /// For a process that is to be born there.
    pub(crate) fn open_folder(&self) -> io::Result<OwnedFd> {
        self.folder().map(OwnedFd::from)
    }

    /// For a process that is to join.
    pub(crate) fn open_procs(&self) -> io::Result<OwnedFd> {
        self.folder()?.file("cgroup.procs", OFlags::WRONLY)
    }

    /// Whether anybody lives there; where that cannot be known, somebody does.
    pub(crate) fn is_populated(&self) -> bool {
        match self
            .folder()
            .and_then(|folder| folder.read("cgroup.events"))
        {
            Ok(events) => events.lines().any(|line| line == "populated 1"),
            Err(error) => !is_missing(&error),
        }
    }

    /// Kills all that is there, also what is just being forked.
    pub(crate) fn kill(&self) -> io::Result<()> {
        let folder = match self.folder() {
            Err(error) if is_missing(&error) => return Ok(()),
            folder => folder?,
        };
        match folder.write("cgroup.kill", "1") {
            // Kernels before 5.14 have no such file.
            Err(error) if is_missing(&error) => {
                members::kill_all(&folder);
                Ok(())
            }
            written => written,
        }
    }

    pub(crate) fn members(&self) -> Vec<Pid> {
        let folder = self.folder();
        folder.map_or(Vec::new(), |folder| members::members(&folder))
    }

    /// Sends a signal to those who have left the process group of their run: the others have it already.
    pub(crate) fn signal_outside(&self, group: Pid, signal: Signal) {
        let Ok(folder) = self.folder() else {
            return;
        };
        let mut strays = members::members(&folder);
        strays.retain(|pid| getpgid(Some(*pid)) != Ok(group));
        members::signal_each(&folder, &strays, signal);
    }

    /// Nobody lives there any more. A folder is removed by its name alone; what takes the name between the look and
    /// that stays if anybody lives there.
    pub(crate) fn release(self) {
        if Self::at(self.path.clone()).is_ok_and(|found| found.inode == self.inode) {
            remove(&self.path);
        }
    }
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

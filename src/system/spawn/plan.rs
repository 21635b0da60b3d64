//! What a process is to become, step by step, and how far it has come: plain data, made whole before the
//! process is there, for it can make nothing itself.

use std::ffi::{CStr, CString, c_char};
use std::io;
use std::os::fd::BorrowedFd;
use std::ptr;

use rustix::process::Pid;

use super::under_way::Seen;

/// All that the child is told.
#[derive(Debug)]
pub(crate) struct Plan<'p> {
    /// Where the program may be: tried in this order, as along a PATH.
    pub programs: &'p [CString],
    pub arguments: &'p [CString],
    pub environment: &'p [CString],
    /// Standard input, output and error. None of them is one of these three already.
    pub streams: [BorrowedFd<'p>; 3],
    /// Where to live; none where it stays where hupd is.
    pub cgroup: Option<Door<'p>>,
    pub limits: &'p [Limit],
    pub nice: Option<i32>,
    pub umask: u32,
    /// Whom to become; none where it stays whom hupd is.
    pub ids: Option<&'p Ids>,
    pub working_dir: &'p CStr,
    /// Signals that hupd handles or ignores.
    pub handled: &'p [i32],
    /// Signals that the program shall find ignored.
    pub ignored: &'p [i32],
    /// Where others see the process, and whether it is still wanted.
    pub seen: Seen<'p>,
}

/// The way into a cgroup, by what is open of it.
#[derive(Debug)]
pub(crate) enum Door<'p> {
    /// Its folder. For the kernel that is the shortest way.
    Birth(BorrowedFd<'p>),
    /// Its `cgroup.procs`: the kernel lets nobody fork meanwhile, and that takes milliseconds.
    Joining(BorrowedFd<'p>),
}

/// A resource by its number, and how much of it.
pub(crate) type Limit = (u32, libc::rlimit64);

/// A user as the kernel knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    pub uid: u32,
    pub gid: u32,
    /// All groups, `gid` among them.
    pub groups: Vec<u32>,
}

/// What is done between the birth of a process and its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Birth,
    Signals,
    Session,
    Streams,
    Cgroup,
    /// By its place in the plan.
    Limit(usize),
    Nice,
    Umask,
    Keyring,
    Groups,
    Gid,
    Uid,
    Verify,
    Directory,
    Mask,
    /// By its place in the plan.
    Program(usize),
}

/// A step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotDone {
    pub step: Step,
    pub errno: i32,
}

impl NotDone {
    pub fn of(step: Step, errno: i32) -> Self {
        Self { step, errno }
    }

    /// With the error of the system call that has just failed.
    pub fn now(step: Step) -> Self {
        Self::of(step, errno())
    }
}

/// The error of the system call that has just failed.
pub(crate) fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// For execve: the texts, and a null pointer at the end.
pub(crate) fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    let pointers = texts.iter().map(|text| text.as_ptr());
    pointers.chain([ptr::null()]).collect()
}

/// Why there is no process with its program.
#[derive(Debug)]
pub(crate) enum NotStarted {
    NoProcess(io::Error),
    /// This process has given up, and is to be reaped.
    SetUp(Pid, NotDone),
}

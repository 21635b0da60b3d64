//! The system calls that have no safe wrapper: all the `unsafe` of hupd. The longest of them, which starts a process,
//! has a file of its own.
#![allow(
    unsafe_code,
    reason = "the one home of unsafe; each call says why it is sound"
)]

// On 32 bits the calls that change ids have other numbers, for ids of 16 bits. The numbers of signals, here and in the
// words of the file, their sets and their actions, and what a second has of ticks are those of these machines; mips,
// sparc and alpha have others.
#[cfg(not(all(
    target_pointer_width = "64",
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64",
        target_arch = "powerpc64",
        target_arch = "s390x",
        target_arch = "loongarch64",
    )
)))]
compile_error!(
    "hupd knows the system calls and signals of 64-bit Linux on x86_64, aarch64, riscv64, powerpc64, s390x and \
     loongarch64; elsewhere they have other numbers"
);

mod start;

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

pub(super) use start::reset;
pub(crate) use start::{Pidfd, start};

/// The bytes of the kernel's set of signals.
const SIGNAL_SET: usize = 8;
/// The kernel's own sigaction, and more: the default action, no flags, an empty mask.
static DEFAULT_ACTION: [u64; 8] = [0; 8];

/// Reaps a child that has ended: its status, as wait(2) has it, and what it used. None while it cannot
/// be reaped: it lives, or a debugger has not let go of it.
pub(crate) fn reap(pid: i32) -> io::Result<Option<(c_int, libc::rusage)>> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to live, writable memory of the right type.
    let reaped = unsafe { libc::wait4(pid, &mut status, libc::WNOHANG, usage.as_mut_ptr()) };
    match reaped {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        // SAFETY: a rusage of zeros is valid, and wait4 has filled it in.
        _ => Ok(Some((status, unsafe { usage.assume_init() }))),
    }
}

/// One child that has ended and is not reaped, whichever the kernel names first; it stays unreaped.
pub(crate) fn first_ended_child() -> io::Result<Option<i32>> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the pointer is to live, writable memory of the right type.
    if unsafe { libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), options) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a siginfo of zeros is valid, and after waitid the pid is the field in use; it stays
    // zero where nobody has ended.
    let pid = unsafe { info.assume_init().si_pid() };
    Ok((pid != 0).then_some(pid))
}

/// What a signal does to this process: a handler, SIG_DFL or SIG_IGN. None for what is no signal. By the
/// system call: glibc does not tell of the two signals that it keeps for itself.
pub(super) fn action_of(signal: c_int) -> Option<libc::sighandler_t> {
    let (mut action, none) = (DEFAULT_ACTION, ptr::null::<u64>());
    let number = libc::SYS_rt_sigaction;
    // SAFETY: a null pointer changes nothing; the other is to live, writable memory that has room for it.
    let answer = unsafe { libc::syscall(number, signal, none, &mut action, SIGNAL_SET) };
    (answer == 0).then_some(action[0] as libc::sighandler_t)
}

/// Closes every descriptor above standard error, where the kernel has a call for that.
pub(super) fn close_above_standard() -> io::Result<()> {
    let (first, last, flags) = (3_u32, u32::MAX, 0_u32);
    // SAFETY: it touches no memory, and is called before any descriptor has an owner in this process.
    match unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Gives freed memory back to the system, after a large configuration was parsed.
pub fn trim_heap() {
    // SAFETY: it only releases pages that the allocator holds free.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

//! The system calls that have no safe wrapper: all the `unsafe` of hupd.
#![allow(
    unsafe_code,
    reason = "the one home of unsafe; each call says why it is sound"
)]

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use crate::run::{Exit, Signal, Usage};

/// The highest signal number of Linux, real-time signals included.
const LAST_SIGNAL: i32 = 64;

/// Reaps a child that has ended: how it ended and what it used. None while it cannot be reaped: it
/// lives, or a debugger has not let go of it.
pub(crate) fn reap(pid: i32) -> io::Result<Option<(Exit, Usage)>> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    let reaped = loop {
        // SAFETY: both pointers are to live, writable memory of the right type.
        let answer = unsafe { libc::wait4(pid, &mut status, libc::WNOHANG, usage.as_mut_ptr()) };
        match check(answer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => break other?,
        }
    };
    if reaped == 0 {
        return Ok(None);
    }
    // SAFETY: a rusage of zeros is valid, and wait4 has filled it in.
    let usage = unsafe { usage.assume_init() };
    Ok(Some((exit_of(status), usage_of(&usage))))
}

fn exit_of(status: libc::c_int) -> Exit {
    if libc::WIFSIGNALED(status) {
        Exit::Signal(Signal::from_number(libc::WTERMSIG(status)))
    } else {
        Exit::Code(libc::WEXITSTATUS(status))
    }
}

fn usage_of(usage: &libc::rusage) -> Usage {
    Usage {
        cpu: duration_of(usage.ru_utime) + duration_of(usage.ru_stime),
        peak_memory: peak_of(usage).filter(|&peak| own_peak().is_some_and(|own| peak > own)),
    }
}

/// Linux counts in KiB.
fn peak_of(usage: &libc::rusage) -> Option<u64> {
    Some(u64::try_from(usage.ru_maxrss).ok()? * 1024)
}

/// Until its exec a child shares our memory, and the kernel takes that for its own: no child is ever
/// below our peak of that moment, and none of those that reach no more has a figure of its own.
fn own_peak() -> Option<u64> {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to live, writable memory of the right type.
    let answer = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
    // SAFETY: a rusage of zeros is valid.
    let usage = unsafe { usage.assume_init() };
    check(answer).ok().and_then(|_| peak_of(&usage))
}

fn duration_of(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}

/// One child that has ended and is not reaped, whichever the kernel names first; it stays unreaped.
pub(crate) fn first_ended_child() -> Option<i32> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    loop {
        // SAFETY: the pointer is to live, writable memory of the right type.
        let answer = unsafe { libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), options) };
        match check(answer) {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    // SAFETY: a siginfo of zeros is valid, and after waitid the pid is the field in use; it stays
    // zero where nobody has ended.
    let pid = unsafe { info.assume_init().si_pid() };
    (pid != 0).then_some(pid)
}

/// Lets every signal through to the calling thread, and to the threads and processes that it starts.
pub fn unblock_all_signals() {
    let mut none = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset fills in the set that pthread_sigmask then reads; the old mask is not asked for.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
    }
}

/// Sets every signal that was inherited as ignored back to its default, for jobs would inherit it
/// again. PIPE stays ignored in hupd; jobs get its default. Returns which ones were ignored.
///
/// A signal is deadly from here on until it has a handler.
pub fn default_dispositions() -> Vec<Signal> {
    (1..=LAST_SIGNAL)
        .filter(|&signal| signal != libc::SIGPIPE && is_ignored(signal))
        .filter(|&signal| set_default(signal))
        .map(Signal::from_number)
        .collect()
}

fn is_ignored(signal: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null pointer changes nothing; the other is to live, writable memory of the right type.
    let answer = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: a sigaction of zeros is valid.
    let action = unsafe { action.assume_init() };
    answer == 0 && action.sa_sigaction == libc::SIG_IGN
}

fn set_default(signal: i32) -> bool {
    // SAFETY: a sigaction of zeros is valid: the default action, an empty mask, no flags.
    let action = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
    // SAFETY: the default action runs no code of ours; the old action is not asked for.
    unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) == 0 }
}

/// Keeps these signals from the calling thread, and from the processes that it forks, until it lets
/// them through again.
pub(crate) fn hold_back(signals: &[Signal]) {
    let mut held = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset fills in the set, which the other calls then use; the old mask is not asked for.
    unsafe {
        libc::sigemptyset(held.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(held.as_mut_ptr(), signal.number());
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, held.as_ptr(), std::ptr::null_mut());
    }
}

/// From here on these signals end the process, those that were held back included.
pub(crate) fn let_end_us(signals: &[Signal]) {
    for signal in signals {
        set_default(signal.number());
    }
    unblock_all_signals();
}

/// Closes every descriptor above standard error. For the first lines of `main`, before anything of
/// ours is open.
pub fn close_inherited_fds() -> io::Result<()> {
    // Before Linux 5.9 there is no close_range, and some containers forbid it.
    close_range_above_standard().or_else(|_| close_listed_above_standard())
}

fn close_range_above_standard() -> io::Result<()> {
    let (first, last, flags) = (3_u32, u32::MAX, 0_u32);
    // SAFETY: it touches no memory, and is called before any descriptor has an owner in this process.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    if answer == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

fn close_listed_above_standard() -> io::Result<()> {
    let names = std::fs::read_dir("/proc/self/fd")?.map(|entry| Ok(entry?.file_name()));
    // The whole list first: it is read through a descriptor that is itself in it, and closed with it.
    let names = names.collect::<io::Result<Vec<_>>>()?;
    let numbers = names.iter().filter_map(|name| name.to_str()?.parse().ok());
    for number in numbers.filter(|&number: &libc::c_int| number > 2) {
        // SAFETY: it is called before any descriptor has an owner in this process.
        unsafe { libc::close(number) };
    }
    Ok(())
}

/// Gives freed memory back to the system, after a large configuration was parsed.
pub fn trim_heap() {
    // SAFETY: it only releases pages that the allocator holds free.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

fn check(answer: libc::c_int) -> io::Result<libc::c_int> {
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(answer)
}

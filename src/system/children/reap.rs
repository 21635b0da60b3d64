//! How a process ended, and what it used.

use std::io;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

use crate::run::{Exit, Signal, Usage};
use crate::system::raw;

/// Reaps a child that has ended: how it ended and what it used. None while it cannot be reaped: it
/// lives, or a debugger has not let go of it.
pub(super) fn reap(pid: i32) -> io::Result<Option<(Exit, Usage)>> {
    let reaped = raw::reap(pid)?;
    Ok(reaped.map(|(status, usage)| (exit_of(status), usage_of(&usage))))
}

fn exit_of(status: i32) -> Exit {
    if libc::WIFSIGNALED(status) {
        Exit::Signal(Signal::from_number(libc::WTERMSIG(status)))
    } else {
        Exit::Code(libc::WEXITSTATUS(status))
    }
}

fn usage_of(usage: &libc::rusage) -> Usage {
    let peak = bytes_of(usage.ru_maxrss);
    Usage {
        cpu: duration_of(usage.ru_utime) + duration_of(usage.ru_stime),
        peak_memory: peak.filter(|&peak| own_peak().is_some_and(|own| peak > own)),
    }
}

/// Until its exec a child shares our memory, and the kernel takes that for its own: no child is ever
/// below our peak of that moment, and none of those that reach no more has a figure of its own.
fn own_peak() -> Option<u64> {
    bytes_of(getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss())
}

/// Linux counts in KiB.
fn bytes_of(kibibytes: i64) -> Option<u64> {
    Some(u64::try_from(kibibytes).ok()? * 1024)
}

fn duration_of(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}

//! What a process inherits and should not keep: descriptors, and signals that are blocked or ignored.

use std::io;

use nix::sys::signal::{SigSet, SigmaskHow, Signal as NixSignal};

use crate::run::Signal;
use crate::system::raw;

/// The highest signal number of Linux, real-time signals included.
const LAST_SIGNAL: i32 = 64;

/// Closes every descriptor above standard error. For the first lines of `main`, before anything of
/// ours is open.
pub fn close_fds() -> io::Result<()> {
    // Before Linux 5.9 there is no close_range, and some containers forbid it.
    raw::close_above_standard().or_else(|_| close_listed_above_standard())
}

fn close_listed_above_standard() -> io::Result<()> {
    let names = std::fs::read_dir("/proc/self/fd")?.map(|entry| Ok(entry?.file_name()));
    // The whole list first: it is read through a descriptor that is itself in it, and closed with it.
    let names = names.collect::<io::Result<Vec<_>>>()?;
    let numbers = names.iter().filter_map(|name| name.to_str()?.parse().ok());
    for number in numbers.filter(|&number: &i32| number > 2) {
        // One that is closed already is what is wanted.
        let _ = nix::unistd::close(number);
    }
    Ok(())
}

/// Lets every signal through to the calling thread, and to the threads and processes that it starts.
pub fn unblock_all_signals() {
    // It fails for a wrong `how` only.
    let _ = SigSet::empty().thread_set_mask();
}

/// Keeps these signals from the calling thread, and from the processes that it forks, until it lets
/// them through again.
pub(crate) fn hold_back(signals: &[Signal]) {
    let named = signals.iter().map(|signal| signal.number());
    let held: SigSet = named
        .filter_map(|number| NixSignal::try_from(number).ok())
        .collect();
    let _ = held.thread_swap_mask(SigmaskHow::SIG_BLOCK);
}

/// From here on these signals end the process, those that were held back included.
pub(crate) fn let_end_us(signals: &[Signal]) {
    for signal in signals {
        let _ = raw::reset(&[signal.number()]);
    }
    unblock_all_signals();
}

/// Sets every signal that was inherited as ignored back to its default, for jobs would inherit it
/// again. PIPE stays ignored in hupd; jobs get its default. Returns which ones were ignored.
///
/// A signal is deadly from here on until it has a handler.
pub fn default_dispositions() -> Vec<Signal> {
    (1..=LAST_SIGNAL)
        .filter(|&signal| signal != libc::SIGPIPE)
        .filter(|&signal| raw::action_of(signal) == Some(libc::SIG_IGN))
        .filter(|&signal| raw::reset(&[signal]).is_ok())
        .map(Signal::from_number)
        .collect()
}

/// The signals to which something else than the default happens here: what a child must not take over.
pub(crate) fn signals_with_an_action() -> Vec<i32> {
    let has_one = |&signal: &i32| raw::action_of(signal).is_some_and(|it| it != libc::SIG_DFL);
    (1..=LAST_SIGNAL).filter(has_one).collect()
}

//! One read from a pipe that may be empty.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{Errno, ioctl_fionread, read, retry_on_intr};

/// What a read found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Bytes(usize),
    /// Somebody holds the other end, and has written nothing.
    Nothing,
    /// Nobody holds the other end.
    Closed,
}

pub(super) fn read_some(pipe: impl AsFd, buffer: &mut [u8]) -> Found {
    match retry_on_intr(|| read(&pipe, &mut *buffer)) {
        Ok(0) => Found::Closed,
        Ok(count) => Found::Bytes(count),
        Err(Errno::AGAIN) => Found::Nothing,
        Err(error) => {
            log::warn!("cannot read the output of a run: {error}");
            Found::Closed
        }
    }
}

/// How many bytes are in the pipe now.
pub(super) fn fill_level(pipe: &OwnedFd) -> usize {
    let count = ioctl_fionread(pipe).unwrap_or(0);
    usize::try_from(count).unwrap_or(usize::MAX)
}

//! Wakes a thread that sleeps in poll(2) or epoll(7) for something that a channel brings it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};

/// Can be read from when it was rung, until it is silenced.
#[derive(Debug)]
pub(super) struct Bell(OwnedFd);

impl Bell {
    pub fn new() -> io::Result<Self> {
        let descriptor = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(descriptor))
    }

    pub fn ring(&self) {
        // It fails only when it was rung 2^64 times unheard.
        let _ = rustix::io::retry_on_intr(|| rustix::io::write(&self.0, &1_u64.to_ne_bytes()));
    }

    pub fn silence(&self) {
        let mut rings = [0; 8];
        let _ = rustix::io::retry_on_intr(|| rustix::io::read(&self.0, &mut rings));
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

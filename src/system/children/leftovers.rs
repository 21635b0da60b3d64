//! Pipes that outlive their run: held by something that the run left behind, which must neither block
//! nor die of writing to them.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use super::pipe::{Found, read_some};
use super::poll::Poll;
use crate::run::RunId;

/// How many there may be.
pub(crate) const MOST_LEFTOVERS: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Leftovers {
    pipes: BTreeMap<RunId, OwnedFd>,
}

impl Leftovers {
    /// Keeps a pipe that is watched already.
    pub(super) fn keep(&mut self, run: RunId, pipe: OwnedFd, poll: &Poll) {
        self.pipes.insert(run, pipe);
        if self.pipes.len() > MOST_LEFTOVERS
            && let Some((oldest, pipe)) = self.pipes.pop_first()
        {
            log::warn!(
                "more than {MOST_LEFTOVERS} runs have left processes behind that hold their output \
                 open; that of run {oldest} is closed"
            );
            poll.forget(&pipe);
        }
    }

    /// The next attempt of a run begins: its output is another one.
    pub(super) fn let_go(&mut self, run: RunId, poll: &Poll) {
        if let Some(pipe) = self.pipes.remove(&run) {
            poll.forget(&pipe);
        }
    }

    pub(super) fn has(&self, run: RunId) -> bool {
        self.pipes.contains_key(&run)
    }

    pub(super) fn discard(&mut self, run: RunId, poll: &Poll, buffer: &mut [u8]) {
        let Some(pipe) = self.pipes.get(&run) else {
            return;
        };
        if read_some(pipe, buffer) == Found::Closed {
            poll.forget(pipe);
            self.pipes.remove(&run);
        }
    }
}

//! The standard streams of a job, and our side of them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::pipe::{PipeFlags, pipe_with};

use crate::config::OutputMode;

/// Both sides.
#[derive(Debug)]
pub(super) struct Streams {
    /// Where the job writes; `/dev/null` where nobody wants that.
    output: Option<OwnedFd>,
    /// Where its output is read.
    ours: Option<OwnedFd>,
}

impl Streams {
    pub fn new(mode: OutputMode) -> io::Result<Self> {
        if mode == OutputMode::Discard {
            let (output, ours) = (None, None);
            return Ok(Self { output, ours });
        }
        let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
        // Only our end: the flag belongs to each end of a pipe by itself.
        rustix::io::ioctl_fionbio(&ours, true)?;
        Ok(Self {
            output: Some(theirs),
            ours: Some(ours),
        })
    }

    /// What becomes 0, 1 and 2.
    pub fn of_job<'s>(&'s self, null: BorrowedFd<'s>) -> [BorrowedFd<'s>; 3] {
        let output = self.output.as_ref().map_or(null, AsFd::as_fd);
        [null, output, output]
    }

    /// Closes what only the job needs.
    pub fn into_ours(self) -> Option<OwnedFd> {
        self.ours
    }
}

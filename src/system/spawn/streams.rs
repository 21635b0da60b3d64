//! The standard streams of a job, and our side of them.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::fchown;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::pipe::{PipeFlags, pipe_with};

use super::plan::Ids;
use crate::config::{Job, OutputMode};

/// Both sides.
#[derive(Debug)]
pub(super) struct Streams {
    /// Where the job reads; `/dev/null` where there is nothing to read.
    input: Option<OwnedFd>,
    /// Where the job writes; `/dev/null` where nobody wants that.
    output: Option<OwnedFd>,
    /// Where its output is read.
    ours: Option<OwnedFd>,
}

impl Streams {
    pub fn new(job: &Job, ids: Option<&Ids>) -> io::Result<Self> {
        let text = Some(&job.process.stdin).filter(|text| !text.is_empty());
        let mut streams = Self {
            input: text.map(|text| input(text)).transpose()?,
            output: None,
            ours: None,
        };
        if job.output == OutputMode::Discard {
            return Ok(streams);
        }
        let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
        // Only our end: the flag belongs to each end of a pipe by itself.
        rustix::io::ioctl_fionbio(&ours, true)?;
        if let Some(ids) = ids {
            // Or the user could not open /dev/stdout. Where it does not work, that is all that does not.
            let _ = fchown(&theirs, Some(ids.uid), Some(ids.gid));
        }
        (streams.output, streams.ours) = (Some(theirs), Some(ours));
        Ok(streams)
    }

    /// What becomes 0, 1 and 2.
    pub fn of_job<'s>(&'s self, null: BorrowedFd<'s>) -> [BorrowedFd<'s>; 3] {
        let output = self.output.as_ref().map_or(null, AsFd::as_fd);
        let input = self.input.as_ref().map_or(null, AsFd::as_fd);
        [input, output, output]
    }

    /// Closes what only the job needs.
    pub fn into_ours(self) -> Option<OwnedFd> {
        self.ours
    }
}

/// A file in memory, at its beginning: it takes a text of any length at once, where a pipe would wait for its reader.
fn input(text: &str) -> io::Result<OwnedFd> {
    let file = memfd_create("stdin", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = File::from(file);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    // It is for reading, and no job can change that.
    fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK,
    )?;
    Ok(file.into())
}

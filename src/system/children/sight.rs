//! Who there is of runs: all processes, and which of them say by their environment that they are of these runs.

use std::collections::HashMap;
use std::io;

use rustix::process::getpid;

use super::census::Census;
use super::marks::{Mark, Marks, environment};
use super::processes;
use crate::run::RunId;

#[derive(Debug)]
pub(super) struct Sight {
    pub(super) census: Census,
    marked: HashMap<RunId, Vec<i32>>,
}

impl Sight {
    /// One look at all processes, for all of these runs. An error where none is in sight.
    pub(super) fn of<'m>(marks: impl IntoIterator<Item = &'m Mark>) -> io::Result<Self> {
        let census = Census::take()?;
        // Where not even hupd itself is to be seen, that nobody else is says nothing.
        processes::look(getpid().as_raw_pid())?;
        let marked = Marks::from_iter(marks).find(census.suspects(), environment);
        Ok(Self { census, marked })
    }

    /// Those that say that they are of that run.
    pub(super) fn marked(&self, run: RunId) -> &[i32] {
        self.marked.get(&run).map_or(&[], Vec::as_slice)
    }
}

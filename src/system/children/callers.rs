//! Who started hupd: the process that was to become it, and whoever had started that.

use std::iter::successors;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::getpid;

use super::processes::{self, Process};
use crate::clock::since_boot;

static CALLERS: OnceLock<Callers> = OnceLock::new();

#[derive(Debug)]
struct Callers {
    pids: Vec<i32>,
    /// They had begun by then.
    by: Duration,
}

/// Notes them. Before hupd leaves them, for afterwards nothing tells who they were.
pub(crate) fn note_callers() {
    let look = |pid| processes::look(pid).ok().flatten();
    let line = successors(look(getpid().as_raw_pid()), |process| look(process.parent));
    CALLERS.get_or_init(|| Callers {
        pids: line.map(|process| process.pid).collect(),
        by: since_boot(),
    });
}

/// Whether it is one of them, and not one that has got the number since.
pub(super) fn is_caller(process: &Process) -> bool {
    let callers = CALLERS.get();
    callers.is_some_and(|it| it.pids.contains(&process.pid) && process.had_begun(it.by))
}

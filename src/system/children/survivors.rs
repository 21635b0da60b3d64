//! Processes that are left of a run although it is over or was stopped, by their names.

use std::fs;

use crate::run::Survivor;

/// So many are named of one run.
const MOST_NAMED: usize = 100;

pub(super) fn named(pids: impl IntoIterator<Item = i32>) -> Vec<Survivor> {
    pids.into_iter()
        .filter_map(survivor)
        .take(MOST_NAMED)
        .collect()
}

/// One without a name has ended meanwhile.
fn survivor(pid: i32) -> Option<Survivor> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    let command = String::from_utf8_lossy(&name).trim_end().to_owned();
    Some(Survivor { pid, command })
}

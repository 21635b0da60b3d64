//! Processes that a run has left behind although it was stopped: in a session of their own, where no signal
//! to its group reaches them. Where it had no cgroup they are known by what it was given as environment.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use jiff::Timestamp;

use crate::run::{JobName, RunId, Survivor};

/// So many are named of one run.
const MOST_NAMED: usize = 100;

/// What the environment of a run says that no other one's does, each with its end.
#[derive(Debug)]
pub(super) struct Mark {
    run: RunId,
    variables: [Vec<u8>; 3],
}

impl Mark {
    pub(super) fn new(run: RunId, job: &JobName, scheduled_for: Timestamp) -> Self {
        let variables = [
            format!("HUPD_RUN_ID={run}\0"),
            format!("HUPD_JOB={job}\0"),
            format!("HUPD_SCHEDULED_FOR={scheduled_for}\0"),
        ];
        Self {
            run,
            variables: variables.map(String::into_bytes),
        }
    }

    fn is_on(&self, environment: &[u8]) -> bool {
        let mut variables = environment.split_inclusive(|&byte| byte == 0);
        let needed = &self.variables;
        let found = variables
            .by_ref()
            .filter(|one| needed.iter().any(|known| known == one));
        found.count() >= needed.len()
    }
}

/// One look at all processes, for all of these runs.
pub(super) fn of(marks: &[Mark]) -> HashMap<RunId, Vec<Survivor>> {
    let mut found: HashMap<RunId, Vec<Survivor>> = HashMap::new();
    if marks.is_empty() {
        return found;
    }
    for folder in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = folder.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // Those that may not be looked at belong to somebody else.
        let environment = fs::read(folder.path().join("environ")).unwrap_or_default();
        if let Some(mark) = marks.iter().find(|mark| mark.is_on(&environment)) {
            add(found.entry(mark.run).or_default(), pid);
        }
    }
    found
}

/// Those that are known by their numbers.
pub(super) fn named(pids: impl IntoIterator<Item = i32>) -> Vec<Survivor> {
    let mut survivors = Vec::new();
    pids.into_iter().for_each(|pid| add(&mut survivors, pid));
    survivors
}

fn add(survivors: &mut Vec<Survivor>, pid: i32) {
    let folder = format!("/proc/{pid}");
    // One without a name has ended meanwhile.
    let name = fs::read(Path::new(&folder).join("comm"));
    if let (Ok(name), true) = (name, survivors.len() < MOST_NAMED) {
        let command = String::from_utf8_lossy(&name).trim_end().to_owned();
        survivors.push(Survivor { pid, command });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_on_an_environment_that_has_all_of_it() {
        let mark = Mark::new(RunId(7), &JobName::new("job"), Timestamp::UNIX_EPOCH);
        let whole = "A=1\0HUPD_JOB=job\0HUPD_RUN_ID=7\0HUPD_SCHEDULED_FOR=1970-01-01T00:00:00Z\0";
        assert!(mark.is_on(whole.as_bytes()));
        for (part, other) in [
            ("RUN_ID=7", "RUN_ID=77"),
            ("JOB=job", "JOB=jobs"),
            ("1970", "1971"),
        ] {
            assert!(
                !mark.is_on(whole.replace(part, other).as_bytes()),
                "{other}"
            );
        }
        assert!(!mark.is_on(b""));
    }
}

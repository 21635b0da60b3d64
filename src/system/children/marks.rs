//! By what the processes of a run are known wherever they are, also in a session of their own: by what the run was
//! given as environment.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::run::{Occurrence, RunId};

const RUN_ID: &[u8] = b"HUPD_RUN_ID=";

/// What the environment of a run says that no other one's does. Its number is that of one history only, so the
/// folder of that belongs to it.
#[derive(Debug)]
pub struct Mark {
    run: RunId,
    variables: [Vec<u8>; 4],
}

impl Mark {
    pub fn new(run: RunId, occurrence: &Occurrence, state_dir: &Path) -> Self {
        let variable =
            |name: &str, value: &OsStr| [name.as_bytes(), b"=", value.as_bytes()].concat();
        let text = |name: &str, value: String| variable(name, OsStr::new(&value));
        Self {
            run,
            variables: [
                [RUN_ID, run.to_string().as_bytes()].concat(),
                text("HUPD_JOB", occurrence.job.to_string()),
                text("HUPD_SCHEDULED_FOR", occurrence.instant.to_string()),
                variable("HUPD_STATE_DIR", state_dir.as_os_str()),
            ],
        }
    }

    pub(super) fn run(&self) -> RunId {
        self.run
    }

    fn is_on(&self, environment: &[u8]) -> bool {
        let has = |wanted: &Vec<u8>| variables(environment).any(|variable| variable == wanted);
        self.variables.iter().all(has)
    }
}

/// Those of many runs.
#[derive(Debug, Default)]
pub(super) struct Marks<'m>(HashMap<RunId, &'m Mark>);

impl<'m> FromIterator<&'m Mark> for Marks<'m> {
    fn from_iter<I: IntoIterator<Item = &'m Mark>>(marks: I) -> Self {
        Self(marks.into_iter().map(|mark| (mark.run, mark)).collect())
    }
}

impl Marks<'_> {
    /// The processes of each of these runs. The environment of each process is read once, for all of them.
    pub(super) fn find(
        &self,
        pids: impl IntoIterator<Item = i32>,
        mut environment_of: impl FnMut(i32) -> Vec<u8>,
    ) -> HashMap<RunId, Vec<i32>> {
        let mut found: HashMap<RunId, Vec<i32>> = HashMap::new();
        if self.0.is_empty() {
            return found;
        }
        for pid in pids {
            if let Some(run) = self.whose(&environment_of(pid)) {
                found.entry(run).or_default().push(pid);
            }
        }
        found
    }

    fn whose(&self, environment: &[u8]) -> Option<RunId> {
        let ids = variables(environment).filter_map(|variable| variable.strip_prefix(RUN_ID));
        let ids = ids.filter_map(|id| std::str::from_utf8(id).ok()?.parse().ok());
        let mut marks = ids.filter_map(|id| self.0.get(&RunId(id)));
        Some(marks.find(|mark| mark.is_on(environment))?.run)
    }
}

fn variables(environment: &[u8]) -> impl Iterator<Item = &[u8]> {
    environment.split(|&byte| byte == 0)
}

/// Whether that is the environment of this attempt of a run.
pub(super) fn is_of_attempt(environment: &[u8], attempt: u32) -> bool {
    let wanted = format!("HUPD_ATTEMPT={attempt}");
    variables(environment).any(|variable| variable == wanted.as_bytes())
}

/// Those that may not be looked at belong to somebody else.
pub(super) fn environment(pid: i32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/environ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::run::{JobName, Trigger};

    fn mark(run: u64) -> Mark {
        let occurrence = Occurrence {
            job: JobName::new("job"),
            instant: Timestamp::UNIX_EPOCH,
            trigger: Trigger::Schedule,
        };
        Mark::new(RunId(run), &occurrence, Path::new("/var/lib/hupd"))
    }

    fn environment_of(run: i32) -> String {
        format!(
            "A=1\0HUPD_JOB=job\0HUPD_RUN_ID={run}\0HUPD_SCHEDULED_FOR=1970-01-01T00:00:00Z\0\
             HUPD_STATE_DIR=/var/lib/hupd\0"
        )
    }

    #[test]
    fn a_mark_is_on_an_environment_that_has_all_of_it() {
        let (mark, whole) = (mark(7), environment_of(7));
        assert!(mark.is_on(whole.as_bytes()));
        for (part, other) in [
            ("RUN_ID=7", "RUN_ID=77"),
            ("JOB=job", "JOB=jobs"),
            ("1970", "1971"),
            ("lib/hupd", "lib/hupd-of-another"),
        ] {
            let other = whole.replace(part, other);
            assert!(!mark.is_on(other.as_bytes()), "{other}");
        }
        assert!(!mark.is_on(b""));
    }

    #[test]
    fn attempts_of_a_run_are_told_apart() {
        let environment = b"HUPD_RUN_ID=7\0HUPD_ATTEMPT=12\0";
        assert!(is_of_attempt(environment, 12));
        assert!(!is_of_attempt(environment, 1) && !is_of_attempt(b"", 1));
    }

    #[test]
    fn each_environment_is_read_once_however_many_runs_there_are() {
        let marks: Vec<_> = (1..=300).map(mark).collect();
        let mut reads = 0;
        let found = Marks::from_iter(&marks).find(201..=500, |pid| {
            reads += 1;
            environment_of(pid).into_bytes()
        });
        assert_eq!(reads, 300);
        assert_eq!(found.len(), 100);
        assert_eq!(found[&RunId(250)], [250]);
    }

    #[test]
    fn nothing_is_read_for_nobody() {
        let found = Marks::default().find([1], |_| panic!("for whom?"));
        assert!(found.is_empty());
    }
}

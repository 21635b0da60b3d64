//! Who hupd runs as, and the clean environment that its jobs get: built from nothing.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::PathBuf;

use nix::unistd::{Uid, User};

use crate::config::{Job, Timing};
use crate::system::spawn::SpawnOrder;

/// Where programs are looked for, unless the job's `env` says otherwise.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The user that hupd and its jobs run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub uid: u32,
    pub name: String,
    pub home: PathBuf,
}

/// One variable of an environment.
pub type Variable<'a> = (&'a str, Cow<'a, OsStr>);

impl Identity {
    /// The effective user of this process. Where the user database has no such user, the name is
    /// the number and home is `/`.
    pub fn of_process() -> Self {
        let uid = Uid::effective();
        match User::from_uid(uid) {
            Ok(Some(user)) => Self {
                uid: uid.as_raw(),
                name: user.name,
                home: user.dir,
            },
            _ => Self::nameless(uid.as_raw()),
        }
    }

    fn nameless(uid: u32) -> Self {
        Self {
            uid,
            name: uid.to_string(),
            home: PathBuf::from("/"),
        }
    }

    /// All that a run sees: the base, then what the file adds, then what hupd tells it. A later
    /// variable replaces an earlier one of the same name.
    pub fn environment<'a>(&'a self, order: &'a SpawnOrder) -> Vec<Variable<'a>> {
        let mut variables = self.base();
        variables.extend(zone_of(&order.job).map(|name| ("TZ", borrowed(name))));
        variables.extend(
            order
                .job
                .env
                .iter()
                .map(|(key, value)| (key.as_str(), borrowed(value))),
        );
        variables.extend(about(order));
        variables
    }

    fn base(&self) -> Vec<Variable<'_>> {
        vec![
            ("PATH", borrowed(DEFAULT_PATH)),
            ("HOME", Cow::Borrowed(self.home.as_os_str())),
            ("USER", borrowed(&self.name)),
            ("LOGNAME", borrowed(&self.name)),
            ("SHELL", borrowed("/bin/sh")),
            ("LANG", borrowed("C.UTF-8")),
        ]
    }
}

/// The zone in which the job's times are meant, so that `date` in the job agrees with its schedule.
fn zone_of(job: &Job) -> Option<&str> {
    match &job.timing {
        Timing::Schedule(schedule) => Some(schedule.zone.name()),
        Timing::Never | Timing::Every(_) => None,
    }
}

fn about(order: &SpawnOrder) -> [Variable<'_>; 5] {
    let occurrence = &order.occurrence;
    [
        ("HUPD_JOB", borrowed(order.job.name.as_str())),
        ("HUPD_RUN_ID", owned(order.run)),
        ("HUPD_TRIGGER", borrowed(occurrence.trigger.as_str())),
        ("HUPD_SCHEDULED_FOR", owned(occurrence.instant)),
        ("HUPD_GENERATION", owned(order.generation)),
    ]
}

fn borrowed(text: &str) -> Cow<'_, OsStr> {
    Cow::Borrowed(OsStr::new(text))
}

fn owned(value: impl ToString) -> Cow<'static, OsStr> {
    Cow::Owned(value.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_a_name_is_called_by_its_number() {
        let identity = Identity::nameless(4711);
        assert_eq!(identity.name, "4711");
        assert_eq!(identity.home, PathBuf::from("/"));
    }

    #[test]
    fn the_process_runs_as_its_effective_user() {
        let identity = Identity::of_process();
        assert_eq!(identity.uid, rustix::process::geteuid().as_raw());
        assert!(!identity.name.is_empty());
    }
}

//! As whom hupd and its jobs run, and the clean environment that jobs get: built from nothing.

mod accounts;

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use nix::unistd::{Gid, Uid, User};

use crate::config::{EnvValue, Job, Timing};
use crate::system::spawn::SpawnOrder;

pub(crate) use accounts::{Account, Accounts};

/// Where programs are looked for, unless the job's `env` says otherwise.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A user, as its jobs see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub uid: u32,
    /// Its own group; none where nobody knows one.
    pub gid: Option<u32>,
    pub name: String,
    pub home: PathBuf,
    pub shell: PathBuf,
}

const DEFAULT_SHELL: &str = "/bin/sh";

/// One variable of an environment.
pub type Variable<'a> = (&'a str, Cow<'a, OsStr>);

impl Identity {
    /// The effective user of this process. Where the user database has no such user, the name is
    /// the number and home is `/`.
    pub fn of_process() -> Self {
        let (uid, gid) = (Uid::effective(), Some(Gid::effective().as_raw()));
        match User::from_uid(uid) {
            Ok(Some(user)) => Self {
                gid,
                // A daemon has no shell of its own, whatever its user has at a terminal.
                shell: DEFAULT_SHELL.into(),
                ..Self::of(user)
            },
            _ => Self {
                gid,
                ..Self::nameless(uid.as_raw())
            },
        }
    }

    /// As the user database has it.
    fn of(user: User) -> Self {
        let has_shell = !user.shell.as_os_str().is_empty();
        let shell = has_shell.then_some(user.shell);
        Self {
            uid: user.uid.as_raw(),
            gid: Some(user.gid.as_raw()),
            name: user.name,
            home: user.dir,
            shell: shell.unwrap_or_else(|| DEFAULT_SHELL.into()),
        }
    }

    fn nameless(uid: u32) -> Self {
        Self {
            uid,
            gid: None,
            shell: DEFAULT_SHELL.into(),
            name: uid.to_string(),
            home: PathBuf::from("/"),
        }
    }

    /// All that a run sees: the base, what it inherits from hupd, what its `env_file` holds, what `env` adds, the
    /// secrets that it names among that, and what hupd tells it. A later variable replaces an earlier one of the same name.
    pub fn environment<'a>(
        &'a self,
        order: &'a SpawnOrder,
        file: &'a [(String, String)],
        secrets: &'a [(&'a str, OsString)],
    ) -> Vec<Variable<'a>> {
        let mut variables = self.base();
        variables.extend(zone_of(&order.job).map(|name| ("TZ", borrowed(name))));
        variables.extend(inherited(&order.job.process.env_inherit));
        let file = file.iter();
        variables.extend(file.map(|(key, value)| (key.as_str(), borrowed(value))));
        variables.extend(order.job.env.iter().filter_map(text));
        let secrets = secrets.iter();
        variables.extend(secrets.map(|(key, value)| (*key, Cow::Borrowed(value.as_os_str()))));
        variables.extend(about(order));
        variables
    }

    fn base(&self) -> Vec<Variable<'_>> {
        vec![
            ("PATH", borrowed(DEFAULT_PATH)),
            ("HOME", Cow::Borrowed(self.home.as_os_str())),
            ("USER", borrowed(&self.name)),
            ("LOGNAME", borrowed(&self.name)),
            ("SHELL", Cow::Borrowed(self.shell.as_os_str())),
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

/// Those of these variables that hupd has.
fn inherited(names: &[String]) -> impl Iterator<Item = Variable<'_>> {
    let found = |name: &str| std::env::var_os(name).map(Cow::Owned);
    let names = names.iter();
    names.filter_map(move |name| Some((name.as_str(), found(name)?)))
}

fn text<'a>((key, value): (&'a String, &'a EnvValue)) -> Option<Variable<'a>> {
    match value {
        EnvValue::Text(text) => Some((key, borrowed(text))),
        EnvValue::Credential(_) => None,
    }
}

fn about(order: &SpawnOrder) -> [Variable<'_>; 7] {
    let occurrence = &order.occurrence;
    [
        ("HUPD_JOB", borrowed(order.job.name.as_str())),
        ("HUPD_RUN_ID", owned(order.run)),
        ("HUPD_ATTEMPT", owned(order.attempt)),
        ("HUPD_TRIGGER", borrowed(occurrence.trigger.as_str())),
        ("HUPD_SCHEDULED_FOR", owned(occurrence.instant)),
        ("HUPD_GENERATION", owned(order.generation)),
        ("HUPD_STATE_DIR", Cow::Borrowed(order.state_dir.as_os_str())),
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

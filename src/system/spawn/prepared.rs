//! All that a process needs, in the form that the kernel takes, made before there is a process.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use super::SpawnOrder;
use super::failure::{could_not_prepare, no_credential, wrong_env_file};
use super::limits::limits;
use super::plan::{Door, Limit, Plan};
use super::program::Program;
use super::streams::Streams;
use super::under_way::Seen;
use crate::config::{EnvValue, Environment, Hangup, Job, Surroundings, Writers, read_env_file};
use crate::event::NoStart;
use crate::system::identity::{Account, DEFAULT_PATH};

/// What a plan refers to.
#[derive(Debug)]
pub(super) struct Prepared<'o> {
    pub job: &'o Job,
    pub program: Program<'o>,
    programs: Vec<CString>,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    working_dir: CString,
    streams: Streams,
    limits: Vec<Limit>,
    pub account: Arc<Account>,
}

impl<'o> Prepared<'o> {
    /// Fails where a descriptor is lacking, or where the kernel could not be told.
    pub fn new(
        order: &'o SpawnOrder,
        account: Arc<Account>,
        writers: Writers,
    ) -> Result<Self, NoStart> {
        let job: &Job = &order.job;
        let file = variables_of_file(job, writers.and(account.identity.uid))?;
        let secrets = secrets(&job.env)?;
        let variables: BTreeMap<_, _> = account
            .identity
            .environment(order, &file, &secrets)
            .into_iter()
            .collect();
        let path = variables
            .get("PATH")
            .map_or(DEFAULT_PATH.into(), |path| path.to_string_lossy());
        let name = job
            .command
            .first()
            .ok_or_else(|| "the command is empty".to_owned())?;
        let program = Program::new(name, &path, &job.working_dir);
        let places = program.places.iter().map(|place| text(place.as_os_str()));
        Ok(Self {
            programs: places.collect::<Result<_, _>>()?,
            arguments: job
                .command
                .iter()
                .map(|part| text(part.as_ref()))
                .collect::<Result<_, _>>()?,
            environment: variables.iter().map(variable).collect::<Result<_, _>>()?,
            working_dir: text(job.working_dir.as_os_str())?,
            streams: Streams::new(job, account.ids.as_ref()).map_err(could_not_prepare)?,
            limits: limits(&job.process.limits),
            program,
            job,
            account,
        })
    }

    pub fn plan<'p>(
        &'p self,
        null: BorrowedFd<'p>,
        handled: &'p [i32],
        (cgroup, seen): (Option<Door<'p>>, Seen<'p>),
    ) -> Plan<'p> {
        Plan {
            programs: &self.programs,
            arguments: &self.arguments,
            environment: &self.environment,
            streams: self.streams.of_job(null),
            cgroup,
            limits: &self.limits,
            nice: self.job.process.nice,
            umask: self.job.process.umask,
            ids: self.account.ids.as_ref(),
            working_dir: &self.working_dir,
            handled,
            ignored: ignored(self.job.process.hangup),
            seen,
        }
    }

    /// Where its output is read; the side of the job is closed here.
    pub fn into_pipe(self) -> Option<OwnedFd> {
        self.streams.into_ours()
    }
}

/// What its `env_file` holds now.
fn variables_of_file(job: &Job, writers: Writers) -> Result<Vec<(String, String)>, NoStart> {
    match &job.process.env_file {
        Some(path) => read_env_file(path, writers).map_err(wrong_env_file),
        None => Ok(Vec::new()),
    }
}

/// What the credentials are now, by variable.
fn secrets(env: &Environment) -> Result<Vec<(&str, OsString)>, NoStart> {
    let folder = Surroundings::credentials();
    let named = env.iter().filter_map(|(name, value)| match value {
        EnvValue::Credential(credential) => Some((name.as_str(), credential)),
        EnvValue::Text(_) => None,
    });
    named
        .map(
            |(name, credential)| match credential.read(name, folder.as_deref()) {
                Ok(value) => Ok((name, value)),
                Err(error) => Err(no_credential(name, &error)),
            },
        )
        .collect()
}

fn ignored(hangup: Hangup) -> &'static [i32] {
    match hangup {
        Hangup::Default => &[],
        Hangup::Ignore => &[libc::SIGHUP],
    }
}

fn variable((name, value): (&&str, &Cow<'_, OsStr>)) -> Result<CString, String> {
    text(OsStr::from_bytes(
        &[name.as_bytes(), b"=", value.as_bytes()].concat(),
    ))
}

fn text(text: &OsStr) -> Result<CString, String> {
    CString::new(text.as_bytes()).map_err(|_| {
        "its command or environment is impossible: nul byte found in provided data".into()
    })
}

//! The checked value: no `Option` for what has a default, no string for what has a meaning.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::attempts::Retry;
use super::duration::format_duration;
use super::on_change::OnChange;
use super::{Environment, Process};
use crate::run::{GroupName, JobName, Signal};
use crate::schedule::{Schedule, Seed, Zone};

/// A configuration in which everything is right. Immutable: a reload makes another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub daemon: Daemon,
    pub log: Log,
    pub history: History,
    pub jobs: BTreeMap<JobName, Arc<Job>>,
    /// The files it was read from, the main file first, then in the order of reading.
    pub sources: Vec<SourceFile>,
    /// The folders in which `include` looks for files, also those that hold none yet.
    pub include_folders: Vec<PathBuf>,
}

impl Config {
    /// What a watch must follow to see every change of this configuration, the main file first.
    pub fn watched_files(&self) -> Vec<PathBuf> {
        let files = self.sources.iter().map(|source| &source.path);
        files.chain(&self.include_folders).cloned().collect()
    }
}

/// One file that was read, as it was then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    pub path: PathBuf,
    pub text: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    pub timezone: Zone,
    /// Runs at the same time, over all jobs.
    pub max_running: usize,
    /// Of these, runs that make up for what is late.
    pub catch_up_limit: usize,
    /// How long a stop waits for running jobs.
    pub grace: Duration,
    /// Whether a change of the files reloads by itself.
    pub watch_config: bool,
    pub orphans: Orphans,
    pub on_invalid_start: OnInvalidStart,
    /// Absolute.
    pub state_dir: PathBuf,
    /// Absolute.
    pub runtime_dir: PathBuf,
}

/// What a start does about processes that a hupd which was killed has left running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Orphans {
    /// They are stopped, as a run that has to end.
    Kill,
    /// Their runs go on.
    Leave,
}

/// What a start does about a file that is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnInvalidStart {
    Refuse,
    /// What was accepted last takes its place.
    LastGood,
}

impl OnInvalidStart {
    /// The one that a file calls so.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "refuse" => Some(Self::Refuse),
            "last-good" => Some(Self::LastGood),
            _ => None,
        }
    }
}

/// The file that is read where none is named.
pub const DEFAULT_FILE: &str = "/etc/hupd/hupd.toml";

/// The socket, in the `runtime_dir`.
pub const SOCKET_NAME: &str = "hupd.sock";

impl Daemon {
    /// Where clients connect.
    pub fn socket(&self) -> PathBuf {
        self.runtime_dir.join(SOCKET_NAME)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A filter as env_logger reads it: `info`, `warn,hupd::engine=debug`.
    pub level: String,
    /// Absolute; standard error where there is none.
    pub file: Option<PathBuf>,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// How long records are kept.
    pub keep: Duration,
    /// How many runs of each job are kept.
    pub keep_runs: u64,
    /// Bytes of output kept per run: half of it from the beginning, half from the end.
    pub output: usize,
}

/// One job. Two jobs that are equal behave the same: that is what "unchanged" means at a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub name: JobName,
    /// What is executed: the program first. A command given as a string is `[shell, "-c", command]`.
    pub command: Vec<String>,
    pub timing: Timing,
    pub jitter: Jitter,
    pub missed: Missed,
    /// An occurrence that is older than this is not started any more; none where any age will do.
    pub deadline: Option<Duration>,
    pub overlap: Overlap,
    /// Runs of one group are never alive at the same time, of whichever job they are.
    pub group: Option<GroupName>,
    /// No limit where there is none.
    pub timeout: Option<Duration>,
    pub stop_signal: Signal,
    /// From the stop signal to KILL.
    pub kill_after: Duration,
    /// Absolute.
    pub working_dir: PathBuf,
    pub process: Arc<Process>,
    /// What the file adds to the clean environment.
    pub env: Environment,
    pub output: OutputMode,
    /// A failed run is not tried again where there is none.
    pub retry: Option<Retry>,
    /// What counts as success.
    pub success_exit_codes: BTreeSet<i32>,
    pub enabled: bool,
    /// A run after a reload that has changed it; none where nobody wants that.
    pub on_change: Option<OnChange>,
    pub description: String,
}

/// When a job becomes due by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timing {
    /// Only on request.
    Never,
    Schedule(Schedule),
    Every(Duration),
}

impl Timing {
    /// A text by which an unchanged timing is known again after a restart; none for a job that is never due by itself.
    pub fn identity(&self) -> Option<String> {
        match self {
            Self::Never => None,
            Self::Schedule(schedule) => Some(format!("schedule {}", schedule.identity())),
            Self::Every(every) => Some(format!("every {} ns", every.as_nanos())),
        }
    }

    /// The same with the rules of its zones: whether it is due at the same instants.
    pub fn identity_now(&self) -> Option<String> {
        let identity = self.identity()?;
        Some(match self {
            Self::Schedule(schedule) => {
                let (own, named) = (schedule.zone.digest(), schedule.rules_of_named_zones());
                format!("{identity}; {own} {named}")
            }
            Self::Never | Self::Every(_) => identity,
        })
    }
}

/// As written: `30 2 * * *`, `every 15m`, or empty.
impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => Ok(()),
            Self::Schedule(schedule) => schedule.fmt(f),
            Self::Every(every) => write!(f, "every {}", format_duration(*every)),
        }
    }
}

/// By how much each occurrence starts later than it is due: as good as drawn for each, and always the same for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter {
    /// By less than this.
    pub below: Duration,
    pub seed: Seed,
}

impl Jitter {
    /// For the occurrence of this instant, to the millisecond.
    pub fn of(self, instant: Timestamp) -> Duration {
        match u64::try_from(self.below.as_millis()) {
            Ok(0) | Err(_) => Duration::ZERO,
            Ok(values) => {
                let purpose = format!("jitter {}", instant.as_microsecond());
                Duration::from_millis(self.seed.below(values, &purpose))
            }
        }
    }
}

/// What to do about occurrences that nobody could start in time: hupd was down, stopped or asleep, or the clock
/// was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Nothing, but for the newest of them where hupd was there and it is not old.
    Skip,
    /// One run, for the newest of them.
    Once,
    /// A run for each of the newest, at most so many.
    All(usize),
}

impl Missed {
    /// How many of them have a run.
    pub fn most(self) -> usize {
        match self {
            Self::Skip => 0,
            Self::Once => 1,
            Self::All(most) => most,
        }
    }
}

/// So many occurrences of one job may wait for a place; what comes after them is skipped.
pub const MAX_WAITING: usize = 100;

/// What to do when a job is due while a run of it is alive or waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// The occurrence does not run.
    Skip,
    /// It waits until the run is over.
    Queue,
    /// The run is stopped, and when it has ended the occurrence runs.
    Replace,
    /// It runs beside the others, where there are no more than so many; else it waits.
    Allow { most: usize },
}

impl Overlap {
    /// No limit but that of all jobs together.
    pub const ANY_NUMBER: usize = usize::MAX;

    /// So many runs of a job may be alive.
    pub fn most(self) -> usize {
        match self {
            Self::Skip | Self::Queue | Self::Replace => 1,
            Self::Allow { most } => most,
        }
    }
}

/// As written.
impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skip => "skip",
            Self::Queue => "queue",
            Self::Replace => "replace",
            Self::Allow { .. } => "allow",
        })
    }
}

/// Where the output of a job goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputMode {
    /// Into the history.
    Store,
    /// Into hupd's own log, line by line.
    Forward,
    /// Both.
    Both,
    Discard,
}

impl OutputMode {
    pub fn stores(self) -> bool {
        matches!(self, Self::Store | Self::Both)
    }

    pub fn forwards(self) -> bool {
        matches!(self, Self::Forward | Self::Both)
    }
}

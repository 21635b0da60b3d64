//! What may stand in the file of an invented machine, as data: small, comparable, and easy to print.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hupd::config::{
    Config, Daemon, History, Jitter, Job, Log, LogFormat, Missed, OnChange, OnInvalidStart,
    Orphans, OutputMode, Overlap, Retry, SourceFile, Timing,
};
use hupd::digest::Digest;
use hupd::run::{GroupName, JobName, Signal};
use hupd::schedule::{self, Dst, Expression, Rules, Seed, Zone};

use super::oracle::Schedule;

/// All forms of the fields; many of them in the hours in which clocks change.
pub const EXPRESSIONS: [&str; 42] = [
    // Often.
    "*/30 * * * * *",
    "* * * * *",
    "*/5 * * * *",
    "*/15 * * * *",
    "7,22,52 * * * *",
    "0 * * * *",
    "*/30 0-4 * * *",
    "15 */2 * * *",
    "0-59/20 1-3 * * *",
    "0 */6 * * *; 30 1,2 * * *; 15 2 * * *",
    "10,50 */20 1-3 * * *",
    // Daily.
    "30 2 * * *",
    "0 2 * * *",
    "30 1 * * *",
    "0 0 * * *",
    "59 23 * * *",
    "0 1,2 * * *",
    "15,45 2 * * *",
    "0 3 * * *",
    "10 12 * * *",
    // More seldom.
    "30 2 * * 0",
    "0 0 * * 7",
    "0 6 * * 1-5",
    "30 1 * * 6,0",
    "0 2 1 * *",
    "30 2 31 * *",
    "0 12 13 * 5",
    "0 12 */2 * 1",
    "0 0 1 1 *",
    "30 2 29 2 *",
    "45 1 1-7 3,10,11 *",
    "0 4 1 */3 *",
    "5 0 24-31 3,4,9,10 *",
    "20,40 30 2 * * *",
    "30 2 L * *",
    "0 0 L-3,15W * ?",
    "30 1 LW * *",
    "45 1 * 3,10,11 0#L,0#2",
    "0 2 1W * 1#1",
    "0 30 2 * * 0 1970-2198/2",
    "0 0 0 1 */2 ? 1975-2030/5,2031-2099/4",
    "30 2 * * *; 30 2 L * *; 0 3 * * 7",
];

/// Before it are those that are due more often than once an hour.
pub const FIRST_HOURLY: usize = 5;

/// From here on, nothing is due more often than once a day or so.
pub const FIRST_DAILY: usize = 11;

/// Hours and half hours, changes at midnight, a day that never was, two rules without daylight saving.
pub const ZONES: [&str; 14] = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Havana",
    "America/Santiago",
    "America/St_Johns",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
];

/// When a job becomes due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    OnRequest,
    At(Schedule),
    Every(Duration),
}

/// One job of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSpec {
    pub due: Due,
    pub jitter: Duration,
    pub missed: Missed,
    pub deadline: Option<Duration>,
    pub overlap: Overlap,
    pub group: Option<u8>,
    pub timeout: Option<Duration>,
    pub stop_signal: Signal,
    pub kill_after: Duration,
    pub retry: Option<Retry>,
    pub success: BTreeSet<i32>,
    pub enabled: bool,
    /// Whether it runs after a change, and what the file that it names holds.
    pub on_change: Option<u8>,
    /// Nothing that hupd acts upon: a change of it is a change of the job all the same.
    pub edition: u8,
}

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpec {
    pub jobs: BTreeMap<String, JobSpec>,
    pub max_running: usize,
    pub catch_up_limit: usize,
    pub grace: Duration,
    pub orphans: Orphans,
    pub watch: bool,
    pub keep_runs: u64,
    /// What cannot change while hupd runs: another one is refused.
    pub state_dir: &'static str,
    /// What was accepted last is started where the file is not valid.
    pub last_good: bool,
    /// Comments, say: the text differs, and nothing else.
    pub remarks: u32,
}

/// How long records are kept.
pub const KEEP: Duration = Duration::from_secs(400 * 86_400);

impl FileSpec {
    /// What is kept of it: as good as the whole, for no two files have the same one.
    pub fn text(&self) -> String {
        let mut hasher = DefaultHasher::new();
        format!("{self:?}").hash(&mut hasher);
        let start = match self.last_good {
            true => "last-good",
            false => "refuse",
        };
        let number = hasher.finish();
        format!("# {number:x}\n[daemon]\non_invalid_start = \"{start}\"\n")
    }

    /// The checked value, as loading this file would give it.
    pub fn config(&self, zones: &[Zone]) -> Config {
        let job = |(name, job): (&String, &JobSpec)| {
            let name = JobName::new(name);
            (name.clone(), Arc::new(job.job(name, zones)))
        };
        Config {
            daemon: Daemon {
                timezone: Zone::utc(),
                max_running: self.max_running,
                catch_up_limit: self.catch_up_limit,
                grace: self.grace,
                orphans: self.orphans,
                on_invalid_start: match self.last_good {
                    true => OnInvalidStart::LastGood,
                    false => OnInvalidStart::Refuse,
                },
                watch_config: self.watch,
                state_dir: PathBuf::from(self.state_dir),
                runtime_dir: PathBuf::from("/run/hupd"),
            },
            log: Log {
                level: "info".to_owned(),
                file: None,
                format: LogFormat::Text,
            },
            history: History {
                keep: KEEP,
                keep_runs: self.keep_runs,
                output: 1024,
            },
            jobs: self.jobs.iter().map(job).collect(),
            sources: vec![SourceFile {
                path: PathBuf::from("/etc/hupd/hupd.toml"),
                text: self.text().into(),
            }],
            include_folders: Vec::new(),
        }
    }
}

impl JobSpec {
    /// By what it is known after a restart that it is due as before.
    pub fn timing(&self, name: &JobName, zones: &[Zone]) -> Option<String> {
        let timing = || self.job(name.clone(), zones).timing;
        self.enabled.then(timing)?.identity()
    }

    fn job(&self, name: JobName, zones: &[Zone]) -> Job {
        Job {
            command: vec!["/bin/job".to_owned(), self.edition.to_string()],
            timing: match self.due {
                Due::OnRequest => Timing::Never,
                Due::Every(every) => Timing::Every(every),
                Due::At(Schedule {
                    expressions,
                    zone,
                    skips_gaps,
                    offset,
                }) => {
                    let rules = Rules {
                        dst: if skips_gaps { Dst::Skip } else { Dst::Once },
                        offset: Duration::from_secs(offset.unsigned_abs()),
                    };
                    let expressions = EXPRESSIONS[expressions].split("; ").map(|text| {
                        let seed = Seed::of("host", name.as_str());
                        Expression::parse(text, seed).expect("it is right")
                    });
                    Timing::Schedule(schedule::Schedule::new(
                        expressions,
                        zones[zone].clone(),
                        rules,
                    ))
                }
            },
            jitter: Jitter {
                below: self.jitter,
                seed: Seed::of("host", name.as_str()),
            },
            missed: self.missed,
            deadline: self.deadline,
            overlap: self.overlap,
            group: self.group.map(|group| GroupName::new(&group.to_string())),
            timeout: self.timeout,
            stop_signal: self.stop_signal,
            kill_after: self.kill_after,
            working_dir: PathBuf::from("/"),
            process: Default::default(),
            env: BTreeMap::new(),
            output: OutputMode::Store,
            retry: self.retry.clone(),
            success_exit_codes: self.success.clone(),
            enabled: self.enabled,
            on_change: self.on_change.map(watched),
            description: String::new(),
            name,
        }
    }
}

/// A file that holds this.
fn watched(content: u8) -> OnChange {
    let digest = (content > 0).then(|| Digest::of(&[content]));
    let file = (PathBuf::from("/etc/app.conf"), digest);
    OnChange {
        files: [file].into(),
    }
}

impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnRequest => f.write_str("on request"),
            Self::Every(every) => write!(f, "every {every:?}"),
            Self::At(schedule) => {
                let (text, zone) = (EXPRESSIONS[schedule.expressions], ZONES[schedule.zone]);
                write!(f, "'{text}' {zone}")?;
                if schedule.skips_gaps {
                    f.write_str(" without gaps")?;
                }
                match schedule.offset {
                    0 => Ok(()),
                    offset => write!(f, " and {offset} s"),
                }
            }
        }
    }
}

impl fmt::Display for JobSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (due, missed, overlap) = (self.due, self.missed, self.overlap);
        write!(f, "{due}, missed {missed:?}, overlap {overlap:?}")?;
        if let Some(group) = self.group {
            write!(f, ", group {group}")?;
        }
        if !self.jitter.is_zero() {
            write!(f, ", jitter {:?}", self.jitter)?;
        }
        if let Some(deadline) = self.deadline {
            write!(f, ", deadline {deadline:?}")?;
        }
        if let Some(timeout) = self.timeout {
            write!(f, ", timeout {timeout:?}")?;
        }
        write!(
            f,
            ", {} and kill_after {:?}",
            self.stop_signal, self.kill_after
        )?;
        if let Some(retry) = &self.retry {
            write!(f, ", {retry:?}")?;
        }
        if let Some(content) = self.on_change {
            write!(f, ", on change of {content}")?;
        }
        match self.enabled {
            true => Ok(()),
            false => f.write_str(", switched off"),
        }
    }
}

//! What everybody calls a job, a run and its end. Knows words, not behaviour.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The name of a job: the `NAME` of `[jobs.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobName(Arc<str>);

impl JobName {
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a group of jobs that are never run at the same time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(Arc<str>);

impl GroupName {
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A run, numbered over the whole life of a store: never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of an accepted configuration, counted over the whole life of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Generation(pub u64);

impl Generation {
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a job became due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// Its `schedule` names the instant.
    Schedule,
    /// Its `every` has elapsed.
    Every,
    /// Somebody asked for it.
    Request,
    /// A reload has changed it, or a file that it names.
    Change,
}

impl Trigger {
    pub const ALL: [Self; 4] = [Self::Schedule, Self::Every, Self::Request, Self::Change];

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|trigger| trigger.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Every => "every",
            Self::Request => "request",
            Self::Change => "change",
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One due instant of one job: the unit of accounting. The ledger holds each at most once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Occurrence {
    pub job: JobName,
    /// The instant that the trigger named; for a request, when it was made.
    pub instant: Timestamp,
    pub trigger: Trigger,
}

/// A signal by number, printed as `TERM`, `USR1`, `RTMIN+3`. See signal(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(i32);

/// The standard signals of Linux, in the order of their numbers on every architecture that
/// Rust's tier 1 names; see signal(7), "Standard signals".
const SIGNAL_NAMES: [(&str, i32); 30] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("SYS", 31),
];

impl Signal {
    pub const HUP: Self = Self(1);
    pub const INT: Self = Self(2);
    pub const KILL: Self = Self(9);
    pub const TERM: Self = Self(15);

    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// By its name, with or without `SIG`, in any case. Only the standard signals have names here.
    pub fn from_name(name: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
        SIGNAL_NAMES
            .iter()
            .find(|(known, _)| *known == bare)
            .map(|&(_, number)| Self(number))
    }

    pub const fn number(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SIGNAL_NAMES.iter().find(|&&(_, number)| number == self.0) {
            Some((name, _)) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}

/// Why hupd itself ended a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// Its `timeout` was over.
    TimeLimit,
    /// `hupctl kill`.
    Request,
    /// hupd is stopping and `grace` was over.
    Shutdown,
    /// A newer occurrence of the job takes its place: `overlap = "replace"`.
    ReplacedBy(RunId),
    /// An earlier hupd, which was killed, had left it running.
    Orphan,
    /// It waited for another attempt, and the configuration in force does not want that.
    Configuration,
}

/// As it is on record.
impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimeLimit => f.write_str("time limit"),
            Self::Request => f.write_str("request"),
            Self::Shutdown => f.write_str("shutdown"),
            Self::ReplacedBy(run) => write!(f, "replaced by run {run}"),
            Self::Orphan => f.write_str("orphan"),
            Self::Configuration => f.write_str("configuration"),
        }
    }
}

/// How a process ended, as wait(2) tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(Signal),
}

/// How a run ended: what history and status print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Exited(i32),
    Killed(Signal),
    TimedOut,
    CouldNotStart(String),
    /// hupd was killed while it ran; nobody saw its end.
    Lost,
}

impl Outcome {
    /// From the text that history has.
    pub fn from_text(text: &str) -> Self {
        let number = |rest: &str| rest.parse().ok();
        let exited = text.strip_prefix("exited ").and_then(number);
        let killed = text.strip_prefix("killed by ");
        let killed = killed.and_then(|name| match name.parse() {
            Ok(number) => Some(Signal::from_number(number)),
            Err(_) => Signal::from_name(name),
        });
        match (exited, killed, text) {
            (Some(code), ..) => Self::Exited(code),
            (_, Some(signal), _) => Self::Killed(signal),
            (.., "timed out") => Self::TimedOut,
            (.., "lost") => Self::Lost,
            _ => {
                let why = text.strip_prefix("could not start: ").unwrap_or(text);
                Self::CouldNotStart(why.to_owned())
            }
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited {code}"),
            Self::Killed(signal) => write!(f, "killed by {signal}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::CouldNotStart(reason) => write!(f, "could not start: {reason}"),
            Self::Lost => f.write_str("lost"),
        }
    }
}

/// A process that a run has left behind although hupd stopped it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survivor {
    pub pid: i32,
    /// As ps(1) shows it.
    pub command: String,
}

/// What a run used: getrusage(2) of the process and of the children it waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and system time together.
    pub cpu: Duration,
    /// Peak resident memory of its largest process, in bytes. None where it is not above the peak of
    /// hupd itself: the kernel counts in what hupd had when it started the process.
    pub peak_memory: Option<u64>,
}

/// What a run wrote to its standard output and error, in the order of writing: the beginning and
/// the end, byte for byte, and how much there was in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    pub head: Vec<u8>,
    /// What followed the head, or the last part of it.
    pub tail: Vec<u8>,
    /// Bytes written in all.
    pub total: u64,
}

impl Output {
    /// Bytes between head and tail that were not kept.
    pub fn lost(&self) -> u64 {
        self.total - self.head.len() as u64 - self.tail.len() as u64
    }

    /// How much there was, and none of it.
    pub fn without_bytes(&self) -> Self {
        Self {
            total: self.total,
            ..Self::default()
        }
    }
}

/// How many of these bytes come before a character whose last bytes are missing.
pub fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}

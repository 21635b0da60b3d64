//! What happens to one machine, written down before it lives: made from a seed, and cut down step by step when a
//! life has gone wrong.

use std::fmt;
use std::time::Duration;

use hupd::config::Overlap;
use jiff::Timestamp;

use super::jobs::{FileSpec, JobSpec};

/// One life: of a machine, its file, and every hupd that serves there.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    /// What the clock on the wall says in the beginning.
    pub begins: Timestamp,
    pub file: FileSpec,
    /// In order of time.
    pub steps: Vec<Step>,
    pub ends_after: Duration,
    pub temper: Temper,
    /// KILL comes after so many turns of the loop, once.
    pub killed_after: Option<u64>,
}

/// How the machine is: quick and obedient, or as machines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// Everything takes the same short time and no process resists.
    Calm,
    Wild,
}

/// Something that is done to the machine from outside.
#[derive(Clone, Debug)]
pub struct Step {
    /// After the beginning.
    pub at: Duration,
    pub what: What,
}

#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a plan has a few hundred steps at most"
)]
pub enum What {
    /// The file is another one from now on; hupd is told by a step of its own, or sees it if it watches.
    Edit(Edit),
    /// So many HUPs at once.
    Hangup(u8),
    /// HUP to all processes of the service, and to hupd a little later.
    HangupUnit(Duration),
    AskReload,
    /// `hupctl reload --confirm`, within so long.
    ReloadToConfirm(Duration),
    Confirm,
    /// `hupctl rollback`: so many numbers back, or to what was before.
    RollBack(Option<u8>),
    Request {
        job: String,
        waits: bool,
    },
    /// `hupctl kill` of one of the runs there are.
    Kill(u8),
    /// `hupctl pause`, for so long or until it is resumed.
    Pause {
        job: String,
        lasts: Option<Duration>,
    },
    Resume {
        job: String,
    },
    AskStatus,
    /// In seconds.
    SetClock(i64),
    /// In millionths.
    Drift(i32),
    /// The machine sleeps; whether a timer on the wall clock says so afterwards.
    Sleep(Duration, bool),
    /// STOP, and CONT after that time.
    Freeze(Duration),
    /// So many TERMs at once.
    Terminate(u8),
    Quit,
    /// KILL, at whatever hupd is doing, and how long it is down.
    Crash {
        down: Duration,
    },
    /// Nothing is written for so long: somebody holds a lock, the disk is slow.
    StoreStalls(Duration),
    /// Nothing can be written for so long.
    StoreFails(Duration),
    /// No process comes to be for so long.
    SpawnStalls(Duration),
    /// Few processes can be made for so long: most tries fail.
    RunsShort(Duration),
}

/// An edit of the file.
#[derive(Clone, Debug)]
pub enum Edit {
    Put(String, JobSpec),
    /// All of a job but when it is due.
    Adjust(String, JobSpec),
    /// Of a job: what it does beside itself, and its group.
    Overlap(String, Overlap, Option<u8>),
    Remove(String),
    Toggle(String),
    MaxRunning(usize),
    CatchUpLimit(usize),
    Grace(Duration),
    Watch(bool),
    KeepRuns(u64),
    /// A comment.
    Remark,
    /// The same content once more.
    Touch,
    /// A setting that cannot change while hupd runs, or back.
    StateDir(&'static str),
    /// A file that does not pass the check, until the next edit.
    Break,
    /// A right file that asks for what the machine refuses, such as a log where none may be written.
    Forbid,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FileSpec {
            max_running,
            catch_up_limit,
            grace,
            orphans,
            ..
        } = &self.file;
        writeln!(
            f,
            "seed {}, begins {}, {:?}, max_running {max_running}, catch_up_limit {catch_up_limit}, grace {grace:?}, orphans {orphans:?}",
            self.seed, self.begins, self.temper
        )?;
        for (name, job) in &self.file.jobs {
            writeln!(f, "  {name}: {job}")?;
        }
        for Step { at, what } in &self.steps {
            writeln!(f, "  after {at:?}: {what}")?;
        }
        if let Some(turns) = self.killed_after {
            writeln!(f, "  after {turns} turns of the loop: KILL")?;
        }
        write!(f, "  after {:?}: the end", self.ends_after)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edit(Edit::Put(name, job)) => write!(f, "edit: {name}: {job}"),
            Self::Edit(edit) => write!(f, "edit: {edit:?}"),
            Self::SetClock(seconds) => write!(f, "the clock is set by {seconds} s"),
            Self::Drift(millionths) => write!(f, "the clock drifts by {millionths} ppm"),
            other => write!(f, "{other:?}"),
        }
    }
}

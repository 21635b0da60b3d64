//! `[daemon]`, `[log]` and `[history]`.

use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::finding::Finding;
use super::key_of::KeyOf;
use super::kinds::{By, Choice, Count, FLAG, Like, PATH, Size, Table, Time};
use super::log_file::check_log_file;
use super::schema::keys_of;
use super::section::{Section, Title};
use super::words::visible;
use super::zones;
use super::{
    Daemon, History, Log, LogFormat, OnInvalidStart, Orphans, SOCKET_NAME, Surroundings, typed,
};
use crate::schedule::{Zone, ZoneError, Zones};

/// What `sockaddr_un` has room for, without the NUL at the end; see unix(7).
const LONGEST_SOCKET: usize = 107;

/// More runs than any machine starts, and a number that every database can hold.
const MOST_RUNS: u64 = 1_000_000_000;

static DAEMON: KeyOf<Table> = KeyOf::new(
    "daemon",
    Table("[daemon] and its keys below", || {
        keys_of(|section| {
            let _ = daemon(section, &mut Zones::default(), &Surroundings::default());
        })
    }),
    "",
    "How hupd itself works",
);
static LOG: KeyOf<Table> = KeyOf::new(
    "log",
    Table("[log] and its keys below", || {
        keys_of(|section| {
            let _ = log(section, &Surroundings::default());
        })
    }),
    "",
    "What hupd says of its work, and where",
);
static HISTORY: KeyOf<Table> = KeyOf::new(
    "history",
    Table("[history] and its keys below", || {
        keys_of(|section| {
            let _ = history(section);
        })
    }),
    "",
    "What is kept of runs; it goes when either bound is reached",
);

pub(super) static TIMEZONE: KeyOf<Like> = KeyOf::new(
    "timezone",
    Like(zones::schema),
    "",
    "The time zone of schedules, a name of the tz database; by default the system's, for a job that of [daemon]",
);
static MAX_RUNNING: KeyOf<Count> = KeyOf::new(
    "max_running",
    Count(1..=100_000),
    "256",
    "Runs at the same time, over all jobs; the others wait their turn",
);
static CATCH_UP_LIMIT: KeyOf<Count> = KeyOf::new(
    "catch_up_limit",
    Count(1..=100_000),
    "4",
    "Of these, runs that make up for what is late",
);
static GRACE: KeyOf<Time> = KeyOf::new(
    "grace",
    Time::ANY,
    "\"30s\"",
    "How long a stop waits for runs before it ends them",
);
static WATCH_CONFIG: KeyOf<By<bool>> = KeyOf::new(
    "watch_config",
    FLAG,
    "false",
    "Reload by itself when these files change",
);
static ORPHANS: KeyOf<Choice<Orphans>> = KeyOf::new(
    "orphans",
    Choice::new(),
    "\"leave\"",
    "What becomes of processes that a hupd which was killed has left running",
);
static ON_INVALID_START: KeyOf<Choice<OnInvalidStart>> = KeyOf::new(
    "on_invalid_start",
    Choice::new(),
    "\"refuse\"",
    "What a start does about a file that is not valid: \"last-good\" takes the files that were accepted last",
);
static STATE_DIR: KeyOf<By<PathBuf>> = KeyOf::new(
    "state_dir",
    PATH,
    "",
    "The folder of the history; fixed while hupd runs",
);
static RUNTIME_DIR: KeyOf<By<PathBuf>> = KeyOf::new(
    "runtime_dir",
    PATH,
    "",
    "The folder of the socket and the pid file; fixed while hupd runs",
);

static LEVEL: KeyOf<By<String>> = KeyOf::new(
    "level",
    By(typed::log_filter, typed::log_filter_schema),
    "\"info\"",
    "What is logged: error, warn, info, debug, trace, off, or a filter such as \"warn,hupd::engine=debug\"",
);
static FILE: KeyOf<By<PathBuf>> =
    KeyOf::new("file", PATH, "", "The log file; without it, standard error");
static FORMAT: KeyOf<Choice<LogFormat>> =
    KeyOf::new("format", Choice::new(), "\"text\"", "How lines look");

static KEEP: KeyOf<Time> = KeyOf::new(
    "keep",
    Time::at_least(Duration::from_secs(1)),
    "\"90d\"",
    "How long the records of a run are kept",
);
static KEEP_RUNS: KeyOf<Count> = KeyOf::new(
    "keep_runs",
    Count(1..=MOST_RUNS),
    "1000",
    "How many runs of each job are kept",
);
static OUTPUT: KeyOf<Size> = KeyOf::new(
    "output",
    Size(1 << 10..=64 << 20),
    "\"256KiB\"",
    "How much output of each run is kept: half of it from the beginning, half from the end",
);

/// Everything outside jobs.
#[derive(Debug)]
pub(super) struct Settings {
    pub daemon: Daemon,
    /// Where the file says it; none where it does not.
    pub max_running_at: Option<Range<usize>>,
    pub log: Log,
    pub history: History,
}

impl Settings {
    pub fn read(top: &mut Section<'_, '_>, zones: &mut Zones, surroundings: &Surroundings) -> Self {
        let table = top.take_table(&DAEMON);
        let mut section = top.inside(Title::Section("daemon"), table);
        let daemon = daemon(&mut section, zones, surroundings);
        let max_running_at = section.value_at("max_running");
        section.finish();
        let table = top.take_table(&LOG);
        let mut section = top.inside(Title::Section("log"), table);
        let log = log(&mut section, surroundings);
        section.finish();
        let table = top.take_table(&HISTORY);
        let mut section = top.inside(Title::Section("history"), table);
        let history = history(&mut section);
        section.finish();
        Self {
            daemon,
            max_running_at,
            log,
            history,
        }
    }
}

fn daemon(section: &mut Section<'_, '_>, zones: &mut Zones, surroundings: &Surroundings) -> Daemon {
    let max_running = section.take(&MAX_RUNNING);
    let catch_up_limit = section.take(&CATCH_UP_LIMIT);
    let state_dir = state_dir(section, surroundings);
    Daemon {
        timezone: timezone(section, zones, surroundings),
        max_running: max_running
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(256),
        catch_up_limit: catch_up_limit
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(4),
        grace: section.take(&GRACE).unwrap_or(Duration::from_secs(30)),
        watch_config: section.take(&WATCH_CONFIG).unwrap_or(false),
        orphans: section.take(&ORPHANS).unwrap_or(Orphans::Leave),
        on_invalid_start: section
            .take(&ON_INVALID_START)
            .unwrap_or(OnInvalidStart::Refuse),
        runtime_dir: runtime_dir(section, surroundings, &state_dir),
        state_dir,
    }
}

/// The system's own zone is only asked for where the file names none.
fn timezone(section: &mut Section<'_, '_>, zones: &mut Zones, surroundings: &Surroundings) -> Zone {
    let written = section.take_by(&TIMEZONE, |item| zones::zone(item, zones));
    if let Some(zone) = written {
        return zone;
    }
    if section.key_at("timezone").is_some() {
        return Zone::utc();
    }
    let system = zones.system(surroundings.timezone.as_deref());
    system.unwrap_or_else(|ZoneError(message)| {
        let message = format!("[daemon] timezone: the system's own cannot be used: {message}");
        let help = "write timezone = \"Europe/Berlin\" or another one below [daemon]";
        section.push(Finding::error(message).help(help).absent());
        Zone::utc()
    })
}

fn state_dir(section: &mut Section<'_, '_>, surroundings: &Surroundings) -> PathBuf {
    let written = section.take(&STATE_DIR);
    if let Some(path) = written.or_else(|| surroundings.state_dir()) {
        return path;
    }
    if section.key_at("state_dir").is_none() {
        let message =
            "[daemon] state_dir: no default, for neither $XDG_STATE_HOME nor $HOME is set";
        let help = "write state_dir = \"/path/to/a/folder\" below [daemon]";
        section.push(Finding::error(message).help(help).absent());
    }
    // Never used: the configuration is refused.
    PathBuf::from("/")
}

fn runtime_dir(
    section: &mut Section<'_, '_>,
    surroundings: &Surroundings,
    state_dir: &Path,
) -> PathBuf {
    let written = section.take(&RUNTIME_DIR);
    let path = written.unwrap_or_else(|| surroundings.runtime_dir(state_dir));
    let socket = path.join(SOCKET_NAME);
    let length = socket.as_os_str().as_bytes().len();
    if length > LONGEST_SOCKET {
        let socket = visible(&socket.to_string_lossy());
        let mut finding = Finding::error(format!(
            "[daemon] runtime_dir: the socket '{socket}' would have a path of {length} bytes"
        ));
        finding.at = section.value_at("runtime_dir");
        let help = format!("write a shorter one: {LONGEST_SOCKET} bytes are possible");
        section.push(finding.help(help));
    }
    path
}

fn log(section: &mut Section<'_, '_>, surroundings: &Surroundings) -> Log {
    let file = section.take(&FILE);
    if let Some(path) = &file {
        check_log_file(section, path, surroundings);
    }
    Log {
        level: section.take(&LEVEL).unwrap_or_else(|| "info".to_owned()),
        file,
        format: section.take(&FORMAT).unwrap_or(LogFormat::Text),
    }
}

fn history(section: &mut Section<'_, '_>) -> History {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let output = section.take(&OUTPUT);
    History {
        keep: section.take(&KEEP).unwrap_or(90 * DAY),
        keep_runs: section.take(&KEEP_RUNS).unwrap_or(1000),
        output: output
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(256 << 10),
    }
}

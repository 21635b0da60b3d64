//! `[daemon]`, `[log]` and `[history]`.

use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::finding::Finding;
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
        let table = top.take_table("daemon", "[daemon] and its keys below");
        let mut section = top.inside(Title::Section("daemon"), table);
        let daemon = daemon(&mut section, zones, surroundings);
        let max_running_at = section.value_at("max_running");
        section.finish();
        let table = top.take_table("log", "[log] and its keys below");
        let mut section = top.inside(Title::Section("log"), table);
        let log = log(&mut section);
        section.finish();
        let table = top.take_table("history", "[history] and its keys below");
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
    let max_running = section.take("max_running", |item| typed::count(item, 1..=100_000));
    let catch_up_limit = section.take("catch_up_limit", |item| typed::count(item, 1..=100_000));
    let state_dir = state_dir(section, surroundings);
    Daemon {
        timezone: timezone(section, zones),
        max_running: max_running
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(256),
        catch_up_limit: catch_up_limit
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(4),
        grace: section
            .take("grace", typed::duration)
            .unwrap_or(Duration::from_secs(30)),
        watch_config: section.take("watch_config", typed::flag).unwrap_or(false),
        orphans: section
            .take("orphans", typed::choice)
            .unwrap_or(Orphans::Leave),
        on_invalid_start: section
            .take("on_invalid_start", typed::choice)
            .unwrap_or(OnInvalidStart::Refuse),
        runtime_dir: runtime_dir(section, surroundings, &state_dir),
        state_dir,
    }
}

/// The system's own zone is only asked for where the file names none.
fn timezone(section: &mut Section<'_, '_>, zones: &mut Zones) -> Zone {
    let written = section.take("timezone", |item| zones::zone(item, zones));
    if let Some(zone) = written {
        return zone;
    }
    if section.key_at("timezone").is_some() {
        return Zone::utc();
    }
    Zone::system().unwrap_or_else(|ZoneError(message)| {
        let message = format!("[daemon] timezone: the system's own cannot be used: {message}");
        let help = "write timezone = \"Europe/Berlin\" or another one below [daemon]";
        section.push(Finding::error(message).help(help).absent());
        Zone::utc()
    })
}

fn state_dir(section: &mut Section<'_, '_>, surroundings: &Surroundings) -> PathBuf {
    let written = section.take("state_dir", typed::path);
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
    let written = section.take("runtime_dir", typed::path);
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

fn log(section: &mut Section<'_, '_>) -> Log {
    Log {
        level: section
            .take("level", typed::log_filter)
            .unwrap_or_else(|| "info".to_owned()),
        file: section.take("file", typed::path),
        format: section
            .take("format", typed::choice)
            .unwrap_or(LogFormat::Text),
    }
}

fn history(section: &mut Section<'_, '_>) -> History {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let output = section.take("output", |item| typed::size(item, 1 << 10..=64 << 20));
    History {
        keep: section
            .take("keep", |item| {
                typed::duration_of_at_least(item, Duration::from_secs(1))
            })
            .unwrap_or(90 * DAY),
        keep_runs: section
            .take("keep_runs", |item| typed::count(item, 1..=MOST_RUNS))
            .unwrap_or(1000),
        output: output
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(256 << 10),
    }
}

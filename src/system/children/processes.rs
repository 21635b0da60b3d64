//! The processes of this machine, as /proc lists them.

use std::fs::{self, DirEntry, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, geteuid, test_kill_process};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) is_alive: bool,
    /// When it began, since the boot; to the hundredth of a second, rounded down.
    pub(super) began: Duration,
}

/// What the kernel counts in where it speaks to programs: `USER_HZ`, on all machines that Rust's tier 1 names.
const TICKS_PER_SECOND: u64 = 100;

impl Process {
    pub(super) fn had_begun(&self, by: Duration) -> bool {
        self.began <= by
    }
}

/// Which boot of the machine this is, and which of its pid namespaces: elsewhere the same number is another process.
/// The first half of the boot id, which is random.
pub(super) fn boot() -> Option<u64> {
    let namespace = fs::metadata("/proc/self/ns/pid").ok()?.ino();
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    // SQLite has no numbers above 2^63.
    u64::from_str_radix(digits.get(..16)?, 16)
        .ok()
        .map(|boot| (boot ^ namespace) >> 1)
}

/// The process of this number, alive or not. An error where that cannot be known now.
pub(super) fn look(pid: i32) -> io::Result<Option<Process>> {
    match look_at(pid, Path::new(&format!("/proc/{pid}"))) {
        Err(error) if is_want(&error) => Err(error),
        // There is no /proc, or it shows only some: see `hidepid` in proc(5).
        Err(_) if is_there(pid) => Err(io::Error::other("/proc does not show it")),
        Err(_) => Ok(None),
        process => process,
    }
}

/// Whether there is no such process any more, or only what its parent has not reaped.
pub(in crate::system) fn is_gone(pid: i32) -> bool {
    look(pid).is_ok_and(|process| process.is_none_or(|process| !process.is_alive))
}

/// Whether any process has this number, in sight or not.
fn is_there(pid: i32) -> bool {
    let tested = Pid::from_raw(pid).map(test_kill_process);
    tested.is_some_and(|tested| tested != Err(Errno::SRCH))
}

/// Whether /proc shows those of others. An ordinary user has started none.
pub(super) fn shows_others() -> bool {
    !geteuid().is_root() || look(1).is_ok()
}

/// The children of this process that have ended and are not reaped.
pub(super) fn ended_children() -> Vec<i32> {
    let parent = std::process::id();
    // What cannot be seen now is seen when the next one ends.
    let ended = all()
        .unwrap_or_default()
        .into_iter()
        .filter(|process| !process.is_alive && u32::try_from(process.parent) == Ok(parent));
    ended.map(|process| process.pid).collect()
}

/// Of those that /proc lists now.
pub(in crate::system) fn numbers_in_sight() -> impl Iterator<Item = i32> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    folders.filter_map(|folder| number_of(&folder))
}

fn number_of(folder: &DirEntry) -> Option<i32> {
    folder.file_name().to_str()?.parse().ok()
}

/// An error for want of files or memory: half a list would be taken for the whole.
pub(super) fn all() -> io::Result<Vec<Process>> {
    let folders = match fs::read_dir("/proc") {
        Err(error) if is_want(&error) => return Err(error),
        folders => folders.into_iter().flatten().flatten(),
    };
    let mut found = Vec::new();
    for folder in folders {
        let Some(pid) = number_of(&folder) else {
            continue;
        };
        match look_at(pid, &folder.path()) {
            Err(error) if is_want(&error) => return Err(error),
            process => found.extend(process.ok().flatten()),
        }
    }
    Ok(found)
}

fn is_want(error: &io::Error) -> bool {
    let wants = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| wants.contains(&errno))
}

fn look_at(pid: i32, folder: &Path) -> io::Result<Option<Process>> {
    let mut line = [0; 1024];
    let length = File::open(folder.join("stat"))?.read(&mut line)?;
    Ok(parse(pid, &line[..length]))
}

/// See proc_pid_stat(5). The name is in brackets, and may itself contain any.
fn parse(pid: i32, line: &[u8]) -> Option<Process> {
    let end_of_name = line.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(&line[end_of_name + 1..]).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let threads: u32 = fields.get(17)?.parse().ok()?;
    let ticks: u64 = fields.get(19)?.parse().ok()?;
    Some(Process {
        pid,
        parent: fields[1].parse().ok()?,
        group: fields[2].parse().ok()?,
        // A first thread that has ended looks dead while other threads of the process go on.
        is_alive: !matches!(fields[0], "Z" | "X" | "x") || threads > 1,
        began: Duration::from_millis(ticks.saturating_mul(1000 / TICKS_PER_SECOND)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = "0 -1 4194560 1 2 3 4 5 6 7 8 20 0";

    fn process(state: &str, threads: u32) -> Option<Process> {
        let line = format!("42 (a) b (c) {state} 7 40 40 {REST} {threads} 0 99");
        parse(42, line.as_bytes())
    }

    #[test]
    fn a_name_may_look_like_anything() {
        let expected = Process {
            pid: 42,
            parent: 7,
            group: 40,
            is_alive: true,
            began: Duration::from_millis(990),
        };
        assert_eq!(process("S", 1), Some(expected));
        assert_eq!(parse(42, b"42 (half a line) S 7"), None);
    }

    #[test]
    fn what_is_there_is_in_sight_here() {
        let pid = std::process::id();
        let pid = i32::try_from(pid).unwrap();
        assert!(is_there(pid) && !is_there(i32::MAX));
        assert_eq!(look(pid).unwrap().unwrap().pid, pid);
        assert_eq!(look(i32::MAX).unwrap(), None);
    }

    #[test]
    fn a_zombie_is_dead_unless_one_of_its_threads_lives() {
        assert!(!process("Z", 1).unwrap().is_alive);
        assert!(process("Z", 3).unwrap().is_alive);
    }
}

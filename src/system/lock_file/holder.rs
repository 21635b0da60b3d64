//! Who has a lock that was refused.
//!
//! A process that was being started when its hupd ended has the locks of that one until its program is loaded. A
//! start that hangs may so keep the next hupd out for long, and rightly: see `system::raw`.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::str::SplitAsciiWhitespace;

use crate::system::children::{is_gone, numbers_in_sight};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A hupd that runs, and its number, as far as can be told.
    Hupd(Option<i32>),
    /// A process that was being started when its hupd ended; that one's number is `of`.
    HalfBorn { process: i32, of: i32 },
    /// Nobody in sight, and the hupd that wrote its number there is not in sight either.
    OutOfSight(i32),
}

impl Holder {
    pub(super) fn of(file: &File) -> Self {
        let written = read_pid(file);
        match (in_sight(file), written) {
            (Some(lock), _) if !is_gone(lock.taken_by) => Self::Hupd(Some(lock.taken_by)),
            (Some(lock), of) => Self::HalfBorn {
                process: lock.process,
                of: of.unwrap_or(lock.taken_by),
            },
            (None, Some(of)) if is_gone(of) => Self::OutOfSight(of),
            (None, pid) => Self::Hupd(pid),
        }
    }
}

fn read_pid(file: &File) -> Option<i32> {
    let mut text = [0; 32];
    let length = file.read_at(&mut text, 0).ok()?;
    let digits = str::from_utf8(&text[..length]).ok()?.trim();
    digits.parse().ok().filter(|&pid| pid > 0)
}

/// A lock that a process has.
struct Lock {
    process: i32,
    /// It passes on to the children of whoever took it.
    taken_by: i32,
}

/// The lock on this file, where we may see who has it. No file of another process is asked: one whose file system is
/// gone would never answer.
fn in_sight(file: &File) -> Option<Lock> {
    let name = name(file)?;
    numbers_in_sight().find_map(|process| {
        let about = Path::new("/proc").join(process.to_string()).join("fdinfo");
        let mut open = fs::read_dir(about).ok()?.flatten();
        let taken_by =
            open.find_map(|open| taken_by(&fs::read_to_string(open.path()).ok()?, &name))?;
        Some(Lock { process, taken_by })
    })
}

/// As the kernel names it where it is locked. The device is that of its mount: of a file on btrfs or an overlay stat(2)
/// tells another.
fn name(file: &File) -> Option<String> {
    let about = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).ok()?;
    let value = |key| about.lines().find_map(|line| line.strip_prefix(key));
    // Some kernels do not tell the second one.
    let inode = || file.metadata().ok().map(|file| file.ino().to_string());
    let mount = value("mnt_id:")?.trim();
    let inode = value("ino:")
        .map(|told| told.trim().to_owned())
        .or_else(inode)?;
    let (major, minor) = device(mount)?;
    Some(format!("{major:02x}:{minor:02x}:{inode}"))
}

/// Of the mount with this number: see proc_pid_mountinfo(5).
fn device(mount: &str) -> Option<(u32, u32)> {
    let mounts = fs::read("/proc/self/mountinfo").ok()?;
    let mounts = String::from_utf8_lossy(&mounts);
    let device = mounts.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next()? == mount).then(|| words.nth(1))?
    })?;
    let (major, minor) = device.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// `lock:  1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF`, see proc_pid_fdinfo(5).
fn taken_by(about: &str, name: &str) -> Option<i32> {
    let lines = about.lines().map(str::split_ascii_whitespace);
    let pid = |mut words: SplitAsciiWhitespace<'_>| match (words.next()?, words.nth(1)?) {
        ("lock:", "FLOCK") => {
            let pid = words.nth(2)?;
            (words.next()? == name).then(|| pid.parse().ok())?
        }
        _ => None,
    };
    // Who took it in another namespace has no number in this one.
    lines.filter_map(pid).find(|&pid| pid > 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn who_took_the_lock_of_this_file_is_in_the_fifth_column() {
        let taken_by = |about: &str| taken_by(about, "08:01:1234");
        let about = "pos:\t5\nflags:\t02100002\nmnt_id:\t25\nino:\t1234\n\
                     lock:\t1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF\n";
        assert_eq!(taken_by(about), Some(4711));
        assert_eq!(taken_by(&about.replace("4711", "0")), None);
        assert_eq!(taken_by(&about.replace("FLOCK", "POSIX")), None);
        for other in ["08:01:1235", "08:02:1234"] {
            assert_eq!(taken_by(&about.replace("08:01:1234", other)), None);
        }
        assert_eq!(taken_by("pos:\t0\nlock:\n"), None);
    }

    #[test]
    fn a_number_that_makes_no_sense_is_not_named() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"-1\n").unwrap();
        assert_eq!(read_pid(&file), None);
    }
}

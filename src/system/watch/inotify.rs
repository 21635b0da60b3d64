//! The watches of the kernel on folders of which only names count: see inotify(7). The crate notify asks for every open
//! and write as well, and each program that starts opens a file in /etc.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

use super::error::WatchError;
use super::sights::Sight;

/// Which names come and go, and which have another owner or mode. Not when a file is opened, read or written.
const NAMES: WatchFlags = WatchFlags::MASK_ADD
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);

/// Events of one look: who makes files in /tmp as fast as they are read keeps nobody at it.
const MOST_AT_ONCE: usize = 256;

#[derive(Debug)]
pub(super) struct Inotify {
    descriptor: OwnedFd,
    /// By the kernel's number of the watch. A folder may have several paths, where it is mounted twice.
    folders: BTreeMap<i32, Vec<PathBuf>>,
}

impl Inotify {
    pub fn new() -> Result<Self, WatchError> {
        let descriptor = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .map_err(|error| WatchError::of(error, Path::new("inotify")))?;
        Ok(Self {
            descriptor,
            folders: BTreeMap::new(),
        })
    }

    /// Watches these and nothing else: new watches first, so that no moment goes unwatched. All are tried, and the
    /// first failure is told.
    pub fn watch<'f>(&mut self, folders: impl Iterator<Item = &'f Path>) -> Result<(), WatchError> {
        let before = std::mem::take(&mut self.folders);
        let mut result = Ok(());
        for folder in folders {
            // Also where it is watched: there may be another folder of that name now.
            match inotify::add_watch(&self.descriptor, folder, NAMES) {
                Ok(watch) => self
                    .folders
                    .entry(watch)
                    .or_default()
                    .push(folder.to_owned()),
                Err(error) => result = result.and(Err(WatchError::of(error, folder))),
            }
        }
        for watch in before.keys() {
            if !self.folders.contains_key(watch) {
                // The folder may be gone already, and its watch with it.
                let _ = inotify::remove_watch(&self.descriptor, *watch);
            }
        }
        result
    }

    /// What has happened since the last look; not all of it where that is very much, and then there is more to be read.
    /// Waits for nothing.
    pub fn look(&self) -> Vec<Sight> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.descriptor, &mut buffer);
        let mut sights = Vec::new();
        let mut left = MOST_AT_ONCE;
        // What is in the buffer has left the queue of the kernel.
        while left > 0 || !reader.is_buffer_empty() {
            match reader.next() {
                Ok(event) => self.note(&event, &mut sights),
                Err(Errno::AGAIN | Errno::INTR) => break,
                Err(_) => return vec![Sight::Missed],
            }
            left = left.saturating_sub(1);
        }
        sights
    }

    fn note(&self, event: &inotify::Event<'_>, sights: &mut Vec<Sight>) {
        let what = event.events();
        if what.contains(ReadFlags::QUEUE_OVERFLOW) {
            sights.push(Sight::Missed);
        }
        // The watch is gone, which something else has told before.
        if what.contains(ReadFlags::IGNORED) {
            return;
        }
        let name = event
            .file_name()
            .map(|name| OsStr::from_bytes(name.to_bytes()));
        for folder in self.folders.get(&event.wd()).into_iter().flatten() {
            let path = name.map_or_else(|| folder.clone(), |name| folder.join(name));
            sights.push(Sight::Changed(path));
        }
    }
}

impl AsFd for Inotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn who_makes_many_files_keeps_nobody_looking_and_no_name_is_lost() {
        const MANY: usize = 1000;
        let folder = tempfile::tempdir().unwrap();
        let mut inotify = Inotify::new().unwrap();
        inotify.watch(std::iter::once(folder.path())).unwrap();
        for number in 0..MANY {
            fs::create_dir(folder.path().join(number.to_string())).unwrap();
        }
        let looks = std::iter::repeat_with(|| inotify.look().len());
        let seen: Vec<_> = looks.take_while(|seen| *seen > 0).collect();
        assert!(seen[0] < 2 * MOST_AT_ONCE, "{seen:?}");
        assert_eq!(seen.iter().sum::<usize>(), MANY);
    }
}

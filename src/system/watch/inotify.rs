//! The watches of the kernel on folders: see inotify(7). Knows folders and names, not which of them matter.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

use super::error::WatchError;

/// What is told of a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Attention {
    /// Which names come and go, and which have another owner or mode: everybody writes files in folders such as /tmp.
    #[default]
    Names,
    /// Also that somebody writes into a file.
    Contents,
}

impl Attention {
    /// Not when a file is opened or read, as hupd itself does. A new owner or mode counts, for it may be what a refused
    /// file was waiting for.
    fn flags(self) -> WatchFlags {
        // Added to what the same folder is watched for under another name.
        let names = WatchFlags::MASK_ADD
            | WatchFlags::ONLYDIR
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF;
        match self {
            Self::Names => names,
            Self::Contents => names | WatchFlags::MODIFY | WatchFlags::CLOSE_WRITE,
        }
    }
}

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// What is there under this name is not what it was; what was written into a file counts when its writer has
    /// closed it.
    Changed(PathBuf),
    /// Somebody writes into it, and has not closed it.
    Written(PathBuf),
    /// Anything: it was too much to be told.
    Missed,
}

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
    pub fn watch<'f>(
        &mut self,
        folders: impl Iterator<Item = (&'f Path, Attention)>,
    ) -> Result<(), WatchError> {
        let before = std::mem::take(&mut self.folders);
        let mut result = Ok(());
        for (folder, attention) in folders {
            // Also where it is watched: there may be another folder of that name now.
            match inotify::add_watch(&self.descriptor, folder, attention.flags()) {
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

    /// What has happened since the last look. Waits for nothing.
    pub fn look(&self) -> Vec<Sight> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.descriptor, &mut buffer);
        let mut sights = Vec::new();
        loop {
            match reader.next() {
                Ok(event) => self.note(&event, &mut sights),
                Err(Errno::AGAIN | Errno::INTR) => return sights,
                Err(_) => return vec![Sight::Missed],
            }
        }
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
            sights.push(match what.contains(ReadFlags::MODIFY) {
                true => Sight::Written(path),
                false => Sight::Changed(path),
            });
        }
    }
}

impl AsFd for Inotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

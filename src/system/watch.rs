//! Waits for a burst of file changes to end, then says so. Knows paths and times, not jobs.
//!
//! Directories are watched, never files: editors and config maps save by renaming something over
//! the file, and a watch on the file would follow the old one away. The raw watcher only: a
//! debouncer's thread ticks for ever, this one sleeps until something happens.

mod error;
mod places;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

pub use self::error::WatchError;
use self::places::{Identity, Places};
use crate::clock::Moment;
use crate::event::{Event, Outbox};

/// So long must it be quiet before a burst is over…
const QUIET: Duration = Duration::from_millis(200);
/// …but a burst that never ends is told after this.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells [`Event::FilesChanged`] when what it follows has changed and is quiet again. Dropping it
/// ends its thread.
#[derive(Debug)]
pub struct ConfigWatch {
    notes: mpsc::Sender<Note>,
}

#[derive(Debug)]
enum Note {
    Changed(notify::Result<notify::Event>),
    Follow(Vec<PathBuf>, mpsc::Sender<Result<(), WatchError>>),
    End,
}

impl ConfigWatch {
    /// Starts watching, nothing yet.
    pub fn start(outbox: Outbox) -> Result<Self, WatchError> {
        let (notes, inbox) = mpsc::channel();
        let changes = notes.clone();
        let note_change = move |change: notify::Result<notify::Event>| {
            if change.as_ref().is_ok_and(|event| !is_trigger(event)) {
                return;
            }
            // It fails only while the watch is being dropped.
            let _ = changes.send(Note::Changed(change));
        };
        let watcher = RecommendedWatcher::new(note_change, notify::Config::default())
            .map_err(|error| WatchError::from_notify(error, Path::new("inotify")))?;
        let follower = Follower {
            watcher,
            notes: inbox,
            files: Vec::new(),
            places: Places::default(),
            watched: BTreeMap::new(),
        };
        thread::Builder::new()
            .name("watch".into())
            .spawn(move || follower.run(&outbox))
            .map_err(WatchError::Thread)?;
        Ok(Self { notes })
    }

    /// Follows these and nothing else from now on: the main file first, then files and folders that
    /// it includes. On failure it goes on following what it followed before.
    pub fn follow(&mut self, files: &[PathBuf]) -> Result<(), WatchError> {
        let (reply, answer) = mpsc::channel();
        self.notes
            .send(Note::Follow(files.to_vec(), reply))
            .expect("the thread lives until the watch is dropped");
        answer.recv().expect("the thread answers what it was asked")
    }
}

impl Drop for ConfigWatch {
    fn drop(&mut self) {
        let _ = self.notes.send(Note::End);
    }
}

/// Whether something is different afterwards. Not when a file was merely opened or read, as hupd
/// itself does, and not while it is being written: only when the writer has closed it. A new owner or
/// mode counts, for it may be what a refused file was waiting for.
fn is_trigger(event: &notify::Event) -> bool {
    event.need_rescan()
        || match event.kind {
            EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
            EventKind::Modify(modify) => {
                matches!(modify, ModifyKind::Name(_) | ModifyKind::Metadata(_))
            }
            EventKind::Create(_) | EventKind::Remove(_) => true,
            EventKind::Any | EventKind::Other => false,
        }
}

/// Whether to go on watching.
#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    End,
}

/// The thread's own: the one place that adds and removes watches.
struct Follower {
    watcher: RecommendedWatcher,
    notes: Receiver<Note>,
    files: Vec<PathBuf>,
    places: Places,
    /// The folders under watch, and which ones they were at that time.
    watched: BTreeMap<PathBuf, Option<Identity>>,
}

impl Follower {
    fn run(mut self, outbox: &Outbox) {
        while let Ok(note) = self.notes.recv() {
            let is_change = matches!(&note, Note::Changed(change) if self.concerns_us(change));
            if self.handle(note) == Then::End {
                return;
            }
            if !is_change {
                continue;
            }
            if self.settle() == Then::End {
                return;
            }
            self.look_again();
            if outbox.send(Event::FilesChanged).is_err() {
                return;
            }
        }
    }

    fn handle(&mut self, note: Note) -> Then {
        match note {
            Note::End => return Then::End,
            Note::Changed(_) => {}
            Note::Follow(files, reply) => {
                // Whoever asked may be gone; the watches are right all the same.
                let _ = reply.send(self.follow(files));
            }
        }
        Then::GoOn
    }

    /// Errors and overflows may hide anything, so they concern us too.
    fn concerns_us(&self, change: &notify::Result<notify::Event>) -> bool {
        match change {
            Ok(event) if event.need_rescan() => true,
            Ok(event) => event.paths.iter().any(|path| self.places.concern(path)),
            Err(_) => true,
        }
    }

    /// Waits until the burst is over.
    fn settle(&mut self) -> Then {
        let latest_end = Moment::now().elapsed + PATIENCE;
        let mut end = Moment::now().elapsed + QUIET;
        loop {
            let left = end.min(latest_end).saturating_sub(Moment::now().elapsed);
            match self.notes.recv_timeout(left) {
                Ok(note) => {
                    if matches!(&note, Note::Changed(change) if self.concerns_us(change)) {
                        end = Moment::now().elapsed + QUIET;
                    }
                    if self.handle(note) == Then::End {
                        return Then::End;
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Then::GoOn,
                Err(RecvTimeoutError::Disconnected) => return Then::End,
            }
        }
    }

    /// Folders may have been replaced and links turned. The watches are put right before the change
    /// is told, so that what happens while the files are read is seen as well.
    fn look_again(&mut self) {
        if let Err(error) = self.follow(self.files.clone()) {
            log::warn!("{error}; changes there go unseen until the next reload");
        }
    }

    /// New watches first, so that no moment goes unwatched and a failure changes nothing.
    fn follow(&mut self, files: Vec<PathBuf>) -> Result<(), WatchError> {
        let places = Places::of(&files);
        let mut added: Vec<&Path> = Vec::new();
        for folder in places.folders() {
            if let Err(error) = self.add(folder) {
                added.into_iter().for_each(|folder| self.remove(folder));
                return Err(error);
            }
            if !self.watched.contains_key(folder) {
                added.push(folder);
            }
        }
        let before = std::mem::take(&mut self.watched);
        for folder in before.keys().filter(|folder| !places.watches(folder)) {
            self.remove(folder);
        }
        self.watched = places
            .folders()
            .map(|folder| (folder.to_owned(), Identity::of(folder)))
            .collect();
        self.places = places;
        self.files = files;
        Ok(())
    }

    fn add(&mut self, folder: &Path) -> Result<(), WatchError> {
        let before = self.watched.get(folder);
        if before.is_some_and(|before| *before != Identity::of(folder)) {
            // Another folder of the same name: the old watch would report from the wrong one.
            self.remove(folder);
        }
        // Also where it is watched: a watch is lost with its folder, and adding twice is harmless.
        self.watcher
            .watch(folder, RecursiveMode::NonRecursive)
            .map_err(|error| WatchError::from_notify(error, folder))
    }

    /// The folder may be gone already, and its watch with it.
    fn remove(&mut self, folder: &Path) {
        let _ = self.watcher.unwatch(folder);
    }
}

#[cfg(test)]
mod tests;

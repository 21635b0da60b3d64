//! What inotify tells of the followed files: the one place that adds and removes watches.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::Note;
use super::error::WatchError;
use super::filesystem;
use super::places::{Identity, Places};
use crate::protocol::Watching;

/// Something was seen, or seeing failed.
pub(super) type Sight = notify::Result<notify::Event>;

pub(super) struct Sights {
    notes: Sender<Note>,
    /// None where there is no more to be had.
    watcher: Option<RecommendedWatcher>,
    places: Places,
    /// The folders under watch, and which ones they were at that time.
    watched: BTreeMap<PathBuf, Option<Identity>>,
    /// Files that somebody has written into, and not closed since.
    being_written: BTreeSet<PathBuf>,
}

impl Sights {
    pub fn new(notes: Sender<Note>) -> Self {
        Self {
            notes,
            watcher: None,
            places: Places::default(),
            watched: BTreeMap::new(),
            being_written: BTreeSet::new(),
        }
    }

    /// Watches the folders that tell of these files. What cannot be watched makes it worse, and the rest is watched.
    pub fn follow(&mut self, files: &[PathBuf]) -> Watching {
        let places = Places::of(files);
        let watched = self.watch(&places);
        self.places = places;
        match watched {
            Ok(()) => Watching::Healthy,
            Err(error) => Watching::Degraded {
                reason: error.to_string(),
            },
        }
    }

    /// Whether something that concerns us is different afterwards. Errors and overflows may hide anything, so they
    /// concern us too.
    pub fn is_change(&mut self, sight: Sight) -> bool {
        let Ok(event) = sight else {
            return true;
        };
        let is_data = matches!(event.kind, EventKind::Modify(ModifyKind::Data(_)));
        let paths = event.paths.iter().filter(|path| self.places.concern(path));
        let paths: Vec<_> = paths.cloned().collect();
        for path in &paths {
            match is_data {
                true => self.being_written.insert(path.clone()),
                false => self.being_written.remove(path),
            };
        }
        event.need_rescan() || (!is_data && !paths.is_empty())
    }

    pub fn is_being_written(&self) -> bool {
        !self.being_written.is_empty()
    }

    /// Whoever writes for so long is not waited for again.
    pub fn forget_writers(&mut self) {
        self.being_written.clear();
    }

    /// New watches first, so that no moment goes unwatched. The first failure is told.
    fn watch(&mut self, places: &Places) -> Result<(), WatchError> {
        let mut watcher = match self.watcher.take() {
            Some(watcher) => watcher,
            None => watcher(self.notes.clone())?,
        };
        let mut result = Ok(());
        let mut before = std::mem::take(&mut self.watched);
        for folder in places.folders() {
            let identity = Identity::of(folder);
            let known = before.remove(folder);
            if known.is_some_and(|known| known != identity) {
                // Another folder of the same name: the old watch would report from the wrong one.
                let _ = watcher.unwatch(folder);
            }
            match add(&mut watcher, folder) {
                Ok(()) => {
                    self.watched.insert(folder.to_owned(), identity);
                }
                Err(error) => result = result.and(Err(error)),
            }
        }
        for folder in before.keys() {
            // It may be gone already, and its watch with it.
            let _ = watcher.unwatch(folder);
        }
        self.watcher = Some(watcher);
        result
    }
}

fn watcher(notes: Sender<Note>) -> Result<RecommendedWatcher, WatchError> {
    let note = move |sight: Sight| {
        if sight.as_ref().is_ok_and(|event| !tells(event)) {
            return;
        }
        // It fails only while the watch is being dropped.
        let _ = notes.send(Note::Seen(sight));
    };
    RecommendedWatcher::new(note, notify::Config::default())
        .map_err(|error| WatchError::from_notify(error, Path::new("inotify")))
}

fn add(watcher: &mut RecommendedWatcher, folder: &Path) -> Result<(), WatchError> {
    // Also where it is watched: a watch is lost with its folder, and adding twice is harmless.
    watcher
        .watch(folder, RecursiveMode::NonRecursive)
        .map_err(|error| WatchError::from_notify(error, folder))?;
    match filesystem::silent(folder) {
        Some(file_system) => Err(WatchError::Silent {
            folder: folder.to_owned(),
            file_system,
        }),
        None => Ok(()),
    }
}

/// Whether it tells something. Not when a file was merely opened or read, as hupd itself does. What is written counts
/// when the writer has closed it; until then it tells that one is at work. A new owner or mode counts, for it may be
/// what a refused file was waiting for.
fn tells(event: &notify::Event) -> bool {
    event.need_rescan()
        || match event.kind {
            EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
            EventKind::Modify(modify) => matches!(
                modify,
                ModifyKind::Name(_) | ModifyKind::Metadata(_) | ModifyKind::Data(_)
            ),
            EventKind::Create(_) | EventKind::Remove(_) => true,
            EventKind::Any | EventKind::Other => false,
        }
}

#[cfg(test)]
mod tests {
    use notify::event::{
        CreateKind, DataChange, Flag, MetadataKind, ModifyKind, RemoveKind, RenameMode,
    };

    use super::*;

    #[test]
    fn reading_tells_nothing() {
        let no = [
            EventKind::Access(AccessKind::Open(AccessMode::Any)),
            EventKind::Access(AccessKind::Close(AccessMode::Read)),
        ];
        let yes = [
            EventKind::Access(AccessKind::Close(AccessMode::Write)),
            EventKind::Modify(ModifyKind::Data(DataChange::Any)),
            EventKind::Modify(ModifyKind::Name(RenameMode::To)),
            EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)),
            EventKind::Create(CreateKind::File),
            EventKind::Remove(RemoveKind::File),
        ];
        assert!(!no.iter().any(|&kind| tells(&notify::Event::new(kind))));
        assert!(yes.iter().all(|&kind| tells(&notify::Event::new(kind))));
        let overflow = notify::Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert!(tells(&overflow));
    }

    #[test]
    fn half_written_data_is_no_change_before_its_writer_closes_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().canonicalize().unwrap().join("hupd.toml");
        let (notes, _inbox) = std::sync::mpsc::channel();
        let mut sights = Sights::new(notes);
        sights.follow(std::slice::from_ref(&file));
        let event = |kind| Ok(notify::Event::new(kind).add_path(file.clone()));

        let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        assert!(!sights.is_change(event(data)));
        assert!(sights.is_being_written());

        let close = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert!(sights.is_change(event(close)));
        assert!(!sights.is_being_written());
    }
}

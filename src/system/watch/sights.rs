//! What is seen of the followed files, and how well they can be seen.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::Note;
use super::error::WatchError;
use super::filesystem;
use super::inotify::Inotify;
use super::places::{Attention, Identity, Places};
use crate::protocol::Watching;
use crate::system::bell::Bell;

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// What is there under this name is not what it was; what was written into a file counts when its writer has
    /// closed it. A new owner or mode counts, for it may be what a refused file was waiting for.
    Changed(PathBuf),
    /// Somebody writes into it, and has not closed it.
    Written(PathBuf),
    /// Anything: it was too much to be told, or could not be.
    Missed,
}

/// Where the watcher of files puts what it sees.
#[derive(Clone, Debug)]
pub(super) struct Mouth {
    pub notes: Sender<Note>,
    pub bell: Arc<Bell>,
}

/// The folders of the files are watched by notify, and those on the way to them for their names alone.
#[derive(Debug)]
pub(super) struct Sights {
    mouth: Mouth,
    /// None where there is no more to be had.
    watcher: Option<RecommendedWatcher>,
    inotify: Option<Inotify>,
    places: Places,
    /// The folders of files, and which ones they were when they were watched.
    watched: BTreeMap<PathBuf, Option<Identity>>,
    /// Files that somebody has written into, and not closed since.
    being_written: BTreeSet<PathBuf>,
    silent: Silent,
}

/// Says which file system does not tell, where a folder is on one.
type Silent = fn(&Path) -> Option<&'static str>;

impl Sights {
    pub fn new(mouth: Mouth) -> Self {
        Self {
            mouth,
            watcher: None,
            inotify: None,
            places: Places::default(),
            watched: BTreeMap::new(),
            being_written: BTreeSet::new(),
            silent: filesystem::silent,
        }
    }

    /// Watches the folders that tell of these files. What cannot be watched makes it worse, and the rest is watched.
    pub fn follow(&mut self, files: &[PathBuf]) -> Watching {
        self.places = Places::of(files);
        match self.watch_files().and(self.watch_names()) {
            Ok(()) => Watching::Healthy,
            Err(error) => Watching::Degraded {
                reason: error.to_string(),
            },
        }
    }

    /// New watches first, so that no moment goes unwatched. All are tried, and the first failure is told.
    fn watch_files(&mut self) -> Result<(), WatchError> {
        let watcher = match &mut self.watcher {
            Some(watcher) => watcher,
            none => none.insert(watcher(self.mouth.clone())?),
        };
        let mut result = Ok(());
        let mut before = std::mem::take(&mut self.watched);
        for folder in folders(&self.places, Attention::Contents) {
            let identity = Identity::of(folder);
            let known = before.remove(folder);
            if known.is_some_and(|known| known != identity) {
                // Another folder of the same name: the old watch would report from the wrong one.
                let _ = watcher.unwatch(folder);
            }
            match add(watcher, folder).and_then(|()| refuse_silent(folder, self.silent)) {
                Ok(()) => drop(self.watched.insert(folder.to_owned(), identity)),
                Err(error) => result = result.and(Err(error)),
            }
        }
        for folder in before.keys() {
            // It may be gone already, and its watch with it.
            let _ = watcher.unwatch(folder);
        }
        result
    }

    fn watch_names(&mut self) -> Result<(), WatchError> {
        let inotify = match &mut self.inotify {
            Some(inotify) => inotify,
            none => none.insert(Inotify::new()?),
        };
        inotify.watch(folders(&self.places, Attention::Names))
    }

    /// Can be read from when there is something to see on the way.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Whether anything of what was seen on the way since the last look concerns us.
    pub fn saw_change(&mut self) -> bool {
        let sights = self.inotify.as_ref().map(Inotify::look);
        let mut saw = false;
        for sight in sights.unwrap_or_default() {
            saw |= self.is_change(sight);
        }
        saw
    }

    /// Whether it concerns us, and is over.
    pub fn is_change(&mut self, sight: Sight) -> bool {
        match sight {
            // It may hide anything.
            Sight::Missed => true,
            Sight::Changed(path) if self.places.concern(&path) => {
                self.being_written.remove(&path);
                true
            }
            Sight::Written(path) if self.places.concern(&path) => {
                self.being_written.insert(path);
                false
            }
            Sight::Changed(_) | Sight::Written(_) => false,
        }
    }

    pub fn is_being_written(&self) -> bool {
        !self.being_written.is_empty()
    }

    /// Whoever writes for so long is not waited for again.
    pub fn forget_writers(&mut self) {
        self.being_written.clear();
    }
}

fn folders(places: &Places, attention: Attention) -> impl Iterator<Item = &Path> {
    let folders = places.folders();
    let folders = folders.filter(move |(_, wanted)| *wanted == attention);
    folders.map(|(folder, _)| folder)
}

fn watcher(mouth: Mouth) -> Result<RecommendedWatcher, WatchError> {
    let tell = move |event: notify::Result<notify::Event>| {
        let mut any = false;
        for sight in sights(event) {
            any = true;
            // It fails only while the watch is being dropped.
            let _ = mouth.notes.send(Note::Seen(sight));
        }
        if any {
            mouth.bell.ring();
        }
    };
    RecommendedWatcher::new(tell, notify::Config::default())
        .map_err(|error| WatchError::from_notify(error, Path::new("inotify")))
}

fn add(watcher: &mut RecommendedWatcher, folder: &Path) -> Result<(), WatchError> {
    // Also where it is watched: a watch is lost with its folder, and adding twice is harmless.
    watcher
        .watch(folder, RecursiveMode::NonRecursive)
        .map_err(|error| WatchError::from_notify(error, folder))
}

/// Asked of the folders of files alone: the root of a container may be on such a file system, and what is on the way
/// hardly ever changes.
fn refuse_silent(folder: &Path, silent: Silent) -> Result<(), WatchError> {
    match silent(folder) {
        Some(file_system) => Err(WatchError::Silent {
            folder: folder.to_owned(),
            file_system,
        }),
        None => Ok(()),
    }
}

/// What it says, if anything. Nothing when a file was merely opened or read, as hupd itself does.
fn sights(event: notify::Result<notify::Event>) -> Vec<Sight> {
    let Ok(event) = event else {
        return vec![Sight::Missed];
    };
    if event.need_rescan() {
        return vec![Sight::Missed];
    }
    let sight = match event.kind {
        EventKind::Modify(ModifyKind::Data(_)) => Sight::Written,
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(_) | ModifyKind::Metadata(_))
        | EventKind::Create(_)
        | EventKind::Remove(_) => Sight::Changed,
        EventKind::Access(_) | EventKind::Modify(_) | EventKind::Any | EventKind::Other => {
            return Vec::new();
        }
    };
    event.paths.into_iter().map(sight).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write;
    use std::sync::mpsc::{self, Receiver};
    use std::time::Duration;

    use notify::event::Flag;

    use super::*;

    /// A folder with a file that is followed, and what is heard of it.
    struct Following {
        folder: tempfile::TempDir,
        file: PathBuf,
        sights: Sights,
        notes: Receiver<Note>,
    }

    fn following() -> Following {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().canonicalize().unwrap().join("hupd.toml");
        fs::write(&file, "first").unwrap();
        let (mouth, notes) = mouth();
        let mut sights = Sights::new(mouth);
        let followed = std::slice::from_ref(&file);
        assert_eq!(sights.follow(followed), Watching::Healthy);
        Following {
            folder,
            file,
            sights,
            notes,
        }
    }

    fn mouth() -> (Mouth, Receiver<Note>) {
        let (notes, inbox) = mpsc::channel();
        let bell = Arc::new(Bell::new().unwrap());
        (Mouth { notes, bell }, inbox)
    }

    fn next(notes: &Receiver<Note>) -> Sight {
        match notes.recv_timeout(Duration::from_secs(20)) {
            Ok(Note::Seen(sight)) => sight,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reading_tells_nothing_and_a_new_mode_does() {
        let following = following();
        let Following { file, notes, .. } = &following;
        fs::read(file).unwrap();
        fs::set_permissions(file, fs::metadata(file).unwrap().permissions()).unwrap();
        assert_eq!(next(notes), Sight::Changed(file.clone()));
    }

    #[test]
    fn half_written_data_is_no_change_before_its_writer_closes_it() {
        let Following {
            file,
            mut sights,
            notes,
            folder,
        } = following();
        let mut open = File::options().append(true).open(&file).unwrap();
        open.write_all(b"half").unwrap();
        assert!(!sights.is_change(next(&notes)));
        assert!(sights.is_being_written());

        drop(open);
        assert!(sights.is_change(next(&notes)));
        assert!(!sights.is_being_written());
        drop(folder);
    }

    #[test]
    fn what_others_do_in_folders_on_the_way_is_not_even_told() {
        let Following {
            folder,
            mut sights,
            notes,
            ..
        } = following();
        let above = folder.path().parent().unwrap();
        let mut other = tempfile::NamedTempFile::new_in(above).unwrap();
        assert!(!sights.saw_change());
        other.write_all(b"much").unwrap();
        let told = sights.inotify.as_ref().unwrap().look();
        let of_other = |sight: &Sight| *sight == Sight::Changed(other.path().to_owned());
        assert!(!told.iter().any(of_other), "{told:?}");
        assert!(notes.try_recv().is_err());
    }

    #[test]
    fn what_does_not_tell_counts_for_the_folder_of_a_file_and_not_above_it() {
        let mut following = following();
        let followed = std::slice::from_ref(&following.file);
        let sights = &mut following.sights;
        sights.silent = |folder| (!folder.join("hupd.toml").exists()).then_some("FUSE");
        assert_eq!(sights.follow(followed), Watching::Healthy);
        sights.silent = |folder| folder.join("hupd.toml").exists().then_some("FUSE");
        assert!(matches!(sights.follow(followed), Watching::Degraded { .. }));
    }

    #[test]
    fn what_is_missed_may_be_anything() {
        let overflow = notify::Event::new(EventKind::Other).set_flag(Flag::Rescan);
        let failure = notify::Error::generic("it failed");
        assert_eq!(sights(Ok(overflow)), [Sight::Missed]);
        assert_eq!(sights(Err(failure)), [Sight::Missed]);
        assert!(Sights::new(mouth().0).is_change(Sight::Missed));
    }
}

//! What is seen of the followed files, and how well they can be seen.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use super::error::WatchError;
use super::filesystem;
use super::inotify::{Inotify, Sight};
use super::places::Places;
use crate::protocol::Watching;

#[derive(Debug, Default)]
pub(super) struct Sights {
    /// None where there is no more to be had.
    inotify: Option<Inotify>,
    places: Places,
    /// Files that somebody has written into, and not closed since.
    being_written: BTreeSet<PathBuf>,
}

impl Sights {
    /// Watches the folders that tell of these files. What cannot be watched makes it worse, and the rest is watched.
    pub fn follow(&mut self, files: &[PathBuf]) -> Watching {
        self.places = Places::of(files);
        match self.watch() {
            Ok(()) => Watching::Healthy,
            Err(error) => Watching::Degraded {
                reason: error.to_string(),
            },
        }
    }

    fn watch(&mut self) -> Result<(), WatchError> {
        let inotify = match &mut self.inotify {
            Some(inotify) => inotify,
            none => none.insert(Inotify::new()?),
        };
        inotify.watch(self.places.folders())?;
        self.places
            .folders()
            .try_for_each(|(folder, _)| refuse_silent(folder))
    }

    /// Can be read from when there is something to see.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Whether anything of what was seen since the last look concerns us, and is over.
    pub fn saw_change(&mut self) -> bool {
        let sights = self.inotify.as_ref().map(Inotify::look);
        let mut saw = false;
        for sight in sights.unwrap_or_default() {
            saw |= self.is_change(sight);
        }
        saw
    }

    fn is_change(&mut self, sight: Sight) -> bool {
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

fn refuse_silent(folder: &Path) -> Result<(), WatchError> {
    match filesystem::silent(folder) {
        Some(file_system) => Err(WatchError::Silent {
            folder: folder.to_owned(),
            file_system,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write;

    use super::*;

    /// A folder with a file that is followed.
    fn following() -> (tempfile::TempDir, PathBuf, Sights) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().canonicalize().unwrap().join("hupd.toml");
        fs::write(&file, "first").unwrap();
        let mut sights = Sights::default();
        assert_eq!(
            sights.follow(std::slice::from_ref(&file)),
            Watching::Healthy
        );
        (folder, file, sights)
    }

    #[test]
    fn reading_tells_nothing_and_a_new_mode_does() {
        let (folder, file, mut sights) = following();
        fs::read(&file).unwrap();
        let told = sights.inotify.as_ref().unwrap().look();
        let is_ours = |sight: &Sight| matches!(sight, Sight::Changed(path) | Sight::Written(path) if path.starts_with(folder.path()));
        assert!(!told.iter().any(is_ours), "{told:?}");
        fs::set_permissions(&file, fs::metadata(&file).unwrap().permissions()).unwrap();
        assert!(sights.saw_change());
    }

    #[test]
    fn half_written_data_is_no_change_before_its_writer_closes_it() {
        let (_folder, file, mut sights) = following();
        let mut open = File::options().append(true).open(&file).unwrap();
        open.write_all(b"half").unwrap();
        assert!(!sights.saw_change());
        assert!(sights.is_being_written());

        drop(open);
        assert!(sights.saw_change());
        assert!(!sights.is_being_written());
    }

    #[test]
    fn what_others_do_in_folders_on_the_way_is_not_even_told() {
        let (folder, _file, mut sights) = following();
        let above = folder.path().parent().unwrap();
        let mut other = tempfile::NamedTempFile::new_in(above).unwrap();
        assert!(!sights.saw_change());
        other.write_all(b"much").unwrap();
        let told = sights.inotify.as_ref().unwrap().look();
        let of_other =
            |sight: &Sight| matches!(sight, Sight::Written(path) if path == other.path());
        assert!(!told.iter().any(of_other), "{told:?}");
    }

    #[test]
    fn what_is_missed_may_be_anything() {
        assert!(Sights::default().is_change(Sight::Missed));
    }
}

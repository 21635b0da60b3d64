//! Waits for a burst of file changes to end, then says so. Knows paths and times, not jobs.
//!
//! Directories are watched, never files: editors and config maps save by renaming something over
//! the file, and a watch on the file would follow the old one away. The thread sleeps until something happens. Only where
//! changes are not told the files are looked through now and then.

mod error;
mod filesystem;
mod fingerprint;
mod inotify;
mod places;
mod sights;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use self::fingerprint::Fingerprint;
use self::sights::{Mouth, Sight, Sights};
use super::bell::Bell;
use crate::clock::Moment;
use crate::event::{Event, Outbox};
use crate::protocol::Watching;

/// So long must it be quiet before a burst is over…
const QUIET: Duration = Duration::from_millis(200);
/// …but a burst that never ends is told after this.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often the files are looked through where changes in them are not told.
pub const RESCAN: Duration = Duration::from_secs(2);

/// Tells [`Event::FilesChanged`] when what it follows has changed and is quiet again, and
/// [`Event::Watching`] how well it can. Dropping it ends its thread.
#[derive(Debug)]
pub struct ConfigWatch {
    notes: mpsc::Sender<Note>,
    bell: Arc<Bell>,
}

#[derive(Debug)]
enum Note {
    Seen(Sight),
    Follow(Vec<PathBuf>),
    End,
}

impl ConfigWatch {
    /// Starts watching, nothing yet.
    pub fn start(outbox: Outbox) -> io::Result<Self> {
        let (notes, inbox) = mpsc::channel();
        let bell = Arc::new(Bell::new()?);
        let follower = Follower {
            sights: Sights::new(Mouth {
                notes: notes.clone(),
                bell: Arc::clone(&bell),
            }),
            notes: inbox,
            bell: Arc::clone(&bell),
            files: Vec::new(),
            last_scan: None,
            next_scan: Duration::ZERO,
            told: None,
            outbox,
        };
        thread::Builder::new()
            .name("watch".into())
            .spawn(move || follower.run())?;
        Ok(Self { notes, bell })
    }

    /// Follows these and nothing else from now on: the main file first, then files and folders that
    /// it includes. Waits for nothing. What was not followed before counts as changed, for it was read
    /// before it was watched.
    pub fn follow(&self, files: Vec<PathBuf>) {
        self.notes
            .send(Note::Follow(files))
            .expect("the thread lives until the watch is dropped");
        self.bell.ring();
    }
}

impl Drop for ConfigWatch {
    fn drop(&mut self) {
        let _ = self.notes.send(Note::End);
        self.bell.ring();
    }
}

/// What to do next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Then {
    GoOn,
    /// Something may be different: tell that, when it is quiet.
    Settle,
    End,
}

/// The thread's own.
struct Follower {
    sights: Sights,
    notes: Receiver<Note>,
    /// Rung for each note.
    bell: Arc<Bell>,
    files: Vec<PathBuf>,
    /// What the files held when they were last looked through, where they have to be.
    last_scan: Option<Fingerprint>,
    next_scan: Duration,
    /// How well they are watched, as it was told last.
    told: Option<Watching>,
    outbox: Outbox,
}

impl Follower {
    fn run(mut self) {
        loop {
            let then = match self.next() {
                Then::Settle => self.settle(),
                then => then,
            };
            match then {
                Then::End => return,
                Then::GoOn => {}
                Then::Settle => {
                    // The watches are put right before the change is told, so that what happens while the files
                    // are read is seen as well.
                    self.look_again();
                    let _ = self.outbox.send(Event::FilesChanged);
                }
            }
        }
    }

    /// Sleeps until something happens, or it is time to look.
    fn next(&mut self) -> Then {
        let is_scan_due = || Moment::now().elapsed >= self.next_scan;
        match &self.last_scan {
            None => self.wait_until(None),
            Some(_) if is_scan_due() => self.scan(),
            Some(_) => self.wait_until(Some(self.next_scan)),
        }
    }

    /// The next thing that happens; or nothing, after a sleep that ends when something happens, or then.
    fn wait_until(&mut self, end: Option<Duration>) -> Then {
        self.bell.silence();
        match self.notes.try_recv() {
            Ok(note) => return self.handle(note),
            Err(TryRecvError::Disconnected) => return Then::End,
            Err(TryRecvError::Empty) => {}
        }
        if self.sights.saw_change() {
            return Then::Settle;
        }
        self.sleep_until(end);
        Then::GoOn
    }

    fn sleep_until(&self, end: Option<Duration>) {
        let left = end.map(|end| end.saturating_sub(Moment::now().elapsed));
        let left = left.map(|left| Timespec::try_from(left).expect("seconds from a clock fit"));
        let mut sources = vec![PollFd::new(&*self.bell, PollFlags::IN)];
        let sights = self.sights.descriptor();
        sources.extend(sights.map(|sights| PollFd::from_borrowed_fd(sights, PollFlags::IN)));
        match poll(&mut sources, left.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => panic!("two descriptors can always be waited for: {error}"),
        }
    }

    fn handle(&mut self, note: Note) -> Then {
        match note {
            Note::End => Then::End,
            Note::Seen(sight) => match self.sights.is_change(sight) {
                true => Then::Settle,
                false => Then::GoOn,
            },
            Note::Follow(files) if files == self.files => self.scan(),
            Note::Follow(files) => {
                self.files = files;
                self.look_again();
                Then::Settle
            }
        }
    }

    /// Waits until the burst is over: nothing happens, and no file is being written.
    fn settle(&mut self) -> Then {
        let began = Moment::now().elapsed;
        let latest_end = began + PATIENCE;
        let mut end = began + QUIET;
        loop {
            let now = Moment::now().elapsed;
            if now >= latest_end || (now >= end && self.is_quiet()) {
                self.sights.forget_writers();
                return Then::Settle;
            }
            if now >= end {
                end = now + QUIET;
            }
            match self.wait_until(Some(end.min(latest_end))) {
                Then::End => return Then::End,
                Then::Settle => end = Moment::now().elapsed + QUIET,
                Then::GoOn => {}
            }
        }
    }

    fn is_quiet(&mut self) -> bool {
        !self.sights.is_being_written() && (self.last_scan.is_none() || self.scan() == Then::GoOn)
    }

    /// Folders may have been replaced and links turned.
    fn look_again(&mut self) {
        let watching = self.sights.follow(&self.files);
        self.last_scan = match watching {
            Watching::Degraded { .. } => Some(Fingerprint::of(&self.files)),
            Watching::Beginning | Watching::Healthy => None,
        };
        self.next_scan = Moment::now().elapsed + RESCAN;
        if self.told.as_ref() != Some(&watching) {
            self.told = Some(watching.clone());
            let _ = self.outbox.send(Event::Watching(watching));
        }
    }

    /// The same, and whether the files may hold something else than when they were last looked through. Where they
    /// can be watched again that is compared for the last time.
    fn scan(&mut self) -> Then {
        let before = self.last_scan.take();
        self.look_again();
        let is_same = match (before, &self.last_scan) {
            (None, now) => now.is_none(),
            (Some(before), Some(now)) => before == *now,
            (Some(before), None) => before == Fingerprint::of(&self.files),
        };
        match is_same {
            true => Then::GoOn,
            false => Then::Settle,
        }
    }
}

#[cfg(test)]
mod tests;

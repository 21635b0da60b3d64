//! The ledger, runs and generations in SQLite.

mod attempts;
mod backlog;
mod columns;
mod commit;
mod confirmed;
mod files;
mod generations;
mod hands;
mod in_hand;
mod kept;
mod ledger;
mod occurrences;
mod opened;
mod opening;
mod place;
mod reader;
mod receipt;
mod record;
mod recorder;
mod recovery;
mod removal;
mod retention;
mod schema;
mod search;
mod show;
mod start;
mod story;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use crate::config::History;
use crate::event::Outbox;
use crate::ledger::{Anchor, OpenRun, Pause, Resting, Waited};
use crate::run::{Generation, JobName, RunId};
use jiff::Timestamp;

pub use confirmed::Kept;
pub use hands::others_in_store;
pub use kept::show as show_generation;
use place::Place;
pub use reader::Question;
use reader::{Reader, Source};
pub use receipt::Receipt;
pub use record::Record;
pub use recorder::Recorder;
pub use start::{ForStart, for_start};
pub use writer::RECORDS_PER_BATCH;
use writer::{Message, Writer};

/// The store: two threads, one that writes in batches and one that reads for clients.
#[derive(Debug)]
pub struct Store {
    inbox: Sender<Message>,
    writer: JoinHandle<()>,
    folder: Arc<Path>,
}

/// What an earlier life left behind.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The highest run that was ever claimed.
    pub last_run: Option<RunId>,
    /// The highest generation that was ever in force.
    pub last_generation: Option<Generation>,
    /// From where intervals are counted.
    pub anchors: BTreeMap<JobName, Anchor>,
    /// Runs that nobody saw the end of, by number: it is for the engine to say what becomes of them.
    pub open: Vec<OpenRun>,
    /// Occurrences that waited then, by instant: it is for the engine to say what becomes of them.
    pub waiting: Vec<Waited>,
    /// Runs that waited for their next attempt, by number.
    pub resting: Vec<Resting>,
    /// By what each job was due.
    pub timings: HashMap<JobName, String>,
    /// Until when everything that was due is decided.
    pub decided: Option<Timestamp>,
    /// The latest that this has ever been; later than `decided` where the clock was set back.
    pub lived: Option<Timestamp>,
    /// Jobs that are paused.
    pub pauses: Vec<Pause>,
    /// Whether something waits to be confirmed: see [`ForStart`].
    pub is_unconfirmed: bool,
    /// Why a store could not be read, and where it was moved to.
    pub moved_aside: Option<String>,
}

/// Why the store cannot be opened: path first.
#[derive(Debug)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}

impl Store {
    /// Opens or makes the store in `state_dir`, reads what an earlier life left open, starts the threads.
    ///
    /// Nobody else may have it open as its owner: take the instance lock first.
    pub fn open(
        state_dir: &Path,
        history: &History,
        now: Timestamp,
        outbox: Outbox,
    ) -> Result<(Self, Recovered), StoreError> {
        // Before an empty file is made.
        let unreadable = files::unreadable(state_dir);
        let path = files::prepare(state_dir)?;
        let folder = files::plain(state_dir)?;
        let mut place = Place::new(&path);
        let (connection, recovered) = place.open(unreadable, now)?;
        let failed = |why: &dyn fmt::Display| StoreError(format!("{}: {why}", path.display()));
        let reading = Source::Store(place.open_to_read()?);
        let reader = Reader::start(reading).map_err(|why| failed(&why))?;
        let (inbox, messages) = mpsc::channel();
        let recorder = Recorder::new(connection, history.clone(), now, outbox)?;
        let writer = Writer::new(recorder, messages, reader, place);
        let writer = thread::Builder::new()
            .name("store writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|why| failed(&why))?;
        let store = Self {
            inbox,
            writer,
            folder,
        };
        Ok((store, recovered))
    }

    /// Where it is, however `state_dir` spells that.
    pub fn folder(&self) -> Arc<Path> {
        self.folder.clone()
    }

    /// Writes a record. The verdicts on claims arrive as `Event::Claimed`, in order.
    pub fn write(&self, record: Record) {
        self.tell(Message::Write(record));
    }

    /// From now on by these rules.
    pub fn keep(&self, history: History) {
        self.tell(Message::Keep(history));
    }

    /// Answers after all that was recorded before.
    pub fn ask(&self, question: Question) {
        self.tell(Message::Ask(question));
    }

    /// Says whether all that was to be written before is on record.
    pub fn certify(&self, receipt: Receipt) {
        self.tell(Message::Certify(receipt));
    }

    /// Writes what is queued and ends the threads.
    pub fn close(self) {
        drop(self.inbox);
        let _ = self.writer.join();
    }

    fn tell(&self, message: Message) {
        // The writer ends only after this end of its inbox is gone.
        let _ = self.inbox.send(message);
    }
}

//! The ledger, runs and generations in SQLite.

mod backlog;
mod columns;
mod commit;
mod files;
mod generations;
mod ledger;
mod opening;
mod reader;
mod record;
mod recovery;
mod removal;
mod retention;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use jiff::Timestamp;
use rusqlite::Connection;

use crate::config::{History, SourceFile};
use crate::event::{Outbox, Reply};
use crate::ledger::{Anchor, Claim, Entry, RunEnd, RunStart};
use crate::protocol::{OutputOf, RunFilter, Verdict};
use crate::run::{Generation, JobName, RunId};

use opening::Fault;
use reader::{Question, Reader};
use record::Record;
use retention::Retention;
use writer::{Health, Message, Writer};

/// The store: two threads, one that writes in batches and one that reads for clients.
#[derive(Debug)]
pub struct Store {
    inbox: Sender<Message>,
    writer: JoinHandle<()>,
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
    /// Runs that nobody saw the end of; they are recorded as lost now.
    pub lost: Vec<LostRun>,
    /// Occurrences that waited for a place then; they are recorded as missed now.
    pub missed: usize,
    /// Why a store could not be read, and where it was moved to.
    pub moved_aside: Option<String>,
}

/// A run that was open when an earlier life ended.
#[derive(Debug)]
pub struct LostRun {
    pub run: RunId,
    pub job: JobName,
    /// Its process, which may be alive; none where it was not started, as far as is known.
    pub pid: Option<i32>,
    pub started_at: Option<Timestamp>,
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
    /// Opens or makes the store in `state_dir`, closes what an earlier life left open, starts the threads.
    ///
    /// Nobody else may have it open as its owner: take the instance lock first.
    pub fn open(
        state_dir: &Path,
        history: &History,
        now: Timestamp,
        outbox: Outbox,
    ) -> Result<(Self, Recovered), StoreError> {
        let path = files::prepare(state_dir)?;
        let (connection, recovered) = open_or_replace(&path, now)?;
        let failed = |why: &dyn fmt::Display| StoreError(format!("{}: {why}", path.display()));
        let reader = opening::open_to_read(&path).map_err(|fault| failed(&fault))?;
        let reader = Reader::start(reader).map_err(|why| failed(&why))?;
        let (inbox, messages) = mpsc::channel();
        let writer = Writer {
            connection,
            inbox: messages,
            reader,
            outbox,
            retention: Retention::new(history.clone(), now),
            health: Health::WELL,
        };
        let writer = thread::Builder::new()
            .name("store writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|why| failed(&why))?;
        Ok((Self { inbox, writer }, recovered))
    }

    /// Writes claims; the verdicts arrive as `Event::Claimed`, in order.
    pub fn claim(&self, claims: Vec<Claim>) {
        for claim in claims {
            self.write(Record::Claim(claim));
        }
    }

    /// Writes the fate of an occurrence without a run. The first fate that is not `Waiting` stays.
    pub fn record(&self, entry: Entry) {
        self.write(Record::Entry(entry));
    }

    /// Writes that the process of a claimed run exists.
    pub fn run_started(&self, start: RunStart) {
        self.write(Record::Start(start));
    }

    /// Writes how a claimed run ended.
    pub fn run_ended(&self, end: RunEnd) {
        self.write(Record::End(end));
    }

    /// Writes from where the intervals of a job are counted.
    pub fn anchor(&self, anchor: Anchor) {
        self.write(Record::Anchor(anchor));
    }

    /// A start or a reload was accepted or refused; the files as accepted are kept.
    pub fn verdict(&self, verdict: Verdict, sources: Vec<SourceFile>) {
        self.write(Record::Verdict(verdict, sources));
    }

    /// From now on by these rules.
    pub fn keep(&self, history: History) {
        self.tell(Message::Keep(history));
    }

    /// Answers with the runs, newest first, after all that was recorded before.
    pub fn runs(&self, filter: RunFilter, reply: Reply) {
        self.tell(Message::Ask(Question::Runs(filter, reply)));
    }

    /// Answers with the output of a run that has ended; of one that has not, with what is known: nothing.
    pub fn output(&self, of: OutputOf, reply: Reply) {
        self.tell(Message::Ask(Question::Output(of, reply)));
    }

    /// Writes what is queued and ends the threads.
    pub fn close(self) {
        drop(self.inbox);
        let _ = self.writer.join();
    }

    fn write(&self, record: Record) {
        self.tell(Message::Write(record));
    }

    fn tell(&self, message: Message) {
        // The writer ends only after this end of its inbox is gone.
        let _ = self.inbox.send(message);
    }
}

/// A store that cannot be read must not keep hupd from starting: it makes room for a new one.
fn open_or_replace(path: &Path, now: Timestamp) -> Result<(Connection, Recovered), StoreError> {
    let failed = |fault: Fault| StoreError(format!("{}: {fault}", path.display()));
    let why = match open_and_recover(path, now) {
        Err(Fault::Corrupt(why)) => why,
        usable => return usable.map_err(failed),
    };
    let aside = files::move_aside(path, now)?;
    // With the mode of a new store, which SQLite by itself would not give it.
    if let Some(state_dir) = path.parent() {
        files::prepare(state_dir)?;
    }
    let (connection, mut recovered) = open_and_recover(path, now).map_err(failed)?;
    recovered.moved_aside = Some(format!(
        "{}: cannot be read: {why}; it is kept as {}, and a new history begins",
        path.display(),
        aside.display()
    ));
    Ok((connection, recovered))
}

fn open_and_recover(path: &Path, now: Timestamp) -> Result<(Connection, Recovered), Fault> {
    let mut connection = opening::open_to_write(path)?;
    let recovered = recovery::recover(&mut connection, now)?;
    Ok((connection, recovered))
}

//! The thread that writes: takes what is queued, commits it, says so.

use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;

use crate::clock::Moment;
use crate::config::History;
use crate::event::{ClaimVerdict, Claimed, Event, Outbox};
use crate::ledger::Claim;

use super::backlog::Backlog;
use super::commit::{Committed, commit, verdict};
use super::ledger::is_decided;
use super::opening::PATIENCE;
use super::reader::{Question, Reader};
use super::record::Record;
use super::retention::Retention;

/// What one transaction holds at most: in a storm, the first runs must not wait for the last.
const RECORDS_PER_BATCH: usize = 100;
const BYTES_PER_BATCH: usize = 1 << 20;

/// After so many bytes of records the log is copied into the database, in the next quiet moment.
const CHECKPOINT_AFTER: usize = 2 << 20;

/// What the writer can be told.
#[derive(Debug)]
pub(super) enum Message {
    Write(Record),
    Keep(History),
    Ask(Question),
}

/// The owner of the connection that writes.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) inbox: Receiver<Message>,
    pub(super) reader: Reader,
    pub(super) outbox: Outbox,
    pub(super) retention: Retention,
    pub(super) health: Health,
}

/// Whether writing works.
#[derive(Debug)]
pub(super) enum Health {
    Well {
        /// Bytes of records since the last checkpoint.
        written: usize,
    },
    Failing(Backlog),
}

impl Health {
    pub(super) const WELL: Self = Self::Well { written: 0 };
}

/// What was queued, up to the size of a batch.
#[derive(Debug, Default)]
struct Batch {
    records: Vec<Record>,
    questions: Vec<Question>,
    bytes: usize,
}

impl Writer {
    /// Until the other end of the inbox is gone, and all that was in it is written.
    pub(super) fn run(mut self) {
        while let Some(message) = self.next() {
            let batch = self.gather(message);
            if !batch.records.is_empty() {
                self.write(batch.records, Moment::now().wall);
            }
            if !batch.questions.is_empty() {
                self.try_again(Moment::now().wall);
            }
            for question in batch.questions {
                self.reader.ask(question);
            }
        }
        self.finish();
    }

    /// The next message; uses the time until it comes.
    fn next(&mut self) -> Option<Message> {
        if self.retention.is_overdue() {
            self.tidy();
        }
        loop {
            match self.inbox.try_recv() {
                Ok(message) => return Some(message),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) if self.tidy() => {}
                Err(TryRecvError::Empty) => return self.inbox.recv().ok(),
            }
        }
    }

    fn gather(&mut self, first: Message) -> Batch {
        let mut batch = Batch::default();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Write(record) => {
                    batch.bytes += record.size();
                    batch.records.push(record);
                }
                Message::Keep(history) => self.retention.keep(history),
                Message::Ask(question) => batch.questions.push(question),
            }
            let is_full =
                batch.records.len() >= RECORDS_PER_BATCH || batch.bytes >= BYTES_PER_BATCH;
            next = (!is_full).then(|| self.inbox.try_recv().ok()).flatten();
        }
        batch
    }

    /// Does a bounded piece of work that can wait, if there is any. Whether there was.
    fn tidy(&mut self) -> bool {
        let Health::Well { written } = &mut self.health else {
            return false;
        };
        if *written > CHECKPOINT_AFTER {
            *written = 0;
            // One that could not be made is made later, or by SQLite itself.
            let _ = checkpoint(&self.connection, "PASSIVE");
            return true;
        }
        if !self.retention.is_due() {
            return false;
        }
        self.wait_for_locks(Duration::ZERO);
        let now = Moment::now().wall;
        if let Err(error) = self.retention.pass(&mut self.connection, now) {
            log::warn!("cannot remove old records from the store: {error}; next try later");
            self.retention.put_off();
        }
        self.wait_for_locks(PATIENCE);
        true
    }

    pub(super) fn write(&mut self, records: Vec<Record>, at: Timestamp) {
        self.retention.note(&records, at);
        let committed = self
            .settle_backlog(at)
            .and_then(|()| commit(&mut self.connection, &records, at));
        match committed {
            Ok(committed) => self.committed(committed),
            Err(error) => self.failed(&error, records),
        }
    }

    /// What is owed comes first, so that everything stays in order.
    fn settle_backlog(&mut self, at: Timestamp) -> rusqlite::Result<()> {
        let Health::Failing(backlog) = &mut self.health else {
            return Ok(());
        };
        while !backlog.is_empty() {
            let oldest = backlog.oldest(RECORDS_PER_BATCH);
            let count = oldest.len();
            let committed = commit(&mut self.connection, oldest, at)?;
            backlog.settle(count, committed.impossible);
        }
        Ok(())
    }

    fn committed(&mut self, committed: Committed) {
        self.say_claimed(committed.verdicts);
        self.recovered();
        if committed.impossible > 0 {
            let lost = committed.impossible;
            self.say(Event::StoreFailed(committed.why));
            self.say(Event::StoreRecovered { lost });
        }
        if let Health::Well { written } = &mut self.health {
            *written += committed.bytes;
        }
    }

    /// Without a record to write: somebody wants to read what is owed, or it is the last chance.
    fn try_again(&mut self, at: Timestamp) {
        if self.settle_backlog(at).is_ok() {
            self.recovered();
        }
    }

    fn recovered(&mut self) {
        if let Health::Failing(backlog) = &self.health {
            let lost = backlog.lost();
            self.health = Health::WELL;
            self.wait_for_locks(PATIENCE);
            self.say(Event::StoreRecovered { lost });
        }
    }

    /// Jobs matter more than history: they run, and their records wait.
    fn failed(&mut self, error: &rusqlite::Error, records: Vec<Record>) {
        let is_news = matches!(self.health, Health::Well { .. });
        if is_news {
            self.health = Health::Failing(Backlog::default());
            // Once is enough: no further claim waits for a lock that somebody holds on to.
            self.wait_for_locks(Duration::ZERO);
        }
        let verdicts = self.owe(records);
        self.say_claimed(verdicts);
        if is_news {
            self.say(Event::StoreFailed(error.to_string()));
        }
    }

    fn owe(&mut self, records: Vec<Record>) -> Vec<ClaimVerdict> {
        let mut verdicts = Vec::new();
        for record in records {
            let Health::Failing(backlog) = &mut self.health else {
                break;
            };
            match record {
                Record::Claim(claim) => {
                    let claimed = judge(&self.connection, backlog, &claim);
                    verdicts.push(verdict(&claim, claimed));
                    if claimed == Claimed::Yes {
                        backlog.push(Record::Owed(claim));
                    }
                }
                record => backlog.push(record),
            }
        }
        verdicts
    }

    fn wait_for_locks(&self, patience: Duration) {
        self.connection
            .busy_timeout(patience)
            .expect("SQLite takes every time limit");
    }

    fn say_claimed(&self, verdicts: Vec<ClaimVerdict>) {
        if !verdicts.is_empty() {
            self.say(Event::Claimed(verdicts));
        }
    }

    fn say(&self, event: Event) {
        // A loop that has ended needs no events.
        let _ = self.outbox.send(event);
    }

    fn finish(mut self) {
        self.wait_for_locks(PATIENCE);
        self.try_again(Moment::now().wall);
        if let Health::Failing(backlog) = &self.health {
            let waiting = backlog.len();
            log::error!("history cannot be recorded even at the end; records lost: {waiting}");
        }
        // The reader first: only the last connection, and only one that writes, can take the log away.
        self.reader.close();
        let _ = checkpoint(&self.connection, "TRUNCATE");
        let _ = self.connection.close();
    }
}

/// A ledger that cannot be written may still be read, and what is owed counts as written.
fn judge(connection: &Connection, backlog: &Backlog, claim: &Claim) -> Claimed {
    let is_known = backlog.owes(&claim.occurrence)
        || is_decided(connection, &claim.occurrence).unwrap_or(false);
    if is_known {
        Claimed::AlreadyThere
    } else {
        Claimed::Yes
    }
}

fn checkpoint(connection: &Connection, how: &str) -> rusqlite::Result<()> {
    let sql = format!("PRAGMA wal_checkpoint({how})");
    connection.query_row(&sql, [], |_| Ok(()))
}

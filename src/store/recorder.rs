//! Writes what is told, a batch at a time, and says what came of it. Has no thread, no inbox and no clock:
//! whoever has these drives it.

mod succession;

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;

use crate::config::History;
use crate::event::{ClaimVerdict, Claimed, Event, Outbox};
use crate::ledger::Claim;

use super::backlog::Backlog;
use super::commit::{Committed, commit};
use super::in_hand::InHand;
use super::ledger::is_decided;
use super::opening::PATIENCE;
use super::record::Record;
use super::retention::Retention;
use super::writer::RECORDS_PER_BATCH;
use super::{Recovered, StoreError, opening, recovery};

/// After so many bytes of records the log is copied into the database, in the next quiet moment.
const CHECKPOINT_AFTER: usize = 2 << 20;

/// The owner of the connection that writes.
#[derive(Debug)]
pub struct Recorder {
    connection: Connection,
    in_hand: InHand,
    outbox: Outbox,
    retention: Retention,
    health: Health,
    /// How it shows that the store is corrupt or gone, if it is.
    corruption: Option<String>,
}

/// Whether writing works.
#[derive(Debug)]
enum Health {
    Well {
        /// Bytes of records since the last checkpoint.
        written: usize,
    },
    Failing {
        backlog: Backlog,
        why: String,
    },
}

impl Health {
    const WELL: Self = Self::Well { written: 0 };

    fn failing(why: String) -> Self {
        Self::Failing {
            backlog: Backlog::default(),
            why,
        }
    }
}

impl Recorder {
    pub(super) fn new(
        connection: Connection,
        history: History,
        now: Timestamp,
        outbox: Outbox,
    ) -> Result<Self, StoreError> {
        let in_hand = InHand::read(&connection).map_err(|why| StoreError(why.to_string()))?;
        Ok(Self {
            connection,
            in_hand,
            outbox,
            retention: Retention::new(history, now),
            health: Health::WELL,
            corruption: None,
        })
    }

    /// An empty store in memory: as good as one on a disk that nobody shares, and gone with its connection.
    pub fn database_in_memory() -> Result<Connection, StoreError> {
        opening::open_in_memory().map_err(|fault| StoreError(format!("in memory: {fault}")))
    }

    /// Begins a life on what an earlier one has committed, as [`Store::open`](super::Store::open) does.
    pub fn begin(
        connection: Connection,
        history: History,
        now: Timestamp,
        outbox: Outbox,
    ) -> Result<(Self, Recovered), StoreError> {
        let recovered =
            recovery::recover(&connection).map_err(|error| StoreError(error.to_string()))?;
        Ok((Self::new(connection, history, now, outbox)?, recovered))
    }

    /// What is committed, for whoever wants to look.
    pub fn database(&self) -> &Connection {
        &self.connection
    }

    /// Ends here and now, as by KILL: what is committed remains.
    pub fn into_database(self) -> Connection {
        self.connection
    }

    /// From now on by these rules.
    pub fn keep(&mut self, history: History) {
        self.retention.keep(history);
    }

    /// So much has gathered that [`Recorder::tidy`] cannot wait for a quiet moment.
    pub fn is_overdue(&self) -> bool {
        self.retention.is_overdue()
    }

    /// Does a bounded piece of work that can wait, if there is any. Whether there was.
    pub fn tidy(&mut self, now: Timestamp) -> bool {
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
        if let Err(error) = self.retention.pass(&mut self.connection, now) {
            log::warn!("cannot remove old records from the store: {error}; next try later");
            self.note_corruption(&error);
            self.retention.put_off();
        }
        self.wait_for_locks(PATIENCE);
        true
    }

    /// Writes records, in this order. Claims are answered with [`Event::Claimed`].
    pub fn write(&mut self, records: Vec<Record>, at: Timestamp) {
        self.retention.note(&records, at);
        let committed = self
            .settle_backlog(at)
            .and_then(|()| commit(&mut self.connection, &records, at));
        match committed {
            Ok(committed) => {
                self.in_hand.note(&records, &committed.unwritten);
                self.committed(committed);
            }
            Err(error) => self.failed(&error, records),
        }
    }

    /// What is owed comes first, so that everything stays in order.
    fn settle_backlog(&mut self, at: Timestamp) -> rusqlite::Result<()> {
        let Health::Failing { backlog, .. } = &mut self.health else {
            return Ok(());
        };
        while !backlog.is_empty() {
            let oldest = backlog.oldest(RECORDS_PER_BATCH);
            let count = oldest.len();
            let committed = commit(&mut self.connection, oldest, at)?;
            self.in_hand.note(oldest, &committed.unwritten);
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
    pub fn try_again(&mut self, at: Timestamp) {
        // Where there is nothing to write into, it is not as good as written that nothing is owed.
        if self.corruption.is_some() {
            return;
        }
        if self.settle_backlog(at).is_ok() {
            self.recovered();
        }
    }

    fn recovered(&mut self) {
        if let Health::Failing { backlog, .. } = &self.health {
            let lost = backlog.lost();
            self.health = Health::WELL;
            self.wait_for_locks(PATIENCE);
            self.say(Event::StoreRecovered { lost });
        }
    }

    /// Jobs matter more than history: they run, and their records wait.
    fn failed(&mut self, error: &rusqlite::Error, records: Vec<Record>) {
        let is_news = !self.is_failing();
        if is_news {
            self.health = Health::failing(error.to_string());
            // Once is enough: no further claim waits for a lock that somebody holds on to.
            self.wait_for_locks(Duration::ZERO);
        }
        self.note_corruption(error);
        let verdicts = self.owe(records);
        self.say_claimed(verdicts);
        if is_news {
            self.say(Event::StoreFailed(error.to_string()));
        }
        self.say_owes();
    }

    fn say_owes(&self) {
        if let Health::Failing { backlog, .. } = &self.health {
            let (waiting, lost) = (backlog.len(), backlog.lost());
            self.say(Event::StoreOwes { waiting, lost });
        }
    }

    pub(super) fn is_failing(&self) -> bool {
        matches!(self.health, Health::Failing { .. })
    }

    /// Whether all that was written is on record, or why it is not.
    pub fn on_record(&self) -> Result<(), String> {
        match &self.health {
            Health::Well { .. } => Ok(()),
            Health::Failing { why, .. } => Err(why.clone()),
        }
    }

    /// The next hupd would do something twice, did it not find this on record.
    pub(super) fn has_in_hand(&self) -> bool {
        !self.in_hand.is_empty()
    }

    fn owe(&mut self, records: Vec<Record>) -> Vec<ClaimVerdict> {
        let mut verdicts = Vec::new();
        for record in records {
            let Health::Failing { backlog, .. } = &mut self.health else {
                break;
            };
            match record {
                Record::Claim(claim) => {
                    let claimed = judge(&self.connection, backlog, &claim);
                    verdicts.push(ClaimVerdict {
                        run: claim.run,
                        claimed,
                    });
                    if claimed == Claimed::Yes {
                        backlog.push(Record::Owed(claim));
                    }
                }
                Record::NextAttempt(next) => {
                    verdicts.push(ClaimVerdict {
                        run: next.run,
                        claimed: Claimed::Yes,
                    });
                    backlog.push(Record::NextAttempt(next));
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

    /// The last chance for what is still owed. Gives back the connection that checkpoints.
    pub(super) fn finish(mut self, at: Timestamp) -> Finished {
        self.wait_for_locks(PATIENCE);
        self.try_again(at);
        if let Health::Failing { backlog, .. } = &self.health {
            let waiting = backlog.len();
            log::error!("history cannot be recorded even at the end; records lost: {waiting}");
        }
        Finished(self.connection)
    }
}

/// A connection on which nothing will be written any more.
pub(super) struct Finished(Connection);

impl Finished {
    /// To be called when nobody reads any more: only the last connection can take the log away.
    pub(super) fn close(self) {
        let _ = checkpoint(&self.0, "TRUNCATE");
        let _ = self.0.close();
    }
}

/// A ledger that cannot be written may still be read, and what is owed counts as written.
fn judge(connection: &Connection, backlog: &Backlog, claim: &Claim) -> Claimed {
    let is_known = backlog.decides(&claim.occurrence)
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

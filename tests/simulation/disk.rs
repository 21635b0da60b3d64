//! The store of an invented machine: the rules, tables and batches of the real one, on a disk that may be slow,
//! may refuse, and keeps what was committed when hupd is killed.

use std::collections::VecDeque;

use hupd::config::History;
use hupd::event::Outbox;
use hupd::store::{RECORDS_PER_BATCH, Record, Recorder, Recovered};
use jiff::Timestamp;
use rusqlite::Connection;

use super::clock::Time;

/// A quiet moment, in which old records are removed, comes after so many.
const QUIET: usize = 500;

#[derive(Debug)]
pub struct Disk {
    state: State,
    /// What a store would begin with that took the place of the one that is closed.
    successor: Option<Connection>,
    /// In what that differs.
    pub difference: Option<String>,
    queue: VecDeque<Record>,
    pub stalled_until: Time,
    pub fails_until: Time,
    is_failing: bool,
    /// In the life of this hupd.
    has_failed: bool,
    /// Records since it was last tidied up.
    untidy: usize,
}

#[derive(Debug)]
enum State {
    Closed(Connection),
    Open(Box<Recorder>),
    /// While it passes from one to the other.
    Nowhere,
}

impl Disk {
    pub fn new() -> Self {
        let database = Recorder::database_in_memory().expect("there is memory");
        Self {
            state: State::Closed(database),
            successor: None,
            difference: None,
            queue: VecDeque::new(),
            stalled_until: Time::ZERO,
            fails_until: Time::ZERO,
            is_failing: false,
            has_failed: false,
            untidy: 0,
        }
    }

    /// A hupd begins to live on what is committed.
    pub fn open(&mut self, history: History, now: Timestamp, outbox: Outbox) -> Recovered {
        self.set_failing(false);
        self.fails_until = Time::ZERO;
        self.has_failed = false;
        let State::Closed(database) = std::mem::replace(&mut self.state, State::Nowhere) else {
            panic!("two hupds on one store");
        };
        let begin = |database, history: &History, outbox: &Outbox| {
            let begun = Recorder::begin(database, history.clone(), now, outbox.clone());
            begun.expect("what was committed can be read")
        };
        let (recorder, recovered) = begin(database, &history, &outbox);
        if let Some(successor) = self.successor.take() {
            let (_, told) = begin(successor, &history, &outbox);
            self.compare(&told, &recovered);
        }
        self.state = State::Open(Box::new(recorder));
        recovered
    }

    /// What the next hupd would find in a store that took the place of this one, and what it finds in this one.
    fn compare(&mut self, told: &Recovered, found: &Recovered) {
        let in_hand = |it: &Recovered| format!("{:?} {:?} {:?}", it.open, it.waiting, it.resting);
        let (told, found) = (in_hand(told), in_hand(found));
        self.difference = (told != found).then(|| format!("{told}, not {found}"));
    }

    /// Puts a record into the queue; whether it is the first one there.
    pub fn queue(&mut self, record: Record) -> bool {
        self.queue.push_back(record);
        self.queue.len() == 1
    }

    /// What would be written next.
    pub fn next_batch(&self, most: usize) -> impl Iterator<Item = &Record> {
        self.queue.iter().take(most.min(RECORDS_PER_BATCH))
    }

    /// Writes a batch of what is queued; whether more is.
    pub fn write(&mut self, most: usize, time: Time, now: Timestamp) -> bool {
        self.set_failing(self.fails_at(time));
        let count = self.queue.len().min(RECORDS_PER_BATCH).min(most);
        if count == 0 {
            return !self.queue.is_empty();
        }
        let batch = self.queue.drain(..count).collect();
        let recorder = self.recorder();
        recorder.write(batch, now);
        if recorder.is_overdue() {
            recorder.tidy(now);
        }
        self.untidy += count;
        if self.queue.is_empty() && self.untidy >= QUIET {
            self.untidy = 0;
            while self.recorder().tidy(now) {}
        }
        !self.queue.is_empty()
    }

    pub fn keep(&mut self, history: History) {
        self.recorder().keep(history);
    }

    /// hupd reads, and so what is owed is written first.
    pub fn look(&mut self, time: Time, now: Timestamp) {
        self.set_failing(self.fails_at(time));
        self.recorder().try_again(now);
    }

    /// Whether all that was written is on record.
    pub fn on_record(&mut self) -> Result<(), String> {
        self.recorder().on_record()
    }

    /// Nothing is to be done for a while: what is too much goes. The most runs that one job has then; nothing
    /// where the disk has refused meanwhile, for then it goes later.
    pub fn tidy(&mut self, now: Timestamp) -> Option<u64> {
        if self.has_failed {
            return None;
        }
        while self.recorder().tidy(now) {}
        let sql =
            "SELECT coalesce(max(runs), 0) FROM (SELECT count(*) AS runs FROM runs GROUP BY job)";
        let most = self
            .database()
            .query_row(sql, [], |row| row.get::<_, i64>(0));
        Some(most.expect("the table is there").unsigned_abs())
    }

    pub fn fails_at(&self, time: Time) -> bool {
        time < self.fails_until
    }

    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    pub fn database(&self) -> &Connection {
        match &self.state {
            State::Closed(database) => database,
            State::Open(recorder) => recorder.database(),
            State::Nowhere => unreachable!("only while it passes from one to the other"),
        }
    }

    /// What is queued is gone; what is committed stays.
    pub fn crash(&mut self, now: Timestamp) {
        self.queue.clear();
        self.state = match std::mem::replace(&mut self.state, State::Nowhere) {
            State::Open(recorder) => {
                self.successor = Some(recorder.successor(now).expect("there is memory"));
                State::Closed(recorder.into_database())
            }
            closed => closed,
        };
    }

    fn recorder(&mut self) -> &mut Recorder {
        match &mut self.state {
            State::Open(recorder) => recorder,
            _ => panic!("nobody has the store open"),
        }
    }

    /// As on a disk without room: reading goes on.
    fn set_failing(&mut self, failing: bool) {
        self.has_failed |= failing;
        if self.is_failing != failing {
            self.is_failing = failing;
            let set = self.database().pragma_update(None, "query_only", failing);
            set.expect("SQLite obeys");
        }
    }
}

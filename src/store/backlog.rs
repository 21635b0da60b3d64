//! What could not be written yet, in a bounded amount of memory.

use std::collections::{HashSet, VecDeque};

use crate::ledger::{Failed, Fate};
use crate::run::Occurrence;

use super::record::Record;

/// Bytes of records that wait for the store to come back; what is beyond is lost.
const MOST: usize = 8 << 20;

/// Outputs and files only get the first half: an end without its output is better than none.
const MOST_WITH_OUTPUTS: usize = MOST / 2;

/// The records since the store failed, in order.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    records: VecDeque<Record>,
    /// What has a run or another fate among them.
    decided: HashSet<Occurrence>,
    bytes: usize,
    /// So many of them are of what a new store has to be told first, and are not bounded.
    first: usize,
    lost: u64,
}

impl Backlog {
    pub(super) fn push(&mut self, mut record: Record) {
        let mut size = record.size();
        let is_tight = self.bounded() + size > MOST_WITH_OUTPUTS;
        let is_stripped = is_tight && strip(&mut record);
        if is_stripped {
            size = record.size();
        }
        let is_dropped = self.bounded() + size > MOST;
        self.lost += u64::from(is_stripped || is_dropped);
        if is_dropped {
            return;
        }
        self.bytes += size;
        self.decided.extend(decided_by(&record).cloned());
        self.records.push_back(record);
    }

    /// What a new store has to be told first of all. None of it is dropped: it is of what goes on.
    pub(super) fn put_first(&mut self, records: Vec<Record>) {
        for record in records.into_iter().rev() {
            let size = record.size();
            self.bytes += size;
            self.first += size;
            self.decided.extend(decided_by(&record).cloned());
            self.records.push_front(record);
        }
    }

    fn bounded(&self) -> usize {
        self.bytes - self.first
    }

    /// Whether it waits here to be written that this occurrence must not run any more.
    pub(super) fn decides(&self, occurrence: &Occurrence) -> bool {
        self.decided.contains(occurrence)
    }

    /// The oldest records, at most so many.
    pub(super) fn oldest(&mut self, count: usize) -> &[Record] {
        let records = self.records.make_contiguous();
        &records[..count.min(records.len())]
    }

    /// The oldest records are written, but for so many that never can be.
    pub(super) fn settle(&mut self, count: usize, lost: u64) {
        for record in self.records.drain(..count) {
            let size = record.size();
            self.bytes -= size;
            self.first = self.first.saturating_sub(size);
            if let Some(occurrence) = decided_by(&record) {
                self.decided.remove(occurrence);
            }
        }
        self.lost += lost;
    }

    /// How many records were lost, wholly or but for what could be done without.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// How many records wait.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// The occurrence that has its last fate by this.
fn decided_by(record: &Record) -> Option<&Occurrence> {
    match record {
        Record::Owed(claim) => Some(&claim.occurrence),
        Record::Open(open) => Some(&open.occurrence),
        Record::Entry(entry) if matches!(entry.fate, Fate::Skipped | Fate::Replaced) => {
            Some(&entry.occurrence)
        }
        _ => None,
    }
}

/// Takes away what can be done without. Whether there was anything.
fn strip(record: &mut Record) -> bool {
    match record {
        Record::End(end) if end.output.total > 0 => {
            end.output = end.output.without_bytes();
        }
        Record::Failed(Failed { end, .. }) if end.output.total > 0 => {
            end.output = end.output.without_bytes();
        }
        Record::Verdict(_, sources) if !sources.is_empty() => sources.clear(),
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use crate::ledger::RunEnd;
    use crate::run::{Outcome, Output, RunId, Usage};

    use super::*;

    const KEPT: usize = 64 << 10;

    fn end() -> Record {
        Record::End(RunEnd {
            run: RunId(1),
            at: Timestamp::UNIX_EPOCH,
            duration: Duration::ZERO,
            outcome: Outcome::Exited(0),
            success: true,
            stopped_by: None,
            usage: Usage::default(),
            survivors: Vec::new(),
            output: Output {
                head: vec![0; KEPT],
                tail: Vec::new(),
                total: KEPT as u64,
            },
        })
    }

    #[test]
    fn memory_is_bounded_and_what_is_lost_is_counted() {
        let mut backlog = Backlog::default();
        let pushed = 2 * MOST / size_of::<Record>();
        for _ in 0..pushed {
            backlog.push(end());
        }
        assert!(backlog.bytes <= MOST);
        let whole = MOST_WITH_OUTPUTS / KEPT - 1;
        assert_eq!(backlog.lost(), (pushed - whole) as u64);
        assert!(backlog.records.len() > whole);
    }

    #[test]
    fn what_a_new_store_is_told_first_takes_no_room_from_what_is_owed() {
        let mut backlog = Backlog::default();
        backlog.push(end());
        let many = std::iter::repeat_with(end).take(2 * MOST / KEPT);
        backlog.put_first(many.collect());
        backlog.push(end());
        assert_eq!((backlog.len(), backlog.lost()), (2 * MOST / KEPT + 2, 0));
        while backlog.len() > 1 {
            let count = backlog.oldest(100).len().min(backlog.len() - 1);
            backlog.settle(count, 0);
        }
        assert_eq!((backlog.first, backlog.bytes), (0, end().size()));
    }

    /// The reason of a row has no bound of its own.
    #[test]
    fn the_texts_of_records_count() {
        let mut backlog = Backlog::default();
        let note = || Record::Note(RunId(1), "x".repeat(KEPT));
        for _ in 0..2 * MOST / KEPT {
            backlog.push(note());
        }
        assert!(backlog.len() < MOST / KEPT, "{}", backlog.len());
        assert_eq!(backlog.lost(), (2 * MOST / KEPT - backlog.len()) as u64);
    }

    #[test]
    fn a_settled_backlog_is_empty() {
        let mut backlog = Backlog::default();
        for _ in 0..250 {
            backlog.push(end());
        }
        while !backlog.is_empty() {
            let count = backlog.oldest(100).len();
            backlog.settle(count, 0);
        }
        assert_eq!(backlog.bytes, 0);
    }
}

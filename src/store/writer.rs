//! The thread that writes: takes what is queued, has it recorded, passes questions on.

use std::sync::mpsc::{Receiver, TryRecvError};

use crate::clock::Moment;
use crate::config::History;

use super::reader::{Question, Reader};
use super::record::Record;
use super::recorder::Recorder;

/// What one transaction holds at most: in a storm, the first runs must not wait for the last.
pub const RECORDS_PER_BATCH: usize = 100;
const BYTES_PER_BATCH: usize = 1 << 20;

/// What the writer can be told.
#[derive(Debug)]
pub(super) enum Message {
    Write(Record),
    Keep(History),
    Ask(Question),
}

/// The thread around the recorder.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) recorder: Recorder,
    pub(super) inbox: Receiver<Message>,
    pub(super) reader: Reader,
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
                self.recorder.write(batch.records, Moment::now().wall);
            }
            if !batch.questions.is_empty() {
                self.recorder.try_again(Moment::now().wall);
            }
            for question in batch.questions {
                self.reader.ask(question);
            }
        }
        let finished = self.recorder.finish(Moment::now().wall);
        self.reader.close();
        finished.close();
    }

    /// The next message; uses the time until it comes.
    fn next(&mut self) -> Option<Message> {
        if self.recorder.is_overdue() {
            self.recorder.tidy(Moment::now().wall);
        }
        loop {
            match self.inbox.try_recv() {
                Ok(message) => return Some(message),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) if self.recorder.tidy(Moment::now().wall) => {}
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
                Message::Keep(history) => self.recorder.keep(history),
                Message::Ask(question) => batch.questions.push(question),
            }
            let is_full =
                batch.records.len() >= RECORDS_PER_BATCH || batch.bytes >= BYTES_PER_BATCH;
            next = (!is_full).then(|| self.inbox.try_recv().ok()).flatten();
        }
        batch
    }
}

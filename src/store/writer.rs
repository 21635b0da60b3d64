//! The thread that writes: takes what is queued, has it recorded, passes questions on.

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use crate::clock::Moment;
use crate::config::History;

use super::StoreError;
use super::place::Place;
use super::reader::{Question, Reader, Source};
use super::receipt::Receipt;
use super::record::Record;
use super::recorder::Recorder;

/// What one transaction holds at most: in a storm, the first runs must not wait for the last.
pub const RECORDS_PER_BATCH: usize = 100;
const BYTES_PER_BATCH: usize = 1 << 20;

/// While nothing can be written: so long after the last record it is tried again without one; and so long after a try to
/// replace a corrupt store comes the next one.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// So often it is looked whether the files are still there, while there is something to do or something in hand.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the writer can be told.
#[derive(Debug)]
pub(super) enum Message {
    Write(Record),
    Keep(History),
    Ask(Question),
    Certify(Receipt),
}

/// The thread around the recorder.
#[derive(Debug)]
pub(super) struct Writer {
    recorder: Recorder,
    inbox: Receiver<Message>,
    reader: Reader,
    place: Place,
    /// Since the last look at what answers have found out.
    has_asked: bool,
    /// When it was last looked whether the files are still there, on the elapsed clock.
    looked: Duration,
    /// Why the store could not be replaced when that was tried last.
    refused: Option<Refused>,
}

/// A corrupt store could not be replaced.
#[derive(Debug)]
struct Refused {
    /// On the elapsed clock.
    at: Duration,
    why: String,
}

/// What was queued, up to the size of a batch.
#[derive(Debug, Default)]
struct Batch {
    records: Vec<Record>,
    questions: Vec<Question>,
    receipts: Vec<Receipt>,
    bytes: usize,
}

impl Writer {
    pub(super) fn new(
        recorder: Recorder,
        inbox: Receiver<Message>,
        reader: Reader,
        place: Place,
    ) -> Self {
        Self {
            recorder,
            inbox,
            reader,
            place,
            has_asked: false,
            looked: Duration::ZERO,
            refused: None,
        }
    }

    /// Until the other end of the inbox is gone, and all that was in it is written.
    pub(super) fn run(mut self) {
        while let Some(message) = self.next() {
            let batch = self.gather(message);
            // What a question has found since, or a look: nothing more is written there.
            match batch.receipts.is_empty() {
                true => self.look_now_and_then(),
                // Somebody relies on what is on record: a second is too long to not know.
                false => self.look(),
            }
            self.replace_if_corrupt();
            if !batch.records.is_empty() {
                self.write(batch.records);
            }
            if !batch.questions.is_empty() || !batch.receipts.is_empty() {
                self.recorder.try_again(Moment::now().wall);
            }
            for receipt in batch.receipts {
                receipt.send(self.recorder.on_record());
            }
            for question in batch.questions {
                self.reader.ask(question);
                self.has_asked = true;
            }
            self.replace_if_corrupt();
        }
        self.look_before_the_end();
        let finished = self.recorder.finish(Moment::now().wall);
        self.reader.close();
        finished.close();
    }

    fn write(&mut self, records: Vec<Record>) {
        self.recorder.write(records, Moment::now().wall);
        if !self.recorder.is_failing() {
            self.place.note_written();
        }
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
                Err(TryRecvError::Empty) if self.is_watchful() => {
                    match self.inbox.recv_timeout(TRY_AGAIN_AFTER) {
                        Ok(message) => return Some(message),
                        Err(RecvTimeoutError::Disconnected) => return None,
                        Err(RecvTimeoutError::Timeout) => self.recover(),
                    }
                }
                Err(TryRecvError::Empty) => return self.inbox.recv().ok(),
            }
        }
    }

    /// Whether it does not sleep until somebody has something to write.
    fn is_watchful(&self) -> bool {
        self.recorder.is_failing() || self.has_asked || self.recorder.has_in_hand()
    }

    /// Nobody has anything to write, and there may be room by now; or an answer has found out something, or a look does.
    fn recover(&mut self) {
        self.has_asked = false;
        self.look();
        self.recorder.try_again(Moment::now().wall);
        self.replace_if_corrupt();
    }

    fn look_now_and_then(&mut self) {
        if Moment::now().elapsed >= self.looked.saturating_add(LOOK_EVERY) {
            self.look();
        }
    }

    /// The last chance to leave behind what the next hupd has to know. Nobody hears of events any more.
    fn look_before_the_end(&mut self) {
        let was_known = self.recorder.corruption().is_some();
        self.look();
        if let Some(why) = self.recorder.corruption().filter(|_| !was_known) {
            let path = self.place.path().display();
            log::error!("{path}: {why}; only what is not over comes into a new one");
        }
        self.replace_if_corrupt();
    }

    /// Whether what is written comes to where the next hupd looks for it.
    fn look(&mut self) {
        self.looked = Moment::now().elapsed;
        if let Some(why) = self.place.loss() {
            self.recorder.note_loss(why);
        }
    }

    /// What is corrupt or gone is of no use to anybody who writes: it makes room for a new one, as at a start.
    fn replace_if_corrupt(&mut self) {
        if let Some(error) = self.reader.corruption() {
            self.recorder.note_corruption(&error);
        }
        let Some(why) = self.recorder.corruption().map(str::to_owned) else {
            return;
        };
        let now = Moment::now().elapsed;
        let last = self.refused.as_ref();
        if last.is_some_and(|last| now < last.at.saturating_add(TRY_AGAIN_AFTER)) {
            return;
        }
        let before = self.refused.take().map(|last| last.why);
        if let Err(error) = self.replace(&why) {
            let why_not = error.to_string();
            if before.as_ref() != Some(&why_not) {
                self.recorder.cannot_go_on(&why, &why_not);
            }
            let new = format!(
                "cannot be begun: {why_not}; mend that: hupd tries again every second, and jobs go on"
            );
            // Without a thread for it, whoever asks is told less.
            let _ = self.turn_away(&why, &new);
            self.refused = Some(Refused {
                at: now,
                why: why_not,
            });
        }
    }

    fn replace(&mut self, why: &str) -> Result<(), StoreError> {
        let failed = |error: &dyn fmt::Display| StoreError(error.to_string());
        self.turn_away(why, "is being begun")
            .map_err(|error| failed(&error))?;
        self.recorder.let_go().map_err(|error| failed(&error))?;
        let now = Moment::now().wall;
        let (writing, reading, moved) = self.place.begin_anew(why, now)?;
        self.reader
            .turn_to(Source::Store(reading))
            .map_err(|error| failed(&error))?;
        self.place.settle();
        self.recorder.begin_anew(writing, moved, now);
        Ok(())
    }

    /// Closes what is read. Whoever asks is told why there is nothing.
    fn turn_away(&mut self, why: &str, new: &str) -> std::io::Result<()> {
        let words = format!(
            "there is no history at the moment: it cannot be read ({why}), and a new one {new}"
        );
        self.reader.turn_to(Source::Nowhere(words))
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
                Message::Certify(receipt) => batch.receipts.push(receipt),
            }
            let is_full =
                batch.records.len() >= RECORDS_PER_BATCH || batch.bytes >= BYTES_PER_BATCH;
            next = (!is_full).then(|| self.inbox.try_recv().ok()).flatten();
        }
        batch
    }
}

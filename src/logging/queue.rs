//! The queue between those who log and the one who writes: bounded, and nobody ever waits to log.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::format::Style;
use super::sink::Sink;

/// How much may wait to be written, in bytes: some 40,000 lines of the ordinary kind.
const ROOM: usize = 4 * 1024 * 1024;
/// How much of it what jobs write may fill: a flood of theirs must not wash away what hupd itself says.
const ROOM_FOR_OUTPUT: usize = ROOM / 2;
/// What a line costs beside its bytes.
const EXTRA: usize = 64;
/// How long a flush waits for a reader that does not read.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the writer is told, in the order of telling.
#[derive(Debug)]
pub(super) enum Message {
    Line(Vec<u8>),
    /// So many lines did not fit before the next one.
    Lost(u64),
    Switch(Box<Sink>, Style),
    Reopen,
    Flush(mpsc::Sender<()>),
}

/// The end of the queue that loggers hold. Never waits.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    messages: mpsc::Sender<Message>,
    room: Arc<Room>,
}

/// What both ends count.
#[derive(Debug, Default)]
pub(super) struct Room {
    taken: AtomicUsize,
    lost: AtomicU64,
}

impl Room {
    /// Whether there is room for the line; then it is taken.
    fn take(&self, line: &[u8]) -> bool {
        let size = line.len() + EXTRA;
        let taken = self.taken.fetch_add(size, Ordering::Relaxed);
        let fits = taken + size <= ROOM;
        if !fits {
            self.taken.fetch_sub(size, Ordering::Relaxed);
        }
        fits
    }

    pub(super) fn give_back(&self, line: &[u8]) {
        self.taken.fetch_sub(line.len() + EXTRA, Ordering::Relaxed);
    }

    pub(super) fn lose(&self, lines: u64) {
        self.lost.fetch_add(lines, Ordering::Relaxed);
    }

    /// What was lost and not said yet.
    pub(super) fn losses(&self) -> Option<u64> {
        Some(self.lost.swap(0, Ordering::Relaxed)).filter(|&lost| lost > 0)
    }
}

impl Queue {
    /// The queue, its other end, and what both count.
    pub(super) fn new() -> (Self, mpsc::Receiver<Message>, Arc<Room>) {
        let (messages, inbox) = mpsc::channel();
        let room = Arc::new(Room::default());
        let queue = Self {
            messages,
            room: Arc::clone(&room),
        };
        (queue, inbox, room)
    }

    /// Commands always fit: there are few, and they must not get lost.
    pub(super) fn send(&self, message: Message) {
        // It fails only when the writer has died, and then nobody can be told.
        let _ = self.messages.send(message);
    }

    pub(super) fn flush(&self) {
        let (done, waiting) = mpsc::channel();
        self.send(Message::Flush(done));
        let _ = waiting.recv_timeout(PATIENCE);
    }

    /// Whether a line that a job wrote may come; if not, it is lost.
    pub(super) fn takes_output(&self) -> bool {
        let takes = self.room.taken.load(Ordering::Relaxed) < ROOM_FOR_OUTPUT;
        if !takes {
            self.room.lose(1);
        }
        takes
    }

    fn line(&self, line: &[u8]) {
        if !self.room.take(line) {
            self.room.lose(1);
            return;
        }
        if let Some(lost) = self.room.losses() {
            self.send(Message::Lost(lost));
        }
        self.send(Message::Line(line.to_vec()));
    }
}

/// env_logger writes each record in one piece.
impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

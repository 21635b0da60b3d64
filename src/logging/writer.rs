//! The thread that writes the lines, in the order of the queue.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;

use log::{Level, Record};

use super::format::Style;
use super::queue::{Message, Queue, Room};
use super::sink::Sink;
use crate::clock::Moment;

/// Lines that are waiting are written together, up to so many bytes.
const BATCH: usize = 64 * 1024;
/// Starts the thread that writes. It lives as long as somebody can log.
pub(super) fn start(sink: Sink, style: Style) -> io::Result<Queue> {
    let (queue, inbox, room) = Queue::new();
    let writer = Writer {
        inbox,
        room,
        sink,
        style,
        batch: Batch::default(),
        ends: Ends::Whole,
    };
    thread::Builder::new()
        .name("log".into())
        .spawn(move || writer.run())?;
    Ok(queue)
}

struct Writer {
    inbox: Receiver<Message>,
    room: Arc<Room>,
    sink: Sink,
    style: Style,
    batch: Batch,
    ends: Ends,
}

/// How that which is written so far ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Whole,
    /// In the middle of a line: the disk was full.
    Torn,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrote {
    All,
    NotAll,
}

/// What is to be written in one go, and how many lines would be lost if it were not.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    lines: u64,
}

impl Writer {
    fn run(mut self) {
        while let Ok(message) = self.inbox.recv() {
            self.take(message);
            while self.batch.bytes.len() < BATCH
                && let Ok(message) = self.inbox.try_recv()
            {
                self.take(message);
            }
            self.write_all();
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Line(line) => {
                self.room.give_back(&line);
                self.batch.bytes.extend(line);
                self.batch.lines += 1;
            }
            Message::Lost(lost) => self.say_lost(lost),
            Message::Switch(sink, style) => {
                self.write_all();
                self.sink = *sink;
                self.style = style;
                self.ends = Ends::Whole;
            }
            Message::Reopen => {
                self.write_all();
                self.reopen();
            }
            Message::Flush(done) => {
                self.write_all();
                // Whoever waited may have lost patience.
                let _ = done.send(());
            }
        }
    }

    fn reopen(&mut self) {
        match self.sink.reopen() {
            Ok(()) => self.ends = Ends::Whole,
            Err(error) => self.say(
                Level::Error,
                format_args!("{error}; going on with the old file"),
            ),
        }
    }

    /// Also says what was lost, if the line after which it would be said does not come. After a
    /// failure it waits for that line, or it would fail again at once.
    fn write_all(&mut self) {
        if self.write_batch() == Wrote::NotAll {
            return;
        }
        if let Some(lost) = self.room.losses() {
            self.say_lost(lost);
            self.write_batch();
        }
    }

    fn write_batch(&mut self) -> Wrote {
        let Batch { mut bytes, lines } = std::mem::take(&mut self.batch);
        if bytes.is_empty() {
            return Wrote::All;
        }
        if self.ends == Ends::Torn {
            bytes.insert(0, b'\n');
        }
        match self.sink.write(&bytes) {
            Ok(()) => {
                self.ends = Ends::Whole;
                Wrote::All
            }
            Err(written) => {
                self.failed(&bytes, written, lines);
                Wrote::NotAll
            }
        }
    }

    fn failed(&mut self, bytes: &[u8], written: usize, lines: u64) {
        let (there, missing) = bytes.split_at(written);
        // What was said of earlier losses counts again only if nothing of it got through.
        self.room.lose(if written == 0 {
            lines
        } else {
            missing.iter().filter(|&&byte| byte == b'\n').count() as u64
        });
        match there.last() {
            Some(b'\n') => self.ends = Ends::Whole,
            Some(_) => self.ends = Ends::Torn,
            None => {}
        }
    }

    fn say_lost(&mut self, lost: u64) {
        let lines = if lost == 1 { "line" } else { "lines" };
        self.say(
            Level::Warn,
            format_args!("{lost} log {lines} lost here: they could not be written"),
        );
        self.batch.lines += lost;
    }

    fn say(&mut self, level: Level, message: std::fmt::Arguments<'_>) {
        let record = Record::builder()
            .level(level)
            .target("hupd::logging")
            .args(message)
            .build();
        let line = self.style.line(&record, Moment::now().wall);
        self.batch.bytes.extend(line.as_bytes());
    }
}

//! A run that is followed, as the body of an answer: it grows while the run writes, and ends with it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::event::{Hear, Heard, Listener, Piece};
use crate::protocol::{FollowRow, Written};
use crate::run::{RunId, whole_characters};

/// How far a follower may be behind, in bytes, before it misses some.
const ROOM: usize = 1024 * 1024;
/// What a piece costs beside its bytes.
const EXTRA: usize = 128;

/// The end of the queue that those hold who know something of the run.
struct Ear {
    queue: UnboundedSender<Heard>,
    taken: Arc<AtomicUsize>,
}

impl Ear {
    fn has_room_for(&self, piece: &Piece) -> bool {
        let size = piece.bytes.len() + EXTRA;
        let taken = self.taken.fetch_add(size, Ordering::Relaxed);
        let fits = taken + size <= ROOM;
        if !fits {
            self.taken.fetch_sub(size, Ordering::Relaxed);
        }
        fits
    }
}

impl Hear for Ear {
    /// A run never waits for its followers: what does not fit is a gap, which the next piece shows.
    fn hear(&self, heard: Heard) {
        let fits = match &heard {
            Heard::New(piece) => self.has_room_for(piece),
            _ => true,
        };
        if fits {
            // One that has gone away hears nothing.
            let _ = self.queue.send(heard);
        }
    }

    fn is_gone(&self) -> bool {
        self.queue.is_closed()
    }
}

/// The end of the queue that is read.
#[derive(Debug)]
pub(super) struct Follower {
    queue: UnboundedReceiver<Heard>,
    taken: Arc<AtomicUsize>,
}

impl Follower {
    pub fn new() -> (Listener, Self) {
        let (sender, queue) = unbounded_channel();
        let taken = Arc::new(AtomicUsize::new(0));
        let ear = Ear {
            queue: sender,
            taken: Arc::clone(&taken),
        };
        (Listener::new(ear), Self { queue, taken })
    }

    /// What is told first: of which run, or why of none; nothing where hupd ends.
    pub async fn first(&mut self) -> Option<Heard> {
        self.queue.recv().await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Heard>> {
        let heard = ready!(self.queue.poll_recv(context));
        if let Some(Heard::New(piece)) = &heard {
            let size = piece.bytes.len() + EXTRA;
            self.taken.fetch_sub(size, Ordering::Relaxed);
        }
        Poll::Ready(heard)
    }
}

/// The lines that a follower is sent.
#[derive(Debug)]
pub(super) struct Story {
    follower: Follower,
    run: RunId,
    is_begun: bool,
    /// The place in the whole output up to which it is told.
    told_up_to: u64,
    /// The beginning of a character whose last bytes are still to come.
    begun: Vec<u8>,
    /// Its place among those who may follow.
    _place: OwnedSemaphorePermit,
}

impl Story {
    pub fn new(follower: Follower, run: RunId, place: OwnedSemaphorePermit) -> Self {
        Self {
            follower,
            run,
            is_begun: false,
            told_up_to: 0,
            begun: Vec::new(),
            _place: place,
        }
    }

    fn lines(&mut self, heard: Heard) -> Vec<u8> {
        let run = self.run;
        let mut lines = Vec::new();
        match heard {
            Heard::Kept(piece) | Heard::New(piece) => self.piece(&piece, &mut lines),
            Heard::Started { attempt, pid, at } => add(
                &mut lines,
                &FollowRow::Started {
                    run,
                    attempt,
                    pid,
                    started_at: at,
                },
            ),
            Heard::Failed(details) => {
                self.finish_character(&mut lines);
                add(&mut lines, &FollowRow::Failed { run, details });
            }
            Heard::Ended(details) => {
                self.finish_character(&mut lines);
                add(&mut lines, &FollowRow::End { run, details });
            }
            Heard::NeverStarts(reason) => add(&mut lines, &FollowRow::Never { run, reason }),
            // They are told first, and answered before there is a story.
            Heard::Run(_) | Heard::Refused(_) => {}
        }
        lines
    }

    fn piece(&mut self, piece: &Piece, lines: &mut Vec<u8>) {
        let run = self.run;
        let end = piece.at + piece.bytes.len() as u64;
        if end <= self.told_up_to {
            return;
        }
        let known = match piece.at.checked_sub(self.told_up_to) {
            None => usize::try_from(self.told_up_to - piece.at).unwrap_or(usize::MAX),
            Some(0) => 0,
            Some(bytes) => {
                self.finish_character(lines);
                add(lines, &FollowRow::Lost { run, bytes });
                0
            }
        };
        self.told_up_to = end;
        self.begun
            .extend(piece.bytes.get(known..).unwrap_or_default());
        let begun = self.begun.split_off(whole_characters(&self.begun));
        self.finish_character(lines);
        self.begun = begun;
    }

    /// What was held back is told as it is.
    fn finish_character(&mut self, lines: &mut Vec<u8>) {
        let bytes = std::mem::take(&mut self.begun);
        if !bytes.is_empty() {
            let (run, written) = (self.run, Written::new(&bytes));
            add(lines, &FollowRow::Output { run, written });
        }
    }
}

fn add(lines: &mut Vec<u8>, row: &FollowRow) {
    serde_json::to_writer(&mut *lines, row).expect("rows have string keys, so they are JSON");
    lines.push(b'\n');
}

impl Body for Story {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut lines = Vec::new();
        if !std::mem::replace(&mut self.is_begun, true) {
            add(&mut lines, &FollowRow::Run { run: self.run });
        }
        while lines.is_empty() {
            match ready!(self.follower.poll(context)) {
                Some(heard) => lines = self.lines(heard),
                None => return Poll::Ready(None),
            }
        }
        Poll::Ready(Some(Ok(Frame::data(lines.into()))))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    fn piece(at: u64, bytes: &[u8]) -> Piece {
        let bytes = bytes.into();
        Piece { at, bytes }
    }

    fn story() -> (Listener, Story) {
        let (listener, follower) = Follower::new();
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        (listener, Story::new(follower, RunId(17), place))
    }

    /// All that can be read now.
    fn read(story: &mut Story) -> Vec<FollowRow> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut rows = Vec::new();
        while let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut *story).poll_frame(&mut context) {
            let bytes = frame.into_data().unwrap();
            let lines = bytes.split(|&byte| byte == b'\n');
            rows.extend(
                lines
                    .filter(|line| !line.is_empty())
                    .map(|line| serde_json::from_slice::<FollowRow>(line).unwrap()),
            );
        }
        rows
    }

    fn output(text: &str) -> FollowRow {
        FollowRow::Output {
            run: RunId(17),
            written: Written::Text(text.into()),
        }
    }

    fn lost(bytes: u64) -> FollowRow {
        FollowRow::Lost {
            run: RunId(17),
            bytes,
        }
    }

    #[test]
    fn what_comes_twice_is_told_once_and_a_gap_is_counted() {
        let (listener, mut story) = story();
        listener.hear(Heard::Kept(piece(0, b"abc")));
        listener.hear(Heard::Kept(piece(10, b"klm")));
        listener.hear(Heard::New(piece(13, b"n")));
        listener.hear(Heard::Kept(piece(0, b"abc")));
        listener.hear(Heard::Kept(piece(12, b"mnop")));
        let rows = read(&mut story);
        let begin = FollowRow::Run { run: RunId(17) };
        let expected = [
            begin,
            output("abc"),
            lost(7),
            output("klm"),
            output("n"),
            output("op"),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_character_that_comes_in_two_pieces_is_told_in_one() {
        let (listener, mut story) = story();
        listener.hear(Heard::New(piece(0, b"a\xc3")));
        listener.hear(Heard::New(piece(2, b"\xa4b\xe2\x82")));
        listener.hear(Heard::New(piece(9, b"z")));
        let rows = read(&mut story);
        assert_eq!(rows[1..3], [output("a"), output("\u{e4}b")]);
        let half = FollowRow::Output {
            run: RunId(17),
            written: Written::Base64("4oI=".into()),
        };
        assert_eq!(rows[3..], [half, lost(3), output("z")]);
    }

    #[test]
    fn a_follower_that_does_not_read_misses_something_and_takes_no_more_room() {
        let (listener, mut story) = story();
        let flood = vec![b'x'; 64 * 1024];
        let pieces = 100;
        for number in 0..pieces {
            listener.hear(Heard::New(piece(number * flood.len() as u64, &flood)));
        }
        let queued = story.follower.queue.len();
        assert!(queued * flood.len() <= ROOM, "{queued} pieces");
        let total = pieces * flood.len() as u64;
        listener.hear(Heard::Kept(piece(total - 3, b"end")));
        let rows = read(&mut story);
        let missing = total - 3 - (queued * flood.len()) as u64;
        assert_eq!(rows[rows.len() - 2..], [lost(missing), output("end")]);
        // There is room again.
        listener.hear(Heard::New(piece(total, b"more")));
        assert_eq!(read(&mut story), [output("more")]);
    }

    #[test]
    fn nobody_is_there_when_the_client_has_gone() {
        let (listener, story) = story();
        assert!(!listener.is_gone());
        drop(story);
        assert!(listener.is_gone());
    }
}

//! Somebody who follows a run: what they are told of it, by whoever knows it.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::protocol::{OutputOf, Refusal, RunRow};
use crate::run::{Output, RunId};

/// Somebody wants to follow a run.
#[derive(Debug)]
pub struct Follow {
    pub what: ToFollow,
    pub listener: Listener,
}

/// What somebody wants to follow.
#[derive(Debug)]
pub enum ToFollow {
    Output(OutputOf),
    /// A run of this job that begins with that, so that nothing of it is missed.
    NewRunOf(String),
}

/// What a follower is told, in this order.
#[derive(Clone, Debug)]
pub enum Heard {
    /// There is no such run; nothing else is told.
    Refused(Refusal),
    /// Which run it is.
    Run(RunId),
    /// Its process is there, of this attempt.
    Started {
        attempt: u32,
        pid: i32,
        at: Timestamp,
    },
    /// What is kept of what it wrote.
    Kept(Piece),
    /// What it wrote just now: this may get lost where the follower is slow.
    New(Piece),
    /// This attempt is over, and another one follows.
    Failed(Box<RunRow>),
    /// It is over.
    Ended(Box<RunRow>),
    /// It will not start, and why.
    NeverStarts(String),
}

/// A part of what a run wrote, by its place in the whole: so what comes twice is known, and a gap is seen.
#[derive(Clone, Debug)]
pub struct Piece {
    pub at: u64,
    pub bytes: Arc<[u8]>,
}

impl Piece {
    /// The head and the tail of what is kept.
    pub fn of_kept(output: &Output) -> [Self; 2] {
        let tail_at = output.total - output.tail.len() as u64;
        [(0, &output.head), (tail_at, &output.tail)].map(|(at, bytes)| Self {
            at,
            bytes: bytes.as_slice().into(),
        })
    }
}

/// Takes what a follower is told, and never waits.
pub trait Hear: Send + Sync {
    fn hear(&self, heard: Heard);

    /// Whether nobody is there any more.
    fn is_gone(&self) -> bool;
}

/// The way to a follower.
#[derive(Clone)]
pub struct Listener(Arc<dyn Hear>);

impl Listener {
    pub fn new(ear: impl Hear + 'static) -> Self {
        Self(Arc::new(ear))
    }

    pub fn hear(&self, heard: Heard) {
        self.0.hear(heard);
    }

    pub fn hear_all(&self, all: Vec<Heard>) {
        all.into_iter().for_each(|heard| self.hear(heard));
    }

    pub fn hear_kept(&self, output: &Output) {
        for piece in Piece::of_kept(output) {
            self.hear(Heard::Kept(piece));
        }
    }

    pub fn is_gone(&self) -> bool {
        self.0.is_gone()
    }

    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

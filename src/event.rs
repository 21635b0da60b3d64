//! What can happen, and the inbox where it arrives. Everything is an event: a signal, a deadline,
//! a file change, a request, the end of a child.

mod listener;
mod sender;

use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use crate::config::{Compared, Problems, Took};
pub use crate::ledger::{ClaimVerdict, Claimed, Ended, Gone, NoStart, Started};
use crate::protocol::{Answer, Request, Watching};
use crate::run::RunId;
pub use listener::{Follow, Hear, Heard, Listener, Piece, ToFollow};
pub use sender::Sender;

/// What the daemon's loop can be told.
#[derive(Debug)]
pub enum Event {
    /// A wall-clock or elapsed deadline that the loop asked for has come.
    Due,
    /// Somebody set the wall clock, or it jumped.
    ClockSet,
    Signal(SignalReceived),
    /// The watched configuration files changed, and have been quiet since.
    FilesChanged,
    /// How well their changes are seen from now on.
    Watching(Watching),
    /// The loader is at this file.
    Reading(PathBuf),
    /// The loader is done.
    Loaded(Box<Loaded>),
    /// The store has the files of the generation that is to come back, or says why not.
    Fetched(Box<Answer>),
    /// What is to be taken back unless somebody confirms what comes next is on record, or this is why it is not.
    Recorded(Result<(), NotPromised>),
    /// The store has dealt with claims, in the order in which they were made.
    Claimed(Vec<ClaimVerdict>),
    /// The store cannot write, and why; said once until it can again.
    StoreFailed(String),
    /// So many records wait for the store to write again, and so many are lost for good.
    StoreOwes {
        waiting: usize,
        lost: u64,
    },
    /// The store was found corrupt and moved aside, as this says; a new one knows nothing of what goes on.
    StoreReplaced(String),
    /// The store can write again; so many records were lost meanwhile.
    StoreRecovered {
        lost: u64,
    },
    Started(Started),
    CouldNotStart {
        run: RunId,
        why: NoStart,
    },
    /// The start of a run that was given up has come back, and nothing is left of it.
    CameBack {
        run: RunId,
    },
    /// All who start runs are held up while others wait for one, and no more come to help; or that is over.
    HeldUp(Option<HeldUp>),
    Ended(Box<Ended>),
    Gone(Gone),
    Asked(Asked),
    Follow(Follow),
}

/// Why a crash would keep what nobody has confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotPromised {
    /// The history cannot be written.
    Unwritten(String),
    /// A start takes nothing from it.
    Untrusted(String),
}

/// What the loader has made of the files, and how long that took.
#[derive(Debug)]
pub struct Loaded {
    pub outcome: Result<Compared, Problems>,
    pub took: Took,
    /// Comparing it with what is in force.
    pub diff: Duration,
}

/// Nobody is left to start runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldUp {
    /// So many threads there are for that.
    pub starters: usize,
    /// Why there are not more, where that is not the bound.
    pub no_more: Option<String>,
}

/// A signal, and who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalReceived {
    pub meaning: Meaning,
    pub sender: Option<Sender>,
    /// So many others have sent the same at that time.
    pub others: usize,
}

impl SignalReceived {
    /// With the name of the program that sent it.
    pub fn named(self) -> Self {
        Self {
            sender: self.sender.map(Sender::named),
            ..self
        }
    }
}

/// What a signal means to hupd; `system::signals` is where numbers become meanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// TERM or INT: drain; a second one: stop now; a third: kill now.
    Stop,
    /// QUIT: stop now.
    StopNow,
    /// HUP.
    Reload,
    /// USR1.
    ReopenLogs,
    /// CHLD; only asked for where orphans are ours to reap.
    Orphans,
    /// A signal whose default would end hupd, and which has no meaning here.
    Nothing(&'static str),
}

/// A request, who made it, and where its answer goes.
#[derive(Debug)]
pub struct Asked {
    pub request: Request,
    pub caller: Sender,
    pub reply: Reply,
}

/// Where the answer to a request goes. One that is dropped unanswered drops what would have delivered it, by which a
/// client knows; or it delivers what is to be said then.
pub struct Reply {
    deliver: Option<Box<dyn FnOnce(Answer) + Send>>,
    unanswered: Option<Box<Answer>>,
}

impl Reply {
    pub fn new(deliver: impl FnOnce(Answer) + Send + 'static) -> Self {
        Self {
            deliver: Some(Box::new(deliver)),
            unanswered: None,
        }
    }

    /// One that delivers this where it is dropped unanswered.
    pub fn always(deliver: impl FnOnce(Answer) + Send + 'static, unanswered: Answer) -> Self {
        Self {
            deliver: Some(Box::new(deliver)),
            unanswered: Some(Box::new(unanswered)),
        }
    }

    pub fn send(mut self, answer: Answer) {
        if let Some(deliver) = self.deliver.take() {
            deliver(answer);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let (Some(deliver), Some(answer)) = (self.deliver.take(), self.unanswered.take()) {
            deliver(*answer);
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply")
    }
}

/// The end of the inbox that sources hold.
pub type Outbox = mpsc::Sender<Event>;

/// Where events wait for the loop: unbounded, for a source must never wait for the loop.
#[derive(Debug)]
pub struct Inbox {
    events: mpsc::Receiver<Event>,
    outbox: Outbox,
}

impl Inbox {
    #[expect(
        clippy::new_without_default,
        reason = "an inbox is made once, on purpose"
    )]
    pub fn new() -> Self {
        let (outbox, events) = mpsc::channel();
        Self { events, outbox }
    }

    /// A way into this inbox.
    pub fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// The next event; waits for one.
    pub fn next(&self) -> Event {
        self.events
            .recv()
            .expect("the inbox holds an outbox itself")
    }

    /// The next event if one is there.
    pub fn try_next(&self) -> Option<Event> {
        self.events.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::protocol::{Refusal, RefusalKind};

    fn refusal(message: &str) -> Answer {
        Answer::Refused(Refusal::new(RefusalKind::Failed, message))
    }

    #[test]
    fn a_reply_that_always_comes_says_so_where_it_is_dropped() {
        let (sender, answers) = mpsc::channel();
        let reply = || {
            let sender = sender.clone();
            Reply::always(move |answer| sender.send(answer).unwrap(), refusal("lost"))
        };
        drop(reply());
        reply().send(refusal("found"));
        let all: Vec<_> = answers.try_iter().collect();
        assert_eq!(all, [refusal("lost"), refusal("found")]);
    }

    #[test]
    fn another_one_drops_what_would_have_delivered_it() {
        let (sender, answers) = mpsc::channel::<Answer>();
        drop(Reply::new(move |answer| sender.send(answer).unwrap()));
        assert_eq!(answers.recv(), Err(mpsc::RecvError));
    }
}

//! A start that is under way, as those see it who may have to end it: its maker may stand still for ever.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};

use rustix::process::{Signal, pidfd_send_signal};

use super::plan::{NotDone, Step};
use crate::system::raw::Pidfd;

/// Nobody has answered yet for what becomes of it.
const OPEN: u8 = 0;
const ANSWERED: u8 = 1;
const GIVEN_UP: u8 = 2;
/// By birth into a cgroup, by joining it, and without one.
const TRIES: usize = 3;

/// By what others see a start, while its maker stands still.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'s> {
    pub under_way: &'s Arc<UnderWay>,
    /// What its process is: there before that takes its first step.
    pub number: &'s AtomicI32,
}

/// It is answered once: by its maker, or by whoever gives it up.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    answer: AtomicU8,
    tries: [Pidfd; TRIES],
}

impl UnderWay {
    /// Whether its maker is the one to answer.
    pub(super) fn answer(&self) -> bool {
        self.decide(ANSWERED)
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.answer.load(Ordering::SeqCst) == GIVEN_UP
    }

    /// Whether it is given up by this. What there is of a process gets KILL, and comes to no program any more.
    pub(super) fn give_up(&self) -> bool {
        let is_given_up = self.decide(GIVEN_UP);
        // After the word of it: a process either reads that, or is seen here. See `raw`.
        for process in self.tries.iter().filter(|_| is_given_up) {
            let _ = process.get().map(|it| pidfd_send_signal(it, Signal::KILL));
        }
        is_given_up
    }

    fn decide(&self, answer: u8) -> bool {
        let order = Ordering::SeqCst;
        let decided = self.answer.compare_exchange(OPEN, answer, order, order);
        decided.is_ok()
    }

    /// For the process itself: whether it is still wanted.
    pub(crate) fn go_on(&self) -> Result<(), NotDone> {
        match self.is_given_up() {
            true => Err(NotDone::of(Step::Birth, libc::ECANCELED)),
            false => Ok(()),
        }
    }

    /// The place for the process of the next try.
    pub(crate) fn next_try(&self) -> &Pidfd {
        let mut tries = self.tries.iter();
        let free = tries.find(|one| one.get().is_none());
        free.expect("there are so many ways at most")
    }
}

/// The process that came of it: that of the last try that has made one.
impl AsFd for UnderWay {
    fn as_fd(&self) -> BorrowedFd<'_> {
        let process = self.tries.iter().rev().find_map(Pidfd::get);
        process.expect("only what is started is looked after")
    }
}

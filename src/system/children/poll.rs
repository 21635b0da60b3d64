//! What the thread waits for: epoll, with names instead of numbers.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

use crate::clock::Moment;
use crate::run::RunId;

/// How many events are taken at once.
const BATCH: usize = 256;

/// Whose descriptor is ready. Run ids are never used twice, so an event that comes late, after its
/// descriptor was closed and its number reused, finds nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Commands,
    Process(RunId),
    Output(RunId),
}

impl Token {
    fn to_number(self) -> u64 {
        match self {
            Self::Commands => 0,
            Self::Process(run) => run.0 << 2 | 1,
            Self::Output(run) => run.0 << 2 | 2,
        }
    }

    fn from_number(number: u64) -> Self {
        let run = RunId(number >> 2);
        match number & 3 {
            0 => Self::Commands,
            1 => Self::Process(run),
            _ => Self::Output(run),
        }
    }
}

#[derive(Debug)]
pub(super) struct Poll {
    epoll: OwnedFd,
}

impl Poll {
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { epoll })
    }

    /// Tells of a descriptor for as long as it can be read.
    pub(super) fn watch(&self, source: impl AsFd, token: Token) -> io::Result<()> {
        let data = EventData::new_u64(token.to_number());
        Ok(epoll::add(&self.epoll, source, data, EventFlags::IN)?)
    }

    /// Always before a close: a child that is being started holds copies of our descriptors for a
    /// moment, and closing ours alone would leave them watched.
    pub(super) fn forget(&self, source: impl AsFd) {
        // It is not there where watching it has failed.
        let _ = epoll::delete(&self.epoll, source);
    }

    /// Waits until something can be read, or until a time on the elapsed clock.
    pub(super) fn wait(&self, until: Option<Duration>, ready: &mut Vec<Token>) {
        let patience = until.map(patience_until);
        let mut room = [const { MaybeUninit::uninit() }; BATCH];
        let events = match epoll::wait(&self.epoll, &mut room, patience.as_ref()) {
            Ok((events, _)) => events,
            // It comes without any handler, too: from a signal that was blocked for a moment.
            Err(Errno::INTR) => return,
            Err(error) => panic!("epoll_wait on a descriptor of ours: {error}"),
        };
        ready.extend(
            events
                .iter()
                .map(|event| Token::from_number(event.data.u64())),
        );
    }
}

/// In whole milliseconds, upwards: waking too early would mean to wake twice.
fn patience_until(until: Duration) -> Timespec {
    let left = until.saturating_sub(Moment::now().elapsed);
    let millis = left.as_micros().div_ceil(1000);
    let millis = u64::try_from(millis).expect("deadlines are less than a second away");
    Timespec::try_from(Duration::from_millis(millis)).expect("a short time fits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_the_kernel() {
        let run = RunId(u64::MAX >> 2);
        for token in [Token::Commands, Token::Process(run), Token::Output(run)] {
            assert_eq!(Token::from_number(token.to_number()), token);
        }
    }
}

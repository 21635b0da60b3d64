//! The instants of a job that have come and are not decided: a series that can be asked from both ends, for there may
//! be a great many of them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::due::micros;
use crate::schedule::{Instant, Schedule, Watch};

/// At least one instant, the first one known.
#[derive(Debug)]
pub enum Come<'j> {
    Schedule {
        schedule: &'j Schedule,
        first: Instant,
        until: Timestamp,
    },
    Every {
        first: Timestamp,
        every: Duration,
        count: u128,
    },
}

impl Come<'_> {
    /// From the first one on.
    pub fn in_order(&self) -> Box<dyn Iterator<Item = Instant> + '_> {
        match *self {
            Self::Schedule {
                schedule,
                first,
                until,
            } => Box::new(instants(schedule, Some(first), until)),
            Self::Every { count, .. } => Box::new((0..count).map(|n| self.nth(n))),
        }
    }

    /// The newest of them, at most so many, in order.
    pub fn newest(&self, count: usize) -> Vec<Instant> {
        match *self {
            Self::Schedule {
                schedule,
                first,
                until,
            } => newest(schedule, (first, until), count),
            Self::Every { count: all, .. } => {
                let from = all.saturating_sub(count as u128);
                (from..all).map(|n| self.nth(n)).collect()
            }
        }
    }

    fn nth(&self, n: u128) -> Instant {
        let (Self::Every { first, every, .. }, n) = (self, n) else {
            unreachable!("only intervals are counted");
        };
        let after = Duration::from_nanos_u128(every.as_nanos() * n);
        let at = first.checked_add(after);
        Instant {
            at: micros(at.expect("it has come, so it is within the calendar")),
            moved_from: None,
            watch: Watch::Wild,
        }
    }
}

fn instants(
    schedule: &Schedule,
    first: Option<Instant>,
    until: Timestamp,
) -> impl Iterator<Item = Instant> {
    let following = |instant: &Instant| schedule.next_after(instant.at);
    std::iter::successors(first, following).take_while(move |instant| instant.at <= until)
}

/// A schedule can only be asked forward: looks from ever further back, until there are enough.
fn newest(schedule: &Schedule, (first, until): (Instant, Timestamp), count: usize) -> Vec<Instant> {
    let mut back = SignedDuration::from_secs(1);
    loop {
        let from = until.checked_sub(back).unwrap_or(Timestamp::MIN);
        let start = match from < first.at {
            true => Some(first),
            false => schedule.next_after(from),
        };
        let mut found: Vec<_> = instants(schedule, start, until).collect();
        if found.len() >= count || from < first.at {
            return found.split_off(found.len().saturating_sub(count));
        }
        back = back.saturating_mul(4);
    }
}

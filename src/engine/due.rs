//! From a job's timing to due times: the first one, what is owed when one has come, the next one.

use std::time::Duration;

use jiff::Timestamp;

use super::agenda::Due;
use crate::clock::Moment;
use crate::config::{Job, Timing};
use crate::ledger::Anchor;
use crate::schedule::{Instant, Schedule};

/// An instant that is reached later than this is not started any more. It is cron's bound between a
/// clock change and a correction of the clock: see `cron(8)` of Debian and OpenBSD.
const CATCH_UP: Duration = Duration::from_secs(3 * 60 * 60);

/// Instants that were passed over are recorded one by one up to this number, then in one row.
const PASSED_OVER: usize = 100;

/// By so much the wall clock may drift from the elapsed one before instants follow it.
const TREMBLE: Duration = Duration::from_millis(10);

/// What a job owes when its due time has come.
#[derive(Debug)]
pub struct Owed {
    /// Instants that nobody will start, with the reason.
    pub missed: Vec<(Timestamp, String)>,
    /// The instant to decide on, with what is worth knowing about it.
    pub instant: Option<(Timestamp, String)>,
    pub next: Due,
}

/// When a job that comes into force at `now` is due first. Never a past instant. An interval is counted
/// from its anchor; without one that fits, from now.
pub fn first_due(job: &Job, anchor: Option<&Anchor>, now: Moment) -> Due {
    if !job.enabled {
        return Due::Never;
    }
    match &job.timing {
        Timing::Never => Due::Never,
        Timing::Schedule(schedule) => wall(schedule.next_after(now.wall)),
        Timing::Every(every) => {
            let anchor = anchor.filter(|anchor| anchor.every == *every);
            Due::Elapsed(now.elapsed + until_next(*every, anchor, now.wall))
        }
    }
}

/// What is owed by a job whose `due` has come; `clocks` tell its instants.
pub fn settle(job: &Job, due: Due, (now, clocks): (Moment, Moment)) -> Owed {
    match (&job.timing, due) {
        (Timing::Schedule(schedule), Due::Wall(instant)) => settle_wall(schedule, instant, now),
        (Timing::Every(every), Due::Elapsed(at)) => settle_elapsed(*every, at, (now, clocks)),
        (timing, due) => unreachable!("a job of {timing:?} is never {due:?}"),
    }
}

/// The instant on the wall clock at which an elapsed due time comes or came, told by one reading of both.
pub fn wall_instant(at: Duration, clocks: Moment) -> Timestamp {
    instant_of(at, clocks).unwrap_or_else(|| micros(clocks.wall))
}

/// The same; none where the calendar has ended by then, after the year 9999.
pub fn instant_of(at: Duration, clocks: Moment) -> Option<Timestamp> {
    let instant = if at >= clocks.elapsed {
        clocks.wall.checked_add(at - clocks.elapsed)
    } else {
        clocks.wall.checked_sub(clocks.elapsed - at)
    };
    instant.ok().map(micros)
}

/// Which reading of both clocks tells instants from now on. The old one, as long as the wall clock has not
/// been set: two readings are never taken quite at once, and instants must not tremble for that.
pub fn steady(clocks: Moment, now: Moment) -> Moment {
    let expected = wall_instant(now.elapsed, clocks);
    match expected.duration_since(now.wall).unsigned_abs() > TREMBLE {
        true => now,
        false => clocks,
    }
}

/// Cut to the precision of the ledger, so that an instant is equal to itself when read back.
pub fn micros(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).expect("microseconds of a time are a time")
}

fn wall(instant: Option<Instant>) -> Due {
    instant.map_or(Due::Never, Due::Wall)
}

/// From now to the next multiple of `every` after the anchor.
fn until_next(every: Duration, anchor: Option<&Anchor>, now: Timestamp) -> Duration {
    let Some(anchor) = anchor else { return every };
    // An anchor in the future: the clock was set back; counting from now keeps the job alive.
    let Ok(since) = Duration::try_from(now.duration_since(anchor.at)) else {
        return every;
    };
    let into = since.as_nanos() % every.as_nanos();
    every - Duration::from_nanos_u128(into)
}

fn settle_wall(schedule: &Schedule, due: Instant, now: Moment) -> Owed {
    let horizon = now.wall.checked_sub(CATCH_UP).unwrap_or(Timestamp::MIN);
    let mut missed = Vec::new();
    let mut current = due;
    loop {
        let mut next = schedule.next_after(current.at);
        let is_last_row = missed.len() + 1 == PASSED_OVER;
        let reason = if is_last_row && next.is_some_and(|next| next.at < horizon) {
            next = first_from(schedule, horizon);
            format!("{TOO_LATE}; so is every later one until {horizon}")
        } else if current.at < horizon {
            TOO_LATE.to_owned()
        } else {
            PASSED.to_owned()
        };
        match next {
            Some(next) if next.at <= now.wall => {
                missed.push((current.at, reason));
                current = next;
            }
            next if current.at < horizon => {
                missed.push((current.at, reason));
                return Owed {
                    missed,
                    instant: None,
                    next: wall(next),
                };
            }
            next => {
                return Owed {
                    missed,
                    instant: Some((current.at, note(&current))),
                    next: wall(next),
                };
            }
        }
    }
}

/// The first instant that is not earlier than `time`.
fn first_from(schedule: &Schedule, time: Timestamp) -> Option<Instant> {
    let before = time.checked_sub(Duration::from_nanos(1));
    schedule.next_after(before.unwrap_or(Timestamp::MIN))
}

fn note(instant: &Instant) -> String {
    let from = instant.moved_from;
    from.map_or_else(String::new, |from| {
        format!("moved from {from} by a clock change")
    })
}

const TOO_LATE: &str =
    "reached more than 3 h late: hupd was stopped or asleep, or the clock was set";
const PASSED: &str =
    "a later instant had come as well: hupd was stopped or asleep, or the clock was set";

fn settle_elapsed(every: Duration, at: Duration, (now, clocks): (Moment, Moment)) -> Owed {
    let late = now.elapsed.saturating_sub(at);
    let passed = late.as_nanos() / every.as_nanos();
    let nth = |n: u128| at + Duration::from_nanos_u128(every.as_nanos() * n);
    let mut missed: Vec<_> = (0..passed.min(PASSED_OVER as u128))
        .map(|n| (wall_instant(nth(n), clocks), PASSED.to_owned()))
        .collect();
    if passed > PASSED_OVER as u128 {
        let (_, reason) = missed.last_mut().expect("passed over more than none");
        *reason = format!("{PASSED}; so had {} more", passed - PASSED_OVER as u128);
    }
    let (last, next) = (nth(passed), Due::Elapsed(nth(passed + 1)));
    let instant = wall_instant(last, clocks);
    if now.elapsed.saturating_sub(last) > CATCH_UP {
        missed.push((instant, TOO_LATE.to_owned()));
        return Owed {
            missed,
            instant: None,
            next,
        };
    }
    Owed {
        missed,
        instant: Some((instant, String::new())),
        next,
    }
}

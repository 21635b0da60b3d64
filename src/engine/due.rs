//! From a job's timing to its first due time, and from one clock to the other.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::agenda::Due;
use crate::clock::Moment;
use crate::config::{Job, Timing};
use crate::ledger::Anchor;
use crate::schedule::Instant;

/// By so much the wall clock may drift from the elapsed one before instants follow it.
pub const TREMBLE: SignedDuration = SignedDuration::from_millis(10);

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

/// The instant on the wall clock at which an elapsed due time comes or came, told by one reading of both.
pub fn wall_instant(at: Duration, clocks: Moment) -> Timestamp {
    instant_of(at, clocks).unwrap_or_else(|| micros(clocks.wall))
}

/// The same; none where the calendar has ended by then, after the year 9999.
pub fn instant_of(at: Duration, clocks: Moment) -> Option<Timestamp> {
    told(at, clocks).map(micros)
}

pub(super) fn told(at: Duration, clocks: Moment) -> Option<Timestamp> {
    let instant = if at >= clocks.elapsed {
        clocks.wall.checked_add(at - clocks.elapsed)
    } else {
        clocks.wall.checked_sub(clocks.elapsed - at)
    };
    instant.ok()
}

/// Which reading of both clocks tells instants from now on. The old one, as long as the wall clock has not
/// been set: two readings are never taken quite at once, and instants must not tremble for that.
pub fn steady(clocks: Moment, now: Moment) -> Moment {
    let expected = wall_instant(now.elapsed, clocks);
    match expected.duration_since(now.wall).abs() > TREMBLE {
        true => now,
        false => clocks,
    }
}

/// Cut to the precision of the ledger, so that an instant is equal to itself when read back.
pub fn micros(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).expect("microseconds of a time are a time")
}

pub(super) fn wall(instant: Option<Instant>) -> Due {
    instant.map_or(Due::Never, Due::Wall)
}

/// Whether an instant of an interval is where its anchor says, but for a tremble.
pub fn is_in_phase(anchor: &Anchor, every: Duration, at: Timestamp) -> bool {
    let Ok(since) = Duration::try_from(at.duration_since(anchor.at)) else {
        return false;
    };
    let into = since.as_nanos() % every.as_nanos();
    let off = into.min(every.as_nanos() - into);
    anchor.every == every && off <= TREMBLE.unsigned_abs().as_nanos()
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

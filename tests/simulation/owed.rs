//! What a job owes at a moment: the rules of the manual on instants that are reached late, by counting them.

use std::time::Duration;

use hupd::clock::Moment;
use jiff::Timestamp;

use super::jobs::{Due, JobSpec};
use super::oracle::{Oracle, Schedule};

/// What is later than this is not started any more.
const TOO_LATE: Duration = Duration::from_secs(3 * 3600);
/// So many instants that were passed over have a row each.
const ROWS: usize = 100;
/// Less is no clock that was set.
const TREMBLE: Duration = Duration::from_millis(10);

/// When a job is due next, by one of the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Next {
    Wall(Timestamp),
    Elapsed(Duration),
}

impl Next {
    pub fn on_the_wall(self, clocks: Moment) -> Timestamp {
        match self {
            Self::Wall(at) => at,
            Self::Elapsed(at) => wall_of(at, clocks),
        }
    }

    pub fn has_come(self, now: Moment) -> bool {
        match self {
            Self::Wall(at) => at <= now.wall,
            Self::Elapsed(at) => at <= now.elapsed,
        }
    }
}

#[derive(Debug)]
pub struct Owed {
    /// Passed over; whether the row stands for more than one.
    pub missed: Vec<(Timestamp, bool)>,
    /// To be started now.
    pub instant: Option<Timestamp>,
    pub next: Option<Next>,
}

/// Never a past instant. An interval is counted from its anchor, if there is one for this interval.
pub fn first(
    job: &JobSpec,
    anchor: Option<(Duration, Timestamp)>,
    oracle: &Oracle,
    now: Moment,
) -> Option<Next> {
    match job.due {
        _ if !job.enabled => None,
        Due::OnRequest => None,
        Due::At(schedule) => oracle.next_after(schedule, now.wall).map(Next::Wall),
        Due::Every(every) => {
            let anchor = anchor.filter(|(known, since)| *known == every && *since <= now.wall);
            let Some((_, since)) = anchor else {
                return Some(Next::Elapsed(now.elapsed + every));
            };
            let since = now.wall.duration_since(since).unsigned_abs();
            let rest = since.as_nanos() % every.as_nanos();
            let until = every - Duration::from_nanos(rest as u64);
            Some(Next::Elapsed(now.elapsed + until))
        }
    }
}

pub fn owed(job: &JobSpec, next: Next, oracle: &Oracle, (now, clocks): (Moment, Moment)) -> Owed {
    match (job.due, next) {
        (Due::At(schedule), Next::Wall(at)) => owed_by_wall(schedule, at, oracle, now),
        (Due::Every(every), Next::Elapsed(at)) => owed_by_elapsed(every, at, (now, clocks)),
        (due, next) => panic!("a job that is due {due} is not due at {next:?}"),
    }
}

fn owed_by_wall(schedule: Schedule, at: Timestamp, oracle: &Oracle, now: Moment) -> Owed {
    let horizon = now.wall - TOO_LATE;
    let following = |time: &Timestamp| oracle.next_after(schedule, *time);
    let old: Vec<_> = std::iter::successors(Some(at), following)
        .take_while(|at| *at < horizon)
        .take(ROWS + 1)
        .collect();
    let first = match at < horizon {
        true => oracle.next_after(schedule, horizon - Duration::from_nanos(1)),
        false => Some(at),
    };
    let come = std::iter::successors(first, following).take_while(|at| *at <= now.wall);
    let mut come: Vec<_> = come.collect();
    let instant = come.pop();
    let more = old.len() > ROWS;
    let row = |(number, at): (usize, Timestamp)| (at, more && number + 1 == ROWS);
    let old = old.into_iter().take(ROWS).enumerate().map(row);
    Owed {
        missed: old.chain(come.into_iter().map(|at| (at, false))).collect(),
        instant,
        next: oracle.next_after(schedule, now.wall).map(Next::Wall),
    }
}

fn owed_by_elapsed(every: Duration, at: Duration, (now, clocks): (Moment, Moment)) -> Owed {
    let passed = ((now.elapsed - at).as_nanos() / every.as_nanos()) as u32;
    let rows = passed.min(ROWS as u32);
    let mut missed: Vec<_> = (0..rows)
        .map(|number| (wall_of(at + every * number, clocks), false))
        .collect();
    if passed > rows
        && let Some((_, stands_for_more)) = missed.last_mut()
    {
        *stands_for_more = true;
    }
    let last = at + every * passed;
    let instant = wall_of(last, clocks);
    let is_too_late = now.elapsed - last > TOO_LATE;
    missed.extend(is_too_late.then_some((instant, false)));
    Owed {
        missed,
        instant: (!is_too_late).then_some(instant),
        next: Some(Next::Elapsed(last + every)),
    }
}

/// A reading of the elapsed clock on the wall, by a reading of both.
pub fn wall_of(at: Duration, clocks: Moment) -> Timestamp {
    let nanoseconds = at.as_nanos() as i128 - clocks.elapsed.as_nanos() as i128;
    let wall = clocks.wall.as_nanosecond() + nanoseconds;
    micros(Timestamp::from_nanosecond(wall).expect("a life is within the calendar"))
}

/// The same reading tells instants until the clock on the wall is set.
pub fn steady(clocks: Moment, now: Moment) -> Moment {
    let off = wall_of(now.elapsed, clocks).duration_since(now.wall);
    match off.unsigned_abs() > TREMBLE {
        true => now,
        false => clocks,
    }
}

/// As exact as the ledger.
pub fn micros(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).expect("it was a time")
}

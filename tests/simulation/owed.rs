//! What a job owes at a moment: the rules of the manual on instants that are reached late, by counting them.

use std::time::Duration;

use hupd::clock::Moment;
use hupd::config::Missed;
use jiff::{SignedDuration, Timestamp};

use super::jobs::{Due, JobSpec};
use super::oracle::Oracle;

/// What is later than this is not started any more.
const TOO_LATE: Duration = Duration::from_secs(3 * 3600);
/// What is later than this takes its turn.
const IN_TIME: Duration = Duration::from_secs(60);
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
    pub instants: Vec<Owing>,
    pub next: Option<Next>,
}

impl Owed {
    /// What is missed, and what is started.
    pub fn halves(self) -> (Self, Self) {
        let missed = Self {
            instants: Vec::new(),
            ..self
        };
        let starts = Self {
            missed: Vec::new(),
            instants: self.instants,
            next: None,
        };
        (missed, starts)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Owing {
    pub at: Timestamp,
    pub is_late: bool,
    /// It comes again with a clock that is set back.
    pub is_wild: bool,
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

/// What waits is due already.
pub fn owed(
    job: &JobSpec,
    next: Next,
    (oracle, waits): (&Oracle, &dyn Fn(Timestamp) -> bool),
    (now, clocks): (Moment, Moment),
) -> Owed {
    match (job.due, next) {
        (Due::At(schedule), Next::Wall(at)) => {
            let following = |time: &Timestamp| oracle.next_after(schedule, *time);
            let come = std::iter::successors(Some(at), following);
            let come: Vec<_> = come.take_while(|at| *at <= now.wall).collect();
            let next = oracle.next_after(schedule, now.wall).map(Next::Wall);
            let is_wild = |at| oracle.is_wild(schedule, at);
            divided(job, (&come, now.wall), (&is_wild, waits), next)
        }
        (Due::Every(every), Next::Elapsed(at)) => {
            let passed = ((now.elapsed - at).as_nanos() / every.as_nanos()) as u32;
            let come = (0..=passed).map(|number| wall_of(at + every * number, clocks));
            let come: Vec<_> = come.collect();
            let next = Next::Elapsed(at + every * (passed + 1));
            let reached = wall_of(now.elapsed, clocks);
            divided(job, (&come, reached), (&|_| true, waits), Some(next))
        }
        (due, next) => panic!("a job that is due {due} is not due at {next:?}"),
    }
}

/// The newest are started, as many as the job wants and not older than it may; the others are missed.
fn divided(
    job: &JobSpec,
    (come, reached): (&[Timestamp], Timestamp),
    (is_wild, waits): (&dyn Fn(Timestamp) -> bool, &dyn Fn(Timestamp) -> bool),
    next: Option<Next>,
) -> Owed {
    let most = match job.missed {
        Missed::Skip | Missed::Once => 1,
        Missed::All(most) => most,
    };
    let age = |at: Timestamp| reached.duration_since(at);
    let is_young = |at: Timestamp| {
        let is_in_time = job.deadline.is_none_or(|most| age(at) <= signed(most));
        is_in_time && (job.missed != Missed::Skip || age(at) <= signed(TOO_LATE))
    };
    let mut owed = divided_by(most, (&is_young, waits), come);
    let is_one = owed.instants.len() == 1;
    for owing in &mut owed.instants {
        owing.is_late = age(owing.at) > signed(IN_TIME) || !is_one;
        owing.is_wild = is_wild(owing.at);
    }
    Owed { next, ..owed }
}

/// By the same rule, whoever says what is young; all are late.
pub fn divided_by(
    most: usize,
    (is_young, waits): (&dyn Fn(Timestamp) -> bool, &dyn Fn(Timestamp) -> bool),
    come: &[Timestamp],
) -> Owed {
    let young = come.iter().rev().take(most).take_while(|at| is_young(**at));
    let (missed, started) = come.split_at(come.len() - young.count());
    let missed: Vec<_> = missed.iter().filter(|at| !waits(**at)).collect();
    let more = missed.len() > ROWS;
    let row = |(number, at): (usize, &&Timestamp)| (**at, more && number + 1 == ROWS);
    let owing = |at: &Timestamp| Owing {
        at: *at,
        is_late: true,
        is_wild: false,
    };
    Owed {
        missed: missed.iter().take(ROWS).enumerate().map(row).collect(),
        instants: started.iter().map(owing).collect(),
        next: None,
    }
}

pub fn signed(duration: Duration) -> SignedDuration {
    duration.try_into().expect("no longer than a life")
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

//! What a job owes when it is due, or after hupd was down: which instants are to be started, and what becomes of the
//! others.

use std::time::Duration;

use jiff::Timestamp;

use super::agenda::Due;
use super::come::Come;
use super::due::{told, wall, wall_instant};
use super::waiting::Queue;
use crate::clock::Moment;
use crate::config::{Job, Missed, Timing, format_duration};
use crate::ledger::{Anchor, STANDS_FOR_MORE, Waited};
use crate::run::{Occurrence, Trigger};
use crate::schedule::{Instant, Watch};

/// An instant that hupd reaches later than this does not run of itself any more. It is cron's bound between a clock
/// change and a correction of the clock: see `cron(8)` of Debian and OpenBSD.
const LATEST: Duration = Duration::from_secs(3 * 60 * 60);

/// What is later than this is made up for, at most `catch_up_limit` at a time.
const IN_TIME: Duration = Duration::from_secs(60);

/// So many instants of all jobs that were passed over at one time have a row of their own, and no more of one job than
/// that; the last row of a job stands for the others.
const ROWS_OF_ALL: usize = 100_000;
const ROWS_OF_ONE: usize = 100;

const TOO_LATE: &str =
    "reached more than 3 h late: hupd was stopped or asleep, or the clock was set";
const LATE: &str = "late: hupd was stopped or asleep, or the clock was set";
const PASSED: &str =
    "a later instant had come as well: hupd was stopped or asleep, or the clock was set";
pub const DOWN: &str = "hupd was not running";
pub const ENDED: &str = "hupd ended before it could start";

/// How many instants of each job that were passed over have a row of their own.
pub fn rows_of_each(jobs: usize) -> usize {
    (ROWS_OF_ALL / jobs.max(1)).clamp(1, ROWS_OF_ONE)
}

/// What else bears on what is missed.
#[derive(Clone, Copy, Debug)]
pub struct Around<'q> {
    /// What waits here is due already, though a clock that was set back names it once more.
    pub queue: &'q Queue,
    /// So many rows for what was passed over.
    pub rows: usize,
}

/// A time in which nobody saw to it that a job starts when it is due.
#[derive(Clone, Copy, Debug)]
pub struct Absence<'a> {
    /// From where its interval is counted.
    pub anchor: Option<&'a Anchor>,
    /// Until when everything was decided; none where the job was not due then as it is now.
    pub since: Option<Timestamp>,
    /// Why what waited has not started.
    pub ended: &'a str,
    /// Why what came since was missed.
    pub away: &'a str,
}

/// What a job owes when its due time has come.
#[derive(Debug, Default)]
pub struct Owed {
    /// Occurrences that nobody will start, with the reason.
    pub missed: Vec<(Occurrence, String)>,
    /// Those to decide on, in order.
    pub starts: Vec<Owing>,
}

/// An occurrence to decide on.
#[derive(Debug)]
pub struct Owing {
    pub occurrence: Occurrence,
    pub watch: Watch,
    pub pace: Pace,
    /// What is worth knowing about it.
    pub note: String,
}

/// Whether an occurrence starts when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    InTime,
    /// It is late, and takes its turn among others that are.
    CatchUp,
}

/// What is owed by a job whose `due` has come, and when it is due next; `clocks` tell its instants.
pub fn settle(
    job: &Job,
    due: Due,
    (now, clocks): (Moment, Moment),
    around: Around<'_>,
) -> (Owed, Due) {
    let (come, reached, next) = match (&job.timing, due) {
        (Timing::Schedule(schedule), Due::Wall(first)) => {
            let until = now.wall;
            let come = Come::Schedule {
                schedule,
                first,
                until,
            };
            (come, until, wall(schedule.next_after(until)))
        }
        (Timing::Every(every), Due::Elapsed(at)) => {
            let passed = now.elapsed.saturating_sub(at).as_nanos() / every.as_nanos();
            let come = Come::Every {
                first: told(at, clocks).unwrap_or(clocks.wall),
                every: *every,
                count: passed + 1,
            };
            let next = at + Duration::from_nanos_u128(every.as_nanos() * (passed + 1));
            let reached = wall_instant(now.elapsed, clocks);
            (come, reached, Due::Elapsed(next))
        }
        (timing, due) => unreachable!("a job of {timing:?} is never {due:?}"),
    };
    let age = Age::in_this_life(job, reached);
    // A hupd that was there comes to the newest in any case.
    let instants = age.young(come.newest(job.missed.most().max(1)));
    let in_time = |instant: &Instant| {
        let late = reached.duration_since(instant.at).unsigned_abs();
        late <= IN_TIME && instants.len() == 1
    };
    let starts = instants.iter().map(|instant| match in_time(instant) {
        true => owing(job, instant, Pace::InTime, ""),
        // Where there are several, the newest does not go before the others.
        false => owing(job, instant, Pace::CatchUp, LATE),
    });
    let owed = Owed {
        starts: starts.collect(),
        missed: rows(
            (job, around),
            passed_over(&come, &instants),
            (&instants, reached),
            |instant| age.reason(instant.at, PASSED),
        ),
    };
    (owed, next)
}

/// What is owed after an absence, by a job that is due as it was before; and what becomes of its
/// occurrences that waited then.
pub fn settle_absence(
    job: &Job,
    waited: Vec<Waited>,
    absence: Absence<'_>,
    (now, around): (Timestamp, Around<'_>),
) -> Owed {
    let most = job.missed.most();
    let age = Age::of(job.deadline, now);
    let come = absence.since;
    let come = come.and_then(|since| come_since(job, absence.anchor, (since, now)));
    let newest = come.as_ref().map(|come| age.young(come.newest(most)));
    let instants = newest.unwrap_or_default();
    let mut owed = Owed::default();
    let chosen = waited.len().saturating_sub(most - instants.len());
    for (number, Waited { occurrence, .. }) in waited.into_iter().enumerate() {
        let is_young = occurrence.instant >= age.oldest;
        if number >= chosen && is_young {
            owed.starts.push(Owing {
                occurrence,
                watch: Watch::Fixed,
                pace: Pace::CatchUp,
                note: format!("made up for: {}", absence.ended),
            });
        } else {
            let reason = age.reason(occurrence.instant, absence.ended);
            owed.missed.push((occurrence, reason));
        }
    }
    if let Some(come) = &come {
        let passed_over = passed_over(come, &instants);
        let reason = |instant: &Instant| age.reason(instant.at, absence.away);
        owed.missed
            .extend(rows((job, around), passed_over, (&instants, now), reason));
        let why = format!("made up for: {}", absence.away);
        let made_up = instants
            .iter()
            .map(|instant| owing(job, instant, Pace::CatchUp, &why));
        owed.starts.extend(made_up);
    }
    owed
}

fn come_since<'j>(
    job: &'j Job,
    anchor: Option<&Anchor>,
    (since, until): (Timestamp, Timestamp),
) -> Option<Come<'j>> {
    match &job.timing {
        Timing::Never => None,
        Timing::Schedule(schedule) => {
            let first = schedule.next_after(since)?;
            (first.at <= until).then_some(Come::Schedule {
                schedule,
                first,
                until,
            })
        }
        Timing::Every(every) => {
            let anchor = anchor.filter(|anchor| anchor.every == *every)?;
            let since = Duration::try_from(since.duration_since(anchor.at)).unwrap_or_default();
            let passed = since.as_nanos() / every.as_nanos() + 1;
            let first = Duration::from_nanos_u128(every.as_nanos() * passed);
            let first = anchor.at.checked_add(first).ok()?;
            let rest = Duration::try_from(until.duration_since(first)).ok()?;
            Some(Come::Every {
                first,
                every: *every,
                count: rest.as_nanos() / every.as_nanos() + 1,
            })
        }
    }
}

/// How old an instant may be to be started.
struct Age {
    oldest: Timestamp,
    /// Why no older one.
    too_old: String,
}

impl Age {
    fn of(deadline: Option<Duration>, reached: Timestamp) -> Self {
        let oldest = deadline.and_then(|deadline| reached.checked_sub(deadline).ok());
        Self {
            oldest: oldest.unwrap_or(Timestamp::MIN),
            too_old: deadline.map(older_than).unwrap_or_default(),
        }
    }

    /// A job that wants nothing made up for is not started very late either.
    fn in_this_life(job: &Job, reached: Timestamp) -> Self {
        let is_bound = job.missed == Missed::Skip && job.deadline.is_none_or(|it| it > LATEST);
        match is_bound {
            true => Self {
                too_old: TOO_LATE.to_owned(),
                ..Self::of(Some(LATEST), reached)
            },
            false => Self::of(job.deadline, reached),
        }
    }

    fn young(&self, mut instants: Vec<Instant>) -> Vec<Instant> {
        instants.retain(|instant| instant.at >= self.oldest);
        instants
    }

    fn reason(&self, at: Timestamp, otherwise: &str) -> String {
        match at < self.oldest {
            true => self.too_old.clone(),
            false => otherwise.to_owned(),
        }
    }
}

/// Why an occurrence is not started any more.
pub fn older_than(deadline: Duration) -> String {
    format!("older than its deadline of {}", format_duration(deadline))
}

/// Of those that have come, all before the ones to start.
fn passed_over<'c>(come: &'c Come<'_>, starts: &[Instant]) -> impl Iterator<Item = Instant> + 'c {
    let first = starts.first().map(|first| first.at);
    let is_before = move |instant: &Instant| first.is_none_or(|first| instant.at < first);
    come.in_order().take_while(is_before)
}

fn rows(
    (job, around): (&Job, Around<'_>),
    passed_over: impl Iterator<Item = Instant>,
    (starts, reached): (&[Instant], Timestamp),
    reason: impl Fn(&Instant) -> String,
) -> Vec<(Occurrence, String)> {
    let row = |instant: Instant| (occurrence(job, instant.at), reason(&instant));
    let waits_not = |(occurrence, _): &(Occurrence, String)| !around.queue.has(occurrence);
    let mut rows: Vec<_> = passed_over
        .map(row)
        .filter(waits_not)
        .take(around.rows + 1)
        .collect();
    if rows.len() > around.rows {
        rows.truncate(around.rows);
        let until = starts.first().map_or(reached, |first| first.at);
        let (_, reason) = rows.last_mut().expect("there is one");
        *reason = format!("{reason}{STANDS_FOR_MORE}{until} have no rows of their own");
    }
    rows
}

fn owing(job: &Job, instant: &Instant, pace: Pace, why: &str) -> Owing {
    let moved = instant.moved_from;
    let moved = moved.map(|from| format!("moved from {from} by a clock change"));
    let notes = moved.into_iter().chain(Some(why.to_owned()));
    let notes: Vec<_> = notes.filter(|note| !note.is_empty()).collect();
    Owing {
        occurrence: occurrence(job, instant.at),
        watch: instant.watch,
        pace,
        note: notes.join("; "),
    }
}

fn occurrence(job: &Job, instant: Timestamp) -> Occurrence {
    let trigger = match job.timing {
        Timing::Every(_) => Trigger::Every,
        Timing::Schedule(_) | Timing::Never => Trigger::Schedule,
    };
    Occurrence {
        job: job.name.clone(),
        instant,
        trigger,
    }
}

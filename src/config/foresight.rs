//! What a right schedule does that people may not expect. Each is worth a warning, and refuses nothing.

use std::ops::Range;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

use super::finding::Finding;
use super::words::quoted;
use super::{Timing, format_duration};
use crate::schedule::{Dst, Expression, LeftOut, Schedule};

/// Twelve months, in which the clocks of a zone change as they do every year.
const YEAR: SignedDuration = SignedDuration::from_hours(366 * 24);
/// So many coming instants tell how close they follow each other.
const LOOKED_AT: usize = 100;
/// Nobody copies what is longer.
const LONGEST_HELP: usize = 200;

/// A fixed time that the clocks of its zone will leave out, the first one within twelve months.
pub(super) fn left_out(
    schedule: &Schedule,
    dst: Dst,
    places: &[Range<usize>],
    now: Timestamp,
) -> Option<Finding> {
    let until = now.checked_add(YEAR).unwrap_or(Timestamp::MAX);
    let left_out = schedule.first_left_out(now, until)?;
    let LeftOut { zone, change, .. } = left_out;
    let (from, to) = (change.before, change.after);
    let message = format!(
        "schedule: {} on {} does not exist in {}, for clocks go from {} to {}: {}",
        clock(left_out.time),
        left_out.time.date(),
        quoted(zone.name()),
        clock(from),
        later(from, to),
        what_happens(&left_out, dst)
    );
    let in_utc = match *zone == schedule.zone {
        true => "timezone = \"UTC\"",
        false => "UTC as the zone",
    };
    let help = format!(
        "write a time before {} or from {} on, or {in_utc}, where every time comes once",
        clock(from),
        later(from, to)
    );
    let at = places.get(left_out.expression)?.clone();
    Some(Finding::warning(message).at(at).help(help))
}

fn what_happens(left_out: &LeftOut<'_>, dst: Dst) -> String {
    match (left_out.made_up_at, dst) {
        (Some(at), _) => format!("due once, at {}", left_out.zone.format(at)),
        (None, Dst::Skip) => "not due that day (dst = \"skip\")".to_owned(),
        (None, Dst::Once) => "not made up for, as the gap is wider than 3 h".to_owned(),
    }
}

/// `02:30`, with seconds where there are any.
fn clock(time: DateTime) -> String {
    let form = if time.second() == 0 {
        "%H:%M"
    } else {
        "%H:%M:%S"
    };
    time.strftime(form).to_string()
}

/// The same, with the day where it is another one.
fn later(from: DateTime, to: DateTime) -> String {
    match from.date() == to.date() {
        true => clock(to),
        false => format!("{} on {}", clock(to), to.date()),
    }
}

/// A delay that may last until the job is due again: the next occurrence finds this one waiting then.
pub(super) fn long_jitter(timing: &Timing, jitter: Duration, now: Timestamp) -> Option<Finding> {
    let shortest = match timing {
        _ if jitter.is_zero() => None,
        Timing::Never => None,
        Timing::Every(every) => Some(*every),
        Timing::Schedule(schedule) => shortest_distance(schedule, now),
    };
    let shortest = shortest.filter(|shortest| *shortest <= jitter)?;
    let message = format!(
        "jitter: a delay of up to {} may last until the job is due again, after {}",
        format_duration(jitter),
        format_duration(shortest)
    );
    let help = "what is due meanwhile finds the earlier one waiting, and 'overlap' decides; write a shorter jitter";
    Some(Finding::warning(message).help(help))
}

/// Between instants that follow each other, of the next ones.
fn shortest_distance(schedule: &Schedule, now: Timestamp) -> Option<Duration> {
    let following = |time: &Timestamp| schedule.next_after(*time).map(|next| next.at);
    let times = || std::iter::successors(following(&now), following).take(LOOKED_AT);
    let distances = times().zip(times().skip(1));
    let distances = distances.map(|(one, next)| next.duration_since(one).unsigned_abs());
    distances.min()
}

/// A cron expression in which a day counts that either of two fields names: many take it for "both".
pub(super) fn either_day(expression: &Expression, at: Range<usize>) -> Option<Finding> {
    let either = expression.either_day()?;
    let (day, weekday) = (quoted(&either.day), quoted(&either.weekday));
    let message = format!(
        "schedule: {}: due when either day of month {day} or day of week {weekday} matches, not only when both do",
        quoted(&expression.to_string()),
    );
    let both = either.both.map(|both| format!("for both write \"{both}\""));
    let apart = either
        .apart
        .map(|[day, weekday]| format!("for either write two: [\"{day}\", \"{weekday}\"]"));
    let help = [both, apart].into_iter().flatten();
    let help: Vec<_> = help.filter(|help| help.len() <= LONGEST_HELP).collect();
    let finding = Finding::warning(message).at(at);
    Some(match help.is_empty() {
        true => finding.help("write one of the two fields as '*'"),
        false => finding.help(help.join("; ")),
    })
}

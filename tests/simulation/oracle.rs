//! Which instants expressions name: a slow and obvious reading of the rules, a day at a time. Every field is
//! a list of numbers, every wall-clock time is converted by the zone itself.

use std::cell::RefCell;
use std::collections::HashMap;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// Expressions of [`super::jobs::EXPRESSIONS`] in a zone of [`super::jobs::ZONES`], by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Schedule {
    pub expressions: usize,
    pub zone: usize,
    /// Nothing is made up for what a clock change leaves out.
    pub skips_gaps: bool,
    /// So many seconds later everything is due.
    pub offset: i64,
}

/// Instants are worked out for so many days at once, and remembered.
const CHUNK: i64 = 32;
const DAY: i64 = 86_400;
/// More is a correction of the calendar, for which nothing is made up.
const WIDEST_GAP: i32 = 3 * 3600;
/// 29 February comes after eight years at most.
const MOST_CHUNKS: i64 = 9 * 366 / CHUNK;

#[derive(Debug)]
struct Expression {
    seconds: Vec<i16>,
    minutes: Vec<i16>,
    hours: Vec<i16>,
    /// Element by element.
    days: Vec<String>,
    months: Vec<i16>,
    weekdays: Vec<String>,
    /// Empty: all.
    years: Vec<i16>,
    either_day: bool,
    is_wild: bool,
}

/// What has been worked out so far.
#[derive(Debug)]
pub struct Oracle {
    /// Several of them are one schedule.
    expressions: Vec<Vec<Expression>>,
    zones: Vec<TimeZone>,
    known: RefCell<HashMap<(Schedule, i64), Vec<i64>>>,
}

impl Oracle {
    pub fn new(expressions: &[&str], zones: &[&str]) -> Self {
        let zone = |name: &&str| TimeZone::get(name).expect("the tz database has it");
        Self {
            expressions: expressions
                .iter()
                .map(|texts| texts.split("; ").map(Expression::read).collect())
                .collect(),
            zones: zones.iter().map(zone).collect(),
            known: RefCell::default(),
        }
    }

    /// The first instant strictly after `time`.
    pub fn next_after(&self, schedule: Schedule, time: Timestamp) -> Option<Timestamp> {
        let second = time.as_second() - schedule.offset;
        let schedule_at = |second: i64| Timestamp::from_second(second + schedule.offset);
        let first = second.div_euclid(CHUNK * DAY);
        let mut known = self.known.borrow_mut();
        for chunk in first..first + MOST_CHUNKS {
            // An offset changes nothing of what is named.
            let named = Schedule {
                offset: 0,
                ..schedule
            };
            let instants = known
                .entry((named, chunk))
                .or_insert_with(|| self.instants(named, chunk));
            let next = instants.partition_point(|&instant| instant <= second);
            if let Some(&next) = instants.get(next) {
                return Some(schedule_at(next).expect("it was a time"));
            }
        }
        None
    }

    /// Whether the clock on the wall names this instant each time that it shows it: an expression that goes by every
    /// real minute does.
    pub fn is_wild(&self, schedule: Schedule, at: Timestamp) -> bool {
        let at = at - schedule.offset.seconds();
        let wall = self.zones[schedule.zone].to_datetime(at);
        let time = [wall.second(), wall.minute(), wall.hour()].map(i16::from);
        self.expressions[schedule.expressions].iter().any(|one| {
            let times = [&one.seconds, &one.minutes, &one.hours];
            let is_time = times
                .iter()
                .zip(&time)
                .all(|(times, it)| times.contains(it));
            one.is_wild && is_time && one.names_day(wall.date())
        })
    }

    fn instants(&self, schedule: Schedule, chunk: i64) -> Vec<i64> {
        let expressions = &self.expressions[schedule.expressions];
        let zone = (&self.zones[schedule.zone], schedule.skips_gaps);
        let begin = chunk * CHUNK * DAY;
        let first = Timestamp::from_second(begin).expect("a time");
        let first = TimeZone::UTC.to_datetime(first).date();
        // On the wall it may be two days earlier or later than in UTC.
        let days = (-2..CHUNK + 2).map(|day| first + day.days());
        let days: Vec<_> = days.collect();
        let mut instants: Vec<_> = expressions
            .iter()
            .flat_map(|expression| {
                let named = days.iter().filter(|day| expression.names_day(**day));
                named.flat_map(|day| expression.instants_of(*day, zone))
            })
            .filter(|instant| (begin..begin + CHUNK * DAY).contains(instant))
            .collect();
        instants.sort_unstable();
        instants.dedup();
        instants
    }
}

impl Expression {
    fn read(text: &str) -> Self {
        let mut fields: Vec<_> = text.split(' ').collect();
        if fields.len() == 5 {
            fields.insert(0, "0");
        }
        if fields.len() == 6 {
            fields.push("*");
        }
        let is_free = |field: usize| fields[field].starts_with('*') || fields[field] == "?";
        let elements = |field: usize| fields[field].split(',').map(str::to_owned).collect();
        Self {
            seconds: numbers(fields[0], 0, 59),
            minutes: numbers(fields[1], 0, 59),
            hours: numbers(fields[2], 0, 23),
            days: elements(3),
            months: numbers(fields[4], 1, 12),
            weekdays: elements(5),
            years: match fields[6] {
                "*" => Vec::new(),
                years => numbers(years, 1970, 2199),
            },
            either_day: !is_free(3) && !is_free(5),
            is_wild: is_free(0) || is_free(1) || is_free(2),
        }
    }

    fn names_day(&self, date: Date) -> bool {
        let day = self.days.iter().any(|element| is_day(element, date));
        let weekday = self
            .weekdays
            .iter()
            .any(|element| is_weekday(element, date));
        let is_named = match self.either_day {
            true => day || weekday,
            false => day && weekday,
        };
        let is_in_years = self.years.is_empty() || self.years.contains(&date.year());
        is_named && is_in_years && self.months.contains(&i16::from(date.month()))
    }

    fn instants_of(&self, day: Date, zone: (&TimeZone, bool)) -> Vec<i64> {
        let mut instants = Vec::new();
        for hour in &self.hours {
            for minute in &self.minutes {
                for second in &self.seconds {
                    let [hour, minute, second] = [*hour, *minute, *second].map(|value| value as i8);
                    let wall = day.at(hour, minute, second, 0);
                    instants.extend(self.instants_at(wall, zone));
                }
            }
        }
        instants
    }

    fn instants_at(&self, wall: DateTime, (zone, skips_gaps): (&TimeZone, bool)) -> Vec<i64> {
        let utc = TimeZone::UTC
            .to_timestamp(wall)
            .expect("a time")
            .as_second();
        match zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => vec![utc - i64::from(offset.seconds())],
            AmbiguousOffset::Fold { before, after } => {
                let (first, second) = (before.seconds(), after.seconds());
                let passes = [first, second].map(|offset| utc - i64::from(offset));
                match self.is_wild {
                    true => passes.to_vec(),
                    false => vec![passes[0]],
                }
            }
            AmbiguousOffset::Gap { before, after } => {
                let width = after.seconds() - before.seconds();
                match self.is_wild || skips_gaps || width > WIDEST_GAP {
                    true => Vec::new(),
                    false => vec![change_before(utc - i64::from(before.seconds()), zone)],
                }
            }
        }
    }
}

/// The last instant up to then at which the clocks of a zone changed.
fn change_before(second: i64, zone: &TimeZone) -> i64 {
    let time = Timestamp::from_second(second + 1).expect("a time");
    let change = zone.preceding(time).next();
    change.expect("a gap is a change").timestamp().as_second()
}

/// An element of the field for days of the month: also `L`, `L-3`, `LW`, `15W`.
fn is_day(element: &str, date: Date) -> bool {
    let last = date.days_in_month();
    if element == "LW" {
        return date == nearest_working_day(date.last_of_month());
    }
    if element == "L" {
        return date.day() == last;
    }
    if let Some(days) = element.strip_prefix("L-") {
        return date.day() == last - days.parse::<i8>().expect("a number");
    }
    if let Some(day) = element.strip_suffix('W') {
        let day = day.parse().expect("a number");
        return day <= last
            && date == nearest_working_day(date.with().day(day).build().expect("a day"));
    }
    numbers(element, 1, 31).contains(&i16::from(date.day()))
}

/// An element of the field for days of the week: also `5#2` and `5#L`.
fn is_weekday(element: &str, date: Date) -> bool {
    let (weekday, nth) = element.split_once('#').unwrap_or((element, ""));
    let today = i16::from(date.weekday().to_sunday_zero_offset());
    let is_it = numbers(weekday, 0, 7).iter().any(|day| day % 7 == today);
    is_it
        && match nth {
            "" => true,
            "L" => date.day() > date.days_in_month() - 7,
            nth => (date.day() - 1) / 7 + 1 == nth.parse::<i8>().expect("a number"),
        }
}

/// From Monday to Friday, in the same month.
fn nearest_working_day(date: Date) -> Date {
    let near = [0, -1, 1, -2, 2].map(|days| date + days.days());
    let is_right =
        |day: &Date| day.weekday().to_monday_zero_offset() < 5 && day.month() == date.month();
    near.into_iter()
        .find(is_right)
        .expect("a week has five of them")
}

/// `*`, `*/15`, `1-5`, `8-18/2`, `1,2,15`.
fn numbers(field: &str, least: i16, most: i16) -> Vec<i16> {
    let number = |text: &str| text.parse::<i16>().expect("a number");
    let named = |element: &str| -> Vec<i16> {
        let (range, step) = element.split_once('/').unwrap_or((element, "1"));
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number(first), number(last)),
            None if matches!(range, "*" | "?") => (least, most),
            None => (number(range), number(range)),
        };
        (first..=last).step_by(number(step) as usize).collect()
    };
    field.split(',').flat_map(named).collect()
}

//! Which instants an expression names: a slow and obvious reading of the rules, a day at a time. Every field is
//! a list of numbers, every wall-clock time is converted by the zone itself.

use std::cell::RefCell;
use std::collections::HashMap;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// An expression of [`super::jobs::EXPRESSIONS`] in a zone of [`super::jobs::ZONES`], by number.
pub type Schedule = (usize, usize);

/// Instants are worked out for so many days at once, and remembered.
const CHUNK: i64 = 32;
const DAY: i64 = 86_400;
/// More is a correction of the calendar, for which nothing is made up.
const WIDEST_GAP: i32 = 3 * 3600;
/// 29 February comes after eight years at most.
const MOST_CHUNKS: i64 = 9 * 366 / CHUNK;

#[derive(Debug)]
struct Expression {
    minutes: Vec<i8>,
    hours: Vec<i8>,
    days: Vec<i8>,
    months: Vec<i8>,
    weekdays: Vec<i8>,
    either_day: bool,
    is_wild: bool,
}

/// What has been worked out so far.
#[derive(Debug)]
pub struct Oracle {
    expressions: Vec<Expression>,
    zones: Vec<TimeZone>,
    known: RefCell<HashMap<(Schedule, i64), Vec<i64>>>,
}

impl Oracle {
    pub fn new(expressions: &[&str], zones: &[&str]) -> Self {
        let zone = |name: &&str| TimeZone::get(name).expect("the tz database has it");
        Self {
            expressions: expressions
                .iter()
                .map(|text| Expression::read(text))
                .collect(),
            zones: zones.iter().map(zone).collect(),
            known: RefCell::default(),
        }
    }

    /// The first instant strictly after `time`.
    pub fn next_after(&self, schedule: Schedule, time: Timestamp) -> Option<Timestamp> {
        let second = time.as_second();
        let first = second.div_euclid(CHUNK * DAY);
        let mut known = self.known.borrow_mut();
        for chunk in first..first + MOST_CHUNKS {
            let instants = known
                .entry((schedule, chunk))
                .or_insert_with(|| self.instants(schedule, chunk));
            let next = instants.partition_point(|&instant| instant <= second);
            if let Some(&next) = instants.get(next) {
                return Some(Timestamp::from_second(next).expect("it was a time"));
            }
        }
        None
    }

    fn instants(&self, (expression, zone): Schedule, chunk: i64) -> Vec<i64> {
        let (expression, zone) = (&self.expressions[expression], &self.zones[zone]);
        let begin = chunk * CHUNK * DAY;
        let first = Timestamp::from_second(begin).expect("a time");
        let first = TimeZone::UTC.to_datetime(first).date();
        // On the wall it may be two days earlier or later than in UTC.
        let days = (-2..CHUNK + 2).map(|day| first + day.days());
        let mut instants: Vec<_> = days
            .filter(|day| expression.names_day(*day))
            .flat_map(|day| expression.instants_of(day, zone))
            .filter(|instant| (begin..begin + CHUNK * DAY).contains(instant))
            .collect();
        instants.sort_unstable();
        instants.dedup();
        instants
    }
}

impl Expression {
    fn read(text: &str) -> Self {
        let fields: Vec<_> = text.split(' ').collect();
        let is_star = |field: usize| fields[field].starts_with('*');
        let weekdays = numbers(fields[4], 0, 7);
        Self {
            minutes: numbers(fields[0], 0, 59),
            hours: numbers(fields[1], 0, 23),
            days: numbers(fields[2], 1, 31),
            months: numbers(fields[3], 1, 12),
            weekdays: weekdays.into_iter().map(|day| day % 7).collect(),
            either_day: !is_star(2) && !is_star(4),
            is_wild: is_star(0) || is_star(1),
        }
    }

    fn names_day(&self, date: Date) -> bool {
        let day = self.days.contains(&date.day());
        let weekday = date.weekday().to_sunday_zero_offset();
        let weekday = self.weekdays.contains(&weekday);
        let is_named = match self.either_day {
            true => day || weekday,
            false => day && weekday,
        };
        is_named && self.months.contains(&date.month())
    }

    fn instants_of(&self, day: Date, zone: &TimeZone) -> Vec<i64> {
        let hours = self.hours.iter();
        let times = hours.flat_map(|&hour| self.minutes.iter().map(move |&minute| (hour, minute)));
        times
            .flat_map(|(hour, minute)| self.instants_at(day.at(hour, minute, 0, 0), zone))
            .collect()
    }

    fn instants_at(&self, wall: DateTime, zone: &TimeZone) -> Vec<i64> {
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
                match self.is_wild || width > WIDEST_GAP {
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

/// `*`, `*/15`, `1-5`, `8-18/2`, `1,2,15`.
fn numbers(field: &str, least: i8, most: i8) -> Vec<i8> {
    let number = |text: &str| text.parse::<i8>().expect("a number");
    let named = |element: &str| -> Vec<i8> {
        let (range, step) = element.split_once('/').unwrap_or((element, "1"));
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number(first), number(last)),
            None if range == "*" => (least, most),
            None => (number(range), number(range)),
        };
        (first..=last).step_by(number(step) as usize).collect()
    };
    field.split(',').flat_map(named).collect()
}

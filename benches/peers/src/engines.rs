//! hupd and its peers, each in its own manner.

use std::str::FromStr;

use chrono_tz::Tz;
use hupd::schedule::{Expression, Rules, Schedule, Seed, Zone};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::Case;

/// 2026-01-01.
const FROM: i64 = 1_767_225_600;
/// 2100-01-01: some of the peers know no later year.
const UNTIL: i64 = 4_102_444_800;

/// Something that names instants.
pub trait Engine {
    /// Asks for so many instants in a row, each after the one before. How often it was asked: once more where there
    /// is none any more before 2100.
    fn walk(&self, number: usize, found: &mut dyn FnMut(i64)) -> usize;
}

type New = fn(&Case, &'static str) -> Option<Box<dyn Engine>>;

pub const ENGINES: [(&str, New); 5] = [
    ("hupd", hupd),
    ("cron", cron),
    ("croner", croner),
    ("jiff-cron", jiff_cron),
    ("cronexpr", cronexpr),
];

/// Asks again and again for what follows.
struct Stepwise<T, F> {
    from: T,
    next: F,
}

impl<T: Clone, F: Fn(&T) -> Option<(T, i64)>> Engine for Stepwise<T, F> {
    fn walk(&self, number: usize, found: &mut dyn FnMut(i64)) -> usize {
        let mut last = self.from.clone();
        for asked in 1..=number {
            let next = (self.next)(&last).filter(|(_, second)| *second < UNTIL);
            let Some((next, second)) = next else {
                return asked;
            };
            found(second);
            last = next;
        }
        number
    }
}

fn stepwise<T, F>(from: T, next: F) -> Option<Box<dyn Engine>>
where
    T: Clone + 'static,
    F: Fn(&T) -> Option<(T, i64)> + 'static,
{
    Some(Box::new(Stepwise { from, next }))
}

/// Takes what an iterator gives.
struct InARow<F>(F);

impl<F: for<'a> Fn(usize, &'a mut dyn FnMut(i64)) -> usize> Engine for InARow<F> {
    fn walk(&self, number: usize, found: &mut dyn FnMut(i64)) -> usize {
        (self.0)(number, found)
    }
}

fn take(instants: impl Iterator<Item = i64>, number: usize, found: &mut dyn FnMut(i64)) -> usize {
    let instants = instants.take_while(|second| *second < UNTIL);
    let taken = instants.take(number).map(found).count();
    (taken + 1).min(number)
}

fn start() -> Timestamp {
    Timestamp::from_second(FROM).expect("it is a time")
}

fn start_in(zone: &str) -> Zoned {
    start().to_zoned(TimeZone::get(zone).expect("the zone is installed"))
}

fn hupd(case: &Case, zone: &'static str) -> Option<Box<dyn Engine>> {
    let expression = Expression::parse(case.hupd, Seed::of("host", "job")).ok()?;
    let zone = Zone::named(zone).expect("the zone is installed");
    let schedule = Schedule::new([expression], zone, Rules::default());
    stepwise(start(), move |last: &Timestamp| {
        let next = schedule.next_after(*last)?;
        Some((next.at, next.at.as_second()))
    })
}

fn cron(case: &Case, zone: &'static str) -> Option<Box<dyn Engine>> {
    let schedule = cron::Schedule::from_str(case.with_seconds).ok()?;
    let zone: Tz = zone.parse().expect("the zone is known");
    let from = chrono::DateTime::from_timestamp(FROM, 0)?.with_timezone(&zone);
    Some(Box::new(InARow(
        move |number, found: &mut dyn FnMut(i64)| {
            let instants = schedule.after(&from).map(|instant| instant.timestamp());
            take(instants, number, found)
        },
    )))
}

fn croner(case: &Case, zone: &'static str) -> Option<Box<dyn Engine>> {
    let parser = croner::parser::CronParser::builder()
        .dom_and_dow(true)
        .build();
    let schedule = parser.parse(case.with_seconds).ok()?;
    stepwise(start_in(zone), move |last: &Zoned| {
        let next = schedule.find_next_occurrence(last, false).ok()?;
        let second = next.timestamp().as_second();
        Some((next, second))
    })
}

fn jiff_cron(case: &Case, zone: &'static str) -> Option<Box<dyn Engine>> {
    let schedule = jiff_cron::Schedule::from_str(case.with_seconds).ok()?;
    let from = start_in(zone);
    Some(Box::new(InARow(
        move |number, found: &mut dyn FnMut(i64)| {
            let instants = schedule.after(from.clone());
            take(
                instants.map(|instant| instant.timestamp().as_second()),
                number,
                found,
            )
        },
    )))
}

/// Five fields and a zone; no years, and no days that both fields must name.
fn cronexpr(case: &Case, zone: &'static str) -> Option<Box<dyn Engine>> {
    let schedule = cronexpr::parse_crontab(&format!("{} {zone}", case.hupd)).ok()?;
    stepwise(start(), move |last: &Timestamp| {
        let next = schedule.find_next(*last).ok()?.timestamp();
        Some((next, next.as_second()))
    })
}

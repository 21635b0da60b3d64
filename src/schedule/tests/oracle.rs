//! The engine against a slow and obvious reading of the rules: every minute is converted by jiff,
//! every field is a list of numbers.

use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, db};
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;
use proptest::sample::select;

use super::random::{Expression, expression};
use super::{calendar, instants, parse};
use crate::schedule::{Instant, Watch};

/// Hours and half hours, both hemispheres, rules that ended, rules that go on for ever, days that
/// never were, changes at midnight and two offsets without daylight saving.
const ZONES: [&str; 28] = [
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Moscow",
    "Europe/Lisbon",
    "Europe/Istanbul",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Caracas",
    "America/St_Johns",
    "America/Havana",
    "America/Scoresbysund",
    "America/Asuncion",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Gaza",
    "Asia/Tehran",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Amman",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Antarctica/Troll",
    "Antarctica/Casey",
    "Pacific/Apia",
    "Pacific/Chatham",
];
const WIDEST_GAP: i64 = 180;
const DAY_IN_MS: i64 = 86_400_000;

/// Walks real minutes; what is remembered is only how far the wall clock had come.
fn slowly(expression: &Expression, minutes: &[(Timestamp, DateTime)]) -> Vec<Instant> {
    let mut found = Vec::new();
    let mut lived = minutes[0].1;
    for &(at, wall) in &minutes[1..] {
        if expression.is_wild() {
            found.extend(expression.names_time(wall).then_some(Instant {
                at,
                moved_from: None,
                watch: Watch::Wild,
            }));
            continue;
        }
        let lost = lost_between(lived, wall)
            .into_iter()
            .find(|lost| expression.names_time(*lost));
        if lost.is_some() || (wall > lived && expression.names_time(wall)) {
            found.push(Instant {
                at,
                moved_from: lost,
                watch: Watch::Fixed,
            });
        }
        lived = lived.max(wall);
    }
    found
}

fn lost_between(lived: DateTime, wall: DateTime) -> Vec<DateTime> {
    let lost = wall.duration_since(lived).as_mins() - 1;
    if lost > WIDEST_GAP {
        return Vec::new();
    }
    (1..=lost).map(|minute| lived + minute.minutes()).collect()
}

/// Every minute from a day before to two days after an instant.
fn minutes_around(zone: &TimeZone, centre: Timestamp) -> Vec<(Timestamp, DateTime)> {
    let first = centre.as_second().div_euclid(60) - 1440;
    (first..first + 3 * 1440)
        .map(|minute| Timestamp::from_second(minute * 60).unwrap())
        .map(|at| (at, zone.to_datetime(at)))
        .collect()
}

/// An instant at which the clocks of a zone change, where there is one after the given year.
fn change_after(zone: &TimeZone, year: i16, which: usize) -> Timestamp {
    let from = Date::new(year, 1, 1)
        .unwrap()
        .to_zoned(TimeZone::UTC)
        .unwrap()
        .timestamp();
    zone.following(from)
        .nth(which)
        .map_or(from, |change| change.timestamp())
}

/// The day that Samoa left out comes up by itself too seldom.
fn zone_and_year() -> impl Strategy<Value = (&'static str, i16)> {
    let year = prop_oneof![6 => 1973..2037i16, 2 => 2037..2110i16, 1 => 2110..2600i16];
    prop_oneof![20 => (select(&ZONES[..]), year), 2 => Just(("Pacific/Apia", 2011))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn around_clock_changes_it_agrees_with_a_walk_over_every_minute(
        (zone, year) in zone_and_year(),
        which in 0..4usize,
        expressions in prop::collection::vec(expression(40), 8),
        probe in prop_oneof![0..3 * DAY_IN_MS, DAY_IN_MS - 1500..DAY_IN_MS + 1500],
    ) {
        let rules = db().get(zone).unwrap();
        let minutes = minutes_around(&rules, change_after(&rules, year, which));
        let (first, last) = (minutes[0].0, minutes[minutes.len() - 1].0);
        let probe = first + SignedDuration::from_millis(probe);
        for expression in expressions {
            let expected = slowly(&expression, &minutes);
            if parse(&expression.text()).is_err() {
                continue;
            }
            let calendar = calendar(&expression.text(), zone);
            let found: Vec<_> = instants(&calendar, first).take_while(|instant| instant.at <= last).collect();
            prop_assert_eq!(&found, &expected, "{} in {}", expression.text(), zone);
            let next = calendar.next_after(probe).filter(|instant| instant.at <= last);
            prop_assert_eq!(next, expected.into_iter().find(|instant| instant.at > probe), "after {}", probe);
        }
    }

    #[test]
    fn over_years_it_agrees_with_a_walk_over_every_day(
        expression in expression(4),
        year in 1970..2400i16,
        day in 1..=365i16,
    ) {
        let from = Date::new(year, 1, 1).unwrap() + i64::from(day).days();
        let first = (0..60 * 366).map(|days| from + i64::from(days).days()).find(|date| expression.names_day(*date));
        if parse(&expression.text()).is_ok() {
            let before = from.to_zoned(TimeZone::UTC).unwrap().timestamp() - SignedDuration::from_secs(1);
            let found = calendar(&expression.text(), "UTC").next_after(before).unwrap().at;
            prop_assert_eq!(Some(TimeZone::UTC.to_datetime(found).date()), first, "{}", expression.text());
        }
    }

    #[test]
    fn seconds_are_named_within_every_minute(
        (zone, year) in zone_and_year(),
        which in 0..4usize,
        expression in expression(40),
        seconds in prop::collection::btree_set(0..60i64, 1..4),
    ) {
        let rules = db().get(zone).unwrap();
        let minutes = minutes_around(&rules, change_after(&rules, year, which));
        let (first, last) = (minutes[0].0, minutes[minutes.len() - 1].0);
        let list = seconds.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let text = format!("{list} {}", expression.text());
        if parse(&text).is_ok() {
            let first = first + SignedDuration::from_secs(59);
            let found: Vec<_> = instants(&calendar(&text, zone), first)
                .take_while(|instant| instant.at < last)
                .collect();
            let minutes = slowly(&expression, &minutes);
            let expected = minutes.into_iter().filter(|minute| minute.at < last).flat_map(|minute| {
                with_seconds(&expression, minute, &seconds, rules.to_datetime(minute.at))
            });
            let expected: Vec<_> = expected.collect();
            let differ = found.iter().zip(&expected).find(|(found, expected)| found != expected);
            prop_assert_eq!(differ, None, "{} in {}", text, zone);
            prop_assert_eq!(found.len(), expected.len(), "{} in {}", text, zone);
        }
    }
}

/// A run that was moved has no seconds of its own; one at its instant is merged with it.
fn with_seconds(
    expression: &Expression,
    minute: Instant,
    seconds: &std::collections::BTreeSet<i64>,
    wall: DateTime,
) -> Vec<Instant> {
    let at = |second: i64| Instant {
        at: minute.at + SignedDuration::from_secs(second),
        moved_from: None,
        ..minute
    };
    let Some(lost) = minute.moved_from else {
        return seconds.iter().map(|second| at(*second)).collect();
    };
    let first = *seconds.iter().next().unwrap();
    let moved = Instant {
        moved_from: Some(lost + first.seconds()),
        ..minute
    };
    let rest = seconds.iter().filter(|second| **second > 0);
    let rest = rest.filter(|_| expression.names_time(wall));
    std::iter::once(moved)
        .chain(rest.map(|second| at(*second)))
        .collect()
}

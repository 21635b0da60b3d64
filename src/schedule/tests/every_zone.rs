//! Every zone of the system's tz database, and every change of its clocks from 1970 to 2060: what a schedule names
//! around it is what a walk over real time finds.
//!
//! Most zones share their changes with others, so `cargo test` tries each kind once. All of them:
//! `cargo test --lib -- --ignored --nocapture at_every_change`.

use std::collections::BTreeSet;

use jiff::civil::{DateTime, date};
use jiff::tz::{Offset, TimeZone, db};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};

use super::aimed::{self, Expression};
use super::{instants, parse};
use crate::schedule::{Dst, Instant, Rules, Schedule, Watch, Zone};

const YEARS: (i16, i16) = (1970, 2060);
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// From the rules on clock changes: a wider gap is not made up for.
const WIDEST_GAP: i64 = 3 * HOUR;

/// The clocks of a zone change: from one offset to another, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    at: i64,
    before: i64,
    after: i64,
}

/// From the beginning of one year to that of another.
fn changes(zone: &TimeZone, years: (i16, i16)) -> Vec<Change> {
    let begin = |year: i16| Offset::UTC.to_timestamp(date(year, 1, 1).at(0, 0, 0, 0));
    let (from, until) = (begin(years.0).unwrap(), begin(years.1).unwrap());
    let mut before = i64::from(zone.to_offset(from).seconds());
    let following = zone.following(from);
    let following = following.take_while(|change| change.timestamp() < until);
    following
        .map(|change| {
            let after = i64::from(change.offset().seconds());
            let at = change.timestamp().as_second();
            let change = Change { at, before, after };
            before = after;
            change
        })
        .collect()
}

/// Real time around a change, and all changes in it: what makes two changes of two zones the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Window {
    from: i64,
    until: i64,
    changes: Vec<Change>,
}

impl Window {
    fn around(change: Change, all: &[Change]) -> Self {
        let reach = (change.after - change.before).abs() + 2 * HOUR;
        let (from, until) = (change.at - reach, change.at + reach);
        // One that was shortly before may have left the clocks behind of where they had been.
        let near = |other: &&Change| (from - 2 * DAY..until).contains(&other.at);
        Self {
            from,
            until,
            changes: all.iter().filter(near).copied().collect(),
        }
    }

    /// Seconds since 1970 that a clock on the wall shows.
    fn wall(&self, second: i64) -> i64 {
        let last = self.changes.iter().rfind(|change| change.at <= second);
        second + last.map_or(self.changes[0].before, |change| change.after)
    }

    /// How far clocks on the wall had come before a second.
    fn lived(&self, second: i64) -> i64 {
        let past = self.changes.iter().filter(|change| change.at <= second);
        let turned = past.map(|change| change.at + change.before - 1);
        turned.fold(self.wall(second - 1), i64::max)
    }

    /// Whether clocks show full minutes when real minutes are full, all the time.
    fn is_of_minutes(&self) -> bool {
        let mut seconds = self
            .changes
            .iter()
            .flat_map(|one| [one.at, one.before, one.after]);
        seconds.all(|second| second % 60 == 0)
    }
}

fn civil(wall: i64) -> DateTime {
    Offset::UTC.to_datetime(Timestamp::from_second(wall).unwrap())
}

/// Goes from step to step through real time, looks at the clock on the wall, and remembers how far that had come.
fn slowly(expression: &Expression, window: &Window, dst: Dst) -> Vec<Instant> {
    let step = match window.is_of_minutes() && !expression.has_seconds() {
        true => 60,
        false => 1,
    };
    let is_wild = expression.is_wild();
    let names = |wall: i64| {
        expression.names_time(wall.rem_euclid(DAY)) && expression.names_day(civil(wall))
    };
    let mut found = Vec::new();
    // In steps, not in seconds: the last one before the beginning.
    let mut lived = window.lived(window.from) + 1 - step;
    for second in (window.from..window.until).step_by(step as usize) {
        let wall = window.wall(second);
        let mut moved_from = None;
        let is_due = if is_wild {
            names(wall)
        } else {
            let lost = wall - lived - step;
            if lost > 0 && lost <= WIDEST_GAP && dst == Dst::Once {
                let mut left_out = (lived + step..wall).step_by(step as usize);
                moved_from = left_out.find(|wall| names(*wall)).map(civil);
            }
            moved_from.is_some() || wall > lived && names(wall)
        };
        if is_due {
            let at = Timestamp::from_second(second).unwrap();
            found.push(Instant {
                at,
                moved_from,
                watch: if is_wild { Watch::Wild } else { Watch::Fixed },
            });
        }
        lived = lived.max(wall);
    }
    found
}

fn agree(window: &Window, zone: &Zone, expression: &Expression, dst: Dst) -> TestCaseResult {
    let rules = Rules {
        dst,
        ..Rules::default()
    };
    let parsed = parse(&expression.text());
    // Such as 31 September.
    let Ok(parsed) = parsed else {
        return Err(TestCaseError::reject("never fires"));
    };
    let schedule = Schedule::new([parsed], zone.clone(), rules);
    let second = |second: i64| Timestamp::from_second(second).unwrap();
    let nanosecond = SignedDuration::from_nanos(1);
    let (first, last) = (second(window.from) - nanosecond, second(window.until));
    let expected = slowly(expression, window, dst);
    let found = instants(&schedule, first).take_while(|instant| instant.at < last);
    // One that is named again and again has no end.
    let found: Vec<_> = found.take(expected.len() + 1).collect();
    prop_assert_eq!(&found, &expected, "{}", expression.text());
    // Nothing is remembered: from wherever somebody starts, what follows is the same.
    for change in window.changes.iter().filter(|one| one.at > window.from) {
        let shift = (change.after - change.before).abs();
        for from in [
            change.at - 1,
            change.at,
            change.at + shift / 2,
            change.at + shift,
        ] {
            for from in [second(from) - nanosecond, second(from)] {
                let next = schedule.next_after(from).filter(|next| next.at < last);
                let expected = expected.iter().find(|instant| instant.at > from);
                prop_assert_eq!(
                    next.as_ref(),
                    expected,
                    "{} after {}",
                    expression.text(),
                    from
                );
            }
        }
    }
    Ok(())
}

/// Tries random expressions at a change. The error tells the least one that goes wrong.
fn check(window: &Window, change: Change, name: &str, zone: &Zone, cases: u32) {
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let ends = [change.before, change.after].map(|offset| civil(change.at + offset));
    let dst = prop_oneof![2 => Just(Dst::Once), 1 => Just(Dst::Skip)];
    let outcome = TestRunner::new(config)
        .run(&(aimed::expression(ends), dst), |(expression, dst)| {
            agree(window, zone, &expression, dst)
        });
    if let Err(error) = outcome {
        let at = Timestamp::from_second(change.at).unwrap();
        let [from, to] = ends;
        panic!("{name}, clocks go from {from} to {to} at {at}: {error}");
    }
}

/// Which changes are tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// One of those that are the same.
    Distinct,
    All,
}

/// How many zones, changes and expressions there were.
fn try_changes(years: (i16, i16), which: Which, cases: u32) -> [usize; 3] {
    let mut seen = BTreeSet::new();
    let [mut zones, mut tried] = [0; 2];
    for name in db().available() {
        let name = name.as_str();
        let all = changes(&db().get(name).unwrap(), years);
        let zone = Zone::named(name).unwrap();
        zones += 1;
        for change in &all {
            let window = Window::around(*change, &all);
            if seen.insert(window.clone()) || which == Which::All {
                check(&window, *change, name, &zone, cases);
                tried += 1;
            }
        }
    }
    [zones, tried, tried * cases as usize]
}

#[test]
fn at_each_distinct_change_a_schedule_names_what_a_walk_over_real_time_finds() {
    let [zones, changes, _] = try_changes(YEARS, Which::Distinct, 2);
    assert!(
        zones > 300 && changes > 3000,
        "{zones} zones, {changes} changes"
    );
}

/// In 2106 seconds no longer fit into 32 bits.
#[test]
fn so_it_does_beyond_2100() {
    let [_, changes, _] = try_changes((2098, 2109), Which::Distinct, 1);
    assert!(changes > 200, "{changes} changes");
}

#[test]
fn so_it_does_beyond_the_table() {
    let [_, changes, _] = try_changes((2197, 2204), Which::Distinct, 2);
    assert!(changes > 200, "{changes} changes");
}

#[test]
#[ignore = "takes minutes; see above"]
fn at_every_change_of_every_zone_it_does() {
    let [zones, changes, expressions] = try_changes(YEARS, Which::All, 16);
    println!("{zones} zones, {changes} changes, {expressions} expressions");
}

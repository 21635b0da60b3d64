//! Expressions that name few instants, over the 400 years after which the calendar repeats.

use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};

use super::{calendar, instants, parse, time};

const FROM: &str = "1999-12-31T00:00:00Z";
const NOON: i8 = 12;

type Rule = fn(Date) -> bool;

fn weekday(date: Date) -> i8 {
    date.weekday().to_sunday_zero_offset()
}

fn is_leap_day(date: Date) -> bool {
    (date.month(), date.day()) == (2, 29)
}

/// Expressions that name noon of few days, and which days these are.
const SPARSE: [(&str, Rule); 9] = [
    ("0 12 29 2 *", is_leap_day),
    ("Mon *-02-29 12:00", |day| {
        is_leap_day(day) && weekday(day) == 1
    }),
    ("0 12 29 2 */7", |day| is_leap_day(day) && weekday(day) == 0),
    ("0 12 29 2 */6", |day| {
        is_leap_day(day) && weekday(day) % 6 == 0
    }),
    ("0 12 29 2 MON", |day| {
        is_leap_day(day) || day.month() == 2 && weekday(day) == 1
    }),
    ("0 12 * 2 SAT#5", |day| {
        is_leap_day(day) && weekday(day) == 6
    }),
    ("0 12 31 * */4", |day| {
        day.day() == 31 && weekday(day) % 4 == 0
    }),
    ("Fri 2026..2100/37-12-25 12:00", |day| {
        [2026, 2063, 2100].contains(&day.year())
            && (day.month(), day.day()) == (12, 25)
            && weekday(day) == 5
    }),
    ("0 0 12 31 12 ? 2199", |day| day == date(2199, 12, 31)),
];

#[test]
fn they_name_what_a_walk_over_every_day_finds() {
    let days: Vec<Date> = date(2000, 1, 1)
        .series(1.day())
        .take_while(|day| day.year() < 2400)
        .collect();
    for (text, rule) in SPARSE {
        let named = days.iter().filter(|day| rule(**day));
        let expected: Vec<_> = named.map(|day| day.at(NOON, 0, 0, 0)).collect();
        let end = time("2400-01-01T00:00:00Z");
        let schedule = calendar(text, "UTC");
        let found = instants(&schedule, time(FROM)).take_while(|instant| instant.at < end);
        let found: Vec<_> = found
            .take(expected.len() + 1)
            .map(|instant| jiff::tz::Offset::UTC.to_datetime(instant.at))
            .collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn what_no_year_has_is_refused() {
    for text in [
        "0 0 31 2 *",
        "0 0 30,31 2 */2",
        "0 0 31 4,6,9,11 *",
        "*-02-30",
        "Mon 2027-02-29",
        "Tue 2028..2044/16-02-28",
        "0 0 12 29 2 * 2027,2029-2031,2100",
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.message.contains("never fires"), "{text}: {error}");
    }
}

/// What a walk over every day would need minutes for.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
#[expect(clippy::disallowed_methods, reason = "it is about how long it takes")]
fn they_are_answered_at_once_from_whatever_year() {
    let began = std::time::Instant::now();
    for (text, _) in SPARSE {
        for zone in ["UTC", "Europe/Berlin"] {
            let schedule = calendar(text, zone);
            for year in 0..2000 {
                let from = Timestamp::from_second(year * 31_556_952 - 62_135_596_800).unwrap();
                let next = schedule.next_after(from);
                assert!(next.is_none_or(|next| next.at > from), "{text} {from}");
            }
        }
    }
    let took = began.elapsed();
    assert!(took < PATIENCE, "{took:?}");
}

#[test]
fn months_begin_when_they_do_in_whatever_year() {
    let (monthly, daily) = (
        calendar("0 12 1 * *", "UTC"),
        calendar("0 12 31 * *", "UTC"),
    );
    for year in (-9000..9000).step_by(7).chain(1999..2005) {
        for month in 1..=12 {
            let first = date(year, month, 1);
            let noon = |date: Date| {
                jiff::tz::Offset::UTC
                    .to_timestamp(date.at(NOON, 0, 0, 0))
                    .unwrap()
            };
            let before = noon(first - 13.days());
            assert_eq!(monthly.next_after(before).unwrap().at, noon(first));
            let last = (0..3).map(|later| (first + later.months()).last_of_month());
            let last = last.into_iter().find(|last| last.day() == 31).unwrap();
            assert_eq!(daily.next_after(noon(first)).unwrap().at, noon(last));
        }
    }
}

//! What may be written in an expression, and when it fires then.

use super::{calendar, parse, runs, time};

const NOON: &str = "2026-07-01T12:00:00Z";

/// Days of the month on which an expression at midnight fires in July 2026, which begins on a
/// Wednesday.
fn july(day: &str, weekday: &str) -> Vec<i8> {
    let calendar = calendar(&format!("0 0 {day} 7 {weekday}"), "UTC");
    super::instants(&calendar, time("2026-06-30T12:00:00Z"))
        .map(|instant| instant.at.to_zoned(jiff::tz::TimeZone::UTC))
        .take_while(|at| at.year() == 2026)
        .map(|at| at.day())
        .collect()
}

fn minutes(field: &str) -> Vec<i8> {
    let calendar = calendar(&format!("{field} 13 1 7 *"), "UTC");
    super::instants(&calendar, time(NOON))
        .map(|instant| instant.at.to_zoned(jiff::tz::TimeZone::UTC))
        .take_while(|at| at.year() == 2026)
        .map(|at| at.minute())
        .collect()
}

#[test]
fn lists_ranges_and_steps_name_minutes() {
    assert_eq!(minutes("*/7"), [0, 7, 14, 21, 28, 35, 42, 49, 56]);
    assert_eq!(minutes("5/15"), [5, 20, 35, 50]);
    assert_eq!(minutes("1-10/2"), [1, 3, 5, 7, 9]);
    assert_eq!(minutes("3,1,2,1"), [1, 2, 3]);
    assert_eq!(minutes("00,05,58-59"), [0, 5, 58, 59]);
    assert_eq!(minutes("*/60"), [0]);
    assert_eq!(minutes("7-7"), [7]);
}

#[test]
fn both_0_and_7_are_sunday() {
    let sundays = [5, 12, 19, 26];
    for field in ["0", "7", "SUN", "sun", "7-7", "0,7", "*/7"] {
        assert_eq!(july("*", field), sundays, "{field}");
    }
    assert_eq!(july("*", "1"), [6, 13, 20, 27]);
}

#[test]
fn a_range_of_weekdays_may_end_at_sunday() {
    let ends_of_weeks = [3, 4, 5, 10, 11, 12, 17, 18, 19, 24, 25, 26, 31];
    for field in ["FRI-SUN", "5-7", "fri-Sun", "5-0", "FRI,SAT,SUN", "5/1"] {
        assert_eq!(july("*", field), ends_of_weeks, "{field}");
    }
    assert_eq!(july("*", "SUN-SAT").len(), 31);
    assert_eq!(july("*", "0-7").len(), 31);
    assert_eq!(july("*", "1-7").len(), 31);
}

#[test]
fn names_are_known_in_any_case() {
    assert_eq!(
        runs("0 0 1 jan,Feb,MAR-apr *", "UTC", NOON, 2),
        ["2027-01-01T00:00:00+00:00", "2027-02-01T00:00:00+00:00"]
    );
    assert_eq!(july("*", "mOn"), [6, 13, 20, 27]);
}

#[test]
fn two_restricted_day_fields_match_either() {
    assert_eq!(july("13", "FRI"), [3, 10, 13, 17, 24, 31]);
}

#[test]
fn a_day_field_that_begins_with_a_star_restricts_both() {
    assert_eq!(july("*/2", "MON"), [13, 27]);
    assert_eq!(july("1-7", "*/7"), [5]);
    assert_eq!(july("13", "*"), [13]);
    assert_eq!(july("*,13", "FRI"), [3, 10, 17, 24, 31]);
}

#[test]
fn macros_are_their_expansions() {
    let pairs = [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
        ("@Daily", "0 0 * * *"),
    ];
    for (name, expansion) in pairs {
        let zone = "America/New_York";
        assert_eq!(
            runs(name, zone, NOON, 10),
            runs(expansion, zone, NOON, 10),
            "{name}"
        );
    }
}

#[test]
fn an_expression_is_shown_as_it_was_written() {
    for text in ["*/5  *\t* * MON-fri", " @Daily ", "00 05 * * 7"] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn an_expression_is_small() {
    assert!(size_of::<crate::schedule::Expression>() <= 64);
}

#[test]
fn leap_days_are_found_over_centuries() {
    assert_eq!(
        runs("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 2),
        ["2104-02-29T00:00:00+00:00", "2108-02-29T00:00:00+00:00"]
    );
    assert_eq!(
        runs("0 0 29 2 */7", "UTC", NOON, 2),
        ["2032-02-29T00:00:00+00:00", "2060-02-29T00:00:00+00:00"]
    );
    assert_eq!(
        runs(
            "30 2 29 FEB */6",
            "Europe/Berlin",
            "2080-01-01T00:00:00Z",
            1
        ),
        ["2088-02-29T02:30:00+01:00"]
    );
}

#[test]
fn time_goes_on_after_2038_and_2106() {
    assert_eq!(
        runs("14 3 19 1 *", "UTC", "2038-01-19T03:13:59Z", 1),
        ["2038-01-19T03:14:00+00:00"]
    );
    assert_eq!(
        runs("* * * * *", "UTC", "2038-01-19T03:14:07Z", 1),
        ["2038-01-19T03:15:00+00:00"]
    );
    assert_eq!(
        runs("*/30 * * * *", "UTC", "2106-02-07T06:28:15Z", 1),
        ["2106-02-07T06:30:00+00:00"]
    );
    assert_eq!(
        runs("0 12 1 7 *", "Europe/Berlin", "2106-02-07T06:28:15Z", 2),
        ["2106-07-01T12:00:00+02:00", "2107-07-01T12:00:00+02:00"]
    );
}

#[test]
fn at_the_end_of_time_nothing_fires_any_more() {
    for zone in ["UTC", "America/New_York", "Pacific/Kiritimati"] {
        let calendar = calendar("* * * * *", zone);
        assert_eq!(calendar.next_after(jiff::Timestamp::MAX), None);
        assert!(calendar.next_after(jiff::Timestamp::MIN).is_some());
    }
    assert_eq!(
        calendar("0 0 31 12 *", "UTC").next_after(time("9999-01-01T00:00:00Z")),
        None
    );
}

#[test]
fn the_next_instant_is_strictly_later() {
    let every_minute = calendar("* * * * *", "UTC");
    let next = |after: &str| every_minute.next_after(time(after)).unwrap().at;
    assert_eq!(next("2026-07-01T12:00:00Z"), time("2026-07-01T12:01:00Z"));
    assert_eq!(
        next("2026-07-01T12:00:00.000000001Z"),
        time("2026-07-01T12:01:00Z")
    );
    assert_eq!(
        next("2026-07-01T11:59:59.999999999Z"),
        time("2026-07-01T12:00:00Z")
    );
    assert_eq!(next("1969-12-31T23:59:59.5Z"), time("1970-01-01T00:00:00Z"));
    assert_eq!(next("1969-12-31T23:58:59.5Z"), time("1969-12-31T23:59:00Z"));
}

#[test]
fn an_impossible_date_beside_a_weekday_fires_on_the_weekday() {
    assert_eq!(
        runs("0 0 30 2 MON", "UTC", "2026-02-20T00:00:00Z", 1),
        ["2026-02-23T00:00:00+00:00"]
    );
    assert!(parse("0 0 29 2 *").is_ok());
    assert!(parse("0 0 31 2,3 *").is_ok());
}

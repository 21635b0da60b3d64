//! What goes beyond the classic five fields: seconds, years, `L`, `W`, `#`, `?` and `H`.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::{calendar, instants, runs, time};
use crate::schedule::{Expression, Seed};

const NOON: &str = "2026-07-01T12:00:00Z";

/// The days on which an expression at midnight fires in a year.
fn days(fields: &str, year: i16) -> Vec<String> {
    let calendar = calendar(&format!("0 0 {fields}"), "UTC");
    let before = time(&format!("{year}-01-01T00:00:00Z")) - jiff::SignedDuration::from_secs(1);
    instants(&calendar, before)
        .map(|instant| instant.at.to_zoned(TimeZone::UTC).date())
        .take_while(|date| date.year() == year)
        .map(|date| date.strftime("%m-%d").to_string())
        .collect()
}

#[test]
fn the_last_day_of_the_month_and_days_before_it() {
    assert_eq!(days("L 1,2,4 *", 2026), ["01-31", "02-28", "04-30"]);
    assert_eq!(days("L 2 *", 2028), ["02-29"]);
    assert_eq!(days("L-3 1,2 *", 2026), ["01-28", "02-25"]);
    assert_eq!(days("l-0 2 *", 2026), ["02-28"]);
    assert_eq!(days("L-30 * *", 2026).len(), 7);
    assert_eq!(days("1,L 2 *", 2026), ["02-01", "02-28"]);
}

#[test]
fn the_nearest_working_day_stays_in_its_month() {
    // A Saturday, a Sunday, a Monday.
    assert_eq!(days("15W 8,11,6 *", 2026), ["06-15", "08-14", "11-16"]);
    assert_eq!(days("1W 8 *", 2026), ["08-03"]);
    assert_eq!(days("31W 5 *", 2026), ["05-29"]);
    assert_eq!(days("31W 6,7 *", 2026), ["07-31"]);
    assert_eq!(days("LW 10,11 *", 2026), ["10-30", "11-30"]);
}

#[test]
fn a_weekday_may_be_counted_within_its_month() {
    assert_eq!(days("* 7 FRI#2", 2026), ["07-10"]);
    assert_eq!(days("* 7 mon#1,FRI#3", 2026), ["07-06", "07-17"]);
    assert_eq!(days("* 7,8 5#5", 2026), ["07-31"]);
    assert_eq!(days("* 7 0#1,7#2", 2026), ["07-05", "07-12"]);
    for last in ["FRI#L", "5L", "friL", "FRI#l"] {
        assert_eq!(days(&format!("* 2,7 {last}"), 2026), ["02-27", "07-31"]);
    }
    assert_eq!(days("? 7 WED#1", 2026), ["07-01"]);
    assert_eq!(days("* 7 MON#2,FRI", 2026).len(), 6);
}

#[test]
fn a_question_mark_restricts_nothing() {
    assert_eq!(days("? 7 MON", 2026), days("* 7 MON", 2026));
    assert_eq!(days("13 7 ?", 2026), ["07-13"]);
}

#[test]
fn marks_follow_the_rule_of_two_day_fields() {
    assert_eq!(days("L 7 MON#1", 2026), ["07-06", "07-31"]);
}

#[test]
fn a_sixth_field_in_front_is_seconds() {
    assert_eq!(
        runs("*/20 30 12 * * *", "UTC", NOON, 4),
        [
            "2026-07-01T12:30:00+00:00",
            "2026-07-01T12:30:20+00:00",
            "2026-07-01T12:30:40+00:00",
            "2026-07-02T12:30:00+00:00",
        ]
    );
    assert_eq!(
        runs("5,59 59 23 31 12 *", "UTC", NOON, 3),
        [
            "2026-12-31T23:59:05+00:00",
            "2026-12-31T23:59:59+00:00",
            "2027-12-31T23:59:05+00:00",
        ]
    );
    assert_eq!(
        runs("* * * * * *", "UTC", NOON, 1),
        ["2026-07-01T12:00:01+00:00"]
    );
}

#[test]
fn a_seconds_field_that_begins_with_a_star_is_wild() {
    let gap = "2026-03-29T00:59:58Z";
    assert_eq!(
        runs("*/30 30 2 * * *", "Europe/Berlin", gap, 1),
        ["2026-03-30T02:30:00+02:00"]
    );
    assert_eq!(
        runs("0,30 30 2 * * *", "Europe/Berlin", gap, 2),
        ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
    );
}

#[test]
fn a_seventh_field_behind_is_years() {
    assert_eq!(
        runs("0 0 12 1 7 ? 2027-2031/2", "UTC", NOON, 3),
        [
            "2027-07-01T12:00:00+00:00",
            "2029-07-01T12:00:00+00:00",
            "2031-07-01T12:00:00+00:00",
        ]
    );
    let schedule = calendar("0 0 12 1 7 ? 2027-2031/2", "UTC");
    assert_eq!(schedule.next_after(time("2031-07-01T12:00:00Z")), None);
    assert_eq!(
        runs("0 0 0 1 1 * 1970,2199", "Pacific/Kiritimati", NOON, 1),
        ["2199-01-01T00:00:00+14:00"]
    );
    let first = calendar("0 0 0 1 1 * 1970", "Pacific/Kiritimati");
    let first = first.next_after(jiff::Timestamp::MIN).map(|first| first.at);
    assert_eq!(first, Some(time("1970-01-01T10:40:00Z")));
    let last = calendar("59 59 23 31 12 * 2199", "Pacific/Niue");
    let last = last.next_after(time(NOON)).map(|last| last.at);
    assert_eq!(last, Some(time("2200-01-01T10:59:59Z")));
    assert_eq!(
        runs("0 0 0 * * * *", "UTC", NOON, 1),
        ["2026-07-02T00:00:00+00:00"]
    );
}

#[test]
fn what_lies_far_ahead_is_found() {
    assert_eq!(
        runs("0 0 0 29 2 ? 2196", "UTC", NOON, 1),
        ["2196-02-29T00:00:00+00:00"]
    );
    assert_eq!(
        runs("0 0 29 2 MON#5", "UTC", "2100-01-01T00:00:00Z", 1),
        ["2104-02-29T00:00:00+00:00"]
    );
}

fn text_with(host: &str, job: &str, text: &str) -> BTreeSet<i8> {
    let expression = Expression::parse(text, Seed::of(host, job)).unwrap();
    let schedule = crate::schedule::Schedule::new(
        [expression],
        crate::schedule::Zone::utc(),
        crate::schedule::Rules::default(),
    );
    instants(&schedule, time("2026-06-30T23:59:59Z"))
        .take_while(|instant| instant.at < time("2026-07-01T01:00:00Z"))
        .map(|instant| instant.at.to_zoned(TimeZone::UTC).minute())
        .collect()
}

#[test]
fn h_is_a_number_that_host_and_job_decide() {
    let minute = text_with("web1", "backup", "H * * * *");
    assert_eq!(minute.len(), 1);
    assert_eq!(minute, text_with("web1", "backup", "h * * * *"));
    let others: BTreeSet<_> = (0..100)
        .flat_map(|job| text_with("web1", &format!("job{job}"), "H * * * *"))
        .collect();
    assert!(others.len() > 40, "{others:?}");
    let hosts: BTreeSet<_> = (0..100)
        .flat_map(|host| text_with(&format!("web{host}"), "backup", "H * * * *"))
        .collect();
    assert!(hosts.len() > 40, "{hosts:?}");
}

#[test]
fn h_takes_a_range_and_a_step() {
    for job in 0..50 {
        let job = format!("job{job}");
        let minutes: Vec<_> = text_with("web1", &job, "H(10-19) * * * *")
            .into_iter()
            .collect();
        assert!(matches!(minutes[..], [10..=19]), "{minutes:?}");
        let minutes: Vec<_> = text_with("web1", &job, "H/15 * * * *")
            .into_iter()
            .collect();
        let first = minutes[0];
        assert!(first < 15);
        assert_eq!(minutes, [first, first + 15, first + 30, first + 45]);
        let minutes: Vec<_> = text_with("web1", &job, "H(0-29)/10 * * * *")
            .into_iter()
            .collect();
        let first = minutes[0];
        assert_eq!(minutes, [first, first + 10, first + 20]);
    }
}

#[test]
fn h_names_a_day_that_every_month_has() {
    for job in 0..100 {
        let seed = Seed::of("web1", &format!("job{job}"));
        let expression = Expression::parse("0 0 H * *", seed).unwrap();
        let expression = [expression];
        let schedule = crate::schedule::Schedule::new(
            expression,
            crate::schedule::Zone::utc(),
            crate::schedule::Rules::default(),
        );
        let year = instants(&schedule, time("2025-12-31T12:00:00Z"))
            .take_while(|instant| instant.at < time("2027-01-01T00:00:00Z"));
        assert_eq!(year.count(), 12);
    }
}

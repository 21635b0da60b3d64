//! Calendar expressions: examples of the manual, what may not be written, and what differs from cron.

use super::refusals::refused;
use super::{calendar, parse, runs};

const NOON: &str = "2026-07-01T12:00:00Z";

#[test]
fn weekdays_date_and_time_may_each_be_left_out() {
    assert_eq!(
        runs("Mon..Fri *-*-* 09:00", "UTC", NOON, 3),
        [
            "2026-07-02T09:00:00+00:00",
            "2026-07-03T09:00:00+00:00",
            "2026-07-06T09:00:00+00:00"
        ]
    );
    assert_eq!(
        runs("Sat,sunday", "UTC", NOON, 2),
        ["2026-07-04T00:00:00+00:00", "2026-07-05T00:00:00+00:00"]
    );
    assert_eq!(
        runs("12-24", "UTC", NOON, 2),
        ["2026-12-24T00:00:00+00:00", "2027-12-24T00:00:00+00:00"]
    );
    assert_eq!(
        runs("*:0/20:30", "UTC", NOON, 3),
        [
            "2026-07-01T12:00:30+00:00",
            "2026-07-01T12:20:30+00:00",
            "2026-07-01T12:40:30+00:00"
        ]
    );
    assert_eq!(
        runs("*-*-* */6:00", "UTC", NOON, 2),
        ["2026-07-01T18:00:00+00:00", "2026-07-02T00:00:00+00:00"]
    );
}

#[test]
fn days_may_be_counted_from_the_end_of_the_month() {
    assert_eq!(
        runs("*-02~03", "UTC", NOON, 2),
        ["2027-02-26T00:00:00+00:00", "2028-02-27T00:00:00+00:00"]
    );
    assert_eq!(
        runs("Mon *-05~07/1", "UTC", NOON, 1),
        ["2027-05-31T00:00:00+00:00"]
    );
}

#[test]
fn years_may_be_named() {
    assert_eq!(
        runs("2026..2030/2-01-01 12:00", "UTC", NOON, 2),
        ["2028-01-01T12:00:00+00:00", "2030-01-01T12:00:00+00:00"]
    );
    let over = calendar("2020-*-*", "UTC");
    assert_eq!(over.next_after(super::time(NOON)), None);
}

#[test]
fn a_zone_may_stand_at_the_end() {
    let zone = |text: &str| {
        let expression = parse(text).unwrap();
        expression.zone().map(|(name, at)| (name.to_owned(), at))
    };
    assert_eq!(
        zone("12:00 Europe/Berlin"),
        Some(("Europe/Berlin".to_owned(), 6..19))
    );
    assert_eq!(zone("daily UTC"), Some(("UTC".to_owned(), 6..9)));
    assert_eq!(zone("Mon 12:00"), None);
    assert_eq!(zone("0 12 * * MON"), None);
}

#[test]
fn shorthands_are_their_expansions() {
    for (name, expansion) in [
        ("minutely", "*-*-* *:*:00"),
        ("Hourly", "0 * * * *"),
        ("daily", "@daily"),
        ("weekly", "0 0 * * MON"),
        ("monthly", "@monthly"),
        ("quarterly", "0 0 1 */3 *"),
        ("semi-annually", "0 0 1 1,7 *"),
        ("yearly", "@yearly"),
    ] {
        let zone = "America/New_York";
        assert_eq!(
            runs(name, zone, NOON, 10),
            runs(expansion, zone, NOON, 10),
            "{name}"
        );
    }
}

/// systemd is silent for the whole of it.
#[test]
fn a_repeated_hour_is_not_silent() {
    assert_eq!(
        runs("*:0/30", "Europe/Berlin", "2026-10-25T00:00:00Z", 3),
        [
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T02:30:00+01:00"
        ]
    );
    assert_eq!(
        runs("*-*-* 02:30", "Europe/Berlin", "2026-03-28T12:00:00Z", 2),
        ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
    );
}

#[test]
fn what_is_wrong_is_told_in_its_place() {
    refused("24:00", "24", "hour 24 is above 23 (allowed: 0-23)", "");
    refused(
        "*-*-* 9",
        "9",
        "'9' is no time",
        "write 'HOUR:MINUTE' or 'HOUR:MINUTE:SECOND'",
    );
    refused("*-13-01", "13", "month 13 is above 12 (allowed: 1-12)", "");
    refused(
        "*-JAN-01",
        "JAN",
        "'JAN' is not a month (allowed: 1-12)",
        "",
    );
    refused(
        "*-*~29",
        "29",
        "day from the end of the month 29 is above 28 (allowed: 1-28)",
        "",
    );
    refused(
        "1~3,",
        ",",
        "day from the end of the month list has an empty element",
        "",
    );
    refused(
        "Fri..Mon",
        "Fri..Mon",
        "weekday range 'Fri..Mon' ends before it begins",
        "write it as two: 'Fri..Sun,Mon'",
    );
    refused(
        "Sat..Tue 12:00",
        "Sat..Tue",
        "weekday range 'Sat..Tue' ends before it begins",
        "write it as two: 'Sat..Sun,Mon..Tue'",
    );
    refused(
        "Mon,Funday",
        "Funday",
        "'Funday' is no weekday (allowed: Mon-Sun, or the whole name)",
        "",
    );
    refused(
        "*:0/90",
        "90",
        "minute step 90 leads beyond 59",
        "leave it out",
    );
    refused(
        "*-02-30",
        "*-02-30",
        "never fires: February has no 30th",
        "",
    );
    refused("*:*:0.5", "0.5", "'0.5': seconds are whole here", "");
    refused(
        "Mon 12:00 13:00",
        "13:00",
        "'13:00' is one too many",
        "write weekdays, date, time and zone, in this order; each may be left out",
    );
    refused(
        "daily 12:00",
        "12:00",
        "nothing but a zone may follow 'daily'",
        "",
    );
    refused(
        "1--2",
        "1--2",
        "'1--2' is no date",
        "write 'YEAR-MONTH-DAY', '*-12-24' for every year, '*-*~01' for the last day of every month",
    );
}

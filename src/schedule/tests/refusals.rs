//! What may not be written in an expression, and what is said of it.

use std::collections::BTreeSet;

use super::{parse, runs};

const NOON: &str = "2026-07-01T12:00:00Z";

/// The message, the part of the expression that it is about, and the help.
pub(super) fn wrong(expression: &str) -> (String, String, String) {
    let error = parse(expression).unwrap_err();
    (
        error.message,
        expression[error.at].to_string(),
        error.help.unwrap_or_default(),
    )
}

#[track_caller]
pub(super) fn refused(expression: &str, part: &str, message: &str, help: &str) {
    let (found, at, found_help) = wrong(expression);
    assert_eq!(
        (found.as_str(), at.as_str(), found_help.as_str()),
        (message, part, help)
    );
}

#[test]
fn a_value_out_of_range_is_refused() {
    refused(
        "61 * * * *",
        "61",
        "minute 61 is above 59 (allowed: 0-59)",
        "",
    );
    refused(
        "0 1,24 * * *",
        "24",
        "hour 24 is above 23 (allowed: 0-23)",
        "",
    );
    refused(
        "0 0 0 * *",
        "0",
        "day of month 0 is below 1 (allowed: 1-31)",
        "",
    );
    refused(
        "0 0 1-32 * *",
        "32",
        "day of month 32 is above 31 (allowed: 1-31)",
        "",
    );
    refused(
        "0 0 1 13 *",
        "13",
        "month 13 is above 12 (allowed: 1-12 or JAN-DEC)",
        "",
    );
    refused(
        "0 0 * * 8",
        "8",
        "day of week 8 is above 7 (allowed: 0-7 or SUN-SAT)",
        "",
    );
    let digits = "9".repeat(99);
    refused(
        &format!("{digits} * * * *"),
        &digits,
        "minute 99999999999999999999 is above 59 (allowed: 0-59)",
        "",
    );
}

#[test]
fn what_is_no_value_is_refused() {
    refused(
        "+5 * * * *",
        "+5",
        "'+5' is not a minute (allowed: 0-59)",
        "",
    );
    refused(
        "0 noon * * *",
        "noon",
        "'noon' is not an hour (allowed: 0-23)",
        "",
    );
    refused(
        "0 1.5 * * *",
        "1.5",
        "'1.5' is not an hour (allowed: 0-23)",
        "",
    );
    refused(
        "*5 * * * *",
        "*5",
        "'*5' is not a minute (allowed: 0-59)",
        "",
    );
    refused(
        "0 0 * * 1-5-6",
        "5-6",
        "'5-6' is not a day of week (allowed: 0-7 or SUN-SAT)",
        "",
    );
    refused(
        "0 0 * * monday",
        "monday",
        "'monday' is not a day of week (allowed: 0-7 or SUN-SAT)",
        "write 'MON'",
    );
    refused(
        "0 0 1 Sept *",
        "Sept",
        "'Sept' is not a month (allowed: 1-12 or JAN-DEC)",
        "write 'SEP'",
    );
    refused(
        "0 0 1 äöü *",
        "äöü",
        "'äöü' is not a month (allowed: 1-12 or JAN-DEC)",
        "",
    );
}

#[test]
fn an_empty_element_is_refused_at_its_comma() {
    let message = "minute list has an empty element";
    for expression in ["1,,2 * * * *", "1, * * * *", ",1 * * * *", ", * * * *"] {
        refused(expression, ",", message, "");
    }
    assert_eq!(parse("1,,2 * * * *").unwrap_err().at, 1..2);
    assert_eq!(parse("* 1, * * *").unwrap_err().at, 3..4);
    assert_eq!(parse("* ,1 * * *").unwrap_err().at, 2..3);
}

#[test]
fn a_step_must_lead_somewhere() {
    refused("*/0 * * * *", "0", "minute step 0 is below 1", "");
    refused("*/ * * * *", "/", "minute has no step after '/'", "");
    refused(
        "/5 * * * *",
        "/5",
        "minute has nothing before '/'",
        "write '*/5'",
    );
    refused("*/x * * * *", "x", "minute step 'x' is not a number", "");
    refused("*/+5 * * * *", "+5", "minute step '+5' is not a number", "");
    refused(
        "*/5/2 * * * *",
        "5/2",
        "minute step '5/2' is not a number",
        "",
    );
    refused(
        "*/61 * * * *",
        "61",
        "minute step 61 is above 60, the number of values in 0-59",
        "for minute 0 alone write '0'",
    );
    refused(
        "0 1-4/5 * * *",
        "5",
        "hour step 5 is above 4, the number of values in 1-4",
        "for hour 1 alone write '1'",
    );
    refused(
        "50/15 * * * *",
        "15",
        "minute step 15 is above 10, the number of values in 50-59",
        "for minute 50 alone write '50'",
    );
    refused(
        "0 0 * * */8",
        "8",
        "day of week step 8 is above 7, the number of values in 0-6",
        "for day of week 0 alone write '0'",
    );
    let digits = "9".repeat(30);
    assert!(
        wrong(&format!("*/{digits} * * * *"))
            .0
            .contains("is above 60")
    );
}

#[test]
fn a_reversed_range_is_refused_with_how_to_write_it() {
    refused(
        "0 22-2 * * *",
        "22-2",
        "hour range '22-2' ends before it begins",
        "write it as two: '22-23,0-2'",
    );
    refused(
        "0 23-0 * * *",
        "23-0",
        "hour range '23-0' ends before it begins",
        "write it as two: '23,0'",
    );
    refused(
        "30-10 * * * *",
        "30-10",
        "minute range '30-10' ends before it begins",
        "write it as two: '30-59,0-10'",
    );
    refused(
        "0 0 * nov-feb *",
        "nov-feb",
        "month range 'nov-feb' ends before it begins",
        "write it as two: 'nov-DEC,JAN-feb'",
    );
    refused(
        "0 0 * * FRI-MON",
        "FRI-MON",
        "day of week range 'FRI-MON' ends before it begins",
        "write it as two: 'FRI-SUN,MON'",
    );
    refused(
        "0 0 * * 6-2",
        "6-2",
        "day of week range '6-2' ends before it begins",
        "write it as two: '6-7,1-2'",
    );
    refused(
        "0 0 * * 7-2",
        "7-2",
        "day of week range '7-2' ends before it begins",
        "write it as two: '7,1-2'",
    );
    refused(
        "0 21-2/2 * * *",
        "21-2",
        "hour range '21-2' ends before it begins",
        "write '21,23,1'",
    );
    refused(
        "0 0 * * 5-2/2",
        "5-2",
        "day of week range '5-2' ends before it begins",
        "write '5,0,2'",
    );
    refused("5- * * * *", "5-", "minute range '5-' has no end", "");
    refused("-5 * * * *", "-5", "minute range '-5' has no beginning", "");
}

#[test]
fn the_help_for_a_reversed_range_is_a_right_expression() {
    for (first, last) in (0..=23).flat_map(|first| (0..first).map(move |last| (first, last))) {
        let (_, _, help) = wrong(&format!("0 {first}-{last} * * *"));
        let two = help.split('\'').nth(1).unwrap();
        let expected = (first..=23)
            .chain(0..=last)
            .map(|hour| format!("{hour:02}"));
        let expected: BTreeSet<_> = expected.collect();
        let a_day_of_runs = runs(&format!("0 {two} * * *"), "UTC", NOON, expected.len());
        let hours: BTreeSet<_> = a_day_of_runs
            .iter()
            .map(|run| run[11..13].to_string())
            .collect();
        assert_eq!(hours, expected, "{two}");
    }
}

#[test]
fn what_cannot_be_seen_is_repeated_by_its_number() {
    refused(
        "\u{202e}5\u{a0}* * * * *",
        "\u{202e}5\u{a0}*",
        "'\\u{202e}5\\u{a0}*' is not a minute (allowed: 0-59)",
        "",
    );
}

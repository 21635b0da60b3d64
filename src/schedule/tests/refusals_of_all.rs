//! Expressions that are wrong as a whole: what others know, too few fields, instants that never come.

use proptest::prelude::*;

use super::refusals::refused;
use super::{calendar, parse, time};

const NOON: &str = "2026-07-01T12:00:00Z";

#[test]
fn marks_stand_in_their_own_fields_only() {
    let hour = "(allowed for hour: 0-23)";
    for (mark, name) in [
        ("L", "'L' (the last one)"),
        ("5L", "'L' (the last one)"),
        ("LW", "'L' (the last one)"),
        ("15W", "'W' (the nearest working day)"),
        ("1#2", "'#' (which weekday of the month)"),
    ] {
        let message = format!("{name} is not available {hour}");
        refused(&format!("0 {mark} * * *"), mark, &message, "");
    }
    let message = format!("'?' is not available {hour}");
    refused("0 ? * * *", "?", &message, "write '*'");
    refused(
        "0 0 15W * 15W",
        "15W",
        "'W' (the nearest working day) is not available (allowed for day of week: 0-7 or SUN-SAT)",
        "",
    );
    refused(
        "0 0 12 1 1 * H",
        "H",
        "'H' (a value from a hash) is not available (allowed for year: 1970-2199)",
        "write a number",
    );
    assert!(parse("0 0 * JUL,MAR WED,THU").is_ok());
}

#[test]
fn a_mark_that_is_wrong_is_told_what_it_takes() {
    let before =
        |found: &str| format!("'{found}': 'L-' takes a number of days before the last one, 0-30");
    refused("0 0 L-31 * *", "L-31", &before("L-31"), "");
    refused("0 0 L- * *", "L-", &before("L-"), "");
    refused(
        "0 0 32W * *",
        "32",
        "day of month 32 is above 31 (allowed: 1-31)",
        "",
    );
    let which =
        |found: &str| format!("'{found}' after '#': which one of the month, 1-5 or L for the last");
    refused("0 0 * * FRI#6", "FRI#6", &which("6"), "");
    refused("0 0 * * FRI#", "FRI#", &which(""), "");
    refused(
        "0 0 * * #2",
        "#2",
        "'#2' is not a day of week (allowed: 0-7 or SUN-SAT)",
        "",
    );
    refused(
        "0 0 * * L",
        "L",
        "'L' alone is not available (allowed for day of week: 0-7 or SUN-SAT)",
        "for the last Friday of the month write 'FRI#L'",
    );
    refused(
        "H(5 * * * *",
        "H(5",
        "'H(5' is not a minute (allowed: 0-59)",
        "",
    );
    refused(
        "* * * h() *",
        "h()",
        "'h()' is not a month (allowed: 1-12 or JAN-DEC)",
        "",
    );
    refused(
        "H(0-75) * * * *",
        "75",
        "minute 75 is above 59 (allowed: 0-59)",
        "",
    );
    refused(
        "H(0-9)/20 * * * *",
        "20",
        "minute step 20 is above 10, the number of values in 0-9",
        "for minute 0 alone write '0'",
    );
    refused(
        "0 0 0 1 1 * 1969",
        "1969",
        "year 1969 is below 1970 (allowed: 1970-2199)",
        "",
    );
}

#[test]
fn the_number_of_fields_is_checked() {
    let fields = "(minute, hour, day of month, month, day of week)";
    refused(
        "",
        "",
        "the expression is empty",
        "write five fields: minute, hour, day of month, month, day of week",
    );
    refused(
        "  ",
        "  ",
        "the expression is empty",
        "write five fields: minute, hour, day of month, month, day of week",
    );
    refused(
        " * * ",
        "* *",
        &format!("2 fields found, 5 needed {fields}"),
        "",
    );
    refused("5", "5", &format!("1 field found, 5 needed {fields}"), "");
    refused(
        "Midnight",
        "Midnight",
        &format!("1 field found, 5 needed {fields}"),
        "did you mean '@midnight'?",
    );
    refused(
        "* * * * * date",
        "date",
        "'date' is not a day of week (allowed: 0-7 or SUN-SAT)",
        "",
    );
    refused(
        "* * * * * * * *",
        "* * * * * * * *",
        "8 fields found, 7 at most (second, minute, hour, day of month, month, day of week, year)",
        "",
    );
}

#[test]
fn an_unknown_macro_is_refused() {
    refused(
        "@dayly",
        "@dayly",
        "'@dayly' is not a macro",
        "did you mean '@daily'?",
    );
    refused(
        "@fortnightly",
        "@fortnightly",
        "'@fortnightly' is not a macro",
        "allowed: @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly",
    );
    refused("@daily * *", "* *", "nothing may follow '@daily'", "");
    refused(
        "@every 5m",
        "@every",
        "'@every' is not available",
        "use the key 'every' in place of 'schedule'",
    );
    refused(
        " @reboot",
        "@reboot",
        "'@reboot' is not available: a schedule names times",
        "what runs once at boot is a systemd service with 'Type=oneshot'",
    );
}

#[test]
fn an_expression_that_never_fires_is_refused_with_the_reason() {
    refused(
        "0 0 30 2 *",
        "30 2",
        "never fires: February has no 30th",
        "",
    );
    refused(
        "0 0 30,31 FEB *",
        "30,31 FEB",
        "never fires: February has no 30th or 31st",
        "",
    );
    refused(
        "0 0 31 2,4,6,9,11 *",
        "31 2,4,6,9,11",
        "never fires: February, April, June, September and November have no 31st",
        "",
    );
    refused("0 0 31 4 */2", "31 4", "never fires: April has no 31st", "");
    refused(
        "0 0 30-31 2 *,1",
        "30-31 2",
        "never fires: February has no 30th or 31st",
        "",
    );
}

#[test]
fn an_error_shows_message_and_help() {
    let error = parse("0 22-2 * * *").unwrap_err();
    assert_eq!(
        error.to_string(),
        "hour range '22-2' ends before it begins; write it as two: '22-23,0-2'"
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*|([-*/,0-9LWH#?@+ a-zA-Z\t]{0,12} ?){0,7}|[^a]{0,30}") {
        if let Err(error) = parse(&text) {
            prop_assert!(text.get(error.at.clone()).is_some());
            prop_assert!(error.message.len() < 400 && !error.message.contains('\n'));
        }
    }

    #[test]
    fn what_is_accepted_fires(text in "[-*/,0-9]{1,6} [-*/,0-9]{1,6} [-*/,0-9]{1,6} [-*/,0-9]{1,4} [-*/,0-7]{1,4}") {
        if parse(&text).is_ok() {
            prop_assert!(calendar(&text, "Europe/Berlin").next_after(time(NOON)).is_some());
        }
    }
}

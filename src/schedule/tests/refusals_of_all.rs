//! Expressions that are wrong as a whole: what others know, too few fields, instants that never come.

use proptest::prelude::*;

use super::refusals::refused;
use super::{calendar, time};
use crate::schedule::Cron;

const NOON: &str = "2026-07-01T12:00:00Z";

#[test]
fn what_other_crons_know_is_named_as_not_available() {
    let last = "'L' (the last one) is not available (allowed for day of month: 1-31)";
    refused("0 0 L * *", "L", last, "");
    refused("0 0 L-3 * *", "L-3", last, "");
    refused("0 0 1,LW * *", "LW", last, "");
    refused(
        "0 0 15W * *",
        "15W",
        "'W' (the nearest working day) is not available (allowed for day of month: 1-31)",
        "",
    );
    let weekday = "(allowed for day of week: 0-7 or SUN-SAT)";
    refused(
        "0 0 * * 5L",
        "5L",
        &format!("'L' (the last one) is not available {weekday}"),
        "",
    );
    refused(
        "0 0 * * friL",
        "friL",
        &format!("'L' (the last one) is not available {weekday}"),
        "",
    );
    refused(
        "0 0 * * MON#2",
        "MON#2",
        &format!("'#' (which weekday of the month) is not available {weekday}"),
        "",
    );
    refused(
        "0 0 ? * MON",
        "?",
        "'?' is not available (allowed for day of month: 1-31)",
        "write '*'",
    );
    let hash = "'H' (a value from a hash) is not available (allowed for minute: 0-59)";
    refused("H * * * *", "H", hash, "write a number");
    refused("H/15 * * * *", "H", hash, "write a number");
    refused("h(0-29)/10 * * * *", "h(0-29)", hash, "write a number");
    assert!(Cron::parse("0 0 * JUL,MAR WED,THU").is_ok());
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
        "Daily",
        "Daily",
        &format!("1 field found, 5 needed {fields}"),
        "did you mean '@daily'?",
    );
    refused(
        "0 */5 * * * *",
        "0 */5 * * * *",
        &format!("6 fields found, 5 needed {fields}; seconds are not known"),
        "without them: '*/5 * * * *'",
    );
    refused(
        "* * * * * date",
        "* * * * * date",
        &format!("6 fields found, 5 needed {fields}; seconds are not known"),
        "",
    );
    refused(
        "0 */5 * * * * 2026",
        "0 */5 * * * * 2026",
        &format!("7 fields found, 5 needed {fields}; seconds and years are not known"),
        "without them: '*/5 * * * *'",
    );
    refused(
        "* * * * * * * *",
        "* * * * * * * *",
        &format!("8 fields found, 5 needed {fields}"),
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
    let error = Cron::parse("0 22-2 * * *").unwrap_err();
    assert_eq!(
        error.to_string(),
        "hour range '22-2' ends before it begins; write it as two: '22-23,0-2'"
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*|([-*/,0-9LWH#?@+ a-zA-Z\t]{0,12} ?){0,7}|[^a]{0,30}") {
        if let Err(error) = Cron::parse(&text) {
            prop_assert!(text.get(error.at.clone()).is_some());
            prop_assert!(error.message.len() < 400 && !error.message.contains('\n'));
        }
    }

    #[test]
    fn what_is_accepted_fires(text in "[-*/,0-9]{1,6} [-*/,0-9]{1,6} [-*/,0-9]{1,6} [-*/,0-9]{1,4} [-*/,0-7]{1,4}") {
        if Cron::parse(&text).is_ok() {
            prop_assert!(calendar(&text, "Europe/Berlin").next_after(time(NOON)).is_some());
        }
    }
}

//! What expressions are said to mean.

use super::parse;

#[test]
fn an_expression_is_told_in_plain_english() {
    for (expression, meaning) in [
        ("* * * * *", "every minute"),
        ("* * * * * *", "every second"),
        ("*/15 * * * *", "every 15 minutes"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("5,35 * * * * *", "at seconds 5 and 35 of every minute"),
        ("0 * * * *", "every hour, on the hour"),
        ("7 * * * *", "at minute 7 of the hour"),
        ("7,22,52 * * * *", "at minutes 7, 22 and 52 of the hour"),
        (
            "*/7 * * * *",
            "at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of the hour",
        ),
        ("30 2 * * *", "at 02:30 every day"),
        ("30 2 * * 1-5", "at 02:30, from Monday to Friday"),
        (
            "15,45 6,18 * * SUN",
            "at 06:15, 06:45, 18:15 and 18:45, on every Sunday",
        ),
        (
            "*/20 8-17 * * *",
            "every 20 minutes, in the hours 8 to 17, every day",
        ),
        (
            "*/30 */2 * * *",
            "every 30 minutes, in every 2nd hour from 0 on, every day",
        ),
        ("20 30 12 * * *", "at 12:30:20 every day"),
        (
            "10 0-4 8-12 * * *",
            "at second 10, at minutes 0 to 4 of the hour, in the hours 8 to 12, every day",
        ),
        ("0 0 1,15 * *", "at 00:00, on the 1st and 15th of the month"),
        (
            "0 12 13 * FRI",
            "at 12:00, on the 13th of the month, or on every Friday",
        ),
        (
            "0 12 */2 * MON",
            "at 12:00, on the 1st, 3rd, 5th, 7th, 9th, 11th, 13th, 15th, 17th, 19th, 21st, 23rd, 25th, 27th, 29th and 31st of the month, but only on every Monday",
        ),
        ("0 0 L * *", "at 00:00, on the last day of the month"),
        (
            "0 0 L-1,L-3 * *",
            "at 00:00, on the day before the last one and the day 3 days before the last one of the month",
        ),
        (
            "0 0 15W,LW * *",
            "at 00:00, on the working day nearest to the 15th and the last working day of the month",
        ),
        (
            "0 0 * * FRI#2,MON#L",
            "at 00:00, on the second Friday of the month and the last Monday of the month",
        ),
        (
            "0 0 1 1,6-8 *",
            "at 00:00, on the 1st of the month, in January and June to August",
        ),
        (
            "0 0 12 1 7 ? 2027-2030,2035",
            "at 12:00, on the 1st of the month, in July, in 2027 to 2030 and 2035",
        ),
        (
            "Mon,Wed..Fri *-*-* 09:00",
            "at 09:00, on every Monday and Wednesday to Friday",
        ),
        ("Sat,Sun 10:00", "at 10:00, on every Saturday and Sunday"),
        (
            "quarterly",
            "at 00:00, on the 1st of the month, in January, April, July and October",
        ),
        (
            "*-*~02",
            "at 00:00, on the day before the last one of the month",
        ),
        ("@daily", "at 00:00 every day"),
    ] {
        assert_eq!(
            parse(expression).unwrap().describe(),
            meaning,
            "{expression}"
        );
    }
}

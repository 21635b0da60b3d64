//! What cron and zones promise, beyond one file.

mod aimed;
mod calendars;
mod clock_changes;
mod descriptions;
mod either_day;
mod every_zone;
mod expressions;
mod gregorian;
mod marks;
mod oracle;
mod random;
mod refusals;
mod refusals_of_all;
mod sparse;
mod zones;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::{Expression, ExpressionError, Instant, Rules, Schedule, Seed, Zone};

fn parse(expression: &str) -> Result<Expression, ExpressionError> {
    Expression::parse(expression, Seed::of("host", "job"))
}

fn calendar(expression: &str, zone: &str) -> Schedule {
    let expression = parse(expression).unwrap();
    Schedule::new([expression], Zone::named(zone).unwrap(), Rules::default())
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The instants after a time, in the zone's own offsets.
fn runs(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let calendar = calendar(expression, zone);
    instants(&calendar, time(after))
        .take(count)
        .map(|instant| calendar.zone.format(instant.at))
        .collect()
}

fn instants(calendar: &Schedule, after: Timestamp) -> impl Iterator<Item = Instant> {
    std::iter::successors(calendar.next_after(after), |instant| {
        calendar.next_after(instant.at)
    })
}

fn moved(expression: &str, zone: &str, after: &str) -> Option<DateTime> {
    calendar(expression, zone)
        .next_after(time(after))
        .unwrap()
        .moved_from
}

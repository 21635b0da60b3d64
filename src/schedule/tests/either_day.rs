//! What is written instead of an expression in which either of two fields for days may match.

use jiff::Timestamp;
use proptest::prelude::*;

use super::random::expression;
use super::{calendar, instants, parse};
use crate::schedule::{EitherDay, Instant, Rules, Schedule, Zone};

fn either(text: &str) -> Option<EitherDay> {
    parse(text).unwrap().either_day()
}

#[test]
fn where_both_fields_must_match_nothing_is_said() {
    for text in [
        "0 12 13 * *",
        "0 12 * * FRI",
        "0 12 ? * FRI",
        "0 12 */2 * FRI",
        "0 12 13 * */2",
        "@weekly",
        "Fri *-*-13 12:00",
    ] {
        assert_eq!(either(text), None, "{text}");
    }
}

#[test]
fn what_may_have_been_meant_is_told() {
    let said = either("0 12 13 * FRI").unwrap();
    assert_eq!((&*said.day, &*said.weekday), ("13", "FRI"));
    assert_eq!(said.both.as_deref(), Some("Fri *-*-13 12:00"));
    assert_eq!(
        said.apart,
        Some(["0 12 13 * *", "0 12 * * FRI"].map(str::to_owned))
    );
}

#[test]
fn days_that_no_calendar_expression_can_name_have_none() {
    for text in [
        "0 6 L * FRI#2",
        "0 6 13 * FRI#2",
        "0 6 15W * FRI",
        "H 6 13 * FRI",
    ] {
        assert_eq!(either(text).unwrap().both, None, "{text}");
    }
}

#[test]
fn an_expression_that_alone_would_never_fire_is_not_proposed() {
    assert_eq!(either("0 6 30 2 MON").unwrap().apart, None);
}

const YEARS: i64 = 3 * 366 * 86_400;

fn within_years(schedule: &Schedule, from: Timestamp) -> Vec<Instant> {
    let until = from.as_second() + YEARS;
    instants(schedule, from)
        .take_while(|instant| instant.at.as_second() < until)
        .take(2000)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_proposals_name_the_same_instants_and_those_of_both(expression in expression(0), from in 0..4_000_000_000_i64) {
        let from = Timestamp::from_second(from).unwrap();
        let Ok(either) = parse(&expression.text()).map(|parsed| parsed.either_day()) else {
            return Ok(());
        };
        let Some(EitherDay { both, apart, .. }) = either else {
            return Ok(());
        };
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let all = within_years(&calendar(&expression.text(), "Europe/Berlin"), from);
        if let Some(apart) = apart {
            let apart = apart.map(|text| parse(&text).unwrap());
            let apart = Schedule::new(apart, berlin.clone(), Rules::default());
            prop_assert_eq!(&within_years(&apart, from), &all);
        }
        if let Some(both) = both {
            let is_of_both = |instant: &&Instant| {
                let wall = instant.moved_from.unwrap_or_else(|| berlin_time(instant.at));
                expression.names_day_twice(wall.date())
            };
            let expected: Vec<_> = all.iter().filter(is_of_both).copied().collect();
            let found = within_years(&calendar(&both, "Europe/Berlin"), from);
            let end = all.last().map(|last| last.at);
            let found: Vec<_> = found.into_iter().filter(|one| Some(one.at) <= end).collect();
            prop_assert_eq!(found, expected, "{}", both);
        }
    }
}

fn berlin_time(at: Timestamp) -> jiff::civil::DateTime {
    jiff::tz::db().get("Europe/Berlin").unwrap().to_datetime(at)
}

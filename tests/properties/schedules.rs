//! Expressions of every form, and the instants that they name.

use std::sync::OnceLock;

use hupd::schedule::{Expression, ExpressionError, Instant, Rules, Schedule, Seed, Zone};
use jiff::tz::db;
use jiff::{SignedDuration, Timestamp};

use super::check_message;

/// Hours and half hours, both hemispheres, a day that never was, changes at midnight, odd seconds long ago.
const ZONES: [&str; 10] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/Havana",
    "Europe/Amsterdam",
];
/// The schedule repeats after 400 years: up to here every expression fires once more.
const ALL_FIRE_UNTIL: &str = "9590-01-01T00:00:00Z";
const NANOSECOND: SignedDuration = SignedDuration::from_nanos(1);

/// An expression, on the next line a zone, on the one after that a time, each as people write it.
pub fn schedule_of_lines(text: &str) {
    let mut lines = text.split('\n');
    let expression = lines.next().unwrap_or_default();
    let zone = zone(lines.next().unwrap_or_default());
    let time = lines.next().unwrap_or_default();
    schedule(
        expression,
        &zone,
        time.parse().unwrap_or_else(|_| any_time(time)),
    );
}

/// A zone by its name; another text stands for one of them as well.
fn zone(text: &str) -> Zone {
    static KNOWN: OnceLock<Vec<Zone>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let named = |name: &&str| Zone::named(name).expect("the tz database is installed");
        ZONES.iter().map(named).collect()
    });
    let any = text.bytes().map(usize::from).sum::<usize>() % ZONES.len();
    let place = ZONES.iter().position(|name| *name == text);
    known[place.unwrap_or(any)].clone()
}

/// The time that a text stands for where it is none.
fn any_time(text: &str) -> Timestamp {
    let number = text.bytes().fold(0_i64, |number, byte| {
        number.wrapping_mul(31).wrapping_add(i64::from(byte))
    });
    let seconds = number.wrapping_mul(1_000_003) % Timestamp::MAX.as_second();
    Timestamp::new(seconds.max(Timestamp::MIN.as_second()), 500_000_000).unwrap_or_default()
}

/// An accepted expression is shown as it was written and names instants in order; a refused one is told.
fn schedule(text: &str, zone: &Zone, time: Timestamp) {
    match parse(text) {
        Ok(expression) => {
            assert_eq!(expression.to_string(), text);
            assert_eq!(parse(&expression.to_string()).as_ref(), Ok(&expression));
            if let Some((name, at)) = expression.zone() {
                assert_eq!(text.get(at), Some(name));
            }
            let schedule = Schedule::new([expression], zone.clone(), Rules::default());
            check_instants(&schedule, time);
        }
        Err(error) => check_error(text, &error),
    }
}

fn parse(text: &str) -> Result<Expression, ExpressionError> {
    Expression::parse(text, Seed::of("host", "job"))
}

fn check_error(text: &str, error: &ExpressionError) {
    assert!(error.at.start <= error.at.end, "{error:?}");
    assert!(text.get(error.at.clone()).is_some(), "{error:?}");
    assert!(text.is_empty() || !error.at.is_empty(), "{error:?}");
    check_message(&error.message);
    error.help.iter().for_each(|help| check_message(help));
    check_message(&error.to_string());
    if let Some(advice) = advice(error).filter(|_| !text[error.at.end..].starts_with('/')) {
        check_advice(text, error, advice);
    }
}

/// What to write instead of the marked part, where the help says so.
fn advice(error: &ExpressionError) -> Option<&str> {
    let help = error.help.as_deref()?;
    let beginnings = [
        "write '",
        "write it as two: '",
        "without them: '",
        "did you mean '",
    ];
    let advice = beginnings
        .iter()
        .find_map(|beginning| help.strip_prefix(beginning))?;
    let advice = advice.strip_suffix('?').unwrap_or(advice);
    advice
        .strip_suffix('\'')
        .filter(|advice| !advice.contains('…'))
}

/// Who follows the advice is not told the same again.
fn check_advice(text: &str, error: &ExpressionError, advice: &str) {
    let mut better = text.to_owned();
    better.replace_range(error.at.clone(), advice);
    if let Err(next) = parse(&better) {
        let is_same = next.message == error.message && next.at.start == error.at.start;
        assert!(!is_same, "{text:?}, then {better:?}: {next}");
    }
}

fn check_instants(schedule: &Schedule, time: Timestamp) {
    let Some(next) = schedule.next_after(time) else {
        let until = ALL_FIRE_UNTIL.parse().expect("it is a time");
        let has_ended = time > until || may_name_years(&schedule.to_string());
        assert!(has_ended, "{schedule} never fires after {time}");
        return;
    };
    assert!(next.at > time, "{schedule} after {time}: {next:?}");
    check_wall(schedule, &next);
    check_between(schedule, time, &next);
    check_order(schedule, &next);
}

/// Seven fields, or a date of three parts.
fn may_name_years(text: &str) -> bool {
    let mut words = text.split_ascii_whitespace();
    let has_year = |word: &str| word.matches(['-', '~']).count() >= 2;
    words.clone().count() == 7 || words.any(has_year)
}

/// A time that was not moved is a full second on the wall.
fn check_wall(schedule: &Schedule, next: &Instant) {
    let rules = db().get(schedule.zone.name()).expect("the zone exists");
    let wall = rules.to_datetime(next.at);
    let is_full = wall.subsec_nanosecond() == 0;
    assert!(next.moved_from.is_some() || is_full, "{schedule}: {wall}");
    assert!(
        next.moved_from.is_none_or(|lost| lost < wall),
        "{schedule}: {next:?}"
    );
}

/// From everywhere before it, the next instant is the same one.
fn check_between(schedule: &Schedule, time: Timestamp, next: &Instant) {
    let middle = time + next.at.duration_since(time) / 2;
    let second_before = next.at - SignedDuration::from_secs(1);
    for probe in [middle, next.at - NANOSECOND, second_before.max(time)] {
        assert_eq!(
            schedule.next_after(probe).as_ref(),
            Some(next),
            "{schedule} after {probe}"
        );
    }
}

/// Later times have later instants, each after the one before.
fn check_order(schedule: &Schedule, next: &Instant) {
    let mut last = *next;
    for _ in 0..20 {
        let Some(following) = schedule.next_after(last.at) else {
            return;
        };
        assert!(
            following.at > last.at,
            "{schedule}: {following:?} after {last:?}"
        );
        check_wall(schedule, &following);
        check_between(schedule, last.at, &following);
        last = following;
    }
}

//! Cron expressions, and the instants that they name.

use std::sync::OnceLock;

use hupd::schedule::{Calendar, Cron, ExpressionError, Instant, Zone};
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
/// The calendar repeats after 400 years: up to here every expression fires once more.
const ALL_FIRE_UNTIL: &str = "9590-01-01T00:00:00Z";
const NANOSECOND: SignedDuration = SignedDuration::from_nanos(1);

/// An expression, on the next line a zone, on the one after that a time, each as people write it.
pub fn cron_of_lines(text: &str) {
    let mut lines = text.split('\n');
    let expression = lines.next().unwrap_or_default();
    let zone = zone(lines.next().unwrap_or_default());
    let time = lines.next().unwrap_or_default();
    cron(
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
fn cron(text: &str, zone: &Zone, time: Timestamp) {
    match Cron::parse(text) {
        Ok(cron) => {
            assert_eq!(cron.to_string(), text);
            assert_eq!(Cron::parse(&cron.to_string()).as_ref(), Ok(&cron));
            let zone = zone.clone();
            check_instants(&Calendar { cron, zone }, time);
        }
        Err(error) => check_error(text, &error),
    }
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
    if let Err(next) = Cron::parse(&better) {
        let is_same = next.message == error.message && next.at.start == error.at.start;
        assert!(!is_same, "{text:?}, then {better:?}: {next}");
    }
}

fn check_instants(calendar: &Calendar, time: Timestamp) {
    let Some(next) = calendar.next_after(time) else {
        let until = ALL_FIRE_UNTIL.parse().expect("it is a time");
        assert!(time > until, "{calendar} never fires after {time}");
        return;
    };
    assert!(next.at > time, "{calendar} after {time}: {next:?}");
    check_wall(calendar, &next);
    check_between(calendar, time, &next);
    check_order(calendar, &next);
}

/// A time that was not moved is a full minute on the wall.
fn check_wall(calendar: &Calendar, next: &Instant) {
    let rules = db().get(calendar.zone.name()).expect("the zone exists");
    let wall = rules.to_datetime(next.at);
    let is_full = wall.second() == 0 && wall.subsec_nanosecond() == 0;
    assert!(next.moved_from.is_some() || is_full, "{calendar}: {wall}");
    assert!(
        next.moved_from.is_none_or(|lost| lost < wall),
        "{calendar}: {next:?}"
    );
}

/// From everywhere before it, the next instant is the same one.
fn check_between(calendar: &Calendar, time: Timestamp, next: &Instant) {
    let middle = time + next.at.duration_since(time) / 2;
    let second_before = next.at - SignedDuration::from_secs(1);
    for probe in [middle, next.at - NANOSECOND, second_before.max(time)] {
        assert_eq!(
            calendar.next_after(probe).as_ref(),
            Some(next),
            "{calendar} after {probe}"
        );
    }
}

/// Later times have later instants, each after the one before.
fn check_order(calendar: &Calendar, next: &Instant) {
    let mut last = *next;
    for _ in 0..20 {
        let Some(following) = calendar.next_after(last.at) else {
            return;
        };
        assert!(
            following.at > last.at,
            "{calendar}: {following:?} after {last:?}"
        );
        check_wall(calendar, &following);
        check_between(calendar, last.at, &following);
        last = following;
    }
}

//! Calendar expressions beside systemd's own: thousands of them, the same instants, and the same refused.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test stands outside hupd"
)]

mod common;

use std::process::Command;

use common::{has_program, skip, text};
use hupd::schedule::{Expression, Rules, Schedule, Seed, Zone};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// So many expressions for each base.
const MANY: usize = 1500;
/// So many are given to one process.
const AT_ONCE: usize = 250;
const INSTANTS: usize = 4;
/// In UTC: what becomes of an expression when clocks change is decided otherwise here.
const BASES: [&str; 3] = [
    "2026-07-01 12:34:56",
    "2027-12-31 23:59:59",
    "2028-02-28 00:00:00",
];

/// What becomes of an expression: instants, of which there may be none any more, or a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Instants(Vec<Timestamp>),
    Refused,
}

#[test]
fn right_expressions_name_the_same_instants() {
    let mut refused = 0;
    compare(&expression(), |expression, base, theirs, ours| {
        refused += usize::from(theirs == &Fate::Refused);
        assert_eq!(ours, theirs, "'{expression}' after {base}");
    });
    let share = refused * 10 / (MANY * BASES.len());
    assert_eq!(share, 0, "{refused} of them were wrong");
}

/// One letter more or less, or another one.
#[test]
fn nearly_right_expressions_are_refused_by_both_but_for_what_is_written_down() {
    let letters = select("0123456789*,./~-: MonTueFri@#?".chars().collect::<Vec<_>>());
    let damaged = (expression(), any::<prop::sample::Index>(), letters, 0..3).prop_map(
        |(expression, at, letter, how)| {
            let mut expression = with_open_steps(&expression);
            let at = at.index(expression.len());
            match how {
                0 => drop(expression.remove(at)),
                1 => expression.insert(at, letter),
                _ => expression.replace_range(at..=at, &letter.to_string()),
            }
            expression
        },
    );
    compare(&damaged, |expression, base, theirs, ours| {
        if is_known_to_differ(expression) {
            return;
        }
        match has_open_step(expression) {
            true => assert_eq!(
                *ours == Fate::Refused,
                *theirs == Fate::Refused,
                "'{expression}'"
            ),
            false => assert_eq!(ours, theirs, "'{expression}' after {base}"),
        }
    });
}

/// As hupd.toml(5) has it.
fn is_known_to_differ(expression: &str) -> bool {
    let has_fraction = expression
        .replace("..", "")
        .split(':')
        .nth(2)
        .is_some_and(|second| second.contains('.'));
    let words: Vec<_> = expression.split_whitespace().collect();
    let is_cron = words.len() >= 5 && !expression.contains(':');
    let trails = words.first().is_some_and(|first| first.ends_with(','));
    let lists_from_end = expression.contains('~') && expression.contains(',');
    // Which other zones there are is for each to find out.
    let is_another_zone = |zone: &&str| zone.ends_with(['C', 'T', 'U']) && *zone != "UTC";
    has_fraction
        || words.last().is_some_and(is_another_zone)
        || is_cron
        || trails
        || lists_from_end
        || has_idle_range(expression)
        || expression.trim() != expression
        || expression.contains("  ")
        || expression.contains("*/")
        || expression.contains('@')
}

fn has_open_step(expression: &str) -> bool {
    let elements = expression.split(|c: char| !c.is_ascii_digit() && !"./".contains(c));
    let is_open = |element: &str| element.contains('/') && !element.contains("..");
    elements.into_iter().any(is_open)
}

/// Such as `5..9/7`, which names 5 alone; `5..14/5`, whose end it never comes to: there that end may be anything;
/// or `2..2`, which is refused for seconds.
fn has_idle_range(expression: &str) -> bool {
    let elements = expression.split(|c: char| !c.is_ascii_digit() && !"./".contains(c));
    let idle = |element: &str| {
        let (range, step) = element.split_once('/').unwrap_or((element, "1"));
        let (first, last) = range.split_once("..")?;
        let [first, last, step] = [first, last, step].map(|number| number.parse::<u64>().ok());
        let (first, last, step) = (first?, last?, step?);
        Some(step == 0 || last <= first || !(last - first).is_multiple_of(step))
    };
    elements
        .into_iter()
        .any(|element| idle(element).unwrap_or(false))
}

fn compare(
    expressions: &impl Strategy<Value = String>,
    mut check: impl FnMut(&str, &str, &Fate, &Fate),
) {
    if !has_program("systemd-analyze") {
        return skip("systemd-analyze is not there");
    }
    let mut runner = TestRunner::default();
    for base in BASES {
        let expressions: Vec<_> = (0..MANY)
            .map(|_| expressions.new_tree(&mut runner).unwrap().current())
            .collect();
        for some in expressions.chunks(AT_ONCE) {
            let closed: Vec<_> = some.iter().map(|text| with_closed_steps(text)).collect();
            for (expression, theirs) in some.iter().zip(of_systemd(&closed, base)) {
                let expression = with_open_steps(expression);
                check(&expression, base, &theirs, &of_hupd(&expression, base));
            }
        }
    }
}

/// `5[..59]/7` is a step that goes on to the end. With it, systemd (252) passes over what comes early on the first
/// day of some months, such as 01:00 of `1/7:00` on 1 December; where the end is written down it does not.
fn with_open_steps(expression: &str) -> String {
    let mut parts = expression.split('[');
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.filter_map(|part| part.split_once(']'));
    rest.fold(first, |text, (_, rest)| text + rest)
}

fn with_closed_steps(expression: &str) -> String {
    expression.replace(['[', ']'], "")
}

fn of_hupd(expression: &str, base: &str) -> Fate {
    let expression = match Expression::parse(expression, Seed::of("", "")) {
        Ok(expression) => expression,
        // What can never come is no error there.
        Err(error) if error.message.starts_with("never") => return Fate::Instants(Vec::new()),
        Err(_) => return Fate::Refused,
    };
    let zone = expression.zone().map_or("UTC", |(name, _)| name);
    let Ok(zone) = Zone::named(zone) else {
        return Fate::Refused;
    };
    let schedule = Schedule::new([expression], zone, Rules::default());
    let first: Timestamp = format!("{}Z", base.replace(' ', "T")).parse().unwrap();
    let instants = std::iter::successors(Some(first), |time| {
        schedule.next_after(*time).map(|instant| instant.at)
    });
    Fate::Instants(instants.skip(1).take(INSTANTS).collect())
}

fn of_systemd(expressions: &[String], base: &str) -> Vec<Fate> {
    let output = Command::new("systemd-analyze")
        .args(["calendar", "--base-time", &format!("{base} UTC")])
        .args(["--iterations", &INSTANTS.to_string(), "--"])
        .args(expressions)
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    let (told, aside) = (text(&output.stdout), text(&output.stderr));
    let mut told = told.split("Normalized form: ").skip(1).map(instants);
    let fates = expressions.iter().map(|expression| {
        let refusal = format!("Failed to parse calendar specification '{expression}': ");
        match aside.contains(&refusal) {
            true => Fate::Refused,
            false => told
                .next()
                .unwrap_or_else(|| panic!("'{expression}': {aside}")),
        }
    });
    let fates = fates.collect();
    assert_eq!(told.next(), None, "there is more than was asked for");
    fates
}

/// `Next elapse: Thu 2026-07-02 01:02:00 UTC`, `Iter. #2: …`.
fn instants(told: &str) -> Fate {
    let marks = ["Next elapse: ", "Iter. #"];
    let lines = told
        .lines()
        .map(str::trim)
        .filter(|line| marks.iter().any(|mark| line.starts_with(mark)));
    let times = lines
        .filter_map(|line| line.split_once(": "))
        .filter(|(_, time)| *time != "never");
    Fate::Instants(times.map(|(_, time)| instant(time)).collect())
}

fn instant(time: &str) -> Timestamp {
    let words: Vec<_> = time.split(' ').collect();
    let [_, date, time, "UTC"] = words[..] else {
        panic!("'{time}' is not what systemd says");
    };
    format!("{date}T{time}Z").parse().unwrap()
}

fn expression() -> impl Strategy<Value = String> {
    let long = (
        prop::option::of(weekdays()),
        prop::option::of(date()),
        prop::option::of(time()),
        prop::option::weighted(0.2, Just("UTC".to_owned())),
    );
    let long = long.prop_filter_map("nothing is left", |(weekdays, date, time, zone)| {
        let some = weekdays.is_some() || date.is_some() || time.is_some();
        let words = [weekdays, date, time, zone].into_iter().flatten();
        some.then(|| words.collect::<Vec<_>>().join(" "))
    });
    let shorthand = select(vec![
        "minutely",
        "hourly",
        "daily",
        "weekly",
        "monthly",
        "quarterly",
        "semiannually",
        "semi-annually",
        "biannually",
        "bi-annually",
        "yearly",
        "annually",
        "anually",
        "Daily UTC",
    ]);
    prop_oneof![30 => long, 1 => shorthand.prop_map(str::to_owned)]
}

fn weekdays() -> impl Strategy<Value = String> {
    let names = ["Mon", "tue", "Wednesday", "Thu", "FRIDAY", "sat", "Sunday"];
    let element = (0..7_usize, 0..7_usize, 0..4).prop_map(move |(a, b, kind)| match kind {
        0 if a < b => format!("{}..{}", names[a], names[b]),
        1 if a < b => format!("{}-{}", names[a], names[b]),
        _ => names[a].to_owned(),
    });
    prop::collection::vec(element, 1..4).prop_map(|elements| elements.join(","))
}

fn date() -> impl Strategy<Value = String> {
    let year = prop_oneof![
        6 => Just("*".to_owned()),
        3 => component(2020, 2199, 20),
        1 => (0..100_u32).prop_map(|year| format!("{year:02}")),
    ];
    let day = prop_oneof![
        4 => component(1, 31, 31).prop_map(|day| format!("-{day}")),
        // With every element of a list its bound is three days lower there.
        1 => component(1, 22, 22).prop_filter("an open step", |day| !day.contains('/')).prop_map(|day| format!("~{day}")),
        1 => (1..=28_u32).prop_map(|day| format!("~{day}")),
        1 => (2..=28_u32).prop_map(|day| format!("~{day:02}/1")),
    ];
    (prop::option::of(year), component(1, 12, 12), day).prop_map(|(year, month, day)| {
        let year = year.map_or_else(String::new, |year| format!("{year}-"));
        format!("{year}{month}{day}")
    })
}

fn time() -> impl Strategy<Value = String> {
    let parts = (
        component(0, 23, 24),
        component(0, 59, 60),
        component(0, 59, 60),
        any::<bool>(),
    );
    parts.prop_map(|(hour, minute, second, has_second)| match has_second {
        true => format!("{hour}:{minute}:{second}"),
        false => format!("{hour}:{minute}"),
    })
}

/// One part of a date or a time.
fn component(least: u32, most: u32, widest: u32) -> impl Strategy<Value = String> {
    let element =
        (least..=most, 0..widest, 1..8_u32, 0..6).prop_map(move |(first, wide, every, kind)| {
            let last = (first + wide).min(most);
            let number = |value: u32| match every % 2 {
                0 => format!("{value:02}"),
                _ => value.to_string(),
            };
            match kind {
                0 if last > first => format!("{}..{}", number(first), number(last)),
                1 if last >= first + every => {
                    format!("{}..{}/{every}", number(first), number(last))
                }
                _ => number(first),
            }
        });
    let open = (least..most).prop_flat_map(move |first| {
        (1..=most - first).prop_map(move |every| format!("{first:02}[..{most}]/{every}"))
    });
    let list = prop::collection::vec(element, 1..4).prop_map(|elements| elements.join(","));
    prop_oneof![4 => Just("*".to_owned()), 8 => list, 2 => open]
}

//! What an expression means, in plain English. Whatever form it was written in, it is the pattern that is told.

use super::Expression;
use super::days::{DayRule, Days};
use super::never::{MONTHS, joined};
use super::pattern::Times;
use super::rare_days::RareDays;
use super::weekdays;

const NTH: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

/// More times of a day than these are not told one by one.
const MOST_TIMES: usize = 8;

impl Expression {
    /// `at 02:30, from Monday to Friday, in January`.
    pub fn describe(&self) -> String {
        let pattern = &self.pattern;
        let is_often = pattern.times.are_often();
        let days = pattern.days.describe();
        let parts = [Some(pattern.times.describe()), days];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        match parts.len() {
            1 if !is_often && parts[0].contains(',') => format!("{}, every day", parts[0]),
            1 if !is_often => format!("{} every day", parts[0]),
            _ => parts.join(", "),
        }
    }
}

/// A bit for every value, as people say it.
struct Set {
    values: Vec<u32>,
    is_all: bool,
    /// Every so many-th from the first to the last one, and round.
    step: Option<u32>,
}

impl Set {
    fn of(bits: u64, count: u32) -> Self {
        let values: Vec<u32> = (0..count).filter(|value| bits >> value & 1 == 1).collect();
        let step = match values[..] {
            [0, second, ..] => Some(second),
            _ => None,
        };
        let is_even = |step: &u32| {
            count.is_multiple_of(*step)
                && values
                    .iter()
                    .copied()
                    .eq((0..count).step_by(*step as usize))
        };
        Self {
            is_all: values.len() == count as usize,
            step: step.filter(is_even),
            values,
        }
    }

    /// `1, 2 and 5`, `8 to 17`.
    fn list(&self) -> String {
        spans(&self.values, |value| value.to_string())
    }
}

impl Times {
    /// Whether every hour has one of them.
    fn are_often(&self) -> bool {
        self.hours.count_ones() == 24
    }

    fn describe(&self) -> String {
        let (hours, minutes, seconds) = (
            Set::of(u64::from(self.hours), 24),
            Set::of(self.minutes, 60),
            Set::of(self.seconds, 60),
        );
        let count = hours.values.len() * minutes.values.len() * seconds.values.len();
        if !hours.is_all && count <= MOST_TIMES {
            return format!("at {}", joined(&times(&hours, &minutes, &seconds), "and"));
        }
        let within_hour = within_hour(&minutes, &seconds);
        match hours.step {
            _ if hours.is_all && self.minutes == 1 && self.seconds == 1 => {
                "every hour, on the hour".to_owned()
            }
            _ if hours.is_all => within_hour,
            Some(step) => format!("{within_hour}, in every {} hour from 0 on", ordinal(step)),
            None => format!("{within_hour}, in the hours {}", hours.list()),
        }
    }
}

fn times(hours: &Set, minutes: &Set, seconds: &Set) -> Vec<String> {
    let mut times = Vec::new();
    for hour in &hours.values {
        for minute in &minutes.values {
            for second in &seconds.values {
                times.push(match seconds.values[..] {
                    [0] => format!("{hour:02}:{minute:02}"),
                    _ => format!("{hour:02}:{minute:02}:{second:02}"),
                });
            }
        }
    }
    times
}

fn within_hour(minutes: &Set, seconds: &Set) -> String {
    let minute = repeated("minute", minutes);
    match seconds.values[..] {
        [0] => match minutes.step {
            Some(_) => minute,
            None => format!("{minute} of the hour"),
        },
        _ => match minutes.is_all {
            true if seconds.step.is_some() => repeated("second", seconds),
            true => format!("{} of every minute", repeated("second", seconds)),
            false => format!("{}, {minute} of the hour", repeated("second", seconds)),
        },
    }
}

/// `every 15 minutes`, `at minute 7`, `at minutes 7 and 22`.
fn repeated(unit: &str, set: &Set) -> String {
    match (set.step, &set.values[..]) {
        (Some(1), _) => format!("every {unit}"),
        (Some(step), _) => format!("every {step} {unit}s"),
        (None, [value]) => format!("at {unit} {value}"),
        (None, _) => format!("at {unit}s {}", set.list()),
    }
}

impl Days {
    /// None where every day is meant.
    fn describe(&self) -> Option<String> {
        let rare = self.rare.as_deref();
        let has_all_days = self.days.count_ones() == 31;
        let has_all_weekdays = self.weekdays == 0x7f;
        let days = (!has_all_days).then(|| days_of_month(self.days, rare));
        let weekdays = (!has_all_weekdays).then(|| weekdays(self.weekdays, rare));
        let which = match (days, weekdays, self.rule) {
            (Some(days), Some(weekdays), DayRule::Either) => Some(format!("{days}, or {weekdays}")),
            (Some(days), Some(weekdays), DayRule::Both) => {
                Some(format!("{days}, but only {weekdays}"))
            }
            (days, weekdays, _) => days.or(weekdays),
        };
        let months = Set::of(u64::from(self.months) >> 1, 12);
        let months = (!months.is_all).then(|| {
            format!(
                "in {}",
                spans(&months.values, |month| MONTHS[month as usize + 1]
                    .to_owned())
            )
        });
        let years = rare.and_then(|rare| rare.years).map(|years| {
            let named: Vec<_> = years.all().collect();
            format!("in {}", spans(&named, |year| year.to_string()))
        });
        let parts: Vec<_> = [which, months, years].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

fn days_of_month(days: u32, rare: Option<&RareDays>) -> String {
    let named: Vec<u32> = (1..=31).filter(|day| days >> day & 1 == 1).collect();
    let mut parts = Vec::new();
    if !named.is_empty() {
        parts.push(format!("the {}", spans(&named, ordinal)));
    }
    if let Some(rare) = rare {
        let before_last = (0..=31).filter(|days| rare.before_last >> days & 1 == 1);
        parts.extend(before_last.map(|days| match days {
            0 => "the last day".to_owned(),
            1 => "the day before the last one".to_owned(),
            days => format!("the day {days} days before the last one"),
        }));
        let near = (1..=31).filter(|day| rare.near >> day & 1 == 1);
        parts.extend(near.map(|day| format!("the working day nearest to the {}", ordinal(day))));
        parts.extend(
            rare.last_working_day
                .then(|| "the last working day".to_owned()),
        );
    }
    format!("on {} of the month", joined(&parts, "and"))
}

fn weekdays(bits: u8, rare: Option<&RareDays>) -> String {
    // As weeks go on, from Monday on.
    let named = (1..=7).filter(|day| bits >> (day % 7) & 1 == 1);
    let named: Vec<u32> = named.collect();
    let name = |day: u32| weekdays::NAMES[day as usize - 1].to_owned();
    let mut parts = Vec::new();
    if let [first, .., last] = named[..]
        && named.len() > 2
        && last - first == named.len() as u32 - 1
        && rare.is_none_or(|rare| !rare.count_weekdays())
    {
        return format!("from {} to {}", name(first), name(last));
    }
    if !named.is_empty() {
        parts.push(format!("every {}", spans(&named, name)));
    }
    if let Some(rare) = rare {
        let which = rare.nth.iter().zip(NTH).chain([(&rare.last, "last")]);
        for (bits, which) in which {
            let days = (1..=7).filter(|day| bits >> (day % 7) & 1 == 1);
            parts.extend(days.map(|day| format!("the {which} {} of the month", name(day))));
        }
    }
    format!("on {}", joined(&parts, "and"))
}

/// What follows each other is told by its ends.
fn spans(values: &[u32], name: impl Fn(u32) -> String) -> String {
    let mut parts = Vec::new();
    for run in values.chunk_by(|one, other| one + 1 == *other) {
        match *run {
            [first, _, .., last] => parts.push(format!("{} to {}", name(first), name(last))),
            _ => parts.extend(run.iter().map(|value| name(*value))),
        }
    }
    joined(&parts, "and")
}

/// `1st`, `22nd`, `13th`.
fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

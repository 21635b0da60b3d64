//! When a job is due: `schedule`, `every`, or neither.

use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use toml::de::DeValue;

use super::finding::Finding;
use super::key_of::KeyOf;
use super::kinds::{self, Like, Time};
use super::policies::Policies;
use super::section::{Item, Section, Wrong};
use super::words::{quoted, shortened};
use super::{Timing, foresight, format_duration, parse_duration, typed, zones};
use crate::schedule::{Expression, Rules, Schedule, Seed, Zone, Zones};

static SCHEDULE: KeyOf<Like> = KeyOf::new(
    "schedule",
    Like(schedule_schema),
    "",
    "When the job is due: a cron or calendar expression, or a list of them",
);
static EVERY: KeyOf<Time> = KeyOf::new(
    "every",
    Time::at_least(Duration::from_secs(1)),
    "",
    "Due each time so much has passed, instead of a schedule",
);

/// What an expression depends on besides its text.
pub(super) struct Circumstances<'z> {
    pub zones: &'z mut Zones,
    pub seed: Seed,
    pub now: Timestamp,
}

/// An expression as the file has it.
struct Written {
    expression: Expression,
    zone: Zone,
    at: Range<usize>,
}

/// What the section says of it.
pub(super) fn timing(
    section: &mut Section<'_, '_>,
    policies: &Policies,
    circumstances: Circumstances<'_>,
) -> Timing {
    let Circumstances { zones, seed, now } = circumstances;
    let zone = &policies.zone;
    let read = |item: &Item<'_>, wrongs: &mut Vec<Wrong>| {
        entries(item, wrongs, |item| entry(item, zone, zones, seed))
    };
    let entries = section.take_all(&SCHEDULE, read);
    let every = section.take(&EVERY);
    refuse_both(section);
    warn_where_never_due(section);
    let rules = Rules {
        dst: policies.dst,
        offset: offset(policies.spread, seed),
    };
    let schedule = entries.map(|entries| {
        let places: Vec<_> = entries.iter().map(|entry| entry.at.clone()).collect();
        for entry in &entries {
            let warning = foresight::either_day(&entry.expression, entry.at.clone());
            warning
                .into_iter()
                .for_each(|warning| section.push(warning));
        }
        let entries = entries
            .into_iter()
            .map(|entry| (entry.expression, entry.zone));
        let schedule = Schedule::in_zones(entries, zone.clone(), rules);
        if policies.enabled {
            let warning = foresight::left_out(&schedule, rules.dst, &places, now);
            warning
                .into_iter()
                .for_each(|warning| section.push(warning));
        }
        schedule
    });
    let timing = schedule
        .map(Timing::Schedule)
        .or(every.map(Timing::Every))
        .unwrap_or(Timing::Never);
    warn_of_long_jitter(section, &timing, policies.jitter, now);
    timing
}

/// What starts later than the next one is due: nobody expects that.
fn warn_of_long_jitter(
    section: &mut Section<'_, '_>,
    timing: &Timing,
    jitter: Duration,
    now: Timestamp,
) {
    let place = section
        .key_at("jitter")
        .or_else(|| section.key_at("schedule"));
    let place = place.or_else(|| section.key_at("every"));
    let warning = foresight::long_jitter(timing, jitter, now);
    let warning = warning.zip(place).map(|(warning, at)| warning.at(at));
    warning
        .into_iter()
        .for_each(|warning| section.push(warning));
}

fn refuse_both(section: &mut Section<'_, '_>) {
    let places = (section.key_at("schedule"), section.key_at("every"));
    if let (Some(_), Some(at)) = places {
        let finding = Finding::error("every: a job has either 'schedule' or 'every'");
        section.push(finding.at(at).help("leave one of them out"));
    }
}

/// Keys that mean nothing for a job that is due only on request, or not by a calendar.
fn warn_where_never_due(section: &mut Section<'_, '_>) {
    if section.key_at("schedule").is_some() {
        return;
    }
    warn_of(section, &["timezone", "dst", "spread"], "'schedule'");
    if section.key_at("every").is_none() {
        let what = "'schedule' or 'every'";
        warn_of(section, &["jitter", "missed", "deadline"], what);
    }
}

fn warn_of(section: &mut Section<'_, '_>, keys: &[&str], without: &str) {
    for key in keys {
        if let Some(at) = section.key_at(key) {
            let finding = Finding::warning(format!("{key}: means nothing without {without}"));
            section.push(finding.at(at).absent().help("leave it out"));
        }
    }
}

/// Always the same for a job on a host: below `spread`, to the millisecond.
fn offset(spread: Duration, seed: Seed) -> Duration {
    let values = u64::try_from(spread.as_millis()).unwrap_or(u64::MAX);
    match values {
        0 => Duration::ZERO,
        values => Duration::from_millis(seed.below(values, "spread")),
    }
}

/// One entry, or a list of them.
fn entries<T>(
    item: &Item<'_>,
    wrongs: &mut Vec<Wrong>,
    mut read: impl FnMut(&Item<'_>) -> Result<T, Wrong>,
) -> Vec<T> {
    let DeValue::Array(parts) = item.value else {
        let entry = read(item).map_err(|wrong| wrongs.push(wrong));
        return entry.into_iter().collect();
    };
    if parts.is_empty() {
        let help = "write one expression, such as \"30 2 * * *\", or leave the key out";
        wrongs.push(Wrong::new("is an empty list").help(help));
    }
    let mut entries = Vec::with_capacity(parts.len());
    for part in parts {
        let part = item.part(part);
        match read(&part) {
            Ok(entry) => entries.push(entry),
            Err(wrong) => wrongs.push(Wrong {
                at: wrong.at.or(Some(part.at)),
                ..wrong
            }),
        }
    }
    entries
}

fn schedule_schema() -> Value {
    let expression = json!({ "type": "string", "pattern": "\\S" });
    kinds::any_of([expression.clone(), kinds::list_of(expression)])
}

/// What is a key of its own here.
fn other_key(text: &str) -> Option<String> {
    if parse_duration(text).is_ok() {
        return Some(format!(
            "write every = \"{}\" instead of the schedule",
            text.trim()
        ));
    }
    let (first, rest) = text.trim().split_once(' ')?;
    if first.eq_ignore_ascii_case("every") {
        let time = parse_duration(rest).map(format_duration);
        let time = time.unwrap_or_else(|_| "15m".to_owned());
        return Some(format!("write every = \"{time}\" instead of the schedule"));
    }
    let zone = first
        .strip_prefix("CRON_TZ=")
        .or(first.strip_prefix("TZ="))?;
    Some(format!(
        "leave {} out, and write timezone = \"{}\"",
        quoted(first),
        shortened(zone)
    ))
}

fn entry(item: &Item<'_>, zone: &Zone, zones: &mut Zones, seed: Seed) -> Result<Written, Wrong> {
    let text = typed::text_like(item, "one expression, such as \"30 2 * * *\"")?;
    let expression = Expression::parse(text, seed).map_err(|error| Wrong {
        at: item.inside(text, &error.at),
        message: format!("{}: {}", quoted(text), error.message),
        help: error.help.or_else(|| other_key(text)),
    })?;
    let zone = match expression.zone() {
        None => zone.clone(),
        Some((name, at)) => zones::named(name, zones).map_err(|wrong| Wrong {
            at: item.inside(text, &at),
            ..wrong
        })?,
    };
    Ok(Written {
        expression,
        zone,
        at: item.at.clone(),
    })
}

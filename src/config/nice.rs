//! `nice`: a whole number, and how low this system lets hupd go.

use std::fs;
use std::ops::RangeInclusive;

use rustix::process::{Resource, getpriority_process, getrlimit};
use serde_json::{Value, json};
use toml::de::DeValue;

use super::finding::Finding;
use super::section::{Item, Section, Wrong};
use super::words::shortened;

const NICENESS: RangeInclusive<i32> = -20..=19;
/// The bit of a set of capabilities: see capabilities(7).
const CAP_SYS_NICE: u64 = 1 << 23;

pub(super) fn schema() -> Value {
    json!({ "type": "integer", "minimum": NICENESS.start(), "maximum": NICENESS.end() })
}

pub(super) fn nice(item: &Item<'_>) -> Result<i32, Wrong> {
    const HELP: &str = "write -20 (first of all) to 19 (last of all), without quotes";
    let DeValue::Integer(number) = item.value else {
        return Err(item.unlike("a whole number").help(HELP));
    };
    let value = i32::from_str_radix(number.as_str(), number.radix()).ok();
    value
        .filter(|value| NICENESS.contains(value))
        .ok_or_else(|| {
            Wrong::new(format!(
                "{} is out of range",
                shortened(&number.to_string())
            ))
            .help(HELP)
        })
}

/// It is what this process may at this moment: the file may be meant for another one.
pub(super) fn warn(section: &mut Section<'_, '_>, of_job: Option<i32>) {
    let Some((at, nice)) = section.value_at("nice").zip(of_job) else {
        return;
    };
    if let Some(least) = lowest().filter(|least| nice < *least) {
        let message = format!(
            "nice: {nice} is below {least}, which is as low as this user can go here (RLIMIT_NICE)"
        );
        let help = format!(
            "no run of it can start; write {least} or more, or let hupd go lower: LimitNICE={nice} in its unit, or root"
        );
        section.push(Finding::warning(message).at(at).help(help));
    }
}

/// None where there is no bound to it. Whoever is nice may stay so: see setpriority(2).
fn lowest() -> Option<i32> {
    if may_go_anywhere() {
        return None;
    }
    let own = getpriority_process(None).ok()?;
    let limit = getrlimit(Resource::Nice).current?;
    // 40 is all of it, down to -20.
    let by_limit = 20 - i32::try_from(limit).unwrap_or(40).min(40);
    Some(own.min(by_limit))
}

fn may_go_anywhere() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let effective = lines.find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    // Where nobody tells, nothing is warned of.
    effective.is_none_or(|set| set & CAP_SYS_NICE != 0)
}

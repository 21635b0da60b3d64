//! The keys of what a process is: as whom it runs, within which limits, and what it is given.

use std::time::Duration;

use super::super::limits::{Limits, Resource};
use super::super::process::{Hangup, Process};
use super::super::size::format_size_exactly;
use super::{quoted, time};

/// Each key with what is in force.
pub(super) fn values(process: &Process) -> [(&'static str, String); 9] {
    let Process {
        user,
        group,
        umask,
        nice,
        hangup,
        limits,
        env_file,
        env_inherit,
        stdin,
    } = process;
    [
        ("user", or_none(user.as_ref())),
        ("group_id", or_none(group.as_ref())),
        ("umask", quoted(format!("{umask:03o}"))),
        (
            "nice",
            nice.map_or_else(|| quoted("none"), |nice| nice.to_string()),
        ),
        ("hangup", quoted(hangup_word(*hangup))),
        ("limits", limits_table(limits)),
        (
            "env_file",
            or_none(env_file.as_ref().map(|path| path.display())),
        ),
        ("env_inherit", array(env_inherit)),
        // It may be a secret, as the values of `env`.
        ("stdin", quoted(if stdin.is_empty() { "" } else { "…" })),
    ]
}

fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| quoted("none"), quoted)
}

fn hangup_word(hangup: Hangup) -> &'static str {
    match hangup {
        Hangup::Default => "default",
        Hangup::Ignore => "ignore",
    }
}

fn array(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(quoted).collect();
    format!("[{}]", names.join(", "))
}

fn limits_table(limits: &Limits) -> String {
    let limit = |(resource, limit): (&Resource, &Option<u64>)| {
        let value = limit.map_or_else(|| quoted("none"), |limit| amount(*resource, limit));
        format!("{} = {value}", resource.name())
    };
    let limits: Vec<String> = limits.iter().map(limit).collect();
    match limits.is_empty() {
        true => "{}".to_owned(),
        false => format!("{{ {} }}", limits.join(", ")),
    }
}

fn amount(resource: Resource, limit: u64) -> String {
    match resource {
        Resource::OpenFiles | Resource::Processes => limit.to_string(),
        Resource::Cpu => time(Duration::from_secs(limit)),
        Resource::Memory
        | Resource::Core
        | Resource::FileSize
        | Resource::Stack
        | Resource::LockedMemory => quoted(format_size_exactly(limit)),
    }
}

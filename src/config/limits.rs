//! `limits`: a table of resources, and how much of each a process may use.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde_json::{Map, Value, json};
use toml::Spanned;
use toml::de::{DeString, DeValue};

use super::key_of::{Kind, Shape};
use super::kinds::{self, Count, Size, Time};
use super::section::{Item, Wrong};
use super::words::{list, nearest, quoted};

/// What the kernel counts, for each process or for each user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Bytes of address space.
    Memory,
    OpenFiles,
    /// Seconds.
    Cpu,
    /// Bytes of a core dump.
    Core,
    /// Bytes.
    FileSize,
    /// Of the user, threads included.
    Processes,
    /// Bytes.
    Stack,
    /// Bytes.
    LockedMemory,
}

/// What each process may use; none where it is without a limit.
pub type Limits = BTreeMap<Resource, Option<u64>>;

const ALL: [Resource; 8] = [
    Resource::Memory,
    Resource::OpenFiles,
    Resource::Cpu,
    Resource::Core,
    Resource::FileSize,
    Resource::Processes,
    Resource::Stack,
    Resource::LockedMemory,
];

const EXAMPLE: &str = "write limits = { memory = \"2GiB\", open_files = 4096 }";
const MOST_BYTES: u64 = 1 << 50;
const MOST_FILES: u64 = 1 << 30;
/// The kernel's own bound of process numbers.
const MOST_PROCESSES: u64 = 1 << 22;

impl Resource {
    /// As the file has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::OpenFiles => "open_files",
            Self::Cpu => "cpu",
            Self::Core => "core",
            Self::FileSize => "file_size",
            Self::Processes => "processes",
            Self::Stack => "stack",
            Self::LockedMemory => "locked_memory",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Memory => "Address space",
            Self::OpenFiles => "How many files may be open",
            Self::Cpu => "Time on a processor, in whole seconds",
            Self::Core => "The size of a core dump",
            Self::FileSize => "The size of a file that is written",
            Self::Processes => "Processes and threads of the user",
            Self::Stack => "The size of the stack",
            Self::LockedMemory => "Memory that is never paged out",
        }
    }

    /// The smallest values are those with which a program can still be started.
    fn kind(self) -> &'static dyn Kind<Value = u64> {
        match self {
            Self::OpenFiles => const { &Count(4..=MOST_FILES) },
            Self::Processes => const { &Count(1..=MOST_PROCESSES) },
            Self::Cpu => &Seconds,
            Self::Memory => const { &Size(1 << 20..=MOST_BYTES) },
            Self::Stack => const { &Size(1 << 16..=MOST_BYTES) },
            Self::Core | Self::FileSize | Self::LockedMemory => const { &Size(0..=MOST_BYTES) },
        }
    }
}

/// The kernel counts whole ones.
#[derive(Debug)]
struct Seconds;

const SECONDS: Time = Time::at_least(Duration::from_secs(1));

impl Shape for Seconds {
    fn schema(&self) -> Value {
        SECONDS.schema()
    }
}

impl Kind for Seconds {
    type Value = u64;

    fn read(&self, item: &Item<'_>) -> Result<u64, Wrong> {
        let time = SECONDS.read(item)?;
        Ok(time.as_secs() + u64::from(time.subsec_nanos() > 0))
    }
}

pub(super) fn schema() -> Value {
    let resource = |resource: Resource| {
        let mut schema = kinds::any_of([kinds::word("none"), resource.kind().schema()]);
        schema["description"] = resource.about().into();
        (resource.name().to_owned(), schema)
    };
    json!({
        "type": "object",
        "properties": ALL.map(resource).into_iter().collect::<Map<_, _>>(),
        "additionalProperties": false,
    })
}

/// So many files may be open in one process of this machine, whoever it belongs to. None where the kernel does not tell.
pub fn most_open_files() -> Option<u64> {
    let text = fs::read_to_string("/proc/sys/fs/nr_open").ok()?;
    text.trim().parse().ok()
}

/// What keeps a process with these limits from its start on this machine, as it is now.
pub(super) fn impossible(limits: &Limits) -> Option<String> {
    let files = (*limits.get(&Resource::OpenFiles)?)?;
    let most = most_open_files().filter(|most| files > *most)?;
    Some(format!(
        "open_files: {files} is above {most}, which is what one process can have here"
    ))
}

pub(super) fn limits(item: &Item<'_>, wrongs: &mut Vec<Wrong>) -> Limits {
    let DeValue::Table(table) = item.value else {
        wrongs.push(item.unlike("a table").help(EXAMPLE));
        return Limits::new();
    };
    let mut limits = Limits::new();
    for (name, value) in table {
        match limit(item, name, value) {
            Ok((resource, limit)) => drop(limits.insert(resource, limit)),
            Err(wrong) => wrongs.push(wrong),
        }
    }
    limits
}

fn limit<'t>(
    item: &Item<'t>,
    name: &Spanned<DeString<'_>>,
    value: &'t Spanned<DeValue<'t>>,
) -> Result<(Resource, Option<u64>), Wrong> {
    let known = ALL
        .into_iter()
        .find(|resource| resource.name() == name.get_ref());
    let resource = known.ok_or_else(|| unknown(name))?;
    if value.get_ref().as_str() == Some("none") {
        return Ok((resource, None));
    }
    let limit = resource
        .kind()
        .read(&item.part(value))
        .map_err(|wrong| Wrong {
            at: wrong.at.or(Some(value.span())),
            message: format!("{}: {}", resource.name(), wrong.message),
            ..wrong
        });
    Ok((resource, Some(limit?)))
}

fn unknown(name: &Spanned<DeString<'_>>) -> Wrong {
    let known = ALL.map(Resource::name);
    let help = match nearest(name.get_ref(), known) {
        Some(meant) => format!("did you mean '{meant}'?"),
        None => format!("known here: {}", list(known, "and")),
    };
    Wrong {
        at: Some(name.span()),
        ..Wrong::new(format!("{} is not known here", quoted(name.get_ref()))).help(help)
    }
}

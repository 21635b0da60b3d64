//! Time zones: a name, and the rules that were on disk when it was looked up.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::periods::{self, Period};
use super::zone_data::{self, ZoneData};
use crate::digest::Digest;

const UTC: &str = "UTC";

/// A time zone with the rules that were on disk when it was looked up. Cheap to clone. Two zones are
/// equal when name and rules are.
#[derive(Clone, Debug)]
pub struct Zone {
    rules: Arc<Rules>,
}

#[derive(Debug)]
struct Rules {
    name: String,
    zone: TimeZone,
    periods: periods::Table,
    digest: OnceLock<Digest>,
}

/// When a clock on a wall shows a certain time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Once(Timestamp),
    /// The clocks go back over it.
    Twice(Timestamp, Timestamp),
    /// The clocks go forward over it, at that instant.
    Never {
        resumes: Timestamp,
    },
}

/// Why there is no such zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneError(pub String);

impl Zone {
    /// Needs no zone data.
    pub fn utc() -> Self {
        Self::new(UTC.to_string(), TimeZone::UTC)
    }

    /// The system's own zone: `$TZ`, else /etc/localtime, else UTC.
    pub fn system() -> Result<Self, ZoneError> {
        zone_data::system(&ZoneData::find(), std::env::var_os("TZ").as_deref())
    }

    /// By its name in the tz database, read afresh from disk. Where many names are looked up,
    /// [`Zones`] reads each but once.
    pub fn named(name: &str) -> Result<Self, ZoneError> {
        match name {
            UTC => Ok(Self::utc()),
            _ => ZoneData::find().zone(name),
        }
    }

    pub(super) fn new(name: String, zone: TimeZone) -> Self {
        let periods = periods::Table::new(&zone);
        Self {
            rules: Arc::new(Rules {
                name,
                zone,
                periods,
                digest: OnceLock::new(),
            }),
        }
    }

    /// As `$TZ` takes it: a name of the tz database; for the system's own zone perhaps a rule or a path.
    pub fn name(&self) -> &str {
        &self.rules.name
    }

    /// RFC 3339 with this zone's offset: `2026-03-29T03:00:00+02:00`.
    pub fn format(&self, time: Timestamp) -> String {
        time.display_with_offset(self.rules.zone.to_offset(time))
            .to_string()
    }

    /// What a clock on a wall shows then.
    pub fn wall(&self, time: Timestamp) -> DateTime {
        self.rules.zone.to_datetime(time)
    }

    /// When a clock on a wall shows that.
    pub fn shows(&self, wall: DateTime) -> Shown {
        let zone = &self.rules.zone;
        let at = |offset: Offset| offset.to_timestamp(wall).unwrap_or(Timestamp::MAX);
        match zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => Shown::Once(at(offset)),
            AmbiguousOffset::Fold { before, after } => Shown::Twice(at(before), at(after)),
            // Told by the clocks before the gap, it is after the gap: that is where the present period begins.
            AmbiguousOffset::Gap { before, .. } => {
                let period = self.period_of(at(before).as_second());
                let resumes = period.and_then(|period| Timestamp::from_second(period.start).ok());
                Shown::Never {
                    resumes: resumes.unwrap_or(Timestamp::MAX),
                }
            }
        }
    }

    /// The same for the same rules, in every process.
    pub fn digest(&self) -> Digest {
        *self
            .rules
            .digest
            .get_or_init(|| self.rules.periods.digest())
    }

    pub(super) fn period_of(&self, time: i64) -> Option<Period> {
        periods::of(&self.rules.zone, &self.rules.periods, time)
    }

    pub(super) fn periods_from(&self, time: i64) -> impl Iterator<Item = Period> + '_ {
        periods::from(&self.rules.zone, &self.rules.periods, time)
    }
}

// Not the files on disk: one that was merely written anew changes no job. And not period by period: a reload compares the zones
// of all jobs, and they are few.
impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        let is_same = Arc::ptr_eq(&self.rules, &other.rules);
        is_same || self.name() == other.name() && self.digest() == other.digest()
    }
}

impl Eq for Zone {}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ZoneError {}

/// The zones of one load of the configuration: each is read once, however many jobs name it, so
/// they share its memory and all have the same rules.
#[derive(Debug, Default)]
pub struct Zones {
    folder: Option<PathBuf>,
    known: BTreeMap<String, Result<Zone, ZoneError>>,
}

impl Zones {
    /// Those that a process sees whose `$TZDIR` this is.
    pub fn of(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            known: BTreeMap::new(),
        }
    }

    /// The system's own zone for a process whose `$TZ` this is.
    pub fn system(&self, variable: Option<&str>) -> Result<Zone, ZoneError> {
        let data = ZoneData::chosen(self.folder.as_deref());
        zone_data::system(&data, variable.map(OsStr::new))
    }

    /// By its name in the tz database.
    pub fn named(&mut self, name: &str) -> Result<Zone, ZoneError> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let zone = match name {
            UTC => Ok(Zone::utc()),
            _ => ZoneData::chosen(self.folder.as_deref()).zone(name),
        };
        self.known.insert(name.to_string(), zone.clone());
        zone
    }
}

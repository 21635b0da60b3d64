//! How values become columns, and back.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::ledger::Fate;
use crate::run::{Generation, RunId, Trigger};

/// An instant as the store has it: whole microseconds since 1970-01-01T00:00:00Z.
pub(super) struct Micros(pub(super) Timestamp);

impl ToSql for Micros {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_microsecond().into())
    }
}

impl FromSql for Micros {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let micros = value.as_i64()?;
        Timestamp::from_microsecond(micros)
            .map(Self)
            .map_err(|_| FromSqlError::OutOfRange(micros))
    }
}

/// A path byte for byte: a text where it is one, so that the `sqlite3` shell shows it.
pub(super) struct PathBytes<P>(pub(super) P);

impl ToSql for PathBytes<&Path> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0.to_str() {
            Some(text) => text.into(),
            None => self.0.as_os_str().as_bytes().into(),
        })
    }
}

impl FromSql for PathBytes<PathBuf> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_bytes()?;
        Ok(Self(PathBuf::from(OsStr::from_bytes(bytes))))
    }
}

/// A number that is never negative.
pub(super) struct Whole(pub(super) u64);

impl FromSql for Whole {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        u64::try_from(number)
            .map(Self)
            .map_err(|_| FromSqlError::OutOfRange(number))
    }
}

/// A trigger by its name.
pub(super) struct TriggerName(pub(super) Trigger);

impl ToSql for TriggerName {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_str().into())
    }
}

impl FromSql for TriggerName {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let name = value.as_str()?;
        Trigger::named(name)
            .map(Self)
            .ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for RunId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(whole(self.0).into())
    }
}

impl FromSql for RunId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Whole::column_result(value).map(|number| Self(number.0))
    }
}

impl ToSql for Generation {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(whole(self.0).into())
    }
}

/// SQLite counts to 2^63 - 1; what is above stays there, for a record must never fail of its size.
pub(super) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A duration in whole microseconds.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Microseconds as people and JSON have durations.
pub(super) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

pub(super) fn fate_name(fate: Fate) -> &'static str {
    match fate {
        Fate::Waiting => "waiting",
        Fate::Skipped => "skipped",
        Fate::Missed => "missed",
        Fate::Replaced => "replaced",
    }
}

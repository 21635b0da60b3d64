//! How values become columns, and back.

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

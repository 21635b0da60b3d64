//! The kinds of values that keys have: how each is read, and what a schema says of it.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::key_of::{Kind, Shape};
use super::section::{Item, Wrong};
use super::{duration, format_duration, format_size, size, typed};

type Read<T> = Result<T, Wrong>;

/// A kind with nothing to choose about it: what reads it, and its schema.
pub(super) struct By<T>(pub fn(&Item<'_>) -> Read<T>, pub fn() -> Value);

/// What it takes more than the value to read, or in which several things can be wrong: its schema.
#[derive(Debug)]
pub(super) struct Like(pub fn() -> Value);

/// A table with a section of its own: how to write it, and its schema.
#[derive(Debug)]
pub(super) struct Table(pub &'static str, pub fn() -> Value);

/// A whole number in a range.
#[derive(Debug)]
pub(super) struct Count(pub RangeInclusive<u64>);

/// A number of bytes in a range.
#[derive(Debug)]
pub(super) struct Size(pub RangeInclusive<u64>);

/// How long something takes, at least and at most.
#[derive(Debug)]
pub(super) struct Time(pub Duration, pub Duration);

/// One of the words that `T` deserializes from.
pub(super) struct Choice<T>(PhantomData<fn() -> T>);

pub(super) const FLAG: By<bool> = By(typed::flag, || json!({ "type": "boolean" }));
pub(super) const TEXT: By<String> = By(typed::owned_text, text);
pub(super) const PATH: By<PathBuf> = By(typed::path, path);
/// A duration, or no limit.
pub(super) const LIMIT: By<Option<Duration>> = By(
    typed::limit,
    || json!({ "type": "string", "pattern": format!("^none$|{}", duration::pattern()) }),
);

pub(super) fn text() -> Value {
    json!({ "type": "string" })
}

pub(super) fn path() -> Value {
    json!({ "type": "string", "pattern": "^[^~$]" })
}

impl Time {
    pub const ANY: Self = Self(Duration::ZERO, Duration::MAX);
    /// More would be another day's run.
    pub const UP_TO_A_DAY: Self = Self(Duration::ZERO, Duration::from_secs(24 * 3600));

    pub const fn at_least(least: Duration) -> Self {
        Self(least, Duration::MAX)
    }

    fn range(&self) -> Option<String> {
        let Self(least, most) = self;
        let least =
            (*least > Duration::ZERO).then(|| format!("\"{}\" or more", format_duration(*least)));
        let most =
            (*most < Duration::MAX).then(|| format!("\"{}\" or less", format_duration(*most)));
        let range: Vec<_> = least.into_iter().chain(most).collect();
        (!range.is_empty()).then(|| range.join(", "))
    }
}

impl<T> Choice<T> {
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Shape for By<T> {
    fn schema(&self) -> Value {
        self.1()
    }
}

impl<T> Kind for By<T> {
    type Value = T;

    fn read(&self, item: &Item<'_>) -> Read<T> {
        self.0(item)
    }
}

impl Shape for Like {
    fn schema(&self) -> Value {
        self.0()
    }
}

impl Shape for Table {
    fn schema(&self) -> Value {
        self.1()
    }
}

impl Shape for Count {
    fn schema(&self) -> Value {
        json!({ "type": "integer", "minimum": self.0.start(), "maximum": self.0.end() })
    }
}

impl Kind for Count {
    type Value = u64;

    fn read(&self, item: &Item<'_>) -> Read<u64> {
        typed::count(item, self.0.clone())
    }
}

impl Shape for Size {
    fn schema(&self) -> Value {
        let (start, end) = (*self.0.start(), *self.0.end());
        json!({
            "description": format!("\"{}\" to \"{}\"", format_size(start), format_size(end)),
            "anyOf": [
                { "type": "string", "pattern": size::pattern() },
                { "type": "integer", "minimum": start, "maximum": end },
            ],
        })
    }
}

impl Kind for Size {
    type Value = u64;

    fn read(&self, item: &Item<'_>) -> Read<u64> {
        typed::size(item, self.0.clone())
    }
}

impl Shape for Time {
    fn schema(&self) -> Value {
        let mut schema = json!({ "type": "string", "pattern": duration::pattern() });
        if let Some(range) = self.range() {
            schema["description"] = range.into();
        }
        schema
    }
}

impl Kind for Time {
    type Value = Duration;

    fn read(&self, item: &Item<'_>) -> Read<Duration> {
        typed::duration_within(item, self.0..=self.1)
    }
}

impl<T: for<'de> Deserialize<'de>> Shape for Choice<T> {
    fn schema(&self) -> Value {
        json!({ "type": "string", "enum": typed::words_of::<T>() })
    }
}

impl<T: for<'de> Deserialize<'de>> Kind for Choice<T> {
    type Value = T;

    fn read(&self, item: &Item<'_>) -> Read<T> {
        typed::choice(item)
    }
}

impl<T> fmt::Debug for By<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("By")
    }
}

impl<T> fmt::Debug for Choice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Choice")
    }
}

/// Either of these.
pub(super) fn any_of(schemas: [Value; 2]) -> Value {
    json!({ "anyOf": schemas })
}

/// Of any length but none, unless it is said otherwise.
pub(super) fn list_of(entry: Value) -> Value {
    json!({ "type": "array", "items": entry, "minItems": 1 })
}

pub(super) fn word(word: &str) -> Value {
    json!({ "enum": [word] })
}

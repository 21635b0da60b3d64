//! One record, one line: as text, for the journal, or as JSON.

use std::fmt::Write;
use std::io;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use log::kv::{Error, Key, Source, ToKey, Value, VisitSource, VisitValue};
use log::{Level, Record};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::OUTPUT_TARGET;
use crate::config;

/// How lines look.
#[derive(Clone, Debug)]
pub(super) enum Style {
    /// With the time in this zone.
    Text(TimeZone),
    /// With the priority in front, as the journal takes it, and without the time that it has itself.
    Journal,
    Json,
}

impl Style {
    pub(super) fn of(log: &config::Log) -> Self {
        match log.format {
            config::LogFormat::Json => Self::Json,
            config::LogFormat::Text if log.file.is_none() && stderr_is_the_journal() => {
                Self::Journal
            }
            config::LogFormat::Text => Self::Text(TimeZone::system()),
        }
    }

    /// The line, with its end.
    pub(super) fn line(&self, record: &Record<'_>, now: Timestamp) -> String {
        let mut line = match self {
            Self::Text(zone) => {
                let time = now.to_zoned(zone.clone());
                let level = level_name(record.level());
                let time = time.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z");
                text(format!("{time} {level:<5} "), record)
            }
            Self::Journal => text(format!("<{}>", priority(record.level())), record),
            Self::Json => json(record, now),
        };
        line.push('\n');
        line
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

/// See sd-daemon(3).
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// Whether standard error goes to the journal: `JOURNAL_STREAM` names the very socket, for the
/// variable is inherited by those whose standard error goes elsewhere.
fn stderr_is_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let stderr = rustix::fs::fstat(io::stderr());
    stderr.is_ok_and(|stderr| stream == format!("{}:{}", stderr.st_dev, stderr.st_ino))
}

fn text(mut line: String, record: &Record<'_>) -> String {
    let message = record.args().to_string();
    if let Some(source) = output_of(record) {
        line.push_str(&source);
        escape(&mut line, &message);
        return line;
    }
    if !record.target().starts_with("hupd") {
        line.push_str(record.target());
        line.push_str(": ");
    }
    escape(&mut line, &message);
    record
        .key_values()
        .visit(&mut TextFields(&mut line))
        .expect("writing into a string cannot fail");
    line
}

/// `job[run]: `, if the record is a line that a job wrote.
fn output_of(record: &Record<'_>) -> Option<String> {
    if record.target() != OUTPUT_TARGET {
        return None;
    }
    let fields = record.key_values();
    let job = fields.get("job".to_key())?;
    let run = fields.get("run".to_key())?;
    let mut source = String::new();
    escape(&mut source, &format!("{job}[{run}]: "));
    Some(source)
}

/// One event is one line, and a terminal that shows it does nothing else: control characters are
/// spelled out, all but the tab, which is harmless and common.
fn escape(line: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_control() && c != '\t' {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
}

struct TextFields<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for TextFields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        self.0.push(' ');
        escape(self.0, key.as_str());
        self.0.push('=');
        let value = value.to_string();
        if is_plain(&value) {
            self.0.push_str(&value);
        } else {
            self.0.push('"');
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            escape(self.0, &quoted);
            self.0.push('"');
        }
        Ok(())
    }
}

fn is_plain(value: &str) -> bool {
    let needs_quotes =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '=' | '\\');
    !value.is_empty() && !value.contains(needs_quotes)
}

fn json(record: &Record<'_>, now: Timestamp) -> String {
    let line = JsonLine { record, now };
    serde_json::to_string(&line).expect("an object with string keys can always be written")
}

struct JsonLine<'a> {
    record: &'a Record<'a>,
    now: Timestamp,
}

impl Serialize for JsonLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("time", &format_args!("{:.6}", self.now))?;
        object.serialize_entry("level", level_name(self.record.level()))?;
        object.serialize_entry("target", self.record.target())?;
        object.serialize_entry("message", self.record.args())?;
        let fields = self.record.key_values();
        if fields.count() > 0 {
            object.serialize_entry("fields", &JsonFields(fields))?;
        }
        object.end()
    }
}

/// Apart from the rest, so that no name of a field is taken.
struct JsonFields<'a>(&'a dyn Source);

impl Serialize for JsonFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = FieldsOf(serde_json::Map::new());
        self.0
            .visit(&mut fields)
            .expect("collecting fields cannot fail");
        fields.0.serialize(serializer)
    }
}

struct FieldsOf(serde_json::Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for FieldsOf {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let mut seen = JsonValue(serde_json::Value::Null);
        value.visit(&mut seen)?;
        self.0.insert(key.to_string(), seen.0);
        Ok(())
    }
}

/// Numbers stay numbers.
struct JsonValue(serde_json::Value);

impl VisitValue<'_> for JsonValue {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
        let mut text = String::new();
        write!(text, "{value}").expect("writing into a string cannot fail");
        self.0 = text.into();
        Ok(())
    }

    fn visit_null(&mut self) -> Result<(), Error> {
        self.0 = serde_json::Value::Null;
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
        self.0 = value.into();
        Ok(())
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), Error> {
        self.0 = value.into();
        Ok(())
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), Error> {
        self.0 = value.into();
        Ok(())
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), Error> {
        self.0 = value.into();
        Ok(())
    }
}

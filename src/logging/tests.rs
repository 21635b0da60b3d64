//! Filters, formats, the queue and the writer, as a user of the log sees them.

use std::fs;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use log::{Level, Log, Record};
use tempfile::TempDir;

use super::*;
use crate::config::LogFormat;

fn at_seven() -> Timestamp {
    "2026-11-23T07:00:00.123456+01:00".parse().unwrap()
}

fn text() -> Style {
    Style::Text(TimeZone::fixed(Offset::constant(1)))
}

fn formatted(style: &Style, message: &str) -> String {
    let args = format_args!("{message}");
    let mut record = Record::builder();
    let record = record.level(Level::Info).target("hupd::daemon").args(args);
    style.line(&record.build(), at_seven())
}

/// A line with fields.
fn with_fields(style: &Style, target: &str, fields: &[(&str, log::kv::Value<'_>)]) -> String {
    let mut record = Record::builder();
    let record = record.level(Level::Warn).target(target).key_values(&fields);
    let record = record.args(format_args!("said")).build();
    style.line(&record, at_seven())
}

fn log_to(logging: &Logging, message: &str) {
    let args = format_args!("{message}");
    let mut record = Record::builder();
    let record = record.level(Level::Info).target("hupd").args(args);
    logging.front.log(&record.build());
}

fn to(path: &Path) -> config::Log {
    config::Log {
        level: "info".into(),
        file: Some(path.to_owned()),
        format: LogFormat::Text,
    }
}

struct Scene {
    logging: Logging,
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let prepared = prepare(&to(&folder.path().join("hupd.log")), Some("info")).unwrap();
        let logging = Logging::begin(prepared).unwrap();
        Self { logging, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn messages(&self, name: &str) -> Vec<String> {
        self.logging.flush();
        let text = fs::read_to_string(self.path(name)).unwrap();
        let message = |line: &str| line.split_once(" info  ").map(|(_, m)| m.to_owned());
        text.lines().filter_map(message).collect()
    }
}

/// Logging into a pipe that nobody reads yet.
fn into_a_pipe() -> (Logging, OwnedFd) {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let prepared = Prepared {
        filter: "info".into(),
        style: text(),
        sink: Sink::pipe(writer),
    };
    (Logging::begin(prepared).unwrap(), reader)
}

#[test]
fn text_has_the_local_time_with_its_offset() {
    let line = formatted(&text(), "job 'backup' started");
    assert_eq!(
        line,
        "2026-11-23T07:00:00.123+01:00 info  job 'backup' started\n"
    );
}

#[test]
fn the_journal_gets_the_priority_and_no_time() {
    assert_eq!(formatted(&Style::Journal, "ready"), "<6>ready\n");
}

#[test]
fn an_event_is_one_line_whatever_is_in_it() {
    let line = formatted(&Style::Journal, "a\nb\r\u{1b}[31m\0\tü\u{85}");
    assert_eq!(line, "<6>a\\nb\\r\\u{1b}[31m\\u{0}\tü\\u{85}\n");
}

#[test]
fn fields_follow_the_message_and_are_quoted_where_needed() {
    let fields = [
        ("run", 17.into()),
        ("why", "it \"is\"\n".into()),
        ("none", "".into()),
    ];
    let line = with_fields(&Style::Journal, "hupd", &fields);
    assert_eq!(line, "<4>said run=17 why=\"it \\\"is\\\"\\n\" none=\"\"\n");
}

#[test]
fn the_output_of_a_job_is_shown_as_its_own() {
    let fields = [("job", "backup".into()), ("run", 17.into())];
    let line = with_fields(&Style::Journal, OUTPUT_TARGET, &fields);
    assert_eq!(line, "<4>backup[17]: said\n");
}

#[test]
fn other_crates_are_named() {
    assert_eq!(
        with_fields(&Style::Journal, "hyper::proto", &[]),
        "<4>hyper::proto: said\n"
    );
}

#[test]
fn json_is_one_object_with_its_fields_apart() {
    let fields = [
        ("run", 17.into()),
        ("job", "a\nb".into()),
        ("ok", true.into()),
    ];
    let line = with_fields(&Style::Json, "hupd::daemon", &fields);
    assert_eq!(line.matches('\n').count(), 1);
    let object: serde_json::Value = serde_json::from_str(&line).unwrap();
    let expected = serde_json::json!({
        "time": "2026-11-23T06:00:00.123456Z",
        "level": "warn",
        "target": "hupd::daemon",
        "message": "said",
        "fields": { "run": 17, "job": "a\nb", "ok": true },
    });
    assert_eq!(object, expected);
}

#[test]
fn json_without_fields_has_none() {
    let line = formatted(&Style::Json, "quote \" and \u{1b}");
    let object: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(object["message"], "quote \" and \u{1b}");
    assert_eq!(object.get("fields"), None);
}

#[test]
fn a_file_renamed_away_and_reopened_loses_no_line() {
    let scene = Scene::new();
    let numbers: Vec<_> = (0..3_000).map(|n| n.to_string()).collect();
    for (n, number) in numbers.iter().enumerate() {
        log_to(&scene.logging, number);
        if n == 1_000 || n == 2_000 {
            scene.logging.flush();
            fs::rename(scene.path("hupd.log"), scene.path(&format!("old.{n}"))).unwrap();
            log_to(&scene.logging, "between");
            scene.logging.reopen();
        }
    }
    let files = ["old.1000", "old.2000", "hupd.log"];
    let parts = files.map(|name| scene.messages(name));
    assert_eq!(parts[0].last().unwrap(), "between");
    let mut all = parts.concat();
    all.retain(|message| message != "between");
    assert_eq!(all, numbers);
}

#[test]
fn a_file_that_cannot_be_reopened_stays_in_use() {
    let scene = Scene::new();
    fs::rename(scene.path("hupd.log"), scene.path("old.log")).unwrap();
    fs::create_dir(scene.path("hupd.log")).unwrap();
    scene.logging.reopen();
    log_to(&scene.logging, "still here");
    assert_eq!(scene.messages("old.log"), ["still here"]);
    let text = fs::read_to_string(scene.path("old.log")).unwrap();
    assert!(
        text.contains("not a regular file; going on with the old file"),
        "{text}"
    );
}

#[test]
fn a_switch_changes_file_filter_and_format_at_once() {
    let scene = Scene::new();
    log_to(&scene.logging, "one");
    let mut other = to(&scene.path("other.log"));
    other.format = LogFormat::Json;
    scene.logging.switch(prepare(&other, Some("info")).unwrap());
    log_to(&scene.logging, "two");
    scene.logging.switch(prepare(&other, Some("warn")).unwrap());
    log_to(&scene.logging, "three");
    assert_eq!(scene.messages("hupd.log"), ["one"]);
    let json = fs::read_to_string(scene.path("other.log")).unwrap();
    assert!(
        json.contains("\"two\"") && !json.contains("three"),
        "{json}"
    );
}

#[test]
fn a_reader_that_stops_reading_never_stops_us_and_the_loss_is_counted() {
    let (logging, reader) = into_a_pipe();
    let long = "x".repeat(10_000);
    for _ in 0..1_000 {
        log_to(&logging, &long);
    }
    let mut read = 0;
    let mut lost = 0;
    let mut lines = BufReader::new(File::from(reader)).lines();
    log_to(&logging, "more");
    drop(logging);
    while let Some(line) = lines.next().transpose().unwrap() {
        match line.split_once(" warn  ") {
            Some((_, said)) => lost += said.split(' ').next().unwrap().parse::<u64>().unwrap(),
            None => read += 1,
        }
    }
    assert!(lost > 0);
    assert_eq!(read + lost, 1_001);
}

#[test]
fn what_jobs_write_leaves_room_for_what_hupd_says() {
    let (logging, reader) = into_a_pipe();
    let long = "x".repeat(10_000);
    let mut record = Record::builder();
    let args = format_args!("{long}");
    let record = record.level(Level::Info).target(OUTPUT_TARGET).args(args);
    for _ in 0..1_000 {
        logging.front.log(&record.build());
    }
    log_to(&logging, "hupd is stopping");
    drop(logging);
    let mut text = String::new();
    File::from(reader).read_to_string(&mut text).unwrap();
    assert!(text.ends_with(" info  hupd is stopping\n"));
    let written = text.matches(&long).count();
    let lost = format!(" warn  {} log lines lost here", 1_000 - written);
    assert!(written > 100 && text.contains(&lost), "{written} written");
}

#[test]
fn a_reader_that_is_gone_is_survived() {
    let (logging, reader) = into_a_pipe();
    drop(reader);
    log_to(&logging, "to nobody");
    logging.flush();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hupd.log");
    logging.switch(prepare(&to(&path), Some("info")).unwrap());
    log_to(&logging, "to the file");
    logging.flush();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("1 log line lost here"), "{text}");
    assert!(text.contains("to the file"), "{text}");
}

#[test]
fn what_cannot_be_logged_to_is_refused_beforehand() {
    let missing = to(Path::new("/nonexistent/hupd.log"));
    assert!(matches!(
        prepare(&missing, None),
        Err(LogError::File { .. })
    ));
}

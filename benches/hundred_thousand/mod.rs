//! A file of 100,000 jobs, and how `toml` alone reads it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use serde::Deserialize;

pub const JOBS: usize = 100_000;

const EXPRESSIONS: [&str; 5] = [
    "*/5 * * * *",
    "30 4 * * *",
    "0 9-17 * * MON-FRI",
    "15 10 1,15 * *",
    "H H * * SUN",
];
const ZONES: [&str; 3] = ["UTC", "Europe/Berlin", "America/New_York"];

/// The file as `toml` alone reads it: nothing has a meaning.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is read, and that is all")]
pub struct File {
    daemon: BTreeMap<String, toml::Value>,
    jobs: BTreeMap<String, Job>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is read, and that is all")]
struct Job {
    command: Vec<String>,
    schedule: String,
    timezone: String,
}

pub fn text() -> String {
    let mut text = "[daemon]\ntimezone = \"UTC\"\n".to_owned();
    for job in 0..JOBS {
        let (expression, zone) = (EXPRESSIONS[job % 5], ZONES[job % 3]);
        let _ = writeln!(
            text,
            "[jobs.job-{job:06}]\ncommand = [\"/bin/true\"]\nschedule = \"{expression}\"\ntimezone = \"{zone}\""
        );
    }
    text
}

/// Milliseconds of bare deserialisation.
pub fn bare(text: &str) -> f64 {
    let (bare, _) = timed(|| toml::from_str::<File>(text).expect("it is a file"));
    bare
}

/// Milliseconds. What was made goes away outside of them.
pub fn timed<T>(make: impl FnOnce() -> T) -> (f64, T) {
    let began = Instant::now();
    let made = black_box(make());
    (began.elapsed().as_secs_f64() * 1e3, made)
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

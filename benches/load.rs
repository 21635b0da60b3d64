//! How long it takes until 100,000 jobs wait for their first instants: reading and checking the file, and the engine's
//! first due times; beside bare deserialisation of the same text by `toml`, in turn, in one run.
//!
//! `cargo bench --bench load`

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark stands outside hupd"
)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use hupd::clock::Moment;
use hupd::config::{Config, Surroundings, load};
use hupd::engine::{Beginning, Engine, Left};
use hupd::run::{Generation, RunId};
use serde::Deserialize;

const JOBS: usize = 100_000;
const ROUNDS: usize = 5;
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
struct File {
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

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hupd.toml");
    let text = text();
    std::fs::write(&path, &text).expect("a file can be written");
    let mut figures = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        let (bare, _) = timed(|| toml::from_str::<File>(&text).expect("it is a file"));
        let (loaded, config) = timed(|| config(&path));
        let (planned, _) = timed(|| Engine::new(beginning(config), Moment::now()));
        for (figures, figure) in figures
            .iter_mut()
            .zip([bare, loaded, planned, loaded / bare])
        {
            figures.push(figure);
        }
    }
    let [bare, loaded, planned, ratio] = figures.map(median);
    println!(
        "{JOBS} jobs, {} KiB; medians of {ROUNDS}",
        text.len() / 1024
    );
    println!("bare deserialisation   {bare:>6.0} ms");
    println!("load and check         {loaded:>6.0} ms   ratio {ratio:.2}");
    println!("first due times        {planned:>6.0} ms");
}

fn text() -> String {
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

fn config(path: &Path) -> Config {
    let surroundings = Surroundings {
        is_root: true,
        ..Surroundings::default()
    };
    let accepted = load(path, &surroundings, Moment::now().wall);
    accepted.expect("nothing is wrong with it").config
}

fn beginning(config: Config) -> Beginning {
    Beginning {
        config: Arc::new(config),
        generation: Generation(1),
        next_run: RunId(1),
        anchors: BTreeMap::new(),
        left: Left::default(),
    }
}

/// Milliseconds. What was made goes away outside of them.
fn timed<T>(make: impl FnOnce() -> T) -> (f64, T) {
    let began = Instant::now();
    let made = black_box(make());
    (began.elapsed().as_secs_f64() * 1e3, made)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

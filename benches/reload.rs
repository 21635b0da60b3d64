//! From HUP to the new generation with 100,000 jobs, part by part; beside bare deserialisation of the same text by `toml`, in
//! turn, in one run. For how long the loop could do nothing else, and how late a job started meanwhile that was due.
//!
//! `cargo bench --bench reload`

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark stands outside hupd"
)]

#[path = "../tests/common/mod.rs"]
mod common;
mod hundred_thousand;

use std::fmt::Write;

use common::{Home, Hupd, store};
use hundred_thousand::{JOBS, bare, median, text, timed};
use hupd::protocol::Verdict;
use jiff::Timestamp;

const ROUNDS: usize = 5;

/// So many jobs are due in each second, each at a time of its own.
const TICKS: usize = 20;

/// What is changed before a reload; each time it is something else.
const EDITS: [(&str, Edit); 4] = [
    ("nothing", |text, _| text.to_owned()),
    ("one job", |text, round| {
        let job = format!("[jobs.job-{:06}]\n", JOBS / 2);
        text.replace(&job, &format!("{job}description = \"{round}\"\n"))
    }),
    ("all jobs", |text, round| {
        format!("{text}[defaults]\ntimeout = \"{}s\"\n", 100 + round)
    }),
    ("all times", |text, round| {
        format!("{text}[defaults]\nspread = \"{}s\"\n", 100 + round)
    }),
];

/// Of that text, in this round.
type Edit = fn(&str, usize) -> String;

const COLUMNS: [&str; 11] = [
    "read", "parse", "check", "diff", "commit", "whole", "bare", "ratio", "held", "most", "late",
];

fn main() {
    let text = with_ticks(text());
    let mut hupd = Hupd::start(&text);
    println!(
        "{JOBS} jobs, {} KiB: milliseconds from HUP to the new generation; medians of {ROUNDS}; 'most' and 'late': the worst",
        text.len() / 1024
    );
    println!(
        "{:<10}{}",
        "changed",
        COLUMNS.map(|name| format!("{name:>8}")).concat()
    );
    let measured = EDITS.map(|(name, edit)| {
        let began = Timestamp::now();
        let rows = (0..ROUNDS).map(|round| row(&hupd, &edit(&text, round)));
        let rows: Vec<_> = rows.collect();
        (name, rows, began..Timestamp::now())
    });
    // All is on record then.
    hupd.stop();
    for (name, rows, when) in measured {
        let mut row = middle(&rows);
        row.push(latest(&hupd.home, when));
        let row = row.iter().map(|value| format!("{value:>8.2}"));
        println!("{name:<10}{}", row.collect::<String>());
    }
}

fn with_ticks(mut text: String) -> String {
    for tick in 0..TICKS {
        let _ = writeln!(
            text,
            "[jobs.tick-{tick:02}]\ncommand = [\"/bin/true\"]\nschedule = \"* * * * * *\"\ntimezone = \"UTC\"\nspread = \"1s\""
        );
    }
    text + "[log]\nlevel = \"warn\"\n"
}

/// One reload: all columns but the last.
fn row(hupd: &Hupd, text: &str) -> Vec<f64> {
    hupd.home.configure(text);
    let bare = bare(text);
    let (whole, _) = timed(|| hupd.reload());
    let verdict: Verdict =
        serde_json::from_value(hupd.status()["last_reload"].take()).expect("a verdict");
    assert!(verdict.accepted, "{}", verdict.problems);
    let spent = verdict.spent.expect("it has seen that");
    let parts = [
        spent.read,
        spent.parse,
        spent.check,
        spent.diff,
        spent.commit,
    ];
    let mut row = parts.map(|seconds| seconds * 1e3).to_vec();
    row.extend([whole, bare, whole / bare, spent.loop_held * 1e3]);
    row
}

/// Of each column the median, and of the last one the most as well.
fn middle(rows: &[Vec<f64>]) -> Vec<f64> {
    let column = |place: usize| rows.iter().map(move |row| row[place]);
    let medians = (0..rows[0].len()).map(|place| median(column(place).collect()));
    let last = rows[0].len() - 1;
    medians.chain([column(last).fold(0.0, f64::max)]).collect()
}

/// How late the latest start was of what was due in that time, if there was any.
fn latest(home: &Home, when: std::ops::Range<Timestamp>) -> f64 {
    let sql = "SELECT max(started_at - instant) / 1e3 FROM runs WHERE job LIKE 'tick-%' AND instant BETWEEN ?1 AND ?2";
    let when = [when.start, when.end].map(Timestamp::as_microsecond);
    let latest = store(home).query_row(sql, when, |row| row.get::<_, Option<f64>>(0));
    latest.expect("a row").unwrap_or(f64::NAN)
}

//! What is left of the fire, and what must hold of it: besides the promises of the chaos those that only a hupd can keep that
//! was never killed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::Timestamp;
use serde_json::Value;

use super::common::{Home, store};
use super::evidence::{Evidence, Instant, Mark};
use super::files::{Due, steady};
use super::gauge::Gauge;
use super::promises::{self, TOLERANCE};

const SECOND: Instant = 1_000_000;

/// A reload that takes longer than this to begin was forgotten: one is under way at most, and it takes some milliseconds.
const SOON: Instant = 5 * SECOND;

/// By so many KiB more than in peace hupd may have grown: what the allocator keeps of one load, the pages that the store keeps of
/// the files of 50 generations, and no more for 10,000 HUPs than for 100.
const ROOM: u64 = 8 << 10;

pub struct Fire {
    pub evidence: Evidence,
    /// From when to when it served.
    pub served: Range<Instant>,
    /// When each was sent.
    pub hups: Vec<Instant>,
    /// As the log tells them.
    pub reloads: Vec<Reload>,
    /// The files of the last generation.
    pub kept: Vec<String>,
    pub on_disk: Vec<String>,
    pub before: Gauge,
    pub after: Gauge,
}

/// One reload, from the line that tells its beginning to the one with its verdict.
#[derive(Clone, Debug)]
pub struct Reload {
    pub began: Instant,
    /// None while it goes on, or where there is none.
    pub verdict: Option<Verdict>,
}

#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    pub generation: u64,
    pub fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Accepted,
    /// And the files said what they had said before.
    Unchanged,
    Refused,
}

type Judge = fn(&Fire) -> Vec<String>;

pub const PROMISES: [(&str, Judge); 6] = [
    ("every HUP is followed by a reload that begins soon", heard),
    ("every reload has one verdict", judged),
    ("generations only go up, one by one", numbered),
    (
        "no instant of a steady job is passed over or named twice",
        steadily,
    ),
    ("what ran has made its mark", marked),
    ("what the files say in the end is in force", in_force),
];

/// All that is broken; in peace it would have grown by so much as well.
pub fn judge(fire: &Fire, grown_in_peace: u64) -> Vec<String> {
    let own = PROMISES.iter().flat_map(|(promise, judge)| {
        let broken = judge(fire).into_iter();
        broken.map(move |what| format!("broken: {promise}\n  {what}"))
    });
    let chaos = promises::judge(&fire.evidence).into_iter();
    let chaos = chaos.map(|it| format!("broken: {}\n  {}", it.promise, it.what));
    own.chain(chaos)
        .chain(grown(fire, grown_in_peace))
        .collect()
}

pub fn grown(fire: &Fire, grown_in_peace: u64) -> Vec<String> {
    let (before, after) = (&fire.before, &fire.after);
    let bound = before.resident + grown_in_peace + ROOM;
    let has_grown = after.descriptors > before.descriptors
        || after.threads > before.threads
        || after.resident > bound;
    let what = format!("it has grown: {before:?}, {after:?}, in peace by {grown_in_peace} KiB");
    has_grown.then_some(what).into_iter().collect()
}

fn heard(fire: &Fire) -> Vec<String> {
    let is_heard = |hup: &&Instant| {
        let soon = **hup..**hup + SOON;
        fire.reloads
            .iter()
            .any(|reload| soon.contains(&reload.began))
    };
    let unheard = fire.hups.iter().filter(|hup| !is_heard(hup));
    unheard.map(|hup| format!("the one at {hup}")).collect()
}

fn judged(fire: &Fire) -> Vec<String> {
    let open = fire.reloads.iter().filter(|it| it.verdict.is_none());
    open.map(|reload| format!("{reload:?}")).collect()
}

fn numbered(fire: &Fire) -> Vec<String> {
    let verdicts: Vec<_> = fire.reloads.iter().filter_map(|it| it.verdict).collect();
    let is_wrong = |pair: &&[Verdict]| {
        let step = u64::from(pair[1].fate == Fate::Accepted);
        pair[1].generation != pair[0].generation + step
    };
    let wrong = verdicts.windows(2).filter(is_wrong);
    wrong.map(|pair| format!("{pair:?}")).collect()
}

/// By the ledger, against what the files have always said of them.
fn steadily(fire: &Fire) -> Vec<String> {
    let mut instants: BTreeMap<&str, Vec<Instant>> = BTreeMap::new();
    for line in &fire.evidence.ledger {
        instants.entry(&line.job).or_default().push(line.instant);
    }
    let Range { start, end } = fire.served;
    let mut broken = Vec::new();
    for (job, due) in steady() {
        let found = instants.remove(&*job).unwrap_or_default();
        match due {
            Due::EverySecond => {
                let first = start / SECOND + 1;
                let seconds = (first..).map(|second| second * SECOND);
                let seconds = seconds.take_while(|at| *at < end - TOLERANCE);
                let named = |at: Instant| found.iter().filter(|found| **found == at).count();
                let wrong = seconds.filter(|at| named(*at) != 1);
                broken.extend(wrong.map(|at| format!("{job} at {at}: {}", named(at))));
            }
            Due::Interval => {
                let all: Vec<_> = found.iter().copied().chain([end]).collect();
                // It is counted from when hupd began to serve, and that is told a little later.
                let ends = |at: &Instant, other: &Instant| (other - at - SECOND).abs() <= TOLERANCE;
                let steps = found.windows(2).filter(|pair| !ends(&pair[0], &pair[1]));
                broken.extend(steps.map(|pair| format!("{job}: {pair:?}")));
                let first = all[0] - start;
                let last = found.last().map_or(end - start, |last| end - last);
                if first > SECOND + TOLERANCE || last > SECOND + TOLERANCE {
                    broken.push(format!(
                        "{job}: {first} after the start, {last} before the end"
                    ));
                }
            }
        }
    }
    broken
}

fn marked(fire: &Fire) -> Vec<String> {
    let marks: BTreeSet<_> = fire.evidence.marks.iter().map(|mark| mark.run).collect();
    let ran = fire
        .evidence
        .ledger
        .iter()
        .filter(|line| line.fate == "ran");
    let unmarked = ran.filter(|line| line.run.is_none_or(|run| !marks.contains(&run)));
    unmarked.map(|line| format!("{line:?}")).collect()
}

fn in_force(fire: &Fire) -> Vec<String> {
    let is_it = !fire.kept.is_empty() && fire.kept == fire.on_disk;
    let what = format!("{:?}, and on disk {:?}", fire.kept, fire.on_disk);
    (!is_it).then_some(what).into_iter().collect()
}

/// What the jobs have written: a start and an end each, at one moment. Hundredths of a second since the boot, cut off: the
/// latest time that this can be is meant.
pub fn marks(home: &Home) -> Vec<Mark> {
    let booted = booted();
    let seen = home.read("seen");
    let both = seen.lines().flat_map(|line| {
        let words: Vec<_> = line.split(' ').collect();
        let [job, run, attempt, instant, up] = words[..] else {
            panic!("'{line}' is not what a job says");
        };
        let instant: Timestamp = instant.parse().expect("a time");
        [false, true].map(|is_end| Mark {
            job: job.to_owned(),
            run: run.parse().expect("a number"),
            attempt: attempt.parse().expect("a number"),
            instant: instant.as_microsecond(),
            is_end,
            at: booted + hundredths(up) + SECOND / 100,
        })
    });
    both.collect()
}

/// The earliest that it can have been.
fn booted() -> Instant {
    let readings = (0..200).map(|_| {
        let up = std::fs::read_to_string("/proc/uptime").expect("a time");
        Timestamp::now().as_microsecond() - hundredths(&up)
    });
    readings.min().expect("there are some")
}

/// `4711.25 …` in microseconds.
fn hundredths(up: &str) -> Instant {
    let seconds = up.split(' ').next().expect("a word");
    let digits = seconds.replace('.', "");
    digits.trim().parse::<Instant>().expect("a number") * (SECOND / 100)
}

/// The files of the last generation, as the store has them.
pub fn kept(home: &Home) -> Vec<String> {
    let store = store(home);
    let sql = "SELECT text FROM generation_files WHERE generation =
               (SELECT files FROM generations WHERE accepted ORDER BY id DESC LIMIT 1) ORDER BY rowid";
    let mut rows = store.prepare(sql).expect("a table");
    let rows = rows.query_map([], |row| row.get(0));
    rows.and_then(Iterator::collect).expect("rows")
}

/// In the order in which they began.
pub fn reloads(log: &str) -> Vec<Reload> {
    let mut reloads: Vec<Reload> = Vec::new();
    // The last line may still be in writing.
    let lines = log
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    for line in lines {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        let message = line["message"].as_str().expect("a text");
        if message.starts_with("reloading:") {
            let time: Timestamp = line["time"]
                .as_str()
                .expect("a text")
                .parse()
                .expect("a time");
            reloads.push(Reload {
                began: time.as_microsecond(),
                verdict: None,
            });
        } else if let Some(fate) = fate(message) {
            let reload = reloads.last_mut().expect("what has a verdict began");
            assert!(reload.verdict.is_none(), "two verdicts: {message}");
            let generation = line["fields"]["generation"].as_u64();
            reload.verdict = Some(Verdict {
                generation: generation.expect("a number"),
                fate,
            });
        }
    }
    reloads
}

fn fate(message: &str) -> Option<Fate> {
    match message {
        _ if message.starts_with("reload refused,") => Some(Fate::Refused),
        _ if !message.starts_with("reload accepted,") => None,
        _ if message.ends_with(": no change") => Some(Fate::Unchanged),
        _ => Some(Fate::Accepted),
    }
}

/// How late what ran was started, for whoever reads the output of the test.
pub fn lateness(evidence: &Evidence) -> String {
    let late = evidence.runs.iter().map(|run| run.claimed_at - run.instant);
    let mut late: Vec<_> = late.collect();
    late.sort_unstable();
    let at = |share: f64| late[((late.len() - 1) as f64 * share) as usize] as f64 / 1e3;
    format!(
        "claimed so many ms after their instants: median {:.1}, p99 {:.1}, most {:.1}",
        at(0.5),
        at(0.99),
        at(1.0)
    )
}

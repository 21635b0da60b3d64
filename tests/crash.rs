//! `kill -9` of hupd, at any moment: the next start needs no cleaning, and nothing happens twice.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test stands outside hupd"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::thread;
use std::time::Duration;

use common::{Dice, Home, Hupd, copied_store, open_runs, store, text, wait_until};
use jiff::Timestamp;
use rustix::fs::{CWD, FileType, Mode, mknodat};

const ROUNDS: usize = 25;

/// Between instants before and after a restart. The instant on the wall is derived from the elapsed clock,
/// and a machine that is busy may do something else between the two readings of `Moment::now`.
const TOLERANCE_MICROSECONDS: i64 = 5_000;

const SECOND: i64 = 1_000_000;

#[test]
fn whenever_hupd_is_killed_nothing_starts_twice_and_everything_started_is_known() {
    let mut dice = Dice::new();
    let home = Home::new();
    let _blocked = block(&home);
    home.configure(&jobs(&home));
    let mut chaos = Chaos::default();
    let mut home = Some(home);

    for _ in 0..ROUNDS {
        let (hupd, manner) = begin(home.take().unwrap(), &mut dice);
        chaos.served(&hupd, manner);
        wait_for_the_moment(&hupd, manner, &mut dice);
        let crashed = hupd.crash();
        chaos.crashed(&crashed);
        home = Some(crashed);
    }
    let mut hupd = Hupd::start_in(home.unwrap());
    chaos.served(&hupd, Manner::Serving);
    hupd.stop();

    let starts = starts(&hupd.home);
    assert!(starts.len() > ROUNDS, "too little ran: {starts:?}");
    each_occurrence_started_once_and_in_phase(&starts);
    every_start_was_claimed(&starts, &hupd.home);
    numbers_only_go_up(&hupd.home);
    chaos.open_runs_are_lost(&hupd.home);
}

#[test]
fn a_run_that_nobody_saw_the_end_of_is_lost_and_is_not_started_again() {
    let home = Home::new();
    let blocked = block(&home);
    home.configure(&jobs(&home));
    let hupd = Hupd::start_in(home);
    let run = hupd.home.json(&["run", "asked"]);
    let run = run["run"].as_u64().unwrap().to_string();
    wait_until("the run has begun", || {
        starts(&hupd.home)
            .iter()
            .any(|start| start.job == "asked")
            .then_some(())
    });

    let home = hupd.crash();
    drop(blocked);
    let hupd = Hupd::start_in(home);

    let lost = hupd.home.ended_run("asked");
    assert_eq!(lost["run"].to_string(), run);
    assert_eq!(lost["outcome"], "lost");
    assert_eq!(hupd.home.runs("asked").len(), 1);
    hupd.wait_log("run lost");
    let again = hupd.home.json(&["run", "asked"]);
    assert!(again["run"].as_u64() > lost["run"].as_u64());
    let shown = text(&hupd.home.hupctl(&["runs", "asked"]).stdout);
    assert!(shown.contains("lost"), "{shown}");
}

#[test]
fn an_interval_keeps_its_phase_over_crash_and_restart() {
    let mut hupd = Hupd::start("[jobs.rare]\ncommand = [\"true\"]\nevery = \"1h\"\n");
    let before = next(&hupd.home);

    for _ in 0..3 {
        hupd = Hupd::start_in(hupd.crash());
        close(before, next(&hupd.home));
        hupd.stop();
        hupd = Hupd::start_in(std::mem::replace(&mut hupd.home, Home::new()));
        close(before, next(&hupd.home));
    }
}

fn close(one: Timestamp, other: Timestamp) {
    let apart = (one.as_microsecond() - other.as_microsecond()).abs();
    assert!(apart <= TOLERANCE_MICROSECONDS, "{one} and {other}");
}

fn next(home: &Home) -> Timestamp {
    let next = home.json(&["next", "rare"]);
    let at = next["next"][0]["at"].as_str();
    at.unwrap_or_else(|| panic!("{next}")).parse().unwrap()
}

/// Several that are due together every second, one that is still running at every crash, one by request.
fn jobs(home: &Home) -> String {
    let path = home.path().display();
    let say = format!("echo \"$HUPD_JOB $HUPD_RUN_ID $HUPD_SCHEDULED_FOR\" >>{path}/starts");
    let mut jobs = "[daemon]\ngrace = \"1s\"\n".to_owned();
    for job in ["a", "b", "c", "d"] {
        jobs +=
            &format!("[jobs.{job}]\nevery = \"1s\"\noverlap = \"allow\"\ncommand = '''{say}'''\n");
    }
    let block = format!("{say}; read line <{path}/blocked");
    jobs += &format!("[jobs.long]\nevery = \"1s\"\ncommand = '''{block}'''\n");
    jobs += &format!("[jobs.asked]\ncommand = '''{block}'''\n");
    jobs
}

/// What blocked jobs read from: they end when this is dropped, whether their hupd lives or not.
fn block(home: &Home) -> File {
    let path = home.file("blocked");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap()
}

/// When to kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// While it starts.
    Starting,
    /// Somewhere between two instants.
    Serving,
    /// Just when runs start.
    Launching,
}

fn begin(home: Home, dice: &mut Dice) -> (Hupd, Manner) {
    match dice.roll(5) {
        0 => (Hupd::launch(home), Manner::Starting),
        1 | 2 => (Hupd::start_in(home), Manner::Serving),
        _ => (Hupd::start_in(home), Manner::Launching),
    }
}

fn wait_for_the_moment(hupd: &Hupd, manner: Manner, dice: &mut Dice) {
    let most = match manner {
        Manner::Starting => 60_000,
        Manner::Serving => 1_200_000,
        Manner::Launching => {
            let before = hupd.home.read("starts").len();
            wait_until("a run starts", || {
                (hupd.home.read("starts").len() > before).then_some(())
            });
            8_000
        }
    };
    thread::sleep(Duration::from_micros(dice.roll(most)));
}

/// What must hold from one life to the next.
#[derive(Debug, Default)]
struct Chaos {
    generation: u64,
    /// Runs that were open when their hupd was killed.
    open: BTreeSet<u64>,
}

impl Chaos {
    fn served(&mut self, hupd: &Hupd, manner: Manner) {
        if manner == Manner::Starting {
            return;
        }
        let generation = hupd.home.json(&["status"])["generation"].as_u64().unwrap();
        assert!(generation > self.generation, "generation {generation}");
        self.generation = generation;
    }

    fn crashed(&mut self, home: &Home) {
        let (_folder, copy) = copied_store(home);
        self.open.extend(open_runs(&copy));
    }

    fn open_runs_are_lost(&self, home: &Home) {
        assert!(!self.open.is_empty(), "no run was open at any crash");
        let outcomes = outcomes(home);
        for run in &self.open {
            assert_eq!(outcomes[run].as_deref(), Some("lost"), "run {run}");
        }
        assert!(outcomes.values().all(Option::is_some), "{outcomes:?}");
    }
}

/// What a job said when it started.
#[derive(Debug)]
struct Start {
    job: String,
    run: u64,
    instant: Timestamp,
}

fn starts(home: &Home) -> Vec<Start> {
    let lines = home.read("starts");
    lines.lines().map(start).collect()
}

fn start(line: &str) -> Start {
    let words: Vec<_> = line.split(' ').collect();
    let [job, run, instant] = words[..] else {
        panic!("'{line}' is not what a job says");
    };
    Start {
        job: job.to_owned(),
        run: run.parse().unwrap(),
        instant: instant.parse().unwrap(),
    }
}

/// The same occurrence may have a slightly different instant in the next life, so the interval counts.
fn each_occurrence_started_once_and_in_phase(starts: &[Start]) {
    let mut nth_of_job = BTreeSet::new();
    let mut first_of_job = BTreeMap::new();
    for start in starts {
        let first = *first_of_job.entry(&start.job).or_insert(start.instant);
        let since = start.instant.as_microsecond() - first.as_microsecond();
        let nth = (since + SECOND / 2).div_euclid(SECOND);
        let off = since - nth * SECOND;
        assert!(
            off.abs() <= TOLERANCE_MICROSECONDS,
            "{start:?} is {off} µs off"
        );
        assert!(
            nth_of_job.insert((&start.job, nth)),
            "{start:?} was started twice: {starts:#?}"
        );
    }
}

fn every_start_was_claimed(starts: &[Start], home: &Home) {
    let database = store(home);
    let mut claim = database
        .prepare(
            "SELECT 1 FROM ledger JOIN runs ON runs.id = ledger.run
             WHERE ledger.job = ?1 AND ledger.instant = ?2 AND run = ?3 AND fate = 'ran'
               AND runs.job = ledger.job AND runs.instant = ledger.instant",
        )
        .unwrap();
    for start in starts {
        let (instant, run) = (start.instant.as_microsecond(), start.run as i64);
        let known = claim.exists((&start.job, instant, run)).unwrap();
        assert!(known, "{start:?} is not in the ledger");
    }
}

/// Over all lives.
fn numbers_only_go_up(home: &Home) {
    let sql = "SELECT count(*) FROM (SELECT generation, lag(generation) OVER (ORDER BY id) AS before FROM runs)
               WHERE generation < before";
    let database = store(home);
    let backwards: i64 = database.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(backwards, 0);
}

fn outcomes(home: &Home) -> BTreeMap<u64, Option<String>> {
    let database = store(home);
    let mut all = database.prepare("SELECT id, outcome FROM runs").unwrap();
    let rows = all.query_map([], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

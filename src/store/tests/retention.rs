//! What goes, and what never does.

use rusqlite::Connection;

use super::super::record::Record;
use super::super::retention::Retention;
use super::super::{files, opening};
use super::*;

const DAY: i64 = 24 * 60 * 60;

fn connection(place: &Place) -> Connection {
    let path = files::prepare(&place.dir()).unwrap();
    opening::open_to_write(&path).unwrap()
}

/// A run that was claimed and has ended at that second, with output.
fn ran(connection: &Connection, run: u64, job: &str, second: i64) -> Record {
    ran_and_wrote(connection, run, (job, second), vec![1])
}

fn ran_and_wrote(
    connection: &Connection,
    run: u64,
    (job, second): (&str, i64),
    head: Vec<u8>,
) -> Record {
    let claim = Record::Claim(claim(run, job, second));
    let mut ended = end(run, Outcome::Exited(0));
    ended.at = at(second);
    ended.output = Output {
        total: head.len() as u64,
        head,
        tail: vec![],
    };
    claim.write(connection, at(second)).unwrap();
    Record::End(ended).write(connection, at(second)).unwrap();
    claim
}

fn tidy(retention: &mut Retention, connection: &mut Connection, second: i64) {
    while retention.is_due() {
        retention.pass(connection, at(second)).unwrap();
    }
}

fn keep(days: u64, runs: u64) -> History {
    History {
        keep: Duration::from_secs(days * DAY as u64),
        keep_runs: runs,
        output: 1024,
    }
}

fn ids(connection: &Connection, sql: &str) -> Vec<i64> {
    connection
        .prepare(sql)
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

const RUNS: &str = "SELECT id FROM runs ORDER BY id";
const OUTPUTS: &str = "SELECT run FROM outputs ORDER BY run";
const LINES: &str = "SELECT run FROM ledger ORDER BY run";

#[test]
fn old_runs_go_with_their_outputs_and_lines() {
    let place = Place::new();
    let mut connection = connection(&place);
    for run in 1..=10 {
        ran(&connection, run, "a", run as i64 * DAY);
    }
    let mut retention = Retention::new(keep(3, 1000), at(10 * DAY));
    tidy(&mut retention, &mut connection, 10 * DAY + 1);
    assert_eq!(ids(&connection, RUNS), [8, 9, 10]);
    assert_eq!(ids(&connection, OUTPUTS), [8, 9, 10]);
    assert_eq!(ids(&connection, LINES), [8, 9, 10]);
}

#[test]
fn the_newest_run_of_a_job_stays_however_old() {
    let place = Place::new();
    let mut connection = connection(&place);
    for (run, job) in [(1, "a"), (2, "b"), (3, "a"), (4, "b")] {
        ran(&connection, run, job, run as i64);
    }
    let mut retention = Retention::new(keep(1, 0), at(0));
    tidy(&mut retention, &mut connection, 1000 * DAY);
    assert_eq!(ids(&connection, RUNS), [3, 4]);
}

#[test]
fn open_runs_and_waiting_lines_stay() {
    let place = Place::new();
    let mut connection = connection(&place);
    for run in 1..=2 {
        let claim = Record::Claim(claim(run, "a", run as i64));
        claim.write(&connection, at(0)).unwrap();
    }
    ran(&connection, 3, "a", 3);
    let waiting = Record::Entry(entry("a", 9, Fate::Waiting, ""));
    waiting.write(&connection, at(0)).unwrap();
    ran(&connection, 4, "a", 4);
    let mut retention = Retention::new(keep(1, 1), at(0));
    tidy(&mut retention, &mut connection, 1000 * DAY);
    assert_eq!(ids(&connection, RUNS), [1, 2, 4]);
    let waiting = "SELECT count(*) FROM ledger WHERE fate = 'waiting'";
    assert_eq!(ids(&connection, waiting), [1]);
}

#[test]
fn each_job_keeps_so_many_runs() {
    let place = Place::new();
    let mut connection = connection(&place);
    for run in 1..=4000 {
        let job = if run % 100 == 0 { "rare" } else { "frequent" };
        ran(&connection, run, job, run as i64);
    }
    let mut retention = Retention::new(keep(1000, 50), at(0));
    tidy(&mut retention, &mut connection, 5000);
    let counts = "SELECT count(*) FROM runs GROUP BY job ORDER BY job";
    assert_eq!(ids(&connection, counts), [50, 40]);
    assert_eq!(ids(&connection, OUTPUTS), ids(&connection, RUNS));
    assert_eq!(ids(&connection, "SELECT max(id) FROM runs"), [4000]);
}

/// So many bytes the database has.
fn size(connection: &Connection, place: &Place) -> u64 {
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    connection.query_row(checkpoint, [], |_| Ok(())).unwrap();
    fs::metadata(place.file()).unwrap().len()
}

#[test]
fn the_file_does_not_grow_for_ever_by_count_nor_by_age() {
    // Of 16 runs a day so many are kept; their lines are kept by age alone.
    for (days, runs) in [(4, 32), (4, 1000)] {
        let place = Place::new();
        let mut connection = connection(&place);
        let mut retention = Retention::new(keep(days, runs), at(0));
        let (mut full, mut largest) = (0, 0);
        for run in 1..=3000 {
            let second = run as i64 * DAY / 16;
            let output = vec![u8::try_from(run % 251).unwrap(); 6000 + run as usize % 4000];
            let claim = ran_and_wrote(&connection, run, ("a", second), output);
            retention.note(&[claim], at(second));
            tidy(&mut retention, &mut connection, second);
            if run == 600 {
                full = size(&connection, &place);
            }
            if run % 100 == 0 {
                largest = largest.max(size(&connection, &place));
            }
        }
        assert!(full > 32 * 6000, "{full} bytes");
        assert!(largest <= full + full / 8, "{full} bytes, then {largest}");
    }
}

#[test]
fn surplus_goes_soon_while_hupd_runs() {
    let place = Place::new();
    let mut connection = connection(&place);
    let mut retention = Retention::new(keep(1000, 32), at(0));
    tidy(&mut retention, &mut connection, 0);
    for run in 1..=500 {
        let claim = ran(&connection, run, "a", run as i64);
        retention.note(&[claim], at(run as i64));
        tidy(&mut retention, &mut connection, 500);
        let kept = ids(&connection, "SELECT count(*) FROM runs");
        assert!(kept[0] <= 32 + 2, "{kept:?} runs after run {run}");
    }
}

#[test]
fn one_pass_removes_a_bounded_number() {
    let place = Place::new();
    let mut connection = connection(&place);
    for run in 1..=1000 {
        ran(&connection, run, "a", run as i64);
    }
    let mut retention = Retention::new(keep(1000, 10), at(0));
    retention.pass(&mut connection, at(2000)).unwrap();
    let left = ids(&connection, "SELECT count(*) FROM runs")[0];
    assert!((800..1000).contains(&left), "{left} left");
    assert!(retention.is_due());
}

#[test]
fn jobs_that_do_not_run_any_more_are_looked_at_every_day() {
    let place = Place::new();
    let mut connection = connection(&place);
    ran(&connection, 1, "gone", 1);
    ran(&connection, 2, "gone", 2);
    let mut retention = Retention::new(keep(1, 1000), at(3));
    tidy(&mut retention, &mut connection, 3);
    assert_eq!(ids(&connection, RUNS), [1, 2]);
    retention.note(&[], at(2 * DAY));
    tidy(&mut retention, &mut connection, 2 * DAY);
    assert_eq!(ids(&connection, RUNS), [2]);
}

#[test]
fn new_rules_apply_to_what_is_there() {
    let place = Place::new();
    let store = place.store();
    store.claim((1..=100).map(|run| claim(run, "a", run as i64)).collect());
    (1..=100).for_each(|run| store.run_ended(end(run, Outcome::Exited(0))));
    store.keep(keep(1_000_000, 5));
    while runs(&store).len() > 5 {}
    assert_eq!(runs(&store)[0].run, RunId(100));
}

//! A store that turns out to be corrupt while there is work in hand, and the one that takes its place.

use super::super::{Recorder, recovery};
use super::*;
use crate::ledger::{Failed, NextAttempt};

const MOVED: &str = "moved aside";

fn recorder(place: &Place) -> Recorder {
    let database = Recorder::database_in_memory().unwrap();
    Recorder::new(database, history(), at(0), place.inbox.outbox()).unwrap()
}

/// What is written from here on finds no table, until there is a new store.
fn corrupt(recorder: &mut Recorder) {
    let malformed = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    recorder.note_corruption(&rusqlite::Error::SqliteFailure(malformed, None));
    recorder.let_go().unwrap();
}

fn replace(recorder: &mut Recorder) {
    let new = Recorder::database_in_memory().unwrap();
    recorder.begin_anew(new, MOVED.to_owned(), at(100));
}

/// How the runs of the new store have ended, by number.
fn outcomes(recorder: &Recorder) -> Vec<(u64, Option<String>)> {
    let mut rows = recorder
        .database()
        .prepare("SELECT id, outcome FROM runs ORDER BY id")
        .unwrap();
    let rows = rows.query_map([], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

fn failed(run: u64, attempt: u32) -> Record {
    let mut end = end(run, Outcome::Exited(75));
    end.output = Output {
        head: b"why it failed".to_vec(),
        tail: Vec::new(),
        total: 13,
    };
    Record::Failed(Failed {
        end,
        attempt,
        attempts: 3,
        delay: Duration::from_secs(60),
        next_at: at(150),
    })
}

fn next(run: u64, attempt: u32) -> Record {
    Record::NextAttempt(NextAttempt {
        run: RunId(run),
        attempt,
        generation: Generation(1),
    })
}

/// Everything that has been said, but for verdicts and how much is owed.
fn said(place: &Place) -> Vec<String> {
    let events = std::iter::from_fn(|| place.inbox.try_next());
    let said = events.filter_map(|event| match event {
        Event::StoreFailed(why) => Some(format!("failed: {why}")),
        Event::StoreReplaced(moved) => Some(moved),
        Event::StoreRecovered { lost } => Some(format!("recovered, lost: {lost}")),
        _ => None,
    });
    said.collect()
}

#[test]
fn what_ends_while_a_corrupt_store_is_replaced_is_in_the_new_one() {
    let place = Place::new();
    let mut recorder = recorder(&place);
    let claims = (1..=5).map(|run| Record::Claim(claim(run, "a", run as i64)));
    recorder.write(claims.collect(), at(5));
    let begun = [1, 2, 3, 4].map(|run| Record::Start(start(run)));
    recorder.write(begun.into(), at(6));
    recorder.write(vec![failed(4, 1)], at(7));
    said(&place);

    corrupt(&mut recorder);
    let owed = vec![
        Record::End(end(1, Outcome::Exited(0))),
        Record::Claim(claim(6, "a", 6)),
        Record::Start(start(6)),
        Record::End(end(6, Outcome::Exited(6))),
        failed(2, 1),
        next(2, 2),
        Record::Start(start(2)),
        Record::End(end(2, Outcome::Exited(2))),
        Record::EndRest(end(4, Outcome::Exited(75))),
    ];
    recorder.write(owed, at(90));
    replace(&mut recorder);

    let exited = |code: i32| Some(format!("exited {code}"));
    let all = [
        (1, exited(0)),
        (2, exited(2)),
        (3, None),
        (4, exited(75)),
        (5, None),
        (6, exited(6)),
    ];
    assert_eq!(outcomes(&recorder), all);
    let said = said(&place);
    assert_eq!(said[1..], [MOVED, "recovered, lost: 0"], "{said:?}");
    // What is told before hupd has heard of the new one finds its row too.
    recorder.write(vec![Record::End(end(3, Outcome::Exited(3)))], at(101));
    assert_eq!(outcomes(&recorder)[2], (3, exited(3)));
}

#[test]
fn what_is_not_over_the_next_hupd_finds_in_the_new_store() {
    let place = Place::new();
    let mut recorder = recorder(&place);
    let claims = (1..=4).map(|run| Record::Claim(claim(run, "a", run as i64)));
    recorder.write(claims.collect(), at(5));
    let waits = Entry {
        starts_at: Some(at(500)),
        ..entry("b", 60, Fate::Waiting, "no place")
    };
    recorder.write(vec![Record::Entry(waits)], at(5));
    let twice = vec![Record::Start(start(1)), failed(1, 1), next(1, 2)];
    recorder.write(twice, at(6));
    let rest = vec![
        Record::Start(start(1)),
        Record::Start(start(2)),
        failed(2, 1),
    ];
    recorder.write(rest, at(7));
    let over = vec![Record::End(end(3, Outcome::Exited(0)))];
    recorder.write(over, at(8));
    let decided = [
        entry("b", 70, Fate::Waiting, "no place"),
        entry("b", 70, Fate::Skipped, "too late"),
        entry("a", 4, Fate::Waiting, "it has run"),
    ];
    recorder.write(decided.map(Record::Entry).into(), at(9));
    let before = recovery::recover(recorder.database()).unwrap();

    corrupt(&mut recorder);
    replace(&mut recorder);

    let after = recovery::recover(recorder.database()).unwrap();
    let ids: Vec<_> = after.open.iter().map(|open| open.run.0).collect();
    assert_eq!(ids, [1, 4]);
    assert_eq!(after.open, before.open);
    assert_eq!(after.resting, before.resting);
    assert_eq!((after.resting.len(), after.waiting.len()), (1, 1));
    assert_eq!(after.waiting, before.waiting);
    // And the one after that, should the new store be corrupt as well.
    corrupt(&mut recorder);
    replace(&mut recorder);
    let again = recovery::recover(recorder.database()).unwrap();
    assert_eq!((again.open, again.resting), (after.open, after.resting));
}

/// No occurrence runs twice because its claim is in a store that was moved aside.
#[test]
fn what_runs_is_decided_in_the_new_store_though_it_cannot_be_written_yet() {
    let place = Place::new();
    let mut recorder = recorder(&place);
    recorder.write(vec![Record::Claim(claim(1, "a", 60))], at(60));
    corrupt(&mut recorder);
    recorder.write(vec![Record::Claim(claim(2, "a", 120))], at(120));
    let full = Recorder::database_in_memory().unwrap();
    full.pragma_update(None, "query_only", true).unwrap();
    recorder.begin_anew(full, MOVED.to_owned(), at(121));
    for instant in [60, 120] {
        recorder.write(vec![Record::Claim(claim(3, "a", instant))], at(122));
    }
    recorder
        .database()
        .pragma_update(None, "query_only", false)
        .unwrap();
    recorder.try_again(at(123));
    assert_eq!(outcomes(&recorder), [(1, None), (2, None)]);
}

/// More of it than may be owed, and the new store cannot be written either at first.
#[test]
fn of_what_is_not_over_nothing_is_dropped_though_the_first_write_to_a_new_store_fails() {
    const WAITING: i64 = 40_000;
    let place = Place::new();
    let mut recorder = recorder(&place);
    let lines =
        (1..=WAITING).map(|second| Record::Entry(entry("b", second, Fate::Waiting, "no place")));
    recorder.write(lines.collect(), at(5));
    let claims = (1..=5).map(|run| Record::Claim(claim(run, "a", run as i64)));
    recorder.write(claims.collect(), at(5));
    said(&place);
    corrupt(&mut recorder);
    let full = Recorder::database_in_memory().unwrap();
    full.pragma_update(None, "query_only", true).unwrap();
    recorder.begin_anew(full, MOVED.to_owned(), at(100));
    let told = said(&place);
    assert!(told[1].starts_with("failed: "), "{told:?}");
    assert_eq!((&*told[0], told.len()), (MOVED, 2), "{told:?}");

    let database = recorder.database();
    database.pragma_update(None, "query_only", false).unwrap();
    recorder.try_again(at(101));
    assert_eq!(said(&place), ["recovered, lost: 0"]);
    let found = recovery::recover(recorder.database()).unwrap();
    assert_eq!(
        (found.open.len(), found.waiting.len()),
        (5, WAITING as usize)
    );
}

#[test]
fn a_new_store_that_can_be_written_is_no_failure_that_is_over() {
    let place = Place::new();
    let mut recorder = recorder(&place);
    recorder.write(vec![Record::Claim(claim(1, "a", 1))], at(5));
    said(&place);
    corrupt(&mut recorder);
    replace(&mut recorder);
    assert_eq!(said(&place), [MOVED]);
    recorder.write(vec![Record::End(end(1, Outcome::Exited(0)))], at(101));
    assert_eq!(said(&place), [""; 0]);
}

#[test]
fn what_finds_no_row_is_counted_as_lost() {
    let place = Place::new();
    let mut recorder = recorder(&place);
    let of_nobody: [Record; 7] = [
        Record::Start(start(9)),
        Record::End(end(9, Outcome::Exited(0))),
        Record::Note(RunId(9), "it goes on".to_owned()),
        Record::Loss(super::recovery::loss(9, at(1))),
        failed(9, 1),
        next(9, 2),
        Record::EndRest(end(9, Outcome::Exited(75))),
    ];
    for record in of_nobody {
        let name = format!("{record:?}");
        recorder.write(vec![record], at(1));
        let lost = ["failed: the run is not on record", "recovered, lost: 1"];
        assert_eq!(said(&place), lost, "{name}");
    }
    corrupt(&mut recorder);
    recorder.write(vec![Record::Start(start(9))], at(2));
    replace(&mut recorder);
    assert_eq!(said(&place).last().unwrap(), "recovered, lost: 1");
}

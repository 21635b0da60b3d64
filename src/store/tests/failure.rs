//! What happens while nothing can be written.

use super::super::{Recorder, files, opening};
use super::*;

#[test]
fn jobs_run_while_the_store_is_locked_and_their_records_follow() {
    let place = Place::new();
    let store = place.store();
    place.claim(&store, claim(1, "a", 60));
    let shell = place.shell();
    shell.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert_eq!(place.claim(&store, claim(2, "a", 120)), Claimed::Yes);
    let Event::StoreFailed(reason) = place.next() else {
        panic!("the failure was not said");
    };
    assert_eq!(reason, "database is locked");
    store.run_started(start(2));
    store.run_ended(end(2, Outcome::Exited(3)));
    assert_eq!(
        place.claim(&store, claim(3, "a", 60)),
        Claimed::AlreadyThere
    );
    assert_eq!(
        place.claim(&store, claim(4, "a", 120)),
        Claimed::AlreadyThere
    );
    shell.execute_batch("ROLLBACK").unwrap();
    store.claim(vec![claim(5, "a", 180)]);
    let said = [place.next(), place.next()];
    assert!(
        said.iter()
            .any(|event| matches!(event, Event::StoreRecovered { lost: 0 }))
    );
    let rows: Vec<_> = runs(&store)
        .into_iter()
        .map(|row| (row.run.0, row.outcome))
        .collect();
    assert_eq!(
        rows,
        [(5, None), (2, Some("exited 3".to_owned())), (1, None)]
    );
}

#[test]
fn what_was_decided_while_the_store_is_locked_does_not_run() {
    let place = Place::new();
    let store = place.store();
    let shell = place.shell();
    shell.execute_batch("BEGIN EXCLUSIVE").unwrap();
    store.record(entry("a", 60, Fate::Waiting, "no place"));
    store.record(entry("a", 120, Fate::Skipped, "late"));
    assert!(matches!(place.next(), Event::StoreFailed(_)));
    assert_eq!(place.claim(&store, claim(1, "a", 60)), Claimed::Yes);
    assert_eq!(
        place.claim(&store, claim(2, "a", 120)),
        Claimed::AlreadyThere
    );
    shell.execute_batch("ROLLBACK").unwrap();
    store.close();
    assert_eq!(place.lines(), ["a ran  1", "a skipped late"]);
}

#[test]
fn whoever_asks_is_shown_what_was_owed_as_soon_as_it_can_be_written() {
    let place = Place::new();
    let store = place.store();
    let shell = place.shell();
    shell.execute_batch("BEGIN EXCLUSIVE").unwrap();
    place.claim(&store, claim(1, "a", 60));
    assert!(runs(&store).is_empty());
    shell.execute_batch("ROLLBACK").unwrap();
    assert_eq!(runs(&store).len(), 1);
}

#[test]
fn what_could_not_be_written_is_written_at_the_end() {
    let place = Place::new();
    let store = place.store();
    let shell = place.shell();
    shell.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert_eq!(place.claim(&store, claim(1, "a", 60)), Claimed::Yes);
    shell.execute_batch("ROLLBACK").unwrap();
    store.close();
    assert_eq!(place.lines(), ["a ran  1"]);
}

#[test]
fn one_impossible_record_does_not_take_others_with_it() {
    let place = Place::new();
    let store = place.store();
    place.claim(&store, claim(1, "a", 60));
    store.claim(vec![claim(1, "b", 60), claim(2, "c", 60)]);
    let said: Vec<Event> = std::iter::repeat_with(|| place.next())
        .take_while(|event| !matches!(event, Event::StoreRecovered { lost: 1 }))
        .collect();
    assert!(matches!(said.last(), Some(Event::StoreFailed(_))));
    let written: Vec<String> = runs(&store).into_iter().map(|row| row.job).collect();
    assert_eq!(written, ["c", "a"]);
}

#[test]
fn records_of_unknown_runs_change_nothing() {
    let place = Place::new();
    let mut recorder = recorder(&place, 1000);
    let unknown = vec![
        Record::Start(start(9)),
        Record::End(end(9, Outcome::Exited(0))),
        Record::Claim(claim(10, "a", 60)),
    ];
    recorder.write(unknown, at(60));
    assert_eq!(place.verdicts(1)[0].claimed, Claimed::Yes);
    let sql = "SELECT group_concat(id) FROM runs";
    let known = recorder
        .database()
        .query_row(sql, [], |row| row.get::<_, String>(0));
    assert_eq!(known, Ok("10".to_owned()));
}

/// A recorder on a disk that has room for so many more pages.
fn recorder(place: &Place, room: i64) -> Recorder {
    let path = files::prepare(&place.dir()).unwrap();
    let connection = opening::open_to_write(&path).unwrap();
    let recorder = Recorder::new(connection, history(), at(0), place.inbox.outbox()).unwrap();
    make_room(&recorder, room);
    recorder
}

fn make_room(recorder: &Recorder, pages: i64) {
    let used: i64 = recorder
        .database()
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    recorder
        .database()
        .pragma_update(None, "max_page_count", used + pages)
        .unwrap();
}

fn written(place: &Place) -> Vec<i64> {
    place
        .shell()
        .prepare("SELECT total FROM runs JOIN outputs ON run = id ORDER BY id")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

fn loud_end(run: u64) -> Record {
    let mut ended = end(run, Outcome::Exited(0));
    ended.output = Output {
        head: vec![7; 100_000],
        tail: vec![],
        total: 100_000,
    };
    Record::End(ended)
}

#[test]
fn a_full_disk_is_said_once_and_so_is_room() {
    let place = Place::new();
    let mut recorder = recorder(&place, 4);
    recorder.write(vec![Record::Claim(claim(1, "a", 60))], at(60));
    assert_eq!(place.verdicts(1)[0].claimed, Claimed::Yes);
    recorder.write(vec![loud_end(1), Record::Claim(claim(2, "a", 61))], at(61));
    assert_eq!(place.verdicts(1)[0].claimed, Claimed::Yes);
    assert!(
        matches!(place.next(), Event::StoreFailed(reason) if reason == "database or disk is full")
    );
    recorder.write(vec![loud_end(2), Record::Claim(claim(3, "a", 60))], at(62));
    assert_eq!(place.verdicts(1)[0].claimed, Claimed::AlreadyThere);
    assert_eq!(written(&place), [0; 0]);
    make_room(&recorder, 1000);
    recorder.write(vec![Record::Claim(claim(4, "a", 63))], at(63));
    assert_eq!(place.verdicts(1)[0].claimed, Claimed::Yes);
    assert!(matches!(place.next(), Event::StoreRecovered { lost: 0 }));
    assert!(place.inbox.try_next().is_none());
    assert_eq!(written(&place), [100_000, 100_000]);
}

#[test]
fn what_a_long_failure_loses_is_counted() {
    let place = Place::new();
    let mut recorder = recorder(&place, 4);
    recorder.write(vec![Record::Claim(claim(1, "a", 60))], at(60));
    for run in 1..=100 {
        recorder.write(
            vec![
                loud_end(run),
                Record::Claim(claim(run + 1, "a", 60 + run as i64)),
            ],
            at(61),
        );
    }
    make_room(&recorder, 10_000);
    recorder.write(vec![loud_end(101)], at(62));
    let lost = std::iter::repeat_with(|| place.next())
        .find_map(|event| match event {
            Event::StoreRecovered { lost } => Some(lost),
            _ => None,
        })
        .unwrap();
    let totals = written(&place);
    assert_eq!(totals.len(), 101);
    let bytes: i64 = place
        .shell()
        .query_row(
            "SELECT count(*) FROM outputs WHERE length(head) = 0",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(lost > 0);
    assert_eq!(bytes, i64::try_from(lost).unwrap());
}

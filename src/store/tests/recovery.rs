//! What an earlier life left behind.

use super::*;
use crate::ledger::{Pause, Waited};
use crate::protocol::{Earlier, Standing};

pub(super) fn loss(run: u64, at: Timestamp) -> Loss {
    Loss {
        run: RunId(run),
        at,
        stopped_by: Some(StopReason::Orphan),
        survivors: Vec::new(),
        note: "it is gone".to_owned(),
    }
}

#[test]
fn what_a_killed_hupd_left_open_is_known_until_it_is_closed() {
    let before = Place::new();
    let store = before.store();
    store.claim((1..=3).map(|run| claim(run, "a", run as i64)).collect());
    store.run_started(start(1));
    store.run_ended(end(1, Outcome::Exited(0)));
    store.run_started(start(2));
    store.record(entry("b", 60, Fate::Waiting, "no place"));
    let after = kill(&before, store);

    let (store, recovered) = after.open();
    let open: Vec<_> = recovered
        .open
        .iter()
        .map(|open| (open.run.0, open.occurrence.clone(), open.start.clone()))
        .collect();
    assert_eq!(
        open,
        [
            (2, occurrence("a", 2), Some(start(2))),
            (3, occurrence("a", 3), None)
        ]
    );
    assert_eq!(
        recovered.waiting,
        [Waited {
            occurrence: entry("b", 60, Fate::Waiting, "").occurrence,
            starts_at: None,
        }]
    );
    assert_eq!(recovered.last_run, Some(RunId(3)));
    assert_eq!(recovered.moved_aside, None);
    store.write(Record::Note(RunId(2), "it goes on".to_owned()));
    store.write(Record::Loss(loss(2, at(1000))));
    let rows = runs(&store);
    assert_eq!(rows[0].outcome, None);
    assert_eq!(rows[1].outcome.as_deref(), Some("lost"));
    assert_eq!(rows[1].pid, Some(4002));
    assert_eq!(rows[1].ended_at, Some(at(1000)));
    assert_eq!(rows[1].stopped_by.as_deref(), Some("orphan"));
    assert_eq!(rows[1].duration_seconds, None);
    assert_eq!(rows[1].note.as_deref(), Some("it is gone"));
    assert_eq!(rows[2].outcome.as_deref(), Some("exited 0"));
    assert_eq!(after.claim(&store, claim(4, "a", 3)), Claimed::AlreadyThere);
    store.close();
    assert_eq!(after.lines()[3], "b waiting no place");
}

#[test]
fn close_writes_all_that_is_queued_and_leaves_one_file() {
    let place = Place::new();
    let store = place.store();
    store.claim((1..=1000).map(|run| claim(run, "a", run as i64)).collect());
    (1..=1000).for_each(|run| store.run_ended(end(run, Outcome::Exited(0))));
    store.close();
    let names: Vec<_> = fs::read_dir(place.dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["hupd.db"]);
    let (store, recovered) = place.open();
    assert!(recovered.open.is_empty());
    assert_eq!(runs(&store).len(), 1000);
}

#[test]
fn ids_and_anchors_go_on_counting() {
    let place = Place::new();
    let store = place.store();
    let anchor = |second| Anchor {
        job: JobName::new("a"),
        every: Duration::from_secs(900),
        at: at(second),
    };
    store.anchor(anchor(10));
    store.anchor(anchor(20));
    store.claim(vec![claim(41, "a", 60)]);
    store.verdict(verdict(5, true), vec![source("a")]);
    store.verdict(verdict(5, false), vec![]);
    store.close();
    place
        .shell()
        .execute_batch("DELETE FROM runs; DELETE FROM ledger; DELETE FROM generations")
        .unwrap();
    let (_, recovered) = place.open();
    assert_eq!(recovered.last_run, Some(RunId(41)));
    assert_eq!(recovered.last_generation, Some(Generation(5)));
    assert_eq!(recovered.anchors[&JobName::new("a")], anchor(20));
}

#[test]
fn the_anchor_of_a_removed_job_is_gone() {
    let place = Place::new();
    let store = place.store();
    let job = JobName::new("a");
    store.anchor(Anchor {
        job: job.clone(),
        every: Duration::from_secs(900),
        at: at(10),
    });
    store.write(Record::NoAnchor(job));
    store.close();
    let (_, recovered) = place.open();
    assert!(recovered.anchors.is_empty());
}

#[test]
fn how_far_hupd_has_come_is_known_and_how_far_it_has_ever_been() {
    let place = Place::new();
    let store = place.store();
    store.write(Record::Decided(at(500)));
    store.write(Record::Decided(at(100)));
    let (a, b) = (JobName::new("a"), JobName::new("b"));
    store.write(Record::Timing(a.clone(), Some("every 5 s".to_owned())));
    store.write(Record::Timing(b.clone(), Some("every 7 s".to_owned())));
    store.write(Record::Timing(b, None));
    store.close();
    let (_, recovered) = place.open();
    assert_eq!(recovered.decided, Some(at(100)));
    assert_eq!(recovered.lived, Some(at(500)));
    assert_eq!(recovered.timings, [(a, "every 5 s".to_owned())].into());
}

/// What a store of version 2 has not got.
const BACK_TO_2: &str = "
DROP TABLE pauses;
DROP INDEX runs_failed;
DROP INDEX runs_of_trigger;
DROP INDEX runs_began;
DROP VIEW runs_readable;
ALTER TABLE runs DROP COLUMN boot;
ALTER TABLE runs DROP COLUMN born_by;
ALTER TABLE runs DROP COLUMN born_elapsed;
ALTER TABLE runs DROP COLUMN home;
ALTER TABLE runs DROP COLUMN home_inode;
ALTER TABLE runs DROP COLUMN note;
ALTER TABLE runs DROP COLUMN survivors;
ALTER TABLE generations DROP COLUMN files;
ALTER TABLE generations DROP COLUMN text_of;
ALTER TABLE generations DROP COLUMN confirm_by;
ALTER TABLE generations DROP COLUMN confirmed_by;
DROP TABLE confirmed_files;
DROP TABLE attempts;
ALTER TABLE runs DROP COLUMN success;
ALTER TABLE runs DROP COLUMN attempt;
ALTER TABLE runs DROP COLUMN next_attempt_at;
ALTER TABLE runs DROP COLUMN retry_delay;
PRAGMA user_version = 2;
";

const BACK_TO_1: &str = "
ALTER TABLE ledger DROP COLUMN starts_at;
DROP TABLE timings;
PRAGMA user_version = 1;
";

#[test]
fn a_store_of_version_2_is_searched_like_one_that_is_new() {
    let place = Place::new();
    let store = place.store();
    place.claim(&store, claim(1, "a", 60));
    store.run_ended(end(1, Outcome::TimedOut));
    store.close();
    place.shell().execute_batch(BACK_TO_2).unwrap();
    let (store, _) = place.open();
    let failed = RunFilter {
        outcome: Some(OutcomeFilter::Failed),
        limit: 10,
        ..RunFilter::default()
    };
    assert_eq!(runs_of(&store, failed).len(), 1);
}

#[test]
fn a_store_of_version_1_is_brought_up_to_date_with_all_that_is_in_it() {
    let place = Place::new();
    let store = place.store();
    place.claim(&store, claim(1, "a", 60));
    store.close();
    let back = format!("{BACK_TO_2}{BACK_TO_1}");
    place.shell().execute_batch(&back).unwrap();
    let (store, recovered) = place.open();
    assert_eq!(recovered.last_run, Some(RunId(1)));
    assert_eq!((recovered.decided, recovered.lived), (None, None));
    store.write(Record::Timing(JobName::new("a"), Some("x".to_owned())));
    store.close();
    let (_, recovered) = place.open();
    assert_eq!(recovered.timings.len(), 1);
}

/// All tables and their columns, in whatever order, and all indices and views.
fn shape(place: &Place) -> Vec<String> {
    let sql = "SELECT name || ' ' || iif(type = 'table', (SELECT group_concat(line) FROM (
             SELECT printf('%s %s %d %s', name, type, \"notnull\", dflt_value) AS line
             FROM pragma_table_info(it.name) ORDER BY name)), sql)
         FROM sqlite_schema AS it WHERE sql IS NOT NULL ORDER BY name";
    let shell = place.shell();
    let mut rows = shell.prepare(sql).unwrap();
    let rows = rows.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_store_that_was_brought_up_to_date_is_like_one_that_is_new() {
    let new = Place::new();
    new.store().close();
    assert!(shape(&new).len() > 10);
    for back in [BACK_TO_2.to_owned(), format!("{BACK_TO_2}{BACK_TO_1}")] {
        let place = Place::new();
        place.store().close();
        place.shell().execute_batch(&back).unwrap();
        assert_ne!(shape(&place), shape(&new));
        place.store().close();
        assert_eq!(shape(&place), shape(&new));
    }
}

#[test]
fn a_store_of_version_2_has_room_for_what_is_known_of_a_process() {
    let place = Place::new();
    let store = place.store();
    place.claim(&store, claim(1, "a", 60));
    store.close();
    place.shell().execute_batch(BACK_TO_2).unwrap();
    let (store, recovered) = place.open();
    assert_eq!(recovered.open.len(), 1);
    store.run_started(start(1));
    store.close();
    let (_, recovered) = place.open();
    assert_eq!(recovered.open[0].start, Some(start(1)));
    let sql = "SELECT note FROM runs_readable";
    let shell = place.shell();
    let noted = shell.query_row(sql, [], |row| row.get::<_, Option<String>>(0));
    assert_eq!(noted, Ok(None));
}

#[test]
fn a_store_of_version_2_has_the_files_of_its_generations() {
    let place = Place::new();
    let store = place.store();
    store.verdict(verdict(1, true), vec![source("first")]);
    store.close();
    place.shell().execute_batch(BACK_TO_2).unwrap();
    let (store, _) = place.open();
    let standing = Standing::default();
    let answer = ask(|reply| {
        store.ask(Question::ShowGeneration(
            Earlier::Number(1),
            standing,
            reply,
        ))
    });
    let Answer::ShowGeneration(details) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(details.files[0].text, "first");
}

#[test]
fn a_store_of_version_2_has_no_pauses_and_keeps_the_rest() {
    let place = Place::new();
    let store = place.store();
    store.write(Record::Timing(JobName::new("a"), Some("x".to_owned())));
    store.close();
    place.shell().execute_batch(BACK_TO_2).unwrap();
    let (store, recovered) = place.open();
    assert_eq!((recovered.timings.len(), recovered.pauses), (1, vec![]));
    store.write(Record::Pause(pause("a")));
    store.close();
    let (_, recovered) = place.open();
    assert_eq!(recovered.pauses, [pause("a")]);
}

#[test]
fn a_pause_is_kept_until_it_has_ended() {
    let place = Place::new();
    let store = place.store();
    store.write(Record::Pause(pause("a")));
    store.write(Record::Pause(pause("b")));
    let longer = Pause {
        until: None,
        ..pause("a")
    };
    store.write(Record::Pause(longer.clone()));
    store.write(Record::NoPause(JobName::new("b")));
    store.close();
    let (_, recovered) = place.open();
    assert_eq!(recovered.pauses, [longer]);
}

fn pause(job: &str) -> Pause {
    Pause {
        job: JobName::new(job),
        since: at(60),
        until: Some(at(120)),
        by: "somebody".to_owned(),
        reason: "repairs".to_owned(),
    }
}

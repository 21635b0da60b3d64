//! What happened is shown as it was.

use super::*;
use crate::protocol::{Earlier, Standing};
use crate::store::{Kept, for_start};

#[test]
fn a_run_is_shown_as_it_was() {
    let place = Place::new();
    let store = place.store();
    let mut ended = end(1, Outcome::Killed(Signal::TERM));
    ended.stopped_by = Some(StopReason::TimeLimit);
    ended.output = Output {
        head: b"ab".to_vec(),
        tail: b"yz".to_vec(),
        total: 26,
    };
    place.claim(&store, claim(1, "a", 60));
    store.run_started(start(1));
    store.run_ended(ended);
    let expected = RunRow {
        run: RunId(1),
        job: "a".to_owned(),
        trigger: Trigger::Schedule,
        scheduled_for: at(60),
        generation: 1,
        pid: Some(4001),
        started_at: Some(at(70)),
        ended_at: Some(at(90)),
        outcome: Some("killed by TERM".to_owned()),
        exit_code: None,
        signal: Some("TERM".to_owned()),
        stopped_by: Some("time limit".to_owned()),
        duration_seconds: Some(1.5),
        cpu_seconds: Some(0.25),
        peak_memory_bytes: Some(4096),
        output_bytes: Some(26),
        note: None,
        survivors: Vec::new(),
        success: Some(false),
        attempt: 1,
        next_attempt_at: None,
    };
    assert_eq!(runs(&store), [expected]);
}

#[test]
fn runs_are_filtered_and_the_newest_come_first() {
    let place = Place::new();
    let store = place.store();
    store.claim((1..=4).map(|run| claim(run, "a", run as i64)).collect());
    store.claim(vec![claim(5, "b", 5)]);
    store.run_ended(end(1, Outcome::Exited(0)));
    store.run_ended(end(2, Outcome::Exited(1)));
    store.run_ended(end(3, Outcome::CouldNotStart("no such file".to_owned())));
    store.run_ended(end(5, Outcome::TimedOut));
    let numbers = |job: Option<&str>, failed: bool, limit| -> Vec<u64> {
        let filter = RunFilter {
            job: job.map(str::to_owned),
            outcome: failed.then_some(OutcomeFilter::Failed),
            limit,
            ..RunFilter::default()
        };
        let rows = runs_of(&store, filter);
        rows.iter().map(|row| row.run.0).collect()
    };
    assert_eq!(numbers(None, false, 3), [5, 4, 3]);
    assert_eq!(numbers(Some("a"), false, 10), [4, 3, 2, 1]);
    assert_eq!(numbers(None, true, 10), [5, 3, 2]);
    assert_eq!(numbers(Some("a"), true, 1), [3]);
    assert_eq!(numbers(Some("nobody"), false, 10), [0; 0]);
}

#[test]
fn reloads_that_change_nothing_push_out_no_files_and_no_generation_with_runs() {
    let place = Place::new();
    let store = place.store();
    store.claim(vec![claim(1, "a", 60)]);
    for number in 1..=60 {
        store.verdict(verdict(number, true), vec![source(&number.to_string())]);
    }
    runs(&store);
    // Reloads that change nothing, and then starts with the same text, which make generations of their own.
    for (many, step) in [(2500, 0), (1040, 1)] {
        let more = format!(
            "INSERT INTO generations (number, at, asked_by, accepted, summary, problems, problem_count, seconds, files)
             WITH RECURSIVE nth(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM nth WHERE n < {many})
             SELECT number + n * {step}, at, asked_by, 1, summary, '', 0, 0, files
             FROM nth, (SELECT * FROM generations ORDER BY id DESC LIMIT 1)"
        );
        place.shell().execute(&more, []).unwrap();
    }
    store.verdict(verdict(1100, true), vec![source("60")]);
    let show = |which| {
        let standing = Standing {
            in_force: 1100,
            ..Standing::default()
        };
        match ask(|reply| store.ask(Question::ShowGeneration(which, standing, reply))) {
            Answer::ShowGeneration(details) => details.files[0].text.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(show(Earlier::Before), "59");
    assert_eq!(show(Earlier::Number(11)), "11");
    let numbers = |condition: &str| -> i64 {
        let sql = format!("SELECT count(DISTINCT number) FROM generations WHERE {condition}");
        place.shell().query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    // The run of the first one goes on; of the others that have no files any more nothing is left.
    assert_eq!(
        (numbers("number = 1"), numbers("number BETWEEN 2 AND 10")),
        (1, 0)
    );
    let rows: i64 = place
        .shell()
        .query_row("SELECT count(*) FROM generations", [], |row| row.get(0))
        .unwrap();
    assert!(rows <= 1000 + 1000 + 50 + 1, "{rows}");
}

#[test]
fn a_file_whose_name_is_no_text_is_kept_by_its_name() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let store = place.store();
    let path = PathBuf::from(std::ffi::OsStr::from_bytes(b"/etc/\xff/hupd.toml"));
    let file = SourceFile {
        path: path.clone(),
        ..source("first")
    };
    for number in 1..=2 {
        store.verdict(verdict(number, true), vec![file.clone()]);
    }
    let standing = Standing::default();
    let first = Earlier::Number(1);
    match ask(|reply| store.ask(Question::ShowGeneration(first, standing, reply))) {
        Answer::ShowGeneration(details) => assert_eq!(details.files[0].path, path),
        other => panic!("{other:?}"),
    }
    // Of the same text it is the same file.
    let sql = "SELECT count(*) FROM generation_files";
    let kept: i64 = place.shell().query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1);
}

#[test]
fn a_query_sees_what_was_recorded_before_it() {
    let place = Place::new();
    let store = place.store();
    for run in 1..=300 {
        store.claim(vec![claim(run, "a", run as i64)]);
        store.run_ended(end(run, Outcome::Exited(0)));
        let newest = RunFilter {
            limit: 1,
            ..RunFilter::default()
        };
        let newest = runs_of(&store, newest);
        assert_eq!(newest[0].run.0, run);
        assert_eq!(newest[0].outcome.as_deref(), Some("exited 0"));
    }
}

#[test]
fn output_is_kept_byte_for_byte() {
    let place = Place::new();
    let store = place.store();
    let kept = Output {
        head: (0..=255).collect(),
        tail: vec![0, 0xff, b'\'', b'\n', 0],
        total: 10_000_000_000,
    };
    let mut ended = end(1, Outcome::Exited(0));
    ended.output = kept.clone();
    store.claim(vec![claim(1, "a", 60), claim(2, "b", 60)]);
    store.run_ended(ended);
    let row = output(&store, OutputOf::Run(RunId(1)));
    assert_eq!(row.output, kept);
    assert!(!row.is_running);
    let open = output(&store, OutputOf::LastOf("b".to_owned()));
    assert_eq!((open.run, open.is_running), (RunId(2), true));
    assert_eq!(open.output, Output::default());
}

#[test]
fn output_of_what_never_ran_is_not_found() {
    let place = Place::new();
    let store = place.store();
    for (of, message) in [
        (OutputOf::Run(RunId(17)), "no run 17"),
        (OutputOf::LastOf("x".to_owned()), "job 'x' has no run yet"),
    ] {
        let Answer::Refused(refusal) = ask(|reply| store.output(of, reply)) else {
            panic!("found something");
        };
        assert_eq!(refusal.kind, RefusalKind::NotFound);
        assert_eq!(refusal.message, message);
    }
}

#[test]
fn people_can_read_the_views() {
    let place = Place::new();
    let store = place.store();
    store.claim(vec![claim(1, "a", 60)]);
    store.run_ended(end(1, Outcome::Exited(0)));
    store.close();
    let read: (String, f64, String) = place
        .shell()
        .query_row(
            "SELECT ended_at, seconds, ledger_readable.instant
             FROM runs_readable JOIN ledger_readable ON run = id",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    let expected = ("1970-01-01T00:01:30.000Z", 1.5, "1970-01-01T00:01:00.000Z");
    assert_eq!((read.0.as_str(), read.1, read.2.as_str()), expected);
}

#[test]
fn accepted_files_are_kept_and_the_oldest_forgotten() {
    let place = Place::new();
    let store = place.store();
    for number in 1..=60 {
        store.verdict(verdict(number, true), vec![source(&number.to_string())]);
        store.verdict(verdict(number, false), vec![source("wrong")]);
    }
    store.close();
    let kept: (i64, String, String, i64) = place
        .shell()
        .query_row(
            "SELECT count(*), min(text), max(text), (SELECT count(*) FROM generations)
             FROM generation_files",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .unwrap();
    assert_eq!(kept, (50, "11".to_owned(), "60".to_owned(), 120));
}

#[test]
fn what_was_confirmed_is_there_for_starts_until_something_else_is_wanted() {
    let place = Place::new();
    let kept = |number: u64| Kept {
        generation: number,
        files: vec![source("main"), source(&number.to_string())],
    };
    let confirmed = || for_start(&place.dir()).unwrap().confirmed;
    assert_eq!(confirmed(), None);
    let enough_to_push_others_out = 1..=60;
    let store = place.store();
    store.write(Record::Unconfirmed(kept(1)));
    for number in enough_to_push_others_out {
        store.verdict(verdict(number, true), vec![source(&number.to_string())]);
    }
    store.close();
    assert_eq!(confirmed(), Some(kept(1)));
    for over in [
        Record::NoUnconfirmed,
        Record::Confirmed(60, "somebody".into()),
    ] {
        let store = place.store();
        store.write(Record::Unconfirmed(kept(2)));
        store.write(Record::Unconfirmed(kept(3)));
        store.close();
        assert_eq!(confirmed(), Some(kept(3)));
        let (store, recovered) = place.open();
        assert!(recovered.is_unconfirmed);
        store.write(over);
        store.close();
        assert_eq!(confirmed(), None);
        assert!(!place.open().1.is_unconfirmed);
    }
}

#[test]
fn reloads_and_starts_that_change_nothing_push_no_files_out() {
    let place = Place::new();
    let store = place.store();
    store.verdict(verdict(1, true), vec![source("first")]);
    for number in [2; 60].into_iter().chain(3..60) {
        store.verdict(verdict(number, true), vec![source("second")]);
    }
    let texts = |number| {
        let standing = Standing::default();
        let answer = ask(|reply| {
            store.ask(Question::ShowGeneration(
                Earlier::Number(number),
                standing,
                reply,
            ))
        });
        let Answer::ShowGeneration(details) = answer else {
            panic!("{answer:?}");
        };
        let texts = details.files.into_iter().map(|file| file.text);
        texts.collect::<Vec<_>>()
    };
    assert_eq!(texts(1), ["first"]);
    assert_eq!(
        (texts(2), texts(59)),
        (texts(40), vec!["second".to_owned()])
    );
    store.close();
    let shell = place.shell();
    let sql = "SELECT count(*) FROM generation_files";
    let kept: i64 = shell.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 2);
}

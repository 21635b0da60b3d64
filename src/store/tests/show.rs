//! What is known of one run, and what is usual for a job.

use std::sync::Arc;

use crate::config::{Config, Surroundings};
use crate::protocol::{RunDetails, Usual};

use super::*;

fn config() -> Arc<Config> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hupd.toml");
    let text = "[daemon]\ntimezone = \"Asia/Tokyo\"\nstate_dir = \"/s\"\nruntime_dir = \"/r\"\n\
        [jobs.a]\ncommand = \"true\"\nschedule = \"0 0 1 1 *\"\ntimezone = \"Europe/Berlin\"\n";
    fs::write(&file, text).unwrap();
    let accepted = crate::config::load(&file, &Surroundings::default(), at(0));
    Arc::new(accepted.unwrap().config)
}

fn details(store: &Store, run: u64) -> RunDetails {
    let question = |reply| store.ask(Question::ShowRun(RunId(run), config(), reply));
    match ask(question) {
        Answer::ShowRun(details) => *details,
        other => panic!("{other:?}"),
    }
}

fn usual(store: &Store, job: &str) -> Usual {
    let filter = RunFilter {
        job: Some(job.to_owned()),
        limit: 1,
        ..RunFilter::default()
    };
    match ask(|reply| store.runs(filter, reply)) {
        Answer::Runs(runs) => runs.usual.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_is_told_with_all_that_is_kept_of_it() {
    let place = Place::new();
    let store = place.store();
    let mut late = claim(1, "a", 60);
    late.reason = "it was late".to_owned();
    store.claim(vec![late, claim(2, "gone", 61), claim(3, "a", 62)]);
    store.run_started(start(1));
    let mut ended = end(1, Outcome::Exited(0));
    ended.output = Output {
        head: vec![1; 6],
        tail: vec![2; 4],
        total: 26,
    };
    store.run_ended(ended);
    let told = details(&store, 1);
    assert_eq!(told.scheduled_local, "1970-01-01T01:01:00+01:00");
    assert_eq!(told.late_seconds, Some(10.0));
    assert_eq!(told.reason.as_deref(), Some("it was late"));
    assert_eq!((told.output_kept_bytes, told.output_lost_bytes), (10, 16));
    assert_eq!(
        (told.usual.ended, told.usual.median_seconds),
        (1, Some(1.5))
    );
    let gone = details(&store, 2);
    assert_eq!(gone.scheduled_local, "1970-01-01T09:01:01+09:00");
    let open = details(&store, 3);
    assert_eq!((open.late_seconds, open.reason), (None, None));
    assert_eq!((open.output_kept_bytes, open.output_lost_bytes), (0, 0));
    let none = ask(|reply| store.ask(Question::ShowRun(RunId(17), config(), reply)));
    assert!(matches!(none, Answer::Refused(refusal) if refusal.message == "no run 17"));
}

#[test]
fn only_successful_runs_say_how_long_a_job_takes() {
    let place = Place::new();
    let store = place.store();
    for run in 1..=30 {
        store.claim(vec![claim(run, "a", run as i64)]);
        let outcome = Outcome::Exited(i32::from(run > 20));
        let duration = Duration::from_secs(run);
        store.run_ended(RunEnd {
            duration,
            ..end(run, outcome)
        });
    }
    store.claim(vec![claim(31, "a", 31)]);
    let usual = usual(&store, "a");
    assert_eq!((usual.ended, usual.succeeded), (30, 20));
    assert_eq!(usual.median_seconds, Some(10.5));
    assert_eq!(usual.p95_seconds, Some(19.0));
}

#[test]
fn the_newest_runs_say_what_is_usual_now() {
    let place = Place::new();
    let store = place.store();
    for run in 1..=1_100 {
        store.claim(vec![claim(run, "a", run as i64)]);
        let duration = Duration::from_secs(if run <= 100 { 1_000 } else { 1 });
        store.run_ended(RunEnd {
            duration,
            ..end(run, Outcome::Exited(0))
        });
    }
    let of_a = usual(&store, "a");
    assert_eq!((of_a.ended, of_a.p95_seconds), (1_000, Some(1.0)));
    assert_eq!(usual(&store, "nobody"), Usual::default());
}

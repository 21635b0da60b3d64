//! A history that is taken away or emptied while hupd serves: hupd finds it out and begins a new one that knows what is
//! not over, so that nothing is done twice.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Home, Hupd, database, run, state_files, text, wait_for_recovery, wait_until};
use serde_json::Value;

/// Each run says that it has begun.
const JOBS: &str = r#"
[daemon]
grace = "0s"
[jobs.long]
every = "1h"
command = "echo $HUPD_RUN >>starts; read line <gate"
working_dir = "."
[jobs.quick]
command = "true"
"#;

/// What somebody does to the history, and what is said of it.
type Damage = fn(&Home);

const GONE: [(&str, Damage, &str); 6] = [
    (
        "emptied",
        |home| fs::write(database(home), "").unwrap(),
        "the file was emptied",
    ),
    (
        "removed",
        |home| fs::remove_file(database(home)).unwrap(),
        "the file was removed or moved away",
    ),
    (
        "all removed",
        |home| {
            for file in state_files(home, "hupd.db") {
                fs::remove_file(file).unwrap();
            }
        },
        "the file was removed or moved away",
    ),
    (
        "the log removed",
        |home| fs::remove_file(log(home)).unwrap(),
        "its log, the file that ends in '-wal', was removed",
    ),
    (
        "the folder moved away",
        |home| fs::rename(home.file("state"), home.file("away")).unwrap(),
        "nothing is left of it",
    ),
    (
        "another in its place",
        |home| {
            let copy = home.file("copy");
            fs::copy(database(home), &copy).unwrap();
            fs::rename(&copy, database(home)).unwrap();
        },
        "another file was put in its place",
    ),
];

fn log(home: &Home) -> PathBuf {
    database(home).with_extension("db-wal")
}

/// A hupd with a run that goes on.
fn serving() -> (Hupd, Value) {
    let home = Home::new();
    home.gate("gate");
    home.configure(JOBS);
    let hupd = Hupd::start_in(home);
    run(&hupd.home, "quick");
    hupd.home.json(&["run", "long"]);
    let long = hupd.home.wait_running("long", 1).remove(0);
    wait_until("it has begun", || {
        fs::read(hupd.home.file("starts")).is_ok().then_some(())
    });
    (hupd, long)
}

/// The log and the status say it, and the next hupd knows the run, after a crash.
fn is_known_after_a_crash(what: &str, hupd: Hupd, long: &Value) {
    wait_for_recovery(&hupd.home);
    let shown = text(&hupd.home.hupctl(&["status"]).stdout);
    assert!(shown.contains("OLD HISTORY"), "{what}: {shown}");
    let last = run(&hupd.home, "quick");
    let next = Hupd::start_in(hupd.crash());

    let found = next.home.wait_running("long", 1);
    assert_eq!(found[0]["pid"], long["pid"], "{what}");
    let refused = text(&next.home.hupctl(&["run", "long"]).stderr);
    assert!(refused.contains("is not over"), "{what}: {refused}");
    assert_eq!(next.home.read("starts").lines().count(), 1, "{what}");
    let newer = run(&next.home, "quick");
    assert!(newer["run"].as_u64() > last["run"].as_u64(), "{what}");
    assert!(next.home.open_gate("gate"));
    assert_eq!(next.home.ended_run("long")["run"], long["run"], "{what}");
}

/// Nobody asks for anything, and nothing is to be recorded.
#[test]
fn what_is_gone_while_a_run_goes_on_is_found_out_by_hupd_itself() {
    let serving = GONE.map(|(what, damage, why)| (what, damage, why, serving()));
    for (_, damage, _, (hupd, _)) in &serving {
        damage(&hupd.home);
    }
    for (what, _, why, (hupd, long)) in serving {
        hupd.wait_log("and a new history begins; jobs go on");
        assert!(hupd.log().contains(why), "{what}: {}", hupd.log());
        is_known_after_a_crash(what, hupd, &long);
    }
}

#[test]
fn a_log_that_was_emptied_is_found_out_by_what_is_written_next() {
    let (hupd, long) = serving();
    fs::write(log(&hupd.home), "").unwrap();
    hupd.home.hupctl(&["run", "quick"]);
    hupd.wait_log("and a new history begins; jobs go on");
    assert!(hupd.log().contains("emptied"), "{}", hupd.log());
    is_known_after_a_crash("the log emptied", hupd, &long);
}

#[test]
fn a_question_finds_out_that_the_history_is_gone() {
    let mut hupd = Hupd::start("[jobs.quick]\ncommand = \"true\"\n");
    run(&hupd.home, "quick");
    fs::write(database(&hupd.home), "").unwrap();
    wait_until("a question finds it out", || {
        hupd.home.hupctl(&["runs"]);
        let is_told = hupd
            .log()
            .contains("the file was emptied while it was in use");
        is_told.then_some(())
    });
    hupd.stop();
}

#[test]
fn what_is_gone_at_the_end_is_said_then() {
    let mut hupd = Hupd::start("[jobs.quick]\ncommand = \"true\"\n");
    run(&hupd.home, "quick");
    fs::remove_file(database(&hupd.home)).unwrap();
    assert_eq!(hupd.stop().code(), Some(0));
    let log = hupd.log();
    assert!(log.contains("state/hupd.db: "), "{log}");
    assert!(log.contains("the file was removed or moved away"), "{log}");
    assert!(database(&hupd.home).exists());
}

//! A store that cannot be read: it is moved aside and a new one takes its place, at the start and while hupd runs; what
//! is not hupd's own is left alone.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs;
use std::path::Path;

use common::{
    Home, Hupd, cut_off, database, mode, run, scribble, state_files, text, wait_for_recovery,
    wait_until,
};
use rusqlite::Connection;
use serde_json::Value;

/// Writes as much as is kept of a run, and some more.
const LOUD: &str = "[jobs.loud]\ncommand = 'head -c 300000 /dev/zero'\n";

#[test]
fn a_corrupt_store_is_put_aside_and_jobs_go_on() {
    let home = Home::new();
    home.configure("[jobs.hello]\ncommand = 'true'\n");
    let garbage = "this was a history once\n".repeat(1000);
    home.write("state/hupd.db", &garbage);

    let hupd = Hupd::start_in(home);

    let aside = state_files(&hupd.home, "hupd.db.corrupt-");
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(fs::read_to_string(&aside[0]).unwrap(), garbage);
    hupd.wait_log(&aside[0].display().to_string());
    hupd.wait_log("file is not a database");
    let run = run(&hupd.home, "hello");
    assert_eq!(hupd.home.runs("hello"), [run]);
    assert_eq!(mode(&database(&hupd.home)), 0o600);
}

#[test]
fn a_store_with_a_broken_page_is_put_aside_too() {
    let mut hupd = Hupd::start(&format!("{LOUD}[history]\noutput = \"256KiB\"\n"));
    run(&hupd.home, "loud");
    hupd.stop();
    let mut bytes = fs::read(database(&hupd.home)).unwrap();
    bytes[4096..20 * 4096].fill(0x5a);
    fs::write(database(&hupd.home), bytes).unwrap();

    let hupd = Hupd::start_in(std::mem::replace(&mut hupd.home, Home::new()));

    assert_eq!(state_files(&hupd.home, "hupd.db.corrupt-").len(), 1);
    assert_eq!(run(&hupd.home, "loud")["outcome"], "exited 0");
}

#[test]
fn a_store_that_turns_out_corrupt_later_is_put_aside_while_jobs_go_on() {
    for damage in [scribble as fn(&Path), cut_off] {
        let home = Home::new();
        home.gate("gate");
        let gate = home.file("gate").display().to_string();
        let long = format!("[jobs.long]\nevery = \"1h\"\ncommand = 'read line <{gate}; true'\n");
        home.configure(&format!("{LOUD}{long}"));
        let mut hupd = Hupd::start_in(home);
        let first = run(&hupd.home, "loud");
        hupd.stop();
        let hupd = Hupd::start_in(std::mem::replace(&mut hupd.home, Home::new()));
        hupd.home.json(&["run", "long"]);
        let goes_on = hupd.home.wait_running("long", 1)[0]["run"].clone();
        let generation = hupd.home.json(&["status"])["generation"].clone();

        damage(&database(&hupd.home));
        // Whoever reads what nobody has touched since finds it out.
        let logs = hupd.home.hupctl(&["logs", &first["run"].to_string()]);
        assert_eq!(logs.status.code(), Some(1));
        assert!(text(&logs.stderr).contains("malformed"), "{logs:?}");
        hupd.home.json(&["run", "loud", "--wait"]);

        hupd.wait_log("and a new history begins; jobs go on");
        let aside = state_files(&hupd.home, "hupd.db.corrupt-");
        let kept = aside
            .iter()
            .filter(|file| file.to_string_lossy().ends_with('Z'));
        assert_eq!(kept.count(), 1, "{aside:?}");
        let moved = hupd.home.json(&["status"])["history_moved"].to_string();
        assert!(moved.contains("it is kept as"), "{moved}");
        let shown = text(&hupd.home.hupctl(&["status"]).stdout);
        assert!(shown.contains("OLD HISTORY"), "{shown}");
        wait_for_recovery(&hupd.home);
        // The new one knows what runs, and hears of its end.
        hupd.home.open_gate("gate");
        let ended = hupd.home.ended_run("long");
        assert_eq!(
            (&ended["run"], &ended["outcome"]),
            (&goes_on, &"exited 0".into())
        );
        let after = Hupd::start_in(hupd.crash());
        let next = after.home.json(&["status"])["generation"].as_u64();
        assert!(next > generation.as_u64(), "{next:?} after {generation}");
        let again = after.home.json(&["run", "loud", "--wait"]);
        assert!(again["run"].as_u64() > goes_on.as_u64());
    }
}

#[test]
fn a_store_of_a_newer_hupd_is_left_alone() {
    let mut hupd = Hupd::start("[jobs.hello]\ncommand = 'true'\n");
    hupd.stop();
    let shell = Connection::open(database(&hupd.home)).unwrap();
    shell.pragma_update(None, "user_version", 99).unwrap();
    drop(shell);
    let before = fs::read(database(&hupd.home)).unwrap();

    let mut hupd = Hupd::launch(std::mem::replace(&mut hupd.home, Home::new()));

    assert_eq!(hupd.wait().code(), Some(1));
    let log = hupd.log();
    let last = log.lines().last().unwrap();
    let path = database(&hupd.home).display().to_string();
    for part in [&path, "version 99", "up to 3", "not started"] {
        assert!(last.contains(part), "{last}");
    }
    assert!(state_files(&hupd.home, "hupd.db.corrupt-").is_empty());
    assert!(fs::read(database(&hupd.home)).unwrap() == before);
}

//! A store that cannot be read: it is moved aside and a new one takes its place, at the start and while hupd runs; what
//! is not hupd's own is left alone.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use common::{
    Detached, Home, Hupd, cut_off, database, fates, has_program, is_root, mode, run, scribble,
    skip, state_files, text, wait_for_recovery, wait_until,
};
use jiff::Timestamp;
use rusqlite::Connection;
use rustix::process::Signal;
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
fn whoever_starts_hupd_is_told_what_becomes_of_a_corrupt_store() {
    let home = Home::new();
    home.configure("[jobs.hello]\ncommand = 'true'\n");
    home.write("state/hupd.db", &"this was a history once\n".repeat(1000));
    let place = home.file("state/hupd.db");
    let hupd = Detached::start_in(home);
    let sentence = format!(
        "hupd: {}: cannot be read: file is not a database; nothing can be taken from there, and a hupd that starts moves it \
         aside and begins a new history\n",
        place.display()
    );
    assert!(hupd.told.aside.starts_with(&sentence), "{:?}", hupd.told);
    assert_eq!(state_files(&hupd.home, "hupd.db.corrupt-").len(), 1);
    hupd.stop();
}

/// Damages the files of a store that nobody has open.
type Damage = fn(&Path);

/// What becomes of a store that is not whole, and what is said of it. The first part of the message is the path.
const DAMAGED: [(&str, Damage, &str); 7] = [
    (
        "empty",
        |path| fs::write(path, "").unwrap(),
        "the file is empty",
    ),
    (
        "empty beside its log",
        |path| {
            let log = [&b"\x37\x7f\x06\x82"[..], &[0; 5000]].concat();
            fs::write(path.with_extension("db-wal"), log).unwrap();
            fs::write(path, "").unwrap();
        },
        "the file is empty",
    ),
    (
        "zeros",
        |path| fs::write(path, vec![0; 8192]).unwrap(),
        "file is not a database",
    ),
    ("without its end", cut_off, "malformed"),
    ("garbage from the second page on", scribble, ""),
    (
        "garbage in a page",
        |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[3 * 4096 + 1000..][..64].fill(0x5a);
            bytes[5 * 4096..][..64].fill(0x5a);
            fs::write(path, bytes).unwrap();
        },
        "",
    ),
    (
        "a log that is none",
        |path| fs::write(path.with_extension("db-wal"), "no log").unwrap(),
        "its log, the file that ends in '-wal', is damaged",
    ),
];

#[test]
fn a_store_that_is_not_whole_is_put_aside_and_a_new_history_begins() {
    let mut hupd = Hupd::start(LOUD);
    run(&hupd.home, "loud");
    hupd.stop();
    let whole = fs::read(database(&hupd.home)).unwrap();
    for (number, (what, damage, why)) in (1..).zip(DAMAGED) {
        let home = std::mem::replace(&mut hupd.home, Home::new());
        let path = database(&home);
        fs::write(&path, &whole).unwrap();
        damage(&path);
        let damaged = fs::read(&path).unwrap();
        hupd = Hupd::start_in(home);

        let moved = hupd.home.json(&["status"])["history_moved"].clone();
        let moved = moved
            .as_str()
            .unwrap_or_else(|| panic!("{what}: {}", hupd.log()));
        let begins = format!("{}: cannot be read: ", path.display());
        assert!(
            moved.starts_with(&begins) && moved.contains(why),
            "{what}: {moved}"
        );
        let aside = moved.split("it is kept as ").nth(1).unwrap();
        let aside = aside.strip_suffix(", and a new history begins").unwrap();
        assert!(fs::read(aside).unwrap() == damaged, "{what}");
        assert!(
            hupd.log().contains(&format!(" error {moved}")),
            "{what}: {}",
            hupd.log()
        );
        assert_eq!(run(&hupd.home, "loud")["outcome"], "exited 0");
        assert_eq!(hupd.home.runs("loud").len(), 1, "{what}");
        let all = state_files(&hupd.home, "corrupt-");
        let stores = all
            .iter()
            .filter(|path| !path.to_string_lossy().ends_with("-wal"));
        assert_eq!(stores.count(), number, "{what}: {all:?}");
        hupd.stop();
    }
}

#[test]
fn a_hupd_that_was_killed_has_left_a_whole_store() {
    let hupd = Hupd::start(LOUD);
    run(&hupd.home, "loud");
    let hupd = Hupd::start_in(hupd.crash());
    assert_eq!(hupd.home.json(&["status"])["history_moved"], Value::Null);
    assert_eq!(hupd.home.runs("loud").len(), 1);
}

/// What stands in the place of the store, and what is said of it. It is left as it is.
const FOREIGN: [(&str, Damage, &str); 2] = [
    (
        "a folder",
        |path| fs::create_dir_all(path).unwrap(),
        "cannot open the store: is a directory",
    ),
    (
        "a database of another program",
        |path| {
            let other = Connection::open(path).unwrap();
            other
                .execute_batch(
                    "CREATE TABLE notes (x); PRAGMA application_id = 17; PRAGMA user_version = 3",
                )
                .unwrap();
        },
        "a database of another program, and not a store of hupd; it is left as it is: move it away, or set 'state_dir' to \
         another folder",
    ),
];

#[test]
fn what_is_not_a_store_of_hupd_is_left_alone_and_the_start_fails() {
    for (what, put, why) in FOREIGN {
        let home = Home::new();
        home.configure("[jobs.hello]\ncommand = 'true'\n");
        home.write("state/other", "");
        let path = database(&home);
        put(&path);
        let before = fs::read(&path).ok();
        let mut hupd = Hupd::launch(home);
        assert_eq!(hupd.wait().code(), Some(1), "{what}");
        let (log, path) = (hupd.log(), path.display());
        assert!(
            log.ends_with(&format!("{path}: {why}; not started\n")),
            "{what}: {log}"
        );
        assert_eq!(fs::read(database(&hupd.home)).ok(), before, "{what}");
        assert!(state_files(&hupd.home, "corrupt-").is_empty(), "{what}");
    }
}

#[test]
fn a_store_that_may_not_be_read_fails_the_start_and_is_left_alone() {
    let mut hupd = Hupd::start("[jobs.hello]\ncommand = 'true'\n");
    hupd.stop();
    let home = std::mem::replace(&mut hupd.home, Home::new());
    let path = database(&home);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = home.hupd();
    if is_root() {
        if !has_program("setpriv") {
            return skip("a store that may not be read: root may read it, and there is no setpriv");
        }
        let hupd = command;
        command = Command::new("setpriv");
        command.arg("--bounding-set=-dac_override,-dac_read_search");
        command.arg(hupd.get_program()).args(hupd.get_args());
    }
    let mut hupd = Hupd::launch_by(home, command);
    assert_eq!(hupd.wait().code(), Some(1));
    let why = "cannot open the store: permission denied; not started\n";
    let log = hupd.log();
    assert!(
        log.ends_with(&format!("{}: {why}", path.display())),
        "{log}"
    );
    assert!(state_files(&hupd.home, "corrupt-").is_empty());
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

/// What the next hupd has to know: a run that goes on, one that is to be tried again, a pause and what waits in it.
const IN_HAND: &str = r#"
[daemon]
grace = "0s"
[jobs.long]
every = "1h"
command = "read line <long"
working_dir = "."
[jobs.flaky]
command = "exit 75"
retry = { attempts = 3, delay = "1h", max_delay = "1h" }
[jobs.held]
every = "1s"
missed = "once"
overlap = "queue"
command = "read line <held"
working_dir = "."
"#;

#[test]
fn what_a_new_history_is_told_the_next_hupd_knows_after_a_crash() {
    let home = Home::new();
    home.gate("long");
    home.gate("held");
    home.configure(&format!("{IN_HAND}{LOUD}"));
    let (hupd, first) = about_to_corrupt(home);
    for job in ["long", "flaky"] {
        hupd.home.json(&["run", job]);
    }
    let pids = ["long", "held"].map(|job| hupd.home.wait_running(job, 1)[0]["pid"].clone());
    let tried_again = wait_until("a run is to be tried again", || next_attempt(&hupd.home));
    wait_until("one waits", || {
        (!waiting(&hupd.home).is_empty()).then_some(())
    });
    let pause = hupd
        .home
        .json(&["pause", "held", "--reason", "the disk is replaced"]);
    let held = waiting(&hupd.home);

    corrupt(&hupd, &first);
    let last = run(&hupd.home, "loud")["run"].clone();
    wait_until("the new history knows of all", || {
        let is_told = waiting(&hupd.home) == held && hupd.home.runs("long").len() == 1;
        is_told.then_some(())
    });
    let next = Hupd::start_in(hupd.crash());

    // The same processes are the runs, and are in the way of others.
    for (job, pid) in ["long", "held"].into_iter().zip(pids) {
        assert_eq!(next.home.wait_running(job, 1)[0]["pid"], pid, "{job}");
    }
    let refused = text(&next.home.hupctl(&["run", "long"]).stderr);
    assert!(refused.contains("is not over"), "{refused}");
    assert_eq!(next_attempt(&next.home), Some(tried_again));
    let still = next.home.json(&["show", "held"])["paused"].clone();
    assert_eq!(still["reason"], "the disk is replaced", "{still}");
    assert_eq!(still["since"], pause["paused"]["since"]);
    let newer = run(&next.home, "loud");
    assert!(
        newer["run"].as_u64() > last.as_u64(),
        "{newer} after {last}"
    );
    // What waited in the pause is made up for when that has ended.
    next.home.json(&["resume", "held"]);
    next.home.open_gate("held");
    wait_until("what waited runs", || {
        let fates = fates(&next.home, "held");
        let made_up = |why: &str| why.starts_with("made up for: the job was paused");
        fates
            .iter()
            .any(|(_, fate, why)| fate == "ran" && made_up(why))
            .then_some(())
    });
}

#[test]
fn what_has_to_be_confirmed_is_told_to_a_new_history_too() {
    let home = Home::new();
    home.configure(LOUD);
    let (hupd, first) = about_to_corrupt(home);
    hupd.home
        .configure(&format!("{LOUD}[jobs.added]\ncommand = \"true\"\n"));
    hupd.home.json(&["reload", "--confirm", "1h"]);
    corrupt(&hupd, &first);
    run(&hupd.home, "loud");
    let next = Hupd::start_in(hupd.crash());
    let status = next.status();
    assert_eq!(status["text_because"], "not_confirmed", "{status}");
    assert_eq!(status["jobs"], 1);
}

/// What the next hupd has to know of a hupd that is stopping: what was put off before the store turned out corrupt.
#[test]
fn what_a_stopping_hupd_has_put_off_is_in_the_new_history() {
    let home = Home::new();
    home.gate("long");
    home.gate("held");
    let patient = IN_HAND.replace("grace = \"0s\"", "grace = \"10m\"");
    home.configure(&format!("{patient}{LOUD}"));
    let (mut hupd, first) = about_to_corrupt(home);
    for job in ["long", "flaky"] {
        hupd.home.json(&["run", job]);
    }
    let in_hand = ["long", "held"].map(|job| hupd.home.wait_running(job, 1)[0]["run"].clone());
    let tried_again = wait_until("a run is to be tried again", || next_attempt(&hupd.home));
    wait_until("one waits", || {
        (!waiting(&hupd.home).is_empty()).then_some(())
    });
    hupd.signal(Signal::TERM);
    hupd.wait_log("the next attempt follows when it has started again");
    let put_off = waiting(&hupd.home);
    assert!(!put_off.is_empty());

    corrupt(&hupd, &first);
    for gate in ["held", "long"] {
        hupd.home.open_gate(gate);
    }
    assert_eq!(hupd.wait().code(), Some(0));
    // There may be more of it by now.
    let on_record = waiting(&hupd.home);
    assert!(
        on_record.starts_with(&put_off),
        "{on_record:?} after {put_off:?}"
    );
    let next = Hupd::start_in(std::mem::replace(&mut hupd.home, Home::new()));

    assert_eq!(next_attempt(&next.home), Some(tried_again));
    for (job, run) in ["long", "held"].into_iter().zip(in_hand) {
        let runs = next.home.runs(job);
        let ended = runs.iter().find(|it| it["run"] == run);
        let ended = ended.unwrap_or_else(|| panic!("{job}: {runs:?}"));
        // Nobody writes at a gate that is opened.
        assert_eq!(ended["outcome"], "exited 1", "{ended}");
    }
    let made_up = wait_until("what was put off is made up for", || {
        let fates = fates(&next.home, "held");
        let made_up = |why: &str| why.starts_with("made up for: hupd ended before it could start");
        let found = fates.into_iter().find(|(_, _, why)| made_up(why));
        found.map(|(instant, ..)| instant)
    });
    assert!(on_record.contains(&made_up), "{made_up} of {on_record:?}");
}

/// The instants of 'held' that wait.
fn waiting(home: &Home) -> Vec<Timestamp> {
    let fates = fates(home, "held").into_iter();
    let waiting = fates.filter(|(_, fate, _)| fate == "waiting");
    waiting.map(|(instant, ..)| instant).collect()
}

/// The run that is to be tried again: its number, its next attempt, and when that comes.
fn next_attempt(home: &Home) -> Option<(Value, Value, String)> {
    let status = home.json(&["status"]);
    let running = status["running"].as_array().unwrap();
    let is_meant = |run: &&Value| run["next_attempt_at"].is_string();
    let run = running.iter().find(is_meant)?;
    // The two clocks do not tell it alike to the microsecond.
    let at = run["next_attempt_at"].as_str()?;
    let second = at.split('.').next()?.to_owned();
    Some((run["run"].clone(), run["attempt"].clone(), second))
}

/// A hupd whose store holds a run of 'loud' that nobody has read in its life.
fn about_to_corrupt(home: Home) -> (Hupd, Value) {
    let mut hupd = Hupd::start_in(home);
    let first = run(&hupd.home, "loud");
    hupd.stop();
    let home = std::mem::replace(&mut hupd.home, Home::new());
    (Hupd::start_in(home), first)
}

/// Damages the store, has that found out, and waits until there is a new one.
fn corrupt(hupd: &Hupd, first: &Value) {
    scribble(&database(&hupd.home));
    let logs = hupd.home.hupctl(&["logs", &first["run"].to_string()]);
    assert_eq!(logs.status.code(), Some(1));
    hupd.wait_log("and a new history begins; jobs go on");
    wait_for_recovery(&hupd.home);
}

/// There is a file where the folder of the state was: the corrupt store cannot be moved aside there.
#[test]
fn without_a_history_that_is_said_and_what_ends_meanwhile_is_in_the_next_one() {
    let home = Home::new();
    home.gate("long");
    home.configure(&format!("{IN_HAND}{LOUD}"));
    let (hupd, first) = about_to_corrupt(home);
    hupd.home.json(&["run", "long"]);
    let long = hupd.home.wait_running("long", 1)[0]["run"].clone();
    hupd.home.runs("long");
    scribble(&database(&hupd.home));
    let (state, away) = (hupd.home.file("state"), hupd.home.file("away"));
    fs::rename(&state, &away).unwrap();
    fs::write(&state, "").unwrap();
    hupd.home.hupctl(&["logs", &first["run"].to_string()]);
    hupd.wait_log("a new one cannot be begun");

    for command in [
        &["runs"][..],
        &["logs", "loud"],
        &["logs", "loud", "--follow"],
        &["why", "long"],
        &["show", "long"],
        &["show", "1"],
        &["generations"],
        &["rollback", "1"],
    ] {
        let refused = hupd.home.hupctl(command);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{command:?}: {said}");
        for part in [
            "there is no history at the moment: it cannot be read (database disk image is malformed), and a new one cannot be \
             begun: ",
            "state/hupd.db: cannot move the corrupt store aside: not a directory; mend that: hupd tries again",
        ] {
            assert!(said.contains(part), "{command:?}: {said}");
        }
    }
    let loud = hupd.home.json(&["run", "loud", "--wait"]);
    assert!(hupd.home.open_gate("long"));
    wait_until("the run has ended", || {
        hupd.log()
            .contains("run ended: exited 1 job=long")
            .then_some(())
    });
    let unrecorded = hupd.home.json(&["status"])["unrecorded"].clone();
    assert!(unrecorded["waiting"].as_u64() > Some(0), "{unrecorded}");
    fs::remove_file(&state).unwrap();
    fs::rename(&away, &state).unwrap();

    hupd.wait_log("history is recorded again; nothing was lost");
    for (job, run, outcome) in [
        ("loud", &loud["run"], "exited 0"),
        ("long", &long, "exited 1"),
    ] {
        let runs = hupd.home.runs(job);
        let [ended] = &*runs else {
            panic!("{job}: {runs:?}");
        };
        assert_eq!((&ended["run"], &ended["outcome"]), (run, &outcome.into()));
    }
    let logs = hupd.home.hupctl(&["logs", "loud"]);
    assert!(logs.stdout.len() > 100_000, "{}", text(&logs.stderr));
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

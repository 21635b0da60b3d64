//! As root: what is kept in a history that others could have written never comes into force.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod common;

use std::os::unix::fs::chown;

use common::{Home, Hupd, Told, can_try_as_root, set_mode};
use rusqlite::{Connection, params};

const NOBODY: u32 = 65_534;
const GOOD: &str = "[daemon]\non_invalid_start = \"last-good\"\n[jobs.good]\ncommand = \"true\"\n";
const SECOND: &str =
    "[daemon]\non_invalid_start = \"last-good\"\n[jobs.second]\ncommand = \"true\"\n";

/// A home with a history of two texts.
fn home() -> Home {
    let hupd = Hupd::start(GOOD);
    hupd.home.configure(SECOND);
    hupd.reload();
    let mut hupd = hupd;
    hupd.stop();
    hupd.crash()
}

/// As whoever owns the folder can: what nobody has confirmed makes room for this.
fn forge(home: &Home) {
    let store = Connection::open(home.file("state/hupd.db")).expect("a store");
    let path = home.config_file();
    let text =
        "[daemon]\nstate_dir = \"state\"\nruntime_dir = \"run\"\n[jobs.evil]\ncommand = \"true\"\n";
    let row = params![1, path.to_str().expect("UTF-8").as_bytes(), text];
    let sql = "INSERT INTO confirmed_files (generation, path, text) VALUES (?1, ?2, ?3)";
    store.execute(sql, row).expect("written");
}

fn give(home: &Home, name: &str) {
    chown(home.file(name), Some(NOBODY), None).expect("given");
}

type Opening = (fn(&Home), &'static str);

const WAYS: [Opening; 4] = [
    (
        |home| give(home, "state"),
        "state' belongs to the user with uid 65534",
    ),
    (
        |home| give(home, "state/hupd.db"),
        "state/hupd.db' belongs to the user with uid 65534",
    ),
    (
        |home| set_mode(home, "state/hupd.db", 0o666),
        "state/hupd.db' is writable by everybody",
    ),
    (
        |home| set_mode(home, "state", 0o1777),
        "state' is writable by everybody",
    ),
];

#[test]
fn what_others_could_have_written_does_not_start_in_place_of_the_file() {
    if !can_try_as_root() {
        return;
    }
    for (open_up, whose) in WAYS {
        let home = home();
        forge(&home);
        open_up(&home);
        let hupd = Hupd::start_in(home);
        assert_eq!(hupd.home.job_names(), ["second"], "{whose}");
        hupd.wait_log("cannot trust the files that are kept in the history");
        hupd.wait_log(whose);
        // What it does is on record all the same.
        assert_eq!(hupd.home.run_to_end("second")["outcome"], "exited 0");
    }
}

#[test]
fn what_root_alone_could_have_written_does() {
    if !can_try_as_root() {
        return;
    }
    let home = home();
    forge(&home);
    let hupd = Hupd::start_in(home);
    assert_eq!(hupd.home.job_names(), ["evil"]);
}

#[test]
fn it_is_not_the_last_good_one_either() {
    if !can_try_as_root() {
        return;
    }
    let home = home();
    home.write(
        "hupd.toml",
        &format!("{}grase = 1\n", home.read("hupd.toml")),
    );
    give(&home, "state");
    let mut hupd = Hupd::launch(home);
    assert_eq!(hupd.wait().code(), Some(78), "{}", hupd.log());
    let said = hupd.log();
    assert!(said.contains("cannot trust the files"), "{said}");
    assert!(!said.contains("nothing is kept"), "{said}");
    let home = hupd.crash();
    chown(home.file("state"), Some(0), None).expect("given back");
    let hupd = Hupd::start_in(home);
    assert_eq!(hupd.home.job_names(), ["second"]);
}

#[test]
fn a_rollback_takes_nothing_from_there_and_the_refusal_is_on_record() {
    if !can_try_as_root() {
        return;
    }
    let hupd = Hupd::start_in(home());
    give(&hupd.home, "state");
    let told = Told::by_hupctl(&hupd.home, &["rollback", "1"]);
    assert_eq!(told.status, Some(1), "{told:?}");
    let whose = "state' belongs to the user with uid 65534: chown root ";
    assert!(told.aside.contains(whose), "{told:?}");
    assert_eq!(hupd.home.job_names(), ["second"]);
    let status = hupd.status();
    assert_eq!(status["last_reload"]["accepted"], false);
    // It may still be looked at.
    assert_eq!(
        Told::by_hupctl(&hupd.home, &["show", "--generation", "1"]).status,
        Some(0)
    );
    chown(hupd.home.file("state"), Some(0), None).expect("given back");
    assert_eq!(
        Told::by_hupctl(&hupd.home, &["rollback", "1"]).status,
        Some(0)
    );
    assert_eq!(hupd.home.job_names(), ["good"]);
}

#[test]
fn a_reload_to_be_confirmed_is_refused_where_the_next_start_would_not_take_it_back() {
    if !can_try_as_root() {
        return;
    }
    let hupd = Hupd::start_in(home());
    give(&hupd.home, "state");
    hupd.home.configure(GOOD);
    let told = Told::by_hupctl(&hupd.home, &["reload", "--confirm", "1h"]);
    assert_eq!(told.status, Some(1), "{told:?}");
    let why = "reload refused: a start takes nothing from the history, so that a crash would keep what nobody has confirmed: \
               cannot trust the files that are kept in the history, for as root hupd takes those that root alone can write: '";
    assert!(told.aside.contains(why), "{told:?}");
    let whose = "state' belongs to the user with uid 65534: chown root ";
    assert!(told.aside.contains(whose), "{told:?}");
    assert!(
        told.aside
            .contains("  help: mend that, or reload without --confirm\n"),
        "{told:?}"
    );
    assert_eq!(hupd.home.job_names(), ["second"]);
    chown(hupd.home.file("state"), Some(0), None).expect("given back");
    Told::by_hupctl(&hupd.home, &["reload", "--confirm", "1h"]);
    assert_eq!(hupd.home.job_names(), ["good"]);
    let hupd = Hupd::start_in(hupd.crash());
    assert_eq!(hupd.home.job_names(), ["second"]);
}

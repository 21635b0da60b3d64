//! A reload that has to be confirmed: unless somebody does, what was in force before comes back.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs;

use common::{Detached, Home, Hupd, Told, database, wait_until};
use jiff::Timestamp;
use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::Value;

fn job(name: &str) -> String {
    format!("[jobs.{name}]\ncommand = \"true\"\n")
}

/// A hupd whose second generation has to be confirmed within that time.
fn on_trial(time: &str) -> Hupd {
    let hupd = Hupd::start(&job("first"));
    hupd.home.configure(&job("second"));
    let told = Told::by_hupctl(&hupd.home, &["reload", "--confirm", time]);
    assert_eq!(told.status, Some(0), "{told:?}");
    assert!(
        told.out
            .starts_with("reloaded: generation 2: 1 added (second), 1 removed (first) ("),
        "{told:?}"
    );
    let aside = "hupctl: what was in force before comes back unless 'hupctl confirm' comes by 20";
    assert!(told.aside.starts_with(aside), "{told:?}");
    hupd
}

fn confirm_by(hupd: &Hupd) -> Timestamp {
    let by = &hupd.status()["unconfirmed"]["confirm_by"];
    by.as_str().expect("a time").parse().expect("a time")
}

/// How `hupctl generations` calls each of them, newest first.
fn words(home: &Home) -> Vec<String> {
    let table = Told::of_success(home, &["generations"]);
    let known = [
        "UNCONFIRMED",
        "not confirmed",
        "in force",
        "accepted",
        "REFUSED",
    ];
    let word = |line: &str| known.into_iter().find(|word| line.contains(word));
    let words = table
        .lines()
        .skip(1)
        .map(|line| word(line).expect("a word").to_owned());
    words.collect()
}

/// Whoever comes after it starts by the second file, as it stands on the disk.
fn assert_by_the_file(hupd: Hupd) {
    let hupd = Hupd::start_in(hupd.crash());
    assert_eq!(hupd.home.job_names(), ["second"]);
    assert_eq!(hupd.status()["text_of"], Value::Null);
}

fn assert_back(hupd: &Hupd) {
    assert_eq!(hupd.home.job_names(), ["first"]);
    let status = hupd.status();
    assert_eq!(status["text_of"], 1);
    assert_eq!(status["text_because"], "not_confirmed");
    assert_eq!(status["unconfirmed"], Value::Null);
    let shown = Told::of_success(&hupd.home, &["status"]);
    let line = "NOT THE FILE   the text of generation 1 is in force, not the file on disk, for nobody confirmed what came after it: ";
    assert!(shown.contains(line), "{shown}");
}

#[test]
fn what_nobody_confirms_is_taken_back_and_the_next_hup_reads_the_file_again() {
    let hupd = on_trial("1s");
    let file = hupd.home.read("hupd.toml");
    let message = hupd.wait_notified_status("by the text of generation 1 and not the file on disk");
    let status = "STATUS=generation 3, 1 job, by the text of generation 1 and not the file on disk; last reload: 1 added (first), 1 removed (second)";
    assert!(message.lines().any(|line| line == status), "{message}");
    hupd.wait_log("reload accepted, nobody confirmed generation 2 in time: ");
    assert_back(&hupd);
    assert_eq!(hupd.home.read("hupd.toml"), file);
    assert_eq!(words(&hupd.home), ["in force", "not confirmed", "accepted"]);
    let late = Told::by_hupctl(&hupd.home, &["confirm"]);
    assert_eq!(late.status, Some(1), "{late:?}");
    let text = "too late: the text of generation 1 is back in force";
    assert!(late.aside.contains(text), "{late:?}");

    hupd.reload();
    assert_eq!(hupd.home.job_names(), ["second"]);
    assert_eq!(hupd.status()["text_of"], Value::Null);
    assert_eq!(words(&hupd.home)[0], "in force");
    let hupd = Hupd::start_in(hupd.crash());
    assert_eq!(hupd.home.job_names(), ["second"]);
}

#[test]
fn what_is_confirmed_stays_even_if_hupd_is_killed_at_once() {
    let hupd = on_trial("1h");
    let message = hupd.wait_notified_status("not confirmed yet");
    let status = "STATUS=generation 2, 1 job, not confirmed yet: the text of generation 1 comes back unless 'hupctl confirm' comes by 20";
    assert!(
        message.lines().any(|line| line.starts_with(status)),
        "{message}"
    );
    assert_eq!(hupd.status()["unconfirmed"]["back_to"], 1);
    let shown = Told::of_success(&hupd.home, &["status"]);
    let line =
        "UNCONFIRMED    the text of generation 1 comes back unless 'hupctl confirm' comes by 20";
    assert!(shown.contains(line), "{shown}");
    assert_eq!(words(&hupd.home), ["UNCONFIRMED", "accepted"]);

    let line = "confirmed: generation 2 stays in force, and generation 1 does not come back\n";
    let confirmed = Told::of_success(&hupd.home, &["confirm"]);
    let home = hupd.crash();
    assert_eq!(confirmed, line);
    let hupd = Hupd::start_in(home);
    assert_eq!(hupd.home.job_names(), ["second"]);
    assert_eq!(hupd.status()["unconfirmed"], Value::Null);
    assert_eq!(words(&hupd.home), ["in force", "accepted", "accepted"]);
    let rows = hupd.home.json(&["generations"]);
    let by = rows["generations"][1]["confirmed_by"].as_str();
    assert!(
        by.expect("a text").starts_with("hupctl from pid "),
        "{rows}"
    );
    let again = Told::by_hupctl(&hupd.home, &["confirm"]);
    assert_eq!(again.status, Some(1));
    let text = "hupctl: nothing waits to be confirmed: generation 3 is in force for good\n";
    assert_eq!(again.aside, text);
}

#[test]
fn a_hup_meanwhile_neither_confirms_nor_moves_anything() {
    let hupd = on_trial("1h");
    let before = confirm_by(&hupd);
    hupd.home.configure(&job("third"));
    hupd.signal(Signal::HUP);
    hupd.wait_notified_status("1 added (third)");
    assert_eq!(hupd.home.job_names(), ["third"]);
    assert_eq!(
        words(&hupd.home),
        ["UNCONFIRMED", "not confirmed", "accepted"]
    );
    assert_eq!(hupd.status()["unconfirmed"]["back_to"], 1);
    let moved = confirm_by(&hupd).duration_since(before).unsigned_abs();
    assert!(moved.as_secs() < 60, "{moved:?}");
    let hupd = Hupd::start_in(hupd.crash());
    assert_back(&hupd);
}

#[test]
fn another_reload_to_be_confirmed_has_its_own_time_and_the_same_way_back() {
    let hupd = on_trial("1h");
    let before = confirm_by(&hupd);
    hupd.home.configure(&job("third"));
    let json = hupd.home.json(&["reload", "--confirm", "3h"]);
    assert!(json["confirm_by"].is_string(), "{json}");
    assert!(confirm_by(&hupd).duration_since(before).as_hours() >= 1);
    assert_eq!(hupd.status()["unconfirmed"]["back_to"], 1);
    // Where the file says again what is confirmed, nothing is to be confirmed any more.
    hupd.home.configure(&job("first"));
    let told = Told::by_hupctl(&hupd.home, &["reload", "--confirm", "1h"]);
    let aside = "hupctl: nothing has to be confirmed: the files say what they said before\n";
    assert_eq!(told.aside, aside);
    assert_eq!(hupd.status()["unconfirmed"], Value::Null);
}

#[test]
fn a_refused_reload_has_nothing_to_be_confirmed() {
    let hupd = Hupd::start(&job("first"));
    hupd.home.configure("[daemon]\ngrace = 5\n");
    let refused = Told::by_hupctl(&hupd.home, &["reload", "--confirm", "1s"]);
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert_eq!(hupd.status()["unconfirmed"], Value::Null);
    let told = Told::by_hupctl(&hupd.home, &["confirm"]);
    assert_eq!(told.status, Some(1), "{told:?}");
}

#[test]
fn whoever_rolls_back_has_decided() {
    let hupd = on_trial("1h");
    hupd.home.configure(&job("third"));
    hupd.reload();
    let rolled = Told::by_hupctl(&hupd.home, &["rollback"]);
    assert_eq!(rolled.status, Some(0), "{rolled:?}");
    hupd.wait_log("nothing waits to be confirmed any more: somebody has rolled back");
    assert_eq!(hupd.home.job_names(), ["second"]);
    let status = hupd.status();
    assert_eq!(status["unconfirmed"], Value::Null);
    assert_eq!(status["text_because"], "rolled_back");
}

#[test]
fn a_hupd_that_was_killed_before_starts_by_what_was_confirmed_as_often_as_it_starts() {
    let home = on_trial("1h").crash();
    let hupd = Hupd::launch(home);
    let message = hupd.wait_notified("READY=1");
    let status = "STATUS=generation 3, 1 job, by the text of generation 1 and not the file on disk";
    assert!(message.lines().any(|line| line == status), "{message}");
    let text = "nobody has confirmed what came after generation 1: starting by the text of that, and not the file on disk; if you want the file, type 'hupctl reload', or send HUP";
    // For whoever starts it, and in the log, which another thread writes.
    wait_until("it is told twice", || {
        (hupd.log().matches(text).count() == 2).then_some(())
    });
    assert!(
        hupd.log()
            .lines()
            .any(|line| line.contains(" error ") && line.contains(text))
    );
    assert_back(&hupd);
    let hupd = Hupd::start_in(hupd.crash());
    assert_back(&hupd);
    // Whoever wants the file has only to say so; this is answered when it is on record.
    hupd.reload();
    assert_eq!(words(&hupd.home)[0], "in force");
    let hupd = Hupd::start_in(hupd.crash());
    assert_eq!(hupd.home.job_names(), ["second"]);
}

#[test]
fn one_that_was_stopped_does_so_too_and_even_if_the_file_is_broken() {
    let mut hupd = on_trial("1h");
    hupd.stop();
    hupd.wait_log(
        "generation 2 was not confirmed: the next hupd starts by the text of generation 1",
    );
    let home = hupd.crash();
    home.configure("[jobs.second]\nshedule = \"1\"\n");
    let hupd = Detached::start_in(home);
    let said = &hupd.told.aside;
    assert!(
        said.contains("nobody has confirmed what came after generation 1"),
        "{said}"
    );
    assert_eq!(hupd.home.job_names(), ["first"]);
    let status = hupd.home.json(&["status"]);
    assert_eq!(status["last_reload"]["accepted"], false);
    assert_eq!(
        words(&hupd.home),
        ["in force", "REFUSED", "not confirmed", "accepted"]
    );
    hupd.stop();
}

#[test]
fn what_cannot_come_back_is_tried_again_and_can_be_confirmed_until_then() {
    let home = Home::new();
    fs::create_dir(home.file("logs")).expect("a folder");
    home.configure(&format!(
        "[log]\nfile = \"logs/hupd.log\"\n{}",
        job("first")
    ));
    let hupd = Hupd::start_in(home);
    hupd.home.configure(&job("second"));
    Told::by_hupctl(&hupd.home, &["reload", "--confirm", "1s"]);
    fs::remove_dir_all(hupd.home.file("logs")).expect("removed");
    hupd.wait_notified_status("last reload refused: ");
    assert_eq!(hupd.home.job_names(), ["second"]);
    let shown = Told::of_success(&hupd.home, &["status"]);
    let line = "UNCONFIRMED    the text of generation 1 was to come back and could not: ";
    assert!(shown.contains(line), "{shown}");
    Told::of_success(&hupd.home, &["confirm"]);
    assert_eq!(hupd.status()["unconfirmed"], Value::Null);
}

/// As long as this is there, nothing can be written.
fn lock_store(hupd: &Hupd) -> Connection {
    let shell = Connection::open(database(&hupd.home)).expect("a store");
    shell.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    shell
}

fn wait_recorded(hupd: &Hupd) {
    wait_until("the history is written", || {
        hupd.status()["store_failure"].is_null().then_some(())
    });
}

#[test]
fn where_the_history_cannot_be_written_nothing_is_tried_out() {
    let hupd = Hupd::start(&job("first"));
    let lock = lock_store(&hupd);
    hupd.home.configure(&job("second"));
    let arguments = ["reload", "--confirm", "1h"];
    // Whether hupd finds that out only now or knows it.
    for _ in 0..2 {
        let refused = Told::by_hupctl(&hupd.home, &arguments);
        assert_eq!(
            (refused.status, &*refused.out),
            (Some(1), ""),
            "{refused:?}"
        );
        let text = "reload refused: the history cannot be written, so that a crash would keep what nobody has confirmed: ";
        assert!(refused.aside.contains(text), "{refused:?}");
        assert!(
            refused.aside.contains("or reload without --confirm"),
            "{refused:?}"
        );
        assert!(!hupd.status()["store_failure"].is_null());
    }
    assert_eq!(hupd.home.job_names(), ["first"]);
    assert_eq!(
        (hupd.generation(), &hupd.status()["unconfirmed"]),
        (1, &Value::Null)
    );
    drop(lock);
    wait_recorded(&hupd);
    // And nothing is left of it.
    assert_by_the_file(hupd);
}

#[test]
fn a_confirmation_that_is_not_on_record_says_so_and_what_follows() {
    let hupd = on_trial("1h");
    let lock = lock_store(&hupd);
    let told = Told::by_hupctl(&hupd.home, &["confirm"]);
    assert_eq!(told.status, Some(74), "{told:?}");
    let line = "confirmed: generation 2 stays in force, and generation 1 does not come back\n";
    assert_eq!(told.out, line);
    let text = "that is not on record, for the history cannot be written: database is locked; if hupd ends before it is, \
                the next one starts by the text of generation 1: ";
    assert!(told.aside.contains(text), "{told:?}");
    assert_eq!(hupd.status()["unconfirmed"], Value::Null);
    let home = hupd.crash();
    drop(lock);
    let hupd = Hupd::start_in(home);
    assert_back(&hupd);
}

#[test]
fn it_is_written_as_soon_as_that_can_be_done() {
    let hupd = on_trial("1h");
    let lock = lock_store(&hupd);
    let json = Told::by_hupctl(&hupd.home, &["--json", "confirm"]);
    assert_eq!(json.status, Some(74), "{json:?}");
    let confirmed: Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(confirmed["not_recorded"], "database is locked");
    drop(lock);
    wait_recorded(&hupd);
    assert_by_the_file(hupd);
}

/// However short the time since somebody has looked whether it is there.
#[test]
fn what_is_promised_is_on_record_though_the_history_was_just_removed() {
    let hupd = Hupd::start(&job("first"));
    hupd.reload();
    fs::remove_file(database(&hupd.home)).expect("removed");
    hupd.home.configure(&job("second"));
    let told = Told::by_hupctl(&hupd.home, &["reload", "--confirm", "1h"]);
    assert_eq!(told.status, Some(0), "{told:?}");
    let hupd = Hupd::start_in(hupd.crash());
    assert_back(&hupd);
}

#[test]
fn a_hupd_that_is_told_to_stop_has_promised_nothing() {
    let mut hupd = Hupd::start(&job("first"));
    let lock = lock_store(&hupd);
    hupd.home.configure(&job("second"));
    let mut asking = hupd.home.hupctl_command();
    asking.args(["reload", "--confirm", "1h"]);
    let mut asking = asking.spawn().expect("hupctl runs");
    hupd.wait_log("reloading: hupctl from pid ");
    assert_eq!(hupd.status()["awaiting"], "record");
    hupd.signal(Signal::TERM);
    hupd.wait_log("told to stop");
    drop(lock);
    hupd.wait();
    asking.wait().expect("it ends");
    let hupd = Hupd::start_in(hupd.crash());
    assert_eq!(hupd.home.job_names(), ["second"]);
}

#[test]
fn a_time_that_is_none_is_refused() {
    let home = Home::new();
    for time in ["0s", "1500ms", "31d", "soon"] {
        let told = Told::by_hupctl(&home, &["reload", "--confirm", time]);
        assert_eq!(told.status, Some(2), "{told:?}");
    }
}

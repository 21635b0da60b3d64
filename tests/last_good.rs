//! A start with a file that is not valid: refused, or by what was accepted last.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs;
use std::process::Command;

use common::{Detached, Home, Hupd, Told, wait_until};
use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::Value;

const LAST_GOOD: &str =
    "[daemon]\non_invalid_start = \"last-good\"\n[jobs.good]\ncommand = \"true\"\n";
const BROKEN: &str = "[daemon]\ngrace = 5\n[jobs.good]\nshedule = \"1\"\n";

/// A home whose hupd has accepted this, and where the file is broken since.
fn broken_after(accepted: &str) -> Home {
    let mut hupd = Hupd::start(accepted);
    hupd.stop();
    let home = hupd.crash();
    home.configure(BROKEN);
    home
}

/// What hupd says where it must not serve.
fn refused(home: Home) -> String {
    let _ = fs::remove_file(home.file("log"));
    let mut hupd = Hupd::launch(home);
    assert_eq!(hupd.wait().code(), Some(78), "{}", hupd.log());
    let said = hupd.log();
    assert!(said.ends_with("; not started\n"), "{said}");
    said
}

/// `hupctl status` fails while hupd is degraded.
fn status(home: &Home) -> (Option<i32>, Value) {
    let told = Told::by_hupctl(home, &["--json", "status"]);
    (told.status, serde_json::from_str(&told.out).expect("JSON"))
}

fn assert_well(home: &Home) {
    let (code, status) = status(home);
    assert_eq!(code, Some(0), "{status}");
    assert_eq!(status["text_of"], Value::Null);
    assert_eq!(status["text_because"], Value::Null);
    assert_eq!(status["degraded"], Value::Null);
}

fn assert_degraded(home: &Home) {
    let (code, status) = status(home);
    assert_eq!(code, Some(1), "{status}");
    assert_eq!(status["text_of"], 1);
    assert_eq!(status["text_because"], "invalid_at_start");
    assert_still_wrong(&status);
}

/// Whatever is in force: the file on disk is that of `broken_after`.
fn assert_still_wrong(status: &Value) {
    let problems = status["degraded"]["problems"].as_str().expect("a text");
    assert!(problems.starts_with("error: "), "{status}");
    assert_ne!(status["degraded"]["since"], Value::Null);
}

#[test]
fn without_the_key_a_broken_file_is_refused_whatever_was_accepted_before() {
    refused(broken_after("[jobs.good]\ncommand = \"true\"\n"));
}

#[test]
fn what_the_broken_file_says_itself_counts_as_far_as_it_can_be_read() {
    let home = broken_after(LAST_GOOD);
    home.configure("[daemon]\non_invalid_start = \"refuse\"\ngrace = 5\n");
    refused(home);
    let home = broken_after("[jobs.good]\ncommand = \"true\"\n");
    home.configure(
        "[daemon]\non_invalid_start = \"last-good\"\n[jobs.good]\ncommand = \"true\nand so on\n",
    );
    let hupd = Hupd::start_in(home);
    assert_degraded(&hupd.home);
}

#[test]
fn without_anything_that_was_accepted_there_is_nothing_to_start_by() {
    let home = Home::new();
    home.configure("[daemon]\non_invalid_start = \"last-good\"\ngrace = 5\n");
    let said = refused(home);
    let text = "on_invalid_start = \"last-good\": nothing is kept that was accepted before";
    assert!(said.contains(text), "{said}");
}

#[test]
fn what_was_accepted_last_is_started_and_everybody_who_looks_is_told() {
    let hupd = Hupd::launch(broken_after(LAST_GOOD));
    let message = hupd.wait_notified("READY=1");
    let typed = format!(
        "; mend the file, try it with 'hupctl check {}', then type 'hupctl reload', or send HUP",
        hupd.home.config_file().display()
    );
    let line = "STATUS=DEGRADED: generation 2, 1 job, by the text of generation 1 and not the file on disk; last reload refused: configuration has 3 problems";
    assert!(message.lines().any(|found| found == line), "{message}");
    let text = "degraded: the file is not valid: starting by the text of generation 1, which was accepted last";
    let text = format!("{text}{typed}");
    for words in [&*text, "unknown key 'shedule'"] {
        let is_error = |line: &str| line.contains(" error ") && line.contains(words);
        // The log is written beside what hupd does, and the terminal is told before.
        wait_until("it is in the log, and on the terminal as well", || {
            let log = hupd.log();
            (log.lines().any(is_error) && log.matches(words).count() > 1).then_some(())
        });
    }

    assert_degraded(&hupd.home);
    let (_, json) = status(&hupd.home);
    assert_eq!(json["last_reload"]["accepted"], false);
    assert_eq!(json["last_reload"]["problem_count"], 3);
    let shown = Told::by_hupctl(&hupd.home, &["status"]);
    assert_eq!(shown.status, Some(1), "{shown:?}");
    for line in [
        "DEGRADED       the file was not valid when hupd started",
        "NOT THE FILE   the text of generation 1 is in force, not the file on disk, for that was not valid when hupd started: ",
        "last reload    REFUSED ",
    ] {
        assert!(shown.out.contains(line), "{}", shown.out);
    }
    let rows = hupd.home.json(&["generations"]);
    let rows = rows["generations"].as_array().expect("rows");
    let of = |key: &str| -> Vec<Value> { rows.iter().map(|row| row[key].clone()).collect() };
    assert_eq!(of("accepted"), [true, false, true]);
    assert_eq!(of("text_of"), [1.into(), Value::Null, Value::Null]);
    let run = hupd.home.run_to_end("good");
    assert_eq!(run["outcome"], "exited 0");
    // Whoever asks about the file is told the truth.
    let check = hupd.home.hupd().arg("--check").status().expect("hupd runs");
    assert_eq!(check.code(), Some(78));
}

#[test]
fn a_hup_with_a_mended_file_ends_it_and_one_with_a_broken_file_does_not() {
    let hupd = Hupd::start_in(broken_after(LAST_GOOD));
    hupd.signal(Signal::HUP);
    hupd.wait_notified_status("DEGRADED: generation 2");
    assert_degraded(&hupd.home);
    hupd.home.configure("[jobs.mended]\ncommand = \"true\"\n");
    hupd.signal(Signal::HUP);
    let message = hupd.wait_notified_status("1 added (mended), 1 removed (good)");
    assert!(
        message.contains("STATUS=generation 3, 1 job; last reload: "),
        "{message}"
    );
    hupd.wait_log("the file is valid again, and in force: hupd is not degraded any more");
    assert_well(&hupd.home);
}

#[test]
fn a_rollback_does_not_end_it_for_the_file_is_as_wrong_as_before() {
    let hupd = Hupd::start(LAST_GOOD);
    hupd.home
        .configure(&LAST_GOOD.replace("jobs.good", "jobs.second"));
    hupd.reload();
    let mut hupd = hupd;
    hupd.stop();
    let home = hupd.crash();
    home.configure(BROKEN);
    let hupd = Hupd::start_in(home);
    for generation in ["1", "2"] {
        let told = Told::by_hupctl(&hupd.home, &["rollback", generation]);
        assert_eq!(told.status, Some(0), "{told:?}");
        let (code, status) = status(&hupd.home);
        assert_eq!(
            (code, &status["last_reload"]["accepted"]),
            (Some(1), &true.into())
        );
        assert_still_wrong(&status);
    }
    hupd.wait_notified_status("DEGRADED: generation 5, 1 job, by the text of generation 2");
    let shown = Told::by_hupctl(&hupd.home, &["status"]);
    assert_eq!(shown.status, Some(1), "{shown:?}");
    for line in [
        "DEGRADED       the file was not valid when hupd started, ",
        "\n    error: unknown key 'shedule' in [jobs.good]\n",
        "NOT THE FILE   the text of generation 2 is in force, not the file on disk: ",
    ] {
        assert!(shown.out.contains(line), "{}", shown.out);
    }
    hupd.home.configure(LAST_GOOD);
    hupd.signal(Signal::HUP);
    hupd.wait_log("the file is valid again, and in force: hupd is not degraded any more");
    assert_well(&hupd.home);
}

#[test]
fn a_start_by_what_was_confirmed_is_degraded_too_where_the_file_is_not_valid() {
    let hupd = Hupd::start(LAST_GOOD);
    hupd.home
        .configure(&LAST_GOOD.replace("jobs.good", "jobs.second"));
    let told = Told::by_hupctl(&hupd.home, &["reload", "--confirm", "1h"]);
    assert_eq!(told.status, Some(0), "{told:?}");
    let home = hupd.crash();
    home.configure(BROKEN);
    let hupd = Hupd::start_in(home);
    let (code, status) = status(&hupd.home);
    assert_eq!(
        (code, &status["text_because"]),
        (Some(1), &"not_confirmed".into())
    );
    assert_still_wrong(&status);
    hupd.home.configure(LAST_GOOD);
    hupd.reload();
    assert_well(&hupd.home);
}

#[test]
fn a_mended_file_that_says_the_same_as_before_ends_it_too() {
    let hupd = Hupd::start_in(broken_after(LAST_GOOD));
    hupd.home.configure(LAST_GOOD);
    hupd.signal(Signal::HUP);
    hupd.wait_notified_status("STATUS=generation 2, 1 job; last reload: no change");
    assert_well(&hupd.home);
}

#[test]
fn it_starts_so_as_often_as_it_starts_and_by_the_same_text() {
    let hupd = Hupd::start_in(broken_after(LAST_GOOD));
    // Answered behind all that was to be recorded before.
    hupd.home.json(&["generations"]);
    let hupd = Hupd::start_in(hupd.crash());
    assert_degraded(&hupd.home);
    assert_eq!(hupd.home.run_to_end("good")["generation"], 3);
}

#[test]
fn a_file_that_is_gone_is_not_valid_and_one_that_comes_back_is_seen_where_it_is_watched() {
    let watching = LAST_GOOD.replacen("[daemon]\n", "[daemon]\nwatch_config = true\n", 1);
    let home = broken_after(&watching);
    fs::remove_file(home.config_file()).expect("removed");
    // Where the store is nobody says then but the surroundings.
    let mut command = home.hupd();
    command
        .env("STATE_DIRECTORY", home.file("state"))
        .env("RUNTIME_DIRECTORY", home.file("run"));
    let hupd = Hupd::start_by(command, home);
    hupd.home
        .configure(&watching.replace("jobs.good", "jobs.mended"));
    hupd.wait_notified_status("1 added (mended), 1 removed (good)");
    assert_well(&hupd.home);
}

#[test]
fn the_files_that_are_included_come_from_the_store_too() {
    let home = Home::new();
    home.write("conf.d/a.toml", "[jobs.a]\ncommand = \"true\"\n");
    home.configure(&format!("include = [\"conf.d/*.toml\"]\n{LAST_GOOD}"));
    let mut hupd = Hupd::start_in(home);
    hupd.stop();
    let home = hupd.crash();
    home.write("conf.d/a.toml", "[jobs.a]\ncomand = \"true\"\n");
    let hupd = Hupd::start_in(home);
    assert_degraded(&hupd.home);
    let (_, json) = status(&hupd.home);
    assert_eq!(json["jobs"], 2);
    fs::remove_dir_all(hupd.home.file("conf.d")).expect("removed");
    hupd.reload();
    assert_well(&hupd.home);
    assert_eq!(hupd.status()["jobs"], 1);
}

#[test]
fn what_was_accepted_last_and_is_not_valid_any_more_is_told_and_refused() {
    let home = broken_after(LAST_GOOD);
    let store = Connection::open(home.file("state/hupd.db")).expect("a store");
    let sql = "UPDATE generation_files SET text = replace(text, 'command', 'user = \"nobody-here\"\ncommand')";
    store.execute(sql, []).expect("changed");
    drop(store);
    let said = refused(home);
    assert!(said.contains("nobody-here"), "{said}");
    let text = "the text of generation 1, which was accepted last, is not valid any more either: ";
    assert!(said.contains(text), "{said}");
}

/// What is wrong is only that the log cannot be opened.
fn with_log(config: &str, file: &str) -> String {
    format!("{config}[log]\nfile = \"{file}\"\n")
}

#[test]
fn a_log_that_cannot_be_opened_is_a_file_that_is_not_valid() {
    let home = Home::new();
    home.configure(&with_log(
        "[jobs.a]\ncommand = \"true\"\n",
        "nowhere/hupd.log",
    ));
    let said = refused(home);
    let folder = "cannot be opened as the log: the folder '";
    assert!(
        said.contains(folder) && said.contains("hupd.toml:7:8"),
        "{said}"
    );

    let home = broken_after(LAST_GOOD);
    home.configure(&with_log(LAST_GOOD, "nowhere/hupd.log"));
    let hupd = Hupd::start_in(home);
    assert_degraded(&hupd.home);
    hupd.home.configure(&with_log(LAST_GOOD, "hupd.log"));
    hupd.reload();
    assert_well(&hupd.home);
}

#[test]
fn in_the_background_the_launcher_says_it_and_succeeds() {
    let hupd = Detached::start_in(broken_after(LAST_GOOD));
    let said = &hupd.told.aside;
    assert!(said.contains("unknown key 'shedule'"), "{said}");
    assert!(
        said.contains("starting by the text of generation 1, which was accepted last"),
        "{said}"
    );
    hupd.stop();
}

#[test]
fn what_another_file_has_left_in_the_store_is_not_started() {
    let home = broken_after(LAST_GOOD);
    let other = home.file("other.toml");
    fs::rename(home.config_file(), &other).expect("renamed");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hupd"));
    command.arg("-c").arg(&other);
    let mut hupd = Hupd::launch_by(home, command);
    assert_eq!(hupd.wait().code(), Some(78), "{}", hupd.log());
}

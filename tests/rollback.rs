//! Rollback: what was in force before comes back, and the file on disk is left alone.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs;

use common::{Home, Hupd, Told, database, wait_until};
use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::Value;

fn job(name: &str) -> String {
    format!("[jobs.{name}]\ncommand = \"true\"\n")
}

/// A hupd that has had these jobs, one after the other.
fn with_generations(names: &[&str]) -> Hupd {
    let hupd = Hupd::start(&job(names[0]));
    for name in &names[1..] {
        hupd.home.configure(&job(name));
        hupd.reload();
    }
    hupd
}

/// The status line of the last verdict that the service manager was told.
fn told(hupd: &Hupd) -> String {
    let message = hupd.wait_notified("READY=1");
    let line = message
        .lines()
        .find_map(|line| line.strip_prefix("STATUS="));
    line.expect("a status").to_owned()
}

#[test]
fn a_rollback_brings_back_what_was_before_and_says_that_the_file_is_not_in_force() {
    let hupd = with_generations(&["first", "second", "third"]);
    let file = hupd.home.read("hupd.toml");
    let rolled = Told::by_hupctl(&hupd.home, &["rollback"]);
    assert_eq!(rolled.status, Some(0), "{rolled:?}");
    let line = "rolled back to the text of generation 2: generation 4: 1 added (second), 1 removed (third) (";
    assert!(rolled.out.starts_with(line), "{}", rolled.out);
    assert!(
        rolled
            .aside
            .contains("the file on disk is not in force now"),
        "{rolled:?}"
    );
    let status =
        "generation 4, 1 job, by the text of generation 2 and not the file on disk; last reload: ";
    let said = told(&hupd);
    assert!(said.starts_with(status), "{said}");
    hupd.wait_log("the text of generation 2 is in force, not the file on disk");
    assert_eq!(hupd.home.job_names(), ["second"]);
    assert_eq!(hupd.home.read("hupd.toml"), file);

    let status = hupd.status();
    assert_eq!(
        (&status["generation"], &status["text_of"]),
        (&4.into(), &2.into())
    );
    let shown = Told::of_success(&hupd.home, &["status"]);
    assert!(
        shown.contains("NOT THE FILE   the text of generation 2 is in force"),
        "{shown}"
    );
    let rows = hupd.home.json(&["generations"]);
    let row = &rows["generations"][0];
    assert_eq!(
        (&row["text_of"], &row["in_force"]),
        (&2.into(), &true.into())
    );
    let by = row["asked_by"].as_str().expect("a text");
    assert!(by.starts_with("rollback by hupctl from pid "), "{by}");

    // A HUP reads the file again, and then it is in force.
    hupd.signal(Signal::HUP);
    let said = told(&hupd);
    assert!(
        said.starts_with("generation 5, 1 job; last reload: "),
        "{said}"
    );
    assert_eq!(hupd.home.job_names(), ["third"]);
    assert_eq!(hupd.status()["text_of"], Value::Null);
}

#[test]
fn any_generation_comes_back_by_its_number_with_the_files_that_are_gone_from_the_disk() {
    let hupd =
        Hupd::start("include = [\"./conf.d/*.toml\"]\n[daemon]\n[jobs.main]\ncommand = \"true\"\n");
    hupd.home.write("conf.d/a.toml", &job("a"));
    hupd.home.write("conf.d/b.toml", &job("b"));
    hupd.reload();
    fs::remove_dir_all(hupd.home.file("conf.d")).expect("removed");
    hupd.home.configure(&job("other"));
    hupd.reload();
    let rolled = Told::by_hupctl(&hupd.home, &["rollback", "2"]);
    assert_eq!(rolled.status, Some(0), "{rolled:?}");
    assert_eq!(hupd.home.job_names(), ["a", "b", "main"]);
    assert_eq!(hupd.generation(), 4);
    // Twice is there and back again: nothing is in force in place of the file.
    let back = Told::by_hupctl(&hupd.home, &["rollback"]);
    let line = "rolled back to what the file said when it was read last: generation 5: ";
    assert!(back.out.starts_with(line), "{back:?}");
    assert_eq!(back.aside, "");
    assert_eq!(hupd.home.job_names(), ["other"]);
    let status = hupd.status();
    assert_eq!(
        (&status["generation"], &status["text_of"]),
        (&5.into(), &Value::Null)
    );
}

#[test]
fn a_rollback_that_cannot_be_is_refused_and_nothing_changes() {
    let home = Home::new();
    fs::create_dir(home.file("logs")).expect("a folder");
    home.configure(&format!(
        "[log]\nfile = \"logs/hupd.log\"\n{}",
        job("first")
    ));
    let hupd = Hupd::start_in(home);
    hupd.home.configure(&job("second"));
    hupd.reload();
    fs::remove_dir_all(hupd.home.file("logs")).expect("removed");
    for (arguments, reason) in [
        (&["rollback", "1"][..], "is missing"),
        (&["rollback", "7"], "no generation 7 is on record"),
    ] {
        let refused = Told::by_hupctl(&hupd.home, arguments);
        assert_eq!(refused.status, Some(1), "{refused:?}");
        assert!(refused.aside.contains("rollback refused: "), "{refused:?}");
        assert!(refused.aside.contains(reason), "{refused:?}");
        assert!(
            refused.aside.contains("'hupctl generations'"),
            "{refused:?}"
        );
        assert!(
            refused.aside.contains("generation 2 stays in force"),
            "{refused:?}"
        );
    }
    assert_eq!(hupd.home.job_names(), ["second"]);
    assert_eq!(hupd.status()["text_of"], Value::Null);
    // Of what is not there nothing is on record: the last verdict is that on what was.
    let rows = hupd.home.json(&["generations"]);
    let rows = rows["generations"].as_array().expect("rows");
    let accepted: Vec<_> = rows.iter().map(|row| row["accepted"] == true).collect();
    assert_eq!(accepted, [false, true, true]);
    let problems = hupd.status()["last_reload"]["problems"].clone();
    let problems = problems.as_str().expect("a text");
    assert!(problems.contains("is missing"), "{problems}");
    let note = "\n\nThat is what the text of generation 1 says, as it is kept, ";
    assert!(problems.contains(note), "{problems}");
}

#[test]
fn the_first_generation_has_none_before_it() {
    let hupd = with_generations(&["only"]);
    let refused = Told::by_hupctl(&hupd.home, &["rollback"]);
    assert_eq!(refused.status, Some(1));
    let text = "no earlier generation with another text is on record";
    assert!(refused.aside.contains(text), "{refused:?}");
}

#[test]
fn what_was_rolled_back_is_not_read_again_until_the_file_says_something_else() {
    let watching = |name: &str| format!("[daemon]\nwatch_config = true\n{}", job(name));
    let hupd = Hupd::start(&watching("first"));
    hupd.home.configure(&watching("second"));
    hupd.wait_notified_status("1 added (second)");
    Told::by_hupctl(&hupd.home, &["rollback"]);
    assert_eq!(hupd.home.job_names(), ["first"]);
    // The same again: nothing new. Nor is it after a rollback that cannot be, or after what was no file for a while.
    hupd.home.configure(&watching("second"));
    let refused = Told::by_hupctl(&hupd.home, &["rollback", "99"]);
    assert_eq!(refused.status, Some(1), "{refused:?}");
    hupd.home.configure(&watching("second"));
    hupd.home.configure("jobs = 1\n");
    hupd.wait_notified_status("last reload refused");
    hupd.home.configure(&watching("second"));
    hupd.home.configure(&watching("third"));
    hupd.wait_notified_status("1 added (third)");
    let log = hupd.log();
    let accepted = log.lines().filter(|line| line.contains("reload accepted"));
    let accepted: Vec<_> = accepted
        .filter(|line| line.contains("1 added (second)"))
        .collect();
    assert_eq!(accepted.len(), 1, "{log}");
    assert_eq!(hupd.home.job_names(), ["third"]);
    assert_eq!(hupd.status()["text_of"], Value::Null);
}

/// What else a file names is no reason to bring back what somebody has rolled back.
#[test]
fn what_was_rolled_back_does_not_come_for_a_file_that_it_names() {
    let watching = |job: &str| format!("[daemon]\nwatch_config = true\n{job}");
    let home = Home::new();
    home.write("app.conf", "1");
    let on_change = "on_change = [\"app.conf\"]\nworking_dir = \".\"\n";
    home.configure(&watching(&format!("{}{on_change}", job("first"))));
    let hupd = Hupd::start_in(home);
    hupd.home
        .configure(&watching(&format!("{}{on_change}", job("second"))));
    hupd.wait_notified_status("1 added (second)");
    hupd.home.write("app.conf", "2");
    Told::by_hupctl(&hupd.home, &["rollback"]);
    // All that would be read again has been when this is done: one reload comes after the other.
    Told::by_hupctl(&hupd.home, &["rollback", "3"]);
    assert_eq!(hupd.home.job_names(), ["first"]);
    assert_eq!(hupd.generation(), 3);
}

#[test]
fn a_history_that_cannot_be_written_does_not_say_what_was_before() {
    let hupd = with_generations(&["first", "second"]);
    let shell = Connection::open(database(&hupd.home)).expect("a store");
    shell.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    hupd.home.configure(&job("third"));
    hupd.reload();
    wait_until("the store fails", || {
        (!hupd.status()["store_failure"].is_null()).then_some(())
    });
    let refused = Told::by_hupctl(&hupd.home, &["rollback"]);
    assert_eq!(refused.status, Some(1), "{refused:?}");
    let why = "the history cannot be written, and so it does not say what was in force before";
    assert!(refused.aside.contains(why), "{refused:?}");
    assert_eq!(hupd.home.job_names(), ["third"]);
    shell.execute_batch("ROLLBACK").expect("released");
}

#[test]
fn a_start_reads_the_file() {
    let hupd = with_generations(&["first", "second"]);
    Told::by_hupctl(&hupd.home, &["rollback"]);
    // Answered behind all that was to be recorded before.
    hupd.home.json(&["generations"]);
    let hupd = Hupd::start_in(hupd.crash());
    assert_eq!(hupd.home.job_names(), ["second"]);
    assert_eq!(hupd.status()["text_of"], Value::Null);
    assert_eq!(hupd.generation(), 4);
}

#[test]
fn a_job_that_comes_back_is_an_edited_one_and_runs_go_on() {
    let text = |every: &str| {
        format!(
            "[jobs.stays]\ncommand = [\"sleep\", \"60\"]\n[jobs.often]\ncommand = \"true\"\nevery = \"{every}\"\n"
        )
    };
    let hupd = Hupd::start(&text("1h"));
    hupd.home.json(&["run", "stays"]);
    let before = hupd.home.wait_running("stays", 1);
    hupd.home.configure(&text("2h"));
    hupd.reload();
    Told::by_hupctl(&hupd.home, &["rollback"]);
    let after = hupd.home.wait_running("stays", 1);
    assert_eq!(before[0]["pid"], after[0]["pid"]);
    assert_eq!(hupd.home.runs("often"), [] as [Value; 0]);
    assert_eq!(hupd.generation(), 3);
}

#[test]
fn what_the_file_on_disk_includes_is_watched_while_something_else_is_in_force() {
    let watch = "[daemon]\nwatch_config = true\n";
    let hupd = Hupd::start(&format!("{watch}{}", job("first")));
    hupd.home.write("conf.d/a.toml", "# none yet\n");
    hupd.home.configure(&format!(
        "include = [\"conf.d/*.toml\"]\n{watch}{}",
        job("second")
    ));
    wait_until("the second one is in force", || {
        (hupd.home.job_names() == ["second"]).then_some(())
    });
    assert_eq!(Told::by_hupctl(&hupd.home, &["rollback"]).status, Some(0));
    assert_eq!(hupd.home.job_names(), ["first"]);
    hupd.home.write("conf.d/a.toml", &job("third"));
    wait_until("what it includes is in force", || {
        (hupd.home.job_names() == ["second", "third"]).then_some(())
    });
}

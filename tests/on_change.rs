//! `on_change`: a run after a reload that has changed the job or a file that it names, and after nothing else.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs;

use common::{Home, Hupd, Told, wait_until};
use serde_json::Value;

/// A job that is never due, and leaves a line at every run.
fn job(name: &str, lines: &str) -> String {
    format!(
        "[jobs.{name}]\nworking_dir = \".\"\ncommand = 'echo $HUPD_TRIGGER >>ran-{name}'\n{lines}\n"
    )
}

fn ran(hupd: &Hupd, name: &str) -> String {
    hupd.home.read(&format!("ran-{name}"))
}

/// Whatever the reload before has begun is on record before this run, and over.
fn wait_for_all_runs(hupd: &Hupd) {
    hupd.home.run_to_end("last");
    wait_until("all runs are over", || {
        let runs = hupd.home.json(&["runs", "-n", "1000"]);
        let mut runs = runs["runs"].as_array().expect("rows").iter();
        let is_open = |run: &Value| {
            run["outcome"].is_null()
                && ["job", "other"].contains(&run["job"].as_str().unwrap_or(""))
        };
        (!runs.any(is_open)).then_some(())
    });
}

fn reload_with(hupd: &Hupd, text: &str) {
    hupd.home.configure(&format!("{text}{}", job("last", "")));
    hupd.reload();
    wait_for_all_runs(hupd);
}

fn start(text: &str) -> Hupd {
    Hupd::start(&format!("{text}{}", job("last", "")))
}

const ON_CHANGE: &str = "on_change = true\n";

#[test]
fn a_job_runs_once_after_a_reload_that_changes_it_and_after_no_other() {
    let other = job("other", "");
    let hupd = start(&format!("{}{other}", job("job", ON_CHANGE)));
    reload_with(&hupd, &format!("{}{other}", job("job", ON_CHANGE)));
    assert_eq!(ran(&hupd, "job"), "");

    let changed = job("job", &format!("{ON_CHANGE}nice = 1"));
    // Another job changes as well, and does not ask for this.
    reload_with(&hupd, &format!("{changed}{}", job("other", "nice = 1")));
    assert_eq!(
        (ran(&hupd, "job"), ran(&hupd, "other")),
        ("change\n".to_owned(), String::new())
    );
    let ledger = hupd.home.ledger("job");
    assert_eq!(ledger.len(), 1, "{ledger:?}");
    let (trigger, fate, reason, run) = &ledger[0];
    assert_eq!(
        (&**trigger, &**fate, &**reason),
        ("change", "ran", "generation 2 has changed nice")
    );
    let runs = hupd.home.json(&["runs", "--trigger", "change"]);
    assert_eq!(runs["runs"].as_array().expect("rows").len(), 1, "{runs}");
    assert_eq!(runs["runs"][0]["run"].as_i64(), *run);
    assert_eq!(runs["runs"][0]["generation"], 2);

    reload_with(&hupd, &format!("{changed}{other}"));
    assert_eq!(ran(&hupd, "job"), "change\n");
}

#[test]
fn neither_a_new_job_nor_the_wish_itself_is_a_change() {
    let hupd = start(&job("job", ""));
    reload_with(
        &hupd,
        &format!("{}{}", job("job", ON_CHANGE), job("other", ON_CHANGE)),
    );
    assert_eq!((ran(&hupd, "job"), ran(&hupd, "other")), Default::default());
    assert_eq!(hupd.generation(), 2);
}

#[test]
fn what_a_file_holds_counts_and_not_its_time() {
    let home = Home::new();
    home.write("app.conf", "one");
    let text = job("job", "on_change = [\"app.conf\"]");
    home.configure(&format!("{text}{}", job("last", "")));
    let hupd = Hupd::start_in(home);
    hupd.home.write("app.conf", "one");
    reload_with(&hupd, &text);
    assert_eq!((ran(&hupd, "job"), hupd.generation()), (String::new(), 1));

    let mut expected = String::new();
    let changes: [fn(&Home); 3] = [
        |home| home.write("app.conf", "two"),
        |home| fs::remove_file(home.file("app.conf")).expect("removed"),
        |home| home.write("app.conf", ""),
    ];
    for change in changes {
        change(&hupd.home);
        reload_with(&hupd, &text);
        expected.push_str("change\n");
        assert_eq!(ran(&hupd, "job"), expected);
        reload_with(&hupd, &text);
        assert_eq!(ran(&hupd, "job"), expected);
    }
    let file = hupd.home.file("app.conf").display().to_string();
    let reasons: Vec<_> = hupd
        .home
        .ledger("job")
        .into_iter()
        .map(|row| row.2)
        .collect();
    let reason = |generation| format!("generation {generation} has changed content of {file}");
    assert_eq!(reasons, [reason(2), reason(3), reason(4)]);
}

#[test]
fn a_file_that_changes_while_hupd_is_down_or_without_a_reload_counts_with_the_next_reload_only() {
    let home = Home::new();
    home.write("app.conf", "one");
    let text = job("job", "on_change = [\"app.conf\"]");
    home.configure(&format!("{text}{}", job("last", "")));
    let mut hupd = Hupd::start_in(home);
    assert!(hupd.stop().success());
    let home = hupd.crash();
    home.write("app.conf", "two");
    let hupd = Hupd::start_in(home);
    hupd.home.write("app.conf", "three");
    wait_for_all_runs(&hupd);
    assert_eq!(ran(&hupd, "job"), "");
    reload_with(&hupd, &text);
    assert_eq!(ran(&hupd, "job"), "change\n");
}

#[test]
fn a_paused_job_is_skipped_and_one_that_is_switched_off_is_not_due() {
    let hupd = start(&format!(
        "{}{}",
        job("job", ON_CHANGE),
        job("other", ON_CHANGE)
    ));
    assert!(hupd.home.hupctl(&["pause", "job"]).status.success());
    let changed = |name: &str, more: &str| job(name, &format!("{ON_CHANGE}nice = 1\n{more}"));
    let off = changed("other", "enabled = false");
    let text = format!("{}{off}{}", changed("job", ""), job("last", ""));
    hupd.home.configure(&text);
    let plan = hupd.home.hupctl(&["plan"]);
    let plan = common::text(&plan.stdout);
    assert!(
        plan.contains("lost: its run on change, for it is paused: nice"),
        "{plan}"
    );
    hupd.reload();
    wait_for_all_runs(&hupd);
    assert_eq!((ran(&hupd, "job"), ran(&hupd, "other")), Default::default());
    let row = |fate: &str, reason: &str| {
        (
            "change".to_owned(),
            fate.to_owned(),
            reason.to_owned(),
            None,
        )
    };
    assert_eq!(
        hupd.home.ledger("job"),
        [row("skipped", "the job is paused")]
    );
    assert_eq!(hupd.home.ledger("other"), []);
}

#[test]
fn a_job_that_may_not_overlap_is_skipped_while_it_runs() {
    let home = Home::new();
    home.gate("gate");
    let text = |nice: u8| {
        format!(
            "[jobs.job]\nworking_dir = \".\"\ncommand = \"cat gate\"\nnice = {nice}\n{ON_CHANGE}"
        )
    };
    home.configure(&format!("{}{}", text(0), job("last", "")));
    let hupd = Hupd::start_in(home);
    let run = hupd.home.json(&["run", "job"])["run"].clone();
    hupd.home.wait_running("job", 1);
    hupd.home
        .configure(&format!("{}{}", text(1), job("last", "")));
    hupd.reload();
    hupd.home.run_to_end("last");
    let ledger = hupd.home.ledger("job");
    let (trigger, fate, reason, _) = &ledger[1];
    let expected = format!("run {run} is not over (overlap = \"skip\")");
    assert_eq!(
        (&**trigger, &**fate, &**reason),
        ("change", "skipped", &*expected)
    );
    common::wait_until("the run goes on", || {
        hupd.home.open_gate("gate").then_some(())
    });
}

#[test]
fn a_plan_says_what_starts_at_once() {
    let home = Home::new();
    home.write("app.conf", "one");
    let text = job("job", "on_change = [\"app.conf\"]");
    home.configure(&text);
    let hupd = Hupd::start_in(home);
    hupd.home.write("app.conf", "two");
    let plan = Told::by_hupctl(&hupd.home, &["plan"]);
    let file = hupd.home.file("app.conf").display().to_string();
    let words = format!("starts: at once, for this changes: content of {file}");
    assert!(plan.out.contains(&words), "{plan:?}");
    assert_eq!(ran(&hupd, "job"), "");
}

#[test]
fn a_rollback_is_a_change_as_any_other() {
    let hupd = start(&job("job", ON_CHANGE));
    reload_with(&hupd, &job("job", &format!("{ON_CHANGE}nice = 1")));
    assert_eq!(ran(&hupd, "job"), "change\n");
    assert!(hupd.home.hupctl(&["rollback"]).status.success());
    wait_for_all_runs(&hupd);
    assert_eq!(ran(&hupd, "job"), "change\nchange\n");
}

#[test]
fn what_is_no_file_is_refused() {
    let hupd = start(&job("job", ON_CHANGE));
    hupd.home.gate("fifo");
    hupd.home
        .configure(&job("job", "on_change = [\"fifo\", \".\"]"));
    hupd.reload();
    hupd.wait_log("it is a FIFO; it must be a regular file");
    hupd.wait_log("it is a directory; it must be a regular file");
    assert_eq!(hupd.generation(), 1);
}

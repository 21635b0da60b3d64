//! `hupctl pause` and `hupctl resume`.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests start hupd as its users do"
)]

mod common;

use common::{Home, Hupd, fates, text, wait_until};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

fn each_second(missed: &str) -> String {
    format!("[jobs.job]\ncommand = [\"true\"]\nschedule = \"* * * * * *\"\n{missed}\n")
}

fn pause(home: &Home, more: &[&str]) -> Timestamp {
    let arguments = [&["pause", "job"], more].concat();
    let job = home.json(&arguments);
    let since = job["paused"]["since"].as_str().expect("it is paused");
    since.parse().expect("a time")
}

/// At least three instants of the job are over after that time.
fn let_some_pass(since: Timestamp) {
    wait_until("some seconds are over", || {
        (Timestamp::now().duration_since(since).as_secs() >= 4).then_some(())
    });
}

fn fates_after(home: &Home, since: Timestamp) -> Vec<(Timestamp, String, String)> {
    let fates = fates(home, "job").into_iter();
    fates.filter(|(instant, ..)| *instant > since).collect()
}

fn wait_run_after(home: &Home, since: Timestamp) -> Vec<(Timestamp, String, String)> {
    wait_until("a run after the pause", || {
        let fates = fates_after(home, since);
        fates
            .iter()
            .any(|(_, fate, _)| fate == "ran")
            .then_some(fates)
    })
}

#[test]
fn a_paused_job_does_not_run_and_what_it_misses_is_on_record() {
    let hupd = Hupd::start(&each_second(""));
    hupd.home.ended_run("job");
    let since = pause(&hupd.home, &["--reason", "the disk is replaced"]);
    let_some_pass(since);
    assert_eq!(fates_after(&hupd.home, since), []);
    assert_eq!(hupd.status()["paused_jobs"], 1);
    hupd.home.json(&["resume", "job"]);
    let fates = wait_run_after(&hupd.home, since);
    let missed: Vec<_> = fates
        .iter()
        .take_while(|(_, fate, _)| fate == "missed")
        .collect();
    assert!(missed.len() >= 3, "{fates:?}");
    let is_told = |why: &str| {
        why.starts_with("the job was paused, by hupctl from pid ")
            && why.ends_with(": the disk is replaced")
    };
    assert!(missed.iter().all(|(_, _, why)| is_told(why)), "{fates:?}");
    assert!(
        fates.iter().all(|(_, _, why)| !why.contains("made up")),
        "{fates:?}"
    );
}

#[test]
fn what_a_job_wants_made_up_for_runs_when_the_pause_ends_by_itself() {
    let hupd = Hupd::start(&each_second("missed = \"once\""));
    hupd.home.ended_run("job");
    let since = pause(&hupd.home, &["--for", "4s"]);
    let fates = wait_until("it is made up for", || {
        let fates = fates_after(&hupd.home, since);
        let is_there = |why: &str| why.starts_with("made up for: the job was paused");
        let made_up = fates
            .iter()
            .filter(|(_, fate, why)| fate == "ran" && is_there(why));
        (made_up.count() == 1).then_some(fates)
    });
    let missed = fates.iter().filter(|(_, fate, _)| fate == "missed");
    assert!(missed.count() >= 2, "{fates:?}");
    assert_eq!(hupd.home.json(&["list"])["jobs"][0]["paused"], Value::Null);
}

#[test]
fn a_pause_outlives_reload_stop_and_kill() {
    let mut hupd = Hupd::start(&each_second(""));
    hupd.home.ended_run("job");
    let since = pause(&hupd.home, &[]);
    hupd.home
        .configure(&each_second("description = \"changed\""));
    hupd.reload();
    assert!(hupd.stop().success());
    let home = std::mem::replace(&mut hupd.home, Home::new());
    let hupd = Hupd::start_in(home);
    let home = hupd.crash();
    let hupd = Hupd::start_in(home);
    let list = hupd.home.json(&["list"]);
    let paused = list["jobs"][0]["paused"]["since"]
        .as_str()
        .expect("it is paused");
    // As fine as the store has it.
    let apart = since.duration_since(paused.parse().expect("a time"));
    assert!(apart < SignedDuration::from_micros(1), "{since} {paused}");
    let_some_pass(since);
    assert_eq!(fates_after(&hupd.home, since), []);
    hupd.home.json(&["resume", "job"]);
    assert_eq!(wait_run_after(&hupd.home, since)[0].1, "missed");
}

#[test]
fn whoever_asks_for_a_run_of_a_paused_job_gets_it() {
    let hupd = Hupd::start("[jobs.job]\ncommand = [\"true\"]\nschedule = \"@yearly\"\n");
    pause(&hupd.home, &[]);
    assert_eq!(hupd.home.run_to_end("job")["outcome"], "exited 0");
}

#[test]
fn a_run_in_progress_has_its_next_attempt_in_a_pause() {
    let retry = "retry = { attempts = 2, delay = \"2s\" }";
    let job = format!("[jobs.job]\ncommand = \"exit 3\"\nschedule = \"@yearly\"\n{retry}\n");
    let hupd = Hupd::start(&job);
    let run = hupd.home.json(&["run", "job"])["run"].to_string();
    let shown = || hupd.home.json(&["show", &run]);
    wait_until("its first attempt has failed", || {
        (!shown()["next_attempt_at"].is_null()).then_some(())
    });
    pause(&hupd.home, &[]);
    let ended = wait_until("the run has ended", || {
        Some(shown()).filter(|run| !run["outcome"].is_null())
    });
    assert_eq!(
        (&ended["attempt"], &ended["outcome"], &ended["stopped_by"]),
        (&2.into(), &"exited 3".into(), &Value::Null),
        "{ended}"
    );
}

#[test]
fn what_waits_when_its_job_is_paused_is_skipped_but_for_requests() {
    let home = Home::new();
    home.gate("gate");
    let queues = "overlap = \"queue\"\ncommand = \"cat gate\"\nworking_dir = \".\"\n";
    home.configure(&format!("[jobs.job]\nschedule = \"* * * * * *\"\n{queues}"));
    let hupd = Hupd::start_in(home);
    wait_until("one waits", || {
        (hupd.status()["waiting"] == 1).then_some(())
    });
    let asked = hupd.home.json(&["run", "job"])["run"].clone();
    pause(&hupd.home, &[]);
    let list = hupd.home.json(&["list"]);
    let waiting = list["jobs"][0]["waiting"].as_array().expect("a list");
    assert_eq!(waiting.len(), 1, "{list}");
    assert_eq!(waiting[0]["run"], asked);
    wait_until("what waited is on record as skipped", || {
        let ledger = hupd.home.ledger("job");
        let skipped = ledger.iter().filter(|row| row.1 == "skipped");
        (skipped.filter(|row| row.2 == "the job is paused").count() >= 1).then_some(())
    });
    for _ in 0..2 {
        wait_until("one is at the gate", || {
            hupd.home.open_gate("gate").then_some(())
        });
    }
}

#[test]
fn people_are_told_of_a_pause() {
    let hupd = Hupd::start(&each_second(""));
    let until = "2999-01-01T00:00:00Z";
    let told = |arguments: &[&str]| text(&hupd.home.hupctl(arguments).stdout);
    let paused = told(&["pause", "job", "--until", until, "--reason", "repairs"]);
    assert!(
        paused.starts_with("job 'job' is paused until 2999-01-01 "),
        "{paused}"
    );
    assert!(paused.trim_end().ends_with(": repairs"), "{paused}");
    assert!(told(&["list"]).contains("paused"));
    assert!(told(&["status"]).contains("1, 1 of them paused"));
    let why = told(&["why", "job"]);
    assert!(why.contains("the job is paused since "), "{why}");
    let next = hupd.home.json(&["next", "job", "-n", "1"]);
    assert_eq!(next["next"][0]["at"], "2999-01-01T00:00:01Z");
    let resumed = told(&["resume", "job"]);
    assert!(
        resumed.starts_with("job 'job' is resumed; its next time is "),
        "{resumed}"
    );
}

#[test]
fn what_cannot_be_paused_or_resumed_is_told_why() {
    let hupd = Hupd::start("[jobs.job]\ncommand = [\"true\"]\n");
    let cases: [(&[&str], i32, &str); 6] = [
        (&["resume", "job"], 1, "job 'job' is not paused"),
        (&["resume", "tock"], 1, "no job 'tock'"),
        (&["pause", "tock"], 1, "no job 'tock'"),
        (
            &["pause", "job", "--until", "2001-01-01T00:00:00Z"],
            2,
            "--until: is not after now",
        ),
        (
            &["pause", "job", "--until", "noon"],
            2,
            "--until: 'noon' is no time",
        ),
        (&["pause", "job", "--for", "soon"], 2, "--for"),
    ];
    for (arguments, status, words) in cases {
        let output = hupd.home.hupctl(arguments);
        let errors = text(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{arguments:?}: {errors}"
        );
        assert!(errors.contains(words), "{arguments:?}: {errors}");
    }
}

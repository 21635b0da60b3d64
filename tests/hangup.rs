//! HUP and jobs: which of them it ends, and what is said of one that was sent to all of them.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod common;

use std::process::Command;

use common::{Home, Hupd, bits, me, proc_text, wait_until};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

const HUP: u64 = 1;

const BOTH: &str = r#"
[jobs.plain]
command = "sleep 600; true"

[jobs.deaf]
command = "sleep 600; true"
hangup = "ignore"
"#;

/// As by nohup: HUP is ignored from the first instruction on.
fn hupd_by_nohup(config: &str) -> Hupd {
    let home = Home::new();
    home.configure(config);
    let plain = home.hupd();
    let mut command = Command::new("/usr/bin/env");
    command
        .arg("--ignore-signal=HUP")
        .arg(plain.get_program())
        .args(plain.get_args());
    let hupd = Hupd::launch_by(home, command);
    hupd.wait_notified("READY=1");
    hupd
}

/// Runs a job, and gives its process when the shell has started another one.
fn run(hupd: &Hupd, job: &str) -> Pid {
    hupd.home.json(&["run", job]);
    let running = hupd.home.wait_running(job, 1);
    let pid = running[0]["pid"].as_i64().expect("it runs");
    let pid = Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
    wait_until("the shell has a child", || child(pid));
    pid
}

fn child(pid: Pid) -> Option<Pid> {
    let pid = pid.as_raw_nonzero();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let first = children.split_whitespace().next()?;
    Pid::from_raw(first.parse().ok()?)
}

fn ignores_hup(pid: Pid) -> bool {
    let status = proc_text(pid, "status").expect("it is there");
    bits(&status, "SigIgn") & HUP != 0
}

fn hang_up(pid: Pid) {
    kill_process_group(pid, Signal::HUP).expect("it is there");
}

fn note(hupd: &Hupd, job: &str) -> Value {
    hupd.home.ended_run(job)["note"].clone()
}

fn wait_note(hupd: &Hupd, job: &str) -> String {
    wait_until("the run has a note", || {
        note(hupd, job).as_str().map(str::to_owned)
    })
}

fn note_from_me() -> String {
    format!("hangup sent to the whole unit, from {}", me())
}

#[test]
fn a_job_ignores_hup_where_it_asks_for_that_and_only_there() {
    let hupd = hupd_by_nohup(BOTH);
    let (plain, deaf) = (run(&hupd, "plain"), run(&hupd, "deaf"));
    for (pid, expected) in [(plain, false), (deaf, true)] {
        assert_eq!(ignores_hup(pid), expected);
        assert_eq!(ignores_hup(child(pid).expect("it sleeps")), expected);
    }

    hang_up(deaf);
    hang_up(plain);
    hupd.signal(Signal::HUP);
    let ended = hupd.home.ended_run("plain");
    assert_eq!(ended["outcome"], "killed by HUP");
    hupd.reload();
    assert_eq!(hupd.home.running("deaf").len(), 1);

    // What else asks it to end does.
    hupd.home
        .hupctl(&["kill", &hupd.home.running("deaf")[0]["run"].to_string()]);
    assert_eq!(hupd.home.ended_run("deaf")["outcome"], "killed by TERM");
    assert!(hupd.home.ended_run("deaf")["note"].is_null());
}

#[test]
fn the_default_of_all_jobs_can_be_taken_back_by_one() {
    let hupd = Hupd::start(
        "[defaults]\nhangup = \"ignore\"\n[jobs.deaf]\ncommand = \"sleep 600; true\"\n\
         [jobs.plain]\ncommand = \"sleep 600; true\"\nhangup = \"default\"\n",
    );
    assert!(ignores_hup(run(&hupd, "deaf")));
    assert!(!ignores_hup(run(&hupd, "plain")));
}

#[test]
fn what_hup_to_all_ends_is_told_why_whichever_is_heard_of_first() {
    let hupd = Hupd::start(BOTH);
    let pid = run(&hupd, "plain");
    hang_up(pid);
    hupd.home.ended_run("plain");
    hupd.signal(Signal::HUP);
    assert_eq!(wait_note(&hupd, "plain"), note_from_me());
    hupd.wait_log(&format!("run ended by HUP: {}", note_from_me()));

    let pid = run(&hupd, "plain");
    hupd.signal(Signal::HUP);
    hupd.wait_log("reload accepted, HUP from ");
    hang_up(pid);
    wait_until("two runs have the note", || {
        let runs = hupd.home.runs("plain");
        let noted = runs.iter().filter(|run| run["note"] == note_from_me());
        (noted.count() == 2).then_some(())
    });
    let shown = hupd.home.hupctl(&["show", "2"]);
    assert!(
        common::text(&shown.stdout).contains(&note_from_me()),
        "{shown:?}"
    );
}

#[test]
fn a_run_that_hup_ends_alone_has_no_note() {
    let hupd = Hupd::start(BOTH);
    hang_up(run(&hupd, "plain"));
    let ended = hupd.home.ended_run("plain");
    assert_eq!(ended["outcome"], "killed by HUP");
    assert!(ended["note"].is_null(), "{ended}");
    assert!(!hupd.log().contains("hangup"));
}

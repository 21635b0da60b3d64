//! What runs beside what, on the real hupd: a job beside itself, and jobs of one group.

mod common;

use std::fs;
use std::process::{Child, Stdio};

use common::{Home, Hupd, is_alive, wait_until};
use rustix::process::Pid;
use serde_json::Value;

/// A hupd in whose folder jobs wait at gates.
fn hupd_with_gates(gates: &[&str], jobs: &str) -> Hupd {
    let home = Home::new();
    gates.iter().for_each(|gate| home.gate(gate));
    let defaults = "[defaults]\nworking_dir = \".\"\nkill_after = \"10m\"\n";
    home.configure(&format!("{defaults}{jobs}"));
    Hupd::start_in(home)
}

/// The number of a run that was asked for.
fn request(hupd: &Hupd, job: &str) -> u64 {
    hupd.home.json(&["run", job])["run"]
        .as_u64()
        .expect("its number")
}

fn ended(hupd: &Hupd, run: u64) -> Value {
    wait_until(&format!("run {run} has ended"), || {
        let runs = hupd.home.json(&["runs", "-n", "1000"]);
        let runs = runs["runs"].as_array().cloned().unwrap_or_default();
        let is_it = |row: &Value| row["run"] == run && !row["outcome"].is_null();
        runs.into_iter().find(is_it)
    })
}

fn open(hupd: &Hupd, gate: &str) {
    wait_until("somebody is at the gate", || {
        hupd.home.open_gate(gate).then_some(())
    });
}

fn waiting_of(hupd: &Hupd, job: &str) -> Vec<Value> {
    let jobs = hupd.home.json(&["list"]);
    let jobs = jobs["jobs"].as_array().cloned().unwrap_or_default();
    let row = jobs.into_iter().find(|row| row["job"] == job);
    let row = row.expect("the job is listed");
    row["waiting"].as_array().cloned().expect("a list")
}

/// What `hupctl run --wait` is doing.
fn wait_for_a_run(hupd: &Hupd, job: &str) -> Child {
    let mut command = hupd.home.hupctl_command();
    command.args(["run", "--wait", job]);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("hupctl runs")
}

#[test]
fn what_queues_waits_for_the_run_before_it_and_is_told_of() {
    let hupd = hupd_with_gates(
        &["gate"],
        "[jobs.a]\noverlap = \"queue\"\ncommand = \"cat gate; echo $HUPD_RUN_ID >>done\"\n",
    );
    let (first, second) = (request(&hupd, "a"), request(&hupd, "a"));
    let waiting = waiting_of(&hupd, "a");
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0]["run"], second);
    let why = format!("run {first} is not over (overlap = \"queue\")");
    assert_eq!(waiting[0]["why"], why.as_str());
    let status = hupd.status();
    assert_eq!(status["waiting"], 1);
    assert_eq!(status["first_waiting"][0]["why"], why.as_str());
    wait_until("its row says so", || {
        let ledger = hupd.home.ledger("a");
        let row = ledger.get(1)?;
        ((&*row.1, &row.2) == ("waiting", &why)).then_some(())
    });
    open(&hupd, "gate");
    ended(&hupd, first);
    open(&hupd, "gate");
    ended(&hupd, second);
    assert_eq!(hupd.home.read("done"), format!("{first}\n{second}\n"));
    let ledger = hupd.home.ledger("a");
    assert!(ledger.iter().all(|row| row.1 == "ran"), "{ledger:?}");
}

#[test]
fn what_replaces_ends_the_run_whole_and_then_starts() {
    let hupd = hupd_with_gates(
        &["gate"],
        r#"
        [jobs.a]
        overlap = "replace"
        command = """
        trap 'echo told >>steps; cat gate; echo over >>steps; exit' TERM
        echo begun >>steps
        while :; do sleep 0.05; done"""
        "#,
    );
    let begun = |times| {
        wait_until("a run has begun", || {
            let steps = fs::read_to_string(hupd.home.file("steps")).unwrap_or_default();
            (steps.matches("begun").count() == times).then_some(())
        });
    };
    let first = request(&hupd, "a");
    begun(1);
    let second = request(&hupd, "a");
    let third = request(&hupd, "a");
    open(&hupd, "gate");
    begun(2);
    let run = ended(&hupd, first);
    let by = format!("replaced by run {second}");
    assert_eq!(run["stopped_by"], by.as_str());
    assert_eq!(hupd.home.read("steps"), "begun\ntold\nover\nbegun\n");
    let ledger = wait_until("all fates are on record", || {
        let ledger = hupd.home.ledger("a");
        let fates: Vec<_> = ledger.iter().map(|row| &*row.1).collect();
        (fates == ["ran", "replaced", "ran"]).then_some(ledger)
    });
    let why = format!("run {third} takes its place (overlap = \"replace\")");
    assert_eq!(ledger[1].2, why);
    let told = hupd.home.hupctl(&["why", "a"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains(&format!("replaced  {why}")), "{told}");
    assert!(
        hupd.home
            .hupctl(&["kill", &third.to_string()])
            .status
            .success()
    );
    open(&hupd, "gate");
}

#[test]
fn whoever_waits_for_a_run_that_is_replaced_is_told_so() {
    let hupd = hupd_with_gates(
        &["gate"],
        "[jobs.a]\noverlap = \"replace\"\ncommand = \"trap 'cat gate; exit' TERM; touch up; while :; do sleep 0.05; done\"\n",
    );
    request(&hupd, "a");
    wait_until("it is up", || hupd.home.file("up").exists().then_some(()));
    let mut waiter = wait_for_a_run(&hupd, "a");
    wait_until("it waits", || (hupd.status()["waiting"] == 1).then_some(()));
    let newest = request(&hupd, "a");
    wait_until("the client has ended", || {
        waiter.try_wait().expect("a child")
    });
    let output = waiter.wait_with_output().expect("its output");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains(&format!("run {newest} takes its place")),
        "{told}"
    );
    open(&hupd, "gate");
    wait_until("the newest runs", || {
        (hupd.status()["running"][0]["run"] == newest).then_some(())
    });
}

#[test]
fn a_job_runs_beside_itself_as_often_as_it_may() {
    let hupd = hupd_with_gates(
        &["gate"],
        "[jobs.a]\noverlap = \"allow\"\nmax_running = 2\ncommand = \"cat gate\"\n",
    );
    for _ in 0..3 {
        request(&hupd, "a");
    }
    hupd.home.wait_running("a", 2);
    let waiting = waiting_of(&hupd, "a");
    let why = waiting[0]["why"].as_str().expect("a text");
    assert!(why.starts_with("max_running = 2 of the job"), "{why}");
    open(&hupd, "gate");
    wait_until("nothing waits", || {
        (hupd.status()["waiting"] == 0).then_some(())
    });
}

#[test]
fn jobs_of_one_group_go_one_after_the_other_and_hold_up_nobody_else() {
    let job = |name: &str, group: &str| {
        format!("[jobs.{name}]\n{group}command = \"echo + >>{name}; cat {name}-gate\"\n")
    };
    let group = "group = \"disk\"\n";
    let jobs = [job("a", group), job("b", group), job("free", "")];
    let hupd = hupd_with_gates(&["a-gate", "b-gate", "free-gate"], &jobs.concat());
    let (first, second) = (request(&hupd, "a"), request(&hupd, "b"));
    hupd.home.wait_running("a", 1);
    request(&hupd, "free");
    hupd.home.wait_running("free", 1);
    let waiting = waiting_of(&hupd, "b");
    let why = format!("run {first} of job 'a' is not over (group = \"disk\")");
    assert_eq!(waiting[0]["why"], why.as_str());
    assert!(!hupd.home.file("b").exists());
    // Beside itself it skips, whatever its group.
    assert!(!hupd.home.hupctl(&["run", "b"]).status.success());
    open(&hupd, "a-gate");
    hupd.home.wait_running("b", 1);
    open(&hupd, "b-gate");
    ended(&hupd, second);
    open(&hupd, "free-gate");
}

#[test]
fn one_that_waits_for_its_group_can_be_taken_away() {
    let job = |name: &str| format!("[jobs.{name}]\ngroup = \"disk\"\ncommand = \"cat gate\"\n");
    let hupd = hupd_with_gates(&["gate"], &[job("a"), job("b")].concat());
    let (first, second) = (request(&hupd, "a"), request(&hupd, "b"));
    let kill = hupd.home.hupctl(&["kill", &second.to_string()]);
    assert!(kill.status.success(), "{kill:?}");
    wait_until("it is recorded as skipped", || {
        (&*hupd.home.ledger("b")[0].1 == "skipped").then_some(())
    });
    open(&hupd, "gate");
    ended(&hupd, first);
    assert_eq!(hupd.status()["waiting"], 0);
    assert_eq!(hupd.home.runs("b").len(), 0);
}

#[test]
fn a_reload_says_by_what_those_are_judged_that_wait() {
    let job = |overlap: &str| format!("[jobs.a]\n{overlap}\ncommand = \"cat gate\"\n");
    let hupd = hupd_with_gates(&["gate"], &job("overlap = \"queue\""));
    for _ in 0..3 {
        request(&hupd, "a");
    }
    assert_eq!(hupd.status()["waiting"], 2);
    let defaults = "[defaults]\nworking_dir = \".\"\n";
    let beside = job("overlap = \"allow\"\nmax_running = 2");
    hupd.home.configure(&format!("{defaults}{beside}"));
    hupd.reload();
    hupd.home.wait_running("a", 2);
    assert_eq!(hupd.status()["waiting"], 1);
    let skips = job("overlap = \"skip\"");
    hupd.home.configure(&format!("{defaults}{skips}"));
    hupd.reload();
    assert_eq!(hupd.status()["waiting"], 0);
    wait_until("it is recorded as skipped", || {
        (&*hupd.home.ledger("a")[2].1 == "skipped").then_some(())
    });
    open(&hupd, "gate");
}

#[test]
fn after_a_crash_nothing_is_in_the_way_that_does_not_run() {
    let job = |name: &str| {
        format!("[jobs.{name}]\ngroup = \"disk\"\noverlap = \"queue\"\ncommand = \"cat gate\"\n")
    };
    let hupd = hupd_with_gates(&["gate"], &[job("a"), job("b")].concat());
    request(&hupd, "a");
    let run = hupd.home.wait_running("a", 1).remove(0);
    let pid = run["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.and_then(Pid::from_raw).expect("its pid");
    request(&hupd, "b");
    let home = hupd.crash();
    // What hupd has left behind is over before the next one begins.
    wait_until("the process is let go", || {
        home.open_gate("gate").then_some(())
    });
    wait_until("it has ended", || (!is_alive(pid)).then_some(()));
    let hupd = Hupd::start_in(home);
    assert_eq!(hupd.home.runs("a")[0]["outcome"], "lost");
    request(&hupd, "b");
    hupd.home.wait_running("b", 1);
    open(&hupd, "gate");
}

#[test]
fn what_a_killed_hupd_has_left_running_is_in_the_way_of_its_group() {
    let job = |name: &str| format!("[jobs.{name}]\ngroup = \"disk\"\ncommand = \"cat gate\"\n");
    let hupd = hupd_with_gates(&["gate"], &[job("a"), job("b")].concat());
    let first = request(&hupd, "a");
    hupd.home.wait_running("a", 1);
    let hupd = Hupd::start_in(hupd.crash());
    request(&hupd, "b");
    let why = format!("run {first} of job 'a' is not over (group = \"disk\")");
    assert_eq!(waiting_of(&hupd, "b")[0]["why"], why.as_str());
    open(&hupd, "gate");
    hupd.home.wait_running("b", 1);
    open(&hupd, "gate");
}

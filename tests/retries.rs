//! Runs that are tried again: each attempt on record, over reloads, stops and crashes.

mod common;

use common::{Home, Hupd, Told, text, wait_until};
use serde_json::Value;

/// Fails until a file is there; counts its attempts.
const FLAKY: &str = r#"
[jobs.flaky]
command = "echo attempt $HUPD_ATTEMPT; echo $HUPD_ATTEMPT >>attempts; [ -e mended ] || exit 75"
working_dir = "."
"#;

fn flaky(retry: &str) -> String {
    format!("{FLAKY}retry = {retry}\n")
}

const SOON: &str = "{ attempts = 3, delay = \"200ms\" }";
const LATE: &str = "{ attempts = 3, delay = \"1h\", max_delay = \"1h\" }";

/// The run of this number as `hupctl show` tells it.
fn show(home: &Home, run: u64) -> Value {
    home.json(&["show", &run.to_string()])
}

fn resting(hupd: &Hupd) -> Value {
    wait_until("the run waits for its next attempt", || {
        let status = hupd.home.json(&["status"]);
        let run = status["running"].get(0)?;
        (!run["next_attempt_at"].is_null()).then(|| run.clone())
    })
}

#[test]
fn one_run_has_several_attempts_each_on_record_with_its_output() {
    let hupd = Hupd::start(&flaky(SOON));
    let told = Told::from(hupd.home.hupctl(&["run", "flaky", "--wait"]));
    assert_eq!(told.status, Some(75), "{told:?}");
    assert_eq!(told.out, "attempt 1\nattempt 2\nattempt 3\n");
    let aside: Vec<_> = told.aside.lines().collect();
    assert_eq!(aside.len(), 4, "{told:?}");
    assert_eq!(aside[0], "run 1 of job 'flaky' started");
    for (line, end) in aside[1..].iter().zip([
        ", attempt 1; attempt 2 follows in ",
        ", attempt 2; attempt 3 follows in ",
        ", attempt 3",
    ]) {
        assert!(
            line.starts_with("run 1 of job 'flaky' exited 75 after "),
            "{line}"
        );
        assert!(line.contains(end), "{line}");
    }
    assert_eq!(hupd.home.read("attempts"), "1\n2\n3\n");
    assert_eq!(hupd.home.runs("flaky").len(), 1);

    let run = show(&hupd.home, 1);
    assert_eq!(
        (&run["outcome"], &run["attempt"]),
        (&"exited 75".into(), &3.into())
    );
    assert_eq!(run["success"], false);
    let attempts = run["attempts"].as_array().expect("a list");
    assert_eq!(attempts.len(), 2, "{run}");
    for (number, attempt) in (1..).zip(attempts) {
        assert_eq!(attempt["attempt"], number);
        assert_eq!(attempt["exit_code"], 75);
        assert!(
            attempt["pid"].is_number() && attempt["ended_at"].is_string(),
            "{attempt}"
        );
    }
    assert_ne!(attempts[0]["pid"], attempts[1]["pid"]);
    for (attempt, said) in [
        ("1", "attempt 1\n"),
        ("2", "attempt 2\n"),
        ("3", "attempt 3\n"),
    ] {
        let logs = hupd.home.hupctl(&["logs", "1", "--attempt", attempt]);
        assert_eq!(text(&logs.stdout), said);
    }
    assert_eq!(text(&hupd.home.output("1")), "attempt 3\n");
    let missing = Told::by_hupctl(&hupd.home, &["logs", "1", "--attempt", "4"]);
    assert_eq!(missing.aside, "hupctl: no attempt 4 of a run 1\n");
    let shown = text(&hupd.home.hupctl(&["show", "1"]).stdout);
    assert!(shown.contains("attempt 1: exited 75"), "{shown}");
    assert!(shown.contains("hupctl logs 1 --attempt 1"), "{shown}");
    hupd.wait_log("attempt 1 of 3 ended: exited 75; attempt 2 follows in");
}

#[test]
fn a_run_that_succeeds_is_not_tried_again() {
    let hupd = Hupd::start(&flaky(LATE.replace("1h", "500ms").as_str()));
    hupd.home.hupctl(&["run", "flaky"]);
    wait_until("the first attempt has failed", || {
        hupd.log().contains("attempt 1 of 3 ended").then_some(())
    });
    hupd.home.write("mended", "");
    let run = hupd.home.ended_run("flaky");
    assert_eq!(
        (&run["outcome"], &run["success"]),
        (&"exited 0".into(), &true.into())
    );
    let attempts = hupd.home.read("attempts");
    assert_eq!(
        attempts.lines().count() as u64,
        run["attempt"].as_u64().expect("a number")
    );
}

#[test]
fn what_is_a_success_is_for_the_job_to_say() {
    let hupd = Hupd::start(&format!(
        "{FLAKY}success_exit_codes = [0, 75]\nretry = {SOON}\n"
    ));
    let told = Told::from(hupd.home.hupctl(&["run", "flaky", "--wait"]));
    assert_eq!(told.status, Some(0), "{told:?}");
    assert_eq!(hupd.home.read("attempts"), "1\n");
    assert_eq!(
        hupd.home.json(&["runs", "--failed"])["runs"]
            .as_array()
            .map(Vec::len),
        Some(0)
    );
    let log = hupd.log();
    let end = log
        .lines()
        .find(|line| line.contains("run ended: exited 75"));
    assert!(end.is_some_and(|line| line.contains(" info ")), "{log}");
}

#[test]
fn a_run_between_two_attempts_is_seen_and_can_be_killed() {
    let hupd = Hupd::start(&flaky(LATE));
    hupd.home.hupctl(&["run", "flaky"]);
    let waits = resting(&hupd);
    assert_eq!(
        (&waits["state"], &waits["attempt"], &waits["attempts"]),
        (&"waiting".into(), &1.into(), &3.into())
    );
    let status = text(&hupd.home.hupctl(&["status"]).stdout);
    assert!(status.contains("attempt 2 of 3 in "), "{status}");
    let runs = text(&hupd.home.hupctl(&["runs"]).stdout);
    assert!(runs.contains("waits for attempt 2"), "{runs}");
    let shown = text(&hupd.home.hupctl(&["show", "1"]).stdout);
    assert!(shown.contains("\nstarted      attempt 2 in "), "{shown}");
    assert_eq!(text(&hupd.home.output("1")), "attempt 1\n");
    // It holds its job.
    let again = Told::by_hupctl(&hupd.home, &["run", "flaky"]);
    assert!(again.aside.contains("run 1 is not over"), "{again:?}");

    let killed = Told::by_hupctl(&hupd.home, &["kill", "1"]);
    assert!(killed.out.contains("will not start"), "{killed:?}");
    let run = hupd.home.ended_run("flaky");
    assert_eq!(
        (&run["outcome"], &run["stopped_by"]),
        (&"exited 75".into(), &"request".into())
    );
    assert_eq!(
        (&run["attempt"], &run["exit_code"]),
        (&1.into(), &75.into())
    );
    assert!(
        run["pid"].is_number() && run["started_at"].is_string(),
        "{run}"
    );
    assert_eq!(show(&hupd.home, 1)["attempts"], Value::Array(Vec::new()));
    assert_eq!(text(&hupd.home.output("1")), "attempt 1\n");
}

#[test]
fn a_reload_ends_what_is_not_wanted_any_more_and_mends_what_is() {
    let home = Home::new();
    home.configure(&flaky(LATE));
    let hupd = Hupd::start_in(home);
    hupd.home.hupctl(&["run", "flaky"]);
    resting(&hupd);
    // The next attempt is of the new definition, and its time stays what it was.
    hupd.home
        .configure(&flaky(LATE).replace("exit 75", "exit 76"));
    hupd.reload();
    assert_eq!(resting(&hupd)["generation"], 2);
    hupd.home.configure(FLAKY);
    hupd.reload();
    let run = hupd.home.ended_run("flaky");
    assert_eq!(run["stopped_by"], "configuration", "{run}");
    hupd.wait_log("it is not tried again: the configuration in force does not want it");
}

/// Stops hupd while a run waits for its second attempt, and starts it again.
fn goes_on(end: impl FnOnce(Hupd) -> Home) {
    let home = Home::new();
    home.configure(&flaky("{ attempts = 2, delay = \"3s\" }"));
    let hupd = Hupd::start_in(home);
    hupd.home.hupctl(&["run", "flaky"]);
    let before = resting(&hupd);
    let home = end(hupd);
    home.write("mended", "");
    let hupd = Hupd::start_in(home);
    let run = hupd.home.ended_run("flaky");
    assert_eq!(
        (&run["run"], &run["outcome"]),
        (&1.into(), &"exited 0".into())
    );
    assert_eq!(run["attempt"], 2);
    assert_eq!(hupd.home.read("attempts"), "1\n2\n");
    // Not from the beginning.
    let (planned, started) = (&before["next_attempt_at"], &run["started_at"]);
    let time = |value: &Value| -> jiff::Timestamp {
        value.as_str().expect("a time").parse().expect("a time")
    };
    let late = time(started).duration_since(time(planned));
    assert!(late.as_millis() > -100 && late.as_secs() < 3, "{late:?}");
}

#[test]
fn it_goes_on_after_a_stop() {
    goes_on(|mut hupd| {
        assert_eq!(hupd.stop().code(), Some(0));
        hupd.crash()
    });
}

#[test]
fn it_goes_on_after_a_crash() {
    goes_on(Hupd::crash);
}

#[test]
fn whoever_waits_for_a_run_that_is_left_to_the_next_hupd_is_told() {
    let mut hupd = Hupd::start(&flaky(LATE));
    let waiting = hupd
        .home
        .hupctl_command()
        .args(["run", "flaky", "--wait"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("hupctl starts");
    resting(&hupd);
    assert_eq!(hupd.stop().code(), Some(0));
    let told = Told::from(waiting.wait_with_output().expect("an end"));
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(told.aside.contains("the next attempt follows"), "{told:?}");
}

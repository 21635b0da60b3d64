//! Time limits and `hupctl kill`: the stop signal to the whole group, then KILL.

mod common;

use std::fs;

use common::{Home, Hupd, text, wait_until};
use serde_json::Value;

/// The live processes of a group.
fn group(leader: &Value) -> Vec<String> {
    let folders = fs::read_dir("/proc").expect("/proc").flatten();
    let lines = folders.filter_map(|folder| fs::read_to_string(folder.path().join("stat")).ok());
    let leader = leader.to_string();
    lines
        .filter(|line| {
            let rest = line.rsplit(") ").next().unwrap_or_default();
            let fields: Vec<_> = rest.split(' ').collect();
            fields[0] != "Z" && fields.get(2) == Some(&leader.as_str())
        })
        .collect()
}

fn is_group_gone(run: &Value) -> bool {
    group(&run["pid"]).is_empty()
}

/// A hupd with one job, in whose folder the job works.
fn hupd_with_job(lines: &str) -> Hupd {
    Hupd::start(&format!("[jobs.job]\nworking_dir = \".\"\n{lines}\n"))
}

#[test]
fn a_run_over_its_limit_gets_its_stop_signal_with_all_its_group() {
    let hupd = hupd_with_job(
        r#"
        command = "sleep 1000 & (sleep 1000; true) & echo begun; wait; echo not reached"
        timeout = "500ms"
        kill_after = "10m"
        "#,
    );
    let run = hupd.home.run_to_end("job");
    assert_eq!(run["outcome"], "timed out");
    assert_eq!(run["stopped_by"], "time limit");
    assert_eq!(
        (&run["exit_code"], &run["signal"]),
        (&Value::Null, &Value::Null)
    );
    assert!(run["duration_seconds"].as_f64() >= Some(0.5), "{run}");
    assert_eq!(text(&hupd.home.output("job")), "begun\n");
    assert!(is_group_gone(&run), "{:?}", group(&run["pid"]));
    hupd.wait_log("signalling the run and its process group: its time limit is over");
}

#[test]
fn a_group_that_ignores_its_stop_signal_is_killed() {
    let hupd = hupd_with_job(
        r#"
        command = "trap '' TERM; sleep 1000 & sleep 1000; echo not reached"
        timeout = "300ms"
        kill_after = "300ms"
        "#,
    );
    let run = hupd.home.run_to_end("job");
    assert_eq!(run["outcome"], "timed out");
    assert!(run["duration_seconds"].as_f64() >= Some(0.6), "{run}");
    assert!(is_group_gone(&run), "{:?}", group(&run["pid"]));
    let log = hupd.log();
    let signals: Vec<_> = log
        .lines()
        .filter(|line| line.contains("signalling"))
        .collect();
    assert!(signals[0].contains("signal=TERM"), "{signals:?}");
    assert!(signals[1].contains("signal=KILL"), "{signals:?}");
}

#[test]
fn the_stop_signal_is_the_one_of_the_file() {
    let hupd = hupd_with_job(
        r#"
        command = "exec 2>/dev/null; trap 'echo TERM' TERM; trap 'echo USR1; exit 4' USR1; while :; do sleep 0.1; done"
        timeout = "500ms"
        stop_signal = "SIGUSR1"
        kill_after = "10m"
        "#,
    );
    let run = hupd.home.run_to_end("job");
    assert_eq!(run["outcome"], "timed out");
    assert_eq!(text(&hupd.home.output("job")), "USR1\n");
}

#[test]
fn a_member_of_the_group_that_cleans_up_gets_its_time() {
    let home = Home::new();
    home.gate("gate");
    home.configure(
        r#"
        [jobs.job]
        command = """
        exec 2>/dev/null
        (trap 'cat gate; echo cleaned; echo cleaned >done; exit' TERM; touch ready; while :; do sleep 0.1; done) &
        wait"""
        working_dir = "."
        kill_after = "10m"
        "#,
    );
    let hupd = Hupd::start_in(home);
    let home = &hupd.home;
    home.hupctl(&["run", "job"]);
    wait_until("the member is ready", || {
        home.file("ready").exists().then_some(())
    });
    let alive = home.wait_running("job", 1);
    let number = alive[0]["run"].to_string();
    assert!(home.hupctl(&["kill", &number]).status.success());
    wait_until("the leader has ended", || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", alive[0]["pid"])).ok()?;
        stat.contains(") Z ").then_some(())
    });
    assert_eq!(home.running("job")[0]["state"], "stopping");
    wait_until("the member is let go", || {
        home.open_gate("gate").then_some(())
    });
    let run = home.ended_run("job");
    assert_eq!(run["outcome"], "killed by TERM");
    assert_eq!(home.read("done"), "cleaned\n");
    assert_eq!(text(&home.output("job")), "cleaned\n");
    assert!(is_group_gone(&run), "{:?}", group(&run["pid"]));
}

#[test]
fn a_run_within_its_limit_does_not_feel_it() {
    let hupd = hupd_with_job("command = [\"true\"]\ntimeout = \"10m\"");
    let run = hupd.home.run_to_end("job");
    assert_eq!(run["outcome"], "exited 0");
    assert_eq!(run["stopped_by"], Value::Null);
}

#[test]
fn the_limit_of_a_live_run_is_shown() {
    let hupd = hupd_with_job("command = [\"sleep\", \"1000\"]\ntimeout = \"10m\"");
    hupd.home.hupctl(&["run", "job"]);
    let alive = hupd.home.wait_running("job", 1);
    assert!(
        alive[0]["limit_at"].as_str() > alive[0]["started_at"].as_str(),
        "{alive:?}"
    );
    let status = text(&hupd.home.hupctl(&["status"]).stdout);
    assert!(
        status.contains("in 10 min") || status.contains("in 9 min"),
        "{status}"
    );
}

#[test]
fn a_run_that_is_killed_on_request_says_so() {
    let hupd = hupd_with_job("command = [\"sleep\", \"1000\"]");
    hupd.home.hupctl(&["run", "job"]);
    let alive = hupd.home.wait_running("job", 1);
    let (number, pid) = (alive[0]["run"].to_string(), alive[0]["pid"].to_string());
    let told = hupd.home.hupctl(&["kill", &number]);
    let sentence = format!("stop signal sent to run {number} of job 'job' (pid {pid})\n");
    assert_eq!(
        (told.status.code(), text(&told.stdout)),
        (Some(0), sentence)
    );
    let run = hupd.home.ended_run("job");
    assert_eq!(run["outcome"], "killed by TERM");
    assert_eq!(run["stopped_by"], "request");
    let table = text(&hupd.home.hupctl(&["runs"]).stdout);
    assert!(
        table.contains("killed by TERM (stopped on request)"),
        "{table}"
    );
    let again = hupd.home.hupctl(&["kill", &number]);
    let sentence = format!("hupctl: run {number} is not running\n");
    assert_eq!(
        (again.status.code(), text(&again.stderr)),
        (Some(1), sentence)
    );
}

#[test]
fn a_run_that_ignores_a_request_to_end_is_killed() {
    let home = Home::new();
    home.configure(
        r#"
        [jobs.job]
        command = "trap '' INT; touch ready; sleep 1000; sleep 1000"
        working_dir = "."
        stop_signal = "INT"
        kill_after = "200ms"
        "#,
    );
    let hupd = Hupd::start_in(home);
    hupd.home.hupctl(&["run", "job"]);
    wait_until("it is ready", || {
        hupd.home.file("ready").exists().then_some(())
    });
    let number = hupd.home.wait_running("job", 1)[0]["run"].to_string();
    hupd.home.hupctl(&["kill", &number]);
    let run = hupd.home.ended_run("job");
    assert_eq!(run["outcome"], "killed by KILL");
    assert_eq!(run["stopped_by"], "request");
    assert!(is_group_gone(&run), "{:?}", group(&run["pid"]));
}

#[test]
fn a_run_that_waits_for_a_place_can_be_killed() {
    let hupd = Hupd::start(
        r#"
        [daemon]
        max_running = 1
        [jobs.first]
        command = ["sleep", "1000"]
        [jobs.second]
        command = ["true"]
        "#,
    );
    hupd.home.hupctl(&["run", "first"]);
    let second = hupd.home.json(&["run", "second"])["run"].to_string();
    let told = hupd.home.hupctl(&["kill", &second]);
    let sentence = format!("run {second} of job 'second' waited, and will not start\n");
    assert_eq!(
        (told.status.code(), text(&told.stdout)),
        (Some(0), sentence)
    );
    // Told before it is on record.
    let row = wait_until("it is skipped", || {
        let row = hupd.home.ledger("second").remove(0);
        (row.1 == "skipped").then_some(row)
    });
    assert_eq!(
        row.2,
        "killed on request while it waited: max_running = 1 is reached"
    );
    // Its number was told, and is nowhere.
    let why = format!(
        "hupctl: no run {second} is recorded: it has never started, or is not kept any more; 'hupctl why JOB' tells what \
         became of what was due\n"
    );
    for command in [
        &["show", &second][..],
        &["logs", &second],
        &["logs", &second, "--follow"],
    ] {
        let told = hupd.home.hupctl(command);
        let said = (told.status.code(), text(&told.stderr));
        assert_eq!(said, (Some(1), why.clone()), "{command:?}");
    }
}

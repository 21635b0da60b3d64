//! `hupctl logs --follow`: what a run writes while it writes it, and what becomes of slow and lost readers.
#![allow(clippy::disallowed_methods, reason = "a test stands outside hupd")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use common::{Home, Hupd, text, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// A run that is followed, its end, and all that was read of it.
struct Follower(Child);

impl Follower {
    fn start(home: &Home, arguments: &[&str]) -> Self {
        let mut command = home.hupctl_command();
        command.args(arguments).arg("--follow");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().expect("hupctl runs"))
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    fn read_line(&mut self) -> String {
        let mut line = Vec::new();
        let stdout = self.0.stdout.as_mut().expect("a pipe");
        while line.last() != Some(&b'\n') {
            let mut byte = [0];
            assert_eq!(stdout.read(&mut byte).expect("a byte"), 1, "{line:?}");
            line.push(byte[0]);
        }
        text(&line)
    }

    fn end(self) -> (Option<i32>, String, String) {
        let output = self.0.wait_with_output().expect("it ends");
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    }
}

/// A hupd in whose folder the job works; `gate` is a gate there.
fn hupd_with_job(lines: &str) -> Hupd {
    let home = Home::new();
    home.gate("gate");
    home.configure(&format!("[jobs.job]\nworking_dir = \".\"\n{lines}\n"));
    Hupd::start_in(home)
}

fn start(home: &Home) -> String {
    home.json(&["run", "job"])["run"].to_string()
}

fn pass(home: &Home) {
    wait_until("it is let go", || home.open_gate("gate").then_some(()));
}

/// A run that waits for its start, and somebody who follows it.
fn followed_while_it_waits(command: &str) -> (Hupd, String, Follower) {
    let home = Home::new();
    home.gate("gate");
    home.configure(&format!(
        r#"
        [daemon]
        max_running = 1
        [jobs.first]
        command = "cat gate"
        working_dir = "."
        [jobs.job]
        command = "{command}"
        "#,
    ));
    let hupd = Hupd::start_in(home);
    hupd.home.hupctl(&["run", "first"]);
    hupd.home.wait_running("first", 1);
    let run = start(&hupd.home);
    let mut follower = Follower::start(&hupd.home, &["--json", "logs", &run]);
    // Now it is known to wait for the start.
    follower.read_line();
    (hupd, run, follower)
}

/// A run whose third attempt goes on until it is let go, and fails as the ones before did.
fn third_attempt(delay: &str) -> (Hupd, String) {
    let hupd = hupd_with_job(&format!(
        "command = \"echo attempt $HUPD_ATTEMPT; [ $HUPD_ATTEMPT != 3 ] || cat gate; exit 75\"\n\
         retry = {{ attempts = 3, delay = \"{delay}\" }}"
    ));
    let run = start(&hupd.home);
    (hupd, run)
}

fn wait_for_the_third(home: &Home) {
    wait_until("the third attempt runs", || {
        let running = home.running("job");
        running.iter().find(|run| run["attempt"] == 3).map(drop)
    });
}

/// How attempts end, each with another one behind it, and the last one.
fn ends_of_three(run: &str) -> [String; 3] {
    let ends = [
        ", attempt 1; attempt 2 follows",
        ", attempt 2; attempt 3 follows",
        ", attempt 3",
    ];
    ends.map(|end| format!("run {run} of job 'job' exited 75{end}"))
}

/// The same, whenever the next one comes.
fn without_seconds(line: &str) -> String {
    let (before, behind) = line.split_once(" after ").expect("a duration");
    let attempt = behind.split_once(',').expect("an attempt").1;
    let attempt = attempt.split(" in ").next().expect("a part");
    format!("{before},{attempt}")
}

/// Seconds differ from run to run.
fn sentence_before_seconds(aside: &str) -> &str {
    aside.split_once(" after ").expect("a duration").0
}

#[test]
fn a_live_run_is_followed_from_its_beginning_to_its_end() {
    for by_job in [true, false] {
        let hupd = hupd_with_job("command = \"echo first; cat gate; echo second; cat gate\"");
        let run = start(&hupd.home);
        let of = if by_job { "job" } else { &run };
        let mut follower = Follower::start(&hupd.home, &["logs", of]);
        assert_eq!(follower.read_line(), "first\n");
        pass(&hupd.home);
        assert_eq!(follower.read_line(), "second\n");
        pass(&hupd.home);
        let (status, rest, aside) = follower.end();
        assert_eq!((status, &*rest), (Some(0), ""));
        let sentence = format!("run {run} of job 'job' exited 0");
        assert_eq!(sentence_before_seconds(&aside), sentence);
    }
}

#[test]
fn attempts_that_were_over_before_are_shown_too_and_then_the_one_that_goes_on() {
    for by_job in [true, false] {
        let (hupd, run) = third_attempt("100ms");
        wait_for_the_third(&hupd.home);
        let of = if by_job { "job" } else { &run };
        let mut follower = Follower::start(&hupd.home, &["logs", of]);
        for line in ["attempt 1\n", "attempt 2\n", "attempt 3\n"] {
            assert_eq!(follower.read_line(), line);
        }
        pass(&hupd.home);
        let (status, rest, aside) = follower.end();
        assert_eq!((status, &*rest), (Some(75), ""));
        let told: Vec<_> = aside.lines().map(without_seconds).collect();
        assert_eq!(told, ends_of_three(&run));
    }
}

#[test]
fn of_a_run_that_is_over_all_attempts_are_shown() {
    let (hupd, run) = third_attempt("100ms");
    wait_for_the_third(&hupd.home);
    pass(&hupd.home);
    hupd.home.ended_run("job");
    let (status, written, aside) = Follower::start(&hupd.home, &["logs", &run]).end();
    let all = "attempt 1\nattempt 2\nattempt 3\n";
    assert_eq!((status, &*written), (Some(75), all));
    let told: Vec<_> = aside.lines().map(without_seconds).collect();
    assert_eq!(told, ends_of_three(&run));
    let lines = Follower::start(&hupd.home, &["--json", "logs", &run])
        .end()
        .1;
    let events: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line"))
        .collect();
    let names: Vec<_> = events.iter().map(|event| &event["event"]).collect();
    let of_one = |end| ["run", "output", end];
    assert_eq!(names, ["failed", "failed", "end"].map(of_one).concat());
    for (attempt, event) in (1..).zip(events.iter().skip(2).step_by(3)) {
        assert_eq!(event["details"]["attempt"], attempt);
    }
}

#[test]
fn whoever_waits_for_the_next_attempt_is_told_that_there_is_none() {
    let (hupd, run) = third_attempt("1h\", max_delay = \"1h");
    let mut follower = Follower::start(&hupd.home, &["--json", "logs", &run]);
    let mut event = || loop {
        let event: Value = serde_json::from_str(&follower.read_line()).expect("a line");
        // Only where it was there in time.
        if event["event"] != "started" {
            return event;
        }
    };
    let names: [Value; 4] = std::array::from_fn(|_| event()["event"].clone());
    assert_eq!(names, ["run", "output", "failed", "run"]);
    hupd.home.hupctl(&["kill", &run]);
    let end = event();
    assert_eq!(
        (&end["event"], &end["details"]["attempt"]),
        (&json!("end"), &json!(1))
    );
    assert_eq!(follower.end().0, Some(75));
}

#[test]
fn of_attempts_that_the_history_has_lost_the_follower_is_told_and_goes_on() {
    let (hupd, run) = third_attempt("100ms");
    wait_for_the_third(&hupd.home);
    let store = common::store(&hupd.home);
    store.execute("DELETE FROM attempts", []).expect("deleted");
    let mut follower = Follower::start(&hupd.home, &["logs", &run]);
    assert_eq!(follower.read_line(), "attempt 3\n");
    pass(&hupd.home);
    let (status, _, aside) = follower.end();
    assert_eq!(status, Some(75));
    let lost = "attempt 2 and those before it are not in the history";
    assert!(
        aside.starts_with(&format!("run {run} of job 'job': {lost}\n")),
        "{aside}"
    );
}

#[test]
fn the_status_of_a_failed_run_is_that_of_its_follower() {
    let hupd = hupd_with_job("command = \"printf unfinished; cat gate; exit 3\"");
    let run = start(&hupd.home);
    let follower = Follower::start(&hupd.home, &["logs", &run]);
    pass(&hupd.home);
    let (status, written, aside) = follower.end();
    assert_eq!((status, &*written), (Some(3), "unfinished"));
    // In a line of its own.
    let sentence = format!("\nrun {run} of job 'job' exited 3");
    assert_eq!(sentence_before_seconds(&aside), sentence);
}

#[test]
fn a_run_that_is_over_is_printed_and_that_is_all() {
    let hupd = hupd_with_job("command = \"echo all; exit 3\"");
    let run = hupd.home.run_to_end("job")["run"].to_string();
    for of in ["job", &run] {
        let (status, written, aside) = Follower::start(&hupd.home, &["logs", of]).end();
        assert_eq!((status, &*written), (Some(3), "all\n"));
        let sentence = format!("run {run} of job 'job' exited 3");
        assert_eq!(sentence_before_seconds(&aside), sentence);
    }
}

#[test]
fn a_run_that_waits_is_followed_from_its_start() {
    let (hupd, _, follower) = followed_while_it_waits("echo at last");
    pass(&hupd.home);
    let (status, lines, _) = follower.end();
    assert_eq!(status, Some(0));
    assert!(lines.contains("at last"), "{lines}");
}

#[test]
fn a_run_that_never_starts_is_told_with_its_reason() {
    let (hupd, run, follower) = followed_while_it_waits("true");
    hupd.home.hupctl(&["kill", &run]);
    let (status, lines, _) = follower.end();
    let line: Value = serde_json::from_str(&lines).expect("a line");
    assert_eq!((status, &line["event"]), (Some(1), &json!("never")));
    assert_eq!(line["run"].to_string(), run);
    assert!(line["reason"].is_string(), "{line}");
}

#[test]
fn a_program_reads_one_object_a_line() {
    let hupd = hupd_with_job(r#"command = "printf 'z\\303\\266\\377\\n'; cat gate; exit 3""#);
    let run = start(&hupd.home);
    let mut follower = Follower::start(&hupd.home, &["--json", "logs", &run]);
    let run: u64 = run.parse().expect("a number");
    let first = follower.read_line();
    assert_eq!(first, format!("{{\"event\":\"run\",\"run\":{run}}}\n"));
    let started: Value = serde_json::from_str(&follower.read_line()).expect("a line");
    assert_eq!(
        (&started["event"], &started["run"], &started["attempt"]),
        (&json!("started"), &json!(run), &json!(1))
    );
    let output = follower.read_line();
    let expected = format!(
        "{{\"event\":\"output\",\"run\":{run},\"encoding\":\"base64\",\"data\":\"esO2/wo=\"}}\n"
    );
    assert_eq!(output, expected);
    pass(&hupd.home);
    let (status, rest, aside) = follower.end();
    let end: Value = serde_json::from_str(&rest).expect("one line");
    assert_eq!((status, &*aside), (Some(3), ""));
    assert_eq!(
        (&end["event"], &end["run"], &end["details"]["outcome"]),
        (&json!("end"), &json!(run), &json!("exited 3"))
    );
    let kept = hupd.home.runs("job");
    assert_eq!(end["details"], kept[0]);
    assert_eq!(
        (&started["pid"], &started["started_at"]),
        (&kept[0]["pid"], &kept[0]["started_at"])
    );
}

#[test]
fn the_end_of_a_later_attempt_is_told_as_it_is_on_record() {
    for (command, status) in [
        ("[ $HUPD_ATTEMPT = 3 ] || exit 75", 0),
        ("exit 75", 75),
        ("[ $HUPD_ATTEMPT = 1 ] || rm -r ../work; exit 75", 1),
    ] {
        let home = Home::new();
        home.write("work/file", "");
        home.configure(&format!(
            "[jobs.job]\ncommand = \"{command}\"\nworking_dir = \"work\"\n\
             retry = {{ attempts = 3, delay = \"200ms\" }}\n"
        ));
        let hupd = Hupd::start_in(home);
        let run = start(&hupd.home);
        let (ended, lines, _) = Follower::start(&hupd.home, &["--json", "logs", &run]).end();
        assert_eq!(ended, Some(status), "{lines}");
        let last = lines.lines().last().expect("a line");
        let end: Value = serde_json::from_str(last).expect("a line");
        let recorded = hupd.home.ended_run("job");
        assert_eq!(recorded["attempt"], 3, "{recorded}");
        assert_eq!(end["details"], recorded, "{command}");
    }
}

#[test]
fn of_what_was_not_kept_the_gap_is_told() {
    let home = Home::new();
    home.gate("gate");
    home.configure(
        "[history]\noutput = \"1KiB\"\n[jobs.job]\nworking_dir = \".\"\n\
         command = \"seq 2 1000; echo > written; cat gate; echo more\"\n",
    );
    let hupd = Hupd::start_in(home);
    let run = start(&hupd.home);
    let whole: String = (2..=1000).map(|number| format!("{number}\n")).collect();
    let all = |output: &Value| (output["total_bytes"] == whole.len()).then_some(());
    wait_until("all is there", || all(&hupd.home.json(&["logs", &run])));
    let mut follower = Follower::start(&hupd.home, &["--json", "logs", &run]);
    let mut event = || serde_json::from_str::<Value>(&follower.read_line()).expect("a line");
    event();
    assert_eq!(event()["event"], "started");
    assert_eq!(event()["data"], whole[..512]);
    let gap = event();
    assert_eq!(
        (&gap["event"], &gap["bytes"]),
        (&json!("lost"), &json!(whole.len() - 1024))
    );
    assert_eq!(event()["data"], whole[whole.len() - 512..]);
    pass(&hupd.home);
    assert_eq!(event()["data"], "more\n");
    assert_eq!(event()["event"], "end");
}

/// Resident memory, in bytes.
fn resident(hupd: &Hupd) -> u64 {
    let status = fs::read_to_string(hupd.proc("status")).expect("it is alive");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    1024 * number.expect("a number").parse::<u64>().expect("a number")
}

#[test]
fn a_follower_that_does_not_read_holds_nobody_up_and_is_told_what_it_missed() {
    let hupd = hupd_with_job("command = \"cat gate; head -c 300000000 /dev/zero; echo; echo end\"");
    let run = start(&hupd.home);
    let mut follower = Follower::start(&hupd.home, &["--json", "logs", &run]);
    follower.read_line();
    kill_process(follower.pid(), Signal::STOP).expect("stopped");
    let before = resident(&hupd);
    pass(&hupd.home);
    let ended = hupd.home.ended_run("job");
    assert_eq!(ended["outcome"], "exited 0");
    let grown = resident(&hupd).saturating_sub(before);
    assert!(grown < 24 << 20, "grown by {grown} bytes");
    kill_process(follower.pid(), Signal::CONT).expect("goes on");
    let (status, lines, _) = follower.end();
    assert_eq!(status, Some(0));
    let events: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line"))
        .collect();
    let of = |name: &str| {
        let events = events.iter().filter(|event| event["event"] == name);
        events.cloned().collect::<Vec<_>>()
    };
    let lost: u64 = of("lost")
        .iter()
        .filter_map(|event| event["bytes"].as_u64())
        .sum();
    let texts = of("output");
    let seen: usize = texts
        .iter()
        .map(|event| event["data"].as_str().expect("text").len())
        .sum();
    assert_eq!(lost + seen as u64, 300_000_005);
    assert!(lost > 100_000_000, "{lost}");
    // It may have come in pieces.
    let end = texts[texts.len().saturating_sub(2)..].iter();
    let end: String = end.filter_map(|event| event["data"].as_str()).collect();
    assert!(end.ends_with("\nend\n"));
}

#[test]
fn a_follower_that_is_gone_is_forgotten_while_the_run_is_silent() {
    let hupd = hupd_with_job("command = \"cat gate; echo done\"");
    let run = start(&hupd.home);
    hupd.home.wait_running("job", 1);
    let files = || fs::read_dir(hupd.proc("fd")).expect("it is alive").count();
    let before = files();
    let mut followers: Vec<_> = (0..10)
        .map(|_| Follower::start(&hupd.home, &["--json", "logs", &run]))
        .collect();
    for follower in &mut followers {
        follower.read_line();
    }
    // Some of the connections before may have been counted, too.
    assert!(files() >= before + 5);
    for follower in &followers {
        kill_process(follower.pid(), Signal::KILL).expect("killed");
    }
    followers
        .into_iter()
        .for_each(|follower| drop(follower.end()));
    wait_until("their connections are closed", || {
        (files() <= before).then_some(())
    });
    pass(&hupd.home);
    assert_eq!(hupd.home.ended_run("job")["outcome"], "exited 0");
}

#[test]
fn a_follower_whose_reader_has_gone_ends() {
    let hupd = hupd_with_job("command = \"while echo line; do sleep 0.01; done\"");
    let run = start(&hupd.home);
    let mut follower = Follower::start(&hupd.home, &["logs", &run]);
    follower.read_line();
    drop(follower.0.stdout.take());
    let status = wait_until("it ends", || follower.0.try_wait().expect("a child"));
    assert_eq!(status.code(), Some(0));
    assert_eq!(hupd.home.running("job").len(), 1);
}

#[test]
fn a_follower_whose_hupd_is_killed_says_so() {
    let hupd = hupd_with_job("command = \"echo line; cat gate\"");
    let run = start(&hupd.home);
    let pid = hupd.home.wait_running("job", 1)[0]["pid"].as_i64();
    let mut follower = Follower::start(&hupd.home, &["logs", &run]);
    follower.read_line();
    let home = hupd.crash();
    let (status, _, aside) = follower.end();
    assert_eq!(status, Some(69));
    assert!(aside.ends_with("ended before the run did\n"), "{aside}");
    let pid = pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    let _ = rustix::process::kill_process_group(pid.expect("a pid"), Signal::KILL);
    drop(home);
}

#[test]
fn a_follower_sees_the_end_of_a_run_that_hupd_stops() {
    let mut hupd = hupd_with_job("command = \"echo line; cat gate\"");
    let run = start(&hupd.home);
    let mut follower = Follower::start(&hupd.home, &["logs", &run]);
    follower.read_line();
    hupd.signal(Signal::QUIT);
    let (status, _, aside) = follower.end();
    // As a shell has it: 128 and the signal.
    assert_eq!(status, Some(143));
    assert!(
        aside.contains("killed by TERM (stopped with hupd)"),
        "{aside}"
    );
    assert!(hupd.wait().success());
}

#[test]
fn those_who_follow_leave_places_for_others() {
    let hupd = hupd_with_job("command = \"cat gate\"");
    let run = start(&hupd.home);
    let request = format!("GET /v1/runs/{run}/output?follow=true HTTP/1.1\r\n\r\n");
    let follow = || {
        let mut stream = UnixStream::connect(hupd.home.socket()).expect("connected");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        let mut stream = BufReader::new(stream);
        stream.read_line(&mut answer).expect("an answer");
        (stream, answer)
    };
    let followers: Vec<_> = (0..64).map(|_| follow()).collect();
    for (_, answer) in &followers {
        assert!(answer.contains("200"), "{answer}");
    }
    assert!(follow().1.contains("503"));
    assert_eq!(hupd.status()["phase"], "serving");
}

#[test]
fn what_is_not_there_cannot_be_followed() {
    let hupd = hupd_with_job("command = \"true\"");
    for (of, sentence) in [
        ("99", "no run 99"),
        ("job", "job 'job' has no run yet"),
        ("nobody", "no job 'nobody'"),
    ] {
        let (status, written, aside) = Follower::start(&hupd.home, &["logs", of]).end();
        assert_eq!((status, &*written), (Some(1), ""));
        assert_eq!(aside, format!("hupctl: {sentence}\n"));
    }
}

//! What a run writes: kept byte for byte, in bounded memory, and shown while it lives.
#![allow(clippy::disallowed_methods, reason = "a test stands outside hupd")]

mod common;

use std::fs;
use std::process::Output;
use std::time::Duration;

use common::{Home, Hupd, text, wait_until};
use rustix::process::Pid;
use serde_json::{Value, json};

/// A hupd with one job, in whose folder the job works.
fn hupd_with_job(lines: &str) -> Hupd {
    Hupd::start(&format!(
        "[history]\noutput = \"1KiB\"\n[jobs.job]\nworking_dir = \".\"\n{lines}\n"
    ))
}

/// A hupd whose job prints this file.
fn hupd_printing(bytes: &[u8]) -> Hupd {
    let home = Home::new();
    fs::write(home.file("bytes"), bytes).expect("written");
    home.configure("[jobs.job]\ncommand = [\"cat\", \"bytes\"]\nworking_dir = \".\"\n");
    Hupd::start_in(home)
}

/// The peak of resident memory, in bytes.
fn peak(of: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", of.as_raw_pid()));
    let status = status.expect("it is alive");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    1024 * number.expect("a number").parse::<u64>().expect("a number")
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn both_streams_are_kept_in_the_order_of_writing() {
    let hupd =
        hupd_with_job(r#"command = "for n in 1 2 3; do echo out $n; echo err $n >&2; done""#);
    hupd.home.run_to_end("job");
    let expected = "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n";
    assert_eq!(text(&hupd.home.output("job")), expected);
}

#[test]
fn every_byte_comes_back_as_it_was() {
    let every: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let hupd = hupd_printing(&every);
    let run = hupd.home.run_to_end("job");
    assert_eq!(run["output_bytes"], 100_000);
    assert!(hupd.home.output("job") == every, "by job");
    assert!(hupd.home.output(&run["run"].to_string()) == every, "by run");
}

#[test]
fn json_says_whether_it_is_text_and_loses_no_byte_where_not() {
    let hupd = hupd_printing(b"\xff\0\n");
    hupd.home.run_to_end("job");
    let output = hupd.home.json(&["logs", "job"]);
    let (head, tail) = (&output["head"], &output["tail"]);
    assert_eq!(
        (&output["encoding"], head, tail),
        (&json!("base64"), &json!("/wAK"), &json!(""))
    );
    let hupd = hupd_printing("zwölf\n".as_bytes());
    hupd.home.run_to_end("job");
    let output = hupd.home.json(&["logs", "job"]);
    assert_eq!(
        (&output["encoding"], &output["head"]),
        (&json!("utf-8"), &json!("zwölf\n"))
    );
    assert_eq!(
        (&output["total_bytes"], &output["lost_bytes"]),
        (&json!(7), &json!(0))
    );
}

#[test]
fn of_a_long_output_head_and_tail_are_kept_and_the_loss_is_counted() {
    let hupd = hupd_with_job("command = [\"seq\", \"2\", \"1000\"]");
    let run = hupd.home.run_to_end("job");
    let whole: String = (2..=1000).map(|number| format!("{number}\n")).collect();
    assert_eq!(run["output_bytes"], whole.len());
    let (head, tail) = (&whole[..512], &whole[whole.len() - 512..]);
    let lost = whole.len() - 1024;
    let output = hupd.home.hupctl(&["logs", "job"]);
    // The head ends within a line.
    let aside = format!("\n… {},{} bytes left out …\n", lost / 1000, lost % 1000);
    assert_eq!(told(&output), (Some(0), format!("{head}{tail}"), aside));
    let json = hupd.home.json(&["logs", "job"]);
    assert_eq!((&json["head"], &json["tail"]), (&json!(head), &json!(tail)));
    assert_eq!(
        (&json["total_bytes"], &json["lost_bytes"]),
        (&json!(whole.len()), &json!(lost))
    );
}

/// How many bytes a flood has: in the full test ten times as many.
fn flood() -> u64 {
    match std::env::var_os("HUPD_FULL_FLOOD").is_some_and(|value| value == "1") {
        true => 10_000_000_000,
        false => 1_000_000_000,
    }
}

/// Runs the job to its end, which must come, while resident memory stays as it is.
fn survive(hupd: &Hupd, bytes: u64) {
    let before = peak(hupd.pid());
    hupd.home.hupctl(&["run", "job"]);
    let run = wait_long(|| {
        let runs = hupd.home.runs("job");
        runs.into_iter().find(|run| !run["outcome"].is_null())
    });
    assert_eq!(
        (&run["outcome"], &run["output_bytes"]),
        (&json!("exited 0"), &json!(bytes))
    );
    let grown = peak(hupd.pid()) - before;
    assert!(grown < 16 << 20, "grown by {grown} bytes");
}

/// Ten gigabytes take longer than any other test waits.
fn wait_long<T>(mut condition: impl FnMut() -> Option<T>) -> T {
    let found = (0..120_000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(5));
        condition()
    });
    found.expect("it comes in ten minutes")
}

#[test]
fn a_flood_without_a_newline_neither_blocks_the_job_nor_fills_memory() {
    let bytes = flood();
    let hupd = hupd_with_job(&format!(
        "command = [\"head\", \"-c\", \"{bytes}\", \"/dev/zero\"]"
    ));
    survive(&hupd, bytes);
    assert_eq!(hupd.home.output("job"), [0; 1024]);
    let json = hupd.home.json(&["logs", "job"]);
    assert_eq!(json["lost_bytes"], bytes - 1024);
}

#[test]
fn a_flood_of_lines_neither_blocks_the_job_nor_fills_memory() {
    let bytes = flood();
    let hupd = hupd_with_job(&format!("command = \"yes | head -c {bytes}\""));
    survive(&hupd, bytes);
    assert_eq!(text(&hupd.home.output("job")), "y\n".repeat(512));
}

/// What does not get into the log is told there, and what hupd itself says always gets in.
#[test]
fn of_a_flood_that_is_forwarded_every_line_is_in_the_log_or_counted() {
    let lines = 1_000_000;
    let hupd = hupd_with_job(&format!(
        "command = \"yes written | head -n {lines}\"\noutput = \"forward\""
    ));
    survive(&hupd, 8 * lines);
    hupd.wait_log("run ended: exited 0 job=job run=1");
    let log = hupd.log();
    let there = log
        .lines()
        .filter(|line| line.ends_with("info  job[1]: written"));
    let counts = log.lines().filter_map(|line| {
        let (before, _) = line.split_once(" log line")?;
        before.rsplit(' ').next()?.parse::<u64>().ok()
    });
    assert_eq!(there.count() as u64 + counts.sum::<u64>(), lines);
    assert!(log.contains("run started job=job run=1"), "it is there");
}

#[test]
fn a_flood_that_is_forwarded_does_not_fill_memory_either() {
    let home = Home::new();
    home.configure(
        r#"
        [jobs.job]
        command = "yes | tr -d '\\n' | head -c 50000000"
        output = "forward"
        "#,
    );
    let hupd = Hupd::start_in(home);
    let before = peak(hupd.pid());
    let run = hupd.home.run_to_end("job");
    assert_eq!(
        (&run["outcome"], &run["output_bytes"]),
        (&json!("exited 0"), &json!(50_000_000))
    );
    let grown = peak(hupd.pid()) - before;
    assert!(grown < 16 << 20, "grown by {grown} bytes");
}

/// The lines of the log that a job wrote.
fn forwarded(hupd: &Hupd) -> Vec<String> {
    let log = hupd.log();
    let lines = log.lines().filter(|line| line.contains("written"));
    lines.map(str::to_owned).collect()
}

#[test]
fn stored_output_is_not_in_the_log() {
    let hupd = hupd_with_job("command = \"echo written\"\noutput = \"store\"");
    hupd.home.run_to_end("job");
    assert_eq!(text(&hupd.home.output("job")), "written\n");
    assert_eq!(forwarded(&hupd), [""; 0]);
}

#[test]
fn forwarded_output_is_in_the_log_with_its_job_and_its_run_and_not_stored() {
    let hupd =
        hupd_with_job("command = \"echo written; printf 'last written'\"\noutput = \"forward\"");
    let run = hupd.home.run_to_end("job");
    assert_eq!(run["output_bytes"], 20);
    hupd.wait_log("last written");
    let lines = forwarded(&hupd);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].ends_with(" info  job[1]: written"), "{lines:?}");
    assert!(
        lines[1].ends_with(" info  job[1]: last written"),
        "{lines:?}"
    );
    assert_eq!(hupd.home.output("job"), b"");
}

#[test]
fn forwarded_output_has_its_job_its_run_and_its_attempt_in_fields_of_their_own_in_json() {
    let home = Home::new();
    home.configure(
        "[log]\nformat = \"json\"\n[jobs.job]\noutput = \"forward\"\n\
         command = \"printf 'written \\\\377\\\\001\\\\nwritten'; exit $((HUPD_ATTEMPT % 2))\"\n\
         retry = { attempts = 2, delay = \"100ms\" }\n",
    );
    let hupd = Hupd::start_in(home);
    hupd.home.run_to_end("job");
    hupd.wait_log("run ended: exited 0");
    let lines: Vec<Value> = forwarded(&hupd)
        .iter()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    let messages: Vec<_> = lines.iter().map(|line| &line["message"]).collect();
    let of_each = ["written \u{fffd}\u{1}", "written"];
    assert_eq!(messages, [of_each, of_each].concat());
    for (line, attempt) in lines.iter().zip([1, 1, 2, 2]) {
        assert_eq!(line["target"], "hupd::output");
        let fields = json!({"job": "job", "run": 1, "attempt": attempt});
        assert_eq!(line["fields"], fields);
    }
}

#[test]
fn output_can_go_to_both() {
    let hupd = hupd_with_job("command = \"echo written\"\noutput = \"both\"");
    hupd.home.run_to_end("job");
    hupd.wait_log("written");
    assert_eq!(forwarded(&hupd).len(), 1);
    assert_eq!(text(&hupd.home.output("job")), "written\n");
}

#[test]
fn discarded_output_goes_to_dev_null() {
    let hupd = hupd_with_job(
        "command = \"(readlink /proc/$$/fd/1 /proc/$$/fd/2) >seen; echo written\"\noutput = \"discard\"",
    );
    let run = hupd.home.run_to_end("job");
    assert_eq!(hupd.home.read("seen"), "/dev/null\n/dev/null\n");
    assert_eq!(run["output_bytes"], 0);
    assert_eq!(hupd.home.output("job"), b"");
    assert_eq!(forwarded(&hupd), [""; 0]);
}

#[test]
fn the_output_of_a_live_run_is_shown_by_run_and_by_job() {
    let home = Home::new();
    home.gate("gate");
    home.configure(
        r#"
        [jobs.job]
        command = "printf 'so \\000 far'; cat gate; echo the rest"
        working_dir = "."
        "#,
    );
    let hupd = Hupd::start_in(home);
    let home = &hupd.home;
    home.hupctl(&["run", "job"]);
    wait_until("it has written", || {
        (home.output("job") == b"so \0 far").then_some(())
    });
    let run = home.wait_running("job", 1)[0]["run"].to_string();
    assert_eq!(home.output(&run), b"so \0 far");
    assert_eq!(home.json(&["logs", &run])["running"], true);
    wait_until("it is let go", || home.open_gate("gate").then_some(()));
    home.ended_run("job");
    assert_eq!(home.output(&run), b"so \0 farthe rest\n");
    assert_eq!(home.json(&["logs", &run])["running"], false);
}

#[test]
fn the_output_of_a_job_is_that_of_its_newest_run() {
    let hupd = hupd_with_job("command = \"echo $HUPD_RUN_ID\"");
    let first = hupd.home.run_to_end("job")["run"].to_string();
    let second = hupd.home.run_to_end("job")["run"].to_string();
    assert_eq!(text(&hupd.home.output("job")), format!("{second}\n"));
    assert_eq!(text(&hupd.home.output(&first)), format!("{first}\n"));
}

#[test]
fn runs_and_jobs_that_are_not_there_are_named() {
    let hupd = hupd_with_job("command = [\"true\"]");
    let sentence = |text: &str| (Some(1), String::new(), format!("hupctl: {text}\n"));
    assert_eq!(
        told(&hupd.home.hupctl(&["logs", "99"])),
        sentence("no run 99")
    );
    assert_eq!(
        told(&hupd.home.hupctl(&["logs", "job"])),
        sentence("job 'job' has no run yet")
    );
    assert_eq!(
        told(&hupd.home.hupctl(&["logs", "nobody"])),
        sentence("no job 'nobody'")
    );
}

//! The log: nothing gets lost that is not counted, however it is written and whoever reads it.
#![allow(clippy::disallowed_methods, reason = "a test stands outside hupd")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use common::{Home, Hupd, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Numbered lines that never stop before the file `enough` is there, and how many there were.
const COUNT: &str = r#"
[jobs.count]
working_dir = "."
output = "forward"
command = '''
n=0
until [ -e enough ]; do
    for _ in 1 2 3 4 5 6 7 8 9 10; do n=$((n + 1)); echo "line $n."; done
    sleep 0.002
done
echo $n > written
'''
"#;

/// The numbers of the lines of the job, in the order of the text.
fn numbers(log: &str) -> Vec<u64> {
    let lines = log.lines().filter(|line| !line.contains("log line"));
    let number = |line: &str| {
        line.split_once(": line ")?
            .1
            .strip_suffix('.')?
            .parse()
            .ok()
    };
    lines.filter_map(number).collect()
}

fn written(home: &Home) -> u64 {
    wait_until("the job has counted", || {
        home.read("written").trim().parse().ok()
    })
}

#[test]
fn a_log_that_is_rotated_under_a_flood_has_each_line_once_and_in_order() {
    let rounds = 25;
    let mut hupd = Hupd::start(&format!("[log]\nfile = \"hupd.log\"\n{COUNT}"));
    assert!(hupd.home.hupctl(&["run", "count"]).status.success());
    let log = || hupd.home.read("hupd.log");
    for round in 0..rounds {
        wait_until("lines are written", || {
            (numbers(&log()).len() > 50).then_some(())
        });
        let old = hupd.home.file(&format!("hupd.log.{round}"));
        fs::rename(hupd.home.file("hupd.log"), old).expect("renamed");
        hupd.signal(Signal::USR1);
        wait_until("a new log is there", || {
            hupd.home.file("hupd.log").exists().then_some(())
        });
    }
    hupd.home.write("enough", "");
    let written = written(&hupd.home);
    hupd.home.ended_run("count");
    assert!(hupd.stop().success());
    let old = (0..rounds).map(|round| hupd.home.read(&format!("hupd.log.{round}")));
    let all: String = old.chain([hupd.home.read("hupd.log")]).collect();
    assert_eq!(numbers(&all), (1..=written).collect::<Vec<_>>());
}

#[test]
fn another_format_counts_from_the_reload_on_and_no_line_is_of_both() {
    let config =
        |format: &str| format!("[log]\nfile = \"hupd.log\"\nformat = \"{format}\"\n{COUNT}");
    let mut hupd = Hupd::start(&config("text"));
    assert!(hupd.home.hupctl(&["run", "count"]).status.success());
    for format in ["json", "text", "json", "text"] {
        hupd.home.configure(&config(format));
        hupd.reload();
    }
    hupd.home.write("enough", "");
    let written = written(&hupd.home);
    hupd.home.ended_run("count");
    assert!(hupd.stop().success());
    let log = hupd.home.read("hupd.log");
    let mut switches = Vec::new();
    let mut count = 0;
    for line in log.lines() {
        let json = line.starts_with('{');
        if switches.last() != Some(&json) {
            switches.push(json);
        }
        let message = match json {
            true => {
                let line: Value = serde_json::from_str(line).expect("an object");
                let is_verdict = line["message"]
                    .as_str()
                    .is_some_and(|it| it.starts_with("reload accepted"));
                assert!(
                    !is_verdict || line["fields"]["seconds"].is_number(),
                    "{line}"
                );
                line["message"].as_str().expect("a text").to_owned()
            }
            false => line.rsplit(": ").next().expect("a message").to_owned(),
        };
        if message.starts_with("line ") {
            count += 1;
            assert_eq!(message, format!("line {count}."));
        }
    }
    assert_eq!(count, written);
    assert_eq!(switches, [false, true, false, true, false]);
}

/// hupd in the foreground, and who may read what it says.
fn launch(home: &Home, command: &mut Command) -> Child {
    let child = command.arg("--foreground").spawn().expect("hupd starts");
    wait_until("hupd serves", || {
        home.hupctl(&["status"]).status.success().then_some(())
    });
    child
}

fn stop(mut hupd: Child) {
    kill_process(Pid::from_child(&hupd), Signal::TERM).expect("hupd is there");
    let ended = wait_until("hupd has ended", || hupd.try_wait().expect("a child"));
    assert!(ended.success(), "{ended}");
}

/// What was lost, as the log says it.
fn lost(log: &str) -> u64 {
    let counts = log.lines().filter_map(|line| {
        let (before, _) = line.split_once(" log line")?;
        before.rsplit(' ').next()?.parse::<u64>().ok()
    });
    counts.sum()
}

/// More than what the pipe and the queue take together.
#[test]
fn a_pipe_that_nobody_reads_stops_neither_hupd_nor_jobs_and_what_is_lost_is_counted() {
    let lines = 100_000;
    let home = Home::new();
    home.configure(&format!(
        "[jobs.flood]\noutput = \"forward\"\ncommand = \"seq -f 'line %.0f.' {lines}\"\n[jobs.other]\ncommand = \"true\"\n"
    ));
    let mut hupd = launch(&home, home.hupd().stderr(Stdio::piped()));
    let mut pipe = BufReader::new(hupd.stderr.take().expect("a pipe"));
    let flood = home.run_to_end("flood");
    assert_eq!(flood["outcome"], "exited 0");
    // Nobody has read a byte, and everything goes on.
    assert_eq!(home.run_to_end("other")["outcome"], "exited 0");
    assert!(home.hupctl(&["reload"]).status.success());

    let reader = std::thread::spawn(move || {
        let mut log = String::new();
        pipe.read_to_string(&mut log).expect("it is text");
        log
    });
    assert_eq!(home.run_to_end("other")["outcome"], "exited 0");
    stop(hupd);
    let log = reader.join().expect("it reads");
    let there = numbers(&log);
    assert!(there.is_sorted_by(|a, b| a < b));
    assert!(lost(&log) > 0, "the pipe was never full");
    assert_eq!(there.len() as u64 + lost(&log), lines);
    // What hupd itself says got its place.
    assert_eq!(
        log.matches("run ended: exited 0 job=other").count(),
        2,
        "{log}"
    );
    assert!(log.contains("run ended: exited 0 job=flood"), "{log}");
}

/// Standard error is this end of a stream, and `$JOURNAL_STREAM` names it, or another one.
fn into_a_stream(
    home: &Home,
    command: &mut Command,
    name: impl Fn(u64, u64) -> String,
) -> (Child, UnixStream) {
    let (reader, writer) = UnixStream::pair().expect("a pair");
    let writer = OwnedFd::from(writer);
    let stream = rustix::fs::fstat(&writer).expect("a socket");
    command.env("JOURNAL_STREAM", name(stream.st_dev, stream.st_ino));
    let hupd = launch(home, command.stderr(Stdio::from(writer)));
    // The command holds the other end of the stream as long as it lives.
    command.stderr(Stdio::null());
    (hupd, reader)
}

const LEVELS: &str = r#"
[log]
level = "debug"
[jobs.work]
output = "forward"
command = "echo done"
"#;

/// Something of each level.
fn lines_of(home: &Home, hupd: Child, stream: UnixStream) -> Vec<String> {
    home.run_to_end("work");
    kill_process(Pid::from_child(&hupd), Signal::USR2).expect("hupd is there");
    home.configure("wrong");
    assert!(!home.hupctl(&["reload"]).status.success());
    let lines = BufReader::new(stream).lines();
    stop(hupd);
    lines.map(|line| line.expect("a line")).collect()
}

#[test]
fn the_journal_gets_the_priority_of_each_line_and_no_time() {
    let home = Home::new();
    home.configure(LEVELS);
    let (hupd, stream) = into_a_stream(&home, &mut home.hupd(), |device, inode| {
        format!("{device}:{inode}")
    });
    let lines = lines_of(&home, hupd, stream);
    let priority = |text: &str| {
        let line = lines.iter().find(|line| line.contains(text));
        let line = line.unwrap_or_else(|| panic!("no '{text}' in {lines:#?}"));
        line.split_at(3).0.to_owned()
    };
    assert_eq!(priority(" serves 1 job of "), "<6>");
    assert_eq!(priority("work[1]: done"), "<6>");
    assert_eq!(priority("USR2 from "), "<4>");
    assert_eq!(priority("reload refused"), "<3>");
    let is_whole = |line: &String| ["<3>", "<4>", "<6>", "<7>"].contains(&&line[..3]);
    assert!(lines.iter().all(is_whole), "{lines:#?}");
}

#[test]
fn a_stream_that_is_not_the_one_of_the_journal_gets_text_with_the_time() {
    let home = Home::new();
    home.configure(LEVELS);
    let (hupd, stream) = into_a_stream(&home, &mut home.hupd(), |device, inode| {
        format!("{device}:{}", inode + 1)
    });
    let lines = lines_of(&home, hupd, stream);
    assert!(
        lines.iter().all(|line| line.starts_with("20")),
        "{lines:#?}"
    );
}

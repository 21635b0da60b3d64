//! The real hupctl on the real hupd: jobs and runs, and who may ask.
#![expect(
    clippy::disallowed_methods,
    reason = "a test starts programs and waits for what they do"
)]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::{Home, Hupd, text, wait_until};
use rustix::process::geteuid;
use serde_json::json;

const JOBS: &str = r#"
    [daemon]
    timezone = "UTC"
    [jobs.backup]
    command = ["true"]
    schedule = "30 2 29 2 *"
    timezone = "Asia/Tokyo"
    description = "copies all"
    [jobs.broken]
    command = "echo out of luck; exit 3"
    [jobs.off]
    command = ["true"]
    every = "15m"
    enabled = false
    [jobs.stuck]
    command = ["sleep", "1000"]
"#;

/// Nobody in particular: the overflow user.
const STRANGER: u32 = 65_534;

fn told(output: &Output) -> (Option<i32>, String, String) {
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn failed(sentence: &str) -> (Option<i32>, String, String) {
    (Some(1), String::new(), format!("hupctl: {sentence}\n"))
}

/// The lines of a table, with single blanks between the words.
fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{output:?}");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text(&output.stdout).lines().map(words).collect()
}

/// A hupctl whose reader is in this zone.
fn in_zone(home: &Home, zone: &str, arguments: &[&str]) -> Output {
    let mut command = home.hupctl_command();
    command
        .args(arguments)
        .env("TZ", zone)
        .output()
        .expect("hupctl runs")
}

#[test]
fn a_run_that_is_waited_for_decides_the_exit_status() {
    let hupd = Hupd::start(JOBS);
    let (status, out, aside) = told(&hupd.home.hupctl(&["run", "--wait", "backup"]));
    assert_eq!((status, &*out), (Some(0), ""));
    let start = "run 1 of job 'backup' started\nrun 1 of job 'backup' exited 0 after ";
    assert!(aside.starts_with(start), "{aside}");
    let (status, out, aside) = told(&hupd.home.hupctl(&["run", "--wait", "broken"]));
    assert_eq!((status, &*out), (Some(3), "out of luck\n"));
    assert!(
        aside.contains("\nrun 2 of job 'broken' exited 3 after "),
        "{aside}"
    );
    assert!(
        !aside.contains('\r') && !aside.contains('\u{1b}'),
        "{aside:?}"
    );
}

/// More than is kept of a run, at once.
const LOUD: &str = "[history]\noutput = \"1KiB\"\n\
     [jobs.loud]\ncommand = \"head -c 102400 /dev/zero | tr '\\\\0' x\"\n";

#[test]
fn all_that_a_run_writes_is_passed_on_wherever_else_it_goes() {
    let hupd = Hupd::start(LOUD);
    for (number, mode) in (1..).zip(["store", "forward", "both", "discard"]) {
        let config = format!("{LOUD}output = \"{mode}\"\n");
        hupd.home.configure(&config);
        hupd.reload();
        let (status, out, aside) = told(&hupd.home.hupctl(&["run", "--wait", "loud"]));
        assert_eq!(status, Some(0), "{mode}: {aside}");
        let written = if mode == "discard" { 0 } else { 102_400 };
        assert_eq!(out, "x".repeat(written), "{mode}");
        let lines: Vec<_> = aside.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 2, "{mode}: {aside}");
        assert_eq!(lines[0], format!("run {number} of job 'loud' started"));
    }
}

#[test]
fn of_a_run_that_waits_for_its_start_nothing_is_missed_either() {
    let home = Home::new();
    home.gate("gate");
    home.configure(
        "[daemon]\nmax_running = 1\n[jobs.first]\ncommand = \"cat gate\"\nworking_dir = \".\"\n\
         [jobs.quick]\ncommand = \"echo forwarded\"\noutput = \"forward\"\n",
    );
    let hupd = Hupd::start_in(home);
    hupd.home.json(&["run", "first"]);
    let mut quick = hupd.home.hupctl_command();
    quick.args(["run", "--wait", "quick"]);
    quick.stdout(Stdio::piped()).stderr(Stdio::piped());
    let quick = quick.spawn().expect("hupctl runs");
    wait_until("it waits", || {
        (hupd.home.json(&["status"])["waiting"] == 1).then_some(())
    });
    assert!(hupd.home.open_gate("gate"));
    let output = quick.wait_with_output().expect("it ends");
    assert_eq!(text(&output.stdout), "forwarded\n");
}

/// What is seen on a terminal, until it is enough.
fn watch(watcher: &mut fs::File, seen: &mut String, enough: impl Fn(&str) -> bool) {
    let mut buffer = [0; 1024];
    while !enough(seen) {
        let count = watcher.read(&mut buffer).expect("something to see");
        seen.push_str(&text(&buffer[..count]));
    }
}

#[test]
fn who_watches_sees_what_a_run_waits_for_and_that_it_rests() {
    let home = Home::new();
    home.gate("gate");
    home.configure(
        "[daemon]\nmax_running = 1\n[jobs.first]\ncommand = \"cat gate\"\nworking_dir = \".\"\n\
         [jobs.flaky]\ncommand = \"exit 75\"\nretry = { attempts = 2, delay = \"2s\" }\n",
    );
    let hupd = Hupd::start_in(home);
    hupd.home.json(&["run", "first"]);
    let (mut watcher, terminal) = terminal();
    let mut flaky = hupd.home.hupctl_command();
    flaky.args(["run", "--wait", "flaky"]).stderr(terminal);
    let mut flaky = flaky.spawn().expect("hupctl runs");
    let mut seen = String::new();
    watch(&mut watcher, &mut seen, |seen| {
        seen.contains(" s: max_running = 1 is reached")
    });
    assert!(seen.contains("run 2 of job 'flaky' accepted"), "{seen:?}");
    assert!(!seen.contains(" runs for "), "{seen:?}");
    assert!(hupd.home.open_gate("gate"));
    watch(&mut watcher, &mut seen, |seen| {
        seen.contains("run 2 of job 'flaky' waits for attempt 2, in ")
    });
    assert_eq!(flaky.wait().expect("it ends").code(), Some(75));
}

/// A terminal that nobody types at.
fn terminal() -> (fs::File, fs::File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let watcher = openpt(flags).expect("a terminal");
    grantpt(&watcher).expect("ours");
    unlockpt(&watcher).expect("unlocked");
    let name = ptsname(&watcher, Vec::new()).expect("its name");
    let path = name.into_string().expect("a plain name");
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true);
    let terminal = options.open(path).expect("its other end");
    (fs::File::from(watcher), terminal)
}

#[test]
fn who_watches_sees_how_long_the_run_goes_on_against_what_is_usual() {
    let hupd = Hupd::start(JOBS);
    hupd.home.gate("gate");
    let config = format!(
        "[jobs.gated]\ncommand = \"echo begun; cat {}; echo done\"\n",
        hupd.home.file("gate").display()
    );
    hupd.home.configure(&format!("{JOBS}{config}"));
    hupd.reload();
    let run = |stderr: Stdio| {
        let mut command = hupd.home.hupctl_command();
        command.args(["run", "--wait", "gated"]).stderr(stderr);
        command.stdout(Stdio::piped());
        command.spawn().expect("hupctl runs")
    };
    let opened = || {
        wait_until("the run waits at the gate", || {
            hupd.home.open_gate("gate").then_some(())
        });
    };
    let first = run(Stdio::null());
    opened();
    first.wait_with_output().expect("it ends");
    let (mut watcher, terminal) = terminal();
    let second = run(terminal.into());
    let mut seen = String::new();
    let mut buffer = [0; 1024];
    while seen.matches("run 2 of job 'gated' runs for ").count() < 3 {
        let count = watcher.read(&mut buffer).expect("something to see");
        seen.push_str(&text(&buffer[..count]));
    }
    assert!(seen.contains(" s (usually "), "{seen:?}");
    assert!(
        seen.contains("\r\u{1b}[Krun 2 of job 'gated' runs for "),
        "{seen:?}"
    );
    opened();
    let output = second.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "begun\ndone\n");
}

#[test]
fn a_run_that_is_not_waited_for_is_told_when_it_has_started() {
    let hupd = Hupd::start(JOBS);
    let output = hupd.home.hupctl(&["run", "stuck"]);
    let expected = (
        Some(0),
        "run 1 of job 'stuck' started\n".to_owned(),
        String::new(),
    );
    assert_eq!(told(&output), expected);
    assert_eq!(hupd.home.running("stuck").len(), 1);
}

#[test]
fn a_job_that_runs_or_does_not_exist_is_not_run() {
    let hupd = Hupd::start(JOBS);
    hupd.home.hupctl(&["run", "stuck"]);
    for arguments in [&["run", "stuck"][..], &["run", "--wait", "stuck"]] {
        let sentence = "job 'stuck' does not start: run 1 is not over (overlap = \"skip\")";
        assert_eq!(told(&hupd.home.hupctl(arguments)), failed(sentence));
    }
    assert_eq!(
        told(&hupd.home.hupctl(&["run", "nobody"])),
        failed("no job 'nobody'")
    );
    let rows = hupd.home.ledger("stuck");
    let fates: Vec<_> = rows.iter().map(|row| row.1.as_str()).collect();
    assert_eq!(fates, ["ran", "skipped", "skipped"]);
}

#[test]
fn a_job_that_nobody_knows_has_no_runs_that_could_be_listed() {
    let mut hupd = Hupd::start(JOBS);
    hupd.home.run_to_end("backup");
    let nobody = failed("no job 'bakcup'");
    for filter in [&["runs", "bakcup"][..], &["runs", "bakcup", "--failed"]] {
        assert_eq!(told(&hupd.home.hupctl(filter)), nobody);
    }
    let nothing = "no failed run of job 'backup' is recorded\n";
    let failed_ones = &["runs", "backup", "--failed"][..];
    assert_eq!(lines(&hupd.home.hupctl(failed_ones)), [nothing.trim_end()]);
    let none = "no run of job 'broken' is recorded";
    assert_eq!(lines(&hupd.home.hupctl(&["runs", "broken"])), [none]);
    // One that is in the history alone is known too.
    let others = JOBS.replace("[jobs.backup]", "[jobs.other]");
    hupd.home.configure(&others);
    hupd.reload();
    assert_eq!(lines(&hupd.home.hupctl(failed_ones)), [nothing.trim_end()]);
    hupd.stop();
}

#[test]
fn who_waits_for_a_run_is_told_when_it_is_killed() {
    let hupd = Hupd::start(JOBS);
    let mut waiting = hupd.home.hupctl_command();
    waiting
        .args(["run", "--wait", "stuck"])
        .stderr(Stdio::piped());
    let waiting = waiting.spawn().expect("hupctl runs");
    hupd.home.wait_running("stuck", 1);
    hupd.home.hupctl(&["kill", "1"]);
    let output = waiting.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(143));
    let text = text(&output.stderr);
    assert!(
        text.contains("run 1 of job 'stuck' killed by TERM (stopped on request) after "),
        "{text}"
    );
}

#[test]
fn runs_are_listed_newest_first_and_failed_ones_alone() {
    let hupd = Hupd::start(JOBS);
    for job in ["backup", "broken", "backup"] {
        hupd.home.run_to_end(job);
    }
    hupd.home.hupctl(&["run", "stuck"]);
    let jobs = |arguments: &[&str]| -> Vec<String> {
        let lines = lines(&hupd.home.hupctl(arguments));
        assert!(
            lines[0].starts_with("RUN JOB STARTED DURATION OUTCOME "),
            "{lines:?}"
        );
        let words = lines[1..]
            .iter()
            .map(|line| line.split(' ').take(2).collect::<Vec<_>>());
        words.map(|words| words.join(" ")).collect()
    };
    assert_eq!(
        jobs(&["runs"]),
        ["4 stuck", "3 backup", "2 broken", "1 backup"]
    );
    assert_eq!(
        jobs(&["runs", "backup"]),
        ["3 backup", "1 backup", "", "2 of"]
    );
    assert_eq!(jobs(&["runs", "-n", "2"]), ["4 stuck", "3 backup"]);
    assert_eq!(jobs(&["runs", "--failed"]), ["2 broken"]);
    let table = text(&hupd.home.hupctl(&["runs", "--failed"]).stdout);
    assert!(table.contains("  exited 3  request  "), "{table}");
    assert!(table.trim_end().ends_with("  -       12 B"), "{table}");
    assert_eq!(jobs(&["runs", "--outcome", "exited-3"]), ["2 broken"]);
    assert_eq!(
        jobs(&["runs", "-o", "exited 3", "-t", "request"]),
        ["2 broken"]
    );
    assert_eq!(jobs(&["runs", "--outcome", "running"]), ["4 stuck"]);
    assert_eq!(jobs(&["runs", "-o", "success", "-n", "1"]), ["3 backup"]);
    let began = hupd.home.runs("backup")[0]["started_at"].clone();
    let began = began.as_str().expect("a time");
    assert_eq!(jobs(&["runs", "--since", began]), ["4 stuck", "3 backup"]);
    assert_eq!(jobs(&["runs", "--until", began]), ["2 broken", "1 backup"]);
    let none = hupd.home.hupctl(&["runs", "--failed", "backup"]);
    let sentence = "no failed run of job 'backup' is recorded\n".to_owned();
    assert_eq!(told(&none), (Some(0), sentence, String::new()));
}

#[test]
fn what_is_known_of_a_run_is_shown_by_its_number() {
    let hupd = Hupd::start(JOBS);
    hupd.home.run_to_end("broken");
    let json = hupd.home.json(&["show", "1"]);
    let expected = [
        ("job", json!("broken")),
        ("outcome", json!("exited 3")),
        ("exit_code", json!(3)),
        ("trigger", json!("request")),
        ("generation", json!(1)),
        ("output_bytes", json!(12)),
        ("output_kept_bytes", json!(12)),
        ("output_lost_bytes", json!(0)),
    ];
    for (key, value) in expected {
        assert_eq!(json[key], value, "{key}: {json}");
    }
    assert_eq!(json["usual"]["ended"], 1);
    assert_eq!(json["usual"]["success_rate"], 0.0);
    assert!(
        json["late_seconds"]
            .as_f64()
            .is_some_and(|late| late >= 0.0),
        "{json}"
    );
    let scheduled = json["scheduled_local"].as_str().expect("a time");
    assert!(
        scheduled.ends_with("+00:00") || scheduled.ends_with('Z'),
        "{scheduled}"
    );
    let lines = lines(&hupd.home.hupctl(&["show", "1"]));
    for line in [
        "job broken",
        "outcome exited 3",
        "output 12 B: hupctl logs 1",
    ] {
        assert!(lines.iter().any(|known| known == line), "{lines:?}");
    }
    assert_eq!(
        told(&hupd.home.hupctl(&["show", "17"])),
        failed("no run 17")
    );
}

#[test]
fn what_is_known_of_a_job_is_shown_by_its_name() {
    let hupd = Hupd::start(JOBS);
    for _ in 0..3 {
        hupd.home.run_to_end("backup");
    }
    let json = hupd.home.json(&["show", "backup"]);
    assert_eq!(json["description"], "copies all");
    assert_eq!(json["usual"]["succeeded"], 3);
    assert_eq!(json["coming"].as_array().map(Vec::len), Some(5));
    assert_eq!(json["coming"][0]["at"], json["next"]);
    assert_eq!(json["runs"][0]["run"], 3);
    let durations = [0, 1, 2].map(|run| json["runs"][run]["duration_seconds"].as_f64());
    let mut durations = durations.map(|seconds| seconds.expect("a duration"));
    durations.sort_by(f64::total_cmp);
    assert_eq!(json["usual"]["median_seconds"], durations[1]);
    assert_eq!(json["usual"]["p95_seconds"], durations[2]);
    let off = lines(&hupd.home.hupctl(&["show", "off"]));
    for line in [
        "policies enabled = false",
        "next never: it is disabled",
        "so far no run has ended yet",
    ] {
        assert!(off.iter().any(|known| known == line), "{off:?}");
    }
    assert_eq!(
        told(&hupd.home.hupctl(&["show", "nobody"])),
        failed("no job 'nobody'")
    );
}

#[test]
fn the_runs_of_a_job_are_drawn_in_a_pipe_as_well() {
    let hupd = Hupd::start(JOBS);
    for _ in 0..2 {
        hupd.home.run_to_end("broken");
    }
    let chart = text(&hupd.home.hupctl(&["runs", "broken", "--chart"]).stdout);
    let lines: Vec<&str> = chart.lines().collect();
    assert_eq!(lines[0], "0 of 2 runs succeeded (0 %)");
    assert!(
        lines[2].starts_with("  1  ") && lines[2].ends_with("  exited 3"),
        "{chart}"
    );
    assert!(lines[3].starts_with("  2  "), "{chart}");
    assert!(!chart.contains('\u{1b}'), "{chart}");
    let alone = hupd.home.hupctl(&["runs", "--chart"]);
    assert_eq!(alone.status.code(), Some(2));
    let both = hupd.home.hupctl(&["--json", "runs", "broken", "--chart"]);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn the_list_of_jobs_says_how_each_stands() {
    let hupd = Hupd::start(JOBS);
    hupd.home.run_to_end("broken");
    hupd.home.hupctl(&["run", "stuck"]);
    let list = lines(&in_zone(&hupd.home, "UTC", &["list"]));
    assert_eq!(list[0], "JOB TIMING NEXT LAST RUNNING DESCRIPTION");
    // 02:30 in Tokyo, of the next leap day.
    assert!(
        list[1].starts_with("backup 30 2 29 2 * (Asia/Tokyo) 20"),
        "{list:?}"
    );
    assert!(list[1].contains("-02-28 17:30:00 in "), "{list:?}");
    assert!(list[1].ends_with(" d - copies all"), "{list:?}");
    assert!(
        list[2].starts_with("broken on request - exited 3, "),
        "{list:?}"
    );
    assert_eq!(
        list[3..],
        ["off every 15m disabled -", "stuck on request - - 2"]
    );
}

#[test]
fn the_next_times_are_those_of_the_reader() {
    let hupd = Hupd::start(JOBS);
    let next = lines(&in_zone(&hupd.home, "UTC", &["next", "backup", "-n", "2"]));
    assert_eq!(next[0], "TIME JOB NOTE");
    assert_eq!(next.len(), 3);
    assert!(next[1].contains("-02-28 17:30:00 in "), "{next:?}");
    assert!(
        next[1].ends_with("-02-29T02:30:00+09:00 for the job"),
        "{next:?}"
    );
    let there = lines(&in_zone(&hupd.home, "Asia/Tokyo", &["next"]));
    assert!(there[1].contains("-02-29 02:30:00 in "), "{there:?}");
    assert!(there[1].ends_with(" d backup"), "{there:?}");
    assert_eq!(there.len(), 11);
    let sentence = |job: &str| {
        (
            Some(0),
            format!("job '{job}' has no next time\n"),
            String::new(),
        )
    };
    for job in ["off", "stuck"] {
        assert_eq!(told(&hupd.home.hupctl(&["next", job])), sentence(job));
    }
    assert_eq!(
        told(&hupd.home.hupctl(&["next", "nobody"])),
        failed("no job 'nobody'")
    );
}

#[test]
fn without_a_hupd_the_sentence_says_what_is_there_instead() {
    let home = Home::new();
    let at = home.socket().display().to_string();
    let nobody = |reason: &str| {
        let sentence = format!(
            "hupctl: no hupd is running at {at} ({reason}); start it, or name its socket with --socket\n"
        );
        (Some(69), String::new(), sentence)
    };
    assert_eq!(told(&home.hupctl(&["status"])), nobody("no such file"));
    home.configure("[jobs.job]\ncommand = [\"true\"]\n");
    let home = Hupd::start_in(home).crash();
    let at = home.socket().display().to_string();
    let (status, out, aside) = told(&home.hupctl(&["run", "job"]));
    assert_eq!((status, out.as_str()), (Some(69), ""));
    assert!(
        aside.contains(&at)
            && aside.contains("a stale socket, left behind by a hupd that was killed"),
        "{aside}"
    );
    fs::remove_file(home.socket()).expect("removed");
    fs::write(home.socket(), "").expect("written");
    let (status, _, aside) = told(&home.hupctl(&["list"]));
    assert_eq!(status, Some(69));
    assert!(aside.contains("that is no socket"), "{aside}");
    let json = home.json(&["status"]);
    assert_eq!(json["error"]["kind"], "no_daemon");
}

/// A copy of hupctl for others to run, made by another process: what a test has open for writing,
/// parallel tests pass on.
fn hupctl_for_all(home: &Home) -> Command {
    let program = home.file("hupctl");
    let mut copy = Command::new("cp");
    let copied = copy
        .arg(env!("CARGO_BIN_EXE_hupctl"))
        .arg(&program)
        .status();
    assert!(copied.expect("cp").success());
    let mut command = Command::new(program);
    command.arg("--socket").arg(home.socket());
    command
}

fn open_to_all(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn as_stranger(home: &Home, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = hupctl_for_all(home);
    command.args(arguments).uid(STRANGER).gid(STRANGER);
    told(&command.output().expect("hupctl runs"))
}

#[test]
fn a_stranger_is_refused_and_told_so() {
    if !geteuid().is_root() {
        // Past the harness, which keeps to itself what a test that passes prints.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: only root can become a stranger"
        );
        assert!(
            std::env::var_os("HUPD_REQUIRE_SYSTEMD").is_none(),
            "root is required"
        );
        return;
    }
    let hupd = Hupd::start(JOBS);
    let home = &hupd.home;
    open_to_all(home.path(), 0o755);
    let shown = home.socket().display().to_string();
    let no_access =
        format!("hupctl: permission denied at {shown}: only its owner and its group may use it\n");
    assert_eq!(
        as_stranger(home, &["status"]),
        (Some(77), String::new(), no_access)
    );
    // Whoever the administrator lets in may look, and no more.
    open_to_all(&home.file("run"), 0o755);
    open_to_all(&home.socket(), 0o666);
    assert_eq!(as_stranger(home, &["status"]).0, Some(0));
    assert_eq!(as_stranger(home, &["next", "off"]).0, Some(0));
    for (arguments, what) in [
        (&["run", "backup"][..], "run job 'backup'"),
        (&["kill", "1"], "kill run 1"),
        (&["reload"], "reload"),
        (&["stop"], "stop hupd"),
    ] {
        let (status, out, aside) = as_stranger(home, arguments);
        assert_eq!(
            (status, out.as_str()),
            (Some(77), ""),
            "{arguments:?}: {aside}"
        );
        let sentence = "hupctl: only root and the user that hupd runs as (uid 0) may ";
        assert!(aside.starts_with(sentence), "{aside}");
        assert!(aside.contains(what), "{aside}");
        assert!(
            aside.ends_with(&format!("; you are uid {STRANGER}\n")),
            "{aside}"
        );
    }
    assert_eq!(home.ledger("backup"), []);
    assert_eq!(home.json(&["status"])["phase"], "serving");
    wait_until("nothing runs", || {
        home.running("backup").is_empty().then_some(())
    });
}

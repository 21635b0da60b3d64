//! The real hupctl against a server whose answers the test decides: texts and exit statuses.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests start hupctl as its users do"
)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use hupd::control::Server;
use hupd::event::{Event, Inbox, Outbox};
use hupd::protocol::{
    Answer, NextFilter, NextRow, NextRows, OutcomeFilter, OutputOf, OutputRow, Patience, PhaseRow,
    Refusal, RefusalKind, Request, RunFilter, RunRow, Runs, Status, Verdict,
};
use hupd::run::{self, RunId, Trigger};
use jiff::Timestamp;
use tempfile::TempDir;

/// A server whose every request gets the same answer.
struct Bench {
    folder: TempDir,
    server: Option<Server>,
    outbox: Outbox,
    clerk: Option<JoinHandle<()>>,
    requests: mpsc::Receiver<Request>,
}

impl Bench {
    fn answering(answer: Answer) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let inbox = Inbox::new();
        let outbox = inbox.outbox();
        let server = Server::start(&folder.path().join("s"), inbox.outbox());
        let (seen, requests) = mpsc::channel();
        let clerk = thread::spawn(move || {
            while let Event::Asked(asked) = inbox.next() {
                seen.send(asked.request).expect("the test listens");
                asked.reply.send(answer.clone());
            }
        });
        Self {
            folder,
            server: Some(server.expect("a server")),
            outbox,
            clerk: Some(clerk),
            requests,
        }
    }

    fn refusing(kind: RefusalKind, message: &str) -> Self {
        Self::answering(Answer::Refused(Refusal::new(kind, message)))
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = hupctl(arguments);
        command.arg("--socket").arg(self.socket());
        command
    }

    fn hupctl(&self, arguments: &str) -> Told {
        Told::by(&mut self.command(arguments))
    }

    fn asked(&self) -> Request {
        self.requests.try_recv().expect("a request")
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // Any event but a request ends the clerk.
        let _ = self.outbox.send(Event::Due);
        drop(self.clerk.take().map(JoinHandle::join));
        if let Some(server) = self.server.take() {
            server.close();
        }
    }
}

fn hupctl(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hupctl"));
    command
        .args(arguments.split_whitespace())
        .env("TZ", "UTC")
        .env_remove("HUPD_SOCKET")
        .stdin(Stdio::null());
    command
}

/// What hupctl told, and how it ended.
#[derive(Debug)]
struct Told {
    status: Option<i32>,
    out: String,
    aside: String,
}

impl Told {
    fn by(command: &mut Command) -> Self {
        command.output().expect("hupctl starts").into()
    }

    #[track_caller]
    fn is(&self, status: i32, out: &str, aside: &str) {
        let told = (self.status, &*self.out, &*self.aside);
        assert_eq!(told, (Some(status), out, aside));
    }
}

impl From<Output> for Told {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            aside: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn started() -> RunRow {
    RunRow {
        run: RunId(17),
        job: "backup".into(),
        trigger: Trigger::Request,
        scheduled_for: time("2026-11-23T07:00:00Z"),
        generation: 3,
        pid: Some(99),
        started_at: Some(time("2026-11-23T07:00:00Z")),
        ended_at: None,
        outcome: None,
        exit_code: None,
        signal: None,
        stopped_by: None,
        duration_seconds: None,
        cpu_seconds: None,
        peak_memory_bytes: None,
        output_bytes: None,
        note: None,
        survivors: Vec::new(),
        success: None,
        attempt: 1,
        next_attempt_at: None,
    }
}

fn ended(outcome: &str) -> RunRow {
    RunRow {
        ended_at: Some(time("2026-11-23T07:00:01Z")),
        outcome: Some(outcome.into()),
        duration_seconds: Some(1.2),
        cpu_seconds: Some(0.1),
        peak_memory_bytes: Some(2_097_152),
        output_bytes: Some(5),
        note: None,
        survivors: Vec::new(),
        success: Some(outcome == "exited 0"),
        ..started()
    }
}

fn status() -> Status {
    Status {
        version: "0.1.0".into(),
        pid: 4,
        started_at: time("2026-11-23T07:00:00Z"),
        phase: PhaseRow::Serving,
        config_file: "/etc/hupd/hupd.toml".into(),
        generation: 3,
        generation_since: time("2026-11-23T07:00:00Z"),
        text_of: None,
        text_because: None,
        degraded: None,
        unconfirmed: None,
        last_reload: None,
        jobs: 14,
        disabled_jobs: 1,
        paused_jobs: 0,
        waiting: 0,
        first_waiting: vec![],
        running: vec![],
        next: None,
        store_failure: None,
        unrecorded: None,
        history_moved: None,
        watch_config: false,
        watching: None,
        no_starters: None,
        hanging: vec![],
        reloading: None,
    }
}

fn verdict(accepted: bool, summary: &str, problems: &str) -> Verdict {
    Verdict {
        at: time("2026-11-23T07:00:00Z"),
        asked_by: "hupctl from pid 7, uid 0".into(),
        accepted,
        generation: 3,
        summary: summary.into(),
        problems: problems.into(),
        problem_count: 1,
        seconds: 0.012,
        spent: None,
        text_of: None,
        confirm_by: None,
    }
}

fn output(head: &[u8], tail: &[u8], total: u64) -> Answer {
    Answer::Output(OutputRow {
        run: RunId(17),
        output: run::Output {
            head: head.to_vec(),
            tail: tail.to_vec(),
            total,
        },
        is_running: false,
    })
}

#[test]
fn status_tells_the_phase_first() {
    let told = Bench::answering(Answer::Status(status())).hupctl("status");
    assert_eq!((told.status, &*told.aside), (Some(0), ""));
    assert!(told.out.starts_with(
        "phase          serving\nhupd           0.1.0, pid 4, since 2026-11-23 07:00:00 ("
    ));
    assert!(told.out.ends_with("jobs           14, 1 of them disabled\nnext           no job has a next time\nrunning        nothing\n"));
}

#[test]
fn json_is_that_of_the_socket() {
    let bench = Bench::answering(Answer::Status(status()));
    let mut json = serde_json::to_string(&status()).unwrap();
    json.push('\n');
    bench.hupctl("--json status").is(0, &json, "");
    bench.hupctl("status --json").is(0, &json, "");
}

#[test]
fn empty_lists_are_sentences() {
    let jobs = Bench::answering(Answer::Jobs(vec![]));
    jobs.hupctl("list")
        .is(0, "the configuration has no jobs\n", "");
    jobs.hupctl("list --json").is(0, "{\"jobs\":[]}\n", "");
    let runs = Bench::answering(Answer::Runs(Runs::default()));
    runs.hupctl("runs").is(0, "no run is recorded\n", "");
    let next = Bench::answering(Answer::Next(NextRows::default()));
    next.hupctl("next backup")
        .is(0, "job 'backup' has no next time\n", "");
}

#[test]
fn what_is_asked_for_is_what_was_written() {
    let runs = Bench::answering(Answer::Runs(Runs::default()));
    runs.hupctl("runs a/b --failed -n 3");
    let filter = RunFilter {
        job: Some("a/b".into()),
        outcome: Some(OutcomeFilter::Failed),
        limit: 3,
        ..RunFilter::default()
    };
    assert_eq!(runs.asked(), Request::Runs(filter));
    runs.hupctl("runs --outcome exited-3 --trigger request --since 2026-11-23T07:00+01:00 --until 2026-11-23T07:00");
    let filter = RunFilter {
        outcome: Some(OutcomeFilter::Exited(3)),
        trigger: Some(Trigger::Request),
        since: Some(time("2026-11-23T06:00:00Z")),
        until: Some(time("2026-11-23T07:00:00Z")),
        limit: 20,
        ..RunFilter::default()
    };
    assert_eq!(runs.asked(), Request::Runs(filter));
    let next = Bench::answering(Answer::Next(NextRows::default()));
    next.hupctl("next -n7");
    let expected = NextFilter {
        count: 7,
        ..NextFilter::default()
    };
    assert_eq!(next.asked(), Request::Next(expected));
}

#[test]
fn runs_are_a_table_that_is_not_cut_without_a_terminal() {
    let long = RunRow {
        run: RunId(9),
        job: "a-job-with-a-name-that-is-so-long-that-no-terminal-shows-it-beside-all-the-others"
            .into(),
        ..ended("could not start: no such file or directory: '/usr/local/bin/does-not-exist'")
    };
    let bench = Bench::answering(Answer::Runs(Runs {
        runs: vec![ended("exited 0"), long],
        usual: None,
    }));
    let text = "
RUN  JOB                                                                                STARTED              DURATION  OUTCOME                                                                      TRIGGER  CPU     MEMORY   OUTPUT
17   backup                                                                             2026-11-23 07:00:00  1.2 s     exited 0                                                                     request  100 ms  2.0 MiB  5 B
9    a-job-with-a-name-that-is-so-long-that-no-terminal-shows-it-beside-all-the-others  2026-11-23 07:00:00  1.2 s     could not start: no such file or directory: '/usr/local/bin/does-not-exist'  request  100 ms  2.0 MiB  5 B
";
    bench.hupctl("runs").is(0, text.trim_start(), "");
}

#[test]
fn next_is_a_table() {
    let row = NextRow {
        job: "backup".into(),
        at: time("2200-01-01T02:30:00Z"),
        local: "2200-01-01T02:30:00Z".into(),
        moved_from: None,
    };
    let told = Bench::answering(Answer::Next(NextRows {
        next: vec![row],
        more: false,
    }))
    .hupctl("next");
    assert_eq!(told.status, Some(0));
    assert!(told.out.contains("\n2200-01-01 02:30:00  in "), "{told:?}");
}

#[test]
fn run_says_that_it_started() {
    let bench = Bench::answering(Answer::Run(started()));
    bench
        .hupctl("run backup")
        .is(0, "run 17 of job 'backup' started\n", "");
    let expected = Request::Run {
        job: "backup".into(),
        patience: Patience::UntilAccepted,
    };
    assert_eq!(bench.asked(), expected);
}

#[test]
fn run_and_wait_ends_as_the_run_did() {
    let good = Bench::answering(Answer::Run(ended("exited 0")));
    let json = good.hupctl("run backup --wait --json");
    assert_eq!((json.status, &*json.aside), (Some(0), ""));
    let bad = Bench::answering(Answer::Run(RunRow {
        exit_code: Some(3),
        ..ended("exited 3")
    }));
    let json = bad.hupctl("run -w backup --json");
    assert_eq!((json.status, &*json.aside), (Some(3), ""));
    assert!(json.out.contains("\"outcome\":\"exited 3\""), "{json:?}");
}

#[test]
fn a_refused_run_is_a_failure() {
    let bench = Bench::refusing(RefusalKind::NotFound, "no job 'x'");
    bench.hupctl("run x").is(1, "", "hupctl: no job 'x'\n");
    let json = "{\"error\":{\"kind\":\"not_found\",\"message\":\"no job 'x'\"}}\n";
    bench
        .hupctl("run x --json")
        .is(1, json, "hupctl: no job 'x'\n");
}

#[test]
fn logs_are_byte_for_byte() {
    let head: Vec<u8> = (0..=255).collect();
    let bench = Bench::answering(output(&head, b"\xff\nend", 261));
    let got = bench.command("logs 17").output().unwrap();
    assert_eq!(got.stdout, [&head[..], b"\xff\nend"].concat());
    assert_eq!(got.status.code(), Some(0));
    assert!(got.stderr.is_empty() || got.stderr.starts_with("\n… 1 bytes".as_bytes()));
    assert_eq!(bench.asked(), Request::Output(OutputOf::Run(RunId(17))));
}

#[test]
fn what_logs_leave_out_is_told_beside() {
    let bench = Bench::answering(output(b"begin\n", b"end\n", 1_244));
    bench
        .hupctl("logs backup")
        .is(0, "begin\nend\n", "… 1,234 bytes left out …\n");
    let of = OutputOf::LastOf("backup".into());
    assert_eq!(bench.asked(), Request::Output(of));
    let json = "{\"encoding\":\"utf-8\",\"head\":\"begin\\n\",\"lost_bytes\":1234,\"run\":17,\"running\":false,\"tail\":\"end\\n\",\"total_bytes\":1244}\n";
    bench.hupctl("logs backup --json").is(0, json, "");
}

#[test]
fn kill_names_the_process_and_fails_for_a_run_that_ended() {
    let bench = Bench::answering(Answer::Kill(started()));
    let text = "stop signal sent to run 17 of job 'backup' (pid 99)\n";
    bench.hupctl("kill 17").is(0, text, "");
    let message = "run 17 has ended already: exited 0";
    let bench = Bench::refusing(RefusalKind::Conflict, message);
    bench
        .hupctl("kill 17")
        .is(1, "", &format!("hupctl: {message}\n"));
}

#[test]
fn reload_fails_with_the_problems_of_a_refused_file() {
    let good = Bench::answering(Answer::Reload(verdict(true, "2 added, 14 unchanged", "")));
    let text = "reloaded: generation 3: 2 added, 14 unchanged (12 ms)\n";
    good.hupctl("reload").is(0, text, "");
    let problems = "error: unknown key 'comand'\n --> hupd.toml:3:1\n";
    let bad = verdict(false, "1 problem", problems);
    let bench = Bench::answering(Answer::Reload(bad.clone()));
    let text =
        format!("{problems}hupctl: reload refused: 1 problem; generation 3 stays in force\n");
    bench.hupctl("reload").is(1, "", &text);
    let json = format!("{}\n", serde_json::to_string(&bad).unwrap());
    bench.hupctl("reload --json").is(1, &json, &text);
}

#[test]
fn stop_tells_what_is_awaited() {
    let bench = Bench::answering(Answer::Stop(status()));
    bench
        .hupctl("stop")
        .is(0, "hupd (pid 4) is stopping; nothing is running\n", "");
}

#[test]
fn without_a_hupd_the_status_is_69() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let message = format!(
        "no hupd is running at {} (no such file); start it, or name its socket with --socket",
        socket.display()
    );
    let told = Told::by(hupctl("status").arg("--socket").arg(&socket));
    told.is(69, "", &format!("hupctl: {message}\n"));
    let told = Told::by(hupctl("status").env("HUPD_SOCKET", &socket));
    told.is(69, "", &format!("hupctl: {message}\n"));
    let told = Told::by(hupctl("status --json").env("HUPD_SOCKET", &socket));
    let json = format!("{{\"error\":{{\"kind\":\"no_daemon\",\"message\":\"{message}\"}}}}\n");
    told.is(69, &json, &format!("hupctl: {message}\n"));
}

#[test]
fn a_mistyped_file_does_not_lead_to_another_hupd() {
    let bench = Bench::answering(Answer::Stop(status()));
    let file = bench.folder.path().join("typo.toml");
    let told = Told::by(
        hupctl("stop")
            .arg("-c")
            .arg(&file)
            .env("HUPD_SOCKET", bench.socket()),
    );
    let message = format!(
        "hupctl: {}: cannot be read: no such file or directory; \
         name the file of the hupd that is meant, or its socket with --socket\n",
        file.display()
    );
    told.is(78, "", &message);
}

#[test]
fn the_socket_is_found_by_the_configuration() {
    let bench = Bench::answering(Answer::Jobs(vec![]));
    let file = bench.folder.path().join("hupd.toml");
    let folder = bench.folder.path().display();
    fs::write(&file, format!("[daemon]\nruntime_dir = \"{folder}\"\n")).unwrap();
    fs::rename(bench.socket(), bench.folder.path().join("hupd.sock")).unwrap();
    let told = Told::by(hupctl("list -c").arg(&file));
    told.is(0, "the configuration has no jobs\n", "");
}

#[test]
fn wrong_usage_is_2() {
    for arguments in [
        "",
        "dance",
        "next -n 0",
        "kill x",
        "status --socket a -c b",
        "run",
    ] {
        let told = Told::by(&mut hupctl(arguments));
        assert_eq!((told.status, &*told.out), (Some(2), ""), "{arguments}");
        assert!(told.aside.contains("--help"), "{told:?}");
    }
}

#[test]
fn a_filter_that_means_nothing_is_told_what_is_allowed() {
    let cases = [
        (
            "runs --outcome ok",
            "running, success, failed, exited-N, killed, killed-SIGNAL, timed-out, could-not-start or lost is allowed",
        ),
        (
            "runs --trigger cron",
            "one of these is allowed: schedule, every, request, change",
        ),
        ("runs --failed --outcome lost", "cannot be used with"),
        (
            "runs --since soon",
            "hupctl: --since: 'soon' is no time; write '2026-03-29T00:00:00Z', ",
        ),
        (
            "runs --since 2026-03-29T00:00 --until 2026-03-29T00:00",
            "hupctl: --until: is not after --since\n",
        ),
    ];
    for (arguments, expected) in cases {
        let told = Told::by(hupctl(arguments).args(["--socket", "/nowhere"]));
        assert_eq!((told.status, &*told.out), (Some(2), ""), "{arguments}");
        assert!(told.aside.contains(expected), "{told:?}");
    }
}

#[test]
fn a_file_that_is_not_valid_is_78() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("missing.toml");
    let told = Told::by(hupctl("check").arg(&file));
    assert_eq!((told.status, &*told.out), (Some(78), ""));
    let end = format!("\n{}: 1 error\n", file.display());
    assert!(told.aside.ends_with(&end), "{told:?}");
    let told = Told::by(hupctl("check --json -c").arg(&file));
    assert_eq!(told.status, Some(78));
    let json: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["problems"][0]["severity"], "error");
}

#[test]
fn a_valid_file_is_told_with_its_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hupd.toml");
    fs::write(&file, "[jobs.a]\ncommand = \"true\"\n").unwrap();
    let text = format!("{}: configuration OK: 1 job\n", file.display());
    let told = Told::by(hupctl("check").arg(&file));
    assert_eq!((told.status, told.out), (Some(0), text));
}

#[test]
fn a_reader_who_goes_away_is_no_error() {
    let bench = Bench::answering(output(&vec![b'x'; 1_000_000], b"", 1_000_000));
    let mut command = bench.command("logs 17");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = command
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Told::from(child.wait_with_output().unwrap()).is(0, "", "");
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let bench = Bench::answering(Answer::Jobs(vec![]));
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let child = bench
        .command("list")
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn();
    let told = Told::from(child.unwrap().wait_with_output().unwrap());
    assert_eq!(told.status, Some(1));
    assert!(
        told.aside.starts_with("hupctl: standard output: "),
        "{told:?}"
    );
}

#[test]
fn a_stranger_is_told_what_is_not_allowed() {
    if !rustix::process::geteuid().is_root() {
        writeln!(std::io::stderr(), "needs root to become a stranger").unwrap();
        return;
    }
    let bench = Bench::answering(Answer::Jobs(vec![]));
    let program = bench.folder.path().join("hupctl");
    // By another process: a file that this one had open for writing while a parallel test forked
    // cannot be executed.
    let mut copy = Command::new("cp");
    let copied = copy.arg(env!("CARGO_BIN_EXE_hupctl")).arg(&program);
    assert!(copied.status().unwrap().success());
    let chmod = |path: &PathBuf, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    chmod(&bench.folder.path().to_path_buf(), 0o755).unwrap();
    let as_stranger = |arguments: &str| {
        let mut command = Command::new(&program);
        command.args(arguments.split_whitespace()).arg("--socket");
        Told::by(command.arg(bench.socket()).uid(65_534).gid(65_534))
    };
    let shown = bench.socket().display().to_string();
    let text =
        format!("hupctl: permission denied at {shown}: only its owner and its group may use it\n");
    as_stranger("list").is(77, "", &text);
    chmod(&bench.socket(), 0o666).unwrap();
    as_stranger("list").is(0, "the configuration has no jobs\n", "");
    let text = "hupctl: only root and the user that hupd runs as (uid 0) may stop hupd; you are uid 65534\n";
    as_stranger("stop").is(77, "", text);
}

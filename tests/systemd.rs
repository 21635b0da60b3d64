//! The service as shipped, under the real systemd, booted in a box by `tests/box/boot`. Needs root.

#![expect(
    clippy::disallowed_methods,
    reason = "a test starts programs and waits for what they do"
)]

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes: a test that waits for so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `tests/box/boot` exits with where it can do nothing.
const IMPOSSIBLE: i32 = 77;

const QUIET: &str = r#"
[jobs.quiet]
command = ["true"]
"#;

const QUIET_AND_SECOND: &str = r#"
[jobs.quiet]
command = ["true"]

[jobs.second]
command = ["true"]
every = "1h"
"#;

const BROKEN: &str = r#"
[jobs.quiet]
comand = ["true"]
"#;

const STUBBORN: &str = r#"
[daemon]
grace = "1s"

[jobs.stubborn]
command = "trap '' TERM; echo $$ >/run/stubborn.pid; while :; do sleep 1; done"
kill_after = "1s"
"#;

/// Forks twice into a session of its own, where nothing but KILL ends it.
const STRAYING: &str = r#"
[jobs.straying]
timeout = "1s"
kill_after = "1s"
command = """
    (setsid sh -c 'trap "" TERM; echo $$ >/run/stray.pid; while :; do sleep 1; done' &)
    sleep 1000
"""
"#;

/// Every start leaves a line that says for which occurrence it is.
const LONG: &str = r#"
[jobs.long]
every = "2s"
command = "echo $HUPD_SCHEDULED_FOR >>/run/starts; exec sleep 1000"
"#;

const HUNG_UP: &str = r#"
[jobs.plain]
command = ["sleep", "1000"]

[jobs.deaf]
command = ["sleep", "1000"]
hangup = "ignore"
"#;

const NOT_DELEGATED: &str = "[Service]\nDelegate=no\n";

/// Jobs of the server file that fail where the machine that runs the test needs a person.
const SPEAK_OF_THIS_MACHINE: [&str; 5] = [
    "certificates",
    "failed-units",
    "package-state",
    "security-updates",
    "time-sync",
];

#[test]
fn a_broken_file_fails_the_start_and_is_not_tried_again() {
    let Some(systemd) = SystemdBox::boot(BROKEN) else {
        return;
    };

    systemd.fails(&["systemctl", "start", "hupd"]);

    assert_eq!(systemd.property("ActiveState"), "failed");
    assert_eq!(systemd.property("ExecMainStatus"), "78");
    assert_eq!(systemd.property("NRestarts"), "0");
    assert!(
        systemd.journal().contains("comand"),
        "{}",
        systemd.describe()
    );
}

#[test]
fn a_reload_returns_when_the_verdict_is_there_and_fails_when_it_is_a_refusal() {
    let Some(systemd) = SystemdBox::started(QUIET) else {
        return;
    };
    reload_well_and_badly(&systemd);

    // Where systemd is too old for it, it changes nothing, and that is proved here.
    let drop_in = "systemd/hupd.service.d/notify-reload.conf";
    let drop_in = fs::read_to_string(checkout().join(drop_in)).expect("it is shipped");
    systemd.write(
        "/etc/systemd/system/hupd.service.d/notify-reload.conf",
        &drop_in,
    );
    systemd.configure(QUIET);
    systemd.succeeds(&["systemctl", "daemon-reload"]);
    systemd.succeeds(&["systemctl", "restart", "hupd"]);
    reload_well_and_badly(&systemd);
}

fn reload_well_and_badly(systemd: &SystemdBox) {
    let before = systemd.status()["generation"].as_u64().expect("a number");

    systemd.configure(QUIET_AND_SECOND);
    systemd.succeeds(&["systemctl", "reload", "hupd"]);
    assert_eq!(systemd.status()["generation"], before + 1);
    assert_eq!(systemd.jobs(), ["quiet", "second"]);
    assert_eq!(systemd.property("ActiveState"), "active");

    systemd.configure(BROKEN);
    systemd.fails(&["systemctl", "reload", "hupd"]);
    assert_eq!(systemd.status()["generation"], before + 1);
    assert_eq!(systemd.jobs(), ["quiet", "second"]);
    assert_eq!(systemd.property("ActiveState"), "active");
    let journal = systemd.journal();
    assert!(journal.contains("comand"), "{journal}");
    let status = systemd.status_line();
    let generation = format!("generation {}", before + 1);
    assert!(status.contains(&generation), "{status}");
    assert!(status.contains("refused"), "{status}");
}

#[test]
fn the_verdict_on_a_plain_hup_stands_in_the_status_of_the_service() {
    let Some(systemd) = SystemdBox::started(QUIET) else {
        return;
    };

    systemd.configure(BROKEN);
    systemd.signal_main("HUP");
    systemd.wait_until("the reload is refused", || {
        systemd.status_line().contains("refused")
    });
    assert!(systemd.status_line().contains("generation 1"));

    systemd.configure(QUIET_AND_SECOND);
    systemd.signal_main("HUP");
    systemd.wait_until("the reload is accepted", || {
        systemd.status_line().contains("generation 2")
    });
    assert!(!systemd.status_line().contains("refused"));
    assert_eq!(systemd.property("ActiveState"), "active");
}

#[test]
fn a_hup_to_the_whole_unit_reloads_ends_jobs_and_says_so() {
    let Some(systemd) = SystemdBox::started(HUNG_UP) else {
        return;
    };
    for job in ["plain", "deaf"] {
        systemd.succeeds(&["hupctl", "run", job]);
    }
    systemd.wait_until("both run", || systemd.running() == ["plain", "deaf"]);

    systemd.succeeds(&["systemctl", "kill", "-s", "HUP", "hupd"]);

    systemd.wait_until("the note is there", || {
        systemd.runs("plain")[0]["note"].is_string()
    });
    let run = systemd.runs("plain").remove(0);
    assert_eq!(run["outcome"], "killed by HUP");
    let note = run["note"].as_str().expect("it is a text");
    assert!(note.starts_with("hangup sent to the whole unit, from pid "));
    assert!(
        note.ends_with("(systemctl)") || note.ends_with("(systemd)"),
        "{note}"
    );
    assert_eq!(systemd.running(), ["deaf"]);
    assert!(systemd.journal().contains("reload accepted, HUP from pid "));
    assert_eq!(systemd.property("ActiveState"), "active");
}

#[test]
fn a_stop_ends_a_stubborn_job_within_its_bound() {
    let Some(systemd) = SystemdBox::started(STUBBORN) else {
        return;
    };
    systemd.succeeds(&["hupctl", "run", "stubborn"]);
    systemd.wait_until("the job ignores TERM", || {
        systemd
            .read("/run/stubborn.pid")
            .is_some_and(|pid| pid.ends_with('\n'))
    });
    let stubborn = systemd.read("/run/stubborn.pid").expect("it was there");

    // Less than systemd's own patience with the unit: hupd must have done it.
    systemd.succeeds(&["timeout", "40", "systemctl", "stop", "hupd"]);

    assert_eq!(
        systemd.property("Result"),
        "success",
        "{}",
        systemd.describe()
    );
    assert_eq!(systemd.property("ActiveState"), "inactive");
    systemd.fails(&["kill", "-0", stubborn.trim()]);

    systemd.succeeds(&["systemctl", "start", "hupd"]);
    let runs = systemd.runs("stubborn");
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0]["outcome"], "killed by KILL");
    assert_eq!(runs[0]["stopped_by"], "shutdown");
}

#[test]
fn after_a_kill_hupd_is_back_and_starts_no_occurrence_twice() {
    let Some(systemd) = SystemdBox::started(LONG) else {
        return;
    };
    systemd.wait_until("the job runs", || systemd.starts().len() == 1);
    let first_pid = systemd.property("MainPID");

    systemd.signal_main("KILL");
    systemd.wait_until("hupd is back, and the job runs again", || {
        systemd.starts().len() >= 2
    });

    assert_eq!(systemd.property("NRestarts"), "1");
    assert_ne!(systemd.property("MainPID"), first_pid);
    let runs = systemd.runs("long");
    let lost: Vec<_> = runs.iter().filter(|run| run["outcome"] == "lost").collect();
    assert_eq!(lost.len(), 1, "{runs:#?}");
    let mut starts = systemd.starts();
    let started = starts.len();
    starts.sort();
    starts.dedup();
    assert_eq!(starts.len(), started, "an occurrence was started twice");
}

#[test]
fn a_stopped_loop_is_found_by_the_watchdog() {
    let Some(systemd) = SystemdBox::boot(QUIET) else {
        return;
    };
    systemd.write(
        "/etc/systemd/system/hupd.service.d/watchdog.conf",
        "[Service]\nWatchdogSec=2s\nRestartSec=100ms\n",
    );
    systemd.succeeds(&["systemctl", "daemon-reload"]);
    systemd.succeeds(&["systemctl", "start", "hupd"]);
    let first_pid = systemd.property("MainPID");

    systemd.signal_main("STOP");
    systemd.wait_until("systemd has started another one", || {
        systemd.property("NRestarts") == "1" && systemd.property("ActiveState") == "active"
    });

    assert_ne!(systemd.property("MainPID"), first_pid);
    assert!(systemd.journal().contains("Watchdog timeout"));
}

#[test]
fn the_jobs_of_the_server_file_end_well_on_this_machine() {
    let Some(systemd) = SystemdBox::boot("") else {
        return;
    };
    let server = fs::read_to_string(checkout().join("config/server.toml")).expect("it is shipped");
    systemd.configure(&server);
    systemd.succeeds(&["systemctl", "start", "hupd"]);

    for job in systemd.jobs() {
        if !systemd.is_enabled(&job) {
            continue;
        }
        let waited = systemd.run(&["hupctl", "run", &job, "--wait"]);
        let newest = &systemd.runs(&job)[0];
        let is_well = newest["outcome"] == "exited 0"
            || (newest["outcome"] == "exited 1" && SPEAK_OF_THIS_MACHINE.contains(&&*job));
        assert!(is_well, "{job}: {newest:#}\n{}", text(&waited));
    }
}

#[test]
fn the_service_is_active_once_hupd_serves_and_only_in_its_own_box() {
    let (Some(one), Some(other)) = (SystemdBox::started(QUIET), SystemdBox::boot(QUIET)) else {
        return;
    };

    let status = one.status();
    assert_eq!(one.property("ActiveState"), "active");
    assert_eq!(status["generation"], 1);
    assert_eq!(one.property("MainPID"), status["pid"].to_string());
    assert_eq!(one.status_line(), "generation 1, 1 job");
    assert_eq!(other.property("ActiveState"), "inactive");
    other.fails(&["pgrep", "-x", "hupd"]);
}

#[test]
fn a_grandchild_in_a_session_of_its_own_dies_with_a_timed_out_run() {
    let Some(systemd) = SystemdBox::started(STRAYING) else {
        return;
    };
    let run = systemd.ended_stray();
    systemd.fails(&["sh", "-c", "kill -0 $(cat /run/stray.pid)"]);
    assert_eq!(run["outcome"], "timed out");
    assert_eq!(run["survivors"], serde_json::json!([]));
}

#[test]
fn where_nothing_is_delegated_a_grandchild_that_is_left_is_named_in_the_record() {
    let Some(systemd) = SystemdBox::boot(STRAYING) else {
        return;
    };
    let drop_in = "/etc/systemd/system/hupd.service.d/test.conf";
    systemd.write(drop_in, NOT_DELEGATED);
    systemd.succeeds(&["systemctl", "daemon-reload"]);
    systemd.succeeds(&["systemctl", "start", "hupd"]);
    let run = systemd.ended_stray();
    systemd.succeeds(&["sh", "-c", "kill -0 $(cat /run/stray.pid)"]);
    let pid = systemd.read("/run/stray.pid").expect("it has started");
    let pid: i64 = pid.trim().parse().expect("a number");
    let survivors = run["survivors"].as_array().expect("a list");
    let is_stray = |one: &Value| one["pid"] == pid && one["command"] == "sh";
    assert!(survivors.iter().any(is_stray), "{run:#}");
    assert!(systemd.journal().contains("this process of it is left"));
}

/// A machine of its own with systemd, hupd and the unit; ends when it is dropped.
struct SystemdBox {
    /// `tests/box/boot`: the box lives as long as its standard input is open.
    keeper: Child,
    /// systemd, as this machine sees it.
    pid: String,
    /// What was laid over `/`.
    _files: TempDir,
}

impl SystemdBox {
    /// A booted box with the service stopped; nothing where that is impossible and not required.
    fn boot(config: &str) -> Option<Self> {
        let files = lay_out(config);
        let mut keeper = Command::new(checkout().join("tests/box/boot"))
            .arg(files.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script is executable");
        let mut pid = String::new();
        let said = keeper.stdout.take().expect("it is piped");
        BufReader::new(said)
            .read_line(&mut pid)
            .expect("the script prints text");
        if pid.is_empty() {
            return no_box(keeper.wait().expect("it is our child").code());
        }
        Some(Self {
            keeper,
            pid: pid.trim().to_owned(),
            _files: files,
        })
    }

    fn started(config: &str) -> Option<Self> {
        let systemd = Self::boot(config)?;
        systemd.succeeds(&["systemctl", "start", "hupd"]);
        Some(systemd)
    }

    fn run(&self, command: &[&str]) -> Output {
        Command::new("nsenter")
            .args(["--target", &self.pid, "--all", "--"])
            .args(command)
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .stdin(Stdio::null())
            .output()
            .expect("nsenter is there")
    }

    fn succeeds(&self, command: &[&str]) -> String {
        let output = self.run(command);
        assert!(
            output.status.success(),
            "{command:?}: {}\n{}\n{}",
            output.status,
            text(&output),
            self.describe()
        );
        String::from_utf8(output.stdout).expect("programs print UTF-8")
    }

    fn fails(&self, command: &[&str]) {
        let output = self.run(command);
        assert!(
            !output.status.success(),
            "{command:?} succeeds\n{}\n{}",
            text(&output),
            self.describe()
        );
    }

    fn configure(&self, config: &str) {
        self.write("/etc/hupd/hupd.toml", config);
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .expect("the box is writable");
        fs::write(path, content).expect("the box is writable");
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.path(path)).ok()
    }

    /// Where this machine sees a path of the box.
    fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.pid))
    }

    fn property(&self, name: &str) -> String {
        let option = format!("--property={name}");
        self.succeeds_quietly(&["systemctl", "show", "--value", &option, "hupd"])
    }

    fn status_line(&self) -> String {
        self.property("StatusText")
    }

    /// What a person would look at.
    fn describe(&self) -> String {
        text(&self.run(&[
            "systemctl",
            "status",
            "--no-pager",
            "--full",
            "--lines=50",
            "hupd",
        ]))
    }

    fn journal(&self) -> String {
        self.succeeds_quietly(&["journalctl", "--sync", "--quiet"]);
        self.succeeds_quietly(&["journalctl", "--no-pager", "--output=cat", "--unit=hupd"])
    }

    fn signal_main(&self, signal: &str) {
        let pid = self.property("MainPID");
        self.succeeds(&["kill", "-s", signal, &pid]);
    }

    fn status(&self) -> Value {
        self.asks(&["hupctl", "--json", "status"])
    }

    fn jobs(&self) -> Vec<String> {
        let rows = self.job_rows();
        let names = rows.iter().map(|row| row["job"].as_str());
        names
            .map(|name| name.expect("a job has a name").to_owned())
            .collect()
    }

    fn is_enabled(&self, job: &str) -> bool {
        let rows = self.job_rows();
        rows.iter()
            .any(|row| row["job"] == job && row["enabled"] == true)
    }

    fn job_rows(&self) -> Vec<Value> {
        rows(&self.asks(&["hupctl", "--json", "list"]), "jobs")
    }

    /// The newest first.
    fn runs(&self, job: &str) -> Vec<Value> {
        rows(&self.asks(&["hupctl", "--json", "runs", job]), "runs")
    }

    /// The jobs that have a process now, in the order of their runs.
    fn running(&self) -> Vec<String> {
        let runs = rows(&self.status(), "running");
        let alive = runs.iter().filter(|run| !run["pid"].is_null());
        let names = alive.map(|run| run["job"].as_str().expect("a job has a name"));
        names.map(str::to_owned).collect()
    }

    /// The run of `STRAYING`, to its end.
    fn ended_stray(&self) -> Value {
        // It times out, so this fails.
        self.fails(&["hupctl", "run", "--wait", "straying"]);
        self.runs("straying").remove(0)
    }

    /// The occurrences for which `LONG` was started.
    fn starts(&self) -> Vec<String> {
        let lines = self.read("/run/starts").unwrap_or_default();
        lines.lines().map(str::to_owned).collect()
    }

    fn asks(&self, command: &[&str]) -> Value {
        serde_json::from_str(&self.succeeds(command)).expect("`--json` prints JSON")
    }

    /// Without the status of the service in the message, which itself is asked for in this way.
    fn succeeds_quietly(&self, command: &[&str]) -> String {
        let output = self.run(command);
        assert!(output.status.success(), "{command:?}: {}", text(&output));
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    fn wait_until(&self, what: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(
                began.elapsed() < PATIENCE,
                "waited in vain until {what}\n{}",
                self.describe()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for SystemdBox {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // Its cgroups and processes are gone when it ends.
        let _ = self.keeper.wait();
    }
}

/// The script has said why on standard error, which is ours and not the test runner's.
fn no_box(status: Option<i32>) -> Option<SystemdBox> {
    assert_eq!(status, Some(IMPOSSIBLE), "the box did not boot, see above");
    assert!(
        std::env::var_os("HUPD_REQUIRE_SYSTEMD").is_none_or(|value| value != "1"),
        "HUPD_REQUIRE_SYSTEMD=1, and no box can be booted here, see above"
    );
    // Not `eprintln!`: the test runner swallows that, and nobody would know.
    let _ = writeln!(
        io::stderr(),
        "SKIPPED: a test under systemd; no box can be booted here, see above"
    );
    None
}

/// The files of an installation, as the README tells to make one.
fn lay_out(config: &str) -> TempDir {
    let files = TempDir::new().expect("a folder for temporary files");
    let root = files.path();
    copy(
        Path::new(env!("CARGO_BIN_EXE_hupd")),
        &root.join("usr/local/bin/hupd"),
    );
    copy(
        Path::new(env!("CARGO_BIN_EXE_hupctl")),
        &root.join("usr/local/bin/hupctl"),
    );
    copy(
        &checkout().join("systemd/hupd.service"),
        &root.join("etc/systemd/system/hupd.service"),
    );
    copy(
        &checkout().join("config/conf.d/10-example.toml"),
        &root.join("etc/hupd/conf.d/10-example.toml"),
    );
    fs::write(root.join("etc/hupd/hupd.toml"), config).expect("the folder is ours");
    files
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a file lies in a folder")).expect("the folder is ours");
    fs::copy(from, to).expect("it is built and shipped");
}

fn checkout() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rows(answer: &Value, name: &str) -> Vec<Value> {
    answer[name]
        .as_array()
        .unwrap_or_else(|| panic!("no list of {name}: {answer:#}"))
        .clone()
}

fn text(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}

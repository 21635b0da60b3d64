//! The service as shipped, under the real systemd, booted in a box by `tests/box/boot`. Needs root.

#![expect(
    clippy::disallowed_methods,
    reason = "a test starts programs and waits for what they do"
)]

mod booted;

use std::fs;

use booted::{SystemdBox, checkout, text};
use serde_json::Value;

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

const SLOW: &str = r#"
[jobs.slow]
command = "sleep 2; echo done >/run/slow"
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
    reload_what_leads_elsewhere(&systemd);

    // Where systemd is too old for it, it changes nothing, and that is proved here.
    systemd.drop_in("notify-reload");
    systemd.configure(QUIET);
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

/// Whatever the file says by now of where hupd is, the one that runs gives the verdict.
fn reload_what_leads_elsewhere(systemd: &SystemdBox) {
    let elsewhere = format!("[daemon]\nruntime_dir = \"/run/elsewhere\"\n{QUIET}");
    systemd.configure(&elsewhere);
    systemd.fails(&["systemctl", "reload", "hupd"]);
    let status = systemd.status_line();
    assert!(status.contains("refused"), "{status}");
    assert!(
        systemd.journal().contains("runtime_dir"),
        "{}",
        systemd.journal()
    );

    fs::remove_file(systemd.path("/etc/hupd/hupd.toml")).expect("removed");
    systemd.fails(&["systemctl", "reload", "hupd"]);
    let rows = systemd.asks(&["hupctl", "--json", "generations", "-n", "1"]);
    let problems = rows["generations"][0]["problems"].as_str().expect("a text");
    assert!(problems.contains("cannot read the file"), "{problems}");

    systemd.configure(&elsewhere);
    systemd.succeeds(&["systemctl", "restart", "hupd"]);
    systemd.succeeds(&["systemctl", "reload", "hupd"]);
    assert!(!systemd.path("/run/hupd/hupd.sock").exists());
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
fn a_drain_that_takes_longer_than_the_unit_allows_gets_its_time() {
    let Some(systemd) = SystemdBox::boot(SLOW) else {
        return;
    };
    let drop_in = "/etc/systemd/system/hupd.service.d/test.conf";
    systemd.write(drop_in, "[Service]\nTimeoutStopSec=500ms\n");
    systemd.succeeds(&["systemctl", "daemon-reload"]);
    systemd.succeeds(&["systemctl", "start", "hupd"]);
    systemd.succeeds(&["hupctl", "run", "slow"]);
    systemd.wait_until("it runs", || systemd.running() == ["slow"]);

    systemd.succeeds(&["systemctl", "stop", "hupd"]);

    assert_eq!(systemd.property("Result"), "success");
    assert_eq!(systemd.read("/run/slow").as_deref(), Some("done\n"));
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

impl SystemdBox {
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
}

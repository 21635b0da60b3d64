//! System calls that fail or take their time, while hupd serves: it lives on, says what failed, loses nothing
//! silently, and is whole again when the fault is over. The faults are strace's.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{Home, Hupd, database, has_program, skip, text, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long strace may take to let go of hupd.
const PATIENCE: Duration = Duration::from_secs(10);

/// A fault as long as it is held.
struct Fault {
    strace: Child,
}

impl Fault {
    /// All threads of hupd are hit from here on. Nothing where they cannot be.
    fn on(hupd: &Hupd, what: &str) -> Option<Self> {
        Self::inject(hupd, what, &[])
    }

    /// Only calls that are about this file.
    fn at(hupd: &Hupd, path: &Path, what: &str) -> Option<Self> {
        Self::inject(hupd, what, &["-P", path.to_str().unwrap()])
    }

    fn inject(hupd: &Hupd, what: &str, more: &[&str]) -> Option<Self> {
        if !has_program("strace") {
            skip("a fault: there is no strace");
            return None;
        }
        let said = hupd.home.file("strace");
        let calls = what.split(':').next().unwrap();
        let mut strace = Command::new("strace")
            .args(["-f", "-o", "/dev/null", "-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={what}")])
            .args(more)
            .args(["-p", &hupd.pid().as_raw_pid().to_string()])
            .stdin(Stdio::null())
            .stderr(File::create(&said).unwrap())
            .spawn()
            .unwrap();
        let attached = wait_until("strace has hold of hupd, or cannot", || {
            let text = fs::read_to_string(&said).unwrap();
            let has_ended = strace.try_wait().unwrap().is_some();
            (text.contains(" attached") || has_ended).then_some(!has_ended)
        });
        if !attached {
            skip(&format!("a fault: {}", fs::read_to_string(&said).unwrap()));
            return None;
        }
        Some(Self { strace })
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.strace);
        kill_process(pid, Signal::TERM).unwrap();
        let began = Instant::now();
        while self.strace.try_wait().unwrap().is_none() {
            if began.elapsed() > PATIENCE {
                // Whom it held goes on, for the kernel lets go of them.
                eprintln!("strace did not let go within {PATIENCE:?}, and is killed");
                self.strace.kill().unwrap();
                self.strace.wait().unwrap();
                return;
            }
            sleep(Duration::from_millis(5));
        }
    }
}

/// Leaves a line at every start.
fn ticking(home: &Home) -> String {
    let path = home.path().display();
    format!(
        "[jobs.tick]\nevery = \"1s\"\noverlap = \"allow\"\ncommand = 'echo $HUPD_RUN_ID >>{path}/ticks'\n"
    )
}

fn ticks(home: &Home) -> Vec<u64> {
    let ticks = home.read("ticks");
    ticks.lines().map(|run| run.parse().unwrap()).collect()
}

fn wait_for_more_ticks(home: &Home, more: usize) {
    let before = ticks(home).len();
    wait_until("the job has run again", || {
        (ticks(home).len() >= before + more).then_some(())
    });
}

fn ticker() -> Hupd {
    let home = Home::new();
    home.configure(&ticking(&home));
    let hupd = Hupd::start_in(home);
    wait_for_more_ticks(&hupd.home, 1);
    hupd
}

fn store_failure(home: &Home) -> Option<String> {
    let failure = &home.json(&["status"])["store_failure"];
    failure.as_str().map(str::to_owned)
}

/// Every process that was started is on record, and every row has its fate.
fn all_is_recorded(mut hupd: Hupd) {
    hupd.stop();
    let store = common::store(&hupd.home);
    let verdict: String = store
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    let mut known = store
        .prepare("SELECT 1 FROM runs WHERE id = ?1 AND outcome = 'exited 0'")
        .unwrap();
    for run in ticks(&hupd.home) {
        assert!(
            known.exists([run as i64]).unwrap(),
            "run {run} is not on record"
        );
    }
}

#[test]
fn a_disk_that_refuses_to_write_stops_no_job_and_loses_nothing() {
    for what in [
        "pwrite64:error=ENOSPC",
        "pwrite64:error=EIO",
        "fdatasync,fsync,pwrite64:error=EROFS",
    ] {
        let hupd = ticker();
        let Some(fault) = Fault::on(&hupd, what) else {
            return;
        };
        wait_until("the status tells of it", || store_failure(&hupd.home));
        wait_for_more_ticks(&hupd.home, 2);
        let unrecorded = hupd.home.json(&["status"])["unrecorded"].clone();
        assert!(
            unrecorded["waiting"].as_u64() > Some(0),
            "{what}: {unrecorded}"
        );
        drop(fault);
        wait_until("the history is recorded again", || {
            store_failure(&hupd.home).is_none().then_some(())
        });
        hupd.wait_log("history is recorded again; nothing was lost");
        all_is_recorded(hupd);
    }
}

/// A claim comes before its start, and so waits for the disk; nothing else does.
#[test]
fn a_slow_disk_delays_starts_and_not_the_loop() {
    let hupd = ticker();
    let Some(fault) = Fault::on(&hupd, "pwrite64,fdatasync,fsync:delay_enter=400000") else {
        return;
    };
    wait_until(
        "a claim waits for the disk while the status is told",
        || {
            let status = hupd.home.json(&["status"]);
            let running = status["running"].as_array().unwrap();
            running
                .iter()
                .any(|run| run["state"] == "starting")
                .then_some(())
        },
    );
    // It is slow, and not in the way for ever.
    wait_for_more_ticks(&hupd.home, 1);
    let reloaded = hupd.home.hupctl(&["reload"]);
    assert!(reloaded.status.success(), "{reloaded:?}");
    assert_eq!(store_failure(&hupd.home), None);
    drop(fault);
    all_is_recorded(hupd);
}

#[test]
fn what_finds_no_descriptors_is_started_when_there_are_some() {
    let hupd = ticker();
    let Some(fault) = Fault::on(&hupd, "pipe2:error=EMFILE") else {
        return;
    };
    wait_until("a run waits for descriptors", || {
        let status = hupd.home.json(&["status"]);
        let running = status["running"].as_array().unwrap();
        running
            .iter()
            .any(|run| run["state"] == "waiting")
            .then_some(())
    });
    let before = ticks(&hupd.home).len();
    drop(fault);
    wait_until("it has started", || {
        (ticks(&hupd.home).len() > before).then_some(())
    });
    all_is_recorded(hupd);
}

#[test]
fn a_run_that_cannot_be_watched_is_killed_and_that_is_on_record() {
    let hupd = Hupd::start("[jobs.tick]\nevery = \"1s\"\ncommand = 'sleep 1000'\n");
    let Some(fault) = Fault::on(&hupd, "epoll_ctl:error=ENOSPC") else {
        return;
    };
    hupd.wait_log("is killed, for it cannot be watched");
    drop(fault);
    let ended = hupd.home.ended_run("tick");
    assert_eq!(ended["outcome"], "killed by KILL");
}

#[test]
fn a_configuration_that_cannot_be_opened_is_refused_and_jobs_go_on() {
    let hupd = ticker();
    let file = hupd.home.config_file();
    let Some(fault) = Fault::at(&hupd, &file, "openat:error=EMFILE") else {
        return;
    };
    let refused = hupd.home.hupctl(&["reload"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(
        text(&refused.stderr).contains("too many open files"),
        "{refused:?}"
    );
    wait_for_more_ticks(&hupd.home, 1);
    assert_eq!(hupd.home.json(&["status"])["generation"], 1);
    drop(fault);
    let accepted = hupd.home.hupctl(&["reload"]);
    assert!(accepted.status.success(), "{accepted:?}");
    all_is_recorded(hupd);
}

#[test]
fn a_reload_whose_file_does_not_answer_is_told_to_whoever_asks_and_goes_on_when_it_does() {
    let hupd = ticker();
    let file = hupd.home.config_file();
    let Some(fault) = Fault::at(&hupd, &file, "openat:delay_enter=60000000") else {
        return;
    };
    hupd.signal(Signal::HUP);
    let reloading = wait_until("a reload is under way", || {
        let status = hupd.status();
        status["reading"].is_string().then_some(status)
    });
    assert_eq!(reloading["reading"], file.display().to_string());
    assert!(reloading["reloading_since"].is_string(), "{reloading}");
    let status = text(&hupd.home.hupctl(&["status"]).stdout);
    assert!(status.contains("\nreloading      since "), "{status}");
    let (said, saying) = (hupd.home.file("said"), hupd.home.file("saying"));
    let mut client = hupd.home.hupctl_command();
    client.arg("reload").stderr(File::create(&said).unwrap());
    let mut client = client
        .stdout(File::create(saying).unwrap())
        .spawn()
        .unwrap();
    // These, and whoever waits, become one.
    hupd.signal(Signal::HUP);
    hupd.signal(Signal::HUP);

    let at = format!("it is at '{}', or at what that names", file.display());
    hupd.wait_log(&format!("the reload has no verdict after 5 s: {at}"));
    let awaited = format!("'{}', or what that names, is being read", file.display());
    wait_until("hupctl says for what it waits", || {
        let said = fs::read_to_string(&said).unwrap();
        let is_said = said.starts_with("hupctl: no verdict yet: since ") && said.contains(&awaited);
        is_said.then_some(())
    });
    let status = text(&hupd.home.hupctl(&["status"]).stdout);
    assert!(
        status.contains("\nRELOAD HANGS   DEGRADED: since "),
        "{status}"
    );
    wait_for_more_ticks(&hupd.home, 1);

    drop(fault);
    assert!(client.wait().unwrap().success());
    assert_eq!(hupd.status()["reloading_since"], Value::Null);
    let log = hupd.log();
    let count = |words: &str| log.matches(words).count();
    assert_eq!(
        (count("reload accepted, "), count("no verdict after")),
        (2, 1),
        "{log}"
    );
    all_is_recorded(hupd);
}

#[test]
fn what_was_promised_is_promised_by_a_new_history_too_before_there_is_a_verdict() {
    let hupd = Hupd::start("[jobs.confirmed]\ncommand = \"true\"\n");
    let file = hupd.home.config_file();
    hupd.home
        .configure("[jobs.unconfirmed]\ncommand = \"true\"\n");
    let Some(fault) = Fault::at(&hupd, &file, "openat:delay_enter=60000000") else {
        return;
    };
    let mut client = hupd.home.hupctl_command();
    client.args(["reload", "--confirm", "1h"]);
    let mut client = client.stdout(Stdio::null()).spawn().unwrap();
    wait_until("the file is being read", || {
        hupd.status()["reading"].is_string().then_some(())
    });
    fs::remove_file(database(&hupd.home)).unwrap();
    // After a question it is looked for.
    hupd.home.hupctl(&["runs"]);
    hupd.wait_log("and a new history begins; jobs go on");
    drop(fault);
    assert!(client.wait().unwrap().success());
    let hupd = Hupd::start_in(hupd.crash());
    assert_eq!(hupd.home.job_names(), ["confirmed"]);
    assert_eq!(hupd.status()["text_because"], "not_confirmed");
}

/// It answers with `writev`, and tells the service manager through a socket that it connects each time.
#[test]
fn whoever_cannot_be_answered_or_told_stops_no_job() {
    let hupd = ticker();
    let Some(fault) = Fault::on(&hupd, "writev:error=ECONNRESET") else {
        return;
    };
    let unanswered = hupd.home.hupctl(&["status"]);
    assert!(!unanswered.status.success(), "{unanswered:?}");
    wait_for_more_ticks(&hupd.home, 1);
    drop(fault);
    assert_eq!(store_failure(&hupd.home), None);

    hupd.notified();
    let Some(fault) = Fault::on(&hupd, "connect:error=ECONNREFUSED") else {
        return;
    };
    let reloaded = hupd.home.hupctl(&["reload"]);
    assert!(reloaded.status.success(), "{reloaded:?}");
    wait_for_more_ticks(&hupd.home, 1);
    assert_eq!(hupd.notified(), [""; 0]);
    drop(fault);
    hupd.reload();
    all_is_recorded(hupd);
}

/// What a run reads at its start may find no descriptors, as its pipes may.
#[test]
fn a_run_whose_env_file_finds_no_descriptors_starts_when_there_are_some() {
    let home = Home::new();
    home.write("env", "A=1\n");
    let file = home.file("env");
    home.configure(&format!(
        "[jobs.job]\ncommand = '[ \"$A\" = 1 ]'\nenv_file = '{}'\n",
        file.display()
    ));
    let hupd = Hupd::start_in(home);
    let Some(fault) = Fault::at(&hupd, &file, "openat:error=EMFILE") else {
        return;
    };
    hupd.home.hupctl(&["run", "job"]);
    hupd.wait_log("runs cannot start at the moment: env_file: ");
    // In a try, now and then, it is "starting".
    wait_until("the run waits for descriptors", || {
        let status = hupd.home.json(&["status"]);
        (status["running"][0]["state"] == "waiting").then_some(())
    });
    drop(fault);
    assert_eq!(hupd.home.ended_run("job")["outcome"], "exited 0");
}

/// Who starts the run stands still at its file, and goes on doing so when the start is given up.
#[test]
fn a_start_that_hangs_on_is_in_the_way_of_its_job_and_of_no_other() {
    let home = Home::new();
    home.write("env", "A=1\n");
    let file = home.file("env");
    let job = |name: &str, overlap: &str| {
        let file = file.display();
        format!(
            "[jobs.{name}]\ncommand = 'true'\nenv_file = '{file}'\noverlap = '{overlap}'\n\
             timeout = '100ms'\nkill_after = '100ms'\ngroup = 'all'\n"
        )
    };
    let (held, queued) = (job("held", "skip"), job("queued", "queue"));
    home.configure(&format!(
        "{held}{queued}[jobs.quick]\ncommand = 'true'\ngroup = 'all'\n"
    ));
    let mut hupd = Hupd::start_in(home);
    let Some(fault) = Fault::at(&hupd, &file, "openat:delay_enter=600000000") else {
        return;
    };
    for (number, name) in [(1, "held"), (2, "queued")] {
        let run = hupd.home.run_to_end(name);
        assert_eq!(run["run"], number, "{run}");
        let outcome = run["outcome"].as_str().unwrap();
        assert!(outcome.starts_with("could not start: not within "), "{run}");
    }
    let refused = hupd.home.hupctl(&["run", "held"]);
    let said = text(&refused.stderr);
    assert!(said.contains("the start of run 1 hangs since "), "{said}");
    let after = "; the job starts again when its program, files and folders answer";
    assert!(said.ends_with(&format!("{after}\n")), "{said}");
    // Answered behind all that was to be recorded before.
    hupd.home.runs("held");
    let (_, fate, why, _) = hupd.home.ledger("held").pop().unwrap();
    assert_eq!(fate, "skipped");
    assert!(why.contains("the start of run 1 hangs since "), "{why}");
    assert!(hupd.home.hupctl(&["run", "queued"]).status.success());
    let waits = hupd.home.json(&["status"])["first_waiting"][0].clone();
    let why = waits["why"].as_str().unwrap();
    assert!(why.starts_with("the start of run 2 hangs since "), "{why}");
    assert!(why.ends_with(after), "{why}");
    for arguments in [&["status"][..], &["show", "held"], &["show", "1"]] {
        let told = text(&hupd.home.hupctl(arguments).stdout);
        let hangs = "the start of run 1 of job 'held', since ";
        assert!(told.contains(hangs), "{arguments:?}: {told}");
    }
    assert_eq!(hupd.home.run_to_end("quick")["outcome"], "exited 0");

    drop(fault);
    hupd.wait_log("its start, which was given up, has come back");
    wait_until("what waited has run", || {
        let run = hupd.home.ended_run("queued");
        (run["run"] == waits["run"]).then(|| assert_eq!(run["outcome"], "exited 0"))
    });
    assert_eq!(hupd.home.run_to_end("held")["outcome"], "exited 0");
    assert_eq!(hupd.stop().code(), Some(0));
}

/// The log is on a disk of its own, which is full for a while.
#[test]
fn a_full_disk_under_the_log_stops_no_job_and_what_is_lost_there_is_said() {
    let home = Home::new();
    let log = home.file("logs/hupd.log");
    home.configure(&format!(
        "[log]\nfile = '{}'\n{}[jobs.loud]\noutput = \"forward\"\ncommand = 'head -c 9000 /dev/zero | tr \\\\0 x'\n",
        log.display(),
        ticking(&home)
    ));
    fs::create_dir(home.file("logs")).unwrap();
    let small = r#"mount -t tmpfs -o size=256k,mode=700 tmpfs "$STATE/../logs""#;
    let Some(command) = home.hupd_after(small) else {
        return skip("a full disk under the log: no mount namespace can be made");
    };
    let hupd = Hupd::launch_by(home, command);
    hupd.wait_notified("READY=1");
    let seen = |path: &Path| {
        let root = format!("/proc/{}/root", hupd.pid().as_raw_pid());
        PathBuf::from(format!("{root}{}", path.display()))
    };
    let ballast = seen(&hupd.home.file("logs/ballast"));
    let mut file = File::create(&ballast).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);
    // What is left of its last page goes with this.
    hupd.home.run_to_end("loud");
    wait_for_more_ticks(&hupd.home, 2);
    assert!(
        !fs::read_to_string(seen(&log))
            .unwrap()
            .contains("lost here")
    );
    let status = hupd.home.json(&["status"]);
    assert!(status["store_failure"].is_null(), "{status}");

    fs::remove_file(&ballast).unwrap();
    wait_for_more_ticks(&hupd.home, 2);
    let said = wait_until("the log goes on", || {
        let said = fs::read_to_string(seen(&log)).unwrap();
        let (_, after) = said.split_once("lost here: they could not be written")?;
        after.contains("run started").then(|| said.clone())
    });
    assert_eq!(said.matches("lost here").count(), 1, "{said}");
    all_is_recorded(hupd);
}

/// What strace does from the very start of hupd on.
fn begun_under(what: &str) -> Option<Hupd> {
    if !has_program("strace") {
        skip("a fault at the start: there is no strace");
        return None;
    }
    let home = Home::new();
    home.configure("[jobs.a]\ncommand = 'true'\n");
    let calls = what.split(':').next().unwrap();
    let hupd = home.hupd();
    let mut strace = Command::new("strace");
    strace
        .args([
            "-D",
            "-f",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={calls}"),
        ])
        .args(["-e", &format!("inject={what}")])
        .arg(hupd.get_program())
        .args(hupd.get_args());
    Some(Hupd::launch_by(home, strace))
}

#[test]
fn a_start_that_cannot_get_what_it_needs_fails_and_says_why() {
    for (what, said) in [
        ("mkdir,mkdirat:error=EACCES", "state_dir"),
        ("pidfd_open:error=EMFILE", "too many open files"),
        ("epoll_create1:error=EMFILE", "too many open files"),
    ] {
        let Some(mut hupd) = begun_under(what) else {
            return;
        };
        assert_eq!(hupd.wait().code(), Some(1), "{what}: {}", hupd.log());
        let log = hupd.log().to_lowercase();
        assert!(
            log.contains(said) && log.ends_with("not started\n"),
            "{what}: {log}"
        );
    }
}

//! System calls that fail or take their time, while hupd serves: it lives on, says what failed, loses nothing
//! silently, and is whole again when the fault is over. The faults are strace's.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use common::{Home, Hupd, has_program, skip, wait_until};
use rustix::process::{Pid, Signal, kill_process};

/// A fault as long as it is held.
struct Fault {
    strace: Child,
}

impl Fault {
    /// All threads of hupd are hit from here on. Nothing where they cannot be.
    fn on(hupd: &Hupd, what: &str) -> Option<Self> {
        if !has_program("strace") {
            skip("a fault: there is no strace");
            return None;
        }
        let said = hupd.home.file("strace");
        let calls = what.split(':').next().unwrap();
        let mut strace = Command::new("strace")
            .args(["-f", "-o", "/dev/null", "-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={what}")])
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
        self.strace.wait().unwrap();
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

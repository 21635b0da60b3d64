//! The kernel refuses what a run needs: the run is recorded as not started, and hupd lives.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests start hupd as its users do"
)]

mod common;

use std::fs;
use std::process::{Child, Command, Stdio};

use common::{Hupd, Told, has_program, is_alive, proc_text, skip, wait_until};
use rustix::process::{Pid, Signal};

const QUICK: &str = "[jobs.quick]\ncommand = \"echo done\"\nschedule = \"0 0 1 1 *\"\n";

/// strace on a running hupd, which makes some of its system calls fail.
struct Sabotage(Child);

impl Sabotage {
    /// None where strace cannot do it here.
    fn of(hupd: &Hupd, calls: &str, error: &str) -> Option<Self> {
        let number = hupd.pid().as_raw_nonzero().to_string();
        let mut strace = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-p", &number])
            .args(["-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:error={error}")])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("strace starts");
        let attached = wait_until(
            "strace has every thread of hupd, or gave up",
            || match strace.try_wait().expect("a child") {
                Some(_) => Some(false),
                None => is_traced(hupd.pid()).then_some(true),
            },
        );
        attached.then_some(Self(strace))
    }

    /// Lets hupd go.
    fn end(mut self) {
        rustix::process::kill_process(Pid::from_child(&self.0), Signal::INT).expect("it is there");
        self.0.wait().expect("an end");
    }
}

impl Drop for Sabotage {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_traced(pid: Pid) -> bool {
    let folder = format!("/proc/{}/task", pid.as_raw_nonzero());
    let mut tasks = fs::read_dir(folder).expect("hupd is there").flatten();
    tasks.all(|task| {
        let number = task.file_name().to_str().and_then(|name| name.parse().ok());
        let status = number
            .and_then(Pid::from_raw)
            .and_then(|pid| proc_text(pid, "status"));
        status.is_some_and(|status| !status.contains("TracerPid:\t0\n"))
    })
}

#[test]
fn a_run_whose_process_cannot_be_made_is_recorded_and_the_next_one_works() {
    if !has_program("strace") {
        return skip("system calls that fail: strace is missing");
    }
    let mut hupd = Hupd::start(QUICK);
    for (calls, error, reason) in [
        (
            "clone,clone3,vfork,fork",
            "EAGAIN",
            "resource temporarily unavailable",
        ),
        (
            "clone,clone3,vfork,fork",
            "ENOMEM",
            "cannot allocate memory",
        ),
        ("clone,clone3", "EMFILE", "too many open files"),
        ("pipe2", "EMFILE", "too many open files"),
        // What the new process does until its program is loaded.
        (
            "setpgid",
            "EPERM",
            "could not start: setpgid: operation not permitted",
        ),
        (
            "dup3",
            "EMFILE",
            "could not start: standard streams: too many open files",
        ),
        (
            "chdir",
            "EACCES",
            "could not start: working directory '/': permission denied",
        ),
        (
            "execve",
            "ENOMEM",
            "could not start: command '/bin/sh': cannot allocate memory",
        ),
        (
            "execve",
            "EAGAIN",
            "could not start: command '/bin/sh': resource temporarily unavailable",
        ),
    ] {
        let Some(sabotage) = Sabotage::of(&hupd, calls, error) else {
            return skip("system calls that fail: strace may not attach here");
        };
        let told = Told::from(hupd.home.hupctl(&["run", "quick", "--wait"]));
        assert_eq!(told.status, Some(1), "{calls}: {told:?}");
        let said = format!("{}{}", told.out, told.aside);
        assert!(said.contains("could not start"), "{calls}: {said}");
        assert!(said.contains(reason), "{calls}: {said}");
        let newest = hupd.home.runs("quick").remove(0);
        let outcome = newest["outcome"].as_str().expect("it is over");
        assert!(outcome.contains(reason), "{calls}: {outcome}");
        assert!(hupd.home.hupctl(&["status"]).status.success());
        sabotage.end();

        let told = Told::from(hupd.home.hupctl(&["run", "quick", "--wait"]));
        assert_eq!(told.status, Some(0), "after {calls}: {told:?}");
    }
    assert_eq!(
        hupd.home.json(&["status"])["running"]
            .as_array()
            .map(Vec::len),
        Some(0)
    );
    assert_eq!(hupd.stop().code(), Some(0));
}

/// The leader obeys its stop signal, what it started does not.
const STUBBORN: &str = r#"
[jobs.stubborn]
command = '''sh -c 'trap "" TERM; echo $$; exec sleep 600' & trap 'exit 0' TERM; wait'''
schedule = "0 0 1 1 *"
kill_after = "1s"
"#;

#[test]
fn a_group_is_killed_although_there_was_no_file_left_to_look_for_it() {
    if !has_program("strace") {
        return skip("system calls that fail: strace is missing");
    }
    let mut hupd = Hupd::start(STUBBORN);
    hupd.home.hupctl(&["run", "stubborn"]);
    let running = hupd.home.wait_running("stubborn", 1).remove(0);
    let other = wait_until("the group is complete", || {
        let said = String::from_utf8(hupd.home.output("stubborn")).expect("a number");
        said.trim().parse().ok().and_then(Pid::from_raw)
    });
    let Some(sabotage) = Sabotage::of(&hupd, "openat", "EMFILE") else {
        return skip("system calls that fail: strace may not attach here");
    };
    let run = running["run"].to_string();
    assert!(hupd.home.hupctl(&["kill", &run]).status.success());
    let leader = running["pid"]
        .as_i64()
        .and_then(|pid| i32::try_from(pid).ok());
    let leader = Pid::from_raw(leader.expect("it runs")).expect("a process");
    wait_until("the leader has ended", || {
        let ended = proc_text(leader, "status").is_none_or(|it| it.contains("State:\tZ"));
        ended.then_some(())
    });
    hupd.wait_log("signal=KILL");
    sabotage.end();
    hupd.home.ended_run("stubborn");
    wait_until("nobody of the group is alive", || {
        (!is_alive(other)).then_some(())
    });
    assert_eq!(hupd.stop().code(), Some(0));
}

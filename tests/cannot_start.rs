//! The kernel refuses what a run needs: the run waits for what may come, or is recorded as not started.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests start hupd as its users do"
)]

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use common::{
    Held, Home, Hupd, Told, has_program, is_alive, is_root, proc_stat, proc_text, skip, store,
    text, wait_until,
};
use rustix::process::{Pid, Signal};
use serde_json::Value;

const QUICK: &str = "[jobs.quick]\ncommand = \"echo done\"\nschedule = \"0 0 1 1 *\"\n";

/// strace on a running hupd, which makes some of its system calls fail.
struct Sabotage(Child);

impl Sabotage {
    /// None where strace cannot do it here.
    fn of(hupd: &Hupd, calls: &str, fault: &str) -> Option<Self> {
        let number = hupd.pid().as_raw_nonzero().to_string();
        let mut strace = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-p", &number])
            .args(["-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:{fault}")])
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

/// A hupd that is short of something, until it is let go.
fn is_short(hupd: &Hupd, calls: &str, error: &str) -> Option<Sabotage> {
    let Some(sabotage) = Sabotage::of(hupd, calls, &format!("error={error}")) else {
        skip("system calls that fail: strace may not attach here");
        return None;
    };
    Some(sabotage)
}

/// The one run there is, which waits for a process.
fn the_waiting(hupd: &Hupd) -> Value {
    wait_until("the run waits", || {
        let status = hupd.home.json(&["status"]);
        let run = status["running"].get(0)?;
        (run["state"] == "waiting").then(|| run.clone())
    })
}

/// Whoever asks is told what is lacking, and since when; between two tries, which are few.
fn says_why_it_waits(hupd: &Hupd, reason: &str) {
    let shortage = wait_until("the run waits for its next try", || {
        let of_run = hupd.home.json(&["show", "1"])["shortage"].clone();
        of_run.is_object().then_some(of_run)
    });
    let told = shortage["reason"].as_str().unwrap_or_default();
    assert!(told.contains(reason), "{shortage}");
    assert!(shortage["since"].is_string() && shortage["next_try_at"].is_string());
    let begin = "waits for a process since ";
    for (command, line) in [
        (
            &["status"][..],
            format!("SHORT          run 1 of job 'quick' {begin}"),
        ),
        (&["show", "1"][..], format!("SHORT        it {begin}")),
    ] {
        wait_until("a person is told", || {
            let said = text(&hupd.home.hupctl(command).stdout);
            let said = said.lines().find(|said| said.starts_with(&line))?;
            (said.contains(reason) && said.contains("; the next try is at ")).then_some(())
        });
    }
}

#[test]
fn a_run_that_finds_no_process_waits_until_there_is_one() {
    if !has_program("strace") {
        return skip("system calls that fail: strace is missing");
    }
    let clone = "clone,clone3,vfork,fork";
    for (calls, error, reason) in [
        (clone, "EAGAIN", "resource temporarily unavailable"),
        (clone, "ENOMEM", "cannot allocate memory"),
        ("clone,clone3", "EMFILE", "too many open files"),
        ("pipe2", "EMFILE", "too many open files"),
        (
            "execve",
            "EAGAIN",
            "its user has as many processes as it may have: resource temporarily unavailable",
        ),
    ] {
        let mut hupd = Hupd::start(QUICK);
        let Some(sabotage) = is_short(&hupd, calls, error) else {
            return;
        };
        assert!(hupd.home.hupctl(&["run", "quick"]).status.success());
        hupd.wait_log("runs cannot start at the moment");
        let waits = the_waiting(&hupd);
        assert_eq!(waits["state"], "waiting", "{calls}: {waits}");
        says_why_it_waits(&hupd, reason);
        sabotage.end();

        let run = hupd.home.ended_run("quick");
        assert_eq!(run["outcome"], "exited 0", "{calls}: {run}");
        hupd.wait_log("no run waits for a process any more");
        let log = hupd.log();
        let said = log.lines().filter(|line| line.contains("cannot start"));
        let said: Vec<_> = said.collect();
        assert!(
            matches!(&said[..], [one] if one.contains(reason)),
            "{calls}: {said:?}"
        );
        assert_eq!(hupd.stop().code(), Some(0));
    }
}

#[test]
fn whoever_waits_for_a_run_is_told_that_there_is_no_process_for_it() {
    if !has_program("strace") {
        return skip("system calls that fail: strace is missing");
    }
    let mut hupd = Hupd::start(QUICK);
    let Some(sabotage) = is_short(&hupd, "clone,clone3,vfork,fork", "EAGAIN") else {
        return;
    };
    let aside = hupd.home.file("aside");
    let mut command = hupd.home.hupctl_command();
    command
        .args(["run", "--wait", "quick"])
        .stdout(Stdio::null());
    let mut hupctl = command
        .stderr(fs::File::create(&aside).expect("a file"))
        .spawn()
        .expect("hupctl runs");
    let line = "run 1 of job 'quick' accepted; it waits for a process since ";
    let said = wait_until("hupctl says why nothing comes", || {
        let said = fs::read_to_string(&aside).expect("a file");
        said.starts_with(line).then_some(said)
    });
    assert!(said.contains(": no process can be made: "), "{said}");
    sabotage.end();
    let ended = wait_until("the run has ended", || hupctl.try_wait().expect("a child"));
    assert!(ended.success());
    assert_eq!(hupd.stop().code(), Some(0));
}

#[test]
fn a_run_that_finds_no_descriptor_for_its_files_waits_until_there_is_one() {
    if !has_program("strace") {
        return skip("system calls that fail: strace is missing");
    }
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    for (key, reason) in [
        // Not with the one group that is known, and without those that are not.
        (
            format!("group_id = {gid}"),
            "cannot look up the groups of user '".to_owned(),
        ),
        (
            format!("user = {uid}"),
            format!("cannot look up user '{uid}': too many open files"),
        ),
        (
            "env_file = \"secrets\"".to_owned(),
            "secrets': too many open files".to_owned(),
        ),
    ] {
        let home = Home::new();
        home.write("secrets", "TOKEN=x\n");
        home.configure(&format!("{QUICK}{key}\n"));
        let mut hupd = Hupd::start_in(home);
        let Some(sabotage) = is_short(&hupd, "openat", "EMFILE") else {
            return;
        };
        assert!(hupd.home.hupctl(&["run", "quick"]).status.success());
        hupd.wait_log(&reason);
        the_waiting(&hupd);
        sabotage.end();
        assert_eq!(hupd.home.ended_run("quick")["outcome"], "exited 0", "{key}");
        assert_eq!(hupd.stop().code(), Some(0));
    }
}

/// A hupd that gives each run a cgroup, if that can be had.
fn at_home() -> Option<Hupd> {
    let hupd = Hupd::start("[jobs.whose]\ncommand = \"cat /proc/self/cgroup\"\n");
    hupd.home.run_to_end("whose");
    if !lived_at_home(&hupd) {
        skip("runs that get no cgroup: none is delegated here");
        return None;
    }
    Some(hupd)
}

/// Whether the last run had a cgroup of its own.
fn lived_at_home(hupd: &Hupd) -> bool {
    let cgroups = String::from_utf8(hupd.home.output("whose")).expect("text");
    cgroups.contains(&format!("/hupd.{}.", hupd.pid().as_raw_pid()))
}

#[test]
fn a_run_that_cannot_have_its_cgroup_for_now_waits_and_lives_there_then() {
    if !has_program("strace") {
        return skip("system calls that fail: strace is missing");
    }
    for (calls, error, reason) in [
        ("mkdir", "ENOMEM", "cannot make its cgroup: cannot allocate"),
        ("openat", "EMFILE", "too many open files in hupd"),
        ("openat", "ENFILE", "too many open files in the system"),
    ] {
        let Some(mut hupd) = at_home() else { return };
        let Some(sabotage) = is_short(&hupd, calls, error) else {
            return;
        };
        assert!(hupd.home.hupctl(&["run", "whose"]).status.success());
        hupd.wait_log(reason);
        the_waiting(&hupd);
        sabotage.end();
        wait_until("the second run has ended well", || {
            let mut runs = hupd.home.runs("whose").into_iter();
            let is_meant = |run: Value| run["run"] == 2 && run["outcome"] == "exited 0";
            runs.any(is_meant).then_some(())
        });
        assert!(lived_at_home(&hupd), "{calls}, {error}");
        assert_eq!(hupd.stop().code(), Some(0));
    }
}

#[test]
fn a_run_that_must_do_without_a_cgroup_is_named() {
    if !has_program("strace") {
        return skip("system calls that fail: strace is missing");
    }
    let Some(mut hupd) = at_home() else { return };
    let Some(sabotage) = is_short(&hupd, "mkdir", "EPERM") else {
        return;
    };
    hupd.home.run_to_end("whose");
    assert!(!lived_at_home(&hupd));
    hupd.wait_log(
        "run 2 of job 'whose' starts without a cgroup of its own: operation not permitted; what leaves its process group \
         is not stopped with it",
    );
    sabotage.end();
    assert_eq!(hupd.stop().code(), Some(0));
}

#[test]
fn a_place_of_the_path_that_cannot_be_reached_hides_none_after_it() {
    if !has_program("strace") {
        return skip("system calls that fail: strace is missing");
    }
    for error in ["ESTALE", "ENODEV", "ETIMEDOUT"] {
        let mut hupd = Hupd::start(
            "[jobs.quick]\ncommand = [\"echo\", \"done\"]\nenv = { PATH = \"/bin:/usr/bin\" }\n",
        );
        // Of each process the first.
        let fault = format!("error={error}:when=1");
        let Some(sabotage) = Sabotage::of(&hupd, "execve", &fault) else {
            return skip("system calls that fail: strace may not attach here");
        };
        let run = hupd.home.run_to_end("quick");
        assert_eq!(run["outcome"], "exited 0", "{error}: {run}");
        sabotage.end();
        assert_eq!(hupd.stop().code(), Some(0));
    }
}

#[test]
fn a_run_that_waits_for_a_process_can_be_killed_and_does_not_outlive_a_stop() {
    if !has_program("strace") {
        return skip("system calls that fail: strace is missing");
    }
    let mut hupd = Hupd::start(&format!("[daemon]\ngrace = \"300ms\"\n{QUICK}"));
    let Some(_sabotage) = is_short(&hupd, "clone,clone3,vfork,fork", "EAGAIN") else {
        return;
    };
    hupd.home.hupctl(&["run", "quick"]);
    let waits = the_waiting(&hupd);
    let told = hupd.home.hupctl(&["kill", &waits["run"].to_string()]);
    assert!(told.status.success(), "{told:?}");
    let killed = hupd.home.ended_run("quick");
    let outcome = killed["outcome"].as_str().unwrap_or_default();
    assert!(
        outcome.starts_with("could not start: no process"),
        "{killed}"
    );
    assert_eq!(killed["stopped_by"], "request");

    hupd.home.hupctl(&["run", "quick"]);
    the_waiting(&hupd);
    assert_eq!(hupd.stop().code(), Some(0));
    let stopped: String = store(&hupd.home)
        .query_row("SELECT stopped_by FROM runs WHERE id = 2", [], |row| {
            row.get(0)
        })
        .expect("it is on record");
    assert_eq!(stopped, "shutdown");
}

/// So many jobs that are due at once and hold on to what they have, until a file is there.
fn crowd(count: usize) -> String {
    let job = |number| {
        format!(
            "[jobs.j{number}]\ncommand = \"until [ -e go ]; do read -t 1 nothing <>wait || :; done\"\n\
             shell = \"/bin/bash\"\nworking_dir = \".\"\nschedule = \"* * * * * *\"\n"
        )
    };
    (0..count).map(job).collect()
}

/// Every job has had a run that ended well, and none could not start.
fn all_have_run(mut hupd: Hupd, count: usize) {
    hupd.wait_log("runs cannot start at the moment");
    hupd.home.write("go", "");
    for number in 0..count {
        let name = format!("j{number}");
        let run = hupd.home.ended_run(&name);
        assert_eq!(run["outcome"], "exited 0", "{name}: {run}");
    }
    hupd.wait_log("no run waits for a process any more");
    assert_eq!(hupd.stop().code(), Some(0));
    let sql = "SELECT count(*) FROM runs WHERE outcome LIKE 'could not%'";
    let failed: i64 = store(&hupd.home)
        .query_row(sql, [], |row| row.get(0))
        .expect("a number");
    assert_eq!(failed, 0);
}

#[test]
fn nothing_is_dropped_where_there_are_fewer_files_than_runs_need() {
    if !has_program("bash") {
        return skip("too few files: bash is missing");
    }
    let home = Home::new();
    home.gate("wait");
    home.configure(&crowd(40));
    let command = home.hupd_through("ulimit -n 64 && exec \"$@\"");
    all_have_run(Hupd::start_by(command, home), 40);
}

#[test]
fn nothing_is_dropped_where_there_are_fewer_processes_than_runs() {
    if !has_program("bash") || is_root() && !has_program("setpriv") {
        return skip("too few processes: bash or setpriv is missing");
    }
    let home = Home::new();
    home.gate("wait");
    home.configure(&crowd(40));
    // Root has as many processes as it likes; threads count, and so does what else a user has.
    let mut command =
        home.hupd_through("{ ulimit -u 30 || ulimit -p 30; } 2>/dev/null && exec \"$@\"");
    if is_root() {
        let inner = command;
        command = std::process::Command::new("setpriv");
        command.args(["--reuid=54321", "--regid=54321", "--clear-groups"]);
        command.arg(inner.get_program()).args(inner.get_args());
        for path in [home.path().to_owned(), home.file("wait")] {
            std::os::unix::fs::chown(path, Some(54321), Some(54321)).expect("given away");
        }
    } else {
        return skip("too few processes: how many others this user has is not known here");
    }
    // Nor may that user tell the test that it is ready.
    all_have_run(Hupd::launch_by(home, command), 40);
}

#[test]
fn a_run_whose_process_cannot_be_set_up_is_recorded_and_the_next_one_works() {
    if !has_program("strace") {
        return skip("system calls that fail: strace is missing");
    }
    let mut hupd = Hupd::start(QUICK);
    for (calls, error, reason) in [
        // What the new process does until its program is loaded.
        (
            "setsid",
            "EPERM",
            "could not start: setsid: operation not permitted",
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
    ] {
        let Some(sabotage) = Sabotage::of(&hupd, calls, &format!("error={error}")) else {
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

/// The start of this job hangs while somebody holds its program, and its later runs would leave a trace.
fn hangs(limits: &str) -> Option<(Hupd, Held)> {
    let home = Home::new();
    let held = Held::in_home(&home)?;
    home.configure(&format!(
        "[daemon]\ngrace = \"100ms\"\n{QUICK}[jobs.held]\ncommand = [\"{}\"]\nworking_dir = \".\"\n{limits}\n",
        home.file("program").display()
    ));
    Some((Hupd::start_in(home), held))
}

/// Asks for one more, which is answered when it has started, and returns the first when there are so many.
fn the_starting(hupd: &Hupd, count: usize) -> Value {
    let mut asks = hupd.home.hupctl_command();
    asks.args(["run", "held"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut asks = asks.spawn().expect("hupctl starts");
    std::thread::spawn(move || asks.wait());
    wait_until("the run is being started", || {
        let status = hupd.home.json(&["status"]);
        let runs = status["running"].as_array()?;
        let is_there = runs.len() == count && runs.iter().all(|run| run["state"] == "starting");
        (is_there && is_in_exec(hupd)).then(|| runs[0].clone())
    })
}

/// Whether a child of hupd has not come to its program yet.
fn is_in_exec(hupd: &Hupd) -> bool {
    !children(hupd).is_empty()
}

fn children(hupd: &Hupd) -> Vec<Pid> {
    let own = hupd.pid().as_raw_pid().to_string();
    let folders = fs::read_dir("/proc").expect("processes").flatten();
    let pids = folders.filter_map(|it| Pid::from_raw(it.file_name().to_str()?.parse().ok()?));
    let is_child = |pid: &Pid| proc_stat(*pid).is_some_and(|stat| stat[1] == own);
    pids.filter(is_child).collect()
}

/// Nothing came of it, and nothing does when the file system answers.
fn nothing_has_run(hupd: &Hupd, held: Held) {
    drop(held);
    hupd.home.run_to_end("quick");
    wait_until("no child is left", || (!is_in_exec(hupd)).then_some(()));
    assert!(!hupd.home.file("trace").exists());
}

#[test]
fn a_start_that_hangs_can_be_killed_and_ends_by_its_time_limit() {
    let limits = "timeout = \"300ms\"\nkill_after = \"1s\"";
    let Some((mut hupd, held)) = hangs(limits) else {
        return;
    };
    the_starting(&hupd, 1);
    let run = hupd.home.ended_run("held");
    let outcome = run["outcome"].as_str().expect("it is over");
    assert!(outcome.starts_with("could not start: not within "), "{run}");
    assert!(outcome.ends_with("a file or a folder does not answer"));
    assert_eq!(run["stopped_by"], "time limit", "{run}");
    hupd.wait_log("its start takes too long and is given up");

    let run = &the_starting(&hupd, 1)["run"];
    let told = hupd.home.hupctl(&["kill", &run.to_string()]);
    assert!(told.status.success(), "{told:?}");
    let killed = wait_until("it is over", || {
        let ended = hupd.home.ended_run("held");
        (ended["run"] == *run).then_some(ended)
    });
    assert_eq!(killed["stopped_by"], "request", "{killed}");
    nothing_has_run(&hupd, held);
    assert_eq!(hupd.home.run_to_end("held")["outcome"], "exited 0");
    assert_eq!(hupd.stop().code(), Some(0));
}

#[test]
fn a_hupd_that_stops_does_not_wait_for_starts_that_hang() {
    let Some((mut hupd, held)) = hangs("kill_after = \"300ms\"\noverlap = \"allow\"") else {
        return;
    };
    // More than there are threads: some have not had their turn.
    for count in 1..=4 {
        the_starting(&hupd, count);
    }
    assert_eq!(hupd.stop().code(), Some(0));
    let stopped: Vec<String> = store(&hupd.home)
        .prepare("SELECT outcome FROM runs WHERE stopped_by = 'shutdown'")
        .and_then(|mut rows| rows.query_map([], |row| row.get(0))?.collect())
        .expect("they are on record");
    assert_eq!(stopped.len(), 4, "{stopped:?}");
    let is_told = |it: &String| it.starts_with("could not start: not within ");
    assert!(stopped.iter().all(is_told), "{stopped:?}");
    drop(held);
    assert!(!hupd.home.file("trace").exists());
}

/// What it was starting has its lock and its socket until the program is loaded.
#[test]
fn a_hupd_that_is_killed_while_a_start_hangs_keeps_the_next_one_out_and_both_programs_say_why() {
    let Some((hupd, held)) = hangs("[jobs.long]\ncommand = [\"sleep\", \"600\"]") else {
        return;
    };
    hupd.home.hupctl(&["run", "long"]);
    hupd.home.wait_running("long", 1);
    // What is connected before the clone, the child has as well.
    let mut follows = hupd.home.hupctl_command();
    follows.args(["logs", "long", "--follow"]);
    follows.stdout(Stdio::null()).stderr(Stdio::piped());
    let follows = follows.spawn().expect("hupctl starts");
    wait_until("hupctl follows", || is_connected(follows.id()));
    // Whoever is answered was accepted after that.
    hupd.home.json(&["status"]);
    let others = children(&hupd);
    hupd.home.hupctl(&["run", "held"]);
    let half_born = wait_until("it hangs", || {
        let mut children = children(&hupd).into_iter();
        children.find(|child| !others.contains(child))
    });
    let killed = hupd.pid();
    let home = hupd.crash();

    let gone = format!(
        "hupctl: no hupd is running at {}: the last one (pid {}) has ended, and a process that it was just starting, \
         and that hangs, still has its socket; start hupd: it serves, or names what is in its way\n",
        home.socket().display(),
        killed.as_raw_pid()
    );
    let followed = Told::from(follows.wait_with_output().expect("it ends"));
    assert_eq!((followed.status, &*followed.aside), (Some(69), &*gone));
    let asked = Told::by_hupctl(&home, &["status"]);
    assert_eq!((asked.status, &*asked.aside), (Some(69), &*gone));
    let child = half_born.as_raw_pid();
    let refused = format!(
        "hupd: {}: held by process {child}, which a hupd that has ended (pid {}) was just starting, and which hangs: \
         end it with 'kill -KILL {child}', or wait until its program, files and folders answer; not started\n",
        home.file("state/hupd.lock").display(),
        killed.as_raw_pid()
    );
    let second = Told::from(home.hupd().output().expect("hupd starts"));
    assert_eq!((second.status, &*second.aside), (Some(75), &*refused));

    drop(held);
    wait_until("the program has run", || {
        (!is_alive(half_born)).then_some(())
    });
    let mut next = Hupd::start_in(home);
    assert_eq!(next.home.ended_run("held")["outcome"], "lost");
    assert_eq!(next.home.read("trace"), "ran\n", "once");
    assert_eq!(next.stop().code(), Some(0));
}

/// Whether a process has a socket.
fn is_connected(pid: u32) -> Option<()> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let mut targets = open.filter_map(|file| fs::read_link(file.path()).ok());
    let is_socket = |target: PathBuf| target.to_string_lossy().starts_with("socket:");
    targets.any(is_socket).then_some(())
}

/// So many threads that start runs there are where nothing hangs.
const USUAL_STARTERS: usize = 2;

/// How many threads of hupd start runs.
fn starters(hupd: &Hupd) -> usize {
    let tasks = fs::read_dir(hupd.proc("task")).expect("hupd is there");
    let names = tasks.flatten().map(|task| task.path().join("comm"));
    let names = names.filter_map(|path| fs::read_to_string(path).ok());
    names.filter(|name| name.starts_with("spawner-")).count()
}

#[test]
fn that_nobody_is_left_to_start_runs_is_said_and_that_it_is_over() {
    let home = Home::new();
    let Some(held) = Held::in_home(&home) else {
        return;
    };
    let program = home.file("program");
    let job = |number| {
        let program = program.display();
        format!(
            "[jobs.j{number}]\ncommand = [\"{program}\"]\nworking_dir = \".\"\nschedule = \"* * * * * *\"\n"
        )
    };
    let jobs: String = (0..66).map(job).collect();
    home.configure(&format!("{QUICK}{jobs}"));
    let mut hupd = Hupd::start_in(home);
    hupd.wait_log("no run can start: all 64 threads that start runs are held up");
    assert_eq!(starters(&hupd), 64);
    let held_up = hupd.home.json(&["status"])["no_starters"].clone();
    assert_eq!(held_up["starters"], 64, "{held_up}");
    let status = Told::from(hupd.home.hupctl(&["status"])).out;
    assert!(
        status.contains("\nNO STARTS      all 64 threads"),
        "{status}"
    );
    assert!(status.contains(" gives it up\n    and "), "{status}");
    let run = hupd.home.json(&["status"])["running"][0]["run"].to_string();
    let shown = Told::from(hupd.home.hupctl(&["show", &run])).out;
    let hangs = "HANGS        it is being started since ";
    assert!(shown.contains(hangs), "{shown}");

    let told = Told::from(hupd.home.hupctl(&["run", "quick"]));
    assert_eq!(told.status, Some(0), "{told:?}");
    assert!(told.out.ends_with(" of job 'quick' accepted\n"), "{told:?}");

    drop(held);
    hupd.wait_log("runs can start again");
    assert_eq!(hupd.home.ended_run("quick")["outcome"], "exited 0");
    assert!(hupd.home.json(&["status"])["no_starters"].is_null());
    assert_eq!(hupd.log().matches("no run can start").count(), 1);
    wait_until("there are as many as at the beginning", || {
        (starters(&hupd) == USUAL_STARTERS).then_some(())
    });
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
    let Some(sabotage) = Sabotage::of(&hupd, "openat", "error=EMFILE") else {
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

#[test]
fn each_step_towards_another_user_is_told_by_its_name() {
    if !rustix::process::geteuid().is_root() {
        return skip("steps towards another user that fail: only root takes them");
    }
    if !has_program("strace") {
        return skip("system calls that fail: strace is missing");
    }
    let mut hupd = Hupd::start(
        "[jobs.other]\ncommand = [\"true\"]\nuser = 4711\ngroup_id = 4712\nnice = 5\nlimits = { core = 0 }\n",
    );
    let leave = "its unit (CapabilityBoundingSet=) or its container (--cap-add) must leave it that";
    let setgid = format!("; hupd needs CAP_SETGID: {leave}");
    let setuid = format!("; hupd needs CAP_SETUID: {leave}");
    let groups = format!("{setgid}, and a user namespace must not deny setgroups");
    let keys = "; a security policy of the system keeps hupd from making one, and without it the job could have the \
                keys of hupd: let the policy allow it";
    let ids = "ids after the change of user: operation not permitted";
    let unmapped =
        "; the user namespace of hupd has no such id: see /proc/self/uid_map and gid_map";
    let limit = "limits.core 0: operation not permitted";
    for (fault, reason, remedy) in [
        ("prlimit64:error=EPERM", limit, ""),
        ("setpriority:error=EACCES", "nice 5: permission denied", ""),
        (
            "keyctl:error=EACCES",
            "session keyring: permission denied",
            keys,
        ),
        (
            "setgroups:error=EPERM",
            "setgroups: operation not permitted",
            &groups,
        ),
        (
            "setresgid:error=EPERM",
            "setresgid: operation not permitted",
            &setgid,
        ),
        (
            "setresuid:error=EPERM",
            "setresuid: operation not permitted",
            &setuid,
        ),
        (
            "setresuid:error=EINVAL",
            "setresuid: invalid argument",
            unmapped,
        ),
        // They say that they have worked, and have done nothing.
        ("setresgid:retval=0", ids, ""),
        ("setresuid:retval=0", ids, ""),
        ("getresuid:retval=0", ids, ""),
        ("setuid:retval=0", ids, ""),
        (
            "rt_sigaction:error=EINVAL",
            "signal actions: invalid argument",
            "",
        ),
    ] {
        let (calls, fault_alone) = fault.split_once(':').expect("two parts");
        let Some(sabotage) = Sabotage::of(&hupd, calls, fault_alone) else {
            return skip("system calls that fail: strace may not attach here");
        };
        let run = hupd.home.run_to_end("other");
        let outcome = run["outcome"].as_str().expect("it is over").to_owned();
        assert_eq!(
            outcome,
            format!("could not start: {reason} (user '4711'){remedy}"),
            "{fault}"
        );
        assert_eq!(
            (&run["exit_code"], &run["pid"]),
            (&Value::Null, &Value::Null),
            "{run}"
        );
        sabotage.end();
        assert_eq!(
            hupd.home.run_to_end("other")["outcome"],
            "exited 0",
            "after {fault}"
        );
    }
    assert_eq!(hupd.stop().code(), Some(0));
}

/// Many containers forbid them; and of keyrings there may be too many.
#[test]
fn a_kernel_without_keyrings_keeps_no_job_of_another_user_from_its_start() {
    if !rustix::process::geteuid().is_root() {
        return skip("a keyring for another user: only root starts jobs for them");
    }
    if !has_program("strace") {
        return skip("system calls that fail: strace is missing");
    }
    let mut hupd =
        Hupd::start("[jobs.other]\ncommand = [\"true\"]\nuser = 4711\ngroup_id = 4712\n");
    for error in ["ENOSYS", "EPERM"] {
        let Some(sabotage) = is_short(&hupd, "keyctl", error) else {
            return;
        };
        assert_eq!(hupd.home.run_to_end("other")["outcome"], "exited 0");
        sabotage.end();
    }
    let Some(sabotage) = is_short(&hupd, "keyctl", "EDQUOT") else {
        return;
    };
    assert!(hupd.home.hupctl(&["run", "other"]).status.success());
    hupd.wait_log("session keyring: disk quota exceeded");
    hupd.wait_log("/proc/key-users: raise kernel.keys.root_maxkeys");
    hupd.wait_log("kernel.keys.maxkeys");
    the_waiting(&hupd);
    sabotage.end();
    wait_until("it has its turn", || {
        let runs = hupd.home.runs("other");
        let is_good = |run: &Value| run["outcome"] == "exited 0";
        (runs.len() == 3 && runs.iter().all(is_good)).then_some(())
    });
    assert_eq!(hupd.stop().code(), Some(0));
}

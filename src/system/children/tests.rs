//! Real processes, from adoption to their end.

use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, PidfdFlags, Signal as KernelSignal, kill_process_group, pidfd_open};

use super::NewChild;
use super::census::Census;
use super::child::Child;
use super::marks::Mark;
use crate::clock::Moment;
use crate::config::{Job, OutputMode};
use crate::run::{Exit, RunId, Signal};
use crate::system::testing::{KEPT, Machine, job, order, shell, until, written};

fn state_of(pid: i32) -> Option<char> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    line.rsplit(") ").next()?.chars().next()
}

fn is_group_alive(group: i32) -> bool {
    Census::take().unwrap().has_group(group)
}

fn kill_group(group: i32) {
    kill_process_group(Pid::from_raw(group).unwrap(), KernelSignal::KILL).unwrap();
}

fn make_fifo(path: &Path) {
    let made = Machine::new().run(job(&["mkfifo", path.to_str().unwrap()]));
    assert_eq!(made.exit, Exit::Code(0));
}

#[test]
fn a_run_ends_with_the_exit_code_of_its_process() {
    let ended = Machine::new().run(shell("exit 42"));
    assert_eq!(ended.exit, Exit::Code(42));
    assert!(!ended.was_signalled);
}

#[test]
fn a_run_that_kills_itself_was_not_signalled_by_us() {
    let ended = Machine::new().run(shell("kill -9 $$"));
    assert_eq!(ended.exit, Exit::Signal(Signal::KILL));
    assert!(!ended.was_signalled);
}

#[test]
fn the_start_is_told_before_the_end() {
    let machine = Machine::new();
    let run = machine.start(job(&["true"]));
    let started = machine.started(run);
    let ended = machine.ended(run);
    assert!(started.pid > 1);
    assert!(started.at.elapsed <= ended.at.elapsed);
}

#[test]
fn both_streams_are_kept_in_the_order_of_writing() {
    let ended = Machine::new().run(shell("echo a; echo b >&2; echo c"));
    assert_eq!(written(&ended.output), "a\nb\nc\n");
}

#[test]
fn output_is_kept_byte_for_byte() {
    let ended = Machine::new().run(shell(r"printf 'a\000\377\r\n\033[0mz'"));
    assert_eq!(ended.output.head, b"a\0\xff\r\n\x1b[0mz");
    assert_eq!(ended.output.total, 10);
}

#[test]
fn of_a_flood_the_beginning_and_the_end_are_kept_and_all_is_counted() {
    let all: String = (1..=1_500_000).map(|n| format!("{n}\n")).collect();
    let output = Machine::new().run(job(&["seq", "1", "1500000"])).output;
    assert!(output.total > 10_000_000);
    assert_eq!(output.total, all.len() as u64);
    assert_eq!(output.head, &all.as_bytes()[..KEPT / 2]);
    assert_eq!(output.tail, &all.as_bytes()[all.len() - KEPT / 2..]);
}

#[test]
fn discarded_output_goes_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let seen = folder.path().join("seen");
    let script = format!("echo lost; readlink /proc/$$/fd/2 > '{}'", seen.display());
    let output = Machine::new().run(Job {
        output: OutputMode::Discard,
        ..shell(&script)
    });
    assert_eq!(output.output.total, 0);
    assert_eq!(fs::read_to_string(seen).unwrap(), "/dev/null\n");
}

#[test]
fn forwarded_output_is_counted_and_not_kept() {
    let ended = Machine::new().run(Job {
        output: OutputMode::Forward,
        ..shell("echo four")
    });
    assert_eq!((ended.output.total, ended.output.lost()), (5, 5));
}

#[test]
fn a_process_left_behind_does_not_hold_the_run() {
    let machine = Machine::new();
    let run = machine.start_shell("sleep 600 & echo hi");
    let group = machine.started(run).pid;
    let ended = machine.ended(run);
    assert_eq!(written(&ended.output), "hi\n");
    assert!(is_group_alive(group));
    kill_group(group);
}

#[test]
fn a_process_left_behind_can_go_on_writing() {
    let folder = tempfile::tempdir().unwrap();
    let (go, done) = (folder.path().join("go"), folder.path().join("done"));
    make_fifo(&go);
    make_fifo(&done);
    let machine = Machine::new();
    let ended = machine.run(Job {
        working_dir: folder.path().to_owned(),
        ..shell("(read x < go; head -c 1000000 /dev/zero && echo alive > done) & echo hi")
    });
    assert_eq!(written(&ended.output), "hi\n");
    fs::write(go, "\n").unwrap();
    assert_eq!(fs::read_to_string(done).unwrap(), "alive\n");
}

#[test]
fn a_stop_signal_reaches_the_whole_group() {
    let machine = Machine::new();
    let run = machine.start_shell("sleep 600 & sleep 600 & echo ready; wait");
    machine.signal_when_ready(run, Signal::TERM);
    let ended = machine.ended(run);
    assert_eq!(ended.exit, Exit::Signal(Signal::TERM));
    assert!(ended.was_signalled);
    assert!(!is_group_alive(machine.started(run).pid));
}

#[test]
fn the_rest_of_the_group_may_clean_up_after_the_stop_signal() {
    let machine = Machine::new();
    let run = machine.start_shell(
        "(trap 'sleep 0.3; echo cleaned; exit' TERM; echo ready; while :; do :; done) & wait",
    );
    machine.signal_when_ready(run, Signal::TERM);
    let ended = machine.ended(run);
    assert_eq!(ended.exit, Exit::Signal(Signal::TERM));
    assert_eq!(written(&ended.output), "ready\ncleaned\n");
}

#[test]
fn what_ignores_the_stop_signal_is_there_until_it_is_killed() {
    let machine = Machine::new();
    let run = machine.start_shell("(trap '' TERM; echo ready; sleep 600; sleep 600) & wait");
    machine.signal_when_ready(run, Signal::TERM);
    let leader = machine.started(run).pid;
    until(|| state_of(leader) == Some('Z'));
    assert!(machine.peek(run).is_some());
    machine.children.signal(run, Signal::KILL);
    let ended = machine.ended(run);
    assert_eq!(ended.exit, Exit::Signal(Signal::TERM));
    assert!(!is_group_alive(leader));
    assert_eq!(state_of(leader), None);
}

#[test]
fn a_handled_stop_signal_lets_the_run_choose_its_end() {
    let machine = Machine::new();
    let run = machine.start_shell("trap 'exit 7' TERM; echo ready; while :; do :; done");
    machine.signal_when_ready(run, Signal::TERM);
    let ended = machine.ended(run);
    assert_eq!((ended.exit, ended.was_signalled), (Exit::Code(7), true));
}

#[test]
fn a_signal_for_a_run_that_is_over_is_nothing() {
    let machine = Machine::new();
    let run = machine.start(job(&["true"]));
    machine.ended(run);
    machine.children.signal(run, Signal::KILL);
    machine.children.signal(RunId(4711), Signal::KILL);
    assert_eq!(machine.run(job(&["true"])).exit, Exit::Code(0));
}

#[test]
fn the_output_of_a_live_run_can_be_seen() {
    let machine = Machine::new();
    let run = machine.start_shell("echo ready; exec sleep 600");
    machine.signal_when_ready(run, Signal::TERM);
    machine.ended(run);
    assert_eq!(machine.peek(run), None);
}

#[test]
fn many_that_end_at_once_are_all_reaped() {
    let machine = Machine::new();
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    make_fifo(&gate);
    let script = format!("read x < '{}'", gate.display());
    let runs: Vec<RunId> = (0..500).map(|_| machine.start_shell(&script)).collect();
    let pids: Vec<i32> = runs.iter().map(|&run| machine.started(run).pid).collect();
    // The last writer opens the gate by closing it: all of them read the end of it at once.
    drop(fs::OpenOptions::new().write(true).open(&gate).unwrap());
    let waiting = |run: &RunId| machine.peek(*run).is_some();
    while runs.iter().any(waiting) {
        drop(
            fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open(&gate)
                .unwrap(),
        );
    }
    runs.iter().for_each(|&run| drop(machine.ended(run)));
    assert!(pids.iter().all(|&pid| state_of(pid).is_none()));
}

/// The end of the leader and the KILL for its group may come in either order.
#[test]
#[expect(clippy::disallowed_methods, reason = "a child that no source watches")]
fn a_group_is_killed_also_before_the_end_of_its_leader_is_told() {
    let script = "(trap '' TERM; echo ready; exec sleep 600) & trap 'exit 0' TERM; wait";
    let mut process = Command::new("/bin/sh")
        .args(["-c", script])
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0; 6];
    process
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut ready)
        .unwrap();
    let pid = Pid::from_child(&process);
    let order = order(RunId(1), shell(script));
    let mut child = Child::new(NewChild {
        run: RunId(1),
        attempt: 1,
        job: order.job.clone(),
        pid,
        process: Arc::new(pidfd_open(pid, PidfdFlags::empty()).unwrap()),
        cgroup: None,
        mark: Mark::new(order.run, &order.occurrence, &order.state_dir),
        pipe: None,
        started: Moment::now(),
        keep_output: 0,
    });

    child.signal(Signal::TERM).unwrap();
    until(|| state_of(child.pid()) == Some('Z'));
    child.signal(Signal::KILL).unwrap();

    until(|| !is_group_alive(child.pid()));
    process.wait().unwrap();
}

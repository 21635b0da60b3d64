#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
//! Orphans, in a process that inherits them as PID 1 does. One test: it reaps whatever it finds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use hupd::config::{Jitter, Job, Missed, OutputMode, Overlap, Timing};
use hupd::event::{Event, Inbox, Reply};
use hupd::protocol::Answer;
use hupd::run::{Exit, Generation, JobName, Occurrence, RunId, Signal, Trigger};
use hupd::schedule::Seed;
use hupd::system::children::Children;
use hupd::system::identity::Identity;
use hupd::system::spawn::{SpawnOrder, Spawners};
use jiff::Timestamp;
use rustix::process::{Pid, WaitOptions, set_child_subreaper, waitpid};

fn order(run: RunId, script: &str) -> SpawnOrder {
    let name = JobName::new("test");
    let job = Job {
        name: name.clone(),
        command: ["/bin/sh", "-c", script].map(str::to_owned).into(),
        timing: Timing::Never,
        jitter: Jitter {
            below: Duration::ZERO,
            seed: Seed::of("host", "orphans"),
        },
        missed: Missed::Skip,
        deadline: None,
        overlap: Overlap::Skip,
        group: None,
        timeout: None,
        stop_signal: Signal::TERM,
        kill_after: Duration::from_secs(10),
        working_dir: PathBuf::from("/"),
        process: Default::default(),
        env: BTreeMap::new(),
        output: OutputMode::Store,
        retry: None,
        success_exit_codes: [0].into(),
        enabled: true,
        on_change: None,
        description: String::new(),
    };
    SpawnOrder {
        run,
        occurrence: Occurrence {
            job: name,
            instant: Timestamp::UNIX_EPOCH,
            trigger: Trigger::Request,
        },
        job: Arc::new(job),
        attempt: 1,
        generation: Generation(1),
        keep_output: 4096,
        state_dir: Path::new("/var/lib/hupd").into(),
    }
}

fn end_of(inbox: &Inbox, run: RunId) -> (Exit, String) {
    loop {
        if let Event::Ended(ended) = inbox.next()
            && ended.run == run
        {
            let output = [ended.output.head, ended.output.tail].concat();
            return (ended.exit, String::from_utf8(output).unwrap());
        }
    }
}

fn output_so_far(children: &Children, run: RunId) -> String {
    let (deliver, answer) = mpsc::channel();
    children.peek(run, Reply::new(move |answer| deliver.send(answer).unwrap()));
    match answer.recv().unwrap() {
        Answer::Output(row) => String::from_utf8(row.output.head).unwrap(),
        _ => String::new(),
    }
}

/// Asks for orphans to be reaped until that one is.
fn reap_until_gone(children: &Children, pid: &str) {
    let process = Path::new("/proc").join(pid);
    while process.exists() {
        children.reap_orphans();
        std::thread::yield_now();
    }
}

#[test]
fn orphans_are_reaped_and_runs_keep_their_ends() {
    set_child_subreaper(Pid::from_raw(1)).unwrap();
    let inbox = Inbox::new();
    let children = Children::start(inbox.outbox()).unwrap();
    let identity = Identity::of_process();
    let mut spawners = Spawners::start(2, children.handle(), identity, inbox.outbox()).unwrap();

    spawners.spawn(order(RunId(1), "(:) >/dev/null 2>&1 & echo $!; exit 5"));
    let (exit, orphan) = end_of(&inbox, RunId(1));
    assert_eq!(exit, Exit::Code(5));
    reap_until_gone(&children, orphan.trim());

    // While a leader is kept unreaped for the rest of its group, it hides other zombies.
    spawners.spawn(order(
        RunId(2),
        "(trap '' TERM; echo ready; sleep 600; sleep 600) & wait",
    ));
    while !output_so_far(&children, RunId(2)).contains("ready") {
        std::thread::yield_now();
    }
    children.signal(RunId(2), Signal::TERM);
    // Its leader dies of the signal, and is the first that the kernel names from then on.
    spawners.spawn(order(RunId(3), "(:) >/dev/null 2>&1 & echo $!; exit 6"));
    let (exit, orphan) = end_of(&inbox, RunId(3));
    assert_eq!(exit, Exit::Code(6));
    reap_until_gone(&children, orphan.trim());
    children.signal(RunId(2), Signal::KILL);
    assert_eq!(end_of(&inbox, RunId(2)).0, Exit::Signal(Signal::TERM));

    // Orphans that are reaped elsewhere are in nobody's way.
    for run in (10..40).map(RunId) {
        spawners.spawn(order(run, "(:) >/dev/null 2>&1 & echo $!; exit 7"));
        let (exit, orphan) = end_of(&inbox, run);
        assert_eq!(exit, Exit::Code(7));
        children.reap_orphans();
        let pid = Pid::from_raw(orphan.trim().parse().unwrap());
        while waitpid(pid, WaitOptions::NOHANG).is_ok_and(|ended| ended.is_none()) {
            children.reap_orphans();
        }
    }

    // Every end is known, however wildly orphans are asked for meanwhile.
    let runs: Vec<RunId> = (100..600).map(RunId).collect();
    for &run in &runs {
        spawners.spawn(order(run, "(:) & exit 9"));
        children.reap_orphans();
    }
    let mut codes = 0;
    while codes < runs.len() {
        children.reap_orphans();
        if let Event::Ended(ended) = inbox.next() {
            assert_eq!(ended.exit, Exit::Code(9));
            codes += 1;
        }
    }
}

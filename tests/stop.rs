//! The stop: nothing new starts, what runs may finish, and in the end nothing of hupd is left.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests start hupd as its users do"
)]

mod common;

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{Detached, Home, Hupd, Told, is_alive, proc_stat, wait_until};
use rustix::process::{Pid, Signal};

/// A job that says that it runs, and runs until the test opens its gate.
const SLOW: &str = "[jobs.slow]\ncommand = \"echo $$ >begun; read line <gate; echo done\"\n\
                    working_dir = \".\"\nschedule = \"0 0 1 1 *\"\n";

/// A job that notes its stop signals and goes on.
const STUBBORN: &str = "[jobs.slow]\ncommand = \"trap 'echo told >>told' TERM; echo $$ >begun; while :; do sleep 0.05; done\"\n\
                        working_dir = \".\"\nschedule = \"0 0 1 1 *\"\n";

/// A job that ends orderly when it is told to.
const OBEDIENT: &str = "[jobs.slow]\ncommand = \"trap 'exit 7' TERM; echo $$ >begun; while :; do sleep 0.05; done\"\n\
                        working_dir = \".\"\nschedule = \"0 0 1 1 *\"\n";

const QUICK: &str = "[jobs.quick]\ncommand = \"true\"\nschedule = \"0 0 1 1 *\"\n";

/// A hupd with a run of the job 'slow' in hand.
struct Busy {
    hupd: Hupd,
    job: Pid,
}

impl Busy {
    fn with(daemon: &str, jobs: &str) -> Self {
        let home = Home::new();
        home.configure(&format!("[daemon]\n{daemon}\n{jobs}"));
        make_gate(&home);
        let hupd = Hupd::start_in(home);
        let job = begin(&hupd.home);
        Self { hupd, job }
    }

    /// Sends it and waits until hupd has taken notice; gives what the service manager was told.
    fn tell(&self, signal: Signal) -> String {
        self.hupd.signal(signal);
        self.hupd.wait_notified("STOPPING=1")
    }

    fn open_gate(&self) {
        fs::write(self.hupd.home.file("gate"), "go\n").expect("the job waits there");
    }

    fn status(&self) -> serde_json::Value {
        self.hupd.home.json(&["status"])
    }

    /// The end of hupd, of which nothing is left; gives how the run of 'slow' is recorded.
    #[track_caller]
    fn ends(mut self) -> Recorded {
        let status = self.hupd.wait();
        assert_eq!(status.code(), Some(0), "{}", self.hupd.log());
        let home = &self.hupd.home;
        for name in ["run/hupd.pid", "run/hupd.sock", "state/hupd.lock"] {
            assert!(!home.file(name).exists(), "{name} is left");
        }
        assert!(!group_is_alive(self.job), "a process of the job is left");
        recorded(home, "slow")
    }
}

fn make_gate(home: &Home) {
    rustix::fs::mknodat(
        rustix::fs::CWD,
        home.file("gate"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .expect("a gate");
}

fn begin(home: &Home) -> Pid {
    let told = Told::from(home.hupctl(&["run", "slow"]));
    assert_eq!(told.status, Some(0), "{told:?}");
    wait_until("the job runs", || {
        Pid::from_raw(home.read("begun").trim().parse().ok()?)
    })
}

fn group_is_alive(group: Pid) -> bool {
    let number = group.as_raw_nonzero().to_string();
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let mut all =
        entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    all.any(|pid| is_alive(pid) && proc_stat(pid).is_some_and(|fields| fields[2] == number))
}

/// How the store says that the only run of a job ended, and why hupd stopped it.
type Recorded = (String, Option<String>);

fn recorded(home: &Home, job: &str) -> Recorded {
    let store = rusqlite::Connection::open(home.file("state/hupd.db")).expect("the store");
    let sql = "SELECT outcome, stopped_by FROM runs WHERE job = ?1";
    let run = store.query_one(sql, [job], |row| Ok((row.get(0)?, row.get(1)?)));
    run.expect("one run that is over")
}

fn by_itself(outcome: &str) -> Recorded {
    (outcome.to_owned(), None)
}

fn by_the_stop(outcome: &str) -> Recorded {
    (outcome.to_owned(), Some("shutdown".to_owned()))
}

fn ledger(home: &Home, job: &str) -> Vec<(String, String)> {
    let store = rusqlite::Connection::open(home.file("state/hupd.db")).expect("the store");
    let mut rows = store
        .prepare("SELECT fate, reason FROM ledger WHERE job = ?1 ORDER BY decided_at")
        .expect("a ledger");
    let rows = rows.query_map([job], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

#[test]
fn a_stop_with_nothing_in_hand_is_immediate() {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
        let mut hupd = Hupd::start(QUICK);
        hupd.signal(signal);
        let told = hupd.wait_notified("STOPPING=1");
        assert!(told.contains("STATUS=nothing is running"), "{told}");
        assert_eq!(hupd.wait().code(), Some(0));
        assert!(!hupd.home.socket().exists());
        assert!(hupd.log().contains("hupd stopped"), "{}", hupd.log());
    }
}

#[test]
fn a_job_in_hand_finishes_and_is_recorded() {
    for signal in [Signal::TERM, Signal::INT] {
        let busy = Busy::with("grace = \"1h\"", SLOW);
        let told = busy.tell(signal);
        assert!(told.contains("for 1 running: slow"), "{told}");
        assert!(is_alive(busy.job));
        busy.open_gate();
        let us = format!(
            "told to stop by a signal from pid {}, uid",
            std::process::id()
        );
        busy.hupd.wait_log(&us);
        assert_eq!(busy.ends(), by_itself("exited 0"));
    }
}

#[test]
fn during_the_drain_status_says_what_is_awaited() {
    let busy = Busy::with("grace = \"1h\"", SLOW);
    busy.tell(Signal::TERM);
    let status = busy.status();
    assert_eq!(status["phase"], "draining");
    assert!(status["stop_signals_at"].is_string(), "{status}");
    assert_eq!(status["running"][0]["job"], "slow");
    assert_eq!(status["running"][0]["pid"], busy.job.as_raw_nonzero().get());
    let text = Told::from(busy.hupd.home.hupctl(&["status"])).out;
    assert!(text.contains("draining until"), "{text}");
    assert!(text.contains("slow"), "{text}");
    busy.open_gate();
    busy.ends();
}

#[test]
fn during_the_drain_nothing_new_starts() {
    let ticking = "[jobs.tick]\ncommand = \"true\"\nevery = \"1s\"\n";
    let busy = Busy::with("grace = \"1h\"", &format!("{SLOW}{QUICK}{ticking}"));
    // A run is known from its claim on, and one that is claimed is in hand: it would start yet.
    busy.hupd.home.ended_run("tick");
    busy.tell(Signal::TERM);

    let run = Told::from(busy.hupd.home.hupctl(&["run", "quick"]));
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(run.aside.contains("hupd is stopping"), "{run:?}");
    let reload = Told::from(busy.hupd.home.hupctl(&["reload"]));
    assert_eq!(reload.status, Some(1), "{reload:?}");
    assert!(reload.aside.contains("hupd is stopping"), "{reload:?}");
    busy.hupd.signal(Signal::HUP);
    busy.hupd.wait_log("ignored: hupd is stopping");

    let told = Instant::now();
    wait_until("two ticks are over", || {
        (told.elapsed() > Duration::from_millis(2_200)).then_some(())
    });
    busy.open_gate();
    busy.hupd.wait_log("hupd stopped");
    let log = busy.hupd.log();
    let (_, since) = log.split_once("told to stop").expect("it was told");
    assert!(!since.contains("run started"), "{log}");
    let home = &busy.hupd.home;
    let skipped = ("skipped".to_owned(), "hupd is stopping".to_owned());
    assert_eq!(ledger(home, "quick"), std::slice::from_ref(&skipped));
    let ticks = ledger(home, "tick");
    assert!(
        ticks.iter().filter(|row| **row == skipped).count() >= 2,
        "{ticks:?}"
    );
    assert_eq!(busy.ends(), by_itself("exited 0"));
}

#[test]
fn who_waits_for_a_run_is_told_of_its_end_during_the_drain() {
    let home = Home::new();
    home.configure(SLOW);
    make_gate(&home);
    let hupd = Hupd::start_in(home);
    let mut client = hupd.home.hupctl_command();
    let client = client
        .args(["run", "slow", "--wait"])
        .stdout(Stdio::piped());
    let client = client
        .stderr(Stdio::piped())
        .spawn()
        .expect("hupctl starts");
    let job = wait_until("the job runs", || {
        Pid::from_raw(hupd.home.read("begun").trim().parse().ok()?)
    });
    let busy = Busy { hupd, job };
    busy.tell(Signal::TERM);
    busy.open_gate();
    let told = Told::from(client.wait_with_output().expect("an end"));
    assert_eq!(told.status, Some(0), "{told:?}");
    assert!(told.aside.contains("exited 0"), "{told:?}");
    busy.ends();
}

#[test]
fn what_waited_for_a_place_is_recorded_as_skipped_and_its_client_told() {
    let busy = Busy::with("grace = \"1h\"\nmax_running = 1", &format!("{SLOW}{QUICK}"));
    let mut client = busy.hupd.home.hupctl_command();
    let client = client
        .args(["run", "quick", "--wait"])
        .stdout(Stdio::piped());
    let client: Child = client
        .stderr(Stdio::piped())
        .spawn()
        .expect("hupctl starts");
    wait_until("it waits for a place", || {
        (busy.status()["waiting"] == 1).then_some(())
    });
    busy.tell(Signal::TERM);
    let told = Told::from(client.wait_with_output().expect("an end"));
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(told.aside.contains("hupd is stopping"), "{told:?}");
    busy.open_gate();
    busy.hupd.wait_log("hupd stopped");
    let skipped = ledger(&busy.hupd.home, "quick");
    let (fate, reason) = skipped.last().expect("a row of the ledger");
    assert_eq!((&**fate, &**reason), ("skipped", "hupd is stopping"));
    busy.ends();
}

#[test]
fn after_the_grace_comes_the_stop_signal() {
    let busy = Busy::with("grace = \"1s\"", OBEDIENT);
    busy.tell(Signal::TERM);
    assert_eq!(busy.ends(), by_the_stop("exited 7"));
}

#[test]
fn after_the_stop_signal_and_its_time_comes_kill() {
    let stubborn = format!("{STUBBORN}kill_after = \"1s\"\n");
    let busy = Busy::with("grace = \"1s\"", &stubborn);
    busy.tell(Signal::TERM);
    busy.hupd.wait_log("signal=KILL");
    assert_eq!(busy.hupd.home.read("told"), "told\n");
    assert_eq!(busy.ends(), by_the_stop("killed by KILL"));
}

#[test]
fn the_stop_signal_is_the_one_of_the_job_and_goes_to_its_whole_group() {
    let job = "[jobs.slow]\nstop_signal = \"USR2\"\n\
               command = \"trap 'exit 9' USR2; sleep 600 & echo $$ >begun; while :; do wait; done\"\n\
               working_dir = \".\"\nschedule = \"0 0 1 1 *\"\n";
    let busy = Busy::with("grace = \"1h\"", job);
    busy.tell(Signal::QUIT);
    // With `sleep` gone as well, see there.
    assert_eq!(busy.ends(), by_the_stop("exited 9"));
}

#[test]
fn a_second_term_sends_the_stop_signals_at_once() {
    for second in [Signal::TERM, Signal::INT, Signal::QUIT] {
        let busy = Busy::with("grace = \"1h\"", OBEDIENT);
        busy.tell(Signal::TERM);
        busy.tell(second);
        assert_eq!(busy.ends(), by_the_stop("exited 7"));
    }
}

#[test]
fn a_third_term_kills_at_once() {
    let stubborn = format!("{STUBBORN}kill_after = \"1h\"\n");
    let busy = Busy::with("grace = \"1h\"", &stubborn);
    busy.tell(Signal::TERM);
    let told = busy.tell(Signal::TERM);
    assert!(
        told.contains("stop signals sent to 1 running: slow"),
        "{told}"
    );
    wait_until("the job was told", || {
        (busy.hupd.home.read("told") == "told\n").then_some(())
    });
    assert_eq!(busy.status()["phase"], "stopping");
    assert!(is_alive(busy.job));
    busy.tell(Signal::TERM);
    assert_eq!(busy.ends(), by_the_stop("killed by KILL"));
}

#[test]
fn quit_sends_the_stop_signals_at_once_and_kills_the_second_time() {
    let busy = Busy::with("grace = \"1h\"", OBEDIENT);
    busy.tell(Signal::QUIT);
    assert_eq!(busy.ends(), by_the_stop("exited 7"));

    let stubborn = format!("{STUBBORN}kill_after = \"1h\"\n");
    let busy = Busy::with("grace = \"1h\"", &stubborn);
    busy.tell(Signal::QUIT);
    busy.tell(Signal::QUIT);
    assert_eq!(busy.ends(), by_the_stop("killed by KILL"));
}

#[test]
fn hupctl_stop_drains_and_says_what_is_awaited() {
    let busy = Busy::with("grace = \"1h\"", SLOW);
    let told = Told::from(busy.hupd.home.hupctl(&["stop"]));
    assert_eq!(told.status, Some(0), "{told:?}");
    assert!(told.out.contains("draining until"), "{told:?}");
    assert!(told.out.contains("slow"), "{told:?}");
    assert!(is_alive(busy.job));
    busy.hupd.wait_notified("STOPPING=1");
    busy.open_gate();
    assert_eq!(busy.ends(), by_itself("exited 0"));
}

#[test]
fn hupctl_stop_answers_even_when_hupd_ends_at_once() {
    let hupd = Detached::start(QUICK);
    let told = Told::from(hupd.home.hupctl(&["stop"]));
    let expected = format!(
        "hupd (pid {}) is stopping; nothing is running\n",
        hupd.pid.as_raw_nonzero()
    );
    assert_eq!((told.status, told.out), (Some(0), expected));
    hupd.wait();
}

#[test]
fn the_service_manager_is_told_how_long_the_stop_may_take() {
    let slow = format!("{SLOW}kill_after = \"50s\"\n");
    let busy = Busy::with("grace = \"100s\"", &slow);
    busy.hupd.signal(Signal::TERM);
    busy.hupd.wait_notified("STOPPING=1");
    let told = busy.hupd.wait_notified_beginning("EXTEND_TIMEOUT_USEC=");
    let microseconds: u64 = told["EXTEND_TIMEOUT_USEC=".len()..].parse().unwrap();
    let seconds = microseconds / 1_000_000;
    assert!((150..=200).contains(&seconds), "{told}");
    busy.open_gate();
    busy.ends();
}

#[test]
fn ctrl_c_reaches_hupd_but_no_job() {
    let home = Home::new();
    let job = "[jobs.slow]\ncommand = \"trap 'echo told >>told; exit 3' INT; echo $$ >begun; read line <gate\"\n\
               working_dir = \".\"\nschedule = \"0 0 1 1 *\"\n";
    home.configure(job);
    make_gate(&home);
    let mut command = home.hupd();
    command.arg("--foreground").process_group(0);
    let log = fs::File::create(home.file("log")).unwrap();
    let mut child = command.stderr(log).spawn().expect("hupd starts");
    let group = Pid::from_child(&child);
    wait_until("hupd serves", || {
        home.hupctl(&["status"]).status.success().then_some(())
    });
    let job = begin(&home);
    rustix::process::kill_process_group(group, Signal::INT).unwrap();
    wait_until("hupd drains", || {
        home.read("log").contains("told to stop").then_some(())
    });
    assert!(is_alive(job));
    fs::write(home.file("gate"), "go\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(home.read("told"), "");
    assert_eq!(recorded(&home, "slow"), by_itself("exited 0"));
}

#[test]
fn the_next_start_finds_nothing_lost() {
    let mut busy = Busy::with("grace = \"1h\"", SLOW);
    busy.tell(Signal::QUIT);
    assert_eq!(busy.hupd.wait().code(), Some(0));
    let home = busy.hupd.crash();
    let mut next = Hupd::start_in(home);
    assert!(!next.log().contains("run lost"), "{}", next.log());
    assert_eq!(next.home.runs("slow")[0]["outcome"], "killed by TERM");
    assert_eq!(next.stop().code(), Some(0));
}

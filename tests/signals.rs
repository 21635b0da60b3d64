//! Signals: what each means, who sent it, and that none of them takes hupd by surprise.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Home, Hupd, make_gate, me, open_gate, text, wait_until};
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

const WORK: &str = "[jobs.work]\ncommand = \"true\"\n";

fn start_run(hupd: &Hupd, job: &str) -> u64 {
    let row = hupd.home.json(&["run", job]);
    row["run"]
        .as_u64()
        .unwrap_or_else(|| panic!("no run: {row}"))
}

fn work(home: &Home) {
    let output = home.hupctl(&["run", "work", "--wait"]);
    assert!(output.status.success(), "{output:?}");
}

/// So many jobs that loading them takes its time.
fn many() -> String {
    let job = |n| format!("[jobs.\"many-{n}\"]\ncommand = \"true\"\nschedule = \"0 3 * * *\"\n");
    (0..3_000).map(job).collect()
}

/// The mask in a line of `/proc/PID/status`; none once the process is gone.
fn mask(status: &Path, line: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let mask = text.lines().find_map(|found| found.strip_prefix(line))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// Waits until HUP has a handler: from then on it must do no harm.
fn wait_caught(pid: Pid) {
    let status = format!("/proc/{}/status", pid.as_raw_nonzero());
    wait_until("HUP has a handler", || {
        mask(Path::new(&status), "SigCgt:").filter(|caught| caught & 1 == 1)
    });
}

#[test]
fn hups_from_the_first_handler_on_disturb_no_start() {
    let home = Home::new();
    home.configure(&many());
    let hupd = Hupd::launch(home);
    wait_caught(hupd.pid());
    let mut sent = 0;
    let served = |message: &String| message.contains("READY=1");
    while !hupd.notified().iter().any(served) {
        hupd.signal(Signal::HUP);
        sent += 1;
        assert!(hupd.proc("exe").exists(), "hupd has ended");
        std::thread::yield_now();
    }
    assert!(sent > 10, "only {sent} came before hupd served");
    assert_eq!(hupd.status()["jobs"], 3_000);
    hupd.wait_log(&format!("reloading: HUP from {}", me()));
    hupd.home.configure(WORK);
    assert!(hupd.home.hupctl(&["reload"]).status.success());
    work(&hupd.home);
}

#[test]
fn one_hup_while_the_first_file_is_read_is_a_reload_once_hupd_serves() {
    let home = Home::new();
    home.configure(&many());
    let hupd = Hupd::launch(home);
    wait_caught(hupd.pid());
    hupd.signal(Signal::HUP);
    hupd.wait_log("reload accepted, HUP from ");
    assert_eq!(hupd.log().matches("reloading: ").count(), 1);
}

#[test]
fn hups_to_the_launcher_disturb_no_start_either() {
    let home = Home::new();
    home.configure(&format!("[log]\nfile = \"hupd.log\"\n{WORK}{}", many()));
    let mut launcher = home.hupd().spawn().expect("hupd starts");
    let pid = Pid::from_child(&launcher);
    wait_caught(pid);
    let ended = wait_until("the launcher has ended", || {
        kill_process(pid, Signal::HUP).expect("it is there or a zombie");
        launcher.try_wait().expect("a child")
    });
    let _stop = StopAtEnd(&home);
    assert!(ended.success(), "{}", home.read("hupd.log"));
    work(&home);
}

/// A daemon that is nobody's child.
struct StopAtEnd<'a>(&'a Home);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        let pid = self.0.read("run/hupd.pid");
        self.0.hupctl(&["stop"]);
        wait_until("the daemon is gone", || {
            (!Path::new("/proc").join(pid.trim()).exists() || pid.is_empty()).then_some(())
        });
    }
}

#[test]
fn usr1_opens_a_renamed_log_anew_and_no_line_is_lost() {
    let hupd = Hupd::start(&format!("[log]\nfile = \"hupd.log\"\n{WORK}"));
    let rounds = 5;
    for round in 0..rounds {
        work(&hupd.home);
        fs::rename(
            hupd.home.file("hupd.log"),
            hupd.home.file(&format!("hupd.log.{round}")),
        )
        .expect("renamed");
        work(&hupd.home);
        hupd.signal(Signal::USR1);
        let line = format!("log reopened on USR1 from {}", me());
        wait_until("the new log is written", || {
            hupd.home.read("hupd.log").contains(&line).then_some(())
        });
    }
    work(&hupd.home);

    let last = format!(" run={} ", 2 * rounds + 1);
    wait_until("the last line is there", || {
        let log = hupd.home.read("hupd.log");
        (log.contains("run ended") && log.contains(&last)).then_some(())
    });
    let old = (0..rounds).map(|round| hupd.home.read(&format!("hupd.log.{round}")));
    let logs: Vec<_> = old.chain([hupd.home.read("hupd.log")]).collect();
    for run in 1..=2 * rounds + 1 {
        for (event, end) in [("run started", "pid="), ("run ended", "seconds=")] {
            let is_it =
                |line: &&str| line.contains(event) && line.contains(&format!(" run={run} {end}"));
            let number = logs
                .iter()
                .flat_map(|log| log.lines())
                .filter(is_it)
                .count();
            assert_eq!(number, 1, "{event}, run {run}");
        }
    }
    // What was logged between the renaming and the signal went to the old file.
    assert!(logs[0].contains(" run=2 ") && !logs[1].contains(" run=2 "));
}

#[test]
fn signals_without_a_meaning_are_named_and_ignored() {
    let mut hupd = Hupd::start(WORK);
    for (written, name) in [
        ("USR2", "USR2"),
        ("ALRM", "ALRM"),
        ("VTALRM", "VTALRM"),
        ("PROF", "PROF"),
        ("IO", "IO"),
        ("STKFLT", "STKFLT"),
        ("PWR", "PWR"),
        ("XFSZ", "XFSZ"),
        ("RTMIN", "a real-time signal"),
    ] {
        let pid = hupd.pid().as_raw_nonzero().to_string();
        let sent = Command::new("/bin/kill")
            .args(["-s", written, &pid])
            .status();
        assert!(sent.expect("kill runs").success(), "{name}");
        hupd.wait_log(&format!(" warn  {name} from pid "));
    }
    assert_eq!(
        hupd.log()
            .matches(" means nothing to hupd; ignored")
            .count(),
        9
    );
    // PIPE is not even worth a line.
    hupd.signal(Signal::PIPE);
    work(&hupd.home);
    assert!(hupd.stop().success());
}

#[test]
fn a_reader_of_the_log_who_goes_away_does_no_harm() {
    let home = Home::new();
    home.configure(WORK);
    let mut command = home.hupd();
    command.arg("--foreground").stderr(Stdio::piped());
    let mut child = command.spawn().expect("hupd starts");
    let mut reader = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("a line");
    assert!(line.contains(" serves 1 job of "), "{line}");
    drop(reader);
    for _ in 0..3 {
        work(&home);
    }
    kill_process(Pid::from_child(&child), Signal::HUP).expect("hupd is there");
    assert!(home.hupctl(&["reload"]).status.success());
    kill_process(Pid::from_child(&child), Signal::TERM).expect("hupd is there");
    let ended = wait_until("hupd has ended", || child.try_wait().expect("a child"));
    assert!(ended.success(), "{ended}");
}

#[test]
fn quit_stops_at_once_however_long_the_grace() {
    let mut hupd =
        Hupd::start("[daemon]\ngrace = \"10h\"\n[jobs.stays]\ncommand = [\"sleep\", \"60\"]\n");
    start_run(&hupd, "stays");
    hupd.wait_log("run started");
    hupd.signal(Signal::QUIT);
    assert!(hupd.wait().success());
    let log = hupd.log();
    let line = format!(
        "told to stop by QUIT from {}: stop signals sent to 1 running: stays",
        me()
    );
    assert!(log.contains(&line), "{log}");
    assert!(log.contains("run ended: killed by TERM"), "{log}");
    assert!(!hupd.home.file("core").exists());
}

#[test]
fn ctrl_c_reaches_hupd_and_none_of_its_jobs() {
    let home = Home::new();
    make_gate(&home.file("gate"));
    let (gate, trace) = (home.file("gate"), home.file("trace"));
    home.configure(&format!(
        "[daemon]\ngrace = \"10h\"\n[jobs.stays]\ncommand = \"trap 'echo signalled >> {trace}' INT TERM; echo begun >> {trace}; read x < {gate}; echo ended >> {trace}\"\n",
        trace = trace.display(),
        gate = gate.display()
    ));
    let mut command = home.hupd();
    command.process_group(0);
    let mut hupd = Hupd::launch_by(home, command);
    hupd.wait_notified("READY=1");
    start_run(&hupd, "stays");
    wait_until("it has begun", || {
        (hupd.home.read("trace") == "begun\n").then_some(())
    });

    kill_process_group(hupd.pid(), Signal::INT).expect("the group is there");
    hupd.wait_notified("STOPPING=1");
    hupd.wait_log(&format!(
        "told to stop by a signal from {}: waiting up to ",
        me()
    ));
    assert_eq!(hupd.status()["phase"], "draining");
    open_gate(&gate);
    assert!(hupd.wait().success());
    assert_eq!(hupd.home.read("trace"), "begun\nended\n");
    assert!(hupd.log().contains("run ended: exited 0"));
}

#[test]
fn what_the_parent_ignored_or_blocked_counts_neither_for_hupd_nor_for_its_jobs() {
    let home = Home::new();
    home.configure(
        "[jobs.masks]\ncommand = [\"grep\", \"-E\", \"^Sig(Blk|Ign):\", \"/proc/self/status\"]\n",
    );
    let plain = home.hupd();
    let mut command = Command::new("/usr/bin/env");
    command
        .arg("--ignore-signal=HUP,INT,QUIT,TERM,USR1,USR2,ALRM,PIPE,CHLD,RTMIN")
        .arg("--block-signal")
        .arg(plain.get_program())
        .args(plain.get_args());
    let mut hupd = Hupd::launch_by(home, command);
    hupd.wait_notified("READY=1");
    hupd.reload();
    let output = hupd.home.hupctl(&["run", "masks", "--wait"]);
    assert!(output.status.success(), "{output:?}");
    let logs = text(&hupd.home.hupctl(&["logs", "masks"]).stdout);
    let masks: Vec<u64> = logs
        .lines()
        .map(|line| u64::from_str_radix(line[7..].trim(), 16).expect("a mask"))
        .collect();
    // 32 and 33 are the C library's own: it has them ignored in whatever it spawns.
    let of_the_library = 1 << 31 | 1 << 32;
    assert_eq!(masks.len(), 2, "{logs}");
    assert_eq!((masks[0], masks[1] & !of_the_library), (0, 0), "{logs}");
    assert!(hupd.stop().success());
}

#[test]
fn a_hup_that_the_starter_blocked_until_hupd_can_take_it_is_a_reload() {
    let home = Home::new();
    home.configure("# no jobs\n");
    let plain = home.hupd();
    let mut command = Command::new("/usr/bin/env");
    command
        .args(["--block-signal=HUP", "sh", "-c"])
        .arg("kill -s HUP $$; exec \"$0\" \"$@\"")
        .arg(plain.get_program())
        .args(plain.get_args());
    let mut hupd = Hupd::launch_by(home, command);
    hupd.wait_log("reload accepted, HUP from ");
    assert!(hupd.stop().success());
}

#[test]
fn after_a_halt_each_job_catches_up_once_and_what_ended_meanwhile_has_not_timed_out() {
    let home = Home::new();
    make_gate(&home.file("gate"));
    let gate = home.file("gate");
    home.configure(&format!(
        "[jobs.one]\ncommand = \"true\"\nevery = \"1s\"\n[jobs.two]\ncommand = \"true\"\nevery = \"1s\"\n\
         [jobs.limited]\ncommand = \"read x < {}\"\ntimeout = \"3s\"\n",
        gate.display()
    ));
    let hupd = Hupd::start_in(home);
    for job in ["one", "two"] {
        hupd.home.ended_run(job);
    }
    start_run(&hupd, "limited");
    let pid = wait_until("it runs", || {
        hupd.home.runs("limited").first()?["pid"].as_i64()
    });

    hupd.signal(Signal::STOP);
    wait_until("hupd is halted", || {
        (state(&hupd.proc("stat")) == Some('T')).then_some(())
    });
    let halted = Timestamp::now();
    open_gate(&gate);
    let stat = format!("/proc/{pid}/stat");
    wait_until("the run has ended", || {
        (state(Path::new(&stat)) == Some('Z')).then_some(())
    });
    let later = halted + Duration::from_millis(3_500);
    wait_until("the clock has gone on", || {
        (Timestamp::now() >= later).then_some(())
    });
    let resumed = Timestamp::now();
    hupd.signal(Signal::CONT);

    assert_eq!(hupd.home.ended_run("limited")["outcome"], "exited 0");
    for job in ["one", "two"] {
        let runs = wait_until("it goes on", || {
            let instants: Vec<Timestamp> = hupd
                .home
                .runs(job)
                .iter()
                .map(|run| run["scheduled_for"].as_str()?.parse().ok())
                .collect::<Option<_>>()?;
            let latest = instants.iter().max()?;
            (*latest > resumed + Duration::from_secs(1)).then_some(instants)
        });
        let during = |at: &&Timestamp| halted < **at && **at < resumed;
        assert!(runs.iter().filter(during).count() <= 1, "{job}: {runs:?}");
        let missed: Vec<Timestamp> = hupd
            .log()
            .lines()
            .filter_map(|line| missed(line, job))
            .collect();
        assert!(
            missed.iter().filter(during).count() >= 2,
            "{job}: {missed:?}"
        );
        // Each instant is accounted for, once.
        let mut all = [runs, missed].concat();
        all.sort();
        let gaps = all.windows(2).map(|pair| pair[1].duration_since(pair[0]));
        for gap in gaps {
            assert!((500..1_500).contains(&gap.as_millis()), "{job}: {all:?}");
        }
    }
}

/// The instant in a line that tells of a missed occurrence of this job.
fn missed(line: &str, job: &str) -> Option<Timestamp> {
    let is_it = line.contains("run missed: ") && line.contains(&format!(" job={job} "));
    let instant = line.split("instant=").nth(1).filter(|_| is_it)?;
    instant.split_whitespace().next()?.parse().ok()
}

/// `R`, `S`, `T`, `Z`, …
fn state(stat: &Path) -> Option<char> {
    let text = fs::read_to_string(stat).ok()?;
    text.rsplit(") ").next()?.chars().next()
}

//! A run ends whole: what has left its process group is found where hupd has cgroups to give, and else
//! named in the record.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Home, Hupd, delegated_cgroup, text, wait_until};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

/// Forks twice into a session of its own, where it ignores all but KILL, and waits for the end of its time.
const STRAY: &str = r#"
    working_dir = "."
    timeout = "500ms"
    kill_after = "500ms"
    command = """
        (setsid sh -c 'trap "" TERM; echo $$ >stray.new; mv stray.new stray; while :; do sleep 1; done' &)
        sleep 1000
    """
"#;

fn hides_cgroups(home: &Home) -> Option<std::process::Command> {
    home.hupd_after("mount -t tmpfs none /sys/fs/cgroup; umount -l /sys/fs/cgroup/unified || true")
}

/// A hupd that finds no cgroup, if that can be had.
fn homeless(config: &str) -> Option<Hupd> {
    let home = Home::new();
    home.configure(config);
    match hides_cgroups(&home) {
        Some(command) => Some(Hupd::start_by(command, home)),
        None => {
            eprintln!("SKIPPED: no mount namespace can be made here");
            None
        }
    }
}

/// A hupd that has cgroups to give, if that can be had.
fn at_home(config: &str) -> Option<Hupd> {
    let probe = Hupd::start("[jobs.job]\ncommand = \"cat /proc/self/cgroup\"\n");
    probe.home.run_to_end("job");
    let cgroups = String::from_utf8(probe.home.output("job")).expect("text");
    let own = cgroups.lines().find(|line| line.starts_with("0::"));
    let made = format!("/hupd.{}.", probe.pid().as_raw_pid());
    if !own.is_some_and(|own| own.contains(&made)) {
        eprintln!("SKIPPED: no cgroup is delegated here");
        return None;
    }
    Some(Hupd::start(config))
}

fn stray(home: &Home) -> Pid {
    let pid = wait_until("the stray is there", || {
        fs::read_to_string(home.file("stray")).ok()
    });
    let pid = pid.trim().parse().expect("a number");
    Pid::from_raw(pid).expect("a pid")
}

fn is_there(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn what_has_left_the_group_of_a_timed_out_run_dies_with_it() {
    let Some(hupd) = at_home(&format!("[jobs.job]\n{STRAY}")) else {
        return;
    };
    let run = hupd.home.run_to_end("job");
    assert!(!is_there(stray(&hupd.home)));
    assert_eq!(run["outcome"], "timed out");
    assert_eq!(run["survivors"], json!([]));
}

#[test]
fn what_has_left_the_group_gets_the_stop_signal_and_its_time_too() {
    let config = r#"
        [jobs.job]
        working_dir = "."
        kill_after = "20s"
        command = """
            (setsid sh -c 'trap "sleep 0.3; echo cleaned >cleaned; exit" TERM; echo >ready; while :; do sleep 0.05; done' &)
            sleep 1000
        """
    "#;
    let Some(hupd) = at_home(config) else {
        return;
    };
    let run = hupd.home.json(&["run", "job"])["run"].to_string();
    wait_until("it is there", || {
        hupd.home.file("ready").exists().then_some(())
    });
    hupd.home.hupctl(&["kill", &run]);
    let run = hupd.home.ended_run("job");
    assert_eq!(run["outcome"], "killed by TERM");
    assert_eq!(hupd.home.read("cleaned"), "cleaned\n");
    assert!(run["duration_seconds"].as_f64().expect("a number") < 15.0);
}

#[test]
fn without_a_cgroup_what_is_left_of_a_stopped_run_is_named_in_its_record() {
    let Some(hupd) = homeless(&format!("[jobs.job]\n{STRAY}")) else {
        return;
    };
    let run = hupd.home.run_to_end("job");
    let stray = stray(&hupd.home);
    assert!(is_there(stray));
    let left = |run: &Value| {
        let survivors = run["survivors"].as_array().cloned().unwrap_or_default();
        let pid = |survivor: &Value| survivor["pid"] == stray.as_raw_pid();
        survivors
            .iter()
            .any(|one| pid(one) && one["command"] == "sh")
    };
    assert_eq!(run["outcome"], "timed out");
    assert!(left(&run), "{run}");
    assert!(left(&hupd.home.runs("job")[0]), "in the history");
    let shown = hupd.home.hupctl(&["show", &run["run"].to_string()]);
    let line = format!("left behind  sh (pid {})", stray.as_raw_pid());
    assert!(text(&shown.stdout).contains(&line), "{shown:?}");
    hupd.wait_log("the run was stopped, and this process of it is left");
    kill_process(stray, Signal::KILL).expect("killed");
}

#[test]
fn what_a_run_leaves_behind_at_its_own_end_is_left_alone() {
    let config = r#"
        [jobs.job]
        working_dir = "."
        command = """
            (setsid sh -c 'echo $$ >stray.new; mv stray.new stray; exec sleep 1000' &)
            while ! [ -e stray ]; do sleep 0.01; done
        """
    "#;
    let mut hupds = vec![Hupd::start(config)];
    hupds.extend(homeless(config));
    for mut hupd in hupds {
        let run = hupd.home.run_to_end("job");
        assert_eq!(
            (&run["outcome"], &run["survivors"]),
            (&json!("exited 0"), &json!([]))
        );
        let stray = stray(&hupd.home);
        assert!(hupd.stop().success());
        assert!(is_there(stray));
        kill_process(stray, Signal::KILL).expect("killed");
    }
}

/// The cgroups of that hupd on any hierarchy that is mounted.
fn cgroups_of(pid: Pid) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts");
    let points = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let point = fields.next()?;
        (fields.next()? == "cgroup2").then(|| PathBuf::from(point))
    });
    let made = format!("hupd.{}.", pid.as_raw_pid());
    let is_made = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(&made))
    };
    points
        .flat_map(|point| folders(&point))
        .filter(is_made)
        .collect()
}

fn folders(place: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

#[test]
fn what_starts_after_a_run_that_was_killed_lives() {
    let config = r#"
        [jobs.job]
        timeout = "200ms"
        kill_after = "200ms"
        command = "trap '' TERM; while :; do sleep 1; done"
        [jobs.next]
        command = ["true"]
    "#;
    let Some(hupd) = at_home(config) else {
        return;
    };
    assert_eq!(hupd.home.run_to_end("job")["outcome"], "timed out");
    // Both threads that start processes have their turn.
    for _ in 0..4 {
        assert_eq!(hupd.home.run_to_end("next")["outcome"], "exited 0");
    }
}

/// As a service manager may leave its cgroup to the hupd that it starts again.
#[test]
fn a_hupd_whose_own_cgroup_was_killed_once_starts_its_jobs_all_the_same() {
    let home = Home::new();
    home.configure("[jobs.job]\ncommand = \"cat /proc/self/cgroup\"\n");
    let Some(place) = cgroup_to_be_killed_in() else {
        eprintln!("SKIPPED: no cgroup can be made here");
        return;
    };
    let enter = format!("echo 0 >{}/cgroup.procs; exec \"$@\"", place.display());
    let command = home.hupd_through(&enter);
    let mut hupd = Hupd::start_by(command, home);
    let run = hupd.home.run_to_end("job");
    assert_eq!(run["outcome"], "exited 0");
    let made = format!("/hupd.{}.", hupd.pid().as_raw_pid());
    let cgroups = text(&hupd.home.output("job"));
    assert!(cgroups.contains(&made), "{cgroups}");
    assert!(hupd.stop().success());
    fs::remove_dir(place).expect("it is empty");
}

/// A cgroup of cgroup v2 in which everybody was killed, so that the kernel has counted that.
fn cgroup_to_be_killed_in() -> Option<PathBuf> {
    let place = delegated_cgroup()?;
    fs::write(place.join("cgroup.kill"), "1").ok()?;
    Some(place)
}

#[test]
fn no_cgroup_is_left_behind() {
    let Some(mut hupd) = at_home("[jobs.job]\ncommand = [\"true\"]\n") else {
        return;
    };
    for _ in 0..5 {
        hupd.home.run_to_end("job");
    }
    let pid = hupd.pid();
    wait_until("each goes with its run", || {
        cgroups_of(pid).is_empty().then_some(())
    });
    assert!(hupd.stop().success());
    assert_eq!(cgroups_of(pid), [""; 0].map(PathBuf::from));
}

#[test]
fn the_cgroups_of_a_hupd_that_was_killed_are_removed_by_the_next_one() {
    let Some(hupd) = at_home("[jobs.job]\ncommand = [\"sleep\", \"1000\"]\n") else {
        return;
    };
    hupd.home.hupctl(&["run", "job"]);
    let job = hupd.home.wait_running("job", 1)[0]["pid"].as_i64();
    let job = job
        .and_then(|pid| Pid::from_raw(pid as i32))
        .expect("it runs");
    let pid = hupd.pid();
    assert_eq!(cgroups_of(pid).len(), 1);
    let home = hupd.crash();
    kill_process(job, Signal::KILL).expect("it runs");
    // Any other hupd that starts here meanwhile removes it as well.
    wait_until("nobody lives in its cgroup", || {
        let is_empty = |cgroup: &PathBuf| {
            let events = fs::read_to_string(cgroup.join("cgroup.events"));
            events.is_ok_and(|events| events.contains("populated 0"))
        };
        let left = cgroups_of(pid);
        left.first().is_none_or(is_empty).then_some(())
    });
    wait_until("its number is free", || {
        test_kill_process(pid).is_err().then_some(())
    });
    let _next = Hupd::start_in(home);
    assert_eq!(cgroups_of(pid), [""; 0].map(PathBuf::from));
}

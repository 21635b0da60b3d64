//! Processes that outlive a hupd which was killed: the next one knows them by more than their number, and goes on
//! with them or stops them, as `orphans` says.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test stands outside hupd"
)]

mod common;

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Home, Hupd, has_program, is_alive, is_root, skip, store, text, wait_until};
use rustix::process::{Pid, Signal, kill_process};

/// Runs until its gate is opened; its shell and the helper beside it are one group.
fn waits(orphans: &str) -> String {
    format!(
        "[daemon]\ngrace = \"0s\"\norphans = \"{orphans}\"\n[jobs.long]\nevery = \"1h\"\nkill_after = \"1s\"\ncommand = \"sleep 1000 & read line <gate\"\nworking_dir = \"WHERE\"\n"
    )
}

fn home(config: &str) -> Home {
    let home = Home::new();
    home.gate("gate");
    home.configure(&config.replace("WHERE", &home.path().display().to_string()));
    home
}

/// A hupd that was killed, and the process that its run has left.
fn killed(config: &str) -> (Home, Pid) {
    killed_in(home(config))
}

fn killed_in(home: Home) -> (Home, Pid) {
    let hupd = Hupd::start_in(home);
    hupd.home.json(&["run", "long"]);
    let running = hupd.home.wait_running("long", 1);
    let pid = running[0]["pid"].as_i64().unwrap();
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    wait_until("the helper runs", || {
        (members(pid).len() == 2).then_some(())
    });
    wait_until("what has left the group is there", || {
        let config = hupd.home.read("hupd.toml");
        (!config.contains("setsid") || hupd.home.file("stray").exists()).then_some(())
    });
    wait_until("the start is on record", || {
        let sql = "SELECT 1 FROM runs WHERE pid IS NOT NULL AND born_by IS NOT NULL";
        store(&hupd.home)
            .prepare(sql)
            .unwrap()
            .exists([])
            .unwrap()
            .then_some(())
    });
    (hupd.crash(), pid)
}

/// The living processes of a group.
fn members(group: Pid) -> Vec<Pid> {
    let folders = std::fs::read_dir("/proc").unwrap().flatten();
    let pids =
        folders.filter_map(|folder| Pid::from_raw(folder.file_name().to_str()?.parse().ok()?));
    let group = group.as_raw_pid().to_string();
    pids.filter(|pid| {
        common::proc_stat(*pid).is_some_and(|stat| stat[2] == group) && is_alive(*pid)
    })
    .collect()
}

fn end(pids: &[Pid]) {
    for pid in pids {
        let _ = kill_process(*pid, Signal::KILL);
    }
}

#[test]
fn what_is_left_running_goes_on_and_is_in_the_way_of_the_next_run() {
    let (home, pid) = killed(&waits("leave"));
    let lost = ended_after_going_on(home, pid);
    assert_eq!(lost["pid"], i64::from(pid.as_raw_pid()));
}

/// hupd is killed in the moment in which a process of it comes to be.
#[test]
fn what_was_started_without_a_record_of_that_goes_on_as_well() {
    let (home, pid) = killed(&waits("leave"));
    forget_start(&home);
    ended_after_going_on(home, pid);
}

/// That the run goes on with the next hupd, in the way of others, until it ends.
fn ended_after_going_on(home: Home, pid: Pid) -> serde_json::Value {
    let hupd = Hupd::start_in(home);

    hupd.wait_log("run goes on: hupd was killed, its process did not end with it");
    assert!(is_alive(pid));
    let running = hupd.home.wait_running("long", 1);
    assert_eq!(running[0]["pid"], i64::from(pid.as_raw_pid()));
    let refused = text(&hupd.home.hupctl(&["run", "long"]).stderr);
    assert!(
        refused.contains("is not over (overlap = \"skip\")"),
        "{refused}"
    );

    let helper = members(pid);
    hupd.home.open_gate("gate");
    let lost = hupd.home.ended_run("long");
    assert_eq!(lost["outcome"], "lost");
    assert_eq!(named(&lost), names(&others(&helper, pid)));
    assert_eq!(hupd.home.runs("long").len(), 1);
    end(&helper);
    lost
}

fn others(pids: &[Pid], but: Pid) -> Vec<Pid> {
    pids.iter().copied().filter(|pid| *pid != but).collect()
}

fn names(pids: &[Pid]) -> Vec<String> {
    let mut names: Vec<_> = pids
        .iter()
        .map(|pid| pid.as_raw_pid().to_string())
        .collect();
    names.sort();
    names
}

/// Who is named as left of a run whose process has ended by itself, in its note and as its survivors alike.
fn named(lost: &serde_json::Value) -> Vec<String> {
    let note = lost["note"].as_str().unwrap();
    let how = "hupd was killed, its process went on and has ended, nobody saw how; of its processes there \
               still is: pid ";
    let pids = note.strip_prefix(how).unwrap_or_else(|| panic!("{note}"));
    let mut pids: Vec<_> = pids.split(", ").map(str::to_owned).collect();
    pids.sort();
    let survivors = lost["survivors"].as_array().unwrap().iter();
    let mut survivors: Vec<_> = survivors.map(|one| one["pid"].to_string()).collect();
    survivors.sort();
    assert_eq!(pids, survivors);
    pids
}

/// What it writes went to the hupd that is no more; that it runs, and that it ends, there is to tell all the same.
#[test]
fn of_what_goes_on_the_logs_are_empty_and_whoever_follows_hears_of_its_end() {
    let (home, pid) = killed(&waits("leave"));
    let hupd = Hupd::start_in(home);
    let run = hupd.home.wait_running("long", 1)[0]["run"].to_string();

    for of in [&*run, "long"] {
        let logs = hupd.home.json(&["logs", of]);
        assert_eq!(
            (&logs["running"], &logs["run"].to_string()),
            (&true.into(), &run)
        );
    }

    let mut follower = hupd.home.hupctl_command();
    follower.args(["--json", "logs", &run, "--follow"]);
    let mut follower = follower.stdout(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(follower.stdout.take().unwrap()).lines();
    told.next().unwrap().unwrap();
    let helper = members(pid);
    hupd.home.open_gate("gate");
    let told = told.next().unwrap().unwrap();
    assert!(
        told.contains("\"lost\"") && told.contains("nobody saw how"),
        "{told}"
    );
    assert_eq!(follower.wait().unwrap().code(), Some(1));
    end(&helper);
}

#[test]
fn what_is_left_running_is_stopped_with_its_whole_group() {
    let (home, pid) = killed(&waits("kill"));
    let group = members(pid);

    let hupd = Hupd::start_in(home);

    let lost = hupd.home.ended_run("long");
    assert_eq!(
        (&lost["outcome"], &lost["stopped_by"]),
        (&"lost".into(), &"orphan".into())
    );
    hupd.wait_log("an earlier hupd left it running");
    assert_eq!(group.into_iter().filter(|pid| is_alive(*pid)).count(), 0);
    // Now the way is free.
    hupd.home.json(&["run", "long"]);
    hupd.home.wait_running("long", 1);
}

#[test]
fn what_does_not_stop_is_killed() {
    let deaf = waits("kill").replace("sleep 1000 &", "trap '' TERM; sleep 1000 &");
    let (home, pid) = killed(&deaf);
    let group = members(pid);

    let hupd = Hupd::start_in(home);

    let lost = hupd.home.ended_run("long");
    assert_eq!(lost["stopped_by"], "orphan");
    hupd.wait_log("signal=KILL");
    assert_eq!(group.into_iter().filter(|pid| is_alive(*pid)).count(), 0);
}

#[test]
fn of_a_group_whose_first_process_has_ended_the_rest_is_named_or_stopped() {
    for orphans in ["leave", "kill"] {
        let (home, pid) = killed(&waits(orphans));
        kill_process(pid, Signal::KILL).unwrap();
        wait_until("it has ended", || (!is_alive(pid)).then_some(()));
        let rest = members(pid);
        assert_eq!(rest.len(), 1);

        let hupd = Hupd::start_in(home);

        let lost = hupd.home.ended_run("long");
        assert_eq!(lost["outcome"], "lost");
        let note = lost["note"].as_str().unwrap();
        let named = format!(
            "of its processes there still is: pid {}",
            rest[0].as_raw_pid()
        );
        match orphans {
            "leave" => assert!(note.contains(&named) && is_alive(rest[0]), "{note}"),
            _ => assert!(
                lost["stopped_by"] == "orphan" && !is_alive(rest[0]),
                "{note}"
            ),
        }
        end(&rest);
    }
}

/// As if the number had passed to another process since, in this boot or in another one.
#[test]
fn a_process_that_only_has_the_same_number_is_let_alone() {
    let (home, pid) = killed(&waits("kill"));
    end(&members(pid));
    let mut other = Command::new("sleep")
        .arg("1000")
        .process_group(0)
        .spawn()
        .unwrap();
    let path = home.file("state/hupd.db");
    let sql = format!(
        "UPDATE runs SET pid = {} WHERE ended_at IS NULL",
        other.id()
    );
    let store = rusqlite::Connection::open(path).unwrap();
    assert_eq!(store.execute(&sql, []), Ok(1));

    let mut hupd = Hupd::start_in(home);

    let lost = hupd.home.ended_run("long");
    assert_eq!(lost["stopped_by"], serde_json::Value::Null);
    hupd.stop();
    assert_eq!(other.try_wait().unwrap(), None);
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn a_number_of_another_boot_means_nothing() {
    let (home, pid) = killed(&waits("kill"));
    let path = home.file("state/hupd.db");
    let store = rusqlite::Connection::open(path).unwrap();
    let sql = "UPDATE runs SET boot = boot + 1 WHERE ended_at IS NULL";
    assert_eq!(store.execute(sql, []), Ok(1));

    let mut hupd = Hupd::start_in(home);

    let lost = hupd.home.ended_run("long");
    assert_eq!(lost["stopped_by"], serde_json::Value::Null);
    hupd.stop();
    assert!(is_alive(pid));
    end(&members(pid));
}

#[test]
fn what_goes_on_can_be_killed_and_is_stopped_with_hupd() {
    let (home, pid) = killed(&waits("leave"));
    let hupd = Hupd::start_in(home);
    let run = hupd.home.wait_running("long", 1)[0]["run"].to_string();
    assert!(hupd.home.hupctl(&["kill", &run]).status.success());
    let lost = hupd.home.ended_run("long");
    assert_eq!(
        (&lost["outcome"], &lost["stopped_by"]),
        (&"lost".into(), &"request".into())
    );
    assert!(!is_alive(pid));

    let (home, pid) = killed(&waits("leave"));
    let mut hupd = Hupd::start_in(home);
    hupd.home.wait_running("long", 1);
    hupd.stop();
    assert!(members(pid).is_empty());
}

/// A hupd under strace, which is in nobody's way: hupd is the child of this test all the same.
fn start_under_strace(home: Home, options: &[&str]) -> Option<Hupd> {
    if !has_program("strace") {
        skip("what the start of hupd asks the kernel: there is no strace");
        return None;
    }
    let hupd = home.hupd();
    let mut strace = Command::new("strace");
    strace
        .args(["-D", "-f", "-qq", "-o"])
        .arg(home.file("strace"));
    strace
        .args(options)
        .arg(hupd.get_program())
        .args(hupd.get_args());
    strace.stdin(Stdio::null());
    Some(Hupd::start_by(strace, home))
}

/// How often all processes were looked at.
fn looks(home: &Home) -> usize {
    let calls = home.read("strace");
    let looks = |line: &&str| line.contains("\"/proc\"") && line.contains("O_DIRECTORY");
    calls.lines().filter(looks).count()
}

/// So many more runs, of which nobody knows more than of this one.
fn multiply_open_runs(home: &Home, by: usize) {
    let store = rusqlite::Connection::open(home.file("state/hupd.db")).unwrap();
    let columns =
        "job, trigger, generation, claimed_at, pid, started_at, boot, born_by, born_elapsed";
    let sql = format!(
        "INSERT INTO runs (id, instant, {columns})
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {by})
         SELECT id + i, instant + i, {columns} FROM runs, n WHERE ended_at IS NULL"
    );
    assert_eq!(store.execute(&sql, []), Ok(by));
}

#[test]
fn all_open_runs_are_looked_for_at_once() {
    let (home, pid) = killed(&waits("leave"));
    end(&members(pid));
    wait_until("nobody is left", || members(pid).is_empty().then_some(()));
    multiply_open_runs(&home, 300);

    let Some(mut hupd) = start_under_strace(home, &["-e", "trace=openat"]) else {
        return;
    };

    assert_eq!(hupd.home.runs("long").len(), 301);
    assert_eq!(looks(&hupd.home), 1);
    hupd.stop();
}

/// Each of them gets its signals; who there is to get them is looked up for many at once.
#[test]
fn what_is_stopped_is_looked_at_together() {
    let (home, pid) = killed(&waits("kill"));
    multiply_open_runs(&home, 300);

    let Some(mut hupd) = start_under_strace(home, &["-e", "trace=openat"]) else {
        return;
    };

    wait_until("all have ended", || {
        let runs = hupd.home.runs("long");
        let is_over = |run: &serde_json::Value| run["outcome"] == "lost";
        (runs.len() == 301 && runs.iter().all(is_over)).then_some(())
    });
    assert!(!is_alive(pid));
    assert!(looks(&hupd.home) < 100, "{}", looks(&hupd.home));
    hupd.stop();
}

#[test]
fn what_cannot_be_held_is_not_taken_for_gone() {
    let (home, pid) = killed(&waits("leave"));
    // The first one is the question whether this kernel has it.
    let want = "inject=pidfd_open:error=EMFILE:when=2+";
    let Some(mut hupd) = start_under_strace(home, &["-e", "trace=pidfd_open", "-e", want]) else {
        return;
    };

    hupd.wait_log("cannot be watched for want of open files, or because /proc does not show them: 1; they are looked at");
    hupd.home.wait_running("long", 1);
    let helper = members(pid);
    hupd.home.open_gate("gate");
    let lost = hupd.home.ended_run("long");
    assert_eq!(named(&lost), names(&others(&helper, pid)));
    end(&helper);
    hupd.stop();
}

/// What stands in the way of others is a process of the number that is on record; without one there is only the word
/// that nobody knows.
#[test]
fn what_cannot_be_seen_is_not_called_dead() {
    for is_on_record in [true, false] {
        let (home, pid) = killed(&waits("leave"));
        if !is_on_record {
            forget_start(&home);
        }
        let Some(command) = home.hupd_after("mount -t tmpfs none /proc") else {
            return skip("a leftover without /proc: no mount namespace can be made");
        };

        let hupd = Hupd::start_by(command, home);

        hupd.wait_log("no process can be looked at: /proc does not show it; runs that were open are taken for living while");
        let all = members(pid);
        if is_on_record {
            let running = hupd.home.wait_running("long", 1);
            assert_eq!(running[0]["pid"], pid.as_raw_pid());
            let refused = text(&hupd.home.hupctl(&["run", "long"]).stderr);
            assert!(refused.contains("is not over"), "{refused}");
            end(&all);
        }
        let lost = hupd.home.ended_run("long");
        let note = lost["note"].as_str().unwrap();
        let unseen =
            note.ends_with("nobody saw its end; whether anything of it goes on cannot be seen");
        assert_eq!(unseen, !is_on_record, "{note}");
        assert_eq!(is_alive(pid), !is_on_record);
        end(&all);
    }
}

/// Before Linux 5.8 the option holds for all who see these processes.
fn can_hide_processes() -> bool {
    let kernel = rustix::system::uname();
    let version = kernel.release().to_string_lossy();
    let mut numbers = version
        .split(['.', '-'])
        .map_while(|part| part.parse::<u32>().ok());
    is_root() && has_program("setpriv") && (numbers.next(), numbers.next()) >= (Some(5), Some(8))
}

#[test]
fn what_is_hidden_is_not_called_dead() {
    if !can_hide_processes() {
        return skip("a hidden leftover: not root, no setpriv, or a kernel before 5.8");
    }
    let hidden = waits("leave").replace("working_dir = \"WHERE\"", "user = \"nobody\"");
    let (home, pid) = killed(&hidden.replace("read line <gate", "wait"));
    // The group that sees all of them all the same is that of root by itself.
    let hide = "mount -t proc -o hidepid=2,gid=64999 proc /proc; exec setpriv --bounding-set=-sys_ptrace \"$@\"";
    let Some(command) = home.hupd_after(hide) else {
        return skip("a hidden leftover: no mount namespace can be made");
    };

    let hupd = Hupd::start_by(command, home);

    hupd.wait_log("/proc does not show the processes of others; runs that were open are taken for living while");
    let running = hupd.home.wait_running("long", 1);
    assert_eq!(running[0]["pid"], pid.as_raw_pid());
    end(&members(pid));
    assert_eq!(hupd.home.ended_run("long")["outcome"], "lost");
}

#[test]
fn what_is_watched_leaves_open_files_for_others() {
    let (home, pid) = killed(&waits("leave"));
    let command = home.hupd_through("ulimit -n 64; exec \"$@\"");
    let hupd = Hupd::start_by(command, home);

    hupd.wait_log("1 more that an earlier hupd left open need");
    hupd.wait_log("they are looked at instead");
    let run = hupd.home.wait_running("long", 1)[0]["run"].to_string();
    assert!(hupd.home.hupctl(&["kill", &run]).status.success());
    let lost = hupd.home.ended_run("long");
    assert_eq!(lost["stopped_by"], "request");
    assert!(!is_alive(pid));
}

/// As `waits`, and beside it one that has left the group for a session of its own.
fn strays(orphans: &str) -> String {
    let stray = "(setsid sh -c 'echo $$ >stray.new; mv stray.new stray; exec sleep 1000' &)";
    waits(orphans).replace("sleep 1000 &", &format!("{stray}; sleep 1000 &"))
}

fn stray(home: &Home) -> Pid {
    Pid::from_raw(home.read("stray").trim().parse().unwrap()).unwrap()
}

#[test]
fn what_has_left_the_group_is_stopped_too() {
    for is_leader_there in [true, false] {
        let (home, pid) = killed(&strays("kill"));
        let stray = stray(&home);
        if !is_leader_there {
            end(&members(pid));
            wait_until("nobody is left", || members(pid).is_empty().then_some(()));
        }

        let hupd = Hupd::start_in(home);

        let lost = hupd.home.ended_run("long");
        assert_eq!(lost["stopped_by"], "orphan");
        assert_eq!(lost["survivors"], serde_json::json!([]));
        assert!(!is_alive(stray) && members(pid).is_empty());
    }
}

/// Only by its environment such a process is known.
#[test]
fn what_has_left_the_group_is_named_where_it_is_left_alone() {
    let (home, pid) = killed(&strays("leave"));
    let stray = stray(&home);
    end(&members(pid));
    wait_until("nobody is left", || members(pid).is_empty().then_some(()));

    let hupd = Hupd::start_in(home);

    let lost = hupd.home.ended_run("long");
    let note = lost["note"].as_str().unwrap();
    let named = format!("there still is: pid {}", stray.as_raw_pid());
    assert!(note.ends_with(&named) && is_alive(stray), "{note}");
    let survivor = serde_json::json!({"pid": stray.as_raw_pid(), "command": "sleep"});
    assert_eq!(lost["survivors"], serde_json::json!([survivor]));
    end(&[stray]);
}

/// Which one was the first is not known then: in doubt nothing of the run meets what must not meet it.
#[test]
fn what_has_left_the_group_without_a_record_of_the_start_is_in_the_way_as_long_as_it_lives() {
    let (home, pid) = killed(&strays("leave"));
    let stray = stray(&home);
    end(&members(pid));
    wait_until("nobody is left", || members(pid).is_empty().then_some(()));
    forget_start(&home);

    let hupd = Hupd::start_in(home);

    let running = hupd.home.wait_running("long", 1);
    assert_eq!(running[0]["pid"], i64::from(stray.as_raw_pid()));
    end(&[stray]);
    assert_eq!(hupd.home.ended_run("long")["outcome"], "lost");
}

#[test]
fn what_has_left_the_group_is_named_where_the_first_process_ends_by_itself() {
    let (home, pid) = killed(&strays("leave"));
    let left = [others(&members(pid), pid), vec![stray(&home)]].concat();
    let hupd = Hupd::start_in(home);
    hupd.home.wait_running("long", 1);

    hupd.home.open_gate("gate");

    let lost = hupd.home.ended_run("long");
    assert_eq!(named(&lost), names(&left));
    assert!(left.iter().all(|pid| is_alive(*pid)));
    end(&left);
}

/// Somebody looks into a job with what that has in its environment, and starts hupd from there.
#[test]
fn a_hupd_with_the_environment_of_what_is_left_ends_neither_itself_nor_its_caller() {
    for mode in ["--foreground", ""] {
        let (home, pid) = killed(&strays("kill"));
        let stray = stray(&home);
        let environment = std::fs::read(format!("/proc/{}/environ", stray.as_raw_pid())).unwrap();
        let script = format!("\"$@\" {mode}; echo $? >ended; read line <end");
        let hupd = home.hupd();
        home.gate("end");
        let mut caller = Command::new("sh")
            .args(["-c", &script, "sh"])
            .arg(hupd.get_program())
            .args(hupd.get_args())
            .envs(variables(&environment))
            .current_dir(home.path())
            .process_group(0)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();

        let lost = home.ended_run("long");

        assert_eq!(lost["stopped_by"], "orphan");
        assert_eq!(lost["survivors"], serde_json::json!([]));
        assert!(!is_alive(stray) && members(pid).is_empty());
        assert!(caller.try_wait().unwrap().is_none());
        let daemon = Pid::from_raw(home.read("run/hupd.pid").trim().parse().unwrap()).unwrap();
        kill_process(daemon, Signal::TERM).unwrap();
        wait_until("its caller has gone on", || {
            home.open_gate("end").then_some(())
        });
        assert_eq!(home.read("ended"), "0\n", "'{mode}'");
        assert!(caller.wait().unwrap().code().is_some());
        wait_until("hupd has ended", || (!is_alive(daemon)).then_some(()));
    }
}

fn variables(environment: &[u8]) -> Vec<(OsString, OsString)> {
    let variables = environment.split(|&byte| byte == 0);
    let os = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let split = |variable: &[u8]| {
        let at = variable.iter().position(|&byte| byte == b'=')?;
        Some((os(&variable[..at]), os(&variable[at + 1..])))
    };
    variables.filter_map(split).collect()
}

fn forget_start(home: &Home) {
    let store = rusqlite::Connection::open(home.file("state/hupd.db")).unwrap();
    let sql = "UPDATE runs SET pid = NULL, started_at = NULL, boot = NULL, born_by = NULL,
                 born_elapsed = NULL, home = NULL, home_inode = NULL";
    assert_eq!(store.execute(sql, []), Ok(1));
}

/// As where hupd has none to give.
fn forget_cgroup(home: &Home) {
    let store = rusqlite::Connection::open(home.file("state/hupd.db")).unwrap();
    let sql = "UPDATE runs SET home = NULL, home_inode = NULL";
    assert_eq!(store.execute(sql, []), Ok(1));
}

#[test]
fn what_was_started_without_a_record_of_that_is_stopped() {
    let (home, pid) = killed(&waits("kill"));
    forget_start(&home);

    let hupd = Hupd::start_in(home);

    let lost = hupd.home.ended_run("long");
    assert_eq!(lost["stopped_by"], "orphan");
    assert!(members(pid).is_empty());
}

/// Another hupd on this machine may have a run of that number, of a job of that name, for that instant.
#[test]
fn what_belongs_to_another_history_is_let_alone() {
    let (home, pid) = killed(&strays("kill"));
    let stray = stray(&home);
    end(&members(pid));
    wait_until("nobody is left", || members(pid).is_empty().then_some(()));
    forget_cgroup(&home);
    std::fs::rename(home.file("state"), home.file("other")).unwrap();
    let config = home.read("hupd.toml").replace("\"state\"", "\"other\"");
    home.write("hupd.toml", &config);

    let mut hupd = Hupd::start_in(home);

    let lost = hupd.home.ended_run("long");
    assert_eq!(lost["stopped_by"], serde_json::Value::Null);
    hupd.stop();
    assert!(is_alive(stray));
    end(&[stray]);
}

/// As `strays`, and that one knows nothing of hupd. Nothing where no cgroup is delegated: nobody could find it then.
fn killed_with_a_cgroup(orphans: &str) -> Option<(Home, Pid, PathBuf)> {
    let (home, pid) = killed(&strays(orphans).replace("(setsid", "(env -i setsid"));
    let sql = "SELECT home FROM runs WHERE ended_at IS NULL";
    let cgroup = store(&home).query_row(sql, [], |row| row.get::<_, Option<String>>(0));
    if let Some(cgroup) = cgroup.unwrap() {
        return Some((home, pid, cgroup.into()));
    }
    end(&[members(pid), vec![stray(&home)]].concat());
    skip("what is known by its cgroup alone: none is delegated here");
    None
}

/// When nobody lives there; any other hupd that starts meanwhile may have removed it already.
fn remove_cgroup(cgroup: &Path) {
    wait_until("the cgroup is gone", || {
        let _ = std::fs::remove_dir(cgroup);
        (!cgroup.exists()).then_some(())
    });
}

#[test]
fn what_knows_nothing_of_hupd_is_found_in_the_cgroup_of_its_run() {
    for is_leader_there in [true, false] {
        let Some((home, pid, cgroup)) = killed_with_a_cgroup("kill") else {
            return;
        };
        let stray = stray(&home);
        if !is_leader_there {
            end(&members(pid));
            wait_until("nobody is left", || members(pid).is_empty().then_some(()));
        }

        let hupd = Hupd::start_in(home);

        let lost = hupd.home.ended_run("long");
        assert_eq!(lost["stopped_by"], "orphan");
        assert_eq!(lost["survivors"], serde_json::json!([]));
        assert!(!is_alive(stray) && members(pid).is_empty());
        wait_until("its cgroup goes with it", || {
            (!cgroup.exists()).then_some(())
        });
    }
}

#[test]
fn what_knows_nothing_of_hupd_is_named_where_it_is_left_alone() {
    let Some((home, pid, cgroup)) = killed_with_a_cgroup("leave") else {
        return;
    };
    let left = [others(&members(pid), pid), vec![stray(&home)]].concat();
    let mut hupd = Hupd::start_in(home);
    hupd.home.wait_running("long", 1);
    hupd.home.open_gate("gate");
    assert_eq!(named(&hupd.home.ended_run("long")), names(&left));
    assert!(left.iter().all(|pid| is_alive(*pid)));
    hupd.stop();
    end(&left);
    remove_cgroup(&cgroup);
}

/// Or in another cgroup of that path, or in one in which hupd lives as well: then the job has started it.
#[test]
fn a_cgroup_that_says_nothing_of_a_run_is_let_alone() {
    for is_another in [true, false] {
        let Some((home, pid, cgroup)) = killed_with_a_cgroup("kill") else {
            return;
        };
        let stray = stray(&home);
        end(&members(pid));
        wait_until("nobody is left", || members(pid).is_empty().then_some(()));
        let mut enter = String::new();
        match is_another {
            true => {
                let sql = "UPDATE runs SET home_inode = home_inode + 1 WHERE ended_at IS NULL";
                let store = rusqlite::Connection::open(home.file("state/hupd.db")).unwrap();
                assert_eq!(store.execute(sql, []), Ok(1));
            }
            false => enter = format!("echo 0 >{}/cgroup.procs; ", cgroup.display()),
        }
        let command = home.hupd_through(&format!("{enter}exec \"$@\""));

        let mut hupd = Hupd::start_by(command, home);

        let lost = hupd.home.ended_run("long");
        assert_eq!(lost["stopped_by"], serde_json::Value::Null);
        assert!(is_alive(stray) && is_alive(hupd.pid()));
        hupd.stop();
        end(&[stray]);
        remove_cgroup(&cgroup);
    }
}

/// By its environment alone it is known, and that must not depend on how the folder is written.
#[test]
fn what_is_left_is_found_however_the_state_dir_is_spelled() {
    let spellings = ["state", "link", "link/", "./run/../link//."];
    for (before, after) in spellings.iter().zip(spellings.iter().cycle().skip(1)) {
        let home = home(&strays("kill"));
        for folder in ["state", "run"] {
            std::fs::create_dir(home.file(folder)).unwrap();
        }
        symlink("state", home.file("link")).unwrap();
        spell_state_dir(&home, ("state", before));
        let (home, pid) = killed_in(home);
        let stray = stray(&home);
        end(&members(pid));
        wait_until("nobody is left", || members(pid).is_empty().then_some(()));
        spell_state_dir(&home, (before, after));

        let hupd = Hupd::start_in(home);

        let lost = hupd.home.ended_run("long");
        assert_eq!(lost["stopped_by"], "orphan", "'{before}', then '{after}'");
        assert!(!is_alive(stray), "'{before}', then '{after}'");
    }
}

fn spell_state_dir(home: &Home, (before, after): (&str, &str)) {
    let line = |path: &str| format!("state_dir = \"{path}\"\n");
    let config = home.read("hupd.toml");
    assert!(config.contains(&line(before)), "{config}");
    home.write("hupd.toml", &config.replace(&line(before), &line(after)));
}

/// Such as one that hangs in the kernel: here the kernel only says that it has sent the signals.
#[test]
fn what_outlives_kill_is_named() {
    let (home, pid) = killed(&waits("kill").replace("1s", "100ms"));
    forget_cgroup(&home);
    let deaf = "inject=pidfd_send_signal:retval=0";
    let Some(hupd) = start_under_strace(home, &["-e", "trace=pidfd_send_signal", "-e", deaf])
    else {
        return end(&members(pid));
    };
    hupd.wait_log("signal=KILL");
    assert_eq!(
        hupd.home.wait_running("long", 1)[0]["pid"],
        pid.as_raw_pid()
    );

    hupd.home.open_gate("gate");

    let lost = hupd.home.ended_run("long");
    let left = members(pid);
    let named = serde_json::json!([{"pid": left[0].as_raw_pid(), "command": "sleep"}]);
    assert_eq!((&lost["survivors"], left.len()), (&named, 1));
    assert_eq!(lost["stopped_by"], "orphan");
    let note = lost["note"].as_str().unwrap();
    let sent = "was sent KILL (orphans = \"kill\"); of its processes there still is: pid";
    assert!(note.contains(sent), "{note}");
    end(&left);
}

/// As if the machine had not slept since its boot, and the process were as old as that.
#[test]
fn a_time_limit_goes_on_by_the_clock_that_stands_still_while_the_machine_sleeps() {
    let (home, pid) = killed(&waits("leave").replace("command", "timeout = \"20s\"\ncommand"));
    let store = rusqlite::Connection::open(home.file("state/hupd.db")).unwrap();
    let sql = "UPDATE runs SET born_elapsed = 0 WHERE ended_at IS NULL";
    assert_eq!(store.execute(sql, []), Ok(1));

    let hupd = Hupd::start_in(home);

    let lost = hupd.home.ended_run("long");
    assert_eq!(lost["stopped_by"], "time limit");
    assert!(!is_alive(pid));
}

//! hupd returns when it serves, or has failed and said why.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests start hupd as its users do"
)]

mod common;

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};

use common::{
    Detached, Home, Told, bits, has_program, is_alive, is_root, proc_text, skip, wait_until,
};
use rustix::process::{Pid, Signal};

const IDLE: &str = "[jobs.idle]\ncommand = \"true\"\nschedule = \"0 0 1 1 *\"\n";

fn home(config: &str) -> Home {
    let home = Home::new();
    home.configure(config);
    home
}

/// The same in the background and in the foreground: status and message.
#[track_caller]
fn assert_fails(home: &Home, status: i32, message: &str) {
    for arguments in [&[][..], &["--foreground"]] {
        let mut command = home.hupd();
        let told = Told::from(command.args(arguments).output().expect("hupd runs"));
        assert_eq!(told.status, Some(status), "{arguments:?}: {told:?}");
        assert!(told.aside.contains(message), "{arguments:?}: {told:?}");
        assert_eq!(told.out, "");
        assert_nothing_is_left(home);
    }
}

/// No socket, no lock, no process.
#[track_caller]
fn assert_nothing_is_left(home: &Home) {
    for name in ["run/hupd.pid", "state/hupd.lock"] {
        assert!(!home.file(name).is_file(), "{name} is left");
    }
    // The launcher speaks before the last instants of the daemon.
    wait_until("no process of it is left", || {
        home.processes().is_empty().then_some(())
    });
}

#[test]
fn when_hupd_has_returned_0_it_serves() {
    // Many jobs, so that a launcher that returns too early is caught.
    let jobs: String = (0..300)
        .map(|n| format!("[jobs.j{n}]\ncommand = \"true\"\nschedule = \"0 0 1 1 *\"\n"))
        .collect();
    for _ in 0..5 {
        let hupd = Detached::start(&jobs);
        let status = Told::from(hupd.home.hupctl(&["--json", "status"]));
        assert_eq!(status.status, Some(0), "{status:?}");
        assert!(status.out.contains("\"jobs\":300"), "{status:?}");
        assert!(hupd.home.pid_in_file().is_some());
        hupd.stop();
    }
}

#[test]
fn an_invalid_file_is_told_on_the_terminal_with_78() {
    let home = home("[jobs.idle]\ncommand = \"true\"\nschedul = \"0 0 1 1 *\"\n");
    for arguments in [&[][..], &["--foreground"]] {
        let mut command = home.hupd();
        let told = Told::from(command.args(arguments).output().expect("hupd runs"));
        assert_eq!(told.status, Some(78), "{told:?}");
        assert!(told.aside.contains("hupd.toml:6:1"), "{told:?}");
        assert!(told.aside.contains("schedul = "), "{told:?}");
        let end = "hupd: configuration has 1 problem; not started\n";
        assert!(told.aside.ends_with(end), "{told:?}");
    }
    // Nothing was made for a hupd that does not start.
    assert!(!home.file("state").exists() && !home.file("run").exists());
}

#[test]
fn a_file_that_is_missing_empty_or_no_file_is_78() {
    let nothing = Home::new();
    let path = nothing.config_file().display().to_string();
    assert_fails(&nothing, 78, &path);

    nothing.write("hupd.toml", "");
    assert_fails(&nothing, 78, "the file is empty");
    fs::remove_file(nothing.config_file()).unwrap();

    fs::create_dir(nothing.config_file()).unwrap();
    assert_fails(&nothing, 78, "directory");
    fs::remove_dir(nothing.config_file()).unwrap();

    let made = Command::new("mkfifo").arg(nothing.config_file()).status();
    assert!(made.unwrap().success());
    assert_fails(&nothing, 78, "regular file");
}

#[test]
fn a_socket_path_that_does_not_fit_is_a_problem_of_the_file() {
    let home = Home::new();
    let long = "x".repeat(120);
    let text = format!("[daemon]\nstate_dir = \"state\"\nruntime_dir = \"{long}\"\n{IDLE}");
    home.write("hupd.toml", &text);
    assert_fails(&home, 78, "107 bytes");
    assert_fails(&home, 78, "hupd.toml:3:");
}

#[test]
fn wrong_usage_is_2() {
    for arguments in [
        &["--nonsense"][..],
        &["--config"],
        &["--check", "--foreground"],
        &["stray"],
        &["-c", "x", "-c", "y"],
    ] {
        let mut hupd = Command::new(env!("CARGO_BIN_EXE_hupd"));
        let told = Told::from(hupd.args(arguments).output().expect("hupd runs"));
        assert_eq!(told.status, Some(2), "{arguments:?}: {told:?}");
        assert!(told.aside.contains("--help"), "{arguments:?}: {told:?}");
    }
}

#[test]
fn a_state_folder_that_cannot_be_made_is_named() {
    let home = Home::new();
    home.write("plain", "a file");
    let below = "[daemon]\nstate_dir = \"plain/state\"\nruntime_dir = \"run\"\n";
    home.write("hupd.toml", &format!("{below}{IDLE}"));
    assert_fails(
        &home,
        1,
        "plain/state: cannot make this folder, the state_dir: not a directory",
    );

    let itself = below.replace("plain/state", "plain");
    home.write("hupd.toml", &format!("{itself}{IDLE}"));
    assert_fails(
        &home,
        1,
        "plain: cannot make this folder, the state_dir: file exists",
    );

    let nowhere = below.replace("plain/state", "/proc/hupd/state");
    home.write("hupd.toml", &format!("{nowhere}{IDLE}"));
    assert_fails(
        &home,
        1,
        "/proc/hupd/state: cannot make this folder, the state_dir: ",
    );
    assert!(!home.file("run").exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    for name in ["state", "run"] {
        let home = home(IDLE);
        fs::create_dir(home.file(name)).unwrap();
        fs::set_permissions(home.file(name), fs::Permissions::from_mode(0o500)).unwrap();
        // Root may write everywhere, unless it is told not to.
        let hupd = home.hupd();
        let mut command = match is_root() {
            true => Command::new("setpriv"),
            false => Command::new(hupd.get_program()),
        };
        if is_root() {
            command
                .arg("--bounding-set=-dac_override")
                .arg(hupd.get_program());
        }
        let told = Told::from(command.args(hupd.get_args()).output().expect("hupd runs"));
        assert_eq!(told.status, Some(1), "{told:?}");
        let path = home.file(name).display().to_string();
        assert!(told.aside.contains(&path), "{told:?}");
        assert!(told.aside.contains("permission denied"), "{told:?}");
        assert_nothing_is_left(&home);
    }
}

#[test]
fn a_full_or_read_only_file_system_is_told_with_the_path() {
    if !is_root() || !has_program("unshare") {
        return skip("a full file system: it takes root and 'unshare' to make one");
    }
    for (options, reason) in [("size=64k", "no space"), ("ro", "read-only file system")] {
        let home = home(IDLE);
        fs::create_dir(home.file("state")).unwrap();
        let script = "mount -t tmpfs -o $OPTIONS none state || exit 99\n\
                      [ $OPTIONS = ro ] || head -c 64k /dev/zero >state/ballast 2>/dev/null\n\
                      exec $HUPD";
        let hupd = format!("{} -c hupd.toml", home.hupd().get_program().display());
        let script = script.replace("$OPTIONS", options).replace("$HUPD", &hupd);
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]);
        let told = Told::from(command.current_dir(home.path()).output().expect("it runs"));
        if told.status == Some(99) {
            return skip("a full file system: nothing can be mounted here");
        }
        assert_eq!(told.status, Some(1), "{options}: {told:?}");
        assert!(
            told.aside
                .contains(&*home.file("state").display().to_string()),
            "{told:?}"
        );
        assert!(
            told.aside.to_lowercase().contains(reason),
            "{options}: {told:?}"
        );
        assert_nothing_is_left(&home);
    }
}

#[test]
fn a_failure_of_the_detached_half_reaches_the_terminal() {
    let home = home(IDLE);
    home.write("run/hupd.sock", "precious");
    assert_fails(
        &home,
        1,
        "run/hupd.sock: is in the way and is no socket; not started",
    );
    assert_eq!(home.read("run/hupd.sock"), "precious");

    fs::remove_file(home.socket()).unwrap();
    let _other = UnixListener::bind(home.socket()).unwrap();
    assert_fails(
        &home,
        1,
        "run/hupd.sock: another program listens there; not started",
    );
    assert!(home.socket().exists());
}

#[test]
fn a_store_or_a_log_that_cannot_be_opened_is_told() {
    let home = home(IDLE);
    fs::create_dir_all(home.file("state/hupd.db")).unwrap();
    assert_fails(&home, 1, "state/hupd.db");

    let home = self::home(&format!(
        "[daemon]\n[log]\nfile = \"none/hupd.log\"\n{IDLE}"
    ));
    assert_fails(&home, 78, "none/hupd.log");
}

#[test]
fn a_failed_start_does_not_stand_in_the_way_of_the_next() {
    let home = home(IDLE);
    home.write("run/hupd.sock", "precious");
    assert_fails(&home, 1, "in the way");
    fs::remove_file(home.socket()).unwrap();
    let hupd = Detached::start_in(home);
    hupd.stop();
}

/// So many jobs that reading them takes far longer than a test needs to notice that hupd lives.
fn many_jobs() -> String {
    (0..6_000)
        .map(|n| format!("[jobs.j{n}]\ncommand = \"true\"\nschedule = \"0 0 1 1 *\"\n"))
        .collect()
}

/// Waits until a signal to this process is noted and deadly no more, and the start goes on.
fn wait_for_handlers(pid: Pid) {
    const TERM: u64 = 1 << 14;
    wait_until("the handlers are in place", || {
        let caught = bits(&proc_text(pid, "status")?, "SigCgt");
        (caught & TERM != 0).then_some(())
    });
}

fn launched(home: &Home) -> Child {
    let mut command = home.hupd();
    command.stderr(Stdio::piped()).spawn().expect("hupd starts")
}

fn end_of(child: Child) -> Told {
    child.wait_with_output().expect("an end").into()
}

#[test]
fn a_stop_while_the_file_is_read_is_a_start_that_failed() {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
        for arguments in [&[][..], &["--foreground"]] {
            let home = home(&many_jobs());
            let mut command = home.hupd();
            let command = command.args(arguments).stderr(Stdio::piped());
            let child = command.spawn().expect("hupd starts");
            let pid = Pid::from_child(&child);
            wait_for_handlers(pid);
            rustix::process::kill_process(pid, signal).unwrap();
            let told = end_of(child);
            assert_eq!(told.status, Some(1), "{told:?}");
            let end = "hupd: told to stop before it served; not started\n";
            assert!(told.aside.ends_with(end), "{told:?}");
            assert!(!home.socket().exists());
            assert_nothing_is_left(&home);
        }
    }
}

#[test]
fn a_hup_while_the_file_is_read_is_a_reload_after_the_start() {
    let home = home(&many_jobs());
    let child = launched(&home);
    let launcher = Pid::from_child(&child);
    wait_for_handlers(launcher);
    rustix::process::kill_process(launcher, Signal::HUP).unwrap();
    let told = end_of(child);
    assert_eq!(told.status, Some(0), "{told:?}");
    let pid = home.pid_in_file().expect("a pid file");
    let hupd = Detached { home, pid, told };
    wait_until("the reload is done", || {
        let status = hupd.home.json(&["status"]);
        let asked_by = status["last_reload"]["asked_by"].as_str()?;
        assert!(asked_by.starts_with("HUP from pid"), "{asked_by}");
        Some(())
    });
    hupd.stop();
}

/// A store that somebody else holds, so that a start waits in the detached half.
struct BusyStore(rusqlite::Connection);

impl BusyStore {
    fn in_home(home: &Home) -> Self {
        let store = rusqlite::Connection::open(home.file("state/hupd.db")).expect("a store");
        let hold = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE held (x)";
        store.execute_batch(hold).expect("nobody else has it");
        Self(store)
    }

    fn give_back(self) {
        self.0.execute_batch("ROLLBACK").expect("it is held");
    }
}

/// A home with a store, and a launcher whose daemon waits for that store.
fn held_in_the_detached_half() -> (Home, BusyStore, Child, Pid) {
    let home = home(IDLE);
    fs::create_dir_all(home.file("state")).expect("a folder");
    let store = BusyStore::in_home(&home);
    let child = launched(&home);
    let daemon = wait_until("the daemon has its lock", || {
        Pid::from_raw(home.read("state/hupd.lock").trim().parse().ok()?)
    });
    assert_ne!(daemon, Pid::from_child(&child));
    (home, store, child, daemon)
}

#[test]
fn a_stop_of_the_detached_half_before_it_serves_reaches_the_terminal() {
    let (home, store, child, daemon) = held_in_the_detached_half();
    rustix::process::kill_process(daemon, Signal::TERM).unwrap();
    store.give_back();
    let told = end_of(child);
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(told.aside.ends_with("; not started\n"), "{told:?}");
    assert!(!home.socket().exists());
    assert_nothing_is_left(&home);
}

#[test]
fn a_launcher_that_is_ended_before_the_daemon_serves_leaves_nothing_behind() {
    for signal in [Signal::TERM, Signal::INT, Signal::KILL] {
        let (home, store, mut child, daemon) = held_in_the_detached_half();
        rustix::process::kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().expect("an end");
        store.give_back();
        assert_eq!(status.code(), None, "{status}");
        wait_until("the daemon has ended too", || {
            (!is_alive(daemon)).then_some(())
        });
        assert!(!home.socket().exists());
        assert_nothing_is_left(&home);
    }
}

#[test]
fn a_detached_half_that_is_killed_is_told_of() {
    let (home, store, child, daemon) = held_in_the_detached_half();
    rustix::process::kill_process(daemon, Signal::KILL).unwrap();
    let told = end_of(child);
    drop(store);
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(
        told.aside.starts_with("hupd died while starting"),
        "{told:?}"
    );
    Detached::start_in(home).stop();
}

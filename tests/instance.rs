//! One hupd for each place: the pid file, the two locks, and what an earlier hupd left behind.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests start hupd as its users do"
)]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::process::{Command, Stdio};

use common::{Detached, Home, Hupd, Told, is_alive, wait_until};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal};

const IDLE: &str = "[jobs.idle]\ncommand = \"true\"\nschedule = \"0 0 1 1 *\"\n";

fn home() -> Home {
    let home = Home::new();
    home.configure(IDLE);
    home
}

fn launch(home: &Home) -> Told {
    home.hupd().output().expect("hupd runs").into()
}

fn launch_here(home: &Home) -> Told {
    let mut command = home.hupd();
    command.arg("--foreground");
    command.output().expect("hupd runs").into()
}

/// Asserts that hupd was refused for a running one, which it names, and which is none the worse.
#[track_caller]
fn assert_refused(told: &Told, home: &Home, file: &str, holder: Pid) {
    let expected = format!(
        "hupd: {}: held by a running hupd (pid {}); not started\n",
        home.file(file).display(),
        holder.as_raw_nonzero()
    );
    let (status, said) = (told.status, &*told.aside);
    assert_eq!((status, said), (Some(75), &*expected));
    assert!(is_alive(holder));
    let status = home.json(&["status"]);
    assert_eq!(status["pid"], holder.as_raw_nonzero().get());
}

/// What is left in a folder, but the store.
fn files_in(home: &Home, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(home.file(folder))
        .into_iter()
        .flatten()
        .flatten();
    let names = entries.map(|entry| entry.file_name().display().to_string());
    let mut names: Vec<_> = names.filter(|name| !name.starts_with("hupd.db")).collect();
    names.sort();
    names
}

#[test]
fn the_pid_file_names_the_daemon_is_locked_and_goes_with_it() {
    let hupd = Detached::start(IDLE);
    let text = hupd.home.read("run/hupd.pid");
    assert_eq!(text, format!("{}\n", hupd.pid.as_raw_nonzero()));
    assert!(is_alive(hupd.pid));
    assert_eq!(
        hupd.home.json(&["status"])["pid"],
        hupd.pid.as_raw_nonzero().get()
    );
    for name in ["run/hupd.pid", "state/hupd.lock"] {
        let file = fs::File::open(hupd.home.file(name)).expect("it is there");
        assert!(
            flock(&file, FlockOperation::NonBlockingLockShared).is_err(),
            "{name}"
        );
        assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o644, "{name}");
    }
    hupd.stop();
    assert_eq!(files_in(&hupd.home, "run"), [""; 0]);
    assert_eq!(files_in(&hupd.home, "state"), [""; 0]);
}

#[test]
fn a_second_one_is_refused_and_names_the_first_which_goes_on() {
    let hupd = Detached::start(IDLE);
    for told in [launch(&hupd.home), launch_here(&hupd.home)] {
        assert_refused(&told, &hupd.home, "state/hupd.lock", hupd.pid);
    }
    assert_eq!(hupd.home.pid_in_file(), Some(hupd.pid));
    assert_eq!(files_in(&hupd.home, "run"), ["hupd.pid", "hupd.sock"]);
}

#[test]
fn a_first_one_in_the_foreground_counts_as_well() {
    let mut hupd = Hupd::start(IDLE);
    let told = launch(&hupd.home);
    assert_refused(&told, &hupd.home, "state/hupd.lock", hupd.pid());
    assert_eq!(hupd.stop().code(), Some(0));
}

#[test]
fn the_same_runtime_folder_with_another_state_folder_is_refused_too() {
    let hupd = Detached::start(IDLE);
    let other = hupd.home.file("other.toml");
    let text = hupd
        .home
        .read("hupd.toml")
        .replace("\"state\"", "\"other\"");
    fs::write(&other, text).unwrap();
    let mut second = Command::new(hupd.home.hupd().get_program());
    second.arg("-c").arg(&other).stdin(Stdio::null());
    let told = Told::from(second.output().unwrap());
    assert_refused(&told, &hupd.home, "run/hupd.pid", hupd.pid);
    assert_eq!(files_in(&hupd.home, "other"), [""; 0]);
    assert_eq!(files_in(&hupd.home, "run"), ["hupd.pid", "hupd.sock"]);
}

#[test]
fn of_many_that_start_at_once_one_serves_and_the_others_are_refused() {
    let home = home();
    let started: Vec<_> = (0..8)
        .map(|_| {
            let mut command = home.hupd();
            command.stderr(Stdio::piped()).spawn().expect("hupd starts")
        })
        .collect();
    let told: Vec<Told> = started
        .into_iter()
        .map(|child| child.wait_with_output().expect("an end").into())
        .collect();
    let pid = home.pid_in_file().expect("a pid file");
    let mut told = told;
    told.sort_by_key(|told| told.status);
    let statuses: Vec<_> = told.iter().filter_map(|told| told.status).collect();
    let hupd = Detached {
        home,
        pid,
        told: told.swap_remove(0),
    };
    assert_eq!(statuses, [0, 75, 75, 75, 75, 75, 75, 75], "{told:#?}");
    assert_eq!(
        hupd.home.json(&["status"])["pid"],
        pid.as_raw_nonzero().get()
    );
    hupd.stop();
}

#[test]
fn what_a_killed_one_left_behind_is_taken_over() {
    let hupd = Hupd::start(IDLE);
    let old = hupd.pid();
    let home = hupd.crash();
    assert_eq!(files_in(&home, "run"), ["hupd.pid", "hupd.sock"]);
    assert_eq!(home.pid_in_file(), Some(old));

    let hupd = Detached::start_in(home);
    assert_ne!(hupd.pid, old);
    assert!(hupd.home.hupctl(&["status"]).status.success());
    hupd.stop();
    assert_eq!(files_in(&hupd.home, "run"), [""; 0]);
}

#[test]
fn an_unrelated_process_whose_number_stands_in_a_stale_file_is_left_alone() {
    let mut stranger = Command::new("sleep").arg("600").spawn().expect("a process");
    let home = home();
    home.write("run/hupd.pid", &format!("{}\n", stranger.id()));
    home.write("state/hupd.lock", &format!("{}\n", stranger.id()));
    let hupd = Detached::start_in(home);
    let second = launch(&hupd.home);
    assert_refused(&second, &hupd.home, "state/hupd.lock", hupd.pid);
    hupd.signal(Signal::QUIT);
    hupd.wait();
    let ended = stranger.try_wait().expect("a child of ours");
    stranger.kill().expect("it is there");
    stranger.wait().expect("ended");
    assert!(ended.is_none(), "{ended:?}");
}

#[test]
fn a_pid_file_that_is_not_ours_is_refused_and_left_as_it_is() {
    type Put = fn(&Home);
    let cases: [(&str, Put); 4] = [
        ("a symbolic link", |home| {
            symlink(home.file("precious"), home.file("run/hupd.pid")).unwrap();
        }),
        ("a hard link to another file", |home| {
            fs::hard_link(home.file("precious"), home.file("run/hupd.pid")).unwrap();
        }),
        ("a directory", |home| {
            fs::create_dir(home.file("run/hupd.pid")).unwrap();
        }),
        ("not a regular file", |home| {
            let made = Command::new("mkfifo")
                .arg(home.file("run/hupd.pid"))
                .status();
            assert!(made.unwrap().success());
        }),
    ];
    for (what, put) in cases {
        let home = home();
        home.write("precious", "keep");
        fs::create_dir_all(home.file("run")).unwrap();
        put(&home);
        let there = fs::symlink_metadata(home.file("run/hupd.pid")).unwrap();
        for told in [launch(&home), launch_here(&home)] {
            let expected = format!(
                "hupd: {}: is {what}, not a pid file of hupd; not started\n",
                home.file("run/hupd.pid").display()
            );
            assert_eq!((told.status, &*told.aside), (Some(1), &*expected));
        }
        assert_eq!(home.read("precious"), "keep");
        let after = fs::symlink_metadata(home.file("run/hupd.pid")).unwrap();
        assert_eq!(
            (there.ino(), there.file_type()),
            (after.ino(), after.file_type())
        );
        assert_eq!(files_in(&home, "run"), ["hupd.pid"]);
        assert_eq!(files_in(&home, "state"), [""; 0]);
    }
}

#[test]
fn a_link_to_nowhere_makes_no_file_there() {
    let home = home();
    fs::create_dir_all(home.file("state")).unwrap();
    symlink(home.file("nowhere"), home.file("state/hupd.lock")).unwrap();
    let told = launch(&home);
    assert_eq!(told.status, Some(1));
    assert!(
        told.aside.contains("state/hupd.lock: is a symbolic link"),
        "{told:?}"
    );
    assert!(!home.file("nowhere").exists());
    assert_eq!(files_in(&home, "run"), [""; 0]);
}

#[test]
fn without_its_pid_file_it_goes_on_and_a_second_one_is_still_refused() {
    for (removed, refused_by) in [
        ("run/hupd.pid", "state/hupd.lock"),
        ("state/hupd.lock", "run/hupd.pid"),
    ] {
        let hupd = Detached::start(IDLE);
        fs::remove_file(hupd.home.file(removed)).unwrap();
        for told in [launch(&hupd.home), launch_here(&hupd.home)] {
            assert_refused(&told, &hupd.home, refused_by, hupd.pid);
        }
        assert!(hupd.home.socket().exists());
    }
}

#[test]
fn a_reload_puts_the_pid_file_back() {
    let hupd = Detached::start(IDLE);
    fs::remove_file(hupd.home.file("run/hupd.pid")).unwrap();
    hupd.signal(Signal::HUP);
    wait_until("the pid file is back", || {
        (hupd.home.pid_in_file() == Some(hupd.pid)).then_some(())
    });
    let file = fs::File::open(hupd.home.file("run/hupd.pid")).unwrap();
    assert!(flock(&file, FlockOperation::NonBlockingLockShared).is_err());
    hupd.stop();
    assert_eq!(files_in(&hupd.home, "run"), [""; 0]);
}

#[test]
fn a_pid_file_that_another_program_put_there_meanwhile_is_not_removed() {
    let hupd = Detached::start(IDLE);
    fs::remove_file(hupd.home.file("run/hupd.pid")).unwrap();
    hupd.home.write("run/hupd.pid", "of another");
    hupd.stop();
    assert_eq!(hupd.home.read("run/hupd.pid"), "of another");
}

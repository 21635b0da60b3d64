//! Which hupd a hupctl steers: that of the file it was given, or none.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod common;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use common::{Home, Hupd, Told};

const TOY: &str = "[jobs.toy]\ncommand = \"true\"\n";
const IMPORTANT: &str = "[jobs.important]\ncommand = \"true\"\n";

/// Everything by which one changes something.
const STEERING: [&str; 8] = [
    "stop",
    "reload",
    "run important",
    "kill 1",
    "pause important",
    "resume important",
    "confirm",
    "rollback",
];

/// A hupd that listens where every hupd of its user does by default, and the file of another one.
struct Both {
    important: Hupd,
    toy: Home,
}

impl Both {
    fn new() -> Self {
        let home = Home::new();
        // Not `run` below it, as a file says that brings its own [daemon].
        home.write(
            "hupd.toml",
            &format!("[daemon]\nstate_dir = \"state\"\n{IMPORTANT}"),
        );
        let mut command = home.hupd();
        command.env("RUNTIME_DIRECTORY", home.file("run"));
        Self {
            important: Hupd::start_by(command, home),
            toy: Home::new(),
        }
    }

    /// Where a file says nothing of it, the socket is that of the important one.
    fn by_file_of_toy(&self, arguments: &str) -> Told {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hupctl"));
        command
            .arg("-c")
            .arg(self.toy.config_file())
            .args(arguments.split(' '))
            .env("RUNTIME_DIRECTORY", self.important.home.file("run"))
            .env_remove("HUPD_SOCKET")
            .stdin(Stdio::null());
        Told::from(command.output().expect("hupctl runs"))
    }
}

#[test]
fn a_file_that_does_not_say_where_its_hupd_is_leads_to_no_other() {
    let both = Both::new();
    let toy = both.toy.config_file();
    let ways: [&dyn Fn(); 4] = [
        &|| both.toy.write("hupd.toml", ""),
        &|| {
            both.toy
                .write("hupd.toml", "[daemon\nruntime_dir = \"run\"\n")
        },
        &|| {
            fs::remove_file(&toy).expect("removed");
            fs::create_dir(&toy).expect("a folder");
        },
        &|| {
            fs::remove_dir(&toy).expect("removed");
            both.toy.gate("hupd.toml");
        },
    ];
    for spoil in ways {
        spoil();
        for command in ["list", "reload", "stop"] {
            let told = both.by_file_of_toy(command);
            assert_eq!((told.status, &*told.out), (Some(78), ""), "{told:?}");
            let file = format!("hupctl: {}: ", toy.display());
            assert!(told.aside.starts_with(&file), "{told:?}");
            assert!(
                told.aside.ends_with("or its socket with --socket\n"),
                "{told:?}"
            );
        }
    }
    assert_eq!(both.important.status()["generation"], 1);
}

#[test]
fn a_hupd_that_runs_with_another_file_is_not_steered_and_both_are_named() {
    let both = Both::new();
    both.toy.write("hupd.toml", TOY);
    let names = [&both.important.home, &both.toy].map(|home| {
        let file = home.config_file().canonicalize().expect("a file");
        file.display().to_string()
    });
    for command in STEERING {
        let told = both.by_file_of_toy(command);
        assert_eq!((told.status, &*told.out), (Some(69), ""), "{told:?}");
        let [theirs, named] = &names;
        let what = format!(" runs with {theirs}, not with {named}: nothing was done");
        assert!(told.aside.contains(&what), "{told:?}");
    }
    let status = both.important.status();
    assert_eq!(
        (&status["generation"], &status["paused_jobs"]),
        (&1.into(), &0.into())
    );
    assert_eq!(status["phase"], "serving");
    assert!(both.important.home.runs("important").is_empty());
    assert_eq!(status["last_reload"], serde_json::Value::Null);
}

#[test]
fn its_own_file_steers_it_however_the_path_is_spelled() {
    let both = Both::new();
    let file = both.important.home.config_file();
    std::os::unix::fs::symlink(&file, both.toy.config_file()).expect("a link");
    let told = both.by_file_of_toy("reload");
    assert_eq!(told.status, Some(0), "{told:?}");
    let told = both.by_file_of_toy("run important");
    assert_eq!(told.status, Some(0), "{told:?}");
}

#[test]
fn by_its_pid_it_is_reached_whatever_the_file_says_now_and_the_refusal_is_on_record() {
    let hupd = Hupd::start(TOY);
    let home = &hupd.home;
    let pid = hupd.pid().as_raw_nonzero().to_string();
    // Whatever others call theirs.
    let name = OsStr::from_bytes(b"\xff");
    let _other = UnixListener::bind(home.path().join(name)).expect("a socket");
    let reload = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hupctl"));
        Told::from(
            command
                .args(["--pid", &pid, "reload"])
                .output()
                .expect("hupctl runs"),
        )
    };
    assert_eq!(reload().status, Some(0));
    home.write(
        "hupd.toml",
        &format!("[daemon]\nstate_dir = \"state\"\nruntime_dir = \"elsewhere\"\n{TOY}"),
    );
    let told = reload();
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(told.aside.contains("runtime_dir"), "{told:?}");
    fs::remove_file(home.config_file()).expect("removed");
    let told = reload();
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(told.aside.contains("cannot read the file"), "{told:?}");
    let rows = home.json(&["generations"]);
    let rows = rows["generations"].as_array().expect("rows");
    let accepted: Vec<_> = rows.iter().map(|row| row["accepted"] == true).collect();
    assert_eq!(accepted, [false, false, true, true]);
}

#[test]
fn a_pid_of_no_hupd_is_69() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hupctl"));
    let told = Told::from(
        command
            .args(["--pid", "1", "stop"])
            .output()
            .expect("hupctl runs"),
    );
    assert_eq!(told.status, Some(69), "{told:?}");
    assert!(
        told.aside.contains("no hupd listens with the pid 1"),
        "{told:?}"
    );
}

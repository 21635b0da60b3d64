//! `env_file` says what a loader of programs obeys: as root hupd reads it only where nobody else could have written it.
#![allow(clippy::disallowed_methods, reason = "a test stands outside hupd")]

mod common;

use std::fs;
use std::os::unix::fs::{chown, lchown, symlink};
use std::process::Command;

use common::{Home, Hupd, Told, can_try_as_root, is_root, set_mode, skip, text};

const JOB: &str = "[jobs.job]\ncommand = 'echo \"$TOKEN\"'\nenv_file = \"secrets/env\"\n";

/// Two whom the machine need not know.
const WORKER: u32 = 54_321;
const STRANGER: u32 = 54_322;

const AS_WORKER: &str = "user = 54321\ngroup_id = 54321\n";

fn home(config: &str) -> Home {
    let home = Home::new();
    home.configure(config);
    home.write("secrets/env", "TOKEN=x\n");
    home
}

fn check(home: &Home) -> Told {
    Told::from(home.hupd().arg("--check").output().expect("it runs"))
}

/// A check refuses the file with these words.
fn assert_refused(home: &Home, words: &[&str]) {
    let told = check(home);
    assert_eq!(told.status, Some(78), "{told:?}");
    for word in words {
        let word = word.replace("HOME", &home.path().display().to_string());
        assert!(told.aside.contains(&word), "no '{word}' in {}", told.aside);
    }
    assert!(!told.aside.contains("TOKEN"), "{}", told.aside);
}

fn give(home: &Home, name: &str, uid: u32) {
    chown(home.file(name), Some(uid), Some(uid)).expect("an owner");
}

/// What somebody does, and the words with which root refuses it.
type Opening = (fn(&Home), &'static [&'static str]);

#[test]
fn a_check_refuses_what_others_could_write_and_names_it() {
    if !can_try_as_root() {
        return;
    }
    let open_up: [Opening; 4] = [
        (
            |home| set_mode(home, "secrets/env", 0o666),
            &[
                "error: env_file: cannot trust 'HOME/secrets/env': it is writable by everybody",
                "--> HOME/hupd.toml:6:12",
                "as root hupd reads what root alone can write: chmod o-w HOME/secrets/env\n",
            ],
        ),
        (
            |home| set_mode(home, "secrets", 0o777),
            &[
                "cannot trust 'HOME/secrets/env': 'HOME/secrets' is writable by everybody",
                "chmod o-w HOME/secrets\n",
            ],
        ),
        (
            |home| give(home, "secrets/env", WORKER),
            &["it belongs to the user with uid 54321"],
        ),
        (
            // Where there is none, whoever may write here can make one.
            |home| {
                fs::remove_file(home.file("secrets/env")).expect("it was there");
                set_mode(home, "secrets", 0o777);
            },
            &["'HOME/secrets' is writable by everybody"],
        ),
    ];
    for (open, words) in open_up {
        let home = home(JOB);
        assert_eq!(check(&home).status, Some(0));
        open(&home);
        assert_refused(&home, words);
    }
}

#[test]
fn each_run_looks_anew() {
    if !can_try_as_root() {
        return;
    }
    let hupd = Hupd::start_in(home(JOB));
    let outcome = |hupd: &Hupd| hupd.home.run_to_end("job")["outcome"].clone();
    assert_eq!(outcome(&hupd), "exited 0");
    set_mode(&hupd.home, "secrets", 0o777);
    let place = hupd.home.path().display().to_string();
    assert_eq!(
        outcome(&hupd),
        format!(
            "could not start: env_file: cannot trust '{place}/secrets/env': '{place}/secrets' is writable by everybody"
        )
    );
    hupd.reload();
    hupd.wait_log("env_file: cannot trust '");
    assert_eq!(hupd.generation(), 1);
    set_mode(&hupd.home, "secrets", 0o700);
    assert_eq!(outcome(&hupd), "exited 0");
    assert_eq!(text(&hupd.home.output("job")), "x\n");
}

#[test]
fn the_user_of_a_job_may_write_what_it_gets() {
    if !can_try_as_root() {
        return;
    }
    let home = home(&format!("{JOB}{AS_WORKER}"));
    give(&home, "secrets", WORKER);
    give(&home, "secrets/env", WORKER);
    let hupd = Hupd::start_in(home);
    assert_eq!(hupd.home.run_to_end("job")["outcome"], "exited 0");
    assert_eq!(text(&hupd.home.output("job")), "x\n");

    // But nobody else.
    give(&hupd.home, "secrets/env", STRANGER);
    let outcome = hupd.home.run_to_end("job")["outcome"].clone();
    let words = "secrets/env': it belongs to the user with uid 54322";
    assert!(
        outcome.as_str().is_some_and(|it| it.ends_with(words)),
        "{outcome}"
    );
    let words =
        "as root hupd reads what root and the user with uid 54321 alone can write: chown root ";
    assert_refused(&hupd.home, &[words]);
}

/// What the user of a job could not read hupd does not read for it.
#[test]
fn a_user_leads_root_to_no_file_of_root() {
    if !can_try_as_root() {
        return;
    }
    let home = home(&format!("{JOB}{AS_WORKER}"));
    home.write("own", "TOKEN=own\n");
    give(&home, "own", WORKER);
    home.write("other-job.env", "TOKEN=x\n");
    set_mode(&home, "other-job.env", 0o600);
    let lead_to = |home: &Home, target: &str| {
        let link = home.file("secrets/env");
        fs::remove_file(&link).expect("it was there");
        symlink(home.file(target), &link).expect("a link");
        lchown(&link, Some(WORKER), Some(WORKER)).expect("an owner");
    };
    lead_to(&home, "own");
    let hupd = Hupd::start_in(home);
    assert_eq!(hupd.home.run_to_end("job")["outcome"], "exited 0");
    assert_eq!(text(&hupd.home.output("job")), "own\n");

    lead_to(&hupd.home, "other-job.env");
    let astray = "it belongs to the user of the job, and the file to which it leads does not";
    let outcome = hupd.home.run_to_end("job")["outcome"].clone();
    assert!(
        outcome.as_str().is_some_and(|it| it.ends_with(astray)),
        "{outcome}"
    );
    let help = "name the file by a way without HOME/secrets/env\n";
    assert_refused(&hupd.home, &[astray, help]);

    // Nor by a folder.
    fs::remove_file(hupd.home.file("secrets/env")).expect("it was there");
    hupd.home.write("secrets/env", "TOKEN=x\n");
    give(&hupd.home, "secrets", WORKER);
    let astray =
        "'HOME/secrets' belongs to the user of the job, and the file to which it leads does not";
    assert_refused(&hupd.home, &[astray]);
}

#[test]
fn what_is_taken_from_the_defaults_counts_for_whom_the_job_names() {
    if !can_try_as_root() {
        return;
    }
    let defaults = format!("[defaults]\nenv_file = \"secrets/env\"\n{AS_WORKER}");
    let jobs = "[jobs.own]\ncommand = \"true\"\n";
    let home = home(&format!("{defaults}{jobs}"));
    give(&home, "secrets/env", WORKER);
    assert_eq!(check(&home).status, Some(0));

    home.configure(&format!(
        "{defaults}{jobs}[jobs.root]\nuser = \"root\"\ncommand = \"true\"\n"
    ));
    assert_refused(
        &home,
        &[
            "env_file: cannot trust 'HOME/secrets/env': it belongs to the user with uid 54321",
            "--> HOME/hupd.toml:11:8",
        ],
    );
}

#[test]
fn an_ordinary_user_reads_what_is_there() {
    let home = home(JOB);
    set_mode(&home, "secrets", 0o777);
    if !is_root() {
        assert_eq!(check(&home).status, Some(0));
        return;
    }
    let mut as_a_user = Command::new("unshare");
    as_a_user.args(["--user", "--map-root-user"]);
    as_a_user
        .arg(env!("CARGO_BIN_EXE_hupd"))
        .args(["--check", "-c"]);
    let told = as_a_user.arg(home.config_file()).output().expect("unshare");
    let told = Told::from(told);
    if told.aside.contains("unshare") {
        return skip(&format!("files as a user has them: {}", told.aside));
    }
    assert_eq!(told.status, Some(0), "{told:?}");
}

//! `watch_config`: hupd reloads by itself when its files change, and only then.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use common::{Home, Hupd, wait_until};
use rustix::process::Signal;
use serde_json::Value;

const WATCHING: &str = "include = [\"conf.d/*.toml\"]\n[daemon]\nwatch_config = true\n";

fn job(name: &str) -> String {
    format!("[jobs.{name}]\ncommand = \"true\"\n")
}

fn jobs(hupd: &Hupd) -> Vec<String> {
    let rows = hupd.home.json(&["list"]);
    let rows = rows["jobs"].as_array().expect("rows");
    let name = |row: &Value| row["job"].as_str().expect("a name").to_owned();
    rows.iter().map(name).collect()
}

fn wait_jobs(hupd: &Hupd, names: &[&str]) {
    wait_until(&format!("the jobs are {names:?}"), || {
        (jobs(hupd) == names).then_some(())
    });
}

fn reloads(hupd: &Hupd) -> usize {
    let log = hupd.log();
    let verdicts = log
        .lines()
        .filter(|line| line.contains("reload accepted, ") || line.contains("reload refused, "));
    verdicts.count()
}

/// Waits until the files have been read so often without anything new in them; the first time is at the
/// start, for what happened between reading and watching.
fn wait_silent_reads(hupd: &Hupd, times: usize) {
    wait_until("the files were read again", || {
        let log = hupd.log();
        let lines = log.matches("the files say what they said before: no reload");
        (lines.count() >= times).then_some(())
    });
}

const DEBUGGING: &str = "[log]\nlevel = \"hupd=debug\"\n";

const ROUNDS: [&str; 3] = ["one", "two", "three"];

#[test]
fn each_replacement_of_the_file_comes_into_force() {
    let hupd = Hupd::start(&format!("{WATCHING}{}", job("zero")));
    for name in ROUNDS {
        // Written aside and renamed, as editors do.
        hupd.home.configure(&format!("{WATCHING}{}", job(name)));
        wait_jobs(&hupd, &[name]);
    }
    hupd.wait_log(
        "reload accepted, the files changed: 1 added (three), 1 removed (two) generation=4",
    );
}

#[test]
fn each_write_into_the_file_comes_into_force() {
    let hupd = Hupd::start(&format!("{WATCHING}{}", job("zero")));
    let before = fs::read_to_string(hupd.home.config_file()).expect("the file");
    for name in ROUNDS {
        let text = before.replace("zero", name);
        fs::write(hupd.home.config_file(), text).expect("written");
        wait_jobs(&hupd, &[name]);
    }
}

#[test]
fn each_file_that_comes_to_the_included_folder_changes_or_goes_comes_into_force() {
    // The folder is not there yet: it is awaited too.
    let hupd = Hupd::start(&format!("{WATCHING}{}", job("main")));
    for name in ROUNDS {
        let file = format!("conf.d/{name}.toml");
        hupd.home.write(&file, &job("added"));
        wait_jobs(&hupd, &["added", "main"]);
        hupd.home.write(&file, &job("changed"));
        wait_jobs(&hupd, &["changed", "main"]);
        fs::remove_file(hupd.home.file(&file)).expect("removed");
        wait_jobs(&hupd, &["main"]);
    }
}

#[test]
fn each_swap_of_a_config_map_comes_into_force() {
    let home = Home::new();
    let version = |number: usize, name: &str| {
        let folder = format!("..{number}");
        home.configure(&format!("{WATCHING}{}", job(name)));
        fs::create_dir(home.file(&folder)).expect("a folder");
        fs::rename(home.config_file(), home.file(&folder).join("hupd.toml")).expect("moved");
        let data = home.file("..data_tmp");
        symlink(&folder, &data).expect("a link");
        fs::rename(data, home.file("..data")).expect("swapped");
    };
    // The state stays in place while the file has many: paths of the file count from its own folder.
    version(0, "zero");
    symlink("..data/hupd.toml", home.config_file()).expect("a link");
    let hupd = Hupd::start_in(home);
    wait_jobs(&hupd, &["zero"]);
    for (number, name) in ROUNDS.iter().enumerate() {
        let folder = format!("..{}", number + 1);
        swap(&hupd.home, &folder, name);
        wait_jobs(&hupd, &[name]);
        // The old one goes afterwards, as the kubelet does it.
        fs::remove_dir_all(hupd.home.file(&format!("..{number}"))).expect("removed");
    }
}

/// A new folder, a new link to it, and the link renamed over the old one.
fn swap(home: &Home, folder: &str, name: &str) {
    let old = fs::read_to_string(home.config_file()).expect("the file");
    let jobs_at = old.find("[jobs.").expect("a job");
    home.write(
        &format!("{folder}/hupd.toml"),
        &format!("{}{}", &old[..jobs_at], job(name)),
    );
    symlink(folder, home.file("..data_tmp")).expect("a link");
    fs::rename(home.file("..data_tmp"), home.file("..data")).expect("swapped");
}

#[test]
fn a_file_that_is_merely_touched_is_no_reload() {
    let hupd = Hupd::start(&format!("{WATCHING}{DEBUGGING}{}", job("zero")));
    wait_silent_reads(&hupd, 1);
    hupd.notified();
    for times in 2..4 {
        let text = fs::read(hupd.home.config_file()).expect("the file");
        fs::write(hupd.home.config_file(), text).expect("written");
        wait_silent_reads(&hupd, times);
    }
    let status = hupd.status();
    assert_eq!(status["generation"], 1);
    assert_eq!(status["last_reload"], Value::Null);
    assert_eq!(hupd.notified(), [""; 0]);
    assert_eq!(reloads(&hupd), 0);
}

#[test]
fn a_broken_file_is_refused_once_and_the_way_back_is_told() {
    let hupd = Hupd::start(&format!("{WATCHING}{DEBUGGING}{}", job("zero")));
    wait_silent_reads(&hupd, 1);
    let good = fs::read_to_string(hupd.home.config_file()).expect("the file");
    fs::write(hupd.home.config_file(), format!("{good}[jobs.x\n")).expect("written");
    hupd.wait_log("reload refused, the files changed: configuration has 1 problem;");
    let refused = hupd.wait_notified_status("last reload refused");
    assert!(refused.contains("READY=1"), "{refused}");
    assert_eq!(jobs(&hupd), ["zero"]);

    fs::write(hupd.home.config_file(), good).expect("written");
    hupd.wait_log("reload accepted, the files changed: no change generation=1");
    assert_eq!(hupd.status()["last_reload"]["accepted"], true);
    assert_eq!((hupd.generation(), reloads(&hupd)), (1, 2));
}

#[test]
fn a_broken_file_that_a_refused_one_includes_is_seen_when_it_is_mended() {
    let hupd = Hupd::start(&format!("{WATCHING}{DEBUGGING}{}", job("zero")));
    wait_silent_reads(&hupd, 1);
    hupd.home.write("more/a.toml", "[jobs.x\n");
    let including = WATCHING.replace("conf.d/*.toml", "more/a.toml");
    hupd.home.configure(&format!("{including}{}", job("zero")));
    hupd.wait_log("reload refused, the files changed: ");
    hupd.home.write("more/a.toml", &job("added"));
    wait_jobs(&hupd, &["added", "zero"]);
}

#[test]
fn by_default_nothing_is_reloaded_without_being_asked() {
    let hupd = Hupd::start(&job("zero"));
    hupd.home.configure(&job("one"));
    let text = fs::read(hupd.home.config_file()).expect("the file");
    fs::write(hupd.home.config_file(), text).expect("written");
    assert_eq!(threads_named(&hupd, "watch"), 0);
    hupd.signal(Signal::HUP);
    wait_jobs(&hupd, &["one"]);
    assert_eq!(reloads(&hupd), 1);
    assert!(!hupd.log().contains("the files changed"));
}

fn threads_named(hupd: &Hupd, name: &str) -> usize {
    let tasks = fs::read_dir(hupd.proc("task")).expect("a process");
    let name_of = |task: &Path| fs::read_to_string(task.join("comm")).unwrap_or_default();
    tasks
        .filter(|task| {
            let task = task.as_ref().expect("a thread").path();
            name_of(&task).trim() == name
        })
        .count()
}

#[test]
fn a_reload_switches_watching_on_and_off() {
    let hupd = Hupd::start(&job("zero"));
    hupd.home.configure(&format!("{WATCHING}{}", job("one")));
    hupd.reload();
    assert_eq!(threads_named(&hupd, "watch"), 1);
    hupd.home.configure(&job("two"));
    wait_jobs(&hupd, &["two"]);
    wait_until("nobody watches", || {
        (threads_named(&hupd, "watch") == 0).then_some(())
    });
    hupd.home.configure(&job("three"));
    hupd.reload();
    wait_jobs(&hupd, &["three"]);
    assert_eq!(reloads(&hupd), 3);
}

#[test]
fn what_changes_while_watching_begins_is_seen() {
    let hupd = Hupd::start(&job("zero"));
    let many: String = (0..2_000).map(|n| job(&format!("many-{n}"))).collect();
    hupd.home.configure(&format!("{WATCHING}{many}"));
    hupd.signal(Signal::HUP);
    hupd.wait_notified("RELOADING=1");
    hupd.home.configure(&format!("{WATCHING}{}", job("last")));
    wait_jobs(&hupd, &["last"]);
}

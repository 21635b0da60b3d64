//! `watch_config`: hupd reloads by itself when its files change, and only then.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use common::{Home, Hupd, Told, has_program, skip, wait_until};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::process::Signal;
use serde_json::Value;

const WATCHING: &str = "include = [\"conf.d/*.toml\"]\n[daemon]\nwatch_config = true\n";

fn job(name: &str) -> String {
    format!("[jobs.{name}]\ncommand = \"true\"\n")
}

fn wait_jobs(hupd: &Hupd, names: &[&str]) {
    wait_until(&format!("the jobs are {names:?}"), || {
        (hupd.home.job_names() == names).then_some(())
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
    hupd.wait_log("reload refused, the files changed: configuration has 1 problem");
    let refused = hupd.wait_notified_status("last reload refused");
    assert!(refused.contains("READY=1"), "{refused}");
    assert_eq!(hupd.home.job_names(), ["zero"]);

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
fn a_file_that_a_refused_one_includes_is_awaited() {
    let hupd = Hupd::start(&format!("{WATCHING}{}", job("zero")));
    let including = WATCHING.replace("conf.d/*.toml", "more/a.toml");
    hupd.home.configure(&format!("{including}{}", job("zero")));
    hupd.wait_log("reload refused, the files changed: ");
    hupd.home.write("more/a.toml", &job("added"));
    wait_jobs(&hupd, &["added", "zero"]);
}

#[test]
fn a_file_that_comes_to_a_new_folder_that_a_pattern_names_comes_into_force() {
    let including = WATCHING.replace("conf.d/*.toml", "sites/*/jobs.toml");
    let hupd = Hupd::start(&format!("{including}{DEBUGGING}{}", job("zero")));
    wait_silent_reads(&hupd, 1);
    fs::create_dir_all(hupd.home.file("sites/a")).expect("a folder");
    // Once for the folder, and once since another one is watched.
    wait_silent_reads(&hupd, 2);
    hupd.home.write("sites/a/jobs.toml", &job("added"));
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
    // A thread gives itself its name.
    wait_until("somebody watches", || {
        (threads_named(&hupd, "watch") == 1).then_some(())
    });
    hupd.home.configure(&job("two"));
    wait_jobs(&hupd, &["two"]);
    wait_until("nobody watches", || {
        (threads_named(&hupd, "watch") == 0).then_some(())
    });
    hupd.home.configure(&job("three"));
    hupd.reload();
    wait_jobs(&hupd, &["three"]);
    wait_until("each reload is in the log", || {
        (reloads(&hupd) == 3).then_some(())
    });
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

/// The log says nothing of a file that was refused, and there was one reload for each round.
fn assert_never_refused(hupd: &Hupd) {
    assert!(!hupd.log().contains("refused"));
    assert_eq!(reloads(hupd), ROUNDS.len());
}

#[test]
fn each_save_that_moves_the_old_file_away_first_comes_into_force() {
    // As vim does it, with a backup and the file that tries whether it may write.
    let hupd = Hupd::start(&format!("{WATCHING}{}", job("zero")));
    let file = hupd.home.config_file();
    let before = fs::read_to_string(&file).expect("the file");
    for name in ROUNDS {
        hupd.home.write("4913", "");
        fs::remove_file(hupd.home.file("4913")).expect("removed");
        fs::rename(&file, hupd.home.file("hupd.toml~")).expect("renamed");
        fs::write(&file, before.replace("zero", name)).expect("written");
        fs::remove_file(hupd.home.file("hupd.toml~")).expect("removed");
        wait_jobs(&hupd, &[name]);
    }
    assert_never_refused(&hupd);
}

#[test]
fn each_folder_put_in_place_of_another_comes_into_force() {
    let home = Home::new();
    home.configure("include = [\"etc/conf.d/*.toml\"]\n[daemon]\nwatch_config = true\n");
    home.write("etc/conf.d/a.toml", &job("zero"));
    let hupd = Hupd::start_in(home);
    wait_jobs(&hupd, &["zero"]);
    let file = |name: &str| hupd.home.file(name);
    for name in ROUNDS {
        hupd.home.write("new/conf.d/b.toml", &job(name));
        fs::rename(file("etc"), file("old")).expect("renamed");
        fs::rename(file("new"), file("etc")).expect("renamed");
        wait_jobs(&hupd, &[name]);
        fs::remove_dir_all(file("old")).expect("removed");
    }
    assert!(!hupd.log().contains("refused"));
}

/// Puts another folder, in which the file says this, in place of one, in three ways.
fn exchange(home: &Home, folder: &str, file: &str, text: &str) {
    let within = file
        .strip_prefix(folder)
        .expect("the file is in the folder");
    let path = |name: &str| home.file(name);
    home.write(&format!("new{within}"), text);
    let atomically = || {
        let flags = RenameFlags::EXCHANGE;
        renameat_with(CWD, path("new"), CWD, path(folder), flags).expect("exchanged");
        fs::remove_dir_all(path("new")).expect("removed");
    };
    match text {
        text if text.contains("one") => {
            fs::rename(path(folder), path("old")).expect("renamed");
            fs::rename(path("new"), path(folder)).expect("renamed");
            fs::remove_dir_all(path("old")).expect("removed");
        }
        text if text.contains("two") => {
            fs::remove_dir_all(path(folder)).expect("removed");
            fs::rename(path("new"), path(folder)).expect("renamed");
        }
        _ => atomically(),
    }
}

/// At each depth three times, and what is written into the new file afterwards.
fn exchanges_come_into_force(hupd: &Hupd, file: &str, text: impl Fn(&str) -> String) {
    wait_health(hupd, "healthy");
    for folder in ["a/b/c", "a/b", "a"] {
        for name in ROUNDS {
            exchange(&hupd.home, folder, file, &text(name));
            wait_jobs(hupd, &[name]);
        }
        hupd.home.write(file, &text("edited"));
        wait_jobs(hupd, &["edited"]);
    }
    assert_eq!(watch_line(hupd), "watch_config   on, healthy");
    assert!(!hupd.log().contains("refused"));
}

#[test]
fn each_folder_above_the_file_put_in_place_of_another_comes_into_force() {
    let home = Home::new();
    let text = |name: &str| {
        let daemon =
            "[daemon]\nstate_dir = \"state\"\nruntime_dir = \"run\"\nwatch_config = true\n";
        format!("{daemon}{}", job(name))
    };
    home.write("a/b/c/hupd.toml", &text("zero"));
    symlink("a/b/c/hupd.toml", home.config_file()).expect("a link");
    let hupd = Hupd::start_in(home);
    exchanges_come_into_force(&hupd, "a/b/c/hupd.toml", text);
}

#[test]
fn each_folder_above_an_included_one_put_in_place_of_another_comes_into_force() {
    let home = Home::new();
    home.configure(&WATCHING.replace("conf.d", "a/b/c"));
    home.write("a/b/c/jobs.toml", &job("zero"));
    let hupd = Hupd::start_in(home);
    exchanges_come_into_force(&hupd, "a/b/c/jobs.toml", job);
}

#[test]
fn what_others_do_in_folders_on_the_way_is_no_reason_to_read() {
    let home = Home::new();
    home.configure(&format!(
        "{}{DEBUGGING}",
        WATCHING.replace("conf.d", "a/b/c")
    ));
    home.write("a/b/c/jobs.toml", &job("zero"));
    let hupd = Hupd::start_in(home);
    wait_silent_reads(&hupd, 1);
    for place in ["a/b/other", "a/other", "other"] {
        hupd.home.write(place, "noise");
        fs::rename(hupd.home.file(place), hupd.home.file("a/b/noise")).expect("renamed");
        fs::remove_file(hupd.home.file("a/b/noise")).expect("removed");
    }
    // Had those been a reason, there would be a read without news before this.
    hupd.home.write("a/b/c/jobs.toml", &job("one"));
    wait_jobs(&hupd, &["one"]);
    let reads = hupd
        .log()
        .matches("the files changed, reading them again")
        .count();
    assert_eq!(reads, 2);
}

#[test]
fn each_swap_of_a_config_map_that_is_the_included_folder_comes_into_force() {
    let home = Home::new();
    home.configure(WATCHING);
    home.write("conf.d/..0/a.toml", &job("zero"));
    symlink("..0", home.file("conf.d/..data")).expect("a link");
    symlink("..data/a.toml", home.file("conf.d/a.toml")).expect("a link");
    let hupd = Hupd::start_in(home);
    wait_jobs(&hupd, &["zero"]);
    for (number, name) in ROUNDS.iter().enumerate() {
        let folder = format!("..{}", number + 1);
        hupd.home
            .write(&format!("conf.d/{folder}/a.toml"), &job(name));
        let link = hupd.home.file("conf.d/..data_tmp");
        symlink(&folder, &link).expect("a link");
        fs::rename(link, hupd.home.file("conf.d/..data")).expect("swapped");
        let old = hupd.home.file(&format!("conf.d/..{number}"));
        fs::remove_dir_all(old).expect("removed");
        wait_jobs(&hupd, &[name]);
    }
    assert_never_refused(&hupd);
}

#[test]
fn content_decides_and_not_the_time_of_a_file() {
    let hupd = Hupd::start(&format!("{WATCHING}{}", job("zero")));
    let file = hupd.home.config_file();
    let before = fs::read_to_string(&file).expect("the file");
    let time = fs::metadata(&file).expect("the file").modified();
    let time = time.expect("a time");
    // As long as before, and as old.
    for name in ["zer1", "zer2", "zer3"] {
        let aside = hupd.home.file("aside");
        fs::write(&aside, before.replace("zero", name)).expect("written");
        let open = File::options().write(true).open(&aside).expect("the file");
        open.set_modified(time).expect("set");
        fs::rename(&aside, &file).expect("renamed");
        wait_jobs(&hupd, &[name]);
    }
}

/// Longer than hupd waits for silence, shorter than its patience with writers.
const SLOWLY: Duration = Duration::from_millis(500);

#[test]
fn a_file_is_not_read_while_it_is_being_written() {
    let hupd = Hupd::start(&format!("{WATCHING}{}", job("zero")));
    wait_health(&hupd, "healthy");
    let before = fs::read_to_string(hupd.home.config_file()).expect("the file");
    for name in ROUNDS {
        let text = before.replace("zero", name);
        let (first, rest) = text.split_at(text.len() - 5);
        let mut file = File::create(hupd.home.config_file()).expect("the file");
        file.write_all(first.as_bytes()).expect("written");
        // Another file that changes meanwhile is no reason to read this one.
        hupd.home.write("conf.d/other.toml", &format!("# {name}\n"));
        thread::sleep(SLOWLY);
        file.write_all(rest.as_bytes()).expect("written");
        drop(file);
        wait_jobs(&hupd, &[name]);
    }
    assert_never_refused(&hupd);
}

#[test]
fn the_first_look_waits_until_the_file_is_written() {
    let home = Home::new();
    home.configure(&format!("{WATCHING}{}", job("zero")));
    let before = fs::read_to_string(home.config_file()).expect("the file");
    let hupd = Hupd::launch(home);
    wait_until("hupd has read the file", || hupd.home.pid_in_file());
    let text = before.replace("zero", "one");
    let mut file = File::create(hupd.home.config_file()).expect("the file");
    for piece in text.as_bytes().chunks(text.len().div_ceil(20)) {
        file.write_all(piece).expect("written");
        thread::sleep(SLOWLY / 20);
    }
    drop(file);
    wait_jobs(&hupd, &["one"]);
    assert!(!hupd.log().contains("refused"));
}

#[test]
fn a_hangup_does_not_wait_until_it_is_quiet() {
    let hupd = Hupd::start(&format!("{WATCHING}{}", job("zero")));
    hupd.home.configure(&format!("{WATCHING}{}", job("one")));
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let noise = hupd.home.file("conf.d/noise.toml");
    fs::create_dir(hupd.home.file("conf.d")).expect("a folder");
    thread::scope(|scope| {
        // It is never quiet, until the end of this.
        scope.spawn(move || {
            while stopped.try_recv().is_err() {
                fs::write(&noise, "# nothing\n").expect("written");
                thread::sleep(Duration::from_millis(20));
            }
        });
        hupd.reload();
        stop.send(()).expect("somebody makes noise");
    });
    assert_eq!(hupd.home.job_names(), ["one"]);
    let log = hupd.log();
    let verdict = log.lines().find(|line| line.contains("reload accepted, "));
    let verdict = verdict.expect("a verdict");
    assert!(verdict.contains("reload accepted, HUP from "), "{verdict}");
}

fn watch_line(hupd: &Hupd) -> String {
    let text = Told::of_success(&hupd.home, &["status"]);
    let line = text.lines().find(|line| line.starts_with("watch_config "));
    line.unwrap_or_default().to_owned()
}

fn wait_health(hupd: &Hupd, health: &str) -> Value {
    wait_until(&format!("the watch is {health}"), || {
        let watching = hupd.status()["watching"].clone();
        (watching["health"] == health).then_some(watching)
    })
}

#[test]
fn the_status_says_whether_it_watches() {
    let hupd = Hupd::start(&job("zero"));
    assert_eq!(hupd.status()["watching"], Value::Null);
    assert_eq!(watch_line(&hupd), "");
    hupd.home.configure(&format!("{WATCHING}{}", job("one")));
    hupd.reload();
    wait_health(&hupd, "healthy");
    assert_eq!(watch_line(&hupd), "watch_config   on, healthy");
}

/// How often the log says that not all changes are told.
fn complaints(hupd: &Hupd) -> usize {
    hupd.log()
        .matches("the files are looked through every 2 s instead")
        .count()
}

/// hupd as somebody who may have no watch at all.
fn without_watches(home: &Home) -> Option<Command> {
    let script = "echo 0 >/proc/sys/user/max_inotify_watches";
    let unshare = |shell: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "sh", "-c", shell, "sh"]);
        command
    };
    let attempt = unshare(script).stderr(Stdio::null()).status();
    if !attempt.is_ok_and(|status| status.success()) {
        skip("watching without watches: no user namespace can be made here");
        return None;
    }
    let hupd = home.hupd();
    let mut command = unshare(&format!("{script} && exec \"$@\""));
    command.arg(hupd.get_program()).args(hupd.get_args());
    Some(command)
}

fn allow_watches(hupd: &Hupd) {
    let pid = hupd.pid().as_raw_nonzero().to_string();
    let script = "echo 100 >/proc/sys/user/max_inotify_watches";
    let mut nsenter = Command::new("nsenter");
    // Whoever made the namespace without being root may set no groups there.
    nsenter.args(["--user", "--preserve-credentials", "--target", &pid]);
    nsenter.args(["sh", "-c", script]);
    assert!(nsenter.status().expect("it runs").success());
}

#[test]
fn where_nothing_can_be_watched_the_files_are_looked_through() {
    let home = Home::new();
    home.configure(&format!("{WATCHING}{}", job("zero")));
    let Some(command) = without_watches(&home) else {
        return;
    };
    let hupd = Hupd::start_by(command, home);
    let watching = wait_health(&hupd, "degraded");
    let reason = watching["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("raise the sysctl fs.inotify.max_user_watches"),
        "{reason}"
    );
    let line = watch_line(&hupd);
    assert!(line.starts_with("watch_config   on, DEGRADED: "), "{line}");
    assert!(line.ends_with(reason), "{line}");
    for name in ROUNDS {
        hupd.home.configure(&format!("{WATCHING}{}", job(name)));
        wait_jobs(&hupd, &[name]);
    }
    hupd.home.write("conf.d/a.toml", &job("added"));
    wait_jobs(&hupd, &["added", "three"]);
    assert_eq!((reloads(&hupd), complaints(&hupd)), (4, 1));
    assert!(!hupd.log().contains("refused"));

    allow_watches(&hupd);
    wait_health(&hupd, "healthy");
    hupd.wait_log("every change of the files is seen again");
    assert_eq!(watch_line(&hupd), "watch_config   on, healthy");
    hupd.home.configure(&format!("{WATCHING}{}", job("last")));
    wait_jobs(&hupd, &["added", "last"]);
}

/// hupd for which a system call does this.
fn under_strace(home: &Home, inject: &str) -> Option<Command> {
    if !has_program("strace") {
        skip("a file system that tells nothing: there is no strace");
        return None;
    }
    let hupd = home.hupd();
    let call = inject.split(':').next().expect("a call");
    let mut strace = Command::new("strace");
    // -D: the process that was started becomes hupd, and strace its descendant.
    strace
        .args(["-D", "-f", "-qq", "-o", "/dev/null"])
        .args([
            "-e",
            &format!("trace={call}"),
            "-e",
            &format!("inject={inject}"),
        ])
        .arg(hupd.get_program())
        .args(hupd.get_args());
    Some(strace)
}

#[test]
fn on_a_network_file_system_the_files_are_looked_through() {
    let home = Home::new();
    home.configure(&format!("{WATCHING}{}", job("zero")));
    // The number of NFS, where statfs(2) writes it.
    let Some(command) = under_strace(&home, "statfs:poke_exit=@arg2=6969000000000000") else {
        return;
    };
    let hupd = Hupd::start_by(command, home);
    let watching = wait_health(&hupd, "degraded");
    let reason = watching["reason"].as_str().expect("a reason");
    assert!(
        reason.contains(": is on NFS, which does not tell"),
        "{reason}"
    );
    hupd.home.configure(&format!("{WATCHING}{}", job("one")));
    wait_jobs(&hupd, &["one"]);
    assert_eq!(complaints(&hupd), 1);
}

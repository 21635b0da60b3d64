//! `hupctl plan` on the real programs: what a reload would change, and that it changes nothing itself.

#![allow(clippy::disallowed_methods, reason = "a test stands outside hupd")]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::{Home, Hupd, Told, is_root, skip, wait_until};
use jiff::Timestamp;
use serde_json::Value;

const OLD: &str = r#"
    [daemon]
    timezone = "UTC"
    [jobs.backup]
    command = ["true"]
    schedule = "30 2 * * *"
    env = { PLACE = "here", TOKEN = "first-secret" }
    [jobs.gone]
    command = ["true"]
    schedule = "@yearly"
    [jobs.poll]
    command = ["true"]
    every = "40m"
    [jobs.same]
    command = ["true"]
"#;

const NEW: &str = r#"
    [daemon]
    timezone = "UTC"
    grace = "1m"
    [jobs.backup]
    command = ["true"]
    schedule = "45 2 29 2 *"
    timeout = "1h"
    env = { PLACE = "here", TOKEN = "second-secret" }
    [jobs.new]
    command = ["date"]
    schedule = "0 0 29 2 *"
    [jobs.poll]
    command = ["true"]
    every = "40m"
    nice = 5
    [jobs.same]
    command = ["true"]
"#;

/// The file of this name in a home, with all that makes it fit the hupd there.
fn write(home: &Home, name: &str, text: &str) -> String {
    let other = Home::new();
    other.configure(text);
    home.write(name, &other.read("hupd.toml"));
    home.file(name).display().to_string()
}

fn json(told: &Told) -> Value {
    serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {told:?}"))
}

fn plan(home: &Home, file: &str) -> Value {
    let told = Told::by_hupctl(home, &["--json", "plan", file]);
    assert_eq!((told.status, &*told.aside), (Some(0), ""), "{told:?}");
    json(&told)
}

/// What is planned for a job.
fn job(plan: &Value, name: &str) -> Value {
    let jobs = plan["jobs"].as_array().expect("jobs").iter();
    let found = jobs.into_iter().find(|job| job["job"] == name).cloned();
    found.unwrap_or_else(|| panic!("no job '{name}': {plan}"))
}

/// `key: old → new`
fn keys(rows: &Value) -> Vec<String> {
    let text = |row: &Value, key: &str| row[key].as_str().expect("a text").to_owned();
    let told = |row| {
        format!(
            "{}: {} → {}",
            text(row, "key"),
            text(row, "old"),
            text(row, "new")
        )
    };
    rows.as_array().expect("keys").iter().map(told).collect()
}

/// `kind: text`
fn notes(rows: &Value) -> Vec<String> {
    let rows = rows["notes"].as_array().expect("notes").iter();
    let told = |row: &Value| format!("{}: {}", row["kind"], row["text"]).replace('"', "");
    rows.map(told).collect()
}

/// When a job is due next, as `hupctl list` has it.
fn next(home: &Home, name: &str) -> Value {
    let jobs = home.json(&["list"]);
    let mut jobs = jobs["jobs"].as_array().expect("jobs").iter();
    let found = jobs.find(|job| job["job"] == name).expect("the job");
    found["next"].clone()
}

#[test]
fn every_key_is_told_with_what_it_was_and_what_it_becomes() {
    let hupd = Hupd::start(OLD);
    let file = write(&hupd.home, "new.toml", NEW);
    let plan = plan(&hupd.home, &file);
    assert_eq!(plan["file"], file);
    assert_eq!(plan["generation"], 1);
    let summary = "1 added (new), 2 changed (backup, poll), 1 unchanged, 1 removed (gone); [daemon] grace changed";
    assert_eq!(plan["summary"], summary);
    assert_eq!(keys(&plan["settings"]), [r#"[daemon] grace: "30s" → "1m""#]);
    let backup = job(&plan, "backup");
    assert_eq!(backup["change"], "changed");
    let expected = [
        r#"schedule: "30 2 * * *" → "45 2 29 2 *""#,
        r#"timeout: "none" → "1h""#,
        r#"env.TOKEN: "…" → "…""#,
    ];
    assert_eq!(keys(&backup["keys"]), expected);
    assert_eq!(keys(&job(&plan, "poll")["keys"]), [r#"nice: "none" → 5"#]);
    assert_eq!(job(&plan, "new")["change"], "added");
    assert_eq!(job(&plan, "gone")["change"], "removed");
}

#[test]
fn a_plan_is_what_the_reload_then_does_and_does_nothing_itself() {
    let hupd = Hupd::start(OLD);
    let home = &hupd.home;
    let before = ["backup", "gone", "poll", "same"].map(|name| next(home, name));
    let file = write(home, "new.toml", NEW);
    let plan = plan(home, &file);
    let told = ["backup", "gone", "poll"].map(|name| job(&plan, name)["next_before"]["at"].clone());
    assert_eq!(told[..], before[..3]);
    assert_eq!(
        before,
        ["backup", "gone", "poll", "same"].map(|name| next(home, name))
    );
    assert_eq!(hupd.generation(), 1);

    home.configure(NEW);
    let verdict = home.json(&["reload"]);
    assert_eq!(verdict["summary"], plan["summary"]);
    for name in ["backup", "new", "poll"] {
        assert_eq!(
            job(&plan, name)["next_after"]["at"],
            next(home, name),
            "{name}"
        );
    }
    assert!(job(&plan, "gone")["next_after"].is_null());
}

#[test]
fn the_file_of_hupd_is_compared_where_none_is_named_and_the_status_is_for_scripts() {
    let hupd = Hupd::start(OLD);
    let home = &hupd.home;
    let same = Told::by_hupctl(home, &["plan", "--exit-code"]);
    let file = home.config_file().display().to_string();
    assert_eq!(
        same.out,
        format!("{file} against generation 1: no change\n")
    );
    assert_eq!(same.status, Some(0));
    home.configure(NEW);
    assert_eq!(Told::by_hupctl(home, &["plan"]).status, Some(0));
    let told = Told::by_hupctl(home, &["plan", "--exit-code"]);
    assert_eq!((told.status, &*told.aside), (Some(1), ""));
    home.write("broken.toml", "[jobs.a]\nschedule = \"x\"\n");
    let broken = home.file("broken.toml").display().to_string();
    let told = Told::by_hupctl(home, &["plan", &broken]);
    assert_eq!(told.status, Some(78), "{told:?}");
    assert!(told.aside.contains("job 'a' has no command"), "{told:?}");
}

#[test]
fn people_read_it_line_by_line() {
    let home = Home::new();
    let (old, new) = (write(&home, "old.toml", OLD), write(&home, "new.toml", NEW));
    // The next instants of these two are years ahead, and the same whenever this is read.
    let told = Told::by_hupctl(&home, &["plan", "--against", &old, &new]);
    let lines: Vec<_> = told.out.lines().map(str::trim_end).collect();
    let has = |line: &str| assert!(lines.contains(&line), "{line}: {told:#?}");
    has(r#"~ [daemon] grace = "30s" → "1m""#);
    has("~ backup");
    has(r#"    keys         schedule = "30 2 * * *" → "45 2 29 2 *""#);
    has(r#"                 timeout = "none" → "1h""#);
    has(r#"                 env.TOKEN = "…" (another value)"#);
    has("+ new");
    has(r#"    keys         command = ["date"]"#);
    has("- gone");
    assert!(told.out.contains("→ never"), "{}", told.out);
    let summary = "1 added (new), 2 changed (backup, poll), 1 unchanged, 1 removed (gone); [daemon] grace changed";
    let last = format!("{new} against {old}: {summary}");
    assert_eq!(lines.last(), Some(&&*last));
}

#[test]
fn two_files_need_no_hupd_and_a_hupd_that_is_not_there_is_told() {
    let home = Home::new();
    let (old, new) = (write(&home, "old.toml", OLD), write(&home, "new.toml", NEW));
    let told = Told::by_hupctl(&home, &["--json", "plan", "--against", &old, &new]);
    assert_eq!(told.status, Some(0), "{told:?}");
    let plan = json(&told);
    assert_eq!(
        (&plan["against"], &plan["generation"]),
        (&Value::from(old), &Value::Null)
    );
    assert_eq!(
        job(&plan, "backup")["keys"].as_array().map(Vec::len),
        Some(3)
    );
    assert_eq!(Told::by_hupctl(&home, &["plan", &new]).status, Some(69));
    assert_eq!(
        Told::by_hupctl(&home, &["plan", "--against", &new]).status,
        Some(2)
    );
}

#[test]
fn no_value_that_may_be_a_secret_is_told() {
    let hupd = Hupd::start(OLD);
    let file = write(&hupd.home, "new.toml", NEW);
    for arguments in [&["plan", &file][..], &["--json", "plan", &file]] {
        let told = Told::by_hupctl(&hupd.home, arguments);
        assert!(told.out.contains("TOKEN"), "{told:?}");
        assert!(!told.out.contains("-secret"), "{told:?}");
    }
    let mut curl = std::os::unix::net::UnixStream::connect(hupd.home.socket()).expect("a socket");
    let request = b"GET /v1/in_force HTTP/1.1\r\nConnection: close\r\n\r\n";
    std::io::Write::write_all(&mut curl, request).expect("written");
    let answer = std::io::read_to_string(curl).expect("an answer");
    assert!(
        answer.contains("env.TOKEN") && !answer.contains("first-secret"),
        "{answer}"
    );
}

#[test]
fn whoever_may_not_change_hupd_is_not_told_what_is_in_force() {
    if !is_root() {
        return skip("only root can be somebody else");
    }
    let hupd = Hupd::start(OLD);
    let mut stranger = hupd.home.hupctl_of_a_stranger();
    let told = Told::from(stranger.arg("plan").output().expect("hupctl runs"));
    assert_eq!(told.status, Some(77), "{told:?}");
    assert!(
        told.aside
            .contains("may compare a file with what is in force"),
        "{told:?}"
    );
}

#[test]
fn a_key_that_cannot_change_while_hupd_runs_is_told_as_refused() {
    let hupd = Hupd::start(OLD);
    let text = write(&hupd.home, "x.toml", OLD);
    let text = std::fs::read_to_string(text).expect("a file");
    let moved = text.replace("state_dir = \"state\"", "state_dir = \"elsewhere\"");
    hupd.home.write("moved.toml", &moved);
    let file = hupd.home.file("moved.toml").display().to_string();
    let told = Told::by_hupctl(&hupd.home, &["--json", "plan", &file]);
    assert_eq!(told.status, Some(1), "{told:?}");
    assert_eq!(
        json(&told)["refused"],
        Value::from(vec!["[daemon] state_dir"])
    );
    let sentence = "[daemon] state_dir cannot change while hupd runs: a reload would be refused";
    assert!(told.aside.contains(sentence), "{told:?}");
    std::fs::write(hupd.home.config_file(), moved).expect("written");
    assert_eq!(hupd.home.hupctl(&["reload"]).status.code(), Some(1));
}

/// A job whose runs go on, and what waits for them.
const WAITING: &str = r#"
    [jobs.queued]
    command = ["sleep", "1000"]
    overlap = "queue"
    [jobs.other]
    command = ["sleep", "1000"]
    [jobs.many]
    command = ["sleep", "1000"]
    overlap = "allow"
    [jobs.held]
    command = ["true"]
    every = "1h"
"#;

fn hupd_with_something_of_everything() -> Hupd {
    let hupd = Hupd::start(WAITING);
    for job in ["queued", "queued", "other", "many", "many"] {
        assert!(hupd.home.hupctl(&["run", job]).status.success());
    }
    wait_until("all of them run", || {
        let status = hupd.status();
        let running = status["running"].as_array().map(Vec::len);
        (running == Some(4) && status["waiting"] == 1).then_some(())
    });
    assert!(hupd.home.hupctl(&["pause", "held"]).status.success());
    hupd
}

#[test]
fn what_would_be_lost_and_what_goes_on_is_told() {
    let hupd = hupd_with_something_of_everything();
    let file = write(
        &hupd.home,
        "none.toml",
        "[jobs.other]\ncommand = [\"true\"]\n",
    );
    let plan = plan(&hupd.home, &file);
    let expected = [
        "lost: 1 waiting occurrence will not run: run 2",
        "goes_on: run 1 goes on as it began, by generation 1",
    ];
    assert_eq!(notes(&job(&plan, "queued")), expected);
    assert_eq!(notes(&job(&plan, "held")), ["lost: its pause is forgotten"]);
    let other = "goes_on: run 3 goes on as it began, by generation 1";
    assert_eq!(notes(&job(&plan, "other")), [other]);
    // All of it, and nothing else, comes to pass.
    std::fs::copy(file, hupd.home.config_file()).expect("copied");
    assert!(hupd.home.hupctl(&["reload"]).status.success());
    assert_eq!(hupd.status()["waiting"], 0);
    assert_eq!(hupd.status()["running"].as_array().map(Vec::len), Some(4));
}

#[test]
fn what_would_start_at_once_or_go_on_beside_another_is_told() {
    let hupd = hupd_with_something_of_everything();
    let text = WAITING
        .replace("overlap = \"queue\"", "overlap = \"allow\"")
        .replacen(
            "overlap = \"allow\"\n    [jobs.held]",
            "group = \"g\"\n    [jobs.held]",
            1,
        )
        .replacen("[jobs.other]", "[jobs.other]\n    group = \"g\"", 1);
    let file = write(&hupd.home, "more.toml", &text);
    let plan = plan(&hupd.home, &file);
    let expected = [
        "goes_on: run 1 goes on as it began, by generation 1",
        "starts: run 2, which waits, may start at once",
    ];
    assert_eq!(notes(&job(&plan, "queued")), expected);
    let many = notes(&job(&plan, "many"));
    let beside =
        "overlaps: 2 runs of it go on beside each other, though overlap = \\skip\\ lets in 1";
    assert!(many.contains(&beside.to_owned()), "{many:?}");
    let both = "overlaps: run 3 goes on beside run 4 of job 'many', though both are in group";
    let other = notes(&job(&plan, "other"));
    assert!(other.iter().any(|note| note.starts_with(both)), "{other:?}");
    // And it does start.
    std::fs::copy(file, hupd.home.config_file()).expect("copied");
    assert!(hupd.home.hupctl(&["reload"]).status.success());
    hupd.home.wait_running("queued", 2);
}

#[test]
fn fewer_places_than_runs_are_told() {
    let hupd = hupd_with_something_of_everything();
    let text = format!("[daemon]\nmax_running = 2\n{WAITING}");
    let file = write(&hupd.home, "fewer.toml", &text);
    let expected = "goes_on: 4 runs now, more than max_running = 2: nothing starts before fewer do";
    assert_eq!(notes(&plan(&hupd.home, &file)), [expected]);
}

#[test]
fn a_paused_job_stays_so_and_its_next_time_is_after_its_pause() {
    let hupd = Hupd::start(OLD);
    let until = ["pause", "backup", "--until", "2036-01-01T00:00:00Z"];
    assert!(hupd.home.hupctl(&until).status.success());
    let file = write(&hupd.home, "new.toml", NEW);
    let backup = job(&plan(&hupd.home, &file), "backup");
    assert_eq!(backup["next_before"]["at"], "2036-01-01T02:30:00Z");
    assert_eq!(backup["next_after"]["at"], "2036-02-29T02:45:00Z");
    assert_eq!(notes(&backup), ["goes_on: it stays paused"]);
}

/// In milliseconds.
fn apart(one: &Value, other: &Value) -> i64 {
    let [one, other] = [one, other].map(|at| -> Timestamp {
        let text = at.as_str().unwrap_or_else(|| panic!("no time: {at}"));
        text.parse().expect("a time")
    });
    (one.as_millisecond() - other.as_millisecond()).abs()
}

#[test]
fn an_interval_that_comes_back_is_planned_in_the_rhythm_that_it_keeps() {
    let polls = |keys: &str, every: &str| {
        format!(
            "[jobs.poll]\ncommand = [\"true\"]\nevery = \"40m\"\n{keys}\n[jobs.held]\ncommand = [\"true\"]\nevery = \"{every}\"\n"
        )
    };
    let hupd = Hupd::start(&polls("", "1h"));
    let home = &hupd.home;
    let began = Instant::now();
    let until = ["pause", "held", "--until", "2036-01-01T00:10:00Z"];
    assert!(home.hupctl(&until).status.success());
    home.configure(&polls("enabled = false", "1h"));
    hupd.reload();
    // As long as it takes to tell its rhythm from one that is counted from now.
    wait_until("half a second is over", || {
        (began.elapsed() > Duration::from_millis(500)).then_some(())
    });
    let file = write(home, "on.toml", &polls("", "30m"));
    let plan = plan(home, &file);
    home.configure(&polls("", "30m"));
    hupd.reload();
    let after = job(&plan, "poll")["next_after"]["at"].clone();
    assert!(apart(&after, &next(home, "poll")) < 100, "{after}");
    let held = &job(&plan, "held")["next_after"]["at"];
    assert_eq!(held, "2036-01-01T00:40:00Z");
    let told = home.json(&["next", "held", "-n", "1"]);
    assert_eq!(&told["next"][0]["at"], held);
}

#[test]
fn the_zone_is_that_of_hupd_where_no_file_names_one() {
    let hupd = Hupd::start("[jobs.a]\ncommand = [\"true\"]\nschedule = \"30 2 * * *\"\n");
    let mut elsewhere = hupd.home.hupctl_command();
    let arguments = ["plan", "--exit-code"];
    let output = elsewhere
        .env("TZ", "Asia/Kathmandu")
        .args(arguments)
        .output();
    let told = Told::from(output.expect("hupctl runs"));
    assert_eq!(told.status, Some(0), "{told:?}");
    assert!(told.out.ends_with("no change\n"), "{told:?}");
}

/// What waits for its next attempt, what waits because somebody asked, and what a pause owes.
const RESTING: &str = r#"
    [jobs.asked]
    command = ["false"]
    retry = { attempts = 3, delay = "1h" }
    [jobs.ticks]
    command = ["false"]
    every = "1s"
    retry = { attempts = 3, delay = "1h" }
    [jobs.queued]
    command = ["sleep", "1000"]
    overlap = "queue"
    [jobs.held]
    command = ["true"]
    every = "1h"
    missed = "once"
"#;

#[test]
fn only_what_is_lost_is_told_as_lost() {
    let hupd = Hupd::start(RESTING);
    for job in ["asked", "queued", "queued"] {
        assert!(hupd.home.hupctl(&["run", job]).status.success());
    }
    assert!(hupd.home.hupctl(&["pause", "held"]).status.success());
    let number = |job: &str, nth: usize| -> Option<u64> {
        hupd.home
            .runs(job)
            .get(nth)
            .and_then(|run| run["run"].as_u64())
    };
    wait_until("two rest and one waits", || {
        let resting = hupd
            .home
            .json(&["status"])
            .to_string()
            .matches("next_attempt_at\":\"")
            .count();
        (resting == 2 && hupd.status()["waiting"] == 1).then_some(())
    });
    let (asked, ticks) = (
        number("asked", 0).expect("a run"),
        number("ticks", 0).expect("a run"),
    );
    let running = number("queued", 0).expect("a run");
    let told = |text: &str, name: &str| {
        let file = write(&hupd.home, "new.toml", text);
        notes(&job(&plan(&hupd.home, &file), name))
    };
    let next = "waits for its next attempt:";
    let described = RESTING.replace("command", "description = \"x\"\ncommand");
    let begins = "that begins as the file says";
    assert_eq!(
        told(&described, "asked"),
        [format!("goes_on: run {asked} {next} {begins}")]
    );
    assert_eq!(told(&described, "held"), ["goes_on: it stays paused"]);
    let judged = RESTING.replace("attempts = 3", "attempts = 2");
    let by = "its retries are judged by the new definition";
    assert_eq!(
        told(&judged, "ticks"),
        [format!("lost: run {ticks} {next} {by}")]
    );
    let off = RESTING.replace("command", "enabled = false\ncommand");
    assert_eq!(
        told(&off, "asked"),
        [format!("goes_on: run {asked} {next} {begins}")]
    );
    let gone = "it is not tried again, for it is switched off";
    assert_eq!(
        told(&off, "ticks"),
        [format!("lost: run {ticks} {next} {gone}")]
    );
    let waits = format!("still waits for run {running}");
    assert!(
        told(&off, "queued")
            .iter()
            .any(|note| note.ends_with(&waits))
    );
    let other = RESTING.replace("\"1h\"\n    missed", "\"2h\"\n    missed");
    let missed = "lost: what it has missed in its pause is not made up for";
    assert_eq!(told(&other, "held"), ["goes_on: it stays paused", missed]);
    let without = &RESTING[..RESTING.find("[jobs.held]").expect("a job")];
    assert_eq!(
        told(without, "held"),
        ["lost: its pause is forgotten", missed]
    );
}

#[test]
fn a_zone_that_has_other_rules_now_is_told_as_the_reload_takes_it() {
    let zones = Path::new("/usr/share/zoneinfo");
    let [berlin, tokyo] = ["Europe/Berlin", "Asia/Tokyo"].map(|zone| zones.join(zone));
    if !berlin.is_file() || !tokyo.is_file() {
        return skip("there are no zone data");
    }
    let home = Home::new();
    home.configure(
        "[jobs.a]\ncommand = [\"true\"]\nschedule = \"30 2 * * *\"\ntimezone = \"Europe/Berlin\"\n",
    );
    home.write("zones/Europe/Berlin", "");
    std::fs::copy(&berlin, home.file("zones/Europe/Berlin")).expect("copied");
    let mut command = home.hupd();
    command.env("TZDIR", home.file("zones"));
    let new = std::fs::read(&tokyo).expect("zone data");
    let hupd = Hupd::start_by(command, home);
    // The data are those of hupd, wherever hupctl would look by itself.
    let plan = || Told::by_hupctl(&hupd.home, &["plan", "--exit-code"]);
    assert_eq!(plan().status, Some(0));
    std::fs::write(hupd.home.file("zones/Europe/Berlin"), new).expect("written");
    let told = plan();
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(
        told.out
            .contains("timezone = \"Europe/Berlin\" (other rules)"),
        "{told:?}"
    );
    let summary = told.out.lines().last().expect("a summary").to_owned();
    let verdict = hupd.home.json(&["reload"]);
    let verdict = verdict["summary"].as_str().expect("a text");
    assert!(
        summary.ends_with(verdict) && verdict.contains("1 changed (a)"),
        "{summary}: {verdict}"
    );
    assert_eq!(plan().status, Some(0));
}

/// A file that is to take the place of another one is not beside what that includes.
#[test]
fn a_file_is_read_as_if_it_stood_in_the_place_it_is_meant_for() {
    let config = "include = [\"conf.d/*.toml\"]\n[daemon]\n[jobs.main]\ncommand = \"true\"\nworking_dir = \".\"\n";
    let home = Home::new();
    home.configure(config);
    home.write("conf.d/a.toml", "[jobs.a]\ncommand = \"true\"\n");
    let hupd = Hupd::start_in(home);
    let home = &hupd.home;
    let elsewhere = Home::new();
    elsewhere.configure(&format!("{config}nice = 5\n"));
    let (file, place) = (elsewhere.config_file(), home.config_file());
    let (file, place) = (file.display().to_string(), place.display().to_string());

    // By itself it has neither the folders nor the job that is included.
    let told = Told::by_hupctl(home, &["plan", &file]);
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(
        told.out.contains("- a\n") && told.aside.contains("state_dir"),
        "{told:?}"
    );
    let told = Told::by_hupctl(home, &["--json", "plan", &file, "--as", &place]);
    assert_eq!((told.status, &*told.aside), (Some(0), ""), "{told:?}");
    let plan = json(&told);
    let jobs = plan["jobs"].as_array().expect("jobs");
    assert_eq!(jobs.len(), 1, "{plan}");
    assert_eq!(keys(&job(&plan, "main")["keys"]), ["nice: \"none\" → 5"]);

    elsewhere.configure("[jobs.main]\nnonsense = 1\n");
    let told = Told::by_hupctl(home, &["plan", &file, "--as", &place]);
    assert_eq!(told.status, Some(78), "{told:?}");
    let words = format!("hupctl: what is told of {place} was read from {file}");
    assert!(told.aside.contains(&words), "{told:?}");
    let told = Told::by_hupctl(home, &["plan", "/no/such/file", "--as", &place]);
    assert_eq!(told.status, Some(78), "{told:?}");
    assert!(told.aside.contains("/no/such/file"), "{told:?}");
}

/// In the order in which a reload begins their runs.
const ON_CHANGE: [(&str, &str); 9] = [
    ("a_free", ""),
    ("b_pair", "group = \"pair\""),
    ("c_pair", "group = \"pair\""),
    ("d_busy", "group = \"busy\""),
    ("e_place", ""),
    ("k_busy", "group = \"busy\""),
    ("k_queue", "overlap = \"queue\""),
    ("k_replace", "overlap = \"replace\""),
    ("k_skip", ""),
];

fn on_change(more: &str) -> String {
    let jobs = ON_CHANGE.map(|(name, lines)| {
        format!(
            "[jobs.{name}]\ncommand = [\"sleep\", \"1000\"]\non_change = true\n{lines}\n{more}\n"
        )
    });
    format!("[daemon]\nmax_running = 6\n{}", jobs.concat())
}

#[test]
fn a_run_on_change_is_told_to_start_only_where_it_does() {
    let hupd = Hupd::start(&on_change(""));
    for (job, _) in &ON_CHANGE[5..] {
        assert!(hupd.home.hupctl(&["run", job]).status.success());
        hupd.home.wait_running(job, 1);
    }
    let file = write(&hupd.home, "changed.toml", &on_change("nice = 1"));
    let plan = plan(&hupd.home, &file);
    let expected = [
        ("a_free", "starts: at once, for this changes: nice"),
        ("b_pair", "starts: at once, for this changes: nice"),
        (
            "c_pair",
            "starts: after that of job 'b_pair', in the same group, for this changes: nice",
        ),
        (
            "d_busy",
            "starts: when run 1 is over (group = \\busy\\), for this changes: nice",
        ),
        (
            "e_place",
            "starts: when there is a place (max_running = 6), for this changes: nice",
        ),
        (
            "k_busy",
            "lost: its run on change, if run 1 is not over then (overlap = \\skip\\): nice",
        ),
        (
            "k_queue",
            "starts: when run 2 is over (overlap = \\queue\\), for this changes: nice",
        ),
        (
            "k_replace",
            "starts: when run 3 is over, which it stops, for this changes: nice",
        ),
        (
            "k_skip",
            "lost: its run on change, if run 4 is not over then (overlap = \\skip\\): nice",
        ),
    ];
    for (name, note) in expected {
        assert_eq!(
            notes(&job(&plan, name)).last().expect("a note"),
            note,
            "{name}"
        );
    }
    // And so it is.
    std::fs::copy(file, hupd.home.config_file()).expect("copied");
    assert!(hupd.home.hupctl(&["reload"]).status.success());
    hupd.home.wait_running("a_free", 1);
    hupd.home.wait_running("b_pair", 1);
    let log = hupd.log();
    for (name, what) in [
        (
            "c_pair",
            "run waits: run 6 of job 'b_pair' is not over (group = \"pair\")",
        ),
        (
            "d_busy",
            "run waits: run 1 of job 'k_busy' is not over (group = \"busy\")",
        ),
        ("e_place", "run waits: max_running = 6 is reached"),
        (
            "k_busy",
            "run skipped: run 1 is not over (overlap = \"skip\")",
        ),
        (
            "k_queue",
            "run waits: run 2 is not over (overlap = \"queue\")",
        ),
        (
            "k_replace",
            "run waits: run 3 is not over (overlap = \"replace\")",
        ),
        (
            "k_skip",
            "run skipped: run 4 is not over (overlap = \"skip\")",
        ),
    ] {
        let line = |line: &&str| line.contains(&format!("job={name} ")) && line.contains(what);
        assert!(log.lines().any(|text| line(&text)), "{name}: {log}");
    }
}

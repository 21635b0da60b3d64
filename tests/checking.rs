//! `hupd --check` and `hupctl check`: the same words, no daemon needed, nothing touched.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs;
use std::process::{Command, Output};

use common::{Home, Hupd, text};
use serde_json::Value;

const GOOD: &str = r#"
[jobs.a]
command = "true"
[jobs.b]
command = "true"
schedule = "@daily"
timezone = "UTC"
"#;
const BAD: &str = "[jobs.a]\ncomand = \"true\"\n[jobs.b]\ncommand = \"true\"\nevery = \"soon\"\n";

fn output(command: &mut Command) -> Output {
    command.output().expect("it runs")
}

fn by_hupd(home: &Home) -> Output {
    output(home.hupd().arg("--check"))
}

fn by_hupctl(home: &Home, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hupctl"));
    output(command.args(more).arg("check").arg(home.config_file()))
}

#[test]
fn a_good_file_is_told_in_one_line_and_nothing_is_touched() {
    let home = Home::new();
    home.configure(GOOD);
    let line = format!(
        "{}: configuration OK: 2 jobs\n",
        home.config_file().display()
    );
    for output in [by_hupd(&home), by_hupctl(&home, &[])] {
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(
            (text(&output.stdout), text(&output.stderr)),
            (line.clone(), String::new())
        );
    }
    let left = fs::read_dir(home.path()).expect("a folder").count();
    assert_eq!(left, 1, "only the file is there");
}

#[test]
fn a_bad_file_is_told_with_all_its_problems_in_the_same_words() {
    let home = Home::new();
    home.configure(BAD);
    let (hupd, hupctl) = (by_hupd(&home), by_hupctl(&home, &[]));
    for output in [&hupd, &hupctl] {
        assert_eq!(output.status.code(), Some(78));
        assert_eq!(text(&output.stdout), "");
    }
    let told = text(&hupd.stderr);
    assert_eq!(told, text(&hupctl.stderr));
    let file = home.config_file().display().to_string();
    for words in [
        "unknown key 'comand' in [jobs.a]",
        "did you mean 'command'?",
        &format!("{file}:5:1\n"),
        "every: 'soon' is no duration",
        &format!("{file}:8:9\n"),
    ] {
        assert!(told.contains(words), "no '{words}' in {told}");
    }
    assert!(told.ends_with(&format!("\n{file}: 3 errors\n")), "{told}");
}

/// Right, and worth three warnings. Clocks go forward in the north or in the south within every year.
const WARNED: &str = r#"
[daemon]
timezone = "UTC"
max_running = 1
[jobs.gaps]
command = "true"
schedule = "30 2 * * *"
timezone = "Europe/Berlin"
[jobs.south]
command = "true"
schedule = "30 2 * * *"
timezone = "Australia/Sydney"
[jobs.days]
command = "true"
schedule = "0 12 13 * FRI"
[jobs.noon]
command = "true"
schedule = ["0 12 * * *", "0 0 * * *"]
[jobs.midnight]
command = "true"
schedule = ["0 12 * * *", "0 0 * * *"]
"#;
const WARNINGS: [&str; 3] = [
    "does not exist in ",
    "'0 12 13 * FRI': due when either day of month '13' or day of week 'FRI' matches",
    "2 jobs are due at ",
];

fn assert_warned(told: &str) {
    for words in WARNINGS {
        assert!(told.contains(words), "no '{words}' in {told}");
    }
}

#[test]
fn what_is_right_and_perhaps_not_meant_is_told_and_taken() {
    let home = Home::new();
    home.configure(WARNED);
    let (hupd, hupctl) = (by_hupd(&home), by_hupctl(&home, &[]));
    assert_eq!(text(&hupd.stderr), text(&hupctl.stderr));
    for output in [&hupd, &hupctl] {
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).ends_with(": configuration OK: 5 jobs\n"));
        assert_warned(&text(&output.stderr));
    }
    let json: Value = serde_json::from_slice(&by_hupctl(&home, &["--json"]).stdout).expect("JSON");
    assert_eq!(json["ok"], true);
    let problems = json["problems"].as_array().expect("an array");
    assert!(problems.iter().all(|one| one["severity"] == "warning"));
}

#[test]
fn a_start_and_a_reload_tell_what_a_check_warns_of() {
    let hupd = Hupd::start(WARNED);
    assert_warned(&hupd.log());
    hupd.reload();
    let verdict = &hupd.status()["last_reload"];
    assert_eq!(verdict["accepted"], true);
    assert_warned(verdict["problems"].as_str().expect("a text"));
}

#[test]
fn a_relative_path_is_told_like_an_absolute_one() {
    let home = Home::new();
    home.configure(BAD);
    let mut hupctl = Command::new(env!("CARGO_BIN_EXE_hupctl"));
    let mut hupd = Command::new(env!("CARGO_BIN_EXE_hupd"));
    hupctl.args(["check", "hupd.toml"]);
    hupd.args(["--check", "-c", "hupd.toml"]);
    for mut command in [hupd, hupctl] {
        let relative = output(command.current_dir(home.path()));
        assert_eq!(relative.status.code(), Some(78));
        assert_eq!(text(&relative.stderr), text(&by_hupd(&home).stderr));
    }
}

#[test]
fn programs_get_json() {
    let home = Home::new();
    home.configure(GOOD);
    let output = by_hupctl(&home, &["--json"]);
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        json,
        serde_json::json!({ "ok": true, "jobs": 2, "problems": [], "ignored": [] })
    );

    home.configure(BAD);
    let output = by_hupctl(&home, &["--json"]);
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(78));
    assert_eq!((&json["ok"], &json["jobs"]), (&false.into(), &Value::Null));
    let problems = json["problems"].as_array().expect("problems");
    let place = |problem: &Value| (problem["line"].as_u64(), problem["column"].as_u64());
    let places: Vec<_> = problems.iter().map(place).collect();
    assert_eq!(
        places,
        [(Some(4), Some(7)), (Some(5), Some(1)), (Some(8), Some(9))]
    );
    let file = home.config_file().display().to_string();
    for problem in problems {
        assert_eq!(problem["path"], file);
        assert_eq!(problem["severity"], "error");
        let rendered = problem["rendered"].as_str().expect("text");
        let message = problem["message"].as_str().expect("text");
        assert!(rendered.contains(message) && text(&output.stderr).contains(rendered));
    }
}

#[test]
fn a_check_beside_a_running_hupd_changes_nothing_in_it() {
    let hupd = Hupd::start(GOOD);
    hupd.home.configure(BAD);
    assert_eq!(by_hupd(&hupd.home).status.code(), Some(78));
    assert_eq!(by_hupctl(&hupd.home, &[]).status.code(), Some(78));
    let status = hupd.status();
    assert_eq!(
        (&status["generation"], &status["last_reload"]),
        (&1.into(), &Value::Null)
    );
}

#[test]
fn without_zone_data_utc_works_and_another_zone_is_a_clear_error() {
    let home = Home::new();
    let nothing = home.file("zones");
    fs::create_dir(&nothing).expect("a folder");
    let check = |zone: &str| {
        home.configure(&format!(
            "[daemon]\ntimezone = \"{zone}\"\n[jobs.a]\ncommand = \"true\"\nschedule = \"30 2 * * *\"\n"
        ));
        let mut hupd = home.hupd();
        output(hupd.arg("--check").env("TZDIR", &nothing))
    };
    let utc = check("UTC");
    assert_eq!(utc.status.code(), Some(0), "{utc:?}");

    let berlin = check("Europe/Berlin");
    let told = text(&berlin.stderr);
    assert_eq!(berlin.status.code(), Some(78));
    let place = format!("{}:4:12\n", home.config_file().display());
    assert!(
        told.contains("timezone: zone 'Europe/Berlin': no zone data in "),
        "{told}"
    );
    assert!(
        told.contains("Europe/Berlin") && told.contains(&place),
        "{told}"
    );
    assert!(told.contains("tzdata") || told.contains("TZDIR"), "{told}");
}

#[test]
fn without_zone_data_hupd_serves_in_utc() {
    let home = Home::new();
    home.configure("[daemon]\ntimezone = \"UTC\"\n[jobs.a]\ncommand = \"true\"\nevery = \"1s\"\n");
    let nothing = home.file("zones");
    fs::create_dir(&nothing).expect("a folder");
    let mut command = home.hupd();
    command.env("TZDIR", &nothing);
    let mut hupd = Hupd::launch_by(home, command);
    hupd.wait_notified("READY=1");
    assert_eq!(hupd.home.ended_run("a")["outcome"], "exited 0");
    assert!(hupd.stop().success());
}

/// What the kernel takes as one text is what a check allows, and no byte more.
#[test]
fn the_longest_argument_and_variable_are_given_and_longer_ones_refused() {
    let jobs = |shell: usize, argument: usize, variable: usize| {
        let x = |length| "x".repeat(length);
        format!(
            "[jobs.shell]\ncommand = \"# {}\"\n[jobs.array]\ncommand = [\"true\", \"{}\"]\n\
             [jobs.env]\ncommand = [\"true\"]\nenv = {{ LONG = \"{}\" }}\n",
            x(shell - 2),
            x(argument),
            x(variable)
        )
    };
    let (argument, variable) = (131_071, 131_066);
    let hupd = Hupd::start(&jobs(argument, argument, variable));
    for job in ["shell", "array", "env"] {
        assert_eq!(hupd.home.run_to_end(job)["outcome"], "exited 0", "{job}");
    }
    let home = &hupd.home;
    home.configure(&jobs(argument + 1, argument + 1, variable + 1));
    let output = by_hupd(home);
    assert_eq!(output.status.code(), Some(78));
    let told = text(&output.stderr);
    for words in [
        "error: command: has 131072 bytes; the kernel takes at most 131071 as one argument\n",
        "error: env: LONG: its value has 131067 bytes; a variable of this name takes at most 131066\n",
        "3 errors\n",
    ] {
        assert!(told.contains(words), "{told}");
    }
}

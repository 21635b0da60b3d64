//! Commands that cannot be started: told apart from each other, and from what a job does itself.
#![expect(
    clippy::disallowed_methods,
    reason = "a test starts programs and waits for what they do"
)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{Home, Hupd, Told, text, wait_until};
use serde_json::Value;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn home_with(name: &str, content: &str, mode: u32) -> Home {
    let home = Home::new();
    home.write(name, content);
    let permissions = fs::Permissions::from_mode(mode);
    fs::set_permissions(home.file(name), permissions).expect("a mode");
    home
}

/// Why the job named `job` does not start: in the answer, in the history, and in the log.
fn reason_of(home: Home) -> String {
    let hupd = Hupd::start_in(home);
    let told = hupd.home.hupctl(&["run", "--wait", "job"]);
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let run = hupd.home.ended_run("job");
    let outcome = run["outcome"].as_str().expect("an outcome");
    let sentence = format!("run {} of job 'job' {outcome}\n", run["run"]);
    assert!(text(&told.stderr).ends_with(&sentence), "{told:?}");
    for unknown in [
        "pid",
        "exit_code",
        "signal",
        "started_at",
        "peak_memory_bytes",
    ] {
        assert_eq!(run[unknown], Value::Null, "{unknown} in {run}");
    }
    let row = &hupd.home.ledger("job")[0];
    assert_eq!((row.1.as_str(), row.3), ("ran", run["run"].as_i64()));
    hupd.wait_log(&format!("run {outcome}"));
    let reason = outcome.strip_prefix("could not start: ");
    let folder = hupd.home.path().display().to_string();
    reason.expect("it did not start").replace(&folder, "HOME")
}

fn reason_of_job(lines: &str) -> String {
    let home = Home::new();
    home.configure(&format!("[jobs.job]\n{lines}\n"));
    reason_of(home)
}

#[test]
fn a_command_that_is_not_there_is_named() {
    assert_eq!(
        reason_of_job(r#"command = ["/no/such/program", "x"]"#),
        "command '/no/such/program': no such file or directory"
    );
    assert_eq!(
        reason_of_job(r#"command = ["no-such-program"]"#),
        format!("command 'no-such-program' not found in PATH '{PATH}'")
    );
}

#[test]
fn a_shell_that_is_not_there_is_named() {
    assert_eq!(
        reason_of_job("command = \"true\"\nshell = \"/no/such/shell\""),
        "command '/no/such/shell': no such file or directory"
    );
}

#[test]
fn a_command_that_is_not_executable_is_called_that() {
    let home = home_with("program", "#!/bin/sh\n", 0o644);
    home.configure("[jobs.job]\ncommand = [\"./program\"]\nworking_dir = \".\"\n");
    assert_eq!(
        reason_of(home),
        "command 'HOME/./program' is not executable"
    );
    assert_eq!(
        reason_of_job(r#"command = ["/etc"]"#),
        "command '/etc' is a directory"
    );
}

#[test]
fn a_file_that_is_no_program_is_called_that() {
    let home = home_with("program", "\0\u{1}\u{2}", 0o755);
    home.configure("[jobs.job]\ncommand = [\"./program\"]\nworking_dir = \".\"\n");
    assert_eq!(
        reason_of(home),
        "command 'HOME/./program': exec format error (neither a program nor a script with '#!')"
    );
    let home = home_with("program", "#!/no/such/interpreter -x\n", 0o755);
    home.configure("[jobs.job]\ncommand = [\"./program\"]\nworking_dir = \".\"\n");
    assert_eq!(
        reason_of(home),
        "command 'HOME/./program': no interpreter '/no/such/interpreter'"
    );
}

#[test]
fn a_working_directory_that_is_not_there_is_not_taken_for_a_missing_command() {
    assert_eq!(
        reason_of_job("command = [\"true\"]\nworking_dir = \"/no/such/place\""),
        "working directory '/no/such/place': no such file or directory"
    );
    assert_eq!(
        reason_of_job("command = \"true\"\nworking_dir = \"/etc/passwd\""),
        "working directory '/etc/passwd': not a directory"
    );
}

#[test]
fn a_check_warns_of_a_working_directory_that_is_not_there() {
    let home = Home::new();
    home.configure(
        "[jobs.none]\ncommand = \"true\"\nworking_dir = \"/no/such/place\"\n\
         [jobs.file]\ncommand = \"true\"\nworking_dir = \"/etc/passwd\"\n\
         [jobs.there]\ncommand = \"true\"\nworking_dir = \"/etc\"\n",
    );
    let told = Told::from(home.hupd().arg("--check").output().expect("hupd runs"));
    assert_eq!(told.status, Some(0), "{told:?}");
    for problem in [
        "warning: working_dir: '/no/such/place' does not exist",
        "warning: working_dir: '/etc/passwd' is not a folder",
        "until that is mended no run of it can start",
    ] {
        assert!(told.aside.contains(problem), "{problem}: {told:?}");
    }
    assert!(!told.aside.contains("'/etc' "), "{told:?}");
}

#[test]
fn arguments_and_variables_that_are_too_long_together_are_called_that() {
    let home = Home::new();
    let line = |number| format!("V{number}={}\n", "x".repeat(100_000));
    home.write("big.env", &(0..100).map(line).collect::<String>());
    home.configure("[jobs.job]\ncommand = [\"true\"]\nenv_file = \"big.env\"\n");
    let reason = reason_of(home);
    assert!(reason.starts_with("command '/"), "{reason}");
    assert!(
        reason.contains("/true': argument list too long, or too long an environment ("),
        "{reason}"
    );
}

#[test]
fn what_has_gone_since_the_file_was_read_fails_alone_and_works_when_it_is_back() {
    let home = Home::new();
    home.configure(
        r#"
        [jobs.job]
        command = ["./program"]
        working_dir = "."
        [jobs.other]
        command = ["true"]
        "#,
    );
    let hupd = Hupd::start_in(home);
    let gone = hupd.home.run_to_end("job");
    let outcome = gone["outcome"].as_str().expect("an outcome");
    assert!(
        outcome.ends_with("/program': no such file or directory"),
        "{outcome}"
    );
    assert_eq!(hupd.home.run_to_end("other")["outcome"], "exited 0");
    // By another process: what a test has open for writing, parallel tests pass on.
    let made = "printf '#!/bin/sh\\n' >new; chmod 755 new; mv new program";
    let mut shell = std::process::Command::new("/bin/sh");
    let made = shell
        .args(["-c", made])
        .current_dir(hupd.home.path())
        .status();
    assert!(made.expect("a shell").success());
    assert_eq!(hupd.home.run_to_end("job")["outcome"], "exited 0");
}

#[test]
fn a_job_that_cannot_start_is_tried_at_every_due_time_and_hupd_goes_on() {
    let hupd = Hupd::start("[jobs.job]\ncommand = [\"/no/such/program\"]\nevery = \"1s\"\n");
    let runs = wait_until("three attempts", || {
        Some(hupd.home.runs("job")).filter(|runs| runs.len() >= 3)
    });
    let ended = runs.iter().filter(|run| !run["outcome"].is_null());
    for run in ended {
        assert_eq!(
            run["outcome"],
            "could not start: command '/no/such/program': no such file or directory"
        );
    }
    let list = text(&hupd.home.hupctl(&["list"]).stdout);
    assert!(
        list.contains("could not start: command '/no/such/program'"),
        "{list}"
    );
}

#[test]
fn there_is_nothing_to_read_of_a_run_that_did_not_start() {
    let hupd = Hupd::start("[jobs.job]\ncommand = [\"/no/such/program\"]\n");
    let run = hupd.home.run_to_end("job")["run"].to_string();
    let told = hupd.home.hupctl(&["logs", &run]);
    assert_eq!(told.status.code(), Some(0));
    let sentence = format!("run {run} has written nothing, or nothing was kept\n");
    assert_eq!(
        (text(&told.stdout), text(&told.stderr)),
        (String::new(), sentence)
    );
}

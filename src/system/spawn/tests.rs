//! Real processes as a job finds itself, and those that cannot start.

mod crew;
mod hanging;
mod oracle;
mod steps;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::failure::interpreter_of;
use crate::config::Job;
use crate::run::{Exit, RunId};
use crate::system::identity::{DEFAULT_PATH, Identity};
use crate::system::inherited;
use crate::system::testing::{Machine, job, job_in, order, written};

fn output_of(job: Job) -> String {
    let ended = Machine::new().run(job);
    assert_eq!(ended.exit, Exit::Code(0));
    written(&ended.output)
}

fn failure_of(job: Job) -> String {
    Machine::new().failure(job)
}

/// Written by another process: a program that this one has open for writing, or had when a parallel
/// test started something, cannot be executed.
fn make_file(place: &Path, content: &[u8], mode: &str) -> String {
    let (draft, program) = (place.join("draft"), place.join("program"));
    fs::write(&draft, content).unwrap();
    let paths = [&draft, &program].map(|path| path.to_str().unwrap());
    output_of(job(&["install", "-m", mode, paths[0], paths[1]]));
    paths[1].to_owned()
}

#[test]
fn a_command_that_is_not_there_names_itself() {
    assert_eq!(
        failure_of(job(&["/no/such/program"])),
        "command '/no/such/program': no such file or directory"
    );
}

#[test]
fn a_command_that_is_not_in_the_path_names_the_path() {
    assert_eq!(
        failure_of(job(&["no-such-program"])),
        format!("command 'no-such-program' not found in PATH '{DEFAULT_PATH}'")
    );
}

#[test]
fn a_command_is_looked_up_in_the_path_of_its_job() {
    let folder = tempfile::tempdir().unwrap();
    make_file(folder.path(), b"#!/bin/sh\necho found\n", "755");
    let mut job = job(&["program"]);
    job.env
        .insert("PATH".into(), folder.path().to_str().unwrap().into());
    assert_eq!(output_of(job), "found\n");
}

#[test]
fn a_relative_command_starts_at_the_working_directory() {
    let folder = tempfile::tempdir().unwrap();
    make_file(folder.path(), b"#!/bin/sh\npwd\n", "755");
    let here = fs::canonicalize(folder.path()).unwrap();
    let output = output_of(job_in(&here, &["./program"]));
    assert_eq!(PathBuf::from(output.trim_end()), here);
}

#[test]
fn a_file_that_is_not_executable_is_called_that() {
    let folder = tempfile::tempdir().unwrap();
    let program = make_file(folder.path(), b"#!/bin/sh\n", "644");
    let expected = format!("command '{program}' is not executable");
    assert_eq!(failure_of(job(&[&program])), expected);
    let mut by_name = job(&["program"]);
    by_name
        .env
        .insert("PATH".into(), folder.path().to_str().unwrap().into());
    assert_eq!(failure_of(by_name), expected);
}

#[test]
fn a_directory_is_not_a_command() {
    assert_eq!(failure_of(job(&["/etc"])), "command '/etc' is a directory");
}

#[test]
fn a_script_without_its_interpreter_says_which_one() {
    let folder = tempfile::tempdir().unwrap();
    let program = make_file(folder.path(), b"#! /no/such/shell -e\n", "755");
    assert_eq!(
        failure_of(job(&[&program])),
        format!("command '{program}': no interpreter '/no/such/shell'")
    );
}

#[test]
fn no_interpreter_is_looked_for_in_what_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    output_of(job(&["mkfifo", "-m", "755", pipe.to_str().unwrap()]));
    assert_eq!(interpreter_of(&pipe), None, "and nobody waits for a writer");
    let failure = failure_of(job(&[pipe.to_str().unwrap()]));
    assert!(failure.ends_with("permission denied"), "{failure}");
    let script = make_file(folder.path(), b"#! /bin/sh -e\n", "755");
    assert_eq!(interpreter_of(script.as_ref()).as_deref(), Some("/bin/sh"));
}

#[test]
fn a_file_of_no_known_format_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let program = make_file(folder.path(), b"\0\x01\x02", "755");
    assert_eq!(
        failure_of(job(&[&program])),
        format!(
            "command '{program}': exec format error (neither a program nor a script with '#!')"
        )
    );
}

#[test]
fn a_missing_working_directory_is_not_mistaken_for_a_missing_command() {
    assert_eq!(
        failure_of(job_in(Path::new("/no/such/place"), &["/bin/true"])),
        "working directory '/no/such/place': no such file or directory"
    );
    assert_eq!(
        failure_of(job_in(Path::new("/etc/passwd"), &["/bin/true"])),
        "working directory '/etc/passwd': not a directory"
    );
}

#[test]
fn arguments_that_are_too_long_are_the_jobs_own_failure() {
    let failure = failure_of(job(&["/bin/true", &"x".repeat(1 << 20)]));
    let sentence = "command '/bin/true': argument list too long, or too long an environment (with what env, \
                    env_file and env_inherit give)";
    assert_eq!(failure, sentence);
    let mut by_environment = job(&["/bin/true"]);
    for number in 0..100 {
        let name = format!("V{number}");
        let value = "x".repeat(100_000);
        by_environment.env.insert(name, value.as_str().into());
    }
    assert_eq!(failure_of(by_environment), sentence);
}

#[test]
fn a_zero_byte_cannot_be_passed_on() {
    let failure = failure_of(job(&["/bin/true", "a\0b"]));
    assert_eq!(
        failure,
        "its command or environment is impossible: nul byte found in provided data"
    );
}

#[test]
fn a_spawner_works_on_after_failures() {
    let machine = Machine::new();
    (0..10).for_each(|_| drop(machine.failure(job(&["/no/such/program"]))));
    assert_eq!(machine.run(job(&["true"])).exit, Exit::Code(0));
}

#[test]
fn a_program_is_called_by_the_name_in_the_file() {
    assert_eq!(
        output_of(job(&["cat", "/proc/self/cmdline"])),
        "cat\0/proc/self/cmdline\0"
    );
}

#[test]
fn standard_input_is_at_its_end() {
    assert_eq!(output_of(job(&["cat"])), "");
}

#[test]
fn a_job_has_a_process_group_of_its_own() {
    let machine = Machine::new();
    let run = machine.start(job(&["cat", "/proc/self/stat"]));
    let pid = machine.started(run).pid.to_string();
    let line = written(&machine.ended(run).output);
    let group = line.rsplit(") ").next().unwrap().split(' ').nth(2).unwrap();
    assert_eq!(group, pid);
}

/// The signals of a mask in /proc/PID/status.
fn signals_in(status: &str, field: &str) -> BTreeSet<u32> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .unwrap();
    let mask = u64::from_str_radix(line.trim(), 16).unwrap();
    (1..=64)
        .filter(|signal| mask >> (signal - 1) & 1 == 1)
        .collect()
}

#[test]
fn a_job_starts_with_no_signal_blocked_or_ignored() {
    inherited::default_dispositions();
    let status = output_of(job(&["cat", "/proc/self/status"]));
    assert_eq!(signals_in(&status, "SigBlk:"), BTreeSet::new());
    assert_eq!(signals_in(&status, "SigIgn:"), BTreeSet::new());
}

#[test]
fn a_program_that_may_not_be_executed_does_not_hide_one_further_on() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    make_file(first.path(), b"#!/bin/sh\necho first\n", "644");
    make_file(second.path(), b"#!/bin/sh\necho second\n", "755");
    let mut job = job(&["program"]);
    let path = format!("{}:{}", first.path().display(), second.path().display());
    job.env.insert("PATH".into(), path.as_str().into());
    assert_eq!(output_of(job), "second\n");
}

#[test]
fn files_that_a_job_makes_are_for_all_to_read() {
    assert_eq!(output_of(job(&["sh", "-c", "umask"])), "0022\n");
}

/// Descriptors that this process itself passes on to every program: not ours to close.
fn passed_on() -> BTreeSet<String> {
    let names = fs::read_dir("/proc/self/fdinfo").unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|fd| !is_closed_on_exec(fd)).collect()
}

fn is_closed_on_exec(fd: &str) -> bool {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.map_or(0o2000000, |flags| {
        u32::from_str_radix(flags.trim(), 8).unwrap()
    });
    flags & 0o2000000 != 0
}

#[test]
fn a_job_has_only_its_three_streams_open() {
    let mut expected = passed_on();
    expected.extend(["0", "1", "2"].map(str::to_owned));
    let seen = output_of(job(&["ls", "/proc/self/fd"]));
    let seen: BTreeSet<String> = seen.lines().map(str::to_owned).collect();
    let extra: Vec<_> = seen.difference(&expected).collect();
    assert_eq!(
        extra.len(),
        1,
        "one for the folder that is listed: {extra:?}"
    );
}

#[test]
fn the_environment_is_built_from_nothing() {
    let identity = Identity::of_process();
    let mut job = job(&["env"]);
    job.env.insert("LANG".into(), "de_DE.UTF-8".into());
    job.env.insert("HUPD_JOB".into(), "forged".into());
    job.env.insert("PGHOST".into(), "db".into());
    let output = output_of(job);
    let mut lines: Vec<&str> = output.lines().collect();
    lines.sort_unstable();
    let expected = [
        format!("HOME={}", identity.home.display()),
        "HUPD_ATTEMPT=1".into(),
        "HUPD_GENERATION=3".into(),
        "HUPD_JOB=test".into(),
        "HUPD_RUN_ID=1".into(),
        "HUPD_SCHEDULED_FOR=1970-01-01T00:00:00Z".into(),
        "HUPD_STATE_DIR=/var/lib/hupd".into(),
        "HUPD_TRIGGER=schedule".into(),
        "LANG=de_DE.UTF-8".into(),
        format!("LOGNAME={}", identity.name),
        format!("PATH={DEFAULT_PATH}"),
        "PGHOST=db".into(),
        "SHELL=/bin/sh".into(),
        format!("USER={}", identity.name),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_job_without_a_calendar_gets_the_zone_of_the_system() {
    let identity = Identity::of_process();
    let order = order(RunId(1), job(&["env"]));
    assert!(
        identity
            .environment(&order, &[], &[])
            .iter()
            .all(|(key, _)| *key != "TZ")
    );
}

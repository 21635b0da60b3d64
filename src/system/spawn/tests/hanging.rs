//! A start that does not return: a program under a lease does not open until the lease is given back.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Pid;

use super::super::cannot_be_killed;
use super::super::crew::hangs;
use super::make_file;
use crate::run::{Exit, JobName, RunId};
use crate::system::testing::{Machine, job, order, until};

/// Holds a lease on a file, says whether it has it, and gives it back when told to.
const HOLDER: &str = r#"
    $SIG{IO} = "IGNORE";
    my ($file, $said, $end) = @ARGV;
    open(my $held, "<", $file) or die;
    my $word = fcntl($held, 1024, 1) ? "held" : "refused";
    open(my $out, ">", "$said.draft") or die;
    print $out $word;
    close $out;
    rename "$said.draft", $said;
    select(undef, undef, undef, 0.01) until -e $end or $word eq "refused";
"#;

/// Whether the program is held until there is a file of that name.
fn hold(machine: &Machine, program: &str, end: &Path) -> bool {
    let said = end.with_file_name("said");
    let [word, end] = [&said, end].map(|path| path.to_str().unwrap());
    machine.start(job(&["perl", "-e", HOLDER, program, word, end]));
    until(|| said.exists());
    fs::read_to_string(said).unwrap() == "held"
}

#[test]
fn starts_that_hang_hold_up_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let program = make_file(folder.path(), b"#!/bin/sh\nexit 7\n", "755");
    let end = folder.path().join("end");
    let machine = Machine::new();
    if !Path::new("/usr/bin/perl").exists() || !hold(&machine, &program, &end) {
        eprintln!("SKIPPED: a program that hangs takes perl and a file system with leases");
        return;
    }
    let mut hanging = vec![machine.start(job(&[&program]))];
    for _ in 0..4 {
        assert_eq!(
            machine.run(job(&["true"])).exit,
            Exit::Code(0),
            "by the other"
        );
    }
    for _ in 0..2 {
        hanging.push(machine.start(job(&[&program])));
        assert_eq!(
            machine.run(job(&["true"])).exit,
            Exit::Code(0),
            "by one more"
        );
    }
    fs::write(&end, "").unwrap();
    for run in hanging {
        assert_eq!(machine.ended(run).exit, Exit::Code(7), "late, but well");
    }
    assert_eq!(machine.run(job(&["true"])).exit, Exit::Code(0));
}

#[test]
fn a_start_that_hangs_is_named() {
    let said = hangs(
        &order(RunId(7), job(&["true"])),
        Duration::from_millis(1020),
    );
    assert_eq!(
        said,
        "run 7 of job 'test' is being started for 1 s: its program, a file or a folder does not answer; \
         other runs are started meanwhile, and 'hupctl kill 7' gives it up"
    );
}

#[test]
fn a_process_that_came_too_late_and_cannot_be_killed_is_named() {
    let pid = Pid::from_raw(4711).unwrap();
    let said = cannot_be_killed((RunId(7), &JobName::new("test")), pid, &Errno::PERM.into());
    assert_eq!(
        said,
        "run 7 of job 'test' was given up, and its process 4711, which came all the same, cannot be killed: \
         operation not permitted; no run of the job starts until it has ended"
    );
}

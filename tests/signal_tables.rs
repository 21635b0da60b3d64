//! The tables of signals and exit statuses in the documents are those of the code, and what hupd does.
#![allow(clippy::disallowed_methods, reason = "a test stands outside hupd")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use common::{Home, Hupd, wait_until};
use hupd::daemon::End;
use hupd::system::signals;
use rustix::process::Signal;

const TABLES: &str = include_str!("../docs/signals.md");
const HUPD_8: &str = include_str!("../docs/hupd.8");
const HUPCTL_1: &str = include_str!("../docs/hupctl.1");
const UNIT: &str = include_str!("../systemd/hupd.service");

/// The rows of the first table below a heading, without its head.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, below) = TABLES
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("there is no '{heading}'"));
    let rows = below.lines().skip_while(|line| !line.starts_with("| "));
    let rows = rows.take_while(|line| line.starts_with("| ")).skip(2);
    rows.map(cells).collect()
}

fn cells(row: &'static str) -> Vec<&'static str> {
    row.trim_matches('|').split(" | ").map(str::trim).collect()
}

fn signals() -> Vec<Vec<&'static str>> {
    table("Every signal in every phase")
}

/// A table of mdoc: the rows of the list that has this column.
fn columns_of(page: &'static str, list: &str) -> Vec<Vec<&'static str>> {
    let (_, below) = page.split_once(list).expect("the list is there");
    let rows = below.lines().skip(1).take_while(|line| *line != ".El");
    let rows = rows.filter_map(|line| line.strip_prefix(".It "));
    rows.map(|row| row.split(" Ta ").collect()).collect()
}

#[test]
fn every_signal_with_a_handler_has_its_row_and_no_other_but_pipe() {
    let rows = signals();
    let named: Vec<&str> = rows.iter().flat_map(|row| row[0].split(", ")).collect();
    let handled = signals::handled();
    let handled = handled.iter().map(String::as_str);
    let handled: BTreeSet<_> = handled.chain(["real-time", "PIPE"]).collect();
    assert_eq!(named.len(), handled.len(), "{named:?}");
    assert_eq!(BTreeSet::from_iter(named), handled);
    assert!(rows.iter().all(|row| row.len() == 7));
}

#[test]
fn every_word_of_the_table_is_explained_and_no_other() {
    let used = signals()
        .into_iter()
        .flat_map(|row| row.into_iter().skip(1));
    let (_, below) = TABLES
        .split_once("| word | what it means |\n")
        .expect("the words");
    let rows = below
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with("| "));
    let explained: BTreeSet<_> = rows.map(|row| cells(row)[0]).collect();
    assert_eq!(used.collect::<BTreeSet<_>>(), explained);
}

#[test]
fn the_manual_page_says_the_same_of_every_signal() {
    let ours = signals();
    let page = columns_of(HUPD_8, ".Bl -column \"Signal\"");
    for row in page
        .iter()
        .filter(|row| row[0] != "other" && row.len() == 7 && !row[0].is_empty())
    {
        assert!(ours.contains(row), "{row:?}");
    }
    let alone = ours
        .iter()
        .filter(|row| !row[0].contains(", ") && row[0] != "PIPE");
    for row in alone {
        assert!(page.contains(row), "hupd(8) lacks {row:?}");
    }
    let others = ours
        .iter()
        .find(|row| row[0].contains(", "))
        .expect("those without a meaning");
    let told = page
        .iter()
        .find(|row| row[0] == "other")
        .expect("a row for them");
    assert_eq!(told[1..], others[1..]);
    for name in others[0].split(", ") {
        assert!(HUPD_8.contains(name), "hupd(8) does not name {name}");
    }
}

fn statuses(heading: &str) -> Vec<u8> {
    let rows = table(heading).into_iter();
    rows.map(|row| row[0].parse().expect("a number")).collect()
}

#[test]
fn the_exit_statuses_of_hupd_are_those_of_the_code() {
    // The one of wrong usage is the parser's of the command line.
    let usage = Command::new(env!("CARGO_BIN_EXE_hupd"))
        .arg("--wrong")
        .output();
    let usage = usage
        .expect("hupd runs")
        .status
        .code()
        .and_then(|code| u8::try_from(code).ok());
    let mut code: Vec<u8> = End::ALL.map(End::status).into_iter().chain(usage).collect();
    code.sort_unstable();
    assert_eq!(statuses("Exit statuses of hupd"), code);
    let page = columns_of(HUPD_8, ".Sh EXIT STATUS\n");
    let page: Vec<u8> = page
        .iter()
        .map(|row| row[0].parse().expect("a number"))
        .collect();
    assert_eq!(page, code);
    let kept_down = UNIT
        .lines()
        .find_map(|line| line.strip_prefix("RestartPreventExitStatus="));
    let invalid = End::InvalidConfiguration.status().to_string();
    assert!(kept_down.is_some_and(|all| all.split(' ').any(|status| status == invalid)));
}

/// `hupctl --help` is held to the code by a test of its own.
#[test]
fn the_exit_statuses_of_hupctl_are_those_of_its_help() {
    let help = Command::new(env!("CARGO_BIN_EXE_hupctl"))
        .arg("--help")
        .output();
    let help = String::from_utf8(help.expect("hupctl runs").stdout).expect("it is text");
    let (_, told) = help.split_once("Exit status: ").expect("they are told");
    let told = told
        .split(';')
        .filter_map(|part| part.trim().split(' ').next()?.parse().ok());
    let told: Vec<u8> = told.collect();
    assert_eq!(statuses("Exit statuses of hupctl"), told);
    let (_, page) = HUPCTL_1
        .split_once(".Sh EXIT STATUS\n")
        .expect("they are there");
    let (page, _) = page.split_once(".Sh ").expect("something follows");
    let page = page
        .lines()
        .filter_map(|line| line.strip_prefix(".It ")?.parse().ok());
    assert_eq!(page.collect::<Vec<u8>>(), told);
}

/// A run that nothing ends but KILL, and so many jobs besides.
fn home_with(jobs: usize) -> Home {
    let many = |n| format!("[jobs.many-{n}]\ncommand = \"true\"\nschedule = \"0 3 * * *\"\n");
    let home = Home::new();
    home.configure(&format!(
        "[daemon]\ngrace = \"1h\"\n[defaults]\nkill_after = \"1h\"\n\
         [jobs.stays]\nworking_dir = \".\"\n\
         command = \"trap '' TERM INT QUIT; : > deaf; while :; do sleep 1; done\"\n{}",
        (0..jobs).map(many).collect::<String>()
    ));
    home
}

/// A hupd in that phase.
fn hupd_in(phase: &str) -> Hupd {
    // Reading them takes its time.
    let home = home_with(match phase {
        "starting" => 2_000,
        "reloading" => 1_000,
        _ => 0,
    });
    if phase == "starting" {
        let hupd = Hupd::launch(home);
        wait_until("the handlers are in place", || {
            let status = fs::read_to_string(hupd.proc("status")).ok()?;
            let caught = status
                .lines()
                .find_map(|line| line.strip_prefix("SigCgt:"))?;
            (u64::from_str_radix(caught.trim(), 16).ok()? & 1 == 1).then_some(())
        });
        return hupd;
    }
    let hupd = Hupd::start_in(home);
    assert!(hupd.home.hupctl(&["run", "stays"]).status.success());
    wait_until("the run is deaf", || {
        hupd.home.file("deaf").exists().then_some(())
    });
    match phase {
        "serving" => {}
        "reloading" => {
            hupd.signal(Signal::HUP);
            hupd.wait_notified("RELOADING=1");
        }
        "draining" => {
            hupd.signal(Signal::TERM);
            hupd.wait_log(": waiting up to ");
        }
        "stopping" => {
            hupd.signal(Signal::QUIT);
            hupd.wait_log(": stop signals sent to 1 running");
        }
        _ => unreachable!("'{phase}' does not last"),
    }
    hupd
}

/// Whether hupd does what the table says, and says so.
fn does(mut hupd: Hupd, (name, signal): (&str, Signal), word: &str) {
    let count = |text: &str| hupd.log().matches(text).count();
    let says_times = |text: &str, times: usize| {
        let all = count(text) + times;
        hupd.signal(signal);
        wait_until(word, || (count(text) >= all).then_some(()));
    };
    let says = |text: &str| says_times(text, 1);
    let later = match name {
        "HUP" => "reload accepted, HUP from ",
        "USR1" => "log reopened on USR1 from ",
        _ => " means nothing to hupd; ignored",
    };
    match word {
        "later" | "reload" | "reopen" | "told" => says(later),
        // The one that is under way has its verdict, too.
        "again" => says_times(later, 2),
        "ignored" => says(" ignored: hupd is stopping"),
        "drain" => says(": waiting up to "),
        "stop" => says(": stop signals sent to 1 running"),
        "kill" => says(": killing 1 running"),
        "give up" => {
            hupd.signal(signal);
            assert_eq!(hupd.wait().code(), Some(1), "{name}");
            return;
        }
        "nothing" => {
            let log = hupd.log();
            hupd.signal(signal);
            assert!(hupd.home.hupctl(&["status"]).status.success());
            let more = hupd.log();
            assert!(!more[log.len()..].contains(name), "{more}");
        }
        _ => panic!("nobody knows what '{word}' is"),
    }
    if word == "kill" {
        assert!(hupd.wait().success());
    }
}

/// Of each row one signal, in each phase that lasts; as process 1 CHLD is tried by `tests/pid_1.rs`, and after KILL no run
/// lasts: the engine's own tests have that column.
fn try_phase(phase: &str, column: usize) {
    for row in signals() {
        let (name, signal) = match row[0].split(", ").next() {
            Some("HUP") => ("HUP", Signal::HUP),
            Some("TERM") => ("TERM", Signal::TERM),
            Some("INT") => ("INT", Signal::INT),
            Some("QUIT") => ("QUIT", Signal::QUIT),
            Some("USR1") => ("USR1", Signal::USR1),
            Some("USR2") => ("USR2", Signal::USR2),
            Some("PIPE") => ("PIPE", Signal::PIPE),
            _ => continue,
        };
        if phase == "starting" && name == "PIPE" {
            continue;
        }
        does(hupd_in(phase), (name, signal), row[column]);
    }
}

#[test]
fn every_signal_does_what_the_table_says_while_hupd_starts() {
    try_phase("starting", 1);
}

#[test]
fn every_signal_does_what_the_table_says_while_hupd_serves() {
    try_phase("serving", 2);
}

#[test]
fn every_signal_does_what_the_table_says_while_hupd_reloads() {
    try_phase("reloading", 3);
}

#[test]
fn every_signal_does_what_the_table_says_while_hupd_drains() {
    try_phase("draining", 4);
}

#[test]
fn every_signal_does_what_the_table_says_while_hupd_stops() {
    try_phase("stopping", 5);
}

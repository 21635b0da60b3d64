//! The tables of signals and exit statuses in the documents are those of the code.
#![allow(clippy::disallowed_methods, reason = "a test stands outside hupd")]

use std::collections::BTreeSet;
use std::process::Command;

use hupd::daemon::End;
use hupd::system::signals;

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

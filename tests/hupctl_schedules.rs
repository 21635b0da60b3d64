//! What hupctl knows of expressions, without hupd and without a file.

#![allow(clippy::disallowed_methods, reason = "a test stands outside hupd")]

mod common;

use std::process::Command;

use common::Told;

fn hupctl(arguments: &[&str]) -> Told {
    let mut hupctl = Command::new(env!("CARGO_BIN_EXE_hupctl"));
    let output = hupctl.args(arguments).env("TZ", "UTC").output();
    Told::from(output.expect("hupctl runs"))
}

fn next(more: &[&str]) -> Told {
    hupctl(&[&["next", "--from", "2026-03-28T00:00:00Z"], more].concat())
}

#[test]
fn programs_get_one_array_of_times_with_their_offsets() {
    let zone = ["--timezone", "Europe/Berlin", "-n", "3", "--json"];
    let told = next(&[&["--schedule", "30 2 * * *"], &zone[..]].concat());
    assert_eq!(
        told.out,
        "[\"2026-03-28T02:30:00+01:00\",\"2026-03-29T03:00:00+02:00\",\"2026-03-30T02:30:00+02:00\"]\n"
    );
    assert_eq!((told.status, &*told.aside), (Some(0), ""));
}

#[test]
fn people_see_what_a_clock_change_has_moved() {
    let told = next(&[
        "--schedule",
        "30 2 * * *",
        "--timezone",
        "Europe/Berlin",
        "-n",
        "2",
    ]);
    assert_eq!(
        told.out,
        "2026-03-28T02:30:00+01:00\n\
         2026-03-29T03:00:00+02:00  moved from 2026-03-29T02:30:00 by a clock change\n"
    );
}

#[test]
fn times_are_strictly_after_the_one_given() {
    let after = |from: &str| {
        let told = hupctl(&["next", "--schedule", "@daily", "--from", from, "-n", "1"]);
        told.out
    };
    assert_eq!(after("2026-03-28T00:00:00Z"), "2026-03-29T00:00:00+00:00\n");
    assert_eq!(
        after("2026-03-27T23:59:59.999Z"),
        "2026-03-28T00:00:00+00:00\n"
    );
    assert_eq!(after("2026-03-28T00:30"), "2026-03-29T00:00:00+00:00\n");
}

#[test]
fn an_expression_may_name_its_zone() {
    let told = next(&["--schedule", "Mon 09:00 Asia/Tokyo", "-n", "1", "--json"]);
    assert_eq!(told.out, "[\"2026-03-30T09:00:00+09:00\"]\n");
}

#[test]
fn what_is_wrong_or_never_comes_is_told_with_78() {
    for (expression, message) in [
        (
            "61 * * * *",
            "error: minute 61 is above 59 (allowed: 0-59)\n  61 * * * *\n  ^^\n",
        ),
        (
            "0 0 30 2 *",
            "error: never fires: February has no 30th\n  0 0 30 2 *\n      ^^^^\n",
        ),
        (
            "Mon 12:00 Nowhere",
            "error: unknown zone 'Nowhere' (allowed: names of the tz database such as 'Europe/Berlin', and 'UTC')\n  \
             Mon 12:00 Nowhere\n            ^^^^^^^\n",
        ),
        (
            "2020-*-*",
            "hupctl: '2020-*-*' names no instant after 2026-03-28T00:00:00+00:00\n",
        ),
    ] {
        for json in [&[][..], &["--json"]] {
            let told = next(&[&["--schedule", expression], json].concat());
            assert_eq!((told.status, &*told.out), (Some(78), ""), "{expression}");
            assert_eq!(told.aside, message, "{expression}");
        }
    }
}

#[test]
fn wrong_usage_is_told_with_2() {
    for arguments in [
        &["--schedule", "@daily", "--timezone", "Nowhere"][..],
        &["--schedule", "@daily", "-n", "0"],
        &["backup", "--schedule", "@daily"],
        &["--timezone", "UTC"],
    ] {
        assert_eq!(next(arguments).status, Some(2), "{arguments:?}");
    }
    let told = hupctl(&["next", "--schedule", "@daily", "--from", "yesterday"]);
    assert_eq!(told.status, Some(2));
    assert!(
        told.aside.contains("--from: 'yesterday' is no time; write"),
        "{}",
        told.aside
    );
}

fn explain(more: &[&str]) -> Told {
    let first = [
        "explain",
        "--from",
        "2026-03-28T00:00:00Z",
        "--timezone",
        "Europe/Berlin",
    ];
    hupctl(&[&first, more].concat())
}

#[test]
fn an_expression_is_explained() {
    let told = explain(&["30 2 * * *", "-n", "2"]);
    let lines: Vec<_> = told.out.lines().collect();
    assert_eq!(lines[0], "at 02:30 every day (time zone Europe/Berlin)");
    assert!(
        lines[2].starts_with("2026-03-28T02:30:00+01:00  "),
        "{lines:?}"
    );
    assert!(
        lines[3].starts_with("2026-03-29T03:00:00+02:00  "),
        "{lines:?}"
    );
    assert_eq!(
        lines[5..],
        [
            "On 2026-03-29 clocks go from 02:00 to 03:00: 02:30 is left out, and runs at 03:00",
            "On 2026-10-25 clocks go from 03:00 to 02:00: 02:30 comes twice, and runs the first time"
        ]
    );
    assert_eq!(told.status, Some(0));
}

#[test]
fn an_explanation_for_programs_has_the_same_in_it() {
    let told = explain(&["*/15 * * * *", "-n", "1", "--json"]);
    let explained: serde_json::Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(explained["meaning"], "every 15 minutes");
    assert_eq!(explained["next"][0], "2026-03-28T01:15:00+01:00");
    let change = &explained["clock_changes"][1];
    assert_eq!(change["effect"], "02:00 comes twice, and runs both times");
    assert_eq!(change["at"], "2026-10-25T02:00:00+01:00");
}

#[test]
fn what_has_no_instant_left_is_explained_all_the_same() {
    let told = explain(&["2020-*-* 12:00"]);
    assert!(told.out.contains("at 12:00, in 2020"), "{}", told.out);
    assert!(told.out.contains("No instant follows."), "{}", told.out);
    assert_eq!(explain(&["Fri..Mon"]).status, Some(78));
}

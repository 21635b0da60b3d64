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

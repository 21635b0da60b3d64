//! The real hupctl on what is due: of a hupd that runs, and of a file.

#![allow(clippy::disallowed_methods, reason = "a test stands outside hupd")]

mod common;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use common::{Home, Hupd, Told};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

const JOBS: &str = r#"
    [daemon]
    timezone = "Europe/Berlin"
    [jobs.backup]
    command = ["true"]
    schedule = "30 2 * * *"
    [jobs.daily]
    command = ["true"]
    schedule = "0 12 * * *"
    timezone = "UTC"
    [jobs.off]
    command = ["true"]
    schedule = "* * * * *"
    enabled = false
    [jobs.poll]
    command = ["true"]
    every = "40m"
    [jobs.request]
    command = ["true"]
"#;

/// The night in which Berlin has no 02:30, from midnight to midnight.
const NIGHT: [&str; 4] = [
    "--from",
    "2027-03-28T00:00:00+01:00",
    "--to",
    "2027-03-29T00:00:00+02:00",
];

fn json(home: &Home, arguments: &[&str]) -> Value {
    let told = Told::by_hupctl(home, &[&["--json"], arguments].concat());
    serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {told:?}"))
}

/// What the socket answers to a GET.
fn answer(home: &Home, uri: &str) -> String {
    let mut stream = UnixStream::connect(home.socket()).expect("a socket");
    write!(stream, "GET {uri} HTTP/1.1\r\nConnection: close\r\n\r\n").expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// Job and instant of each row.
fn rows(answer: &Value) -> Vec<(String, Timestamp)> {
    let rows = answer["next"].as_array().expect("rows");
    let text = |row: &Value, key: &str| row[key].as_str().expect("a text").to_owned();
    let row = |row| (text(row, "job"), text(row, "at").parse().expect("a time"));
    rows.iter().map(row).collect()
}

/// Both sources, on the same file, which must say the same of schedules.
fn of_both(arguments: &[&str], judge: impl Fn(&Home, &[&str])) {
    let hupd = Hupd::start(JOBS);
    judge(&hupd.home, &[&["next"], arguments].concat());
    let home = Home::new();
    home.configure(JOBS);
    let file = home.config_file().display().to_string();
    judge(&home, &[&["next", "--file", &file], arguments].concat());
}

#[test]
fn times_are_after_one_and_up_to_another() {
    of_both(
        &[
            "daily",
            "--from",
            "2027-01-01T12:00Z",
            "--to",
            "2027-01-03T12:00Z",
        ],
        |home, arguments| {
            let expected = [
                ("daily".to_owned(), "2027-01-02T12:00:00Z"),
                ("daily".to_owned(), "2027-01-03T12:00:00Z"),
            ];
            let expected = expected.map(|(job, at)| (job, at.parse().expect("a time")));
            let answer = json(home, arguments);
            assert_eq!(rows(&answer), expected);
            assert_eq!(answer["more"], false);
            let fewer = json(home, &[arguments, &["-n", "1"]].concat());
            assert_eq!(rows(&fewer), expected[..1]);
            assert_eq!(fewer["more"], true);
        },
    );
}

#[test]
fn a_clock_change_is_marked_and_offsets_are_told() {
    of_both(&[&["backup"], &NIGHT[..]].concat(), |home, arguments| {
        let answer = json(home, arguments);
        let row = serde_json::json!({
            "job": "backup",
            "at": "2027-03-28T01:00:00Z",
            "local": "2027-03-28T03:00:00+02:00",
            "moved_from": "2027-03-28T02:30:00",
        });
        assert_eq!(answer["next"], serde_json::json!([row]));
        let text = Told::of_success(home, arguments);
        let note = "backup  2027-03-28T03:00:00+02:00 for the job, moved from 2027-03-28T02:30:00 by a clock change\n";
        assert!(text.contains("\n2027-03-28 01:00:00  in "), "{text}");
        assert!(text.ends_with(note), "{text}");
    });
}

#[test]
fn local_times_are_those_of_the_reader() {
    of_both(
        &["daily", "-n", "1", "--from", "2027-01-01 11:59:59"],
        |home, arguments| {
            let expected = "2027-01-01T12:00:00Z".parse().expect("a time");
            assert_eq!(rows(&json(home, arguments))[0].1, expected);
        },
    );
}

#[test]
fn an_interval_is_told_by_where_the_hupd_that_runs_stands() {
    let hupd = Hupd::start(JOBS);
    let due = rows(&json(&hupd.home, &["next", "poll", "-n", "1"]))[0].1;
    let from = due + SignedDuration::from_hours(24 * 365);
    let from = from.to_string();
    let later = rows(&json(&hupd.home, &["next", "poll", "--from", &from]));
    assert_eq!(later.len(), 10);
    for (_, at) in later {
        let seconds = at.duration_since(due).as_secs_f64();
        assert_eq!(seconds.rem_euclid(40.0 * 60.0), 0.0, "{at} after {due}");
    }
}

#[test]
fn an_interval_of_a_file_is_counted_from_the_start_that_is_supposed() {
    let home = Home::new();
    home.configure(JOBS);
    let file = home.config_file().display().to_string();
    let from = [
        "next",
        "poll",
        "--file",
        &file,
        "-n",
        "2",
        "--from",
        "2027-01-01T00:00Z",
    ];
    let told = rows(&json(&home, &from));
    let at = |text: &str| text.parse::<Timestamp>().expect("a time");
    assert_eq!(told[0].1, at("2027-01-01T00:40:00Z"));
    assert_eq!(told[1].1, at("2027-01-01T01:20:00Z"));
    let now = Timestamp::now();
    let told = rows(&json(&home, &["next", "poll", "--file", &file]));
    let wait = told[0].1.duration_since(now);
    let expected = SignedDuration::from_mins(40)..SignedDuration::from_mins(42);
    assert!(expected.contains(&wait), "{wait:?}");
}

#[test]
fn all_times_up_to_one_are_shown_within_a_bound_that_is_told() {
    let text = "[jobs.always]\ncommand = [\"true\"]\nschedule = \"* * * * * *\"\n";
    let home = Home::new();
    home.configure(text);
    let file = home.config_file().display().to_string();
    let upto = |to: &str, more: &[&str]| {
        let span = ["next", "--file", &file, "--from", "2027-01-01T00:00Z"];
        let told = Told::by_hupctl(&home, &[&span[..], &["--to", to], more].concat());
        assert_eq!(told.status, Some(0));
        (told.out.lines().count() - 1, told.aside)
    };
    let (lines, aside) = upto("2027-01-01T02:46:40Z", &[]);
    assert_eq!((lines, &*aside), (10_000, ""));
    let (lines, aside) = upto("2027-01-01T02:46:41Z", &[]);
    let sentence = "hupctl: these are the first 10000, there are more up to --to\n";
    assert_eq!((lines, &*aside), (10_000, sentence));
    // Who says how many, knows that there are more.
    assert_eq!(
        upto("2027-01-01T02:46:41Z", &["-n", "3"]),
        (3, String::new())
    );
}

#[test]
fn what_is_not_due_is_a_sentence() {
    of_both(
        &["off", "--from", "2027-01-01", "--to", "2027-01-02"],
        |home, arguments| {
            let sentence =
                "job 'off' is not due after 2027-01-01 00:00:00 and up to 2027-01-02 00:00:00\n";
            assert_eq!(Told::of_success(home, arguments), sentence);
            assert_eq!(
                Told::of_success(home, &[arguments, &["--chart"]].concat()),
                sentence
            );
        },
    );
    of_both(&["request"], |home, arguments| {
        assert_eq!(
            Told::of_success(home, arguments),
            "job 'request' has no next time\n"
        );
    });
    of_both(&["nobody"], |home, arguments| {
        for more in [&[][..], &["--chart"]] {
            let told = Told::by_hupctl(home, &[arguments, more].concat());
            assert_eq!((told.status, &*told.out), (Some(1), ""));
            assert_eq!(told.aside, "hupctl: no job 'nobody'\n");
        }
        let answer = json(home, arguments);
        assert_eq!(answer["error"]["kind"], "not_found");
    });
}

#[test]
fn wrong_usage_is_told_before_anybody_is_asked() {
    let home = Home::new();
    for (arguments, sentence) in [
        (
            &["--from", "2027-01-02T00:00Z", "--to", "2027-01-02T00:00Z"][..],
            "hupctl: --to: is not after --from\n",
        ),
        (&["--to", "2020-01-01"], "hupctl: --to: is not after now\n"),
        (
            &["--json", "--chart"],
            "hupctl: --chart: is for people, and has no JSON; leave out one of the two\n",
        ),
        (
            &["--to", "soon"],
            "hupctl: --to: 'soon' is no time; write '2026-03-29T00:00:00Z', with another offset, \
             or '2026-03-29T00:00' on the clocks of the zone\n",
        ),
    ] {
        let told = Told::by_hupctl(&home, &[&["next"], arguments].concat());
        assert_eq!((told.status, &*told.out), (Some(2), ""), "{arguments:?}");
        assert_eq!(told.aside, sentence);
    }
    for arguments in [
        &["--chart", "-n", "3"][..],
        &["--chart", "--schedule", "@daily"],
        &["--file", "x", "--schedule", "@daily"],
        &["--to", "2099-01-01", "--schedule", "@daily"],
    ] {
        let told = Told::by_hupctl(&home, &[&["next"], arguments].concat());
        assert_eq!(told.status, Some(2), "{arguments:?}: {told:?}");
    }
    let hupd = Hupd::start(JOBS);
    let told = answer(
        &hupd.home,
        "/v1/next?from=2027-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
    );
    assert!(
        told.contains("'to' is not after 2027-01-01T00:00:00Z"),
        "{told}"
    );
    let told = answer(&hupd.home, "/v1/chart?slice=1");
    assert!(told.contains("a chart has at most 500 slices"), "{told}");
}

#[test]
fn a_file_that_is_refused_is_told_as_check_tells_it() {
    let home = Home::new();
    home.configure("[jobs.a]\ncommand = [\"true\"]\nshedule = \"* * * * *\"\n");
    let file = home.config_file().display().to_string();
    let check = Told::by_hupctl(&home, &["check", &file]);
    let next = Told::by_hupctl(&home, &["next", "--file", &file]);
    assert_eq!((next.status, &*next.out), (Some(78), ""));
    assert!(next.aside.contains("did you mean 'schedule'?"), "{next:?}");
    assert_eq!(next.aside, check.aside);
    let missing = Told::by_hupctl(&home, &["next", "--chart", "--file", "/nowhere/hupd.toml"]);
    assert_eq!(missing.status, Some(78), "{missing:?}");
}

#[test]
fn warnings_are_left_to_check() {
    let home = Home::new();
    home.configure("[jobs.a]\ncommand = [\"true\"]\nevery = \"1h\"\nspread = \"1m\"\n");
    let file = home.config_file().display().to_string();
    let next = Told::by_hupctl(&home, &["next", "--file", &file, "-n", "1"]);
    assert_eq!((next.status, &*next.aside), (Some(0), ""));
}

#[test]
fn a_chart_shows_what_is_due_together() {
    of_both(&[&["--chart"], &NIGHT[..]].concat(), |home, arguments| {
        let text = Told::of_success(home, arguments);
        let lines: Vec<_> = text.lines().collect();
        // 23 hours: 03:00 comes an hour after 01:00.
        assert_eq!(
            lines[..2],
            [
                "2027-03-28 00:00 to 2027-03-29 00:00 in Europe/Berlin, 30 min a column; + is 10 or more",
                "JOB       00  03    06    09    12    15    18    21",
            ]
        );
        let backup = format!("backup    {}1{}", "·".repeat(4), "·".repeat(41));
        let daily = format!("daily     {}1{}", "·".repeat(26), "·".repeat(19));
        assert_eq!(lines[2..4], [backup, daily]);
        assert!(lines[4].starts_with("poll      "), "{text}");
        let digits =
            |line: &str| -> u32 { line.chars().filter_map(|cell| cell.to_digit(10)).sum() };
        // Every 40 minutes of 23 hours, beginning anywhere.
        assert!((34..=35).contains(&digits(lines[4])), "{text}");
        assert_eq!(digits(lines[5]), digits(lines[4]) + 2, "{text}");
        assert!(lines[5].starts_with("all jobs  "), "{text}");
        assert_eq!(lines.len(), 6);
    });
}

#[test]
fn a_chart_of_one_job_has_its_row_alone_and_the_coming_day_is_usual() {
    of_both(&["--chart", "poll"], |home, arguments| {
        let text = Told::of_success(home, arguments);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[0].ends_with(" in Europe/Berlin, 30 min a column; + is 10 or more"));
        let cells = lines[2].strip_prefix("poll      ").expect("a row");
        assert!((48..=49).contains(&cells.chars().count()), "{text}");
        assert_eq!(lines[3].strip_prefix("all jobs  "), Some(cells));
    });
}

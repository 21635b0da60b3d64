//! The real hupctl on what became of occurrences, and why.

#![allow(clippy::disallowed_methods, reason = "a test stands outside hupd")]

mod common;

use common::{Home, Hupd, Told, store};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use serde_json::Value;

const JOBS: &str = r#"
    [daemon]
    timezone = "UTC"
    [history]
    keep = "36500d"
    [jobs.backup]
    command = ["true"]
    schedule = "30 2 * * *"
    timezone = "Europe/Berlin"
    [jobs.careful]
    command = ["true"]
    schedule = "30 2 * * *"
    timezone = "Europe/Berlin"
    dst = "skip"
    [jobs.often]
    command = ["true"]
    schedule = "*/15 * * * *"
    timezone = "Europe/Berlin"
    [jobs.late]
    command = ["true"]
    schedule = "0 4 * * *"
    spread = "10m"
    [jobs.off]
    command = ["true"]
    schedule = "0 4 * * *"
    enabled = false
    [jobs.poll]
    command = ["true"]
    every = "40m"
    [jobs.request]
    command = ["true"]
"#;

fn json(home: &Home, arguments: &[&str]) -> Value {
    let told = Told::of_success(home, &[&["--json", "why"], arguments].concat());
    serde_json::from_str(&told).expect("JSON")
}

fn text(home: &Home, arguments: &[&str]) -> String {
    Told::of_success(home, &[&["why"], arguments].concat())
}

fn micros(time: &str) -> i64 {
    let time: Timestamp = time.parse().expect("a time");
    time.as_microsecond()
}

/// A line of the ledger, as hupd writes it.
fn write_line(store: &Connection, (job, at): (&str, &str), (fate, reason): (&str, &str)) {
    let trigger = if job == "poll" { "every" } else { "schedule" };
    let sql = "INSERT INTO ledger (job, instant, trigger, fate, reason, generation, decided_at)
               VALUES (?1, ?2, ?3, ?4, ?5, 7, ?2)";
    let values = params![job, micros(at), trigger, fate, reason];
    store.execute(sql, values).expect("written");
}

/// The same of a run that lasted one second and exited 0.
fn write_run(store: &Connection, run: i64, (job, at): (&str, &str), reason: &str) {
    write_line(store, (job, at), ("ran", reason));
    let sql = "UPDATE ledger SET run = ?1 WHERE job = ?2 AND instant = ?3";
    store
        .execute(sql, params![run, job, micros(at)])
        .expect("written");
    let sql = "INSERT INTO runs (id, job, trigger, instant, generation, claimed_at, pid, started_at, ended_at,
                 duration, outcome, exit_code, cpu, output_total)
               VALUES (?1, ?2, 'schedule', ?3, 7, ?3, 99, ?3, ?3 + 1000000, 1000000, 'exited 0', 0, 0, 0)";
    store
        .execute(sql, params![run, job, micros(at)])
        .expect("written");
}

/// A hupd that finds this past in its ledger.
fn with_past(write: impl FnOnce(&Connection)) -> Hupd {
    let mut first = Hupd::start(JOBS);
    first.stop();
    let home = std::mem::replace(&mut first.home, Home::new());
    write(&store(&home));
    Hupd::start_in(home)
}

const MOVED: &str = "moved from 2021-03-28T02:30:00 by a clock change";

/// What a hupd has done in 2021.
fn past(store: &Connection) {
    let backup = |at| ("backup", at);
    write_run(store, 101, backup("2021-03-27T01:30:00Z"), "");
    write_run(store, 102, backup("2021-03-28T01:00:00Z"), MOVED);
    let skipped = ("skipped", "run 102 is not over (overlap = \"skip\")");
    write_line(store, backup("2021-03-29T00:30:00Z"), skipped);
    write_run(store, 103, backup("2021-10-31T00:30:00Z"), "");
    let missed = (
        "missed",
        "reached more than 3 h late: hupd was stopped or asleep, or the clock was set",
    );
    write_line(store, backup("2021-11-01T01:30:00Z"), missed);
    write_line(
        store,
        ("poll", "2021-05-01T10:00:00.123456Z"),
        ("waiting", "max_running = 1 is reached"),
    );
    let sql = "INSERT INTO generations (number, at, asked_by, accepted, summary, problems, problem_count, seconds)
               VALUES (7, ?1, 'start', 1, '', '', 0, 0)";
    store
        .execute(sql, [micros("2021-01-01T00:00:00Z")])
        .expect("written");
}

#[test]
fn what_ran_is_told_with_its_run() {
    let hupd = with_past(past);
    let expected = "\
2021-03-27T02:30:00+01:00  ran: run 101 exited 0
  trigger  schedule
  decided  2021-03-27 01:30:00 (";
    for time in [
        "2021-03-27 02:30",
        "2021-03-27T01:30:00.5Z",
        "2021-03-27T02:30:00",
    ] {
        let text = text(&hupd.home, &["backup", time]);
        assert!(text.starts_with(expected), "{text}");
        assert!(
            text.contains(", in generation 7\n  started  2021-03-27 01:30:00 ("),
            "{text}"
        );
        assert!(
            text.contains("\n  ended    2021-03-27 01:30:01 ("),
            "{text}"
        );
        assert!(text.contains("), after 1.0 s\n\nnext     20"), "{text}");
    }
    let answer = json(&hupd.home, &["backup", "2021-03-27 02:30"]);
    let instant = &answer["instants"][0];
    let row = &instant["occurrences"][0];
    assert_eq!(
        (&instant["named"], &row["fate"], &row["run"]),
        (&true.into(), &"ran".into(), &101.into())
    );
    assert_eq!(row["details"]["outcome"], "exited 0");
    assert_eq!(
        (&answer["before"], &answer["after"]),
        (&Value::Null, &Value::Null)
    );
    assert!(answer["next"]["at"].is_string(), "{answer}");
}

#[test]
fn what_did_not_run_is_told_with_its_reason() {
    let hupd = with_past(past);
    let skipped = text(&hupd.home, &["backup", "2021-03-29 02:30"]);
    let line = "2021-03-29T02:30:00+02:00  skipped: run 102 is not over (overlap = \"skip\")\n";
    assert!(skipped.starts_with(line), "{skipped}");
    let missed = text(&hupd.home, &["backup", "2021-11-01 02:30"]);
    let line = "2021-11-01T02:30:00+01:00  missed: reached more than 3 h late: ";
    assert!(missed.starts_with(line), "{missed}");
    // What waited when hupd ended is missed; the second is enough to find it.
    let waited = text(&hupd.home, &["poll", "2021-05-01T10:00:00Z"]);
    let line = "2021-05-01T10:00:00.123456+00:00  missed: hupd ended before it could start\n  trigger  every\n";
    assert!(waited.starts_with(line), "{waited}");
}

#[test]
fn a_lost_time_leads_to_where_it_was_moved() {
    let hupd = with_past(past);
    let told = text(&hupd.home, &["backup", "2021-03-28 02:30"]);
    let line = format!("2021-03-28T03:00:00+02:00  ran: run 102 exited 0; {MOVED}\n");
    assert!(told.starts_with(&line), "{told}");
    let note = "\n  no clock in Europe/Berlin shows 2021-03-28 02:30:00: they go from 2021-03-28 02:00:00 to 2021-03-28 03:00:00, \
                which is this instant\n";
    assert!(told.contains(note), "{told}");
}

#[test]
fn a_lost_time_without_a_row_is_explained_by_the_schedule() {
    let hupd = with_past(past);
    let notes = |job: &str| {
        let answer = json(&hupd.home, &[job, "2021-03-28 02:30"]);
        let instant = &answer["instants"][0];
        assert_eq!(instant["at"], "2021-03-28T01:00:00Z");
        (
            instant["named"].clone(),
            instant["notes"][1].as_str().expect("a note").to_owned(),
        )
    };
    let skip = "what the clock change left out does not run: dst = \"skip\"".to_owned();
    assert_eq!(notes("careful"), (false.into(), skip));
    assert_eq!(
        notes("often"),
        (true.into(), "the timing in force names it".to_owned())
    );
    let hupd = with_past(|_| ());
    let answer = json(&hupd.home, &["backup", "2021-03-28 02:30"]);
    let note = "the timing in force names it, instead of 2021-03-28 02:30:00, which a clock change left out";
    assert_eq!(answer["instants"][0]["notes"][1], note);
}

#[test]
fn a_time_that_comes_twice_is_told_twice() {
    let hupd = with_past(past);
    let answer = json(&hupd.home, &["backup", "2021-10-31 02:30"]);
    let instants = answer["instants"].as_array().expect("instants");
    assert_eq!(instants.len(), 2);
    assert_eq!(instants[0]["occurrences"][0]["run"], 103);
    assert_eq!(
        instants[0]["notes"][0],
        "clocks in Europe/Berlin show this time twice: here first, again at 2021-10-31T02:30:00+01:00"
    );
    assert_eq!(instants[1]["local"], "2021-10-31T02:30:00+01:00");
    assert_eq!(
        (&instants[1]["named"], &instants[1]["occurrences"]),
        (&false.into(), &Value::Array(vec![]))
    );
    assert_eq!(
        instants[1]["notes"][1],
        "a fixed time that comes twice runs the first time only"
    );
    // With its offset it is one of the two, and what follows both passes is in both.
    let second = json(&hupd.home, &["backup", "2021-10-31T02:30:00+01:00"]);
    assert_eq!(second["instants"], Value::Array(vec![instants[1].clone()]));
    let often = json(&hupd.home, &["often", "2021-10-31 02:30"]);
    assert_eq!(
        (
            &often["instants"][0]["named"],
            &often["instants"][1]["named"]
        ),
        (&true.into(), &true.into())
    );
}

#[test]
fn what_the_schedule_does_not_name_is_told_with_its_neighbours() {
    let hupd = with_past(past);
    let text = text(&hupd.home, &["backup", "2021-03-28T04:00:00Z"]);
    let expected = "\
2021-03-28T06:00:00+02:00  no occurrence
  the schedule '30 2 * * *' (Europe/Berlin) does not name it; next it names 2021-03-29T02:30:00+02:00
  generation 8 came into force after it, at ";
    assert!(text.starts_with(expected), "{text}");
    assert!(
        text.contains("; generation 7, of 2021-01-01T01:00:00+01:00, was the last one before it\n"),
        "{text}"
    );
    assert!(
        text.contains("\n  the hupd that runs was started after it, at "),
        "{text}"
    );
    let before = "\nbefore   2021-03-28T03:00:00+02:00  ";
    assert!(text.contains(before), "{text}");
    assert!(
        text.contains(&format!(" ago, ran: run 102 exited 0; {MOVED}\n")),
        "{text}"
    );
    assert!(
        text.contains("\nafter    2021-03-29T02:30:00+02:00  "),
        "{text}"
    );
    assert!(
        text.contains(" ago, skipped: run 102 is not over (overlap = \"skip\")\nnext     20"),
        "{text}"
    );
}

#[test]
fn what_is_older_than_the_ledger_is_told() {
    let hupd = with_past(past);
    let told = text(&hupd.home, &["backup", "2020-06-01 02:30"]);
    assert!(told.contains("; no earlier one is on record\n"), "{told}");
    let oldest = "\n  the oldest row that is kept, of any job, is of 2021-03-27T02:30:00+01:00\n";
    assert!(told.contains(oldest), "{told}");
    assert!(
        told.contains("\n\nafter    2021-03-27T02:30:00+01:00  "),
        "{told}"
    );
    let hupd = Hupd::start(JOBS);
    let told = text(&hupd.home, &["backup", "2020-06-01 02:30"]);
    assert!(
        told.contains("\n  no row of any job is kept\n\nnext  "),
        "{told}"
    );
}

#[test]
fn a_job_that_is_off_or_runs_on_request_only_says_so() {
    let hupd = Hupd::start(JOBS);
    let off = text(&hupd.home, &["off", "2021-06-01 04:00"]);
    let note = "\n  the job is switched off (enabled = false) in generation 1, in force since 20";
    assert!(off.contains(note), "{off}");
    assert!(off.ends_with("\nnext     none\n"), "{off}");
    let off = text(&hupd.home, &["off"]);
    let expected = "no occurrence of job 'off' is recorded\n\nthe job is switched off (enabled = false)\nnext     none\n";
    assert_eq!(off, expected);
    let request = text(&hupd.home, &["request", "2021-06-01 04:00"]);
    let note = "\n  the job runs on request only: it has neither 'schedule' nor 'every'\n";
    assert!(request.contains(note), "{request}");
}

#[test]
fn what_is_still_to_come_is_told() {
    let hupd = Hupd::start(JOBS);
    let told = text(&hupd.home, &["backup", "2199-06-01 02:30"]);
    let expected = "2199-06-01T02:30:00+02:00  no occurrence\n  the timing in force names it\n  it is still to come\n\nnext ";
    assert!(told.starts_with(expected), "{told}");
    let next = json(&hupd.home, &["poll"])["next"]["at"].clone();
    let due = next.as_str().expect("a time");
    let answer = json(&hupd.home, &["poll", due]);
    assert_eq!(answer["instants"][0]["named"], true);
    let between = due.parse::<Timestamp>().expect("a time") + SignedDuration::from_mins(1);
    let answer = json(&hupd.home, &["poll", &between.to_string()]);
    let note = answer["instants"][0]["notes"][0]
        .as_str()
        .expect("a note")
        .to_owned();
    assert!(
        note.starts_with(
            "'every = \"40m\"', as it is counted now, does not name it; next it names 20"
        ),
        "{note}"
    );
}

#[test]
fn what_is_put_off_by_spread_is_found_by_its_time() {
    let hupd = Hupd::start(JOBS);
    let answer = json(&hupd.home, &["late", "2021-06-01 04:00"]);
    let instants = answer["instants"].as_array().expect("instants");
    assert_eq!(instants.len(), 2, "{answer}");
    assert_eq!(
        (&instants[0]["named"], &instants[1]["named"]),
        (&false.into(), &true.into())
    );
    assert_eq!(
        instants[1]["notes"][0],
        "this is when it is due by 'spread'"
    );
    let at: Timestamp = instants[1]["at"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("a time");
    let named: Timestamp = "2021-06-01T04:00:00Z".parse().expect("a time");
    let late = at.duration_since(named);
    assert!(
        late > SignedDuration::ZERO && late < SignedDuration::from_mins(10),
        "{late:?}"
    );
}

#[test]
fn a_time_of_day_is_the_last_one_that_has_passed() {
    let hupd = Hupd::start(JOBS);
    for time in ["00:00", "12:34:56", "23:59"] {
        let answer = json(&hupd.home, &["poll", time]);
        let instants = answer["instants"].as_array().expect("instants");
        let at: Timestamp = instants[0]["at"]
            .as_str()
            .expect("a time")
            .parse()
            .expect("a time");
        let ago = Timestamp::now().duration_since(at);
        let day = SignedDuration::from_hours(24);
        assert!(
            ago >= SignedDuration::ZERO && ago < day + SignedDuration::from_mins(1),
            "{ago:?}"
        );
        let local = instants[0]["local"].as_str().expect("a time");
        assert!(local.contains(&format!("T{time}")), "{local}");
    }
}

#[test]
fn without_a_time_the_newest_five_are_told() {
    let hupd = with_past(past);
    for _ in 0..3 {
        hupd.home.run_to_end("backup");
    }
    let told = text(&hupd.home, &["backup"]);
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].starts_with("TIME  "), "{told}");
    let words = |line: &str, place: usize| {
        line.split("  ")
            .filter(|word| !word.is_empty())
            .nth(place)
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let fates: Vec<_> = lines[1..6]
        .iter()
        .map(|line| (words(line, 2), words(line, 3)))
        .collect();
    let ran = |what: &str| ("ran".to_owned(), what.to_owned());
    assert_eq!(
        fates[..3],
        [
            ran("run 106 exited 0"),
            ran("run 105 exited 0"),
            ran("run 104 exited 0")
        ]
    );
    let missed = "reached more than 3 h late: hupd was stopped or asleep, or the clock was set";
    assert_eq!(fates[3], ("missed".to_owned(), missed.to_owned()));
    assert_eq!(fates[4], ran("run 103 exited 0"));
    assert_eq!(lines[6], "");
    assert!(lines[7].starts_with("next     20"), "{told}");
    assert_eq!(lines.len(), 8);
    let answer = json(&hupd.home, &["backup"]);
    assert_eq!(answer["newest"].as_array().map(Vec::len), Some(5));
    assert_eq!(answer["newest"][0]["trigger"], "request");
}

#[test]
fn a_run_that_goes_on_and_one_that_waits_are_told() {
    let hupd = Hupd::start(
        "[daemon]\nmax_running = 1\n[jobs.stuck]\ncommand = [\"sleep\", \"1000\"]\n[jobs.next]\ncommand = [\"true\"]\n",
    );
    hupd.home.hupctl(&["run", "stuck"]);
    hupd.home.wait_running("stuck", 1);
    hupd.home.hupctl(&["run", "next"]);
    let told = text(&hupd.home, &["stuck"]);
    assert!(
        told.contains("  ran   run 1 running  request  1\n"),
        "{told}"
    );
    let told = text(&hupd.home, &["next"]);
    assert!(
        told.contains("  waiting  max_running = 1 is reached  request  1\n"),
        "{told}"
    );
}

/// A look through all rows of others would take for ever where they are many.
#[test]
fn a_job_that_seldom_runs_is_found_among_many_rows_of_others() {
    let hupd = with_past(|store| {
        past(store);
        let sql =
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 109999)
                   INSERT INTO ledger (job, instant, trigger, fate, reason, generation, decided_at)
                   SELECT 'other', ?1 + i * 1000000, 'schedule', 'skipped', '', 7, ?1 FROM n";
        store
            .execute(sql, [micros("2022-01-01T00:00:00Z")])
            .expect("written");
    });
    let answer = json(&hupd.home, &["backup"]);
    let newest = answer["newest"].as_array().expect("rows");
    let runs: Vec<_> = newest.iter().map(|row| row["run"].clone()).collect();
    assert_eq!(runs, [103, 102, 101]);
    assert_eq!(
        answer["notes"][0],
        "the rows of all jobs are many: those back to 2022-01-01T03:46:39+01:00 were looked at, beyond it only what ran"
    );
    // What is near its instant is found all the same.
    let answer = json(&hupd.home, &["backup", "2021-11-02 02:30"]);
    assert_eq!(answer["before"]["fate"], "missed");
    assert!(
        answer["notes"][0]
            .as_str()
            .expect("a note")
            .contains("those up to 2022-01-0"),
        "{answer}"
    );
}

#[test]
fn no_job_and_no_time_are_refused() {
    let hupd = Hupd::start(JOBS);
    let told = Told::by_hupctl(&hupd.home, &["why", "nobody"]);
    let sentence = "hupctl: no job 'nobody'\n";
    assert_eq!(
        (told.status, &*told.out, &*told.aside),
        (Some(1), "", sentence)
    );
    let told = Told::by_hupctl(&hupd.home, &["why", "backup", "yesterday"]);
    assert_eq!((told.status, &*told.out), (Some(2), ""));
    assert!(
        told.aside
            .starts_with("hupctl: 'yesterday' is no time; write '2026-03-29T02:30:00+01:00', "),
        "{told:?}"
    );
}

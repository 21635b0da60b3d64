//! Warnings about what comes, at times that are given. What they say is in tests/messages.

use std::fmt::Write;

use super::{Severity, folder, load_at};

/// What is said of a file at a time: the first line of each problem.
fn told(text: &str, now: &str) -> Vec<String> {
    let folder = folder(&[("hupd.toml", text)]);
    let outcome = load_at(&folder, now.parse().unwrap());
    let problems = outcome.map_or_else(|problems| problems, |accepted| accepted.warnings);
    problems.0.into_iter().map(|one| one.message).collect()
}

fn job(lines: &str) -> String {
    format!("[daemon]\ntimezone = \"UTC\"\n[jobs.a]\ncommand = \"x\"\n{lines}\n")
}

#[test]
fn a_gap_of_a_whole_day_is_not_made_up_for() {
    let noon = job("schedule = \"0 12 * * *\"\ntimezone = \"Pacific/Apia\"");
    assert_eq!(
        told(&noon, "2011-06-01T00:00:00Z"),
        [concat!(
            "schedule: 12:00 on 2011-12-30 does not exist in 'Pacific/Apia', for clocks go from ",
            "00:00 to 00:00 on 2011-12-31: not made up for, as the gap is wider than 3 h"
        )]
    );
}

#[test]
fn the_first_gap_of_twelve_months_is_told_and_no_later_one() {
    let leap_day = job("schedule = \"30 2 31 3 *\"\ntimezone = \"Europe/Berlin\"");
    // The next time that clocks go forward on that day is in 2030.
    let begin = |now: &str| {
        told(&leap_day, now)
            .first()
            .map(|told| told[..30].to_owned())
    };
    let expected = Some("schedule: 02:30 on 2030-03-31 ".to_owned());
    assert_eq!(begin("2024-03-31T01:00:00Z"), None);
    assert_eq!(begin("2029-03-30T00:00:00Z"), None);
    assert_eq!(begin("2029-04-01T00:00:00Z"), expected);
    assert_eq!(begin("2030-03-31T00:59:59Z"), expected);
    assert_eq!(begin("2030-03-31T01:00:00Z"), None);
    let two = job(
        "schedule = [\"30 2 * * *\", \"*-*-* 02:30 America/New_York\"]\ntimezone = \"Europe/Berlin\"",
    );
    let told = told(&two, "2026-11-23T00:00:00Z");
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("2027-03-14"), "{told:?}");
}

#[test]
fn a_jitter_that_reaches_the_next_instant_is_told_and_no_shorter_one() {
    let told = |lines: &str| told(&job(lines), "2026-11-23T00:00:00Z");
    let beginning = "jitter: a delay of up to 5m may last until the job is due again, after ";
    for lines in [
        "every = \"5m\"",
        "schedule = \"*/5 * * * *\"",
        "schedule = [\"0 4 * * *\", \"5 4 * * *\"]",
    ] {
        let long = told(&format!("{lines}\njitter = \"5m\""));
        assert_eq!(long, [format!("{beginning}5m")]);
        assert_eq!(told(&format!("{lines}\njitter = \"299s\"")), [""; 0]);
    }
    let by_default = "jitter = \"0s\"\nevery = \"1s\"";
    assert_eq!(told(by_default), [""; 0]);
}

#[test]
fn an_error_is_not_lost_behind_a_thousand_warnings() {
    let mut text = job("");
    for number in 0..1500 {
        let _ = writeln!(
            text,
            "[jobs.j{number:04}]\ncommand = \"x\"\nschedule = \"0 4 13 * FRI\""
        );
    }
    let warnings = told(&text, "2026-11-23T00:00:00Z");
    assert_eq!(warnings.len(), 1001);
    assert_eq!(warnings[1000], "500 more warnings not shown");
    text.push_str("[jobs.last]\n");
    let problems = told(&text, "2026-11-23T00:00:00Z");
    assert_eq!(problems.len(), 1001);
    assert_eq!(problems[999], "job 'last' has no command");
    assert_eq!(problems[1000], "501 more problems not shown");
}

#[test]
fn what_is_only_worth_a_warning_refuses_nothing() {
    let text = job("schedule = [\"30 2 * * *\", \"0 4 13 * FRI\"]\ntimezone = \"Europe/Berlin\"");
    let text = format!("{text}[jobs.b]\ncommand = \"x\"\nschedule = \"30 2 * * *\"");
    let text = text.replacen("[daemon]", "[daemon]\nmax_running = 1", 1);
    let folder = folder(&[("hupd.toml", &text)]);
    let accepted = load_at(&folder, "2026-11-23T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(accepted.config.jobs.len(), 2);
    let mut problems = accepted.warnings.0.iter();
    assert!(problems.all(|one| one.severity == Severity::Warning));
    assert_eq!(accepted.warnings.0.len(), 2);
}

/// Two jobs of which one may run at a time: what is said of them.
fn crowded(first: &str, second: &str, now: &str) -> Vec<String> {
    told(
        &format!(
            "[daemon]\nmax_running = 1\ntimezone = \"UTC\"\n[jobs.a]\ncommand = \"x\"\n{first}\n\
             [jobs.b]\ncommand = \"x\"\n{second}\n"
        ),
        now,
    )
}

#[test]
fn a_crowd_is_looked_for_in_the_coming_day() {
    let (daily, date) = ("schedule = \"@daily\"", "schedule = \"0 0 25 11 *\"");
    let at = |now| crowded(daily, date, now);
    assert_eq!(at("2026-11-23T23:59:59Z"), [""; 0]);
    assert_eq!(at("2026-11-25T00:00:00Z"), [""; 0]);
    for now in ["2026-11-24T00:00:01Z", "2026-11-24T23:59:59Z"] {
        assert_eq!(
            at(now),
            [concat!(
                "2 jobs are due at 2026-11-25T00:00:00+00:00, and 1 run at the same time at most ",
                "([daemon] max_running): 1 will wait. Among them: 'a' and 'b'"
            )]
        );
    }
}

#[test]
fn jobs_that_are_due_within_one_second_are_a_crowd() {
    let (daily, spread) = (
        "schedule = \"@daily\"",
        "schedule = \"@daily\"\nspread = \"900ms\"",
    );
    assert_eq!(crowded(daily, spread, "2026-11-24T12:00:00Z").len(), 1);
}

#[test]
fn of_a_job_that_is_due_very_often_the_first_instants_are_looked_at() {
    let (often, daily) = ("schedule = \"* * * * * *\"", "schedule = \"@daily\"");
    assert_eq!(crowded(often, daily, "2026-11-24T23:54:59Z"), [""; 0]);
    assert_eq!(crowded(often, daily, "2026-11-24T23:55:00Z").len(), 1);
}

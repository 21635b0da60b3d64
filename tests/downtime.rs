//! What becomes of instants that pass while hupd is not running.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests start hupd as its users do"
)]

mod common;

use common::{Home, Hupd, fates, wait_until};
use jiff::Timestamp;

/// A job that is due every second.
fn each_second(missed: &str) -> String {
    format!("[jobs.job]\ncommand = [\"true\"]\nschedule = \"* * * * * *\"\n{missed}\n")
}

/// What the ledger has of a job after that time.
fn fates_after(home: &Home, job: &str, time: Timestamp) -> Vec<(Timestamp, String, String)> {
    let fates = fates(home, job).into_iter();
    fates.filter(|(instant, ..)| *instant > time).collect()
}

/// A hupd that was down for some seconds, and when it had ended.
fn down_for_a_while(missed: &str) -> (Hupd, Timestamp) {
    let mut hupd = Hupd::start(&each_second(missed));
    hupd.home.ended_run("job");
    assert!(hupd.stop().success());
    let ended = Timestamp::now();
    let home = std::mem::replace(&mut hupd.home, Home::new());
    wait_until("some seconds are over", || {
        (Timestamp::now().duration_since(ended).as_secs() >= 4).then_some(())
    });
    (Hupd::start_in(home), ended)
}

#[test]
fn what_passes_while_hupd_is_down_is_on_record() {
    let (hupd, ended) = down_for_a_while("");
    let missed = wait_until("a run after the start", || {
        let fates = fates_after(&hupd.home, "job", ended);
        fates
            .iter()
            .any(|(_, fate, _)| fate == "ran")
            .then_some(fates)
    });
    let down: Vec<_> = missed
        .iter()
        .take_while(|(_, fate, _)| fate == "missed")
        .collect();
    assert!(down.len() >= 3, "{missed:?}");
    assert!(down.iter().all(|(_, _, why)| why == "hupd was not running"));
    // One for each second, without a hole.
    let seconds = down
        .windows(2)
        .map(|pair| pair[1].0.as_second() - pair[0].0.as_second());
    assert!(seconds.into_iter().all(|apart| apart == 1), "{missed:?}");
}

#[test]
fn what_a_job_wants_made_up_for_is_started_once() {
    let (hupd, ended) = down_for_a_while("missed = \"once\"");
    let made_up = "made up for: hupd was not running";
    let fates = wait_until("it is made up for", || {
        let fates = fates_after(&hupd.home, "job", ended);
        let is_made_up = fates
            .iter()
            .any(|(_, fate, why)| fate == "ran" && why == made_up);
        is_made_up.then_some(fates)
    });
    let made_up = fates.iter().filter(|(_, _, why)| why == made_up);
    assert_eq!(made_up.count(), 1, "{fates:?}");
}

#[test]
fn of_what_a_job_that_replaces_has_missed_the_newest_starts() {
    let replaces = "missed = { all = 50 }\noverlap = \"replace\"";
    let (hupd, ended) = down_for_a_while(replaces);
    let fates = wait_until("one is made up for", || {
        let fates = fates_after(&hupd.home, "job", ended);
        let has_run = fates.iter().any(|(_, fate, _)| fate == "ran");
        has_run.then_some(fates)
    });
    let older: Vec<_> = fates.iter().take_while(|row| row.1 != "ran").collect();
    assert!(older.len() >= 2, "{fates:?}");
    for (_, fate, why) in older {
        assert_eq!(fate, "replaced", "{fates:?}");
        assert!(
            why.ends_with("takes its place (overlap = \"replace\")"),
            "{why}"
        );
    }
}

/// A job that a reload brings is not due before it, and no restart makes it so.
#[test]
fn no_edit_makes_a_past_instant_due_after_a_restart_either() {
    let mut hupd = Hupd::start("[jobs.old]\ncommand = [\"true\"]\n");
    let began = Timestamp::now();
    wait_until("a second has passed", || {
        (Timestamp::now().as_second() > began.as_second() + 1).then_some(())
    });
    let passed = Timestamp::from_second(began.as_second() + 1).expect("a time");
    let at = passed.to_zoned(jiff::tz::TimeZone::UTC);
    let schedule = format!("{} {} {} * * *", at.second(), at.minute(), at.hour());
    hupd.home.configure(&format!(
        "[jobs.old]\ncommand = [\"true\"]\n[jobs.new]\ncommand = [\"true\"]\ntimezone = \"UTC\"\n\
         schedule = \"{schedule}\"\nmissed = \"once\"\n"
    ));
    hupd.reload();
    assert!(hupd.stop().success());
    let home = std::mem::replace(&mut hupd.home, Home::new());
    let hupd = Hupd::start_in(home);
    // What a start makes up for is on record before it answers.
    hupd.home.run_to_end("old");
    assert_eq!(hupd.home.ledger("new"), []);
}

//! The real hupd under libfaketime: through a night that has an hour less and one that has an hour more, over a leap
//! day, and with a clock that somebody sets by minutes and by hours.
//!
//! The kernel knows nothing of the faked clock. All of it lies in the past, so a timer for it fires at once, and hupd
//! looks at the clock again and again: also at one that was set, of which no kernel tells it here.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "these tests start hupd as its users do"
)]

mod common;

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::{Home, Hupd, fates, skip, wait_until};
use jiff::{SignedDuration, Timestamp};

/// Where Debian has it, in the form for programs with threads: the other one lets the real time through now and then.
const FOLDERS: [&str; 2] = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];

/// The clock goes on while hupd starts, and what comes before it serves is not due: so long before the time that is meant
/// it starts, within the same minute, and only then is the clock set to it.
const LONGEST_START: SignedDuration = SignedDuration::from_secs(40);

/// Each of these hupds keeps a core busy: one after the other, or they keep each other from their instants.
static ONE: Mutex<()> = Mutex::new(());

/// A hupd that takes the time from a file.
struct Faked {
    hupd: Hupd,
    _alone: MutexGuard<'static, ()>,
}

impl Faked {
    /// Serves at that time, on the clock on the wall; nothing where there is no libfaketime.
    fn start(jobs: &str, at: &str) -> Option<Self> {
        let libraries = FOLDERS.map(|folder| format!("{folder}/faketime/libfaketimeMT.so.1"));
        let library = libraries.iter().find(|path| Path::new(path).exists());
        let Some(library) = library else {
            skip("a faked clock: libfaketime is missing");
            return None;
        };
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let home = Home::new();
        home.configure(&format!("[daemon]\ntimezone = \"Europe/Berlin\"\n{jobs}"));
        let at = at.parse().expect("a time");
        set(&home, at - LONGEST_START);
        let mut command = home.hupd();
        command
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", home.file("clock"))
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let hupd = Hupd::start_by(command, home);
        set(&hupd.home, at);
        Some(Self {
            hupd,
            _alone: alone,
        })
    }

    fn set(&self, at: &str) {
        set(&self.hupd.home, at.parse().expect("a time"));
    }

    /// Waits until the run of that instant is over, and gives the reason in its row.
    fn wait_run(&self, job: &str, instant: &str) -> String {
        let store = common::store(&self.hupd.home);
        let sql = "SELECT reason FROM ledger JOIN runs ON run = id
                   WHERE ledger.job = ?1 AND ledger.instant = ?2 AND ended_at IS NOT NULL";
        let at: Timestamp = instant.parse().expect("a time");
        wait_until(&format!("'{job}' of {instant} has run"), || {
            let mut ended = store.prepare_cached(sql).expect("a ledger");
            let key = rusqlite::params![job, at.as_microsecond()];
            ended.query_row(key, |row| row.get(0)).ok()
        })
    }

    /// What the ledger has of a job.
    fn rows(&self, job: &str) -> Vec<(Timestamp, String, String)> {
        fates(&self.hupd.home, job)
    }

    /// The instants of a job with this fate.
    fn instants(&self, job: &str, fate: &str) -> Vec<String> {
        let rows = self.rows(job).into_iter();
        rows.filter_map(|(at, found, _)| (found == fate).then_some(at.to_string()))
            .collect()
    }
}

/// As far from the real clock as it has to be now.
fn set(home: &Home, at: Timestamp) {
    let behind = Timestamp::now().duration_since(at).as_secs();
    home.write("clock.new", &format!("-{behind}\n"));
    fs::rename(home.file("clock.new"), home.file("clock")).expect("renamed");
}

fn job(name: &str, rest: &str) -> String {
    format!("[jobs.{name}]\ncommand = [\"/bin/true\"]\n{rest}\n")
}

#[test]
fn a_night_with_an_hour_less() {
    let jobs = [
        job("fixed", "schedule = \"30 2 * * *\""),
        job("left-out", "schedule = \"30 2 * * *\"\ndst = \"skip\""),
        job("wild", "schedule = \"*/30 * * * *\""),
    ];
    let Some(faked) = Faked::start(&jobs.concat(), "2025-03-30T01:59:57+01:00") else {
        return;
    };
    let reason = faked.wait_run("fixed", "2025-03-30T01:00:00Z");
    assert_eq!(reason, "moved from 2025-03-30T02:30:00 by a clock change");
    faked.wait_run("wild", "2025-03-30T01:00:00Z");
    faked.set("2025-03-30T03:29:57+02:00");
    faked.wait_run("wild", "2025-03-30T01:30:00Z");
    assert_eq!(faked.rows("fixed").len(), 1);
    assert_eq!(faked.rows("left-out"), []);
}

#[test]
fn a_night_with_an_hour_more() {
    let jobs = [
        job("fixed", "schedule = \"30 2 * * *\""),
        job("wild", "schedule = \"*/30 * * * *\""),
    ];
    let Some(faked) = Faked::start(&jobs.concat(), "2025-10-26T02:29:57+02:00") else {
        return;
    };
    faked.wait_run("fixed", "2025-10-26T00:30:00Z");
    faked.wait_run("wild", "2025-10-26T00:30:00Z");
    faked.set("2025-10-26T02:29:57+01:00");
    faked.wait_run("wild", "2025-10-26T01:30:00Z");
    assert_eq!(faked.rows("fixed").len(), 1);
}

#[test]
fn a_leap_day() {
    let jobs = [
        job("leap", "schedule = \"0 0 29 2 *\""),
        job("march", "schedule = \"0 0 1 3 *\""),
    ];
    let Some(faked) = Faked::start(&jobs.concat(), "2024-02-28T23:59:57+01:00") else {
        return;
    };
    faked.wait_run("leap", "2024-02-28T23:00:00Z");
    assert_eq!(faked.rows("march"), []);
    faked.set("2024-02-29T23:59:57+01:00");
    faked.wait_run("march", "2024-02-29T23:00:00Z");
    assert_eq!(faked.rows("leap").len(), 1);
}

#[test]
fn a_clock_that_is_set_forward() {
    let jobs = [
        job("tick", "schedule = \"* * * * *\"\ntimezone = \"UTC\""),
        job("soon", "schedule = \"5 12 * * *\"\ntimezone = \"UTC\""),
        job("later", "schedule = \"0 15 * * *\"\ntimezone = \"UTC\""),
        job(
            "wanted",
            "schedule = \"0 15 * * *\"\ntimezone = \"UTC\"\nmissed = \"once\"",
        ),
    ];
    let Some(faked) = Faked::start(&jobs.concat(), "2025-06-01T12:00:57Z") else {
        return;
    };
    faked.wait_run("tick", "2025-06-01T12:01:00Z");

    faked.set("2025-06-01T12:11:20Z");
    faked.wait_run("tick", "2025-06-01T12:11:00Z");
    faked.wait_run("soon", "2025-06-01T12:05:00Z");
    let missed: Vec<_> = (2..=10)
        .map(|minute| format!("2025-06-01T12:{minute:02}:00Z"))
        .collect();
    assert_eq!(faked.instants("tick", "missed"), missed);

    faked.set("2025-06-01T22:11:20Z");
    faked.wait_run("tick", "2025-06-01T22:11:00Z");
    faked.wait_run("wanted", "2025-06-01T15:00:00Z");
    assert_eq!(faked.instants("later", "missed"), ["2025-06-01T15:00:00Z"]);
    assert_eq!(faked.instants("later", "ran"), [""; 0]);
    // Each instant of the ten hours is told, the later ones by the row of the hundredth.
    let missed = faked.instants("tick", "missed").len();
    assert_eq!(missed, 9 + 100);
}

/// Set back from just after 12:10 to just before 12:00 or 2:10, and forward again.
fn set_back_to(earlier: &str, tick_there: &str) {
    let jobs = [
        job("tick", "schedule = \"* * * * *\"\ntimezone = \"UTC\""),
        job("fixed", "schedule = \"10 12 * * *\"\ntimezone = \"UTC\""),
        job("often", "every = \"1s\""),
    ];
    let Some(faked) = Faked::start(&jobs.concat(), "2025-06-01T12:09:57Z") else {
        return;
    };
    faked.wait_run("tick", "2025-06-01T12:10:00Z");
    faked.wait_run("fixed", "2025-06-01T12:10:00Z");

    faked.set(earlier);
    faked.wait_run("tick", tick_there);
    let often = faked.instants("often", "ran").len();

    faked.set("2025-06-01T12:09:57Z");
    let reason = faked.wait_run("tick", "2025-06-01T12:10:00.000001Z");
    assert_eq!(reason, "the clock was set back, this time comes once more");
    assert_eq!(faked.instants("fixed", "ran"), ["2025-06-01T12:10:00Z"]);
    wait_until("an interval goes on", || {
        (faked.instants("often", "ran").len() > often).then_some(())
    });
}

#[test]
fn a_clock_that_is_set_back_by_minutes() {
    set_back_to("2025-06-01T11:59:57Z", "2025-06-01T12:00:00Z");
}

#[test]
fn a_clock_that_is_set_back_by_hours() {
    set_back_to("2025-06-01T02:09:57Z", "2025-06-01T02:10:00Z");
}

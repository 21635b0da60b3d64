//! History on disk, and what becomes of jobs while the disk, the file or somebody else is in its way.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use common::{
    Home, Hupd, cut_off, database, mode, run, skip, state_files, text, wait_for_recovery,
    wait_until,
};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

/// Leaves a line at every start, whatever becomes of the history.
fn ticking(home: &Home) -> String {
    let path = home.path().display();
    format!("[jobs.tick]\nevery = \"1s\"\ncommand = 'echo $HUPD_RUN_ID >>{path}/ticks'\n")
}

/// Writes as much as is kept of a run, and some more.
const LOUD: &str = "[jobs.loud]\ncommand = 'head -c 300000 /dev/zero'\n";

#[test]
fn what_earlier_lives_did_is_still_there() {
    let hupd = Hupd::start("[jobs.hello]\ncommand = 'echo hello; exit 3'\n");
    let run = run(&hupd.home, "hello");

    let mut hupd = Hupd::start_in(hupd.crash());
    same_run(&hupd.home, &run);
    hupd.stop();
    let hupd = Hupd::start_in(std::mem::replace(&mut hupd.home, Home::new()));

    same_run(&hupd.home, &run);
    let next = hupd.home.json(&["run", "hello", "--wait"]);
    assert!(next["run"].as_u64() > run["run"].as_u64());
}

fn same_run(home: &Home, run: &Value) {
    assert_eq!(&home.runs("hello")[0], run);
    let id = run["run"].to_string();
    assert_eq!(text(&home.hupctl(&["logs", &id]).stdout), "hello\n");
}

#[test]
fn only_so_many_runs_of_each_job_are_kept() {
    let hupd = Hupd::start(
        "[history]\nkeep_runs = 3\n[jobs.hello]\ncommand = 'echo hello'\n[jobs.other]\ncommand = 'true'\n",
    );
    let first = run(&hupd.home, "hello");
    let other = run(&hupd.home, "other");
    let mut newest = first.clone();
    for _ in 0..9 {
        newest = run(&hupd.home, "hello");
    }

    // And the newest, which had no end yet when the old ones were looked at.
    wait_until("old ones are gone", || {
        (hupd.home.runs("hello").len() <= 3 + 1).then_some(())
    });

    assert_eq!(hupd.home.runs("hello")[0], newest);
    assert_eq!(hupd.home.runs("other"), [other]);
    let logs = hupd.home.hupctl(&["logs", &first["run"].to_string()]);
    assert_eq!(logs.status.code(), Some(1));
    assert!(
        text(&logs.stderr).contains("no run"),
        "{}",
        text(&logs.stderr)
    );
}

#[test]
fn a_plain_sqlite_reads_the_history_while_hupd_runs() {
    let hupd = Hupd::start("[jobs.hello]\ncommand = 'exit 3'\n");
    let run = run(&hupd.home, "hello");

    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = Connection::open_with_flags(database(&hupd.home), flags).unwrap();
    let sql = "SELECT id, outcome, fate FROM runs_readable JOIN ledger_readable ON run = id";
    let row: (u64, String, String) = database
        .query_row(sql, [], |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get(1)?, row.get(2)?))
        })
        .unwrap();

    let expected = (
        run["run"].as_u64().unwrap(),
        "exited 3".into(),
        "ran".into(),
    );
    assert_eq!(row, expected);
}

#[test]
fn nobody_else_can_read_what_is_in_the_state_folder() {
    let home = Home::new();
    home.configure(LOUD);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "umask 0; exec \"$@\"", "sh"]);
    shell.arg(home.hupd().get_program());
    shell.arg("-c").arg(home.config_file());
    let hupd = Hupd::launch_by(home, shell);
    hupd.wait_notified("READY=1");
    run(&hupd.home, "loud");

    let state = hupd.home.file("state");
    assert_eq!(mode(&state), 0o700);
    let files = state_files(&hupd.home, "hupd.db");
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_state_folder_that_cannot_be_written_fails_the_start() {
    let home = Home::new();
    home.configure(LOUD);
    let read_only = r#"mount --bind "$STATE" "$STATE"; mount -o remount,bind,ro "$STATE""#;
    let Some(command) = home.hupd_after(read_only) else {
        return skip("a read-only state folder: no mount namespace can be made");
    };

    let mut hupd = Hupd::launch_by(home, command);

    assert_eq!(hupd.wait().code(), Some(1));
    let log = hupd.log();
    let state = hupd.home.file("state").display().to_string();
    assert!(log.contains(&state), "{log}");
    assert!(log.contains("read-only file system"), "{log}");
    assert!(log.ends_with("not started\n"), "{log}");
}

#[test]
fn a_full_disk_stops_no_job_and_room_brings_the_history_back() {
    let home = Home::new();
    home.configure(&format!("{}{LOUD}", ticking(&home)));
    let small = r#"mount -t tmpfs -o size=16m,mode=700 tmpfs "$STATE""#;
    let Some(command) = home.hupd_after(small) else {
        return skip("a full disk: no mount namespace can be made");
    };
    let hupd = Hupd::launch_by(home, command);
    hupd.wait_notified("READY=1");
    let ballast = in_the_namespace(&hupd, "state/ballast");
    wait_for_ticks(&hupd.home, 1);

    fill(&ballast);
    let failure = wait_for_failure(&hupd.home);
    let before = ticks(&hupd.home).len();
    wait_for_ticks(&hupd.home, before + 2);
    // More than is held in memory: the output of some is lost, and that is counted.
    let loud: Vec<_> = (0..24).map(|_| run(&hupd.home, "loud")).collect();
    assert!(failure.contains("full"), "{failure}");
    let shown = text(&hupd.home.hupctl(&["status"]).stdout);
    assert!(shown.contains(&failure), "{shown}");
    let unrecorded = hupd.home.json(&["status"])["unrecorded"].clone();
    assert!(unrecorded["since"].is_string(), "{unrecorded}");
    assert!(unrecorded["waiting"].as_u64() > Some(0), "{unrecorded}");
    assert!(unrecorded["lost"].as_u64() > Some(0), "{unrecorded}");
    assert!(shown.contains("records that wait: "), "{shown}");
    fs::remove_file(&ballast).unwrap();
    wait_for_recovery(&hupd.home);

    let recorded = hupd.home.runs("loud");
    assert_eq!(recorded.len(), loud.len());
    assert!(recorded.iter().all(|run| run["outcome"] == "exited 0"));
    every_tick_is_recorded(&hupd.home);
    let lost = lost_records(&hupd.log());
    let without_output = loud
        .iter()
        .filter(|run| {
            let id = run["run"].to_string();
            hupd.home.hupctl(&["logs", &id]).stdout.is_empty()
        })
        .count();
    assert!(lost > 0);
    assert_eq!(without_output, lost);
}

#[test]
fn a_corrupt_store_is_replaced_as_soon_as_there_is_room_for_a_new_one() {
    let home = Home::new();
    home.configure(&format!("{}{LOUD}", ticking(&home)));
    let mut before = Hupd::start_in(home);
    let first = run(&before.home, "loud")["run"].to_string();
    before.stop();
    let home = std::mem::replace(&mut before.home, Home::new());
    let few_files = r#"cp -a "$STATE" "$STATE.before"
        mount -t tmpfs -o size=16m,nr_inodes=16,mode=700 tmpfs "$STATE"
        cp "$STATE.before"/* "$STATE""#;
    let Some(command) = home.hupd_after(few_files) else {
        return skip("a corrupt store without room for a new one: no mount namespace can be made");
    };
    let hupd = Hupd::launch_by(home, command);
    hupd.wait_notified("READY=1");
    let store = in_the_namespace(&hupd, "state/hupd.db");
    // Neither its other files can go nor new ones come.
    cut_off(&store);
    let mut ballast = vec![in_the_namespace(&hupd, "state/ballast")];
    fill(&ballast[0]);
    let more = (0..).map(|number| in_the_namespace(&hupd, &format!("state/ballast{number}")));
    ballast.extend(more.take_while(|path| fs::File::create(path).is_ok()));
    let logs = hupd.home.hupctl(&["logs", &first]);
    assert!(text(&logs.stderr).contains("malformed"), "{logs:?}");
    let failure = wait_until("the status tells that there is no new one", || {
        let failure = hupd.home.json(&["status"])["store_failure"].clone();
        let failure = failure.as_str()?;
        failure.contains("a new one").then(|| failure.to_owned())
    });
    let parts = [
        "malformed; a new one cannot be begun: ",
        "no space left on device",
    ];
    assert!(parts.iter().all(|part| failure.contains(part)), "{failure}");
    let before = ticks(&hupd.home).len();
    wait_for_ticks(&hupd.home, before + 2);
    let log = hupd.log();
    assert_eq!(log.matches("a new one cannot be begun").count(), 1, "{log}");
    for path in &ballast {
        fs::remove_file(path).unwrap();
    }
    wait_for_recovery(&hupd.home);

    let moved = hupd.home.json(&["status"])["history_moved"].to_string();
    assert!(moved.contains("it is kept as"), "{moved}");
    let files = fs::read_dir(store.parent().unwrap()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let aside: Vec<_> = names.filter(|name| name.ends_with('Z')).collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    let last = *ticks(&hupd.home).last().unwrap();
    wait_until("runs are recorded in the new one", || {
        let runs = hupd.home.runs("tick");
        runs.iter()
            .any(|run| run["run"].as_u64() >= Some(last))
            .then_some(())
    });
}

#[test]
fn history_comes_back_though_nothing_is_to_be_recorded_any_more() {
    let hupd = Hupd::start("[jobs.hello]\ncommand = 'true'\n");
    let shell = Connection::open(database(&hupd.home)).unwrap();
    shell.execute_batch("BEGIN EXCLUSIVE").unwrap();
    hupd.home.json(&["run", "hello", "--wait"]);
    wait_for_failure(&hupd.home);
    shell.execute_batch("ROLLBACK").unwrap();
    hupd.wait_log("history is recorded again; nothing was lost");
    wait_for_recovery(&hupd.home);
}

#[test]
fn a_locked_database_stops_no_job_and_nothing_is_lost() {
    let home = Home::new();
    home.configure(&ticking(&home));
    let hupd = Hupd::start_in(home);
    wait_for_ticks(&hupd.home, 1);

    let shell = Connection::open(database(&hupd.home)).unwrap();
    shell.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let failure = wait_for_failure(&hupd.home);
    let before = ticks(&hupd.home).len();
    wait_for_ticks(&hupd.home, before + 2);
    assert!(failure.contains("database is locked"), "{failure}");
    shell.execute_batch("ROLLBACK").unwrap();
    wait_for_recovery(&hupd.home);

    every_tick_is_recorded(&hupd.home);
    assert_eq!(lost_records(&hupd.log()), 0);
}

#[test]
fn what_a_failing_store_owes_is_written_at_the_stop() {
    let home = Home::new();
    home.configure("[jobs.hello]\ncommand = 'true'\n");
    let mut hupd = Hupd::start_in(home);
    let shell = Connection::open(database(&hupd.home)).unwrap();
    shell.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let run = run(&hupd.home, "hello");
    shell.execute_batch("ROLLBACK").unwrap();
    drop(shell);

    hupd.stop();

    let hupd = Hupd::start_in(std::mem::replace(&mut hupd.home, Home::new()));
    assert_eq!(hupd.home.runs("hello")[0]["run"], run["run"]);
    assert_eq!(hupd.home.runs("hello")[0]["outcome"], "exited 0");
}

#[test]
fn what_cannot_be_written_even_at_the_stop_is_said() {
    let home = Home::new();
    home.configure("[jobs.hello]\ncommand = 'true'\n");
    let mut hupd = Hupd::start_in(home);
    let shell = Connection::open(database(&hupd.home)).unwrap();
    shell.execute_batch("BEGIN EXCLUSIVE").unwrap();
    run(&hupd.home, "hello");

    hupd.stop();

    hupd.wait_log("history cannot be recorded even at the end; records lost: ");
}

fn ticks(home: &Home) -> Vec<u64> {
    let ticks = home.read("ticks");
    ticks.lines().map(|run| run.parse().unwrap()).collect()
}

fn wait_for_ticks(home: &Home, count: usize) {
    wait_until("the job has run again", || {
        (ticks(home).len() >= count).then_some(())
    });
}

fn every_tick_is_recorded(home: &Home) {
    let ticks = ticks(home);
    let recorded: Vec<_> = home
        .runs("tick")
        .iter()
        .map(|run| run["run"].as_u64().unwrap())
        .collect();
    let missing: Vec<_> = ticks.iter().filter(|run| !recorded.contains(run)).collect();
    assert!(missing.is_empty(), "{missing:?} of {ticks:?}");
}

/// Why the history is not recorded, once it is not.
fn wait_for_failure(home: &Home) -> String {
    wait_until("the status tells of the failure", || {
        let status = home.json(&["status"]);
        status["store_failure"].as_str().map(str::to_owned)
    })
}

/// What the log says when the history is back.
fn lost_records(log: &str) -> usize {
    let said = log.split("history is recorded again; ").nth(1);
    let said = said.and_then(|rest| rest.lines().next());
    match said.unwrap_or_else(|| panic!("{log}")) {
        "nothing was lost" => 0,
        lost => lost.rsplit(' ').next().unwrap().parse().unwrap(),
    }
}

/// Where the test sees a file of this hupd.
fn in_the_namespace(hupd: &Hupd, name: &str) -> PathBuf {
    let path = hupd.home.file(name);
    PathBuf::from(format!(
        "/proc/{}/root{}",
        hupd.pid().as_raw_pid(),
        path.display()
    ))
}

fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

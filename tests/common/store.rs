//! The store of a home, read from outside.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use super::{Home, wait_until};

/// The store of a hupd that has ended.
pub fn store(home: &Home) -> Connection {
    Connection::open(home.file("state/hupd.db")).expect("a store")
}

/// The ledger of a job: what was due when, what became of it, and why.
pub fn fates(home: &Home, job: &str) -> Vec<(Timestamp, String, String)> {
    let store = store(home);
    let sql = "SELECT instant, fate, reason FROM ledger WHERE job = ?1 ORDER BY instant";
    let mut rows = store.prepare(sql).expect("a ledger");
    let rows = rows.query_map([job], |row| {
        let instant = Timestamp::from_microsecond(row.get(0)?).expect("a time");
        Ok((instant, row.get(1)?, row.get(2)?))
    });
    rows.and_then(Iterator::collect).expect("rows")
}

/// A copy as a crash has left it: cleaning up is hupd's own affair. It must be sound.
pub fn copied_store(home: &Home) -> (TempDir, Connection) {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["hupd.db", "hupd.db-wal"] {
        let _ = fs::copy(home.file("state").join(name), folder.path().join(name));
    }
    let copy = Connection::open(folder.path().join("hupd.db")).expect("a store");
    let verdict: String = copy
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("a verdict");
    assert_eq!(verdict, "ok", "the store is not sound after a crash");
    (folder, copy)
}

/// The runs without an end, but for those that wait for their next attempt; none where there is no table yet.
pub fn open_runs(store: &Connection) -> Vec<u64> {
    let Ok(mut open) =
        store.prepare("SELECT id FROM runs WHERE ended_at IS NULL AND next_attempt_at IS NULL")
    else {
        return Vec::new();
    };
    let ids = open.query_map([], |row| row.get::<_, i64>(0));
    ids.expect("rows")
        .map(|id| id.expect("a row") as u64)
        .collect()
}

/// A run that has ended, and that the store has heard of.
pub fn run(home: &Home, job: &str) -> Value {
    let run = home.json(&["run", job, "--wait"]);
    // Answered behind all that was recorded before.
    home.runs(job);
    run
}

pub fn database(home: &Home) -> PathBuf {
    home.file("state/hupd.db")
}

/// The files of the state folder with this in their paths.
pub fn state_files(home: &Home, prefix: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(home.file("state")).expect("a folder");
    let paths = files.map(|file| file.expect("a file").path());
    let is_meant = |path: &PathBuf| path.to_string_lossy().contains(prefix);
    paths.filter(is_meant).collect()
}

pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

pub fn wait_for_recovery(home: &Home) {
    wait_until("the history is recorded again", || {
        home.json(&["status"])["store_failure"]
            .is_null()
            .then_some(())
    });
}

/// All but the first page: so much is known to whoever has the file open.
pub fn scribble(path: &Path) {
    let mut bytes = fs::read(path).expect("a store");
    bytes[4096..].fill(0x5a);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .open(path)
        .expect("a store");
    file.write_all(&bytes).expect("room");
}

/// All but the first page is gone.
pub fn cut_off(path: &Path) {
    let file = fs::OpenOptions::new()
        .write(true)
        .open(path)
        .expect("a store");
    file.set_len(4096).expect("a store");
}

//! Finds and removes old rows, looking at few that stay.

use rusqlite::{Connection, params};

use super::columns::whole;

/// The job after `last`, in the order of names, that has runs.
pub(super) fn next_job(connection: &Connection, last: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT min(job) FROM runs WHERE job > ?1 AND ended_at IS NOT NULL")?
        .query_row(params![last], |row| row.get(0))
}

/// Decided before then, and due before then: a line keeps its occurrence from running again.
pub(super) fn remove_lines(
    connection: &Connection,
    before: i64,
    most: usize,
) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM ledger WHERE (instant, job, trigger) IN (
               SELECT instant, job, trigger FROM ledger
               WHERE instant < ?1 AND decided_at < ?1 AND fate <> 'waiting'
               ORDER BY instant LIMIT ?2)",
        )?
        .execute(params![before, whole(most as u64)])
}

/// Among the oldest runs of the job those that ended before then; never the newest that has ended.
pub(super) fn old_runs(
    connection: &Connection,
    job: &str,
    before: i64,
    most: usize,
) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT id FROM (SELECT id, ended_at FROM runs
               WHERE job = ?1 AND ended_at IS NOT NULL AND id <
                 (SELECT max(id) FROM runs WHERE job = ?1 AND ended_at IS NOT NULL)
               ORDER BY id LIMIT ?3)
             WHERE ended_at < ?2",
        )?
        .query_map(params![job, before, whole(most as u64)], |row| row.get(0))?
        .collect()
}

/// What is older than the newest `keep` runs of the job that have ended; never the newest.
pub(super) fn surplus_runs(
    connection: &Connection,
    job: &str,
    keep: u64,
    most: usize,
) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT id FROM runs
             WHERE job = ?1 AND ended_at IS NOT NULL AND id <
               (SELECT id FROM runs WHERE job = ?1 AND ended_at IS NOT NULL
                ORDER BY id DESC LIMIT 1 OFFSET ?2)
             ORDER BY id LIMIT ?3",
        )?
        .query_map(
            params![job, whole(keep.saturating_sub(1)), whole(most as u64)],
            |row| row.get(0),
        )?
        .collect()
}

/// With their outputs.
pub(super) fn remove_runs(connection: &Connection, runs: &[i64]) -> rusqlite::Result<usize> {
    let mut outputs = connection.prepare_cached("DELETE FROM outputs WHERE run = ?1")?;
    let mut attempts = connection.prepare_cached("DELETE FROM attempts WHERE run = ?1")?;
    let mut rows = connection.prepare_cached("DELETE FROM runs WHERE id = ?1")?;
    for run in runs {
        outputs.execute([run])?;
        attempts.execute([run])?;
        rows.execute([run])?;
    }
    Ok(runs.len())
}

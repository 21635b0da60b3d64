//! What an earlier life left open is closed, and what must go on counting is read.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Row, TransactionBehavior, params};

use crate::ledger::Anchor;
use crate::run::{Generation, JobName, Outcome, RunId};

use super::columns::{Micros, Whole};
use super::{LostRun, Recovered};

/// Closes what is open as of `now`; all of it or nothing.
pub(super) fn recover(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<Recovered> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let recovered = Recovered {
        last_run: last_run(&transaction)?.map(RunId),
        last_generation: last_generation(&transaction)?.map(Generation),
        anchors: anchors(&transaction)?,
        lost: close_lost_runs(&transaction, now)?,
        missed: miss_waiting(&transaction, now)?,
        moved_aside: None,
    };
    transaction.commit()?;
    Ok(recovered)
}

fn last_run(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    connection.query_row(
        "SELECT max(value) FROM (SELECT value FROM marks WHERE name = 'run'
           UNION ALL SELECT max(id) FROM runs)",
        [],
        |row| Ok(row.get::<_, Option<Whole>>(0)?.map(|value| value.0)),
    )
}

fn last_generation(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    connection.query_row(
        "SELECT nullif(max(value), 0) FROM (SELECT value FROM marks WHERE name = 'generation'
           UNION ALL SELECT max(number) FROM generations)",
        [],
        |row| Ok(row.get::<_, Option<Whole>>(0)?.map(|value| value.0)),
    )
}

fn anchors(connection: &Connection) -> rusqlite::Result<BTreeMap<JobName, Anchor>> {
    connection
        .prepare("SELECT job, every, at FROM anchors")?
        .query_map([], anchor)?
        .map(|anchor| anchor.map(|anchor| (anchor.job.clone(), anchor)))
        .collect()
}

fn anchor(row: &Row<'_>) -> rusqlite::Result<Anchor> {
    Ok(Anchor {
        job: JobName::new(row.get_ref(0)?.as_str()?),
        every: Duration::from_micros(row.get::<_, Whole>(1)?.0),
        at: row.get::<_, Micros>(2)?.0,
    })
}

fn close_lost_runs(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<LostRun>> {
    let lost = connection
        .prepare("SELECT id, job, pid, started_at FROM runs WHERE ended_at IS NULL ORDER BY id")?
        .query_map([], lost_run)?
        .collect::<rusqlite::Result<_>>()?;
    connection.execute(
        "UPDATE runs SET ended_at = ?1, outcome = ?2 WHERE ended_at IS NULL",
        params![Micros(now), Outcome::Lost.to_string()],
    )?;
    Ok(lost)
}

fn lost_run(row: &Row<'_>) -> rusqlite::Result<LostRun> {
    Ok(LostRun {
        run: row.get(0)?,
        job: JobName::new(row.get_ref(1)?.as_str()?),
        pid: row.get(2)?,
        started_at: row.get::<_, Option<Micros>>(3)?.map(|at| at.0),
    })
}

fn miss_waiting(connection: &Connection, now: Timestamp) -> rusqlite::Result<usize> {
    connection.execute(
        "UPDATE ledger SET fate = 'missed', reason = 'hupd ended before it could start', decided_at = ?1
         WHERE fate = 'waiting'",
        params![Micros(now)],
    )
}

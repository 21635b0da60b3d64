//! What an earlier life left open is closed, and what must go on counting is read.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use crate::ledger::{Anchor, Waited};
use crate::run::{Generation, JobName, Occurrence, Outcome, RunId};

use super::columns::{Micros, TriggerName, Whole};
use super::{LostRun, Recovered};

/// Closes what is open as of `now`; all of it or nothing.
pub(super) fn recover(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<Recovered> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let recovered = Recovered {
        last_run: last_run(&transaction)?.map(RunId),
        last_generation: last_generation(&transaction)?.map(Generation),
        anchors: anchors(&transaction)?,
        lost: close_lost_runs(&transaction, now)?,
        waiting: waiting(&transaction)?,
        timings: timings(&transaction)?,
        decided: instant(&transaction, "decided")?,
        lived: instant(&transaction, "lived")?,
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

fn waiting(connection: &Connection) -> rusqlite::Result<Vec<Waited>> {
    connection
        .prepare(
            "SELECT job, instant, trigger, starts_at FROM ledger WHERE fate = 'waiting'
             ORDER BY instant, job, trigger",
        )?
        .query_map([], |row| {
            Ok(Waited {
                occurrence: Occurrence {
                    job: JobName::new(row.get_ref(0)?.as_str()?),
                    instant: row.get::<_, Micros>(1)?.0,
                    trigger: row.get::<_, TriggerName>(2)?.0,
                },
                starts_at: row.get::<_, Option<Micros>>(3)?.map(|at| at.0),
            })
        })?
        .collect()
}

fn timings(connection: &Connection) -> rusqlite::Result<HashMap<JobName, String>> {
    connection
        .prepare("SELECT job, timing FROM timings")?
        .query_map([], |row| {
            Ok((JobName::new(row.get_ref(0)?.as_str()?), row.get(1)?))
        })?
        .collect()
}

fn instant(connection: &Connection, mark: &str) -> rusqlite::Result<Option<Timestamp>> {
    let sql = "SELECT value FROM marks WHERE name = ?1";
    let value = connection.query_row(sql, [mark], |row| row.get::<_, Micros>(0));
    Ok(value.optional()?.map(|value| value.0))
}

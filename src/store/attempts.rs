//! The attempts of runs that failed and were followed by another one. The last attempt of a run is in the row of the run.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::ledger::{Failed, NextAttempt, Resting, RunEnd};
use crate::protocol::{OutputRow, RunRow};
use crate::run::{JobName, Occurrence, Outcome, Output, RunId, Usage};

use super::columns::{Micros, TriggerName, Whole, micros, whole};
use super::reader::{output_row, run_row};
use super::record::{exit_of, of_a_run, survivors};

pub(super) fn write_failed(connection: &Connection, failed: &Failed) -> rusqlite::Result<()> {
    let end = &failed.end;
    let (exit_code, signal) = exit_of(&end.outcome);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO attempts (run, attempt, pid, started_at, ended_at, duration, outcome,
               exit_code, signal, stopped_by, cpu, peak_memory, output_total, head, tail, survivors)
             SELECT id, ?2, pid, started_at, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14
             FROM runs WHERE id = ?1",
        )?
        .execute(params![
            end.run,
            failed.attempt,
            Micros(end.at),
            micros(end.duration),
            end.outcome.to_string(),
            exit_code,
            signal,
            end.stopped_by.map(|why| why.to_string()),
            micros(end.usage.cpu),
            end.usage.peak_memory.map(whole),
            whole(end.output.total),
            end.output.head,
            end.output.tail,
            survivors(&end.survivors),
        ])?;
    connection
        .prepare_cached(
            "UPDATE runs SET pid = NULL, started_at = NULL, boot = NULL, born_by = NULL, born_elapsed = NULL,
               home = NULL, home_inode = NULL, attempt = ?2, next_attempt_at = ?3, retry_delay = ?4
             WHERE id = ?1",
        )?
        .execute(params![
            end.run,
            failed.attempt,
            Micros(failed.next_at),
            micros(failed.delay),
        ])
        .and_then(of_a_run)
}

pub(super) fn write_next_attempt(
    connection: &Connection,
    next: NextAttempt,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE runs SET attempt = ?2, generation = ?3, next_attempt_at = NULL, retry_delay = NULL
             WHERE id = ?1",
        )?
        .execute(params![next.run, next.attempt, next.generation])
        .and_then(of_a_run)
}

/// The row of the run tells of its last attempt again.
pub(super) fn write_end_of_rest(connection: &Connection, end: &RunEnd) -> rusqlite::Result<()> {
    const LAST: &str =
        "FROM attempts JOIN runs ON runs.id = attempts.run AND runs.attempt = attempts.attempt
         WHERE attempts.run = ?1";
    let sql = format!(
        "INSERT OR REPLACE INTO outputs (run, head, tail, total)
         SELECT run, head, tail, attempts.output_total {LAST} AND attempts.output_total > 0"
    );
    connection.prepare_cached(&sql)?.execute([end.run])?;
    connection
        .prepare_cached(
            "UPDATE runs SET ended_at = ?2, stopped_by = ?3, success = 0, next_attempt_at = NULL,
               retry_delay = NULL, pid = a.pid, started_at = a.started_at, duration = a.duration,
               outcome = a.outcome, exit_code = a.exit_code, signal = a.signal, cpu = a.cpu,
               peak_memory = a.peak_memory, output_total = a.output_total, survivors = a.survivors
             FROM attempts AS a WHERE runs.id = ?1 AND a.run = ?1 AND a.attempt = runs.attempt",
        )?
        .execute(params![
            end.run,
            Micros(end.at),
            end.stopped_by.map(|why| why.to_string())
        ])
        .and_then(of_a_run)?;
    connection
        .prepare_cached(
            "DELETE FROM attempts WHERE run = ?1
               AND attempt = (SELECT attempt FROM runs WHERE id = ?1)",
        )?
        .execute([end.run])
        .map(|_| ())
}

/// What one attempt of a run wrote; the last one, where no other has followed, is that of the run.
pub(super) fn output(
    connection: &Connection,
    run: RunId,
    attempt: u32,
) -> rusqlite::Result<Option<OutputRow>> {
    let sql = "SELECT run, false, head, tail, output_total FROM attempts
         WHERE run = ?1 AND attempt = ?2
         UNION ALL
         SELECT id, ended_at IS NULL, head, tail, total FROM runs LEFT JOIN outputs ON run = id
         WHERE id = ?1 AND attempt = ?2 AND next_attempt_at IS NULL";
    let mut statement = connection.prepare_cached(sql)?;
    let row = statement.query_row(params![run, attempt], output_row);
    row.optional()
}

/// Attempts as `run_row` reads them, and what they wrote.
const SELECT: &str =
    "SELECT run, job, trigger, instant, generation, a.pid, a.started_at, a.ended_at,
       a.outcome, a.exit_code, a.signal, a.stopped_by, a.duration, a.cpu, a.peak_memory,
       a.output_total, 0, a.attempt, NULL, NULL, a.survivors, head, tail
     FROM attempts AS a JOIN runs ON id = run";

/// The attempts of a run that were followed by another one, the first one first, each told as a run.
pub(super) fn of_run(connection: &Connection, run: RunId) -> rusqlite::Result<Vec<RunRow>> {
    let sql = format!("{SELECT} WHERE run = ?1 ORDER BY a.attempt");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([run], run_row)?;
    rows.collect()
}

/// The first of them that is there, from this one on, and what it wrote.
pub(super) fn first_from(
    connection: &Connection,
    run: RunId,
    attempt: u32,
) -> rusqlite::Result<Option<(RunRow, Output)>> {
    let sql = format!("{SELECT} WHERE run = ?1 AND a.attempt >= ?2 ORDER BY a.attempt LIMIT 1");
    let mut statement = connection.prepare_cached(&sql)?;
    let row = statement.query_row(params![run, attempt], |row| {
        let output = Output {
            head: row.get("head")?,
            tail: row.get("tail")?,
            total: row.get::<_, Whole>("output_total")?.0,
        };
        Ok((run_row(row)?, output))
    });
    row.optional()
}

/// Runs that wait for their next attempt, by number.
pub(super) fn resting(connection: &Connection) -> rusqlite::Result<Vec<Resting>> {
    connection
        .prepare(
            "SELECT id, job, instant, trigger, runs.attempt, next_attempt_at, retry_delay, a.ended_at,
               a.duration, a.outcome, a.cpu, a.peak_memory, a.output_total
             FROM runs JOIN attempts AS a ON a.run = id AND a.attempt = runs.attempt
             WHERE runs.ended_at IS NULL AND next_attempt_at IS NOT NULL ORDER BY id",
        )?
        .query_map([], resting_row)?
        .collect()
}

fn resting_row(row: &Row<'_>) -> rusqlite::Result<Resting> {
    let duration = |column: usize| -> rusqlite::Result<Duration> {
        Ok(Duration::from_micros(row.get::<_, Whole>(column)?.0))
    };
    Ok(Resting {
        occurrence: Occurrence {
            job: JobName::new(row.get_ref(1)?.as_str()?),
            instant: row.get::<_, Micros>(2)?.0,
            trigger: row.get::<_, TriggerName>(3)?.0,
        },
        attempt: row.get(4)?,
        next_at: row.get::<_, Micros>(5)?.0,
        delay: duration(6)?,
        end: RunEnd {
            run: row.get(0)?,
            at: row.get::<_, Micros>(7)?.0,
            duration: duration(8)?,
            outcome: Outcome::from_text(row.get_ref(9)?.as_str()?),
            success: false,
            stopped_by: None,
            usage: Usage {
                cpu: duration(10)?,
                peak_memory: row.get::<_, Option<Whole>>(11)?.map(|bytes| bytes.0),
            },
            survivors: Vec::new(),
            output: Output {
                total: row.get::<_, Whole>(12)?.0,
                ..Output::default()
            },
        },
    })
}

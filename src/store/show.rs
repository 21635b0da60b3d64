//! All that is known of one run or one job, and what is usual for a job.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::config::Config;
use crate::forecast::{Forecast, zone_of};
use crate::protocol::{JobDetails, NextFilter, RunDetails, RunFilter, RunRow, Usual};
use crate::run::{JobName, RunId};

use super::columns::{Micros, Whole, seconds, whole};
use super::{attempts, reader, search};

/// Runs, and coming instants, that are shown of a job.
const SHOWN: usize = 5;

/// None where there is no such run, or it is not kept any more.
pub(super) fn run(
    connection: &Connection,
    run: RunId,
    config: &Config,
) -> rusqlite::Result<Option<RunDetails>> {
    let Some(row) = reader::run(connection, run)? else {
        return Ok(None);
    };
    let Some((claimed_at, kept)) = more(connection, run)? else {
        return Ok(None);
    };
    Ok(Some(RunDetails {
        scheduled_local: local(&row, config),
        claimed_at,
        starting_since: None,
        shortage: None,
        late_seconds: row.started_at.map(|start| late(&row, start)),
        reason: reason(connection, &row)?,
        output_kept_bytes: kept,
        output_lost_bytes: row.output_bytes.unwrap_or(kept).saturating_sub(kept),
        attempts: attempts::of_run(connection, run)?,
        usual: usual(connection, &row.job)?,
        run: row,
    }))
}

/// What is known of the runs and the coming instants of a job.
pub(super) fn job(
    connection: &Connection,
    mut details: Box<JobDetails>,
    forecast: &Forecast,
) -> rusqlite::Result<Box<JobDetails>> {
    let name = &details.job.job;
    let filter = RunFilter {
        job: Some(name.clone()),
        limit: SHOWN,
        ..RunFilter::default()
    };
    let coming = forecast.next(&NextFilter {
        job: Some(name.clone()),
        count: SHOWN,
        ..NextFilter::default()
    });
    let usual = usual(connection, name)?;
    details.runs = search::runs(connection, &filter)?;
    details.coming = coming.map(|rows| rows.next).unwrap_or_default();
    details.usual = usual;
    Ok(details)
}

/// When it was claimed, and how much of its output is kept.
fn more(connection: &Connection, run: RunId) -> rusqlite::Result<Option<(Timestamp, u64)>> {
    connection
        .prepare_cached(
            "SELECT claimed_at, coalesce(length(head) + length(tail), 0)
             FROM runs LEFT JOIN outputs ON run = id WHERE id = ?1",
        )?
        .query_row([run], |row| {
            Ok((row.get::<_, Micros>(0)?.0, row.get::<_, Whole>(1)?.0))
        })
        .optional()
}

/// A job that is not in the file any more is told in the zone of the others.
fn local(row: &RunRow, config: &Config) -> String {
    let job = config.jobs.get(&JobName::new(&row.job));
    let zone = job.map_or(&config.daemon.timezone, |job| zone_of(job, config));
    zone.format(row.scheduled_for)
}

fn late(row: &RunRow, start: Timestamp) -> f64 {
    row.scheduled_for.duration_until(start).as_secs_f64()
}

fn reason(connection: &Connection, row: &RunRow) -> rusqlite::Result<Option<String>> {
    let reason: Option<String> = connection
        .prepare_cached(
            "SELECT reason FROM ledger WHERE instant = ?1 AND job = ?2 AND trigger = ?3",
        )?
        .query_row(
            params![Micros(row.scheduled_for), row.job, row.trigger.as_str()],
            |row| row.get(0),
        )
        .optional()?;
    Ok(reason.filter(|reason| !reason.is_empty()))
}

/// Of the newest runs of the job.
pub(super) fn usual(connection: &Connection, job: &str) -> rusqlite::Result<Usual> {
    let mut statement = connection.prepare_cached(
        "SELECT success, duration FROM runs INDEXED BY runs_of_job
         WHERE job = ?1 AND ended_at IS NOT NULL ORDER BY id DESC LIMIT ?2",
    )?;
    let mut rows = statement.query(params![job, whole(Usual::RUNS as u64)])?;
    let (mut ended, mut durations) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        ended += 1;
        if row.get::<_, Option<bool>>(0)? == Some(true) {
            durations.extend(row.get::<_, Option<i64>>(1)?.map(seconds));
        }
    }
    Ok(Usual::of(ended, durations))
}

//! What an earlier life left open is read, and what must go on counting.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::ledger::{Anchor, Birth, Home, OpenRun, Pause, RunStart, Waited};
use crate::run::{Generation, JobName, Occurrence, RunId};

use super::Recovered;
use super::attempts::resting;
use super::columns::{Micros, TriggerName, Whole};
use super::confirmed::unconfirmed;

/// Runs that are not over, and those of them that do not wait for their next attempt.
pub(super) const UNENDED: &str = "ended_at IS NULL";
const NOT_WAITING: &str = "ended_at IS NULL AND next_attempt_at IS NULL";

/// Nobody writes meanwhile: there is one hupd for each store.
pub(super) fn recover(connection: &Connection) -> rusqlite::Result<Recovered> {
    Ok(Recovered {
        last_run: last_run(connection)?.map(RunId),
        last_generation: last_generation(connection)?.map(Generation),
        anchors: anchors(connection)?,
        open: open_runs(connection, NOT_WAITING)?,
        waiting: waiting(connection)?,
        resting: resting(connection)?,
        timings: timings(connection)?,
        decided: instant(connection, "decided")?,
        lived: instant(connection, "lived")?,
        pauses: pauses(connection)?,
        is_unconfirmed: unconfirmed(connection)?.is_some(),
        moved_aside: None,
    })
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

/// The runs of which that holds, by number.
pub(super) fn open_runs(connection: &Connection, which: &str) -> rusqlite::Result<Vec<OpenRun>> {
    connection
        .prepare(&format!(
            "SELECT id, job, instant, trigger, generation, pid, started_at, boot, born_by,
               born_elapsed, attempt, home, home_inode
             FROM runs WHERE {which} ORDER BY id"
        ))?
        .query_map([], open_run)?
        .collect()
}

fn open_run(row: &Row<'_>) -> rusqlite::Result<OpenRun> {
    let run = row.get(0)?;
    let started = row.get::<_, Option<i32>>(5)?;
    let started = started.zip(row.get::<_, Option<Micros>>(6)?);
    let birth = birth(row)?;
    Ok(OpenRun {
        run,
        occurrence: Occurrence {
            job: JobName::new(row.get_ref(1)?.as_str()?),
            instant: row.get::<_, Micros>(2)?.0,
            trigger: row.get::<_, TriggerName>(3)?.0,
        },
        generation: Generation(row.get::<_, Whole>(4)?.0),
        attempt: row.get(10)?,
        start: started.map(|(pid, at)| RunStart {
            run,
            pid,
            at: at.0,
            birth,
        }),
    })
}

fn birth(row: &Row<'_>) -> rusqlite::Result<Option<Birth>> {
    let birth = row.get::<_, Option<Whole>>(7)?;
    let birth = birth.zip(row.get::<_, Option<Whole>>(8)?);
    let birth = birth.zip(row.get::<_, Option<Whole>>(9)?);
    let home = row.get::<_, Option<String>>(11)?;
    let home = home.zip(row.get::<_, Option<Whole>>(12)?);
    Ok(birth.map(|((boot, by), elapsed)| Birth {
        boot: boot.0,
        by: Duration::from_micros(by.0),
        elapsed: Duration::from_micros(elapsed.0),
        home: home.map(|(path, inode)| Home {
            path: PathBuf::from(path).into(),
            inode: inode.0,
        }),
    }))
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

fn pauses(connection: &Connection) -> rusqlite::Result<Vec<Pause>> {
    connection
        .prepare("SELECT job, since, until, asked_by, reason FROM pauses ORDER BY job")?
        .query_map([], |row| {
            Ok(Pause {
                job: JobName::new(row.get_ref(0)?.as_str()?),
                since: row.get::<_, Micros>(1)?.0,
                until: row.get::<_, Option<Micros>>(2)?.map(|until| until.0),
                by: row.get(3)?,
                reason: row.get(4)?,
            })
        })?
        .collect()
}

fn instant(connection: &Connection, mark: &str) -> rusqlite::Result<Option<Timestamp>> {
    let sql = "SELECT value FROM marks WHERE name = ?1";
    let value = connection.query_row(sql, [mark], |row| row.get::<_, Micros>(0));
    Ok(value.optional()?.map(|value| value.0))
}

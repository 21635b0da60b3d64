//! The lines of the ledger, and the runs that claims begin.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::event::Claimed;
use crate::ledger::{Claim, Entry, OpenRun, STANDS_FOR_MORE};
use crate::run::{Generation, Occurrence, RunId};

use super::columns::{Micros, fate_name};
use super::record::write_start;

/// Whether the ledger says already that this occurrence must not run.
pub(super) fn is_decided(
    connection: &Connection,
    occurrence: &Occurrence,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM ledger
             WHERE job = ?1 AND instant = ?2 AND trigger = ?3 AND fate NOT IN ('waiting', 'missed')",
        )?
        .exists(params![
            occurrence.job.as_str(),
            Micros(occurrence.instant),
            occurrence.trigger.as_str(),
        ])
}

/// One line of the ledger, whatever it says.
struct Line<'a> {
    occurrence: &'a Occurrence,
    fate: &'static str,
    reason: &'a str,
    generation: Generation,
    run: Option<RunId>,
    starts_at: Option<Timestamp>,
}

impl<'a> Line<'a> {
    fn of(claim: &'a Claim) -> Self {
        Self {
            occurrence: &claim.occurrence,
            fate: "ran",
            reason: &claim.reason,
            generation: claim.generation,
            run: Some(claim.run),
            starts_at: None,
        }
    }
}

/// Adds a line, or decides one that waits. Whether it did: what is decided stays, but for what was missed in a time
/// that comes once more because the clock was set back: what is decided then counts. For what else it stood, it goes on
/// to stand: until the later one of both instants, where the new line stands for more as well.
fn write_line(
    connection: &Connection,
    line: &Line<'_>,
    at: Timestamp,
) -> rusqlite::Result<Claimed> {
    let reason = line.reason;
    let (own, others) = reason.split_at(reason.find(STANDS_FOR_MORE).unwrap_or(reason.len()));
    let written = connection
        .prepare_cached(
            "INSERT INTO ledger (job, instant, trigger, fate, reason, generation, run, decided_at, starts_at)
             VALUES (?1, ?2, ?3, ?4, ?5 || ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT DO UPDATE SET fate = excluded.fate,
               reason = ltrim(?5 || max(?6, iif(instr(reason, ?11), substr(reason, instr(reason, ?11)), '')), '; '),
               generation = excluded.generation, run = excluded.run, decided_at = excluded.decided_at,
               starts_at = excluded.starts_at
             WHERE fate = 'waiting' OR (fate = 'missed' AND excluded.fate <> 'missed')",
        )?
        .execute(params![
            line.occurrence.job.as_str(),
            Micros(line.occurrence.instant),
            line.occurrence.trigger.as_str(),
            line.fate,
            own,
            others,
            line.generation,
            line.run,
            Micros(at),
            line.starts_at.map(Micros),
            STANDS_FOR_MORE,
        ])?;
    Ok(match written {
        0 => Claimed::AlreadyThere,
        _ => Claimed::Yes,
    })
}

/// Grants a claim, unless the occurrence has its fate already.
pub(super) fn write_claim(
    connection: &Connection,
    claim: &Claim,
    at: Timestamp,
) -> rusqlite::Result<Claimed> {
    let claimed = write_line(connection, &Line::of(claim), at)?;
    if claimed == Claimed::Yes {
        write_run(connection, claim, at)?;
    }
    Ok(claimed)
}

/// Writes a claim that was granted already.
pub(super) fn write_owed(
    connection: &Connection,
    claim: &Claim,
    at: Timestamp,
) -> rusqlite::Result<()> {
    write_line(connection, &Line::of(claim), at)?;
    write_run(connection, claim, at)
}

/// Writes what is known of a run whose claim is in another store.
pub(super) fn write_open(
    connection: &Connection,
    open: &OpenRun,
    at: Timestamp,
) -> rusqlite::Result<()> {
    let claim = Claim {
        run: open.run,
        occurrence: open.occurrence.clone(),
        generation: open.generation,
        reason: "claimed in a history that was moved aside since".to_owned(),
    };
    write_owed(connection, &claim, at)?;
    connection
        .prepare_cached("UPDATE runs SET attempt = ?2 WHERE id = ?1")?
        .execute(params![open.run, open.attempt])?;
    match &open.start {
        Some(start) => write_start(connection, start),
        None => Ok(()),
    }
}

fn write_run(connection: &Connection, claim: &Claim, at: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO runs (id, job, trigger, instant, generation, claimed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            claim.run,
            claim.occurrence.job.as_str(),
            claim.occurrence.trigger.as_str(),
            Micros(claim.occurrence.instant),
            claim.generation,
            Micros(at),
        ])
        .map(|_| ())
}

/// Writes a fate without a run.
pub(super) fn write_entry(
    connection: &Connection,
    entry: &Entry,
    at: Timestamp,
) -> rusqlite::Result<Claimed> {
    let line = Line {
        occurrence: &entry.occurrence,
        fate: fate_name(entry.fate),
        reason: &entry.reason,
        generation: entry.generation,
        run: None,
        starts_at: entry.starts_at,
    };
    write_line(connection, &line, at)
}

//! Starts and reloads, and the files that were in force.

use rusqlite::{Connection, params};

use crate::config::SourceFile;
use crate::protocol::Verdict;

use super::columns::{Micros, whole};
use super::record::write_mark;

/// Configurations kept with their text, at most so many and so much; the last one always.
const GENERATIONS_WITH_FILES: usize = 50;
const BYTES_OF_FILES: usize = 64 << 20;
/// Rows kept of accepted and of refused attempts.
const GENERATIONS: usize = 1000;

/// Writes an attempt; the files only where it was accepted.
pub(super) fn write_verdict(
    connection: &Connection,
    verdict: &Verdict,
    sources: &[SourceFile],
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO generations
               (number, at, asked_by, accepted, summary, problems, problem_count, seconds)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            whole(verdict.generation),
            Micros(verdict.at),
            verdict.asked_by,
            verdict.accepted,
            verdict.summary,
            verdict.problems,
            whole(verdict.problem_count as u64),
            verdict.seconds,
        ])?;
    let row = connection.last_insert_rowid();
    if verdict.accepted {
        write_mark(connection, "generation", verdict.generation)?;
        write_sources(connection, row, sources)?;
    }
    trim(connection)
}

fn write_sources(
    connection: &Connection,
    generation: i64,
    sources: &[SourceFile],
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO generation_files (generation, path, text) VALUES (?1, ?2, ?3)",
    )?;
    for source in sources {
        insert.execute(params![
            generation,
            source.path.to_string_lossy(),
            &*source.text
        ])?;
    }
    Ok(())
}

/// Forgets attempts and files of long ago; called when one is added, so there are few.
fn trim(connection: &Connection) -> rusqlite::Result<()> {
    for accepted in [0, 1] {
        connection.execute(
            "DELETE FROM generations WHERE accepted = ?1 AND id <= (SELECT id FROM generations
               WHERE accepted = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            params![accepted, whole(GENERATIONS as u64)],
        )?;
    }
    connection
        .execute(
            "DELETE FROM generation_files WHERE generation IN (
               SELECT generation FROM (
                 SELECT generation, row_number() OVER newest AS nth,
                   sum(sum(octet_length(text))) OVER newest AS bytes
                 FROM generation_files GROUP BY generation WINDOW newest AS (ORDER BY generation DESC))
               WHERE nth > ?1 OR (bytes > ?2 AND nth > 1))",
            params![whole(GENERATIONS_WITH_FILES as u64), whole(BYTES_OF_FILES as u64)],
        )
        .map(|_| ())
}

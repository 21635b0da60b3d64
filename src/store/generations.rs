//! Starts and reloads, and the files that were in force.

use rusqlite::{Connection, OptionalExtension, params};

use crate::config::SourceFile;
use crate::protocol::Verdict;

use super::columns::{Micros, PathBytes, Whole, whole};
use super::record::write_mark;

/// Configurations kept with their text, at most so many and so much; the last one always.
const GENERATIONS_WITH_FILES: usize = 50;
const BYTES_OF_FILES: usize = 64 << 20;
/// Rows kept of each kind: of refused attempts, of those that made a generation, of those that changed nothing.
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
               (number, at, asked_by, accepted, summary, problems, problem_count, seconds, text_of,
                confirm_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
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
            verdict.text_of.map(whole),
            verdict.confirm_by.map(Micros),
        ])?;
    if verdict.accepted {
        let row = connection.last_insert_rowid();
        write_mark(connection, "generation", verdict.generation)?;
        let files = match files_of_same_text(connection, row, (verdict, sources))? {
            Some(files) => files,
            None => {
                write_sources(connection, row, sources)?;
                row
            }
        };
        connection
            .prepare_cached("UPDATE generations SET files = ?2 WHERE id = ?1")?
            .execute([row, files])?;
    }
    trim(connection)
}

/// Those of the row accepted before, where they say the same: neither a HUP that changes nothing nor a start may push out
/// what is kept of others.
fn files_of_same_text(
    connection: &Connection,
    row: i64,
    (verdict, sources): (&Verdict, &[SourceFile]),
) -> rusqlite::Result<Option<i64>> {
    let before: Option<(u64, Option<i64>)> = connection
        .prepare_cached(
            "SELECT number, files FROM generations WHERE accepted AND id < ?1
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row([row], |row| Ok((row.get::<_, Whole>(0)?.0, row.get(1)?)))
        .optional()?;
    let Some((number, Some(files))) = before else {
        return Ok(None);
    };
    let is_same = number == verdict.generation || says_the_same(connection, files, sources)?;
    Ok(is_same.then_some(files))
}

fn says_the_same(
    connection: &Connection,
    files: i64,
    sources: &[SourceFile],
) -> rusqlite::Result<bool> {
    let mut kept = connection.prepare_cached(
        "SELECT path, text FROM generation_files WHERE generation = ?1 ORDER BY rowid",
    )?;
    let mut kept = kept.query([files])?;
    let mut sources = sources.iter();
    while let Some(row) = kept.next()? {
        let PathBytes(path) = row.get(0)?;
        let text = row.get_ref(1)?.as_str()?;
        let is_same = |source: &SourceFile| source.path == path && *source.text == *text;
        if !sources.next().is_some_and(is_same) {
            return Ok(false);
        }
    }
    Ok(sources.next().is_none())
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
            PathBytes(source.path.as_path()),
            &*source.text
        ])?;
    }
    Ok(())
}

/// Forgets files and attempts of long ago; called when one is added, so there are few.
fn trim(connection: &Connection) -> rusqlite::Result<()> {
    trim_files(connection)?;
    connection.execute(
        "DELETE FROM generations WHERE accepted = 0 AND id <= (SELECT id FROM generations
           WHERE accepted = 0 ORDER BY id DESC LIMIT 1 OFFSET ?1)",
        [whole(GENERATIONS as u64)],
    )?;
    trim_accepted(connection)
}

fn trim_files(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute(
            "DELETE FROM generation_files WHERE generation NOT IN (
               SELECT files FROM (
                 SELECT files, row_number() OVER newest AS nth, sum(bytes) OVER newest AS bytes
                 FROM (
                   SELECT files, max(id) AS used,
                     (SELECT sum(octet_length(text)) FROM generation_files
                      WHERE generation = files) AS bytes
                   FROM generations WHERE files IN (SELECT generation FROM generation_files)
                   GROUP BY files)
                 WINDOW newest AS (ORDER BY used DESC))
               WHERE nth <= ?1 AND (bytes <= ?2 OR nth = 1))",
            params![
                whole(GENERATIONS_WITH_FILES as u64),
                whole(BYTES_OF_FILES as u64)
            ],
        )
        .map(|_| ())
}

/// What changes nothing is counted apart, so that a storm of it pushes nothing else out. What files are kept for stays,
/// and so does a generation from which runs are left.
fn trim_accepted(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute(
            "DELETE FROM generations WHERE id IN (
               SELECT id FROM (
                 SELECT id, row_number() OVER (PARTITION BY is_repeated ORDER BY id DESC) AS nth
                 FROM (
                   SELECT id, lead(number) OVER (ORDER BY id) IS number AS is_repeated
                   FROM generations WHERE accepted))
               WHERE nth > ?1)
             AND id NOT IN (
               SELECT max(id) FROM generations
               WHERE files IN (SELECT generation FROM generation_files) GROUP BY files)
             AND id NOT IN (
               SELECT max(id) FROM generations
               WHERE accepted AND number IN (SELECT generation FROM runs WHERE ended_at IS NULL)
               GROUP BY number)",
            [whole(GENERATIONS as u64)],
        )
        .map(|_| ())
}

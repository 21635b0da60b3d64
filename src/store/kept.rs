//! Generations as they are asked for: what was decided, and the files as they were accepted.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::protocol::{
    Answer, Earlier, GenerationDetails, GenerationRow, Generations, KeptFile, Refusal, RefusalKind,
    Standing, Verdict,
};

use super::columns::{Micros, PathBytes, Whole, whole};

const SELECT: &str =
    "SELECT number, at, asked_by, accepted, summary, problems, problem_count, seconds,
       EXISTS (SELECT 1 FROM generation_files WHERE generation = files), files, text_of,
       confirm_by, confirmed_by
     FROM generations";

/// Of one number there may be many rows, one for each reload that changed nothing.
const NEWEST_OF_NUMBER: &str = "WHERE accepted AND number = ?1 ORDER BY id DESC LIMIT 1";

/// In a row those that say the same name the same files.
const BEFORE_NUMBER: &str = "WHERE accepted AND number < ?1 AND files IS NOT (
       SELECT files FROM generations WHERE accepted AND number = ?1 ORDER BY id DESC LIMIT 1)
     ORDER BY id DESC LIMIT 1";

/// Problems are told up to so many bytes in one answer: a refused file may have a thousand.
const MOST_PROBLEMS: usize = 4 << 20;

pub(super) fn list(
    connection: &Connection,
    limit: usize,
    mut standing: Standing,
) -> rusqlite::Result<Answer> {
    let mut rows: Vec<GenerationRow> = connection
        .prepare_cached(&format!("{SELECT} ORDER BY id DESC LIMIT ?1"))?
        .query_map([whole(limit as u64)], row)?
        .collect::<rusqlite::Result<_>>()?;
    let shown: BTreeSet<u64> = accepted(&rows).map(|row| row.verdict.generation).collect();
    for number in standing
        .runs
        .keys()
        .rev()
        .filter(|number| !shown.contains(number))
    {
        rows.extend(newest(connection, *number)?.map(|(row, _)| row));
    }
    let mut room = MOST_PROBLEMS;
    for row in &mut rows {
        settle(row, &mut standing);
        match room.checked_sub(row.verdict.problems.len()) {
            Some(left) => room = left,
            None => row.verdict.problems.clear(),
        }
    }
    Ok(Answer::Generations(Generations { generations: rows }))
}

/// One generation with its files, or that there is none.
pub fn show(
    connection: &Connection,
    which: Earlier,
    mut standing: Standing,
) -> rusqlite::Result<Answer> {
    let found = match which {
        Earlier::Number(number) => newest(connection, number)?,
        Earlier::Before => find(connection, BEFORE_NUMBER, standing.in_force)?,
    };
    let Some((mut row, files)) = found else {
        return Ok(not_found(match which {
            Earlier::Number(number) => {
                format!("no generation {number} is on record: see 'hupctl generations'")
            }
            Earlier::Before => "no earlier generation with another text is on record".to_owned(),
        }));
    };
    let number = row.verdict.generation;
    if !row.kept {
        let text = format!(
            "the files of generation {number} are not kept any more: see 'hupctl generations'"
        );
        return Ok(not_found(text));
    }
    settle(&mut row, &mut standing);
    let files = texts(connection, files)?;
    Ok(Answer::ShowGeneration(Box::new(GenerationDetails {
        row,
        files,
    })))
}

fn accepted(rows: &[GenerationRow]) -> impl Iterator<Item = &GenerationRow> {
    rows.iter().filter(|row| row.verdict.accepted)
}

/// The first row of a number, from the newest on, has what is true now.
fn settle(row: &mut GenerationRow, standing: &mut Standing) {
    let number = row.verdict.generation;
    if !row.verdict.accepted {
        return;
    }
    row.runs = standing.runs.remove(&number).unwrap_or_default();
    if standing.in_force == number {
        row.in_force = true;
        standing.in_force = 0;
    }
}

type Found = (GenerationRow, Option<i64>);

fn newest(connection: &Connection, number: u64) -> rusqlite::Result<Option<Found>> {
    find(connection, NEWEST_OF_NUMBER, number)
}

fn find(connection: &Connection, which: &str, number: u64) -> rusqlite::Result<Option<Found>> {
    connection
        .prepare_cached(&format!("{SELECT} {which}"))?
        .query_row([whole(number)], |found| Ok((row(found)?, found.get(9)?)))
        .optional()
}

pub(super) fn texts(
    connection: &Connection,
    files: Option<i64>,
) -> rusqlite::Result<Vec<KeptFile>> {
    connection
        .prepare_cached(
            "SELECT path, text FROM generation_files WHERE generation = ?1 ORDER BY rowid",
        )?
        .query_map(params![files], |row| {
            Ok(KeptFile {
                path: row.get::<_, PathBytes<_>>(0)?.0,
                text: row.get(1)?,
            })
        })?
        .collect()
}

fn row(row: &Row<'_>) -> rusqlite::Result<GenerationRow> {
    Ok(GenerationRow {
        verdict: Verdict {
            generation: row.get::<_, Whole>(0)?.0,
            at: row.get::<_, Micros>(1)?.0,
            asked_by: row.get(2)?,
            accepted: row.get(3)?,
            summary: row.get(4)?,
            problems: row.get(5)?,
            problem_count: usize::try_from(row.get::<_, Whole>(6)?.0).unwrap_or(usize::MAX),
            seconds: row.get(7)?,
            spent: None,
            text_of: row.get::<_, Option<Whole>>(10)?.map(|number| number.0),
            confirm_by: row.get::<_, Option<Micros>>(11)?.map(|at| at.0),
        },
        in_force: false,
        kept: row.get(8)?,
        confirmed_by: row.get(12)?,
        runs: Vec::new(),
    })
}

fn not_found(message: String) -> Answer {
    Answer::Refused(Refusal::new(RefusalKind::NotFound, message))
}

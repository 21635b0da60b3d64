//! What somebody hears who follows an attempt that is over.

use rusqlite::{Connection, OptionalExtension};

use crate::event::{Heard, Piece};
use crate::protocol::OutputOf;
use crate::run::{Output, RunId};

use super::attempts;
use super::reader::{NEWEST_OF_JOB, output_of, run};

/// The first attempt that is there, from the one that is named on, or else the end of the run. None where there is no
/// such run, and where the attempt is still to come.
pub(super) fn of(connection: &Connection, of: &OutputOf) -> rusqlite::Result<Option<Vec<Heard>>> {
    let (number, wanted) = match of {
        OutputOf::Attempt(run, attempt) => (Some(*run), *attempt),
        OutputOf::Run(run) => (Some(*run), 1),
        OutputOf::LastOf(job) => (newest(connection, job)?, 1),
    };
    let Some(number) = number else {
        return Ok(None);
    };
    if let Some((failed, output)) = attempts::first_from(connection, number, wanted)? {
        return Ok(Some(told(number, &output, Heard::Failed(Box::new(failed)))));
    }
    let Some(row) = run(connection, number)? else {
        return Ok(None);
    };
    // The next one may have been waited for, and the run has ended without it.
    let is_over = row.ended_at.is_some() && wanted <= row.attempt + 1;
    if matches!(of, OutputOf::Attempt(..)) && !is_over {
        return Ok(None);
    }
    let output = match wanted <= row.attempt {
        true => output_of(connection, &OutputOf::Run(number))?.map(|row| row.output),
        false => None,
    };
    let output = output.unwrap_or_default();
    Ok(Some(told(number, &output, Heard::Ended(Box::new(row)))))
}

fn newest(connection: &Connection, job: &str) -> rusqlite::Result<Option<RunId>> {
    let sql = format!("SELECT id FROM runs WHERE {NEWEST_OF_JOB}");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_row([job], |row| row.get(0)).optional()
}

fn told(run: RunId, output: &Output, end: Heard) -> Vec<Heard> {
    let [head, tail] = Piece::of_kept(output).map(Heard::Kept);
    vec![Heard::Run(run), head, tail, end]
}

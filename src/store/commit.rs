//! One transaction: a batch of records, all or nothing.

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::event::{ClaimVerdict, Claimed};
use crate::run::RunId;

use super::record::{Record, write_mark};

/// What a transaction achieved.
#[derive(Debug, Default)]
pub(super) struct Committed {
    pub(super) verdicts: Vec<ClaimVerdict>,
    pub(super) bytes: usize,
    /// The places of records that changed nothing: claims that were refused, and what comes after the fate of an occurrence;
    /// and those that can never be written.
    pub(super) unwritten: Vec<usize>,
    /// How many can never be written, and why the last of them.
    pub(super) impossible: u64,
    pub(super) why: String,
}

/// All or nothing, but for records that can never be written and must not hold up the others. What a start depends on is
/// on the disk then: the machine may be on its way down.
pub(super) fn commit(
    connection: &mut Connection,
    records: &[Record],
    at: Timestamp,
) -> rusqlite::Result<Committed> {
    if !records.iter().any(is_for_starts) {
        return commit_to_kernel(connection, records, at);
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    let committed = commit_to_kernel(connection, records, at);
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    committed
}

fn is_for_starts(record: &Record) -> bool {
    matches!(record, Record::Unconfirmed(_) | Record::Confirmed(..))
}

fn commit_to_kernel(
    connection: &mut Connection,
    records: &[Record],
    at: Timestamp,
) -> rusqlite::Result<Committed> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut committed = Committed::default();
    for (place, record) in records.iter().enumerate() {
        committed.bytes += record.size();
        let claimed = match record.write(&transaction, at) {
            Ok(Claimed::AlreadyThere) => {
                committed.unwritten.push(place);
                Claimed::AlreadyThere
            }
            Ok(Claimed::Yes) => Claimed::Yes,
            Err(error) if is_about_the_record(&error) => {
                committed.unwritten.push(place);
                committed.impossible += 1;
                committed.why = in_words(&error);
                Claimed::Yes
            }
            Err(error) => return Err(error),
        };
        let verdict = claimant(record).map(|run| ClaimVerdict { run, claimed });
        committed.verdicts.extend(verdict);
    }
    if let Some(last) = records.iter().filter_map(run_of).max() {
        write_mark(&transaction, "run", last)?;
    }
    transaction.commit()?;
    Ok(committed)
}

fn run_of(record: &Record) -> Option<u64> {
    match record {
        Record::Claim(claim) | Record::Owed(claim) => Some(claim.run.0),
        _ => None,
    }
}

/// Who is answered.
pub(super) fn claimant(record: &Record) -> Option<RunId> {
    match record {
        Record::Claim(claim) => Some(claim.run),
        Record::NextAttempt(next) => Some(next.run),
        _ => None,
    }
}

fn in_words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::StatementChangedRows(0) => "the run is not on record".to_owned(),
        error => error.to_string(),
    }
}

/// Whether the same record would fail again on a healthy store.
fn is_about_the_record(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => matches!(
            code,
            ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch
        ),
        None => true,
    }
}

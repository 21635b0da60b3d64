//! Connections to the store, and whether it is whole.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::columns::Whole;
use super::schema;

/// How long a write waits for somebody else's lock, a `sqlite3` shell or a backup.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// More than there are.
const STATEMENTS: usize = 32;

/// Up to this size the whole file is checked at the start; of a larger one, all but the outputs.
const CHECKED_WHOLE: u64 = 64 << 20;

/// Why a store cannot be used.
#[derive(Debug)]
pub(super) enum Fault {
    /// What is there is not a store, or not a whole one.
    Corrupt(String),
    /// It may be a good store, but not for us or not now.
    Unusable(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        match is_corrupt(&error) {
            true => Self::Corrupt(error.to_string()),
            false => Self::Unusable(error.to_string()),
        }
    }
}

pub(super) fn is_corrupt(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    ) || is_too_short(error)
}

/// A file ends before what must be in it.
fn is_too_short(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHORT_READ)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt(why) | Self::Unusable(why) => f.write_str(why),
        }
    }
}

/// The connection that writes; makes the tables where there are none yet.
pub(super) fn open_to_write(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    prepare_for_statements(&connection)?;
    let version = schema::version(&connection)?;
    // A commit is in the hands of the kernel, which a killed hupd cannot take back; only a power
    // cut can lose the last ones, and never more than those.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // Checkpoints wait for the disk: the writer makes them when it has nothing else to do, and
    // SQLite by itself only when the log becomes long.
    connection.pragma_update(None, "wal_autocheckpoint", 16_384)?;
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    match version {
        0 => schema::make_tables(&mut connection)?,
        version => {
            check(&connection, path)?;
            schema::migrate(&mut connection, version)?;
        }
    }
    Ok(connection)
}

/// The same, in memory: there is no file, and nothing of an earlier life in it.
pub(super) fn open_in_memory() -> Result<Connection, Fault> {
    let mut connection = Connection::open_in_memory()?;
    prepare_for_statements(&connection)?;
    schema::make_tables(&mut connection)?;
    Ok(connection)
}

/// Statements are compiled once, and not again for every value that is bound to them.
fn prepare_for_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map(|_| ())
}

/// The connection that only reads.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

/// Finds what is broken now, while it can still be moved aside.
fn check(connection: &Connection, path: &Path) -> Result<(), Fault> {
    if size_of_file(path) <= CHECKED_WHOLE {
        return quick_check(connection, "PRAGMA quick_check(1)");
    }
    check_length(connection, path)?;
    [
        "ledger",
        "runs",
        "anchors",
        "timings",
        "pauses",
        "marks",
        "generations",
    ]
    .into_iter()
    .try_for_each(|table| quick_check(connection, &format!("PRAGMA quick_check({table})")))
}

fn size_of_file(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

fn quick_check(connection: &Connection, sql: &str) -> Result<(), Fault> {
    let verdict: String = connection.query_row(sql, [], |row| row.get(0))?;
    match verdict.as_str() {
        "ok" => Ok(()),
        problem => Err(Fault::Corrupt(problem.replace('\n', "; "))),
    }
}

/// A large file that was cut off, which checking only the small tables might not notice.
fn check_length(connection: &Connection, path: &Path) -> Result<(), Fault> {
    let is_whole = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        Ok(row.get::<_, i64>(1)? == row.get::<_, i64>(2)?)
    })?;
    if !is_whole {
        // Somebody reads: pages may still be in the log, and the file rightly shorter.
        return Ok(());
    }
    let pages: Whole = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    let page: Whole = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    match size_of_file(path) {
        size if size < pages.0 * page.0 => {
            Err(Fault::Corrupt(format!("cut off after {size} bytes")))
        }
        _ => Ok(()),
    }
}

//! The tables.
//!
//! All instants are INTEGER microseconds since 1970-01-01T00:00:00Z, all durations INTEGER
//! microseconds, all sizes bytes. The views `ledger_readable` and `runs_readable` show them as
//! people read them: ISO 8601 in UTC, and seconds.
//!
//! | table | a row is |
//! | --- | --- |
//! | `ledger` | one occurrence, a due instant of a job, and its fate: `ran` (then `run` names the run), `skipped`, `missed`, `replaced`, or `waiting` until it is decided; `reason` says why |
//! | `runs` | one run, and of a run with several attempts the last one: `attempt` is its number, written when it is claimed, which is before its process exists; `ended_at` and all that follows is NULL until it has ended; `outcome` is what `hupctl runs` prints; of a lost run, `ended_at` is when hupd found that out |
//! | `outputs` | what a run wrote: the beginning, the end, and how much there was in all; runs that wrote nothing have no row |
//! | `attempts` | an attempt of a run that failed and was, or is to be, followed by another one; with what it wrote |
//! | `generations` | one start or reload, accepted or refused; `number` is the generation in force afterwards |
//! | `generation_files` | one file of an accepted configuration as it was then; several rows of `generations` may name the same files |
//! | `confirmed_files` | one file of what was in force before something that nobody has confirmed: a start takes these in place of the file |
//! | `anchors` | from where the intervals of a job are counted |
//! | `timings` | by what a job that is in force is due, so that the next hupd knows whether it has missed anything |
//! | `pauses` | a job that is paused, since when, until when if that is known, and why; `ledger` tells what was missed when the pause has ended |
//! | `marks` | the highest `run` and `generation` ever used, so that none is used again after its rows are gone; the instant up to which everything that was due is `decided`, and the latest that this has ever been, `lived` |
//!
//! A claim only touches the ends of tables, which are in memory: the ledger is in the order of
//! instants, and runs are found by their job only after they have ended.
//!
//! Tables are not STRICT: the `sqlite3` of older systems could not read them then.

use rusqlite::Connection;

use super::opening::Fault;

/// What `user_version` says of a store of this version.
const VERSION: i64 = 3;

const ANOTHER_PROGRAM: &str = "a database of another program, and not a store of hupd; it is left as it is: move it away, or \
     set 'state_dir' to another folder";

/// Those of version 1, with all the columns that they have by now.
const TABLES: &str = "
CREATE TABLE ledger (
  job TEXT NOT NULL,
  instant INTEGER NOT NULL,
  trigger TEXT NOT NULL,      -- schedule, every, request, change
  fate TEXT NOT NULL,         -- waiting, ran, skipped, missed, replaced
  reason TEXT NOT NULL,
  generation INTEGER NOT NULL,
  run INTEGER,
  decided_at INTEGER NOT NULL,
  starts_at INTEGER,          -- when it is to start, where it waits for that
  PRIMARY KEY (instant, job, trigger)
) WITHOUT ROWID;
CREATE INDEX ledger_waiting ON ledger (job) WHERE fate = 'waiting';

CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  job TEXT NOT NULL,
  trigger TEXT NOT NULL,
  instant INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  claimed_at INTEGER NOT NULL,
  pid INTEGER,
  started_at INTEGER,
  ended_at INTEGER,
  duration INTEGER,
  outcome TEXT,               -- exited N, killed by SIGNAL, timed out, could not start: WHY, lost
  exit_code INTEGER,
  signal TEXT,
  stopped_by TEXT,            -- time limit, request, shutdown, orphan, replaced by run N, configuration
  cpu INTEGER,
  peak_memory INTEGER,        -- NULL where it is not known, see hupctl(1)
  output_total INTEGER,
  boot INTEGER,               -- in which boot and pid namespace its process began
  born_by INTEGER,            -- and by when at the latest, since that boot,
  born_elapsed INTEGER,       -- and that without the sleep of the machine
  home TEXT,                  -- the cgroup of its own, where it has one,
  home_inode INTEGER,         -- and by what that is known from a later one of the same path
  note TEXT,                  -- what else is worth knowing of it
  success INTEGER,            -- by the `success_exit_codes` of its job; NULL until it has ended
  attempt INTEGER NOT NULL DEFAULT 1,
  next_attempt_at INTEGER,    -- while it waits for its next attempt,
  retry_delay INTEGER,        -- and how long it waits in all
  survivors TEXT              -- JSON: what is left of it although it is over; NULL where nothing is known
);
CREATE INDEX runs_of_job ON runs (job) WHERE ended_at IS NOT NULL;
CREATE INDEX runs_open ON runs (id) WHERE ended_at IS NULL;

CREATE TABLE outputs (
  run INTEGER PRIMARY KEY,
  head BLOB NOT NULL,
  tail BLOB NOT NULL,
  total INTEGER NOT NULL
);

CREATE TABLE generations (
  id INTEGER PRIMARY KEY,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  asked_by TEXT NOT NULL,
  accepted INTEGER NOT NULL,
  summary TEXT NOT NULL,
  problems TEXT NOT NULL,
  problem_count INTEGER NOT NULL,
  seconds REAL NOT NULL,
  files INTEGER,              -- where its files are in `generation_files`; NULL where it was refused
  text_of INTEGER,            -- the generation whose kept text it was about; NULL where that was the file
  confirm_by INTEGER,         -- by when it had to be confirmed; NULL where it had not
  confirmed_by TEXT           -- who confirmed it
);
CREATE TABLE generation_files (
  generation INTEGER NOT NULL,
  path TEXT NOT NULL,
  text TEXT NOT NULL
);
CREATE INDEX files_of_generation ON generation_files (generation);

CREATE TABLE anchors (
  job TEXT PRIMARY KEY,
  every INTEGER NOT NULL,
  at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE marks (
  name TEXT PRIMARY KEY,      -- run, generation; decided, lived: instants
  value INTEGER NOT NULL
) WITHOUT ROWID;
";

/// What came with version 2.
const NEW_IN_2: &str = "
CREATE TABLE timings (
  job TEXT PRIMARY KEY,
  timing TEXT NOT NULL
) WITHOUT ROWID;
";

/// What came with version 3: made after its columns are there.
const NEW_IN_3: &str = "
CREATE TABLE attempts (
  run INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  pid INTEGER,
  started_at INTEGER,
  ended_at INTEGER NOT NULL,
  duration INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  exit_code INTEGER,
  signal TEXT,
  stopped_by TEXT,
  cpu INTEGER NOT NULL,
  peak_memory INTEGER,
  output_total INTEGER NOT NULL,
  head BLOB NOT NULL,
  tail BLOB NOT NULL,
  survivors TEXT,
  PRIMARY KEY (run, attempt)
);
CREATE TABLE confirmed_files (
  generation INTEGER NOT NULL,
  path TEXT NOT NULL,
  text TEXT NOT NULL
);
CREATE TABLE pauses (
  job TEXT PRIMARY KEY,
  since INTEGER NOT NULL,
  until INTEGER,
  asked_by TEXT NOT NULL,
  reason TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX runs_failed ON runs (id) WHERE success = 0 OR outcome <> 'exited 0';
CREATE INDEX runs_of_trigger ON runs (trigger) WHERE ended_at IS NOT NULL;
CREATE INDEX runs_began ON runs (coalesce(started_at, claimed_at)) WHERE ended_at IS NOT NULL;
";

/// As people read them; made anew with every change of the tables.
const VIEWS: &str = "
DROP VIEW IF EXISTS ledger_readable;
DROP VIEW IF EXISTS runs_readable;
CREATE VIEW ledger_readable AS SELECT
  job, strftime('%Y-%m-%dT%H:%M:%fZ', instant / 1e6, 'unixepoch') AS instant, trigger, fate, reason,
  generation, run, strftime('%Y-%m-%dT%H:%M:%fZ', decided_at / 1e6, 'unixepoch') AS decided_at
FROM ledger;

CREATE VIEW runs_readable AS SELECT
  id, job, trigger, strftime('%Y-%m-%dT%H:%M:%fZ', instant / 1e6, 'unixepoch') AS instant, generation,
  strftime('%Y-%m-%dT%H:%M:%fZ', claimed_at / 1e6, 'unixepoch') AS claimed_at, pid,
  strftime('%Y-%m-%dT%H:%M:%fZ', started_at / 1e6, 'unixepoch') AS started_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', ended_at / 1e6, 'unixepoch') AS ended_at,
  duration / 1e6 AS seconds, outcome, exit_code, signal, stopped_by, cpu / 1e6 AS cpu_seconds,
  peak_memory, output_total, success, attempt,
  strftime('%Y-%m-%dT%H:%M:%fZ', next_attempt_at / 1e6, 'unixepoch') AS next_attempt_at, note
FROM runs;
";

/// What a store of version 1 has not got.
const SINCE_1: &str = "
ALTER TABLE ledger ADD COLUMN starts_at INTEGER;
";

/// What a store of version 2 has not got.
const SINCE_2: &str = "
ALTER TABLE runs ADD COLUMN success INTEGER;
ALTER TABLE runs ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;
ALTER TABLE runs ADD COLUMN next_attempt_at INTEGER;
ALTER TABLE runs ADD COLUMN retry_delay INTEGER;
UPDATE runs SET success = (outcome = 'exited 0') WHERE ended_at IS NOT NULL;
ALTER TABLE runs ADD COLUMN boot INTEGER;
ALTER TABLE runs ADD COLUMN born_by INTEGER;
ALTER TABLE runs ADD COLUMN born_elapsed INTEGER;
ALTER TABLE runs ADD COLUMN home TEXT;
ALTER TABLE runs ADD COLUMN home_inode INTEGER;
ALTER TABLE runs ADD COLUMN note TEXT;
ALTER TABLE runs ADD COLUMN survivors TEXT;
ALTER TABLE generations ADD COLUMN files INTEGER;
ALTER TABLE generations ADD COLUMN text_of INTEGER;
ALTER TABLE generations ADD COLUMN confirm_by INTEGER;
ALTER TABLE generations ADD COLUMN confirmed_by TEXT;
UPDATE generations SET files = id WHERE id IN (SELECT generation FROM generation_files);
";

/// Whether this version of hupd made it, or brought it up to date.
pub(super) fn is_current(connection: &Connection) -> rusqlite::Result<bool> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(version == VERSION)
}

/// Refuses what another program made, and what a newer hupd made. Changes nothing.
pub(super) fn version(connection: &Connection) -> Result<i64, Fault> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let version = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let ours = number("SELECT count(*) FROM sqlite_schema WHERE name IN ('ledger', 'runs')")?;
    let is_ours = match version {
        0 => tables == 0,
        _ => ours == 2,
    };
    // No hupd has ever set one.
    if !is_ours || number("PRAGMA application_id")? != 0 {
        return Err(Fault::Unusable(ANOTHER_PROGRAM.to_owned()));
    }
    if version > VERSION {
        return Err(Fault::Unusable(format!(
            "the store is of version {version}, this hupd knows versions up to {VERSION}"
        )));
    }
    Ok(version)
}

/// All of them or none.
pub(super) fn make_tables(connection: &mut Connection) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(NEW_IN_2)?;
    transaction.execute_batch(NEW_IN_3)?;
    transaction.execute_batch(VIEWS)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(transaction.commit()?)
}

/// Brings a store of an older version up to this one; all of it or nothing.
pub(super) fn migrate(connection: &mut Connection, from: i64) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    if from < 2 {
        transaction.execute_batch(SINCE_1)?;
        transaction.execute_batch(NEW_IN_2)?;
    }
    if from < 3 {
        transaction.execute_batch(SINCE_2)?;
        transaction.execute_batch(NEW_IN_3)?;
    }
    if from < VERSION {
        transaction.execute_batch(VIEWS)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(transaction.commit()?)
}

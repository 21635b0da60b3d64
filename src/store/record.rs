//! What is written: each kind of record and its SQL.

mod size;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::config::SourceFile;
use crate::event::Claimed;
use crate::ledger::{
    Anchor, Claim, Entry, Failed, Loss, NextAttempt, OpenRun, Pause, RunEnd, RunStart,
};
use crate::protocol::Verdict;
use crate::run::{JobName, Outcome, RunId, Survivor};

use super::attempts::{write_end_of_rest, write_failed, write_next_attempt};
use super::columns::{Micros, micros, whole};
use super::confirmed::{Kept, forget_unconfirmed, write_confirmed, write_unconfirmed};
use super::generations::write_verdict;
use super::ledger::{write_claim, write_entry, write_open, write_owed};

/// One thing to write.
#[derive(Debug)]
pub enum Record {
    /// An occurrence that is to run.
    Claim(Claim),
    /// A claim that was granted while nothing could be written: its run exists, whatever the
    /// ledger says by now.
    Owed(Claim),
    /// A run that goes on, for a store that took the place of the one with its claim.
    Open(OpenRun),
    /// The numbers of runs up to this are used.
    LastRun(RunId),
    /// The fate of an occurrence without a run. The first fate that is not `Waiting` stays.
    Entry(Entry),
    /// The process of a claimed run exists.
    Start(RunStart),
    /// How a claimed run ended.
    End(RunEnd),
    /// A run of an earlier hupd is over, and nobody saw how it ended.
    Loss(Loss),
    /// What is worth knowing of a run, besides.
    Note(RunId, String),
    /// An attempt of a run failed, and another one follows.
    Failed(Failed),
    /// The next attempt of a run begins.
    NextAttempt(NextAttempt),
    /// A run that waited for its next attempt ends with what its last one came to.
    EndRest(RunEnd),
    /// From where the intervals of a job are counted.
    Anchor(Anchor),
    /// The intervals of a job are not counted any more.
    NoAnchor(JobName),
    /// By what a job is due, if it is.
    Timing(JobName, Option<String>),
    /// A job is paused.
    Pause(Pause),
    /// A job is not paused any more.
    NoPause(JobName),
    /// All that was due by then is decided.
    Decided(Timestamp),
    /// A start or a reload was accepted or refused; the files as accepted are kept.
    Verdict(Verdict, Vec<SourceFile>),
    /// What comes next has to be confirmed, or else this comes back: also at the next start.
    Unconfirmed(Kept),
    /// That is over: the file counts at the next start.
    NoUnconfirmed,
    /// A generation was confirmed, and by whom.
    Confirmed(u64, String),
}

impl Record {
    /// Writes it. A claim is refused, and the fate of an occurrence changes nothing, where that has one already.
    pub(super) fn write(
        &self,
        connection: &Connection,
        at: Timestamp,
    ) -> rusqlite::Result<Claimed> {
        match self {
            Self::Claim(claim) => return write_claim(connection, claim, at),
            Self::Owed(claim) => write_owed(connection, claim, at),
            Self::Open(open) => write_open(connection, open, at),
            Self::LastRun(run) => write_mark(connection, "run", run.0).map(|_| ()),
            Self::Entry(entry) => return write_entry(connection, entry, at),
            Self::Start(start) => write_start(connection, start),
            Self::End(end) => write_end(connection, end),
            Self::Loss(loss) => write_loss(connection, loss),
            Self::Note(run, note) => write_note(connection, *run, note),
            Self::Failed(failed) => write_failed(connection, failed),
            Self::NextAttempt(next) => write_next_attempt(connection, *next),
            Self::EndRest(end) => write_end_of_rest(connection, end),
            Self::Anchor(anchor) => write_anchor(connection, anchor),
            Self::NoAnchor(job) => remove_anchor(connection, job),
            Self::Timing(job, timing) => write_timing(connection, job, timing.as_deref()),
            Self::Pause(pause) => write_pause(connection, pause),
            Self::NoPause(job) => remove_pause(connection, job),
            Self::Decided(time) => write_decided(connection, *time),
            Self::Verdict(verdict, sources) => write_verdict(connection, verdict, sources),
            Self::Unconfirmed(kept) => write_unconfirmed(connection, kept),
            Self::NoUnconfirmed => forget_unconfirmed(connection),
            Self::Confirmed(generation, by) => write_confirmed(connection, *generation, by),
        }
        .map(|()| Claimed::Yes)
    }
}

/// What is of a run changes its row. Where there is none, that must not be taken for written.
pub(super) fn of_a_run(changed: usize) -> rusqlite::Result<()> {
    match changed {
        1 => Ok(()),
        other => Err(rusqlite::Error::StatementChangedRows(other)),
    }
}

/// Notes that ids up to these are used.
pub(super) fn write_mark(
    connection: &Connection,
    name: &str,
    value: u64,
) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "INSERT INTO marks (name, value) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
        )?
        .execute(params![name, whole(value)])
}

pub(super) fn write_start(connection: &Connection, start: &RunStart) -> rusqlite::Result<()> {
    let birth = start.birth.as_ref();
    let home = birth.and_then(|birth| birth.home.as_ref());
    connection
        .prepare_cached(
            "UPDATE runs SET pid = ?2, started_at = ?3, boot = ?4, born_by = ?5, born_elapsed = ?6,
               home = ?7, home_inode = ?8
             WHERE id = ?1",
        )?
        .execute(params![
            start.run,
            start.pid,
            Micros(start.at),
            birth.map(|birth| whole(birth.boot)),
            birth.map(|birth| micros(birth.by)),
            birth.map(|birth| micros(birth.elapsed)),
            home.map(|home| home.path.to_str()),
            home.map(|home| whole(home.inode)),
        ])
        .and_then(of_a_run)
}

/// What nobody saw stays unknown: how long it took, what it used and wrote.
fn write_loss(connection: &Connection, loss: &Loss) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE runs SET ended_at = ?2, outcome = ?3, stopped_by = ?4, note = ?5, success = 0,
               survivors = ?6
             WHERE id = ?1",
        )?
        .execute(params![
            loss.run,
            Micros(loss.at),
            Outcome::Lost.to_string(),
            loss.stopped_by.map(|why| why.to_string()),
            loss.note,
            survivors(&loss.survivors),
        ])
        .and_then(of_a_run)
}

fn write_note(connection: &Connection, run: RunId, note: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE runs SET note = ?2 WHERE id = ?1")?
        .execute(params![run, note])
        .and_then(of_a_run)
}

fn write_end(connection: &Connection, end: &RunEnd) -> rusqlite::Result<()> {
    let (exit_code, signal) = exit_of(&end.outcome);
    connection
        .prepare_cached(
            "UPDATE runs SET ended_at = ?2, duration = ?3, outcome = ?4, exit_code = ?5, signal = ?6,
               stopped_by = ?7, cpu = ?8, peak_memory = ?9, output_total = ?10, success = ?11,
               survivors = ?12
             WHERE id = ?1",
        )?
        .execute(params![
            end.run,
            Micros(end.at),
            micros(end.duration),
            end.outcome.to_string(),
            exit_code,
            signal,
            end.stopped_by.map(|why| why.to_string()),
            micros(end.usage.cpu),
            end.usage.peak_memory.map(whole),
            whole(end.output.total),
            end.success,
            survivors(&end.survivors),
        ])
        .and_then(of_a_run)?;
    write_output(connection, end)
}

/// As JSON; nothing where nobody is left.
pub(super) fn survivors(survivors: &[Survivor]) -> Option<String> {
    let json = || serde_json::to_string(survivors).expect("numbers and texts are JSON");
    (!survivors.is_empty()).then(json)
}

pub(super) fn exit_of(outcome: &Outcome) -> (Option<i32>, Option<String>) {
    match outcome {
        Outcome::Exited(code) => (Some(*code), None),
        Outcome::Killed(signal) => (None, Some(signal.to_string())),
        Outcome::TimedOut | Outcome::CouldNotStart(_) | Outcome::Lost => (None, None),
    }
}

fn write_output(connection: &Connection, end: &RunEnd) -> rusqlite::Result<()> {
    if end.output.total == 0 {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO outputs (run, head, tail, total) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            end.run,
            end.output.head,
            end.output.tail,
            whole(end.output.total),
        ])
        .map(|_| ())
}

fn write_anchor(connection: &Connection, anchor: &Anchor) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO anchors (job, every, at) VALUES (?1, ?2, ?3)")?
        .execute(params![
            anchor.job.as_str(),
            micros(anchor.every),
            Micros(anchor.at),
        ])
        .map(|_| ())
}

fn write_timing(
    connection: &Connection,
    job: &JobName,
    timing: Option<&str>,
) -> rusqlite::Result<()> {
    let sql = match timing {
        Some(_) => "INSERT OR REPLACE INTO timings (job, timing) VALUES (?1, ?2)",
        None => "DELETE FROM timings WHERE job = ?1 AND ?2 IS NULL",
    };
    let mut statement = connection.prepare_cached(sql)?;
    statement.execute(params![job.as_str(), timing]).map(|_| ())
}

fn write_pause(connection: &Connection, pause: &Pause) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO pauses (job, since, until, asked_by, reason)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            pause.job.as_str(),
            Micros(pause.since),
            pause.until.map(Micros),
            pause.by,
            pause.reason,
        ])
        .map(|_| ())
}

fn remove_pause(connection: &Connection, job: &JobName) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM pauses WHERE job = ?1")?
        .execute([job.as_str()])
        .map(|_| ())
}

/// How far hupd has come, and the farthest that it has ever been: the clock may have been set back in between.
fn write_decided(connection: &Connection, time: Timestamp) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO marks (name, value) VALUES ('decided', ?1),
           ('lived', max(?1, coalesce((SELECT value FROM marks WHERE name = 'lived'), ?1)))",
    )?;
    statement.execute([Micros(time)]).map(|_| ())
}

fn remove_anchor(connection: &Connection, job: &JobName) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM anchors WHERE job = ?1")?
        .execute(params![job.as_str()])
        .map(|_| ())
}

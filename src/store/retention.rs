//! What is too old or too much goes, a little at a time.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use crate::config::History;
use crate::run::JobName;

use super::columns::micros;
use super::record::Record;
use super::removal::{next_job, old_runs, remove_lines, remove_runs, surplus_runs};

/// What one pass may do at most; a claim may have to wait for it.
const JOBS_PER_PASS: usize = 32;
const RUNS_PER_PASS: usize = 128;
const LINES_PER_PASS: usize = 1024;

/// How many of its oldest runs are looked at when a job is trimmed.
const RUNS_LOOKED_AT: usize = 64;

/// After so many new lines the ledger is looked at; a pass removes more than that.
const LINES_BETWEEN: usize = 256;

/// After so many jobs to look at, it cannot wait for a quiet moment any more.
const OVERDUE: usize = 4096;

const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// Knows what has to be looked at.
#[derive(Debug)]
pub(super) struct Retention {
    history: History,
    /// Runs of a job since it was last trimmed.
    claimed: HashMap<JobName, u64>,
    crowded: VecDeque<JobName>,
    /// Where the walk through all jobs is; none while there is no walk.
    walk: Option<String>,
    walked_at: Timestamp,
    /// Lines in the ledger since it was last looked at.
    lines: usize,
}

/// Whether a job must be visited again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trimmed {
    Wholly,
    Partly,
}

/// What may still be done in this pass.
struct Budget {
    jobs: usize,
    runs: usize,
}

impl Budget {
    fn is_spent(&self) -> bool {
        self.jobs == 0 || self.runs == 0
    }
}

impl Retention {
    /// Begins by looking at everything.
    pub(super) fn new(history: History, now: Timestamp) -> Self {
        let mut retention = Self {
            history,
            claimed: HashMap::new(),
            crowded: VecDeque::new(),
            walk: None,
            walked_at: now,
            lines: 0,
        };
        retention.look_at_everything(now);
        retention
    }

    /// From now on by these rules, for all that is there.
    pub(super) fn keep(&mut self, history: History) {
        if self.history != history {
            self.history = history;
            self.look_at_everything(self.walked_at);
        }
    }

    /// Notes what these records add. Jobs that do not run any more are looked at once a day.
    pub(super) fn note(&mut self, records: &[Record], now: Timestamp) {
        for record in records {
            match record {
                Record::Claim(claim) => self.note_run(&claim.occurrence.job),
                Record::Entry(_) => self.lines += 1,
                _ => {}
            }
        }
        let since = now.as_microsecond() - self.walked_at.as_microsecond();
        if self.walk.is_none() && !(0..DAY).contains(&since) {
            self.look_at_everything(now);
        }
    }

    fn look_at_everything(&mut self, now: Timestamp) {
        self.walk = Some(String::new());
        self.walked_at = now;
        self.lines = LINES_BETWEEN;
    }

    /// Finding the surplus of a job costs a look at all its runs, so this waits for a sixteenth more.
    fn note_run(&mut self, job: &JobName) {
        self.lines += 1;
        let claimed = self.claimed.entry(job.clone()).or_default();
        *claimed += 1;
        if *claimed > self.history.keep_runs / 16 {
            *claimed = 0;
            self.crowded.push_back(job.clone());
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.walk.is_some() || !self.crowded.is_empty() || self.lines >= LINES_BETWEEN
    }

    /// So much has gathered that it cannot wait for a quiet moment.
    pub(super) fn is_overdue(&self) -> bool {
        self.crowded.len() > OVERDUE || self.lines > OVERDUE
    }

    /// Waits until there is more to look at.
    pub(super) fn put_off(&mut self) {
        self.walk = None;
        self.crowded.clear();
        self.lines = 0;
    }

    /// Removes a little. After that, ask whether more is due.
    pub(super) fn pass(
        &mut self,
        connection: &mut Connection,
        now: Timestamp,
    ) -> rusqlite::Result<()> {
        let keep = micros(self.history.keep);
        let before = now.as_microsecond().saturating_sub(keep);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if self.lines >= LINES_BETWEEN {
            let removed = remove_lines(&transaction, before, LINES_PER_PASS)?;
            if removed < LINES_PER_PASS {
                self.lines = 0;
            }
        }
        self.trim_jobs(&transaction, before)?;
        transaction.commit()
    }

    /// Those with many new runs first, then the next of the walk.
    fn trim_jobs(&mut self, connection: &Connection, before: i64) -> rusqlite::Result<()> {
        let mut budget = Budget {
            jobs: JOBS_PER_PASS,
            runs: RUNS_PER_PASS,
        };
        while !budget.is_spent()
            && let Some(job) = self.crowded.front()
        {
            if self.trim(connection, job.as_str(), before, &mut budget)? == Trimmed::Wholly {
                self.crowded.pop_front();
            }
        }
        while !budget.is_spent()
            && let Some(last) = &self.walk
        {
            let next = next_job(connection, last)?;
            let trimmed = match &next {
                Some(job) => self.trim(connection, job, before, &mut budget)?,
                None => Trimmed::Wholly,
            };
            if trimmed == Trimmed::Wholly {
                self.walk = next;
            }
        }
        Ok(())
    }

    fn trim(
        &self,
        connection: &Connection,
        job: &str,
        before: i64,
        budget: &mut Budget,
    ) -> rusqlite::Result<Trimmed> {
        budget.jobs = budget.jobs.saturating_sub(1);
        let old = old_runs(connection, job, before, budget.runs.min(RUNS_LOOKED_AT))?;
        budget.runs -= remove_runs(connection, &old)?;
        let surplus = surplus_runs(connection, job, self.history.keep_runs, budget.runs)?;
        budget.runs -= remove_runs(connection, &surplus)?;
        let is_cut_short = budget.runs == 0 || old.len() == RUNS_LOOKED_AT;
        Ok(if is_cut_short {
            Trimmed::Partly
        } else {
            Trimmed::Wholly
        })
    }
}

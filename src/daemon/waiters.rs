//! Clients that wait for a run that they asked for.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Moment;
use crate::event::{Reply, Started};
use crate::ledger::{Failed, RunEnd};
use crate::protocol::{Answer, Patience, Refusal, RefusalKind, RunRow};
use crate::run::{Occurrence, RunId};

use super::rows;

/// How long whoever does not wait for the end of a run waits for its process: a start may hang.
const PATIENCE: Duration = Duration::from_secs(1);

/// One client, and what is known of its run so far.
#[derive(Debug)]
struct Waiter {
    row: RunRow,
    patience: Patience,
    /// How long it waits for a process, on the elapsed clock.
    until: Option<Duration>,
    reply: Reply,
}

/// By run; only a request makes a waiter, so there is at most one for each run.
#[derive(Debug, Default)]
pub struct Waiters(HashMap<RunId, Waiter>);

impl Waiters {
    pub fn add(&mut self, row: RunRow, patience: Patience, reply: Reply) {
        self.0.insert(
            row.run,
            Waiter {
                row,
                patience,
                until: None,
                reply,
            },
        );
    }

    /// The run is on record: whoever asked for no more is answered soon, whatever comes of its start.
    pub fn claimed(&mut self, run: RunId, now: Moment) {
        let waiter = self.0.get_mut(&run);
        if let Some(waiter) = waiter.filter(|waiter| waiter.patience == Patience::UntilAccepted) {
            waiter.until = Some(now.elapsed + PATIENCE);
        }
    }

    /// When somebody has waited long enough for a process.
    pub fn deadline(&self) -> Option<Duration> {
        self.0.values().filter_map(|waiter| waiter.until).min()
    }

    /// Those that have.
    pub fn answer_in_time(&mut self, now: Moment) {
        let waiters = self.0.iter();
        let tired = waiters.filter(|(_, waiter)| waiter.until.is_some_and(|at| at <= now.elapsed));
        let tired: Vec<_> = tired.map(|(run, _)| *run).collect();
        tired.into_iter().for_each(|run| self.held_up(run));
    }

    pub fn started(&mut self, started: &Started) {
        let Some(mut waiter) = self.0.remove(&started.run) else {
            return;
        };
        waiter.row.pid = Some(started.pid);
        waiter.row.started_at = Some(started.at.wall);
        match waiter.patience {
            Patience::UntilAccepted => waiter.reply.send(Answer::Run(waiter.row)),
            Patience::UntilEnded => {
                self.0.insert(started.run, waiter);
            }
        }
    }

    /// The run goes on, and nobody knows how long until it has a process.
    pub fn held_up(&mut self, run: RunId) {
        let is_accepted = |waiter: &Waiter| waiter.patience == Patience::UntilAccepted;
        if self.0.get(&run).is_some_and(is_accepted)
            && let Some(waiter) = self.0.remove(&run)
        {
            waiter.reply.send(Answer::Run(waiter.row));
        }
    }

    /// An attempt of the run has failed, and the next one has neither begun nor a process.
    pub fn failed(&mut self, failed: &Failed) {
        if let Some(waiter) = self.0.get_mut(&failed.end.run) {
            waiter.row.attempt = failed.attempt + 1;
            waiter.row.pid = None;
            waiter.row.started_at = None;
        }
        self.held_up(failed.end.run);
    }

    pub fn ended(&mut self, end: &RunEnd) {
        let Some(mut waiter) = self.0.remove(&end.run) else {
            return;
        };
        rows::complete(&mut waiter.row, end);
        waiter.reply.send(Answer::Run(waiter.row));
    }

    /// The run will never start.
    pub fn refused(&mut self, run: RunId, why: &str) {
        if let Some(waiter) = self.0.remove(&run) {
            let refusal = Refusal::new(RefusalKind::Conflict, why);
            waiter.reply.send(Answer::Refused(refusal));
        }
    }

    /// An occurrence that waited for a place is not going to start any more.
    pub fn skipped(&mut self, occurrence: &Occurrence, why: &str) {
        let mut waiters = self.0.values();
        let run = waiters.find(|waiter| rows::is_of(&waiter.row, occurrence));
        if let Some(run) = run.map(|waiter| waiter.row.run) {
            self.refused(run, why);
        }
    }
}

//! What is not over yet, as the next hupd would find it on record: kept in memory beside the store, so that one that
//! takes the place of a corrupt one begins with it.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use rusqlite::Connection;

use crate::ledger::{Entry, Failed, Fate, NextAttempt, OpenRun, RunEnd};
use crate::run::{Generation, JobName, Occurrence, RunId};

use super::attempts::resting;
use super::columns::{Micros, TriggerName, Whole};
use super::record::Record;
use super::recovery::{UNENDED, open_runs};

/// The runs without an end, and what waits. It is what is committed, and nothing else.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct InHand {
    runs: BTreeMap<RunId, Standing>,
    waiting: HashMap<Occurrence, Waits>,
}

/// What is to be known of an occurrence that waits: there may be very many.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Waits {
    generation: Generation,
    starts_at: Option<Timestamp>,
}

const MOVED: &str = "it waited in a history that was moved aside since";

/// A run without an end.
#[derive(Clone, Debug, PartialEq)]
struct Standing {
    open: OpenRun,
    /// Its last attempt, while it waits for the next one: without what that wrote, which is in the store alone.
    failed: Option<Failed>,
}

impl InHand {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let runs = open_runs(connection, UNENDED)?.into_iter();
        let mut runs: BTreeMap<_, _> = runs.map(|open| (open.run, Standing::of(open))).collect();
        for one in resting(connection)? {
            let run = runs.get_mut(&one.end.run);
            let run = run.expect("what waits for its next attempt has not ended");
            run.failed = Some(Failed {
                end: one.end,
                attempt: one.attempt,
                attempts: one.attempt,
                delay: one.delay,
                next_at: one.next_at,
            });
        }
        Ok(Self {
            runs,
            waiting: waiting(connection)?,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.waiting.is_empty()
    }

    /// These are committed, but for those in `unwritten`, by their places.
    pub(super) fn note(&mut self, records: &[Record], unwritten: &[usize]) {
        let written = records.iter().enumerate();
        let written = written.filter(|(place, _)| unwritten.binary_search(place).is_err());
        written.for_each(|(_, record)| self.note_one(record));
    }

    fn note_one(&mut self, record: &Record) {
        match record {
            Record::Claim(claim) | Record::Owed(claim) => self.begin(OpenRun::of(claim)),
            Record::Open(open) => self.begin(open.clone()),
            Record::Entry(entry) if entry.fate == Fate::Waiting => {
                let waits = Waits {
                    generation: entry.generation,
                    starts_at: entry.starts_at,
                };
                self.waiting.insert(entry.occurrence.clone(), waits);
            }
            Record::Entry(entry) => drop(self.waiting.remove(&entry.occurrence)),
            Record::Start(start) => {
                if let Some(run) = self.runs.get_mut(&start.run) {
                    run.open.start = Some(start.clone());
                }
            }
            Record::Failed(failed) => self.failed(failed),
            Record::NextAttempt(next) => self.begin_again(*next),
            Record::End(end) | Record::EndRest(end) => drop(self.runs.remove(&end.run)),
            Record::Loss(loss) => drop(self.runs.remove(&loss.run)),
            _ => {}
        }
    }

    fn begin(&mut self, open: OpenRun) {
        self.waiting.remove(&open.occurrence);
        self.runs.insert(open.run, Standing::of(open));
    }

    fn failed(&mut self, failed: &Failed) {
        if let Some(run) = self.runs.get_mut(&failed.end.run) {
            run.open.start = None;
            run.open.attempt = failed.attempt;
            let end = RunEnd {
                output: failed.end.output.without_bytes(),
                survivors: failed.end.survivors.clone(),
                outcome: failed.end.outcome.clone(),
                ..failed.end
            };
            run.failed = Some(Failed { end, ..*failed });
        }
    }

    fn begin_again(&mut self, next: NextAttempt) {
        if let Some(run) = self.runs.get_mut(&next.run) {
            run.open.attempt = next.attempt;
            run.open.generation = next.generation;
            run.failed = None;
        }
    }

    /// All of it, for a store that has never heard of it.
    pub(super) fn into_records(self) -> Vec<Record> {
        let runs = self.runs.into_values().flat_map(Standing::into_records);
        let waiting = self.waiting.into_iter().map(|(occurrence, waits)| {
            Record::Entry(Entry {
                occurrence,
                generation: waits.generation,
                fate: Fate::Waiting,
                reason: MOVED.to_owned(),
                starts_at: waits.starts_at,
            })
        });
        runs.chain(waiting).collect()
    }
}

impl Standing {
    fn of(open: OpenRun) -> Self {
        Self { open, failed: None }
    }

    fn into_records(self) -> impl Iterator<Item = Record> {
        let open = std::iter::once(Record::Open(self.open));
        open.chain(self.failed.map(Record::Failed))
    }
}

fn waiting(connection: &Connection) -> rusqlite::Result<HashMap<Occurrence, Waits>> {
    connection
        .prepare(
            "SELECT job, instant, trigger, generation, starts_at FROM ledger WHERE fate = 'waiting'",
        )?
        .query_map([], |row| {
            let occurrence = Occurrence {
                job: JobName::new(row.get_ref(0)?.as_str()?),
                instant: row.get::<_, Micros>(1)?.0,
                trigger: row.get::<_, TriggerName>(2)?.0,
            };
            let waits = Waits {
                generation: Generation(row.get::<_, Whole>(3)?.0),
                starts_at: row.get::<_, Option<Micros>>(4)?.map(|at| at.0),
            };
            Ok((occurrence, waits))
        })?
        .collect()
}

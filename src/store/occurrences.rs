//! Finds the occurrences of a job in the ledger, which is in the order of instants: what is near an instant is found
//! at once, what is far from it by the runs of the job.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::protocol::OccurrenceRow;
use crate::run::RunId;
use crate::why::{Case, Found, Nearest};

use super::columns::{Micros, Whole, whole};
use super::reader;

/// In the order in which `Line::read` reads them.
const COLUMNS: &str =
    "ledger.job, ledger.instant, ledger.trigger, ledger.fate, ledger.reason, ledger.generation,
   ledger.decided_at, ledger.run";

/// So many rows of all jobs are looked at from an instant on.
const LOOKED_AT: usize = 100_000;
/// Occurrences that are shown of one second.
const OF_ONE_SECOND: usize = 20;
/// Occurrences that are shown where no time was asked for.
const NEWEST: usize = 5;

/// Which way from an instant.
#[derive(Clone, Copy)]
enum Way {
    /// Earlier than it, the latest first.
    Back,
    /// It and what is later, the earliest first.
    On,
}

/// All that the ledger knows about a case.
pub(super) fn find(connection: &Connection, case: &Case) -> rusqlite::Result<Found> {
    let finder = Finder { connection, case };
    let seconds: Vec<_> = case.seconds().collect();
    let (Some((first, _)), Some((_, last))) = (seconds.first(), seconds.last()) else {
        return Ok(Found {
            newest: finder.nearest(Way::Back, Timestamp::MAX, NEWEST)?,
            oldest: finder.oldest()?,
            ..Found::default()
        });
    };
    let at = seconds.iter().map(|second| finder.within(*second));
    let at = at.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut found = Found {
        oldest: finder.oldest()?,
        generation: finder.generation(*first)?,
        ..Found::default()
    };
    if at.iter().any(Vec::is_empty) {
        found.before = finder.nearest(Way::Back, *first, 1)?;
        found.after = finder.nearest(Way::On, *last, 1)?;
    }
    Ok(Found { at, ..found })
}

struct Finder<'a> {
    connection: &'a Connection,
    case: &'a Case,
}

impl Finder<'_> {
    /// The occurrences between two instants that are close to each other.
    fn within(
        &self,
        (begins, ends): (Timestamp, Timestamp),
    ) -> rusqlite::Result<Vec<OccurrenceRow>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM ledger WHERE instant >= ?1 AND instant < ?2 AND job = ?3
             ORDER BY instant, trigger LIMIT ?4"
        );
        let job = self.case.job().as_str();
        let limit = whole(OF_ONE_SECOND as u64);
        self.connection
            .prepare_cached(&sql)?
            .query_map(params![Micros(begins), Micros(ends), job, limit], |row| {
                self.occurrence(row)
            })?
            .collect()
    }

    /// The nearest occurrences of the job: among so many rows all, beyond them those that have run.
    fn nearest(&self, way: Way, from: Timestamp, count: usize) -> rusqlite::Result<Nearest> {
        let (comparison, order) = way.words();
        let sql = format!(
            "SELECT {COLUMNS} FROM ledger WHERE instant {comparison} ?1
             ORDER BY instant {order}, job {order}, trigger {order}"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut lines = statement.query([Micros(from)])?;
        let (mut rows, mut looked_at) = (Vec::new(), 0);
        while let Some(line) = lines.next()? {
            if rows.len() == count {
                break;
            }
            if looked_at == LOOKED_AT {
                let end = line.get::<_, Micros>(1)?.0;
                rows.extend(self.that_ran(way, end, count - rows.len())?);
                return Ok(Nearest {
                    looked_up_to: Some(end),
                    rows,
                });
            }
            looked_at += 1;
            if line.get_ref(0)?.as_str()? == self.case.job().as_str() {
                rows.push(self.occurrence(line)?);
            }
        }
        Ok(Nearest {
            looked_up_to: None,
            rows,
        })
    }

    /// Runs are found by their job, and lead to their occurrences.
    fn that_ran(
        &self,
        way: Way,
        from: Timestamp,
        count: usize,
    ) -> rusqlite::Result<Vec<OccurrenceRow>> {
        let (comparison, order) = way.words();
        let sql = format!(
            "SELECT {COLUMNS} FROM runs CROSS JOIN ledger
               ON ledger.instant = runs.instant AND ledger.job = runs.job AND ledger.trigger = runs.trigger
             WHERE runs.job = ?1 AND runs.ended_at IS NOT NULL AND runs.instant {comparison} ?2
             ORDER BY runs.id {order} LIMIT ?3"
        );
        let (job, limit) = (self.case.job().as_str(), whole(count as u64));
        self.connection
            .prepare_cached(&sql)?
            .query_map(params![job, Micros(from), limit], |row| {
                self.occurrence(row)
            })?
            .collect()
    }

    fn oldest(&self) -> rusqlite::Result<Option<Timestamp>> {
        self.connection
            .prepare_cached("SELECT instant FROM ledger ORDER BY instant LIMIT 1")?
            .query_row([], |row| Ok(row.get::<_, Micros>(0)?.0))
            .optional()
    }

    /// The last one that had been accepted by then.
    fn generation(&self, at: Timestamp) -> rusqlite::Result<Option<(u64, Timestamp)>> {
        self.connection
            .prepare_cached(
                "SELECT number, at FROM generations WHERE accepted = 1 AND at <= ?1 ORDER BY id DESC LIMIT 1",
            )?
            .query_row([Micros(at)], |row| {
                Ok((row.get::<_, Whole>(0)?.0, row.get::<_, Micros>(1)?.0))
            })
            .optional()
    }

    fn occurrence(&self, row: &Row<'_>) -> rusqlite::Result<OccurrenceRow> {
        let at = row.get::<_, Micros>(1)?.0;
        let run: Option<RunId> = row.get(7)?;
        let details = run.map(|run| reader::run(self.connection, run));
        Ok(OccurrenceRow {
            at,
            local: self.case.zone().format(at),
            trigger: row.get(2)?,
            fate: row.get(3)?,
            reason: row.get(4)?,
            generation: row.get::<_, Whole>(5)?.0,
            decided_at: row.get::<_, Micros>(6)?.0,
            run,
            details: details.transpose()?.flatten(),
        })
    }
}

impl Way {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Back => ("<", "DESC"),
            Self::On => (">=", "ASC"),
        }
    }
}

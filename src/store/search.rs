//! Finds runs, by the index that leads to the fewest rows which are looked at in vain.

use std::cmp::Reverse;

use rusqlite::types::ToSql;
use rusqlite::{Connection, Row};

use crate::protocol::{OutcomeFilter, RunFilter, RunRow};
use crate::run::Outcome;

use super::columns::{Micros, TriggerName, whole};
use super::reader::{SELECT_RUNS, run_row};

/// When a run began: it had no start where it could not be started.
const BEGAN: &str = "coalesce(started_at, claimed_at)";

/// By what rows are found. Open runs are few, so they have an index of their own, and are in no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Open,
    OfJob,
    Failed,
    Began,
    OfTrigger,
    /// All rows, from the newest on: for what nearly every row is.
    Numbers,
}

/// The newest runs that a filter means, newest first.
pub(super) fn runs(connection: &Connection, filter: &RunFilter) -> rusqlite::Result<Vec<RunRow>> {
    // A run that ends in between must not be found twice.
    let snapshot = connection.unchecked_transaction()?;
    let mut found = Vec::new();
    for way in ways(filter) {
        found.extend(rows(&snapshot, way, filter)?);
    }
    found.sort_by_key(|row| Reverse(row.run));
    found.truncate(filter.limit);
    Ok(found)
}

fn ways(filter: &RunFilter) -> Vec<Way> {
    let ended = match filter {
        filter if filter.job.is_some() => Way::OfJob,
        filter if filter.outcome.is_some_and(OutcomeFilter::is_failure) => Way::Failed,
        filter if filter.since.is_some() || filter.until.is_some() => Way::Began,
        filter if filter.trigger.is_some() => Way::OfTrigger,
        _ => Way::Numbers,
    };
    match (filter.outcome, ended) {
        (Some(OutcomeFilter::Running), _) => vec![Way::Open],
        (Some(_), way) | (None, way @ Way::Numbers) => vec![way],
        (None, way) => vec![Way::Open, way],
    }
}

fn rows(connection: &Connection, way: Way, filter: &RunFilter) -> rusqlite::Result<Vec<RunRow>> {
    let (sql, values) = query(way, filter);
    let values: Vec<(&str, &dyn ToSql)> = values
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    connection
        .prepare_cached(&sql)?
        .query_map(&*values, |row: &Row<'_>| run_row(row))?
        .collect()
}

type Value = (&'static str, Box<dyn ToSql>);

fn query(way: Way, filter: &RunFilter) -> (String, Vec<Value>) {
    let mut sql = format!("{SELECT_RUNS} {}", way.begins());
    let mut values: Vec<Value> = vec![(":limit", Box::new(whole(filter.limit as u64)))];
    let mut and = |condition: &str, value: Option<Value>| {
        sql.push_str(" AND ");
        sql.push_str(condition);
        values.extend(value);
    };
    if let Some(job) = &filter.job {
        and("job = :job", Some((":job", Box::new(job.clone()))));
    }
    if let Some(trigger) = filter.trigger {
        let name = Box::new(TriggerName(trigger));
        and("trigger = :trigger", Some((":trigger", name)));
    }
    if let Some(since) = filter.since {
        let condition = format!("{BEGAN} >= :since");
        and(&condition, Some((":since", Box::new(Micros(since)))));
    }
    if let Some(until) = filter.until {
        let condition = format!("{BEGAN} < :until");
        and(&condition, Some((":until", Box::new(Micros(until)))));
    }
    if let Some(outcome) = filter.outcome {
        let (condition, value) = condition(outcome);
        and(condition, value);
    }
    sql.push_str(way.ends());
    (sql, values)
}

fn condition(outcome: OutcomeFilter) -> (&'static str, Option<Value>) {
    let exactly = |outcome: Outcome| {
        let value: Value = (":outcome", Box::new(outcome.to_string()));
        ("outcome = :outcome", Some(value))
    };
    match outcome {
        OutcomeFilter::Running => ("ended_at IS NULL", None),
        OutcomeFilter::Success => ("success = 1", None),
        OutcomeFilter::Failed => ("success = 0", None),
        OutcomeFilter::Exited(code) => exactly(Outcome::Exited(code)),
        OutcomeFilter::Killed(Some(signal)) => exactly(Outcome::Killed(signal)),
        OutcomeFilter::Killed(None) => ("outcome GLOB 'killed by *'", None),
        OutcomeFilter::TimedOut => exactly(Outcome::TimedOut),
        OutcomeFilter::CouldNotStart => ("outcome GLOB 'could not start*'", None),
        OutcomeFilter::Lost => exactly(Outcome::Lost),
    }
}

impl Way {
    /// SQLite refuses a statement that cannot go the way it is told.
    fn begins(self) -> &'static str {
        match self {
            Self::Open => "INDEXED BY runs_open WHERE ended_at IS NULL",
            Self::OfJob => "INDEXED BY runs_of_job WHERE ended_at IS NOT NULL",
            Self::Failed => "INDEXED BY runs_failed WHERE (success = 0 OR outcome <> 'exited 0')",
            Self::Began => "INDEXED BY runs_began WHERE ended_at IS NOT NULL",
            Self::OfTrigger => "INDEXED BY runs_of_trigger WHERE ended_at IS NOT NULL",
            Self::Numbers => "NOT INDEXED WHERE true",
        }
    }

    fn ends(self) -> &'static str {
        match self {
            Self::Began => " ORDER BY coalesce(started_at, claimed_at) DESC, id DESC LIMIT :limit",
            _ => " ORDER BY id DESC LIMIT :limit",
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// How SQLite finds what a filter means, a line for each step.
    pub(in crate::store) fn plan(connection: &Connection, filter: &RunFilter) -> Vec<String> {
        let mut steps = Vec::new();
        for way in ways(filter) {
            let (sql, values) = query(way, filter);
            let mut statement = connection
                .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
                .unwrap();
            let values: Vec<(&str, &dyn ToSql)> = values
                .iter()
                .map(|(name, value)| (*name, &**value))
                .collect();
            let rows = statement.query_map(&*values, |row| row.get(3)).unwrap();
            steps.extend(rows.map(|row| row.unwrap()).collect::<Vec<String>>());
        }
        steps
    }
}

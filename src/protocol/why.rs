//! What became of occurrences.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RunRow;
use crate::forecast::NextRow;
use crate::run::RunId;

/// What became of which occurrences is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyFilter {
    pub job: String,
    /// As it was written: what it means depends on the zone of the job. The newest ones where nothing is said.
    pub at: Option<String>,
}

/// `hupctl why`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    pub job: String,
    pub enabled: bool,
    /// As written: `30 2 * * *`, `every 15m`, or empty.
    pub timing: String,
    /// That of the job.
    pub timezone: String,
    pub generation: u64,
    pub generation_since: Timestamp,
    pub started_at: Timestamp,
    /// The oldest instant of any job of which the ledger knows.
    pub oldest_kept: Option<Timestamp>,
    /// What the time means that was asked for: two where it comes twice, none where none was asked for.
    pub instants: Vec<WhyInstant>,
    /// The newest occurrences, newest first, where no time was asked for.
    pub newest: Vec<OccurrenceRow>,
    /// The nearest occurrences, where at an instant there is none.
    pub before: Option<OccurrenceRow>,
    pub after: Option<OccurrenceRow>,
    pub next: Option<NextRow>,
    /// Sentences about all of it.
    pub notes: Vec<String>,
}

/// An instant that somebody asked about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhyInstant {
    pub at: Timestamp,
    /// In the job's own zone, with offset: RFC 3339.
    pub local: String,
    /// Whether the timing in force names it.
    pub named: bool,
    /// What the ledger has in its second.
    pub occurrences: Vec<OccurrenceRow>,
    /// What the clocks do then, and why there is no occurrence where there is none: sentences.
    pub notes: Vec<String>,
}

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OccurrenceRow {
    pub at: Timestamp,
    /// In the job's own zone, with offset: RFC 3339.
    pub local: String,
    pub trigger: String,
    /// `ran`, `skipped`, `missed`, `replaced`, or `waiting` as long as it is not decided.
    pub fate: String,
    pub reason: String,
    pub generation: u64,
    pub decided_at: Timestamp,
    pub run: Option<RunId>,
    /// What is known of its run; none where it has none, or that is not kept any more.
    pub details: Option<RunRow>,
}

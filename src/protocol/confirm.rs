//! A configuration that somebody has to confirm, and one that is in force in place of the file.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is taken back unless somebody confirms it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unconfirmed {
    /// Until when it can be confirmed.
    pub confirm_by: Timestamp,
    /// The generation whose text comes back then.
    pub back_to: u64,
    /// Why that did not come back when it was to, if it was; it is tried again at `confirm_by`.
    pub failure: Option<String>,
}

/// `hupctl confirm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// The generation that stays in force.
    pub generation: u64,
    /// The one whose text would have come back.
    pub instead_of: u64,
    /// Why that is not on record yet, if it is not: a hupd that is killed before starts by the other one.
    pub not_recorded: Option<String>,
}

/// The file was not valid when hupd started, and has not been found right since, whatever is in force in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Degraded {
    /// Since that start.
    pub since: Timestamp,
    /// What was wrong with the file when it was read last.
    pub problems: String,
}

/// Why a kept text is in force and not the file on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// Somebody wanted it so.
    RolledBack,
    /// Nobody confirmed what came after it.
    NotConfirmed,
    /// The file was not valid when hupd started.
    InvalidAtStart,
}

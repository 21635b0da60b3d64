//! Calendar arithmetic: from an expression and a zone to instants. Knows no job and no clock.

mod complaints;
mod cron;
mod days;
mod expression_error;
mod field;
mod next;
mod periods;
mod word;
mod zone;
mod zone_data;

#[cfg(test)]
mod tests;

pub use cron::Cron;
pub use expression_error::ExpressionError;
pub use zone::{Zone, ZoneError, Zones};

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;

/// A cron expression in a zone: names instants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Which wall-clock times.
    pub cron: Cron,
    /// Whose wall clock.
    pub zone: Zone,
}

/// An instant that a calendar names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// When that is, whatever a clock on a wall says.
    pub at: Timestamp,
    /// The wall-clock time that was asked for, where a clock change left it out and the instant is
    /// the first one after the gap. The first such time where several were lost.
    pub moved_from: Option<DateTime>,
}

impl Calendar {
    /// The first instant strictly after `time`; none where the expression never fires again.
    pub fn next_after(&self, time: Timestamp) -> Option<Instant> {
        self.cron.next_after(time, &self.zone)
    }
}

/// The expression as it was written.
impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cron.fmt(f)
    }
}

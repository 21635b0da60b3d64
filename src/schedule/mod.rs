//! Calendar arithmetic: from expressions and zones to instants. Knows no job and no clock.

mod clock_changes;
mod complaints;
mod components;
mod cron;
mod days;
mod describe;
mod either_day;
mod expression;
mod expression_error;
mod field;
mod gregorian;
mod hashed;
mod left_out;
mod marks;
mod never;
mod next;
mod on_calendar;
mod pattern;
mod periods;
mod rare_days;
mod seed;
mod weekdays;
mod word;
mod zone;
mod zone_data;

#[cfg(test)]
mod tests;

pub use clock_changes::{ClockChange, Effect};
pub use either_day::EitherDay;
pub use expression::Expression;
pub use expression_error::ExpressionError;
pub use left_out::LeftOut;
pub use pattern::Watch;
pub use seed::Seed;
pub use zone::{Shown, Zone, ZoneError, Zones};

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::Deserialize;

/// Expressions, each in a zone: names instants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The zone of the job.
    pub zone: Zone,
    entries: Box<[Entry]>,
    rules: Rules,
}

/// What holds for all expressions of a schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    pub dst: Dst,
    /// So much later than it is named everything is due.
    pub offset: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    expression: Expression,
    zone: Zone,
}

/// What becomes of a time that a clock change leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dst {
    /// One run at the first instant after the gap.
    #[default]
    Once,
    /// None.
    Skip,
}

/// An instant that a schedule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// When that is, whatever a clock on a wall says.
    pub at: Timestamp,
    /// The wall-clock time that was asked for, where a clock change left it out and the instant is
    /// the first one after the gap. The first such time where several were lost.
    pub moved_from: Option<DateTime>,
    /// Of the expression that names it; wild where one of several is.
    pub watch: Watch,
}

impl Schedule {
    /// All expressions in one zone.
    pub fn new(
        expressions: impl IntoIterator<Item = Expression>,
        zone: Zone,
        rules: Rules,
    ) -> Self {
        let expressions = expressions.into_iter();
        let entries = expressions.map(|expression| (expression, zone.clone()));
        Self::in_zones(entries.collect::<Vec<_>>(), zone, rules)
    }

    /// Each expression in its own zone; `zone` is that of the job.
    pub fn in_zones(
        expressions: impl IntoIterator<Item = (Expression, Zone)>,
        zone: Zone,
        rules: Rules,
    ) -> Self {
        let expressions = expressions.into_iter();
        let entries = expressions.map(|(expression, zone)| Entry { expression, zone });
        Self {
            entries: entries.collect(),
            zone,
            rules,
        }
    }

    /// What holds for all its expressions.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// The same expressions by other rules.
    pub fn by(&self, rules: Rules) -> Self {
        Self {
            rules,
            ..self.clone()
        }
    }

    /// The first instant strictly after `time`, of whichever expression; none where none fires again. What several
    /// name is one instant.
    pub fn next_after(&self, time: Timestamp) -> Option<Instant> {
        let offset = self.rules.offset;
        if offset.is_zero() {
            return self.named_after(time);
        }
        let time = time.checked_sub(offset).unwrap_or(Timestamp::MIN);
        let first = self.named_after(time)?;
        let at = first.at.checked_add(offset).ok()?;
        Some(Instant { at, ..first })
    }

    fn named_after(&self, time: Timestamp) -> Option<Instant> {
        let next = |entry: &Entry| {
            let pattern = &entry.expression.pattern;
            pattern.next_after(time, &entry.zone, self.rules.dst)
        };
        let instants = self.entries.iter().filter_map(next);
        instants.reduce(earlier)
    }
}

impl Schedule {
    /// A text that is the same for two schedules that name the same instants by the same rules.
    pub fn identity(&self) -> String {
        let Rules { dst, offset } = self.rules;
        let dst = match dst {
            Dst::Once => "once",
            Dst::Skip => "skip",
        };
        let mut text = format!("dst {dst}, {} ms later", offset.as_millis());
        for entry in &self.entries {
            text += &format!("; {} in {}", entry.expression, entry.zone.name());
        }
        text
    }

    /// A text that is the same where the zones which its expressions name themselves have the same rules.
    pub fn rules_of_named_zones(&self) -> String {
        let zones = self.entries.iter().map(|entry| &entry.zone);
        let named = zones.filter(|zone| zone.name() != self.zone.name());
        let digests = named.map(|zone| zone.digest().to_string());
        digests.collect::<Vec<_>>().join(" ")
    }
}

/// The earlier of two, or both as one.
fn earlier(one: Instant, other: Instant) -> Instant {
    let first = std::cmp::min_by_key(one, other, |instant| (instant.at, instant.moved_from));
    match one.at == other.at {
        true => Instant {
            watch: one.watch.min(other.watch),
            ..first
        },
        false => first,
    }
}

/// The expressions as they were written.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, entry) in self.entries.iter().enumerate() {
            f.write_str(if number > 0 { "; " } else { "" })?;
            entry.expression.fmt(f)?;
        }
        Ok(())
    }
}

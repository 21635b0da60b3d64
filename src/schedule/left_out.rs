//! The first time of a schedule that a change of the clocks will leave out.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::pattern::Watch;
use super::{ClockChange, Effect, Entry, Schedule, Zone};

/// A fixed time that no clock will show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut<'s> {
    /// Which expression names it, from 0 on.
    pub expression: usize,
    pub zone: &'s Zone,
    pub time: DateTime,
    pub change: ClockChange,
    /// When it is made up for; none where it is not.
    pub made_up_at: Option<Timestamp>,
}

impl Schedule {
    /// The first one after a time and not after another. What is wild follows the minutes that there are, and misses
    /// none.
    pub fn first_left_out(&self, after: Timestamp, until: Timestamp) -> Option<LeftOut<'_>> {
        let entries = self.entries.iter().enumerate();
        let fixed =
            entries.filter(|(_, entry)| entry.expression.pattern.times.watch == Watch::Fixed);
        fixed
            .filter_map(|(number, entry)| self.left_out_of(number, entry, after, until))
            .min_by_key(|left_out| left_out.change.at)
    }

    fn left_out_of<'s>(
        &'s self,
        expression: usize,
        entry: &'s Entry,
        after: Timestamp,
        until: Timestamp,
    ) -> Option<LeftOut<'s>> {
        let zone = &entry.zone;
        let changes = entry.expression.clock_changes(after, zone, self.rules.dst);
        let mut changes = changes.take_while(|change| change.at <= until);
        changes.find_map(|change| {
            let (time, made_up_at) = match change.effect {
                Effect::MadeUp(time) => (time, change.at.checked_add(self.rules.offset).ok()),
                Effect::LeftOut(time) => (time, None),
                Effect::Nothing | Effect::Once(_) | Effect::Twice(_) => return None,
            };
            Some(LeftOut {
                expression,
                zone,
                time,
                change,
                made_up_at,
            })
        })
    }
}

//! What becomes of an expression when the clocks of a zone change.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::next::wall;
use super::pattern::Watch;
use super::periods::Period;
use super::{Dst, Expression, Zone};

/// A change of the clocks of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockChange {
    pub at: Timestamp,
    /// What the clocks would have shown then, and what they show.
    pub before: DateTime,
    pub after: DateTime,
    pub effect: Effect,
}

/// What it does to an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It names no time that is left out, or comes twice.
    Nothing,
    /// This time, the first of those that are left out, runs right after the change.
    MadeUp(DateTime),
    /// This time, the first of those that are left out, does not run.
    LeftOut(DateTime),
    /// This time, the first of those that come twice, runs when it comes first.
    Once(DateTime),
    /// This time, the first of those that come twice, runs both times.
    Twice(DateTime),
}

impl Expression {
    /// What the clock changes of a zone after some time do to it.
    pub fn clock_changes<'a>(
        &'a self,
        after: Timestamp,
        zone: &'a Zone,
        dst: Dst,
    ) -> impl Iterator<Item = ClockChange> + 'a {
        let after = after.as_second();
        let mut before = zone.periods_from(after);
        let periods = zone.periods_from(after).skip(1);
        periods.filter_map(move |period| {
            let before = before.next()?;
            let wall = |offset: i64| wall(period.start + offset);
            Some(ClockChange {
                at: Timestamp::from_second(period.start).ok()?,
                before: wall(before.offset)?,
                after: wall(period.offset)?,
                effect: self.effect(&period, dst)?,
            })
        })
    }

    fn effect(&self, period: &Period, dst: Dst) -> Option<Effect> {
        let (resumes, lived) = (period.start + period.offset, period.lived);
        let (from, until) = (resumes.min(lived), resumes.max(lived));
        let Some(first) = self.pattern.first_in(from, until) else {
            return Some(Effect::Nothing);
        };
        let first = wall(first)?;
        let is_fixed = self.pattern.times.watch == Watch::Fixed;
        let is_made_up = self.pattern.made_up_for(period, dst).is_some();
        Some(match (resumes > lived, is_fixed) {
            (true, _) if is_made_up => Effect::MadeUp(first),
            (true, _) => Effect::LeftOut(first),
            (false, true) => Effect::Once(first),
            (false, false) => Effect::Twice(first),
        })
    }
}

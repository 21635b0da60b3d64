//! An instant that is asked about, and whether the schedule in force names it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Circumstances;
use super::wanted::Meant;
use crate::config::{Job, Timing};
use crate::forecast::Upcoming;
use crate::schedule::{Dst, Rules, Schedule};

/// An instant that is asked about.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub meant: Meant,
    /// So much later than that it is, by `spread`.
    pub put_off: Duration,
    /// What the timing in force names within its second, whether the job is switched on or not.
    pub named: Option<Upcoming>,
}

impl Point {
    /// What is meant, and what `spread` makes of it where that is another second.
    pub fn all_of(meant: Meant, now: &Circumstances) -> Vec<Self> {
        let offset = match &now.job.timing {
            Timing::Schedule(schedule) => schedule.rules().offset,
            Timing::Never | Timing::Every(_) => Duration::ZERO,
        };
        let point = |put_off| {
            let point = Self {
                meant,
                put_off,
                named: None,
            };
            Self {
                named: point.named(now),
                ..point
            }
        };
        let (plain, late) = (point(Duration::ZERO), point(offset));
        match late.named.is_some() && late.second() != plain.second() {
            true => vec![plain, late],
            false => vec![plain],
        }
    }

    pub fn at(&self) -> Timestamp {
        let at = self.meant.at().checked_add(self.put_off);
        at.unwrap_or(Timestamp::MAX)
    }

    /// From the beginning of its second to the beginning of the next.
    pub fn second(&self) -> (Timestamp, Timestamp) {
        let whole = self.at().as_nanosecond().div_euclid(1_000_000_000) * 1_000_000_000;
        let begins = Timestamp::from_nanosecond(whole).unwrap_or(Timestamp::MIN);
        let ends = begins.checked_add(SignedDuration::from_secs(1));
        (begins, ends.unwrap_or(Timestamp::MAX))
    }

    fn named(&self, now: &Circumstances) -> Option<Upcoming> {
        let job = Job {
            enabled: true,
            ..(*now.job).clone()
        };
        let (begins, ends) = self.second();
        let before = begins.checked_sub(SignedDuration::from_nanos(1));
        let before = before.unwrap_or(Timestamp::MIN);
        let next = now.forecast.next_after(&job, before)?;
        Some(next).filter(|next| next.at < ends)
    }

    /// Whether the schedule would name it if a clock change were made up for.
    pub fn is_skipped(&self, schedule: &Schedule) -> bool {
        let Meant::Lost { resumes, .. } = self.meant else {
            return false;
        };
        let rules = schedule.rules();
        let made_up = schedule.by(Rules {
            dst: Dst::Once,
            ..rules
        });
        let before = resumes.checked_add(rules.offset).ok();
        let before = before.and_then(|at| at.checked_sub(SignedDuration::from_nanos(1)).ok());
        let next = before.and_then(|before| made_up.next_after(before));
        rules.dst == Dst::Skip && next.is_some_and(|next| next.moved_from.is_some())
    }
}

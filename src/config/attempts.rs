//! Whether a run that has ended is tried again, and when.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Job;
use crate::run::{Outcome, RunId};
use crate::schedule::Seed;

impl Job {
    pub fn is_success(&self, outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Exited(code) if self.success_exit_codes.contains(code))
    }

    /// How long after the end of its last attempt a run that ended like this is tried again, if it is.
    pub fn retry_after(&self, outcome: &Outcome, (run, attempt): (RunId, u32)) -> Option<Duration> {
        let retry = self.retry.as_ref()?;
        let is_meant = match (&retry.on, outcome) {
            (_, Outcome::Lost) => false,
            (None, _) => true,
            (Some(codes), Outcome::Exited(code)) => codes.contains(code),
            (Some(_), _) => false,
        };
        let is_left = attempt < retry.attempts && !self.is_success(outcome);
        (is_meant && is_left).then(|| retry.delay_after(attempt, run, self.jitter.seed))
    }
}

/// How a run that has failed is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often it is tried in all.
    pub attempts: u32,
    /// Before the second attempt; it doubles with each one,
    pub delay: Duration,
    /// and is never longer than this.
    pub max_delay: Duration,
    /// Only after one of these exit codes; none: after whatever is no success.
    pub on: Option<BTreeSet<i32>>,
}

impl Retry {
    /// As good as drawn for each attempt, and always the same for one: up to a quarter less than the whole, so that what
    /// has failed together does not come back together. To the millisecond.
    fn delay_after(&self, attempt: u32, run: RunId, seed: Seed) -> Duration {
        let doubled = 2_u32.checked_pow(attempt.saturating_sub(1));
        let whole = doubled.and_then(|times| self.delay.checked_mul(times));
        let whole = self.max_delay.min(whole.unwrap_or(Duration::MAX));
        let millis = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX);
        let purpose = format!("retry {run} after {attempt}");
        let less = seed.below((millis / 4).max(1), &purpose);
        Duration::from_millis(millis - less)
    }
}

//! What is usual for a job.

use serde::{Deserialize, Serialize};

/// How the newest runs of a job went, of those that are kept and have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usual {
    pub ended: usize,
    pub succeeded: usize,
    /// From 0 to 1; none where no run has ended.
    pub success_rate: Option<f64>,
    /// How long the successful ones took: half of them no longer than this. None where there are none.
    pub median_seconds: Option<f64>,
    /// And 95 of 100 no longer than this.
    pub p95_seconds: Option<f64>,
}

impl Usual {
    /// So many of the newest runs that have ended count.
    pub const RUNS: usize = 1_000;

    /// Of so many runs, those that were successful having taken this long, in seconds.
    pub fn of(ended: usize, mut durations: Vec<f64>) -> Self {
        durations.sort_by(f64::total_cmp);
        let succeeded = durations.len();
        Self {
            ended,
            succeeded,
            success_rate: (ended > 0).then(|| succeeded as f64 / ended as f64),
            median_seconds: median(&durations),
            p95_seconds: at_rank(&durations, (95 * succeeded).div_ceil(100)),
        }
    }
}

/// Of an even number the middle of the two in the middle.
fn median(sorted: &[f64]) -> Option<f64> {
    let low = at_rank(sorted, sorted.len().div_ceil(2))?;
    let high = at_rank(sorted, sorted.len() / 2 + 1)?;
    Some(low.midpoint(high))
}

/// The first is 1.
fn at_rank(sorted: &[f64], rank: usize) -> Option<f64> {
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(durations: &[f64]) -> (Option<f64>, Option<f64>) {
        let usual = Usual::of(durations.len(), durations.to_vec());
        (usual.median_seconds, usual.p95_seconds)
    }

    #[test]
    fn median_and_p95_are_exact() {
        assert_eq!(usual(&[]), (None, None));
        assert_eq!(usual(&[7.0]), (Some(7.0), Some(7.0)));
        assert_eq!(usual(&[9.0, 1.0]), (Some(5.0), Some(9.0)));
        assert_eq!(usual(&[3.0, 1.0, 2.0]), (Some(2.0), Some(3.0)));
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(usual(&hundred), (Some(50.5), Some(95.0)));
        let twenty: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(usual(&twenty), (Some(10.5), Some(19.0)));
        let twenty_one: Vec<f64> = (1..=21).map(f64::from).collect();
        assert_eq!(usual(&twenty_one), (Some(11.0), Some(20.0)));
    }

    #[test]
    fn the_rate_of_success_is_of_all_that_ended() {
        assert_eq!(Usual::of(0, vec![]).success_rate, None);
        assert_eq!(Usual::of(4, vec![]).success_rate, Some(0.0));
        assert_eq!(Usual::of(4, vec![1.0; 3]).success_rate, Some(0.75));
    }
}

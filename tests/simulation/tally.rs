//! What lives came to, to be told by the second.

use std::ops::AddAssign;
use std::time::Duration;

/// In seconds.
const YEAR: f64 = 365.25 * 86_400.0;

/// What a life came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub turns: u64,
    pub rows: u64,
    pub hupds: u64,
    /// How long hupd served, and that for each job that was due again.
    pub time: Duration,
    pub job_time: Duration,
}

impl Tally {
    pub fn years(&self) -> f64 {
        self.time.as_secs_f64() / YEAR
    }

    pub fn job_years(&self) -> f64 {
        self.job_time.as_secs_f64() / YEAR
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.turns += other.turns;
        self.rows += other.rows;
        self.hupds += other.hupds;
        self.time += other.time;
        self.job_time += other.job_time;
    }
}

//! The clocks of an invented machine. Its true time only goes forward; the clock on the wall may drift and be
//! set, the elapsed one stands still while the machine sleeps.

use std::time::Duration;

use hupd::clock::{Moment, Wake};
use jiff::Timestamp;

use super::dice::nanoseconds;

const MILLION: i128 = 1_000_000;

/// True time since the machine was made.
pub type Time = Duration;

#[derive(Clone, Debug)]
pub struct Clock {
    now: Time,
    slept: Duration,
    /// A reading of the clock on the wall, in nanoseconds since 1970, and when it was taken.
    wall: i128,
    read_at: Time,
    /// By how many millionths the clock on the wall is too fast.
    drift: i32,
}

impl Clock {
    pub fn new(wall: Timestamp) -> Self {
        // A machine that has been up for a while: nothing may count from zero.
        let now = Duration::new(432_000, 123_456_789);
        Self {
            now,
            slept: Duration::from_secs(3600),
            wall: wall.as_nanosecond(),
            read_at: now,
            drift: 0,
        }
    }

    pub fn now(&self) -> Time {
        self.now
    }

    pub fn moment(&self) -> Moment {
        let micros = self.wall_at(self.now).div_euclid(1000) as i64;
        Moment {
            wall: Timestamp::from_microsecond(micros).expect("lives end long before the calendar"),
            elapsed: self.now - self.slept,
        }
    }

    /// Lets time pass.
    pub fn pass_to(&mut self, time: Time) {
        assert!(time >= self.now, "time only goes forward");
        self.now = time;
    }

    /// Somebody sets the clock on the wall.
    pub fn set(&mut self, by_seconds: i64) {
        let ahead = i128::from(by_seconds) * 1_000_000_000;
        self.read(self.wall_at(self.now) + ahead);
    }

    pub fn drift(&mut self, millionths: i32) {
        self.read(self.wall_at(self.now));
        self.drift = millionths;
    }

    /// The machine sleeps until then.
    pub fn sleep_to(&mut self, time: Time) {
        self.slept += time - self.now;
        self.now = time;
    }

    fn read(&mut self, wall: i128) {
        self.wall = wall;
        self.read_at = self.now;
    }

    fn wall_at(&self, time: Time) -> i128 {
        let since = i128::from(nanoseconds(time - self.read_at));
        self.wall + since + since * i128::from(self.drift) / MILLION
    }

    /// When, at the earliest, one of the deadlines is reached, if the clocks go on as now.
    pub fn when(&self, wake: Wake) -> Option<Time> {
        let wall = wake.wall.map(|wall| self.when_wall(wall.as_nanosecond()));
        let elapsed = wake.elapsed.map(|elapsed| elapsed + self.slept);
        let first = [wall, elapsed].into_iter().flatten().min();
        first.map(|time| time.max(self.now))
    }

    fn when_wall(&self, wall: i128) -> Time {
        let ahead = wall - self.wall;
        if ahead <= 0 {
            return self.now;
        }
        let since = ahead * MILLION / (MILLION + i128::from(self.drift));
        // Division cuts off: a little later the clock has certainly got there.
        let mut time = self.read_at + Duration::from_nanos(since as u64);
        while self.wall_at(time) < wall {
            time += Duration::from_nanos(1);
        }
        time
    }
}

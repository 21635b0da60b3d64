//! The only reader of time. Everything else is given a `Moment`.

use std::time::Duration;

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What the clock on the wall says: for schedules and for people. It may be set. In whole microseconds,
    /// as the store has it: an instant is equal to itself when read back.
    pub wall: Timestamp,
    /// Time elapsed since some fixed point, `CLOCK_MONOTONIC`: for intervals, time limits and grace
    /// periods. Never set, and it stands still while the machine sleeps.
    pub elapsed: Duration,
}

impl Moment {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one home of reading the time"
    )]
    pub fn now() -> Self {
        let elapsed = clock_gettime(ClockId::Monotonic);
        let wall = Timestamp::from_microsecond(Timestamp::now().as_microsecond());
        Self {
            wall: wall.expect("the microseconds of a time are a time"),
            elapsed: Duration::try_from(elapsed).expect("the monotonic clock is never negative"),
        }
    }
}

/// Time since the machine booted, its sleep included, `CLOCK_BOOTTIME`: by which the kernel says when a process
/// began.
pub fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::try_from(time).expect("the clock of the boot is never negative")
}

/// Until when the loop may sleep: until the earlier of the two, or for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wake {
    pub wall: Option<Timestamp>,
    /// On the clock of [`Moment::elapsed`].
    pub elapsed: Option<Duration>,
}

//! The clock source: waits for a wall-clock and an elapsed deadline, and notices when the clock is
//! set. Idle means that nothing here ever wakes up.

use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Timespec;
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use crate::clock::Wake;
use crate::event::{Event, Outbox};

/// In the year 2242, and still within what the kernel counts in nanoseconds.
const NEVER: Timespec = at(1 << 33, 0);
/// Zero would disarm; a past time fires at once.
const AT_ONCE: Timespec = at(0, 1);
const DISARMED: Timespec = at(0, 0);

const WALL: TimerfdTimerFlags = TimerfdTimerFlags::ABSTIME.union(TimerfdTimerFlags::CANCEL_ON_SET);

/// Wakes the loop with [`Event::Due`] and [`Event::ClockSet`]. Its thread ends when the inbox is
/// found gone.
#[derive(Debug)]
pub struct Alarm {
    timers: Arc<Timers>,
    wanted: Cell<Wake>,
    outbox: Outbox,
}

impl Alarm {
    /// Makes the timers and starts the thread that waits for them. Nothing is due yet, but from now
    /// on a clock that is set is noticed.
    pub fn start(outbox: Outbox) -> io::Result<Self> {
        let timers = Arc::new(Timers::create()?);
        let alarm = Self {
            timers: Arc::clone(&timers),
            wanted: Cell::new(Wake::default()),
            outbox: outbox.clone(),
        };
        alarm.set_wall(None);
        thread::Builder::new()
            .name("alarm".into())
            .spawn(move || timers.watch(&outbox))?;
        Ok(alarm)
    }

    /// Asks to be woken then, and no longer at the times asked for before. A past time fires at
    /// once. Costs nothing when nothing has changed.
    pub fn set(&self, wake: Wake) {
        let before = self.wanted.replace(wake);
        // What has fired must be armed again, even for the same time.
        let wall_fired = self.timers.wall.has_fired();
        if wall_fired || before.wall != wake.wall {
            self.set_wall(wake.wall);
        }
        let elapsed_fired = self.timers.elapsed.has_fired();
        if elapsed_fired || before.elapsed != wake.elapsed {
            self.set_elapsed(wake.elapsed);
        }
    }

    /// Without a deadline the timer stays armed, far in the future: only an armed one is cancelled
    /// when the clock is set.
    fn set_wall(&self, deadline: Option<Timestamp>) {
        let at = deadline.map_or(NEVER, wall_time);
        // The timer is armed even then: the clock was set since the last look, that is all.
        if self.timers.wall.arm(WALL, at) == Armed::AfterClockWasSet {
            // Nobody is left to tell if this fails.
            let _ = self.outbox.send(Event::ClockSet);
        }
    }

    fn set_elapsed(&self, deadline: Option<Duration>) {
        let at = deadline.map_or(DISARMED, elapsed_time);
        self.timers.elapsed.arm(TimerfdTimerFlags::ABSTIME, at);
    }
}

#[derive(Debug)]
struct Timers {
    wall: Timer,
    elapsed: Timer,
}

impl Timers {
    fn create() -> io::Result<Self> {
        Ok(Self {
            wall: Timer::create(TimerfdClockId::Realtime)?,
            elapsed: Timer::create(TimerfdClockId::Monotonic)?,
        })
    }

    fn watch(&self, outbox: &Outbox) {
        loop {
            self.wait();
            let (wall, elapsed) = (self.wall.look(), self.elapsed.look());
            let mut events = Vec::new();
            if wall == Seen::ClockWasSet {
                events.push(Event::ClockSet);
            }
            if wall == Seen::Fired || elapsed == Seen::Fired {
                events.push(Event::Due);
            }
            if events.into_iter().any(|event| outbox.send(event).is_err()) {
                return;
            }
        }
    }

    fn wait(&self) {
        let mut timers =
            [&self.wall, &self.elapsed].map(|timer| PollFd::new(&timer.descriptor, PollFlags::IN));
        match poll(&mut timers, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => panic!("two timers can always be waited for: {error}"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Armed {
    Quietly,
    AfterClockWasSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    Fired,
    ClockWasSet,
}

/// One timerfd: armed by the owner of the alarm, read by its thread.
#[derive(Debug)]
struct Timer {
    descriptor: OwnedFd,
    /// Set by the thread before it says so, taken back by the owner when it arms again.
    fired: AtomicBool,
}

impl Timer {
    fn create(clock: TimerfdClockId) -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Self {
            descriptor: timerfd_create(clock, flags)?,
            fired: AtomicBool::new(false),
        })
    }

    fn arm(&self, flags: TimerfdTimerFlags, at: Timespec) -> Armed {
        let once = Itimerspec {
            it_interval: DISARMED,
            it_value: at,
        };
        match timerfd_settime(&self.descriptor, flags, &once) {
            Ok(_) => Armed::Quietly,
            Err(Errno::CANCELED) => Armed::AfterClockWasSet,
            Err(error) => panic!("a timer of ours takes any valid time: {error}"),
        }
    }

    /// Arming takes an expiry back that was not read yet; then there is nothing to see.
    fn look(&self) -> Seen {
        let seen = match rustix::io::read(&self.descriptor, &mut [0; 8]) {
            Ok(_) => Seen::Fired,
            Err(Errno::CANCELED) => Seen::ClockWasSet,
            Err(_) => return Seen::Nothing,
        };
        self.fired.store(true, Ordering::Release);
        seen
    }

    fn has_fired(&self) -> bool {
        self.fired.swap(false, Ordering::AcqRel)
    }
}

const fn at(tv_sec: i64, tv_nsec: i64) -> Timespec {
    Timespec { tv_sec, tv_nsec }
}

fn wall_time(time: Timestamp) -> Timespec {
    within_reach(at(time.as_second(), i64::from(time.subsec_nanosecond())))
}

fn elapsed_time(time: Duration) -> Timespec {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    within_reach(at(seconds, i64::from(time.subsec_nanos())))
}

fn within_reach(time: Timespec) -> Timespec {
    match (time.tv_sec, time.tv_nsec) {
        (..0, _) | (0, ..1) => AT_ONCE,
        (seconds, _) if seconds >= NEVER.tv_sec => NEVER,
        _ => time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;
    use crate::event::Inbox;

    const AN_HOUR: Duration = Duration::from_secs(3600);
    const SOON: Duration = Duration::from_millis(5);

    fn alarm() -> (Inbox, Alarm) {
        let inbox = Inbox::new();
        let alarm = Alarm::start(inbox.outbox()).unwrap();
        (inbox, alarm)
    }

    fn on_the_wall(time: Timestamp) -> Wake {
        Wake {
            wall: Some(time),
            elapsed: None,
        }
    }

    fn elapsed(time: Duration) -> Wake {
        Wake {
            wall: None,
            elapsed: Some(time),
        }
    }

    fn is_due(inbox: &Inbox) -> bool {
        matches!(inbox.next(), Event::Due)
    }

    #[test]
    fn a_wall_deadline_is_never_told_early() {
        let (inbox, alarm) = alarm();
        let deadline = Moment::now().wall + SOON;
        alarm.set(on_the_wall(deadline));
        assert!(is_due(&inbox));
        assert!(Moment::now().wall >= deadline);
    }

    #[test]
    fn an_elapsed_deadline_is_never_told_early() {
        let (inbox, alarm) = alarm();
        let deadline = Moment::now().elapsed + SOON;
        alarm.set(elapsed(deadline));
        assert!(is_due(&inbox));
        assert!(Moment::now().elapsed >= deadline);
    }

    #[test]
    fn a_past_time_fires_at_once() {
        let (inbox, alarm) = alarm();
        alarm.set(on_the_wall(Timestamp::MIN));
        assert!(is_due(&inbox));
        alarm.set(on_the_wall(Timestamp::UNIX_EPOCH));
        assert!(is_due(&inbox));
        alarm.set(elapsed(Duration::ZERO));
        assert!(is_due(&inbox));
    }

    #[test]
    fn the_same_time_asked_for_again_after_it_fired_fires_again() {
        let (inbox, alarm) = alarm();
        for _ in 0..3 {
            alarm.set(on_the_wall(Timestamp::UNIX_EPOCH));
            assert!(is_due(&inbox));
        }
        for _ in 0..3 {
            alarm.set(elapsed(Duration::ZERO));
            assert!(is_due(&inbox));
        }
    }

    #[test]
    fn an_earlier_time_takes_the_place_of_a_later_one() {
        let (inbox, alarm) = alarm();
        let now = Moment::now();
        alarm.set(Wake {
            wall: Some(now.wall + AN_HOUR),
            elapsed: Some(now.elapsed + AN_HOUR),
        });
        alarm.set(elapsed(now.elapsed + SOON));
        assert!(is_due(&inbox));
        alarm.set(on_the_wall(now.wall + SOON));
        assert!(is_due(&inbox));
    }

    #[test]
    fn a_deadline_that_is_withdrawn_does_not_fire() {
        let (inbox, alarm) = alarm();
        let soon = Moment::now().elapsed + 4 * SOON;
        alarm.set(elapsed(soon));
        alarm.set(on_the_wall(Moment::now().wall + 8 * SOON));
        assert!(is_due(&inbox));
        assert!(Moment::now().elapsed >= soon);
        assert!(inbox.try_next().is_none());
    }

    #[test]
    fn times_beyond_the_reach_of_the_kernel_are_taken() {
        let (inbox, alarm) = alarm();
        alarm.set(Wake {
            wall: Some(Timestamp::MAX),
            elapsed: Some(Duration::MAX),
        });
        assert!(inbox.try_next().is_none());
        assert_eq!(elapsed_time(Duration::MAX), NEVER);
        assert_eq!(wall_time(Timestamp::MIN), AT_ONCE);
    }
}

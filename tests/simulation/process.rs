//! The processes of jobs: how long they take, how they end, and what they do about a signal. What one does
//! depends on the job and the instant alone, so that it does the same when the rest of a life is cut down.

use std::time::Duration;

use hupd::run::{Exit, Occurrence, Signal};

use super::clock::Time;
use super::dice::{Dice, number_of};
use super::plan::Temper;

const MICROSECOND: Duration = Duration::from_micros(1);
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// The slowest death by KILL: a process that waits for a disk.
pub const SLOWEST_DEATH: Duration = Duration::from_secs(4);

/// What comes of an order to start a process.
#[derive(Clone, Debug)]
pub enum Birth {
    Fails,
    Lives(Process),
}

/// Who hears of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watcher {
    Parent,
    /// By a later hupd.
    Heir,
    /// Its hupd was killed.
    Nobody,
}

#[derive(Clone, Debug)]
pub struct Process {
    pub pid: i32,
    pub born: Time,
    pub watched: Watcher,
    /// When it ends, if nothing else comes in between.
    pub ends: Time,
    pub exit: Exit,
    /// A signal of ours reached it alive.
    pub was_signalled: bool,
    /// How long it takes to end on its stop signal; never where it resists.
    obeys: Option<Duration>,
    dies: Duration,
}

impl Birth {
    pub fn of(
        (occurrence, attempt): (&Occurrence, u32),
        now: Time,
        (seed, temper): (u64, Temper),
    ) -> Self {
        let instant = occurrence.instant.as_microsecond() as u64;
        let job = number_of(occurrence.job.as_str());
        let mut dice = Dice::of(seed, &[job, instant, u64::from(attempt)]);
        let pid = 1000 + dice.below(4_000_000) as i32;
        if temper == Temper::Calm {
            return Self::Lives(Process::obedient(pid, now));
        }
        if dice.percent(3) {
            return Self::Fails;
        }
        let takes = match dice.below(100) {
            0..10 => Duration::ZERO,
            10..70 => dice.duration(MICROSECOND, SECOND),
            70..95 => dice.duration(SECOND, 2 * HOUR),
            _ => 10_000 * HOUR,
        };
        Self::Lives(Process {
            pid,
            born: now,
            watched: Watcher::Parent,
            ends: now + takes,
            exit: match dice.below(10) {
                0 | 2 => Exit::Code(dice.pick(&[1, 1, 2, 75, 255])),
                1 => Exit::Signal(Signal::from_number(11)),
                _ => Exit::Code(0),
            },
            was_signalled: false,
            obeys: match dice.below(10) {
                0..7 => Some(dice.duration(MICROSECOND, 10 * SECOND)),
                _ => None,
            },
            dies: dice.duration(MICROSECOND, SLOWEST_DEATH),
        })
    }
}

impl Process {
    fn obedient(pid: i32, now: Time) -> Self {
        Self {
            pid,
            born: now,
            watched: Watcher::Parent,
            ends: now + SECOND,
            exit: Exit::Code(0),
            was_signalled: false,
            obeys: Some(MILLISECOND),
            dies: MILLISECOND,
        }
    }

    /// HUP from somebody else reaches it; whether that changes its end.
    pub fn hang_up(&mut self, now: Time) -> bool {
        self.obey(Signal::HUP, now)
    }

    /// A signal of hupd reaches it; whether that changes its end.
    pub fn signal(&mut self, signal: Signal, now: Time) -> bool {
        self.was_signalled = true;
        self.obey(signal, now)
    }

    fn obey(&mut self, signal: Signal, now: Time) -> bool {
        let takes = match signal == Signal::KILL {
            true => Some(self.dies),
            false => self.obeys,
        };
        let ends = takes.map(|takes| now + takes);
        let Some(ends) = ends.filter(|ends| *ends < self.ends) else {
            return false;
        };
        self.ends = ends;
        self.exit = Exit::Signal(signal);
        true
    }
}

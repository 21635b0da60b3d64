//! Starts that are under way, by the numbers of their processes: who has such a number is no stranger, although nobody
//! has handed it over yet.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// So many there are at most.
pub const MOST_IN_FLIGHT: usize = 64;

/// A place that no start has.
const FREE: i32 = 0;
/// That of a start which has no process yet. No process has this number.
const TAKEN: i32 = -1;

/// The kernel writes a number into its place when the process takes its first step, so that of all that have ended each
/// is known here until it is handed over or reaped.
#[derive(Debug)]
pub(super) struct Numbers {
    places: [AtomicI32; MOST_IN_FLIGHT],
    is_waited_for: AtomicBool,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            places: [const { AtomicI32::new(FREE) }; MOST_IN_FLIGHT],
            is_waited_for: AtomicBool::new(false),
        }
    }
}

impl Numbers {
    /// A place for the start that begins now.
    pub(super) fn take(&self) -> &AtomicI32 {
        let order = Ordering::SeqCst;
        let take = |place: &&AtomicI32| place.compare_exchange(FREE, TAKEN, order, order).is_ok();
        let taken = self.places.iter().find(take);
        taken.expect("there are as many places as starts at once")
    }

    /// Its process is handed over, or there is none. Whether somebody waits for that.
    pub(super) fn leave(&self, place: &AtomicI32) -> bool {
        place.store(FREE, Ordering::SeqCst);
        self.is_waited_for.swap(false, Ordering::SeqCst)
    }

    /// Whether a process that has ended is that of a start under way. Whoever leaves a place is told then that somebody
    /// waits for that.
    pub(super) fn has(&self, number: i32) -> bool {
        let is_there = || {
            let mut places = self.places.iter();
            places.any(|place| place.load(Ordering::SeqCst) == number)
        };
        // First the wish, then the look: who leaves a place does it the other way round, so one of the two sees the
        // other.
        is_there() && {
            self.is_waited_for.store(true, Ordering::SeqCst);
            is_there()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_known_until_its_place_is_left() {
        let numbers = Numbers::default();
        let place = numbers.take();
        assert!(!numbers.has(7), "there is no process yet");
        place.store(7, Ordering::SeqCst);
        assert!(numbers.has(7) && !numbers.has(8));
        assert!(numbers.leave(place), "somebody asked");
        assert!(!numbers.has(7));
    }

    #[test]
    fn whoever_asks_for_others_waits_for_nobody() {
        let numbers = Numbers::default();
        let place = numbers.take();
        assert!(!numbers.has(8));
        assert!(!numbers.leave(place));
    }

    #[test]
    fn all_may_start_at_once_and_a_place_that_is_left_is_taken_again() {
        let numbers = Numbers::default();
        let places: Vec<_> = (0..MOST_IN_FLIGHT).map(|_| numbers.take()).collect();
        numbers.leave(places[3]);
        assert!(std::ptr::eq(numbers.take(), places[3]));
    }
}

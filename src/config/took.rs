//! How long the parts of a load take, by a clock that the caller brings: nothing here reads one.

use std::time::Duration;

/// Time elapsed since some fixed point.
pub type ElapsedClock = fn() -> Duration;

/// What a load has spent its time on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Took {
    /// Reading the files.
    pub read: Duration,
    /// From text to tables, and letting go of these.
    pub parse: Duration,
    /// From tables to a value, or to all that is wrong with them.
    pub check: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Stopwatch {
    clock: ElapsedClock,
    began: Duration,
    took: Took,
}

impl Stopwatch {
    pub fn start(clock: ElapsedClock) -> Self {
        Self {
            clock,
            began: clock(),
            took: Took::default(),
        }
    }

    /// One that stands still, for whoever does not ask.
    pub fn still() -> Self {
        Self::start(|| Duration::ZERO)
    }

    pub fn read<T>(&mut self, read: impl FnOnce() -> T) -> T {
        let (made, time) = self.timed(read);
        self.took.read += time;
        made
    }

    pub fn parse<T>(&mut self, parse: impl FnOnce() -> T) -> T {
        let (made, time) = self.timed(parse);
        self.took.parse += time;
        made
    }

    /// All the rest is the check.
    pub fn stop(self) -> Took {
        let Took { read, parse, .. } = self.took;
        let whole = (self.clock)().saturating_sub(self.began);
        Took {
            check: whole.saturating_sub(read + parse),
            ..self.took
        }
    }

    fn timed<T>(&self, make: impl FnOnce() -> T) -> (T, Duration) {
        let began = (self.clock)();
        let made = make();
        (made, (self.clock)().saturating_sub(began))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static SECONDS: Cell<u64> = const { Cell::new(0) };
    }

    fn pass(seconds: u64) {
        SECONDS.set(SECONDS.get() + seconds);
    }

    #[test]
    fn what_is_neither_read_nor_parsed_is_checked() {
        let mut watch = Stopwatch::start(|| Duration::from_secs(SECONDS.get()));
        pass(1);
        assert_eq!(watch.read(|| (pass(2), "text").1), "text");
        watch.parse(|| pass(4));
        pass(8);
        watch.read(|| pass(16));
        let [read, parse, check] = [18, 4, 9].map(Duration::from_secs);
        assert_eq!(watch.stop(), Took { read, parse, check });
    }
}

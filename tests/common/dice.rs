//! Choices from a seed that a failed test shows.

use std::time::{SystemTime, UNIX_EPOCH};

/// `HUPD_SEED` repeats the choices; what comes of them depends on the machine as well.
pub struct Dice {
    state: u64,
}

impl Dice {
    pub fn new() -> Self {
        let given = std::env::var("HUPD_SEED").ok();
        let seed = given.map_or_else(from_the_clock, |seed| seed.parse().expect("a number"));
        eprintln!("HUPD_SEED={seed}");
        Self { state: seed | 1 }
    }

    /// Below `most`.
    pub fn roll(&mut self, most: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % most
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.roll(100) < chance
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len() as u64) as usize]
    }
}

fn from_the_clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("it is after 1970").subsec_nanos().into()
}

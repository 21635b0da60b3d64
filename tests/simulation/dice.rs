//! Chance from a seed: the same seed, the same luck, on every machine.

use std::time::Duration;

/// SplitMix64, by Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice for one thing of many: what it rolls does not depend on when it is asked.
    pub fn of(seed: u64, thing: &[u64]) -> Self {
        let mix = |hash: u64, part: &u64| Self(hash ^ part).roll();
        Self(thing.iter().fold(seed, mix))
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `most`, which is not zero.
    pub fn below(&mut self, most: u64) -> u64 {
        self.roll() % most
    }

    pub fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        least + self.below((most - least + 1) as u64) as i64
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.index(of.len())]
    }

    /// Each order of magnitude is as likely as any other: most are short, some are very long.
    pub fn duration(&mut self, least: Duration, most: Duration) -> Duration {
        let (least, most) = (nanoseconds(least).max(1), nanoseconds(most).max(2));
        let doublings = u64::from((most / least).max(1).ilog2()) + 1;
        let scale = least << self.below(doublings);
        Duration::from_nanos((scale + self.below(scale)).min(most))
    }
}

pub fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).expect("a life is shorter than 584 years")
}

/// FNV-1a: a text as a number, the same everywhere.
pub fn number_of(text: &str) -> u64 {
    let mix = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, mix)
}

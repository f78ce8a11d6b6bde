//! Random choices of a test, the same again for the same seed.

use portcullis_e2e::clock;

/// A generator (`SplitMix64`).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed that differs from run to run; it is printed, so that a failure can be looked into.
    pub fn fresh_seed() -> u64 {
        let seconds = u64::try_from(clock::now().0).unwrap_or_default();
        let seed = seconds << 20 ^ u64::from(std::process::id());
        println!("seed {seed}");
        seed
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(sides).unwrap()).unwrap()
    }

    /// Another generator.
    pub fn fork(&mut self) -> Self {
        Self::new(u64::try_from(self.roll(usize::MAX)).unwrap())
    }
}

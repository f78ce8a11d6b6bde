//! Time and randomness that a test holds in its hand.

use std::sync::{
    Mutex,
    atomic::{AtomicI64, Ordering},
};

use portcullis_origin::domain::{
    clock::{Clock, UnixMillis},
    entropy::{Entropy, EntropyError},
};
use sha2::{Digest, Sha256};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    /// Where every test begins: 2026-01-01T00:00:00Z.
    pub(crate) const START: i64 = 1_767_225_600;

    pub(crate) fn new() -> Self {
        Self(AtomicI64::new(Self::START * 1000))
    }

    /// Moves the time by `seconds`, back if they are negative.
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_millis(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::SeqCst))
    }
}

/// SHA-256 of a seed and a counter: the same in every run.
#[derive(Debug)]
pub(crate) struct SeededEntropy {
    seed: u64,
    counter: Mutex<u64>,
}

impl SeededEntropy {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            counter: Mutex::new(0),
        }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        let mut counter = self.counter.lock().unwrap();
        for chunk in bytes.chunks_mut(32) {
            *counter += 1;
            let block = Sha256::new()
                .chain_update(self.seed.to_be_bytes())
                .chain_update(counter.to_be_bytes())
                .finalize();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

use std::sync::atomic::{AtomicU8, Ordering};

use super::*;
use crate::domain::{shares::Part, throttle::key::Key};

/// Today's parameters, which a moment suffices for.
const CHEAP: Parameters = Parameters {
    memory_kib: 8,
    iterations: 1,
    parallelism: 1,
};

/// A tenth of a second, or some: more work than is light.
const HEAVY: &str = "$argon2id$v=19$m=8192,t=20,p=1$c29tZXNhbHQwMTIzNDU2Nzg5YWJjZA$ZGAi1rrL/beTjqCQUFK023OBFzhefqo4qM+GOCCW10Y";

struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
        Ok(())
    }
}

fn start(threads: usize) -> Arc<Hasher> {
    let entropy = Counting(AtomicU8::new(0));
    Arc::new(Hasher::start(CHEAP, threads, 100, &entropy).unwrap())
}

fn password() -> Password {
    Password::new("correct horse battery".to_owned())
}

#[tokio::test]
async fn while_heavy_hashes_are_checked_light_ones_go_past_them() {
    for threads in [1, 2] {
        let hasher = start(threads);
        let heavy: Vec<_> = (0..12)
            .map(|_| {
                let hasher = Arc::clone(&hasher);
                tokio::spawn(async move {
                    let place = hasher.enter(&[]).unwrap();
                    place.verify(password(), Some(HEAVY)).await.unwrap()
                })
            })
            .collect();
        // On this one thread all of them have come before the next line runs.
        tokio::task::yield_now().await;
        let place = hasher.enter(&[]).unwrap();
        place.verify(password(), None).await.unwrap();
        // In one queue with them it would be the last. With one thread it waits for the one in work,
        // and some of those may go on before this line runs.
        let computed = hasher.computed();
        assert!(computed <= 6, "{computed} with {threads} threads");
        for one in heavy {
            assert_eq!(one.await.unwrap(), Verdict::Wrong);
        }
        // Each takes a check of nobody's hash too.
        assert_eq!(hasher.computed(), 25);
    }
}

#[tokio::test]
async fn nobody_stands_in_with_a_heavy_hash() {
    let hasher = start(1);
    let light = "$argon2id$v=19$m=64,t=2,p=2$c29tZXNhbHQwMTIzNDU2Nzg5YWJjZA$ZGAi1rrL/beTjqCQUFK023OBFzhefqo4qM+GOCCW10Y";
    for (stand_in, cost) in [(Some(light), 2), (Some(HEAVY), 1), (None, 1)] {
        let before = hasher.computed();
        let place = hasher.enter(&[]).unwrap();
        place.refuse(password(), stand_in).await.unwrap();
        assert_eq!(hasher.computed(), before + cost, "{stand_in:?}");
    }
}

#[tokio::test]
async fn heavy_checks_beyond_their_share_of_the_places_are_busy_at_once() {
    let hasher = start(1);
    let account = [Claim {
        key: Key([1; 16]),
        part: Part::QUARTER,
    }];
    let mut refused = 0;
    // Of 101 places 25 are for heavy checks, and 12 of those for one account; it has 25 in all.
    let checks: Vec<_> = (0..20)
        .map(|_| {
            let hasher = Arc::clone(&hasher);
            tokio::spawn(async move {
                let place = hasher.enter(&account).unwrap();
                place.verify(password(), Some(HEAVY)).await
            })
        })
        .collect();
    for check in checks {
        refused += usize::from(matches!(check.await.unwrap(), Err(HashingError::Busy)));
    }
    assert_eq!(refused, 8);
}

//! Heavy checks: those of hashes that other services made hard, see [`Effort`](super::effort::Effort).
//!
//! Invariant: one of them at most is handed to the threads, so that they need the memory of one, and
//! the other threads (or, where there is one thread, every other turn) are everybody else's. Whoever
//! waits for that has one of the pool's places; heavy checks have a quarter of these at most, and of
//! that quarter everybody has twice the part that he has of all: a network, or an account, half.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::HashingError;
use crate::domain::shares::{Claim, Part, Share, Shares};

/// Who does heavy checks, and who waits to.
#[derive(Debug)]
pub(super) struct Heavy {
    turn: Arc<Semaphore>,
    places: Semaphore,
    shares: Shares,
}

/// A heavy check that may be handed to a thread.
#[derive(Debug)]
pub(super) struct Admitted<'a> {
    waits: Waits<'a>,
    turn: OwnedSemaphorePermit,
}

/// The place of whoever waits for a heavy check, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Waits<'a> {
    _place: SemaphorePermit<'a>,
    _share: Share<'a>,
}

impl<'a> Admitted<'a> {
    /// The place of whoever waits for the answer, and the turn, which is to be kept until the check
    /// is computed, whether anybody still waits for that or not.
    pub(super) fn into_parts(self) -> (Waits<'a>, OwnedSemaphorePermit) {
        (self.waits, self.turn)
    }
}

impl Heavy {
    /// Those of a pool of so many places.
    pub(super) fn of(places: usize) -> Self {
        let places = Part::QUARTER.of(places);
        Self {
            turn: Arc::new(Semaphore::new(1)),
            places: Semaphore::new(places),
            shares: Shares::of(places),
        }
    }

    /// Waits, in the order of arrival, until no other heavy check is in work.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`] at once where too many wait already.
    pub(super) async fn enter(&self, claims: &[Claim]) -> Result<Admitted<'_>, HashingError> {
        let doubled = claims.iter().map(|claim| Claim {
            part: claim.part.doubled(),
            ..*claim
        });
        let doubled: Vec<Claim> = doubled.collect();
        let waits = Waits {
            _share: self.shares.take(&doubled).ok_or(HashingError::Busy)?,
            _place: self.places.try_acquire().map_err(|_| HashingError::Busy)?,
        };
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let turn = turn.map_err(|_| HashingError::Busy)?;
        Ok(Admitted { waits, turn })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll, Waker},
    };

    use super::*;
    use crate::domain::throttle::key::Key;

    type Entering<'a> = Pin<Box<dyn Future<Output = Result<Admitted<'a>, HashingError>> + 'a>>;

    /// Begins to wait, where there is a place to.
    fn wait<'a>(heavy: &'a Heavy, claims: &'a [Claim]) -> Option<Entering<'a>> {
        let mut entering: Entering<'a> = Box::pin(heavy.enter(claims));
        let polled = entering
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        match polled {
            Poll::Pending => Some(entering),
            Poll::Ready(Err(HashingError::Busy)) => None,
            Poll::Ready(other) => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn of_the_places_a_quarter_is_for_heavy_checks_and_half_of_that_for_one_account() {
        let claims = [Claim {
            key: Key([1; 16]),
            part: Part::QUARTER,
        }];
        let heavy = Heavy::of(64);
        let first = heavy.enter(&claims).await.unwrap();
        let mut waiting: Vec<_> = std::iter::from_fn(|| wait(&heavy, &claims)).collect();
        assert_eq!(waiting.len(), 7);
        waiting.extend(std::iter::from_fn(|| wait(&heavy, &[])));
        assert_eq!(waiting.len(), 15);
        // Whoever goes away leaves a place; what is in work keeps the turn until it is computed.
        let (waits, turn) = first.into_parts();
        drop(waits);
        assert!(wait(&heavy, &[]).is_some());
        let mut next = waiting.swap_remove(0);
        let mut poll = || {
            let mut context = Context::from_waker(Waker::noop());
            next.as_mut().poll(&mut context).is_ready()
        };
        assert!(!poll());
        drop(turn);
        assert!(poll());
    }
}

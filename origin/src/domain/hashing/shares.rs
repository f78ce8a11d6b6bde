//! How many of the places one network, or one account, may have at a time.
//!
//! Invariant: nobody has more than a share, however many he asks for, so that whoever fills his
//! own leaves most of the pool to everybody else.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::domain::throttle::key::Key;

/// Which part of the places is one share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Every second one.
    Half,
    /// Every fourth one.
    Quarter,
}

/// A share of less would refuse whoever has two windows open.
const LEAST: usize = 2;

/// Who has how many places.
#[derive(Debug)]
pub(super) struct Shares {
    most: usize,
    held: Mutex<HashMap<Key, usize>>,
}

/// A place that is counted for somebody; no longer when it is dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    shares: &'a Shares,
    claims: Vec<Key>,
}

impl Part {
    /// So much of these places: at least two where that leaves one for others, and at least one.
    pub(super) fn of(self, places: usize) -> usize {
        let part = match self {
            Self::Half => places / 2,
            Self::Quarter => places / 4,
        };
        part.max(LEAST).min(places.saturating_sub(1)).max(1)
    }
}

impl Shares {
    /// The shares of so many places.
    pub(super) fn of(places: usize, part: Part) -> Self {
        Self {
            most: part.of(places),
            held: Mutex::default(),
        }
    }

    /// Counts a place for all of `claims`, or for none where one has its share already.
    pub(super) fn take(&self, claims: &[Key]) -> Option<Share<'_>> {
        let mut held = self.held();
        let full = |claim| held.get(claim).is_some_and(|count| *count >= self.most);
        if claims.iter().any(full) {
            return None;
        }
        for claim in claims {
            *held.entry(*claim).or_default() += 1;
        }
        Some(Share {
            shares: self,
            claims: claims.to_vec(),
        })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Key, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share<'_> {
    /// For whom it is counted.
    pub(super) fn claims(&self) -> &[Key] {
        &self.claims
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut held = self.shares.held();
        for claim in &self.claims {
            if let Some(count) = held.get_mut(claim) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    held.remove(claim);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: Key = Key([1; 16]);
    const ANN: Key = Key([2; 16]);
    const BEN: Key = Key([3; 16]);

    #[test]
    fn a_share_is_a_quarter_and_leaves_a_place_wherever_there_are_two() {
        for (places, share) in [(1, 1), (2, 1), (3, 2), (8, 2), (12, 3), (66, 16)] {
            let shares = Shares::of(places, Part::Quarter);
            let taken: Vec<_> = (0..places).map_while(|_| shares.take(&[ANN])).collect();
            assert_eq!(taken.len(), share, "of {places}");
        }
    }

    #[test]
    fn whoever_has_his_share_gets_no_more_and_counts_for_nobody_else() {
        let shares = Shares::of(8, Part::Quarter);
        let mut taken: Vec<_> = (0..2)
            .map(|_| shares.take(&[NETWORK, ANN]).unwrap())
            .collect();
        assert!(shares.take(&[ANN]).is_none());
        // Refused for the network, and not counted for the name.
        assert!((0..5).all(|_| shares.take(&[NETWORK, BEN]).is_none()));
        let bens = [shares.take(&[BEN]).unwrap(), shares.take(&[BEN]).unwrap()];
        assert!((0..5).all(|_| shares.take(&[]).is_some()));
        taken.pop();
        assert!(shares.take(&[NETWORK, ANN]).is_some());
        taken.clear();
        drop(bens);
        assert!(shares.held().is_empty());
    }
}

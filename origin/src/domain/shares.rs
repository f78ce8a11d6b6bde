//! Parts of a number of places, so that nobody has all of them.
//!
//! Invariant: whoever is counted together under one claim has no more places than its part,
//! however many are asked for. So whoever fills his own part leaves the others theirs.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::domain::throttle::key::Key;

/// Which part of the places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    sixteenths: usize,
}

/// Who has a part together, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Whose places are counted together.
    pub key: Key,
    /// How many these are at most.
    pub part: Part,
}

/// A part of less would refuse whoever has two windows open.
const LEAST: usize = 2;

/// Who has how many places.
#[derive(Debug)]
pub(super) struct Shares {
    places: usize,
    held: Mutex<HashMap<Key, usize>>,
}

/// A place that is counted for somebody; no longer when it is dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    shares: &'a Shares,
    claims: Vec<Claim>,
}

impl Part {
    /// One of sixteen.
    pub const SIXTEENTH: Self = Self { sixteenths: 1 };
    /// One of eight.
    pub const EIGHTH: Self = Self { sixteenths: 2 };
    /// One of four.
    pub const QUARTER: Self = Self { sixteenths: 4 };
    /// Three of eight.
    pub const THREE_EIGHTHS: Self = Self { sixteenths: 6 };
    /// One of two.
    pub const HALF: Self = Self { sixteenths: 8 };
    /// Three of four.
    const THREE_QUARTERS: Self = Self { sixteenths: 12 };

    /// So much of these places: at least two where that leaves one for others, and at least one.
    pub(super) fn of(self, places: usize) -> usize {
        let part = places.saturating_mul(self.sixteenths) / 16;
        part.max(LEAST).min(places.saturating_sub(1)).max(1)
    }

    /// Twice as much, but no more than leaves a quarter to others.
    pub(super) fn doubled(self) -> Self {
        let most = Self::THREE_QUARTERS.sixteenths;
        Self {
            sixteenths: (self.sixteenths * 2).min(most),
        }
    }
}

impl Shares {
    /// The shares of so many places.
    pub(super) fn of(places: usize) -> Self {
        Self {
            places,
            held: Mutex::default(),
        }
    }

    /// Counts a place for all of `claims`, or for none where one has its part already.
    pub(super) fn take(&self, claims: &[Claim]) -> Option<Share<'_>> {
        let mut held = self.held();
        if !self.has_room(&held, claims) {
            return None;
        }
        for claim in claims {
            *held.entry(claim.key).or_default() += 1;
        }
        Some(Share {
            shares: self,
            claims: claims.to_vec(),
        })
    }

    /// Whether a place would be counted for all of `claims` at this moment.
    pub(super) fn would_give(&self, claims: &[Claim]) -> bool {
        self.has_room(&self.held(), claims)
    }

    fn has_room(&self, held: &HashMap<Key, usize>, claims: &[Claim]) -> bool {
        claims.iter().all(|claim| {
            let count = held.get(&claim.key).copied().unwrap_or(0);
            count < claim.part.of(self.places)
        })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Key, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share<'_> {
    /// For whom it is counted.
    pub(super) fn claims(&self) -> &[Claim] {
        &self.claims
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut held = self.shares.held();
        for claim in &self.claims {
            if let Some(count) = held.get_mut(&claim.key) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    held.remove(&claim.key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: Claim = quarter(1);
    const ANN: Claim = quarter(2);
    const BEN: Claim = quarter(3);

    const fn quarter(of: u8) -> Claim {
        Claim {
            key: Key([of; 16]),
            part: Part::QUARTER,
        }
    }

    #[test]
    fn a_part_leaves_a_place_wherever_there_are_two() {
        for (places, sixteenth, quarter, most, half) in [
            (1, 1, 1, 1, 1),
            (2, 1, 1, 1, 1),
            (3, 2, 2, 2, 2),
            (8, 2, 2, 3, 4),
            (12, 2, 3, 4, 6),
            (66, 4, 16, 24, 33),
        ] {
            let parts = [
                Part::SIXTEENTH,
                Part::QUARTER,
                Part::THREE_EIGHTHS,
                Part::HALF,
            ];
            let expected = [sixteenth, quarter, most, half];
            assert_eq!(parts.map(|part| part.of(places)), expected, "of {places}");
            let shares = Shares::of(places);
            let taken: Vec<_> = (0..=places).map_while(|_| shares.take(&[ANN])).collect();
            assert_eq!(taken.len(), quarter, "of {places}");
        }
        assert_eq!(Part::QUARTER.doubled(), Part::HALF);
        assert_eq!(Part::HALF.doubled(), Part::THREE_QUARTERS);
    }

    #[test]
    fn whoever_has_his_part_gets_no_more_and_counts_for_nobody_else() {
        let shares = Shares::of(8);
        let mut taken: Vec<_> = (0..2)
            .map(|_| shares.take(&[NETWORK, ANN]).unwrap())
            .collect();
        assert!(!shares.would_give(&[ANN]) && shares.take(&[ANN]).is_none());
        // Refused for the network, and not counted for the name.
        assert!((0..5).all(|_| shares.take(&[NETWORK, BEN]).is_none()));
        assert!(shares.would_give(&[BEN]));
        let bens = [shares.take(&[BEN]).unwrap(), shares.take(&[BEN]).unwrap()];
        assert!((0..5).all(|_| shares.take(&[]).is_some()));
        taken.pop();
        assert!(shares.take(&[NETWORK, ANN]).is_some());
        taken.clear();
        drop(bens);
        assert!(shares.held().is_empty());
    }
}

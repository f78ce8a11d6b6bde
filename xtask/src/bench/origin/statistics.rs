//! Whether two sets of times can be told apart: the test of Mann and Whitney, which asks nothing
//! of how they are distributed.

use std::cmp::Ordering;
use std::time::Duration;

/// From this many standard deviations on, two sets are told apart; by chance alone this happens
/// once in four hundred comparisons.
const TOLD_APART: f64 = 3.0;

/// How one set of times compares with another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comparison {
    /// By which part of the other median this one is longer.
    pub(super) longer: f64,
    /// How often a time of this set is longer than one of the other: a half when nothing tells them
    /// apart.
    pub(super) chance: f64,
    /// By how many standard deviations that is off a half.
    pub(super) deviations: f64,
}

impl Comparison {
    /// Compares times with others; both sets must have some.
    pub(super) fn of(times: &[Duration], others: &[Duration]) -> Self {
        let (ours, theirs) = (count(times), count(others));
        let wins: f64 = times.iter().map(|time| wins(*time, others)).sum();
        let deviation = (ours * theirs * (ours + theirs + 1.0) / 12.0).sqrt();
        let (own, other) = (median(times).as_secs_f64(), median(others).as_secs_f64());
        Self {
            longer: own / other - 1.0,
            chance: wins / (ours * theirs),
            deviations: (wins - ours * theirs / 2.0) / deviation,
        }
    }

    /// Whether somebody who measures could tell one set from the other.
    pub(super) fn tells_apart(&self) -> bool {
        self.deviations.abs() >= TOLD_APART
    }
}

/// How many of the others are shorter; equal ones count half.
fn wins(time: Duration, others: &[Duration]) -> f64 {
    let points = |other: &Duration| match time.cmp(other) {
        Ordering::Greater => 1.0,
        Ordering::Equal => 0.5,
        Ordering::Less => 0.0,
    };
    others.iter().map(points).sum()
}

/// Half of the times are longer.
pub(super) fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "some hundreds")]
fn count(times: &[Duration]) -> f64 {
    times.len() as f64
}

#[cfg(test)]
mod tests {
    use super::{Comparison, median};
    use std::time::Duration;

    /// Times around 10 ms, in steps of 10 µs, later by so many microseconds.
    fn times(later: u64) -> Vec<Duration> {
        (0..100)
            .map(|step| Duration::from_micros(10_000 + 10 * step + later))
            .collect()
    }

    #[test]
    fn equal_times_are_not_told_apart() {
        let same = Comparison::of(&times(0), &times(0));
        assert!(same.deviations.abs() < 1e-9 && !same.tells_apart());
        assert!((same.chance - 0.5).abs() < 1e-9);
        assert!(!Comparison::of(&times(50), &times(0)).tells_apart());
    }

    #[test]
    fn times_that_are_shifted_are_told_apart_in_either_direction() {
        let longer = Comparison::of(&times(500), &times(0));
        assert!(longer.tells_apart() && longer.chance > 0.8 && longer.longer > 0.04);
        let shorter = Comparison::of(&times(0), &times(500));
        assert!(shorter.tells_apart() && shorter.deviations < 0.0 && shorter.longer < 0.0);
    }

    #[test]
    fn the_deviation_is_that_of_the_rank_sum() {
        // All 25 pairs are won: U = 25, its mean 12.5, its deviation sqrt(25 * 11 / 12).
        let set = |from| -> Vec<Duration> { (from..from + 5).map(Duration::from_millis).collect() };
        let compared = Comparison::of(&set(10), &set(1));
        assert!((compared.chance - 1.0).abs() < 1e-9);
        assert!((compared.deviations - 12.5 / (25.0_f64 * 11.0 / 12.0).sqrt()).abs() < 1e-9);
        assert_eq!(median(&set(1)), Duration::from_millis(3));
    }
}

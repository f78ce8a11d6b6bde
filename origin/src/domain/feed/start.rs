//! From where on a document tells, for an edge that knows everything up to a `since`.
//!
//! Anybody may ask from anywhere, and a document from an earlier place on serves as well, being
//! longer. So every `since` between two entries is at the earlier one, and how far that is behind
//! the newest is rounded up to a power of two of milliseconds: from 100,000 entries come a dozen
//! documents, and who keeps up gets few entries.

use crate::domain::store::FeedPlace;

/// How far, in milliseconds, an edge that does its work is behind at most. It stops serving after
/// 30 seconds.
const KEEPING_UP: u64 = 1 << 16;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    /// An edge that keeps up.
    Near,
    /// One that has just started, or was away; or anybody.
    Far,
}

/// From where on a document tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    /// What was published after this `seq`; everything, if it is 0.
    pub(super) after: u64,
    /// Who asks from there.
    pub(super) asking: Asking,
}

const EVERYTHING: Start = Start {
    after: 0,
    asking: Asking::Far,
};

/// From where on an edge that knows everything up to `since` is told: never later than that. One
/// that knows more than the database, because a backup was put back, gets all there is, and keeps
/// what it has.
pub(super) fn start(since: u64, place: &FeedPlace) -> Start {
    if since > place.seq.0 {
        return EVERYTHING;
    }
    let near = |after| Start {
        after,
        asking: Asking::Near,
    };
    let behind = place.newest.0.saturating_sub(place.before.0);
    if behind == 0 {
        return near(place.newest.0);
    }
    let rounded = behind.checked_next_power_of_two().unwrap_or(u64::MAX);
    let after = place.newest.0.saturating_sub(rounded);
    if rounded <= KEEPING_UP {
        near(after)
    } else if after < place.oldest.0 {
        EVERYTHING
    } else {
        Start {
            after,
            asking: Asking::Far,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::domain::store::Seq;

    /// The place of a `since` in a feed whose `seq` is ahead of its entries.
    fn place(entries: &BTreeSet<u64>, since: u64, seq: u64) -> FeedPlace {
        let or_none = |entry: Option<&u64>| Seq(entry.copied().unwrap_or_default());
        FeedPlace {
            seq: Seq(seq),
            oldest: or_none(entries.first()),
            before: or_none(entries.range(..=since).next_back()),
            newest: or_none(entries.last()),
        }
    }

    #[test]
    fn between_two_entries_all_places_are_one() {
        let entries = BTreeSet::from([1_000, 3_000, 200_000, 200_005]);
        let after = |since| start(since, &place(&entries, since, 200_010)).after;
        for since in 200_005..=200_010 {
            assert_eq!(after(since), 200_005);
        }
        for since in 200_000..200_005 {
            assert_eq!(after(since), 200_005 - 8);
        }
        for since in [3_000, 3_001, 150_000, 199_999, 1_000, 2_999, 0, 1, 999] {
            assert_eq!(after(since), 0);
        }
        assert_eq!(after(200_011), 0, "more than there is");
    }

    #[test]
    fn where_there_is_no_entry_there_is_one_document() {
        for since in [0, 1, 5] {
            let start = start(since, &place(&BTreeSet::new(), since, 5));
            assert_eq!((start.after, start.asking), (0, Asking::Near));
        }
    }

    #[test]
    fn a_hundred_thousand_entries_make_a_dozen_documents() {
        // Each by a logout of its own, within the hour for which they are kept.
        let entries: BTreeSet<u64> = (0..100_000).map(|n| 1_760_000_000_000 + n * 36).collect();
        let seq = *entries.last().unwrap();
        let starts = |asking| {
            let all = (0..=seq - 1_759_999_990_000).step_by(7);
            let all = all.map(|back| start(seq - back, &place(&entries, seq - back, seq)));
            let after = all.filter(|start| start.asking == asking);
            after.map(|start| start.after).collect::<BTreeSet<u64>>()
        };
        assert_eq!(starts(Asking::Near).len(), 12);
        assert_eq!(starts(Asking::Far).len(), 6);
    }

    proptest! {
        #[test]
        fn nobody_is_told_less_than_he_lacks(
            entries: BTreeSet<u32>, since: u32, ahead: u8, near: proptest::sample::Index,
        ) {
            let entries: BTreeSet<u64> = entries.into_iter().map(u64::from).collect();
            let newest = entries.last().copied().unwrap_or_default();
            let seq = newest + u64::from(ahead);
            let beside = near.index(entries.len() + 1);
            let beside = entries.iter().nth(beside).copied().unwrap_or(newest);
            for since in [u64::from(since), beside, beside.saturating_sub(1), beside + 1, 0, seq] {
                let start = start(since, &place(&entries, since, seq));
                let first_lacking = if since > seq { None } else { entries.range(since + 1..).next() };
                if let Some(lacking) = first_lacking {
                    prop_assert!(start.after < *lacking);
                }
                prop_assert!(start.after <= since || entries.is_empty());
                if since > seq {
                    prop_assert_eq!(start.after, 0);
                }
            }
        }
    }
}

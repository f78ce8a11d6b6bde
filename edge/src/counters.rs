//! Counting what this isolate does, in plain integers, and telling it as `OpenMetrics` text.
//!
//! An isolate is one running instance of the Worker. A data centre has several, and they come and
//! go: the counts are of the one that happens to answer, since it started, and its id says which one
//! that is.
//!
//! Invariant: labels come from closed sets alone, so that no request can make another series.

mod text;

use crate::{
    cache::Uses,
    gate::{Outcome, Reason, Ruling},
};

pub use text::MEDIA_TYPE;

/// One of the origin's documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// The key set.
    Keys,
    /// The revocations.
    Revocations,
    /// The key set of a foreign issuer.
    ForeignKeys,
}

impl Fetched {
    const ALL: [Self; 3] = [Self::Keys, Self::Revocations, Self::ForeignKeys];

    const fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Revocations => "revocations",
            Self::ForeignKeys => "foreign_keys",
        }
    }
}

/// How often something went well, and how often not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    well: u64,
    badly: u64,
}

impl Tally {
    fn add(&mut self, well: bool) {
        let count = if well {
            &mut self.well
        } else {
            &mut self.badly
        };
        *count += 1;
    }
}

/// The counts.
#[derive(Debug, Clone)]
pub struct Counters {
    /// By outcome, of decisions without a reason.
    plain: [u64; Outcome::ALL.len()],
    refused: [u64; Reason::ALL.len()],
    reported: [u64; Reason::ALL.len()],
    /// In the order of [`Fetched::ALL`].
    fetches: [Tally; Fetched::ALL.len()],
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            plain: [0; Outcome::ALL.len()],
            refused: [0; Reason::ALL.len()],
            reported: [0; Reason::ALL.len()],
            fetches: [Tally::default(); Fetched::ALL.len()],
        }
    }
}

/// What the isolate is like at the moment.
#[derive(Debug, Clone, Copy)]
pub struct State<'a> {
    /// What the isolate is called, for as long as it lives.
    pub isolate: &'a str,
    /// For how long, in milliseconds, it has been deciding.
    pub lifetime: i64,
    /// The age of the keys, in milliseconds; `None` where there are none.
    pub keys_age: Option<i64>,
    /// The age of the revocations, in milliseconds; `None` where there are none.
    pub feed_age: Option<i64>,
    /// Up to which `seq` revocations are known.
    pub feed_seq: Option<u64>,
    /// How many keys have tables with which they verify faster.
    pub keys_with_tables: usize,
    /// How many verified tokens are kept.
    pub cached_tokens: usize,
    /// How often the cache of verified tokens was asked.
    pub cache: Uses,
}

impl Counters {
    /// Counts a decision.
    pub fn decided(&mut self, ruling: &Ruling) {
        let outcome = ruling.outcome();
        let place = match (ruling.reason, outcome) {
            (Some(reason), Outcome::Reported) => self.reported.get_mut(reason.index()),
            (Some(reason), _) => self.refused.get_mut(reason.index()),
            (None, outcome) => self.plain.get_mut(outcome.index()),
        };
        if let Some(count) = place {
            *count += 1;
        }
    }

    /// Counts an attempt to fetch a document.
    pub fn fetched(&mut self, document: Fetched, well: bool) {
        if let Some(tally) = self.fetches.get_mut(document as usize) {
            tally.add(well);
        }
    }

    /// Everything as `OpenMetrics` text, of the type [`MEDIA_TYPE`].
    pub fn text(&self, state: &State<'_>) -> String {
        text::write(self, state)
    }

    /// The decisions that there have been: outcome, reason and how many.
    fn decisions(&self) -> impl Iterator<Item = (Outcome, Option<Reason>, u64)> {
        let plain = Outcome::ALL.into_iter().zip(self.plain);
        let plain = plain.map(|(outcome, count)| (outcome, None, count));
        let with = |outcome, counts: [u64; Reason::ALL.len()]| {
            let reasons = Reason::ALL.iter().zip(counts);
            reasons.map(move |(reason, count)| (outcome, Some(*reason), count))
        };
        plain
            .chain(with(Outcome::Refused, self.refused))
            .chain(with(Outcome::Reported, self.reported))
            .filter(|(_, _, count)| *count > 0)
    }

    fn fetches(&self, document: Fetched) -> Tally {
        let tally = self.fetches.get(document as usize);
        tally.copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;

//! Following the audit trail: each event once, however late it is committed.
//!
//! On Postgres an event gets its number when it is written and is visible after the commit, so a
//! smaller number may appear after a greater one. Whoever only asked for greater numbers than the
//! last would miss it. Storage tells which transactions are writing to the trail at a moment
//! ([`Horizon`]); when all of them are over, every event up to the newest of that moment is visible
//! or will never be. Up to there the trail is settled. What comes after is read again and again,
//! and what was seen is remembered. No assumption on how long a transaction may take is needed.

use std::collections::BTreeSet;

use super::query::{Entry, EventId, Filter, Order, Query};
use crate::domain::store::{Store, StoreError};

/// How the trail stands at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Horizon {
    /// The greatest number that is visible; 0 where there is none.
    pub newest: EventId,
    /// The transactions that may yet make events with smaller numbers visible, by names that are
    /// not given twice.
    pub writers: BTreeSet<String>,
}

/// How many events are read at a time.
const PAGE: u32 = 500;

/// A reader who has come to some place in the trail.
#[derive(Debug)]
pub struct Tail {
    filter: Filter,
    /// Everything up to here was visible when it was read.
    settled: EventId,
    /// What has been seen after `settled`.
    seen: BTreeSet<EventId>,
    /// The next place to be settled, once its writers are gone.
    next: Horizon,
}

impl Tail {
    /// Begins after the newest event of `horizon`; `None` while one of those who were writing then
    /// still is.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub async fn begin(
        store: &dyn Store,
        horizon: &Horizon,
        filter: Filter,
    ) -> Result<Option<Self>, StoreError> {
        let now = store.audit_horizon().await?;
        let over = now.writers.is_disjoint(&horizon.writers);
        Ok(over.then(|| Self {
            filter,
            settled: horizon.newest,
            seen: BTreeSet::new(),
            next: now,
        }))
    }

    /// The number after which it began, or which it has come to: what is up to there has been
    /// handed out by it, or was there before it.
    pub fn settled(&self) -> EventId {
        self.settled
    }

    /// What has become visible since the last time, in the order of the numbers.
    ///
    /// # Errors
    ///
    /// See [`StoreError`]; what is lost by it comes with the next call.
    pub async fn news(&mut self, store: &dyn Store) -> Result<Vec<Entry>, StoreError> {
        let now = store.audit_horizon().await?;
        let over = now.writers.is_disjoint(&self.next.writers);
        // Read after the horizon: what was committed before that is among it.
        let fresh = self.read(store).await?;
        self.seen.extend(fresh.iter().map(|entry| entry.id));
        if over {
            self.settled = self.settled.max(self.next.newest);
            self.next = now;
        }
        self.seen = self
            .seen
            .split_off(&EventId(self.settled.0.saturating_add(1)));
        Ok(fresh)
    }

    /// Whatever after `settled` has not been seen.
    async fn read(&self, store: &dyn Store) -> Result<Vec<Entry>, StoreError> {
        let (mut fresh, mut after) = (Vec::new(), self.settled);
        loop {
            let query = Query {
                filter: self.filter.clone(),
                order: Order::Oldest { after },
                limit: PAGE,
            };
            let page = store.audit(&query).await?;
            let last = page.last().map(|entry| entry.id);
            fresh.extend(
                page.into_iter()
                    .filter(|entry| !self.seen.contains(&entry.id)),
            );
            match last {
                Some(last) => after = last,
                None => return Ok(fresh),
            }
        }
    }
}

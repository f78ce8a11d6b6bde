//! When an attempt to fetch may start.
//!
//! A lease says that an attempt is under way. It is a timestamp and not a promise, because on
//! Workers a promise belongs to the request that made it and dies with it: a lease that nobody
//! returns runs out by itself.

use crate::time::Millis;

/// How long an attempt is believed to be under way, in milliseconds.
const LEASE: i64 = 2_500;

/// The least time between the beginnings of two attempts, in milliseconds.
const INTERVAL: i64 = 1_000;

/// The least time between two attempts for the sake of an unknown key, in milliseconds.
const UNKNOWN_KEY_INTERVAL: i64 = 30_000;

/// An attempt that may be, and has to be, carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt(Millis);

impl Attempt {
    /// When it began.
    pub fn started(self) -> Millis {
        self.0
    }
}

/// How much an attempt is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Nobody waits for it.
    Behind,
    /// Requests wait: a lease whose holder may have vanished does not count.
    First,
}

/// The attempts to fetch one document.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    last: Option<Millis>,
    lease: Option<Attempt>,
}

impl Schedule {
    /// Begins an attempt, unless it is too early for one.
    pub(super) fn begin(&mut self, urgency: Urgency, now: Millis) -> Option<Attempt> {
        let leased = urgency == Urgency::Behind && self.is_busy(now);
        (!leased && is_over(self.last, INTERVAL, now)).then(|| self.begin_always(now))
    }

    /// Begins an attempt that another budget pays for.
    pub(super) fn begin_always(&mut self, now: Millis) -> Attempt {
        let attempt = Attempt(now);
        self.last = Some(now);
        self.lease = Some(attempt);
        attempt
    }

    /// The attempt is over.
    pub(super) fn end(&mut self, attempt: Attempt) {
        if self.lease == Some(attempt) {
            self.lease = None;
        }
    }

    /// Whether an attempt seems to be under way.
    pub(super) fn is_busy(&self, now: Millis) -> bool {
        self.lease
            .is_some_and(|lease| !is_over(Some(lease.0), LEASE, now))
    }
}

/// One attempt in 30 seconds, timed from the attempts and not from their success.
#[derive(Debug, Default)]
pub(super) struct Budget(Option<Millis>);

impl Budget {
    /// Spends it, if it is there.
    pub(super) fn take(&mut self, now: Millis) -> bool {
        let free = is_over(self.0, UNKNOWN_KEY_INTERVAL, now);
        if free {
            self.0 = Some(now);
        }
        free
    }
}

impl Budget {
    /// Gives it back: what it was spent for did not happen.
    pub(super) fn repay(&mut self) {
        self.0 = None;
    }
}

/// Whether `length` has passed since `start`. A clock that was put back has passed everything.
fn is_over(start: Option<Millis>, length: i64, now: Millis) -> bool {
    start.is_none_or(|start| !(0..length).contains(&now.since(start)))
}

//! The exchange of API keys: which key stands for which access token, which are no good, and when
//! the origin may be asked (RFC 8693).
//!
//! Plain data, as the [`crate::snapshot`]: it asks nobody and waits for nothing, but says what is to
//! be asked, whether a request should wait for it, and takes in what came back. That an exchange is
//! under way is a timestamp, because on Workers a promise belongs to one request.
//!
//! Invariants: keys are known by their SHA-256 alone; a key has one exchange under way at a time;
//! whoever shows a key that is known to be good is neither counted nor hindered, whatever others
//! do; and the memory is bounded, whatever comes.

mod answer;
mod budget;

use std::rc::Rc;

use portcullis_shared::api_key::ApiKeyId;

pub use answer::{Granted, Outcome, form, granted, refused};
pub use budget::Network;

use budget::{Budgets, Spent};

use crate::{cache::Fingerprint, generations::Generations, time::Millis};

/// How long, in milliseconds, an attempt is believed to be under way; a little longer than it may
/// take.
const LEASE: i64 = 2_500;

/// How long, in milliseconds, a request waits for an attempt: until it has had its time.
const WAIT: i64 = 2_100;

/// How long, in milliseconds, the origin is left alone that was not there.
const RETRY: i64 = 1_000;

/// How long, in milliseconds, it is remembered that a key is no good.
const REFUSED: i64 = 10_000;

/// How long before its end, in milliseconds, a token is replaced; of a short-lived one a quarter of
/// its time.
const REPLACE_BEFORE: i64 = 60_000;

/// How much memory the tokens take, in bytes: those of some 4,000 keys that are in use.
const HELD_MEMORY: usize = 8 * 1024 * 1024;

/// How much memory the keys take that are no good or being exchanged, in bytes: some 6,000 keys.
const OPEN_MEMORY: usize = 1024 * 1024;

/// An exchange that may be, and has to be, carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    key: Fingerprint,
    started: Millis,
    /// What it costs until it is known that the key is good.
    spent: Option<Spent>,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It stands for this token, which has not ended yet.
    Token(Rc<str>),
    /// It is no good.
    Refused,
    /// Nothing: it has to be exchanged.
    Nothing,
}

/// What a request with a key does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is judged: enough is known of its key.
    Judge,
    /// It waits a little and asks again.
    Wait,
    /// It is refused because the origin is not there.
    Unavailable,
    /// It is refused because there were too many, for so many milliseconds.
    TooMany(i64),
}

/// Who asks for an exchange.
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    /// What the key is known by.
    pub fingerprint: Fingerprint,
    /// The key's id.
    pub key: ApiKeyId,
    /// Where the request comes from.
    pub network: Network,
}

#[derive(Debug)]
struct Held {
    token: Rc<str>,
    obtained: Millis,
    replace: Millis,
    end: Millis,
}

/// How far the last attempt for a key is.
#[derive(Debug, Clone, Copy)]
enum Last {
    UnderWay(Millis),
    Refused(Millis),
    TooMany { at: Millis, millis: i64 },
    Unavailable(Millis),
}

/// Everything that is known of keys.
#[derive(Debug)]
pub struct Exchanges {
    /// Of keys that were good when they were last exchanged.
    held: Generations<Held>,
    open: Generations<Last>,
    budgets: Budgets,
    /// When the origin was last found not to be there.
    unavailable: Option<Millis>,
}

impl Default for Exchanges {
    fn default() -> Self {
        Self {
            held: Generations::new(HELD_MEMORY),
            open: Generations::new(OPEN_MEMORY),
            budgets: Budgets::new(),
            unavailable: None,
        }
    }
}

impl Exchanges {
    /// What is known of a key.
    pub fn known(&mut self, key: &Fingerprint, now: Millis) -> Known {
        let token = self.held.get(key).filter(|held| held.lives(now));
        if let Some(held) = token {
            return Known::Token(Rc::clone(&held.token));
        }
        match self.open.peek(key) {
            Some(Last::Refused(at)) if is_within(REFUSED, *at, now) => Known::Refused,
            _ => Known::Nothing,
        }
    }

    /// Whether a key's token is to be replaced, and nobody is at it.
    pub fn is_due(&self, key: &Fingerprint, now: Millis) -> bool {
        let held = self.held.peek(key);
        held.is_some_and(|held| now >= held.replace) && self.hindrance(key, now).is_none()
    }

    /// What a request that began to wait at `since` has to do before it is judged. Whoever is given
    /// an [`Attempt`] has to carry it out, and to report its end.
    pub fn advance(
        &mut self,
        asker: &Asker,
        since: Millis,
        now: Millis,
    ) -> (Option<Attempt>, Next) {
        let key = asker.fingerprint;
        match self.known(&key, now) {
            Known::Refused => return (None, Next::Judge),
            Known::Token(_) => {
                let attempt = self.is_due(&key, now).then(|| self.begin(key, None, now));
                return (attempt, Next::Judge);
            }
            Known::Nothing => (),
        }
        match self.hindrance(&key, now) {
            Some(Next::Wait) if now.since(since) >= WAIT => return (None, Next::Unavailable),
            Some(next) => return (None, next),
            None => (),
        }
        let mut spent = None;
        if self.held.peek(&key).is_none() {
            if self.is_away(now) {
                return (None, Next::Unavailable);
            }
            match self.budgets.take(asker.key, asker.network, now) {
                Ok(taken) => spent = Some(taken),
                Err(millis) => return (None, Next::TooMany(millis)),
            }
        }
        (Some(self.begin(key, spent, now)), Next::Wait)
    }

    /// Takes in how an attempt ended.
    pub fn end(&mut self, attempt: Attempt, outcome: Outcome, now: Millis) {
        let key = attempt.key;
        match outcome {
            Outcome::Granted(granted) => {
                self.unavailable = None;
                self.open.remove(&key);
                self.hold(key, granted, attempt.started);
                self.repay(attempt, now);
            }
            Outcome::Refused => self.refuse(&key, now),
            Outcome::TooMany(seconds) => {
                let millis = i64::from(seconds).saturating_mul(1_000);
                self.open.insert(key, Last::TooMany { at: now, millis }, 0);
            }
            Outcome::Unavailable => {
                self.unavailable = Some(now);
                self.open.insert(key, Last::Unavailable(now), 0);
                self.repay(attempt, now);
            }
        }
    }

    /// A key is no good: it is revoked, or the origin says so. Nobody asks again for a while.
    pub fn refuse(&mut self, key: &Fingerprint, now: Millis) {
        self.held.remove(key);
        self.open.insert(*key, Last::Refused(now), 0);
    }

    /// A key's token has lost its force before its time, and the key may stand for another: for one
    /// with what the owner may do now, or signed by another key. Says whether to ask for it; where
    /// the token is so new that the next would be the same, the key is refused for a while.
    pub fn token_is_spent(&mut self, key: &Fingerprint, now: Millis) -> bool {
        let dropped = self.drop_token(key, now);
        if !dropped {
            self.refuse(key, now);
        }
        dropped
    }

    /// Forgets the token of a key, unless it is so new that the next would be the same; says whether
    /// there is another to be asked for.
    pub fn drop_token(&mut self, key: &Fingerprint, now: Millis) -> bool {
        match self.held.get_mut(key) {
            Some(held) if !is_within(REFUSED, held.obtained, now) => {
                held.end = held.obtained;
                true
            }
            _ => false,
        }
    }

    fn hold(&mut self, key: Fingerprint, granted: Granted, obtained: Millis) {
        let lifetime = i64::from(granted.lifetime) * 1_000;
        let end = obtained.plus(lifetime);
        let bytes = granted.token.len();
        let held = Held {
            token: granted.token.into(),
            obtained,
            replace: end.plus(-REPLACE_BEFORE.min(lifetime / 4)),
            end,
        };
        self.held.insert(key, held, bytes);
    }

    fn begin(&mut self, key: Fingerprint, spent: Option<Spent>, now: Millis) -> Attempt {
        self.open.insert(key, Last::UnderWay(now), 0);
        Attempt {
            key,
            started: now,
            spent,
        }
    }

    /// Why no attempt may begin for a key.
    fn hindrance(&self, key: &Fingerprint, now: Millis) -> Option<Next> {
        match *self.open.peek(key)? {
            Last::UnderWay(at) if is_within(LEASE, at, now) => Some(Next::Wait),
            Last::Unavailable(at) if is_within(RETRY, at, now) => Some(Next::Unavailable),
            Last::TooMany { at, millis } if is_within(millis, at, now) => {
                Some(Next::TooMany(millis - now.since(at)))
            }
            Last::UnderWay(_) | Last::Unavailable(_) | Last::TooMany { .. } | Last::Refused(_) => {
                None
            }
        }
    }

    fn repay(&mut self, attempt: Attempt, now: Millis) {
        if let Some(spent) = attempt.spent {
            self.budgets.repay(spent, now);
        }
    }

    /// Whether the origin was not there a moment ago, so that a key that may be anybody's guess has
    /// to wait.
    fn is_away(&self, now: Millis) -> bool {
        self.unavailable.is_some_and(|at| is_within(RETRY, at, now))
    }
}

impl Held {
    /// Whether the token serves; not before it was asked for, if the clock was put back.
    fn lives(&self, now: Millis) -> bool {
        (self.obtained.0..self.end.0).contains(&now.0)
    }
}

/// Whether less than `length` has passed since `start`. A clock that was put back has passed
/// everything.
fn is_within(length: i64, start: Millis, now: Millis) -> bool {
    (0..length).contains(&now.since(start))
}

#[cfg(test)]
mod tests;

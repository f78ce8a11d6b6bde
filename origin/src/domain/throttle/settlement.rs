//! What becomes of an attempt that was counted, once its password turned out right: written in the
//! transaction that opens the session.

use portcullis_shared::time::UnixSeconds;

use super::{
    bucket::{Bucket, Rule},
    key::Key,
};

/// What becomes of one count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// Which count.
    pub key: Key,
    /// What happens to it.
    pub effect: Effect,
    /// When.
    pub now: UnixSeconds,
}

/// What happens to a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The attempt is taken back.
    GiveBack(Rule),
    /// All attempts are forgotten.
    Forget,
    /// All attempts are forgotten, and whom it counts is known until then.
    Recognise(UnixSeconds),
}

impl Settlement {
    /// The count's new state.
    pub fn apply(&self, bucket: &Bucket) -> Bucket {
        match self.effect {
            Effect::GiveBack(rule) => bucket.give_back(&rule, self.now),
            Effect::Forget => Bucket::default(),
            Effect::Recognise(until) => bucket.recognise(until, self.now),
        }
    }
}

//! The origin's signing keys: next → active → retiring → gone.
//!
//! A key's state follows from times alone, so that replicas need no word with each other: it is
//! published from its creation on, signs from `activates_at` on until a younger one is active, and
//! stays published until whatever it signed has expired. A withdrawn key is none of these any
//! more, at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use portcullis_shared::{
    ids::KeyId,
    keys::{KeySet, PublicJwk, PublicKeySet, SigningKey, VerifyingKey},
    revocation::{Digest, Kind, Record},
    time::{LEEWAY, UnixSeconds},
};

use crate::domain::{
    audit::{Action, Actor, Event},
    clock::{Clock, UnixMillis},
    entropy::{self, Entropy, EntropyError},
    master_key::{MasterKeys, UnsealError},
    store::{KeysChange, Seq, Store, StoreError},
};

/// How long an edge may hold a key set, in seconds; the entry of a withdrawn key stands longer.
pub const KEY_SET_HARD_AGE: i64 = 24 * 60 * 60;

/// How far clocks may be apart beyond the leeway, in seconds, where times decide what is kept.
const MARGIN: i64 = 10;

/// A signing key as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its `kid`, the RFC 7638 thumbprint.
    pub id: KeyId,
    /// The 32 bytes of the public half.
    pub public: [u8; 32],
    /// The private half, sealed with a master key.
    pub sealed: Vec<u8>,
    /// Since when it is published.
    pub created_at: UnixSeconds,
    /// From when on it signs, unless a younger key does.
    pub activates_at: UnixSeconds,
    /// Since when it counts for nothing.
    pub withdrawn_at: Option<UnixSeconds>,
}

/// What a key is at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, not yet signing.
    Next,
    /// Signing.
    Active,
    /// Published for what it signed.
    Retiring,
    /// Not published any more.
    Gone,
    /// Taken out of service at once; its tokens are refused.
    Withdrawn,
}

impl KeyState {
    /// The state's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Gone => "gone",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// The state of each of `keys` at `now`, where access tokens live `token_lifetime` seconds.
pub fn states(keys: &[StoredKey], now: UnixSeconds, token_lifetime: i64) -> Vec<KeyState> {
    let activation = |key: &StoredKey| (key.activates_at, key.created_at);
    keys.iter()
        .map(|key| {
            if key.withdrawn_at.is_some() {
                return KeyState::Withdrawn;
            }
            if key.activates_at > now {
                return KeyState::Next;
            }
            // The first younger key that took over; only time decides, so all replicas agree.
            let successor = keys
                .iter()
                .filter(|other| other.withdrawn_at.is_none() && other.activates_at <= now)
                .filter(|other| activation(other) > activation(key))
                .map(|other| other.activates_at)
                .min();
            match successor {
                None => KeyState::Active,
                Some(at) if now <= at.plus(token_lifetime + LEEWAY + MARGIN) => KeyState::Retiring,
                Some(_) => KeyState::Gone,
            }
        })
        .collect()
}

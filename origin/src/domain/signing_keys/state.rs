//! A key as stored, and what it is at some time.

use portcullis_shared::{
    ids::KeyId,
    time::{LEEWAY, UnixSeconds},
};

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

/// The state of each of `keys` at `now`, where what they sign lives `lifetime` seconds at most.
///
/// Where no key is active yet, the first to be is: a replica whose clock is a little behind the
/// one that made the key works with it all the same.
pub fn states(keys: &[StoredKey], now: UnixSeconds, lifetime: i64) -> Vec<KeyState> {
    let in_use = || keys.iter().filter(|key| key.withdrawn_at.is_none());
    let first = in_use().map(|key| key.activates_at).min();
    let active_at = first.map_or(now, |first| first.max(now));
    let activation = |key: &StoredKey| (key.activates_at, key.created_at, key.id.clone());
    let state = |key: &StoredKey| {
        if key.withdrawn_at.is_some() {
            return KeyState::Withdrawn;
        }
        if key.activates_at > active_at {
            return KeyState::Next;
        }
        // The first younger key that took over; only times decide, so all replicas agree.
        let successor = in_use()
            .filter(|other| other.activates_at <= active_at)
            .filter(|other| activation(other) > activation(key))
            .map(|other| other.activates_at)
            .min();
        match successor {
            None => KeyState::Active,
            Some(at) if now <= at.plus(lifetime + LEEWAY + MARGIN) => KeyState::Retiring,
            Some(_) => KeyState::Gone,
        }
    };
    keys.iter().map(state).collect()
}

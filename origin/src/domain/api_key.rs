//! API keys: what scripts and servers show in the place of a login.
//!
//! A key is somebody's, its owner's, who need not have made it. [`exchange`] turns it into an access
//! token; how keys are made, rotated and revoked is in [`admin`](crate::domain::admin).
//!
//! Invariant: of a secret only a keyed hash is stored ([`hash`]), and `last_iat` and `last_exp`
//! cover every access token that was minted for the key, so that a revocation reaches them all.

pub mod exchange;
mod hash;

pub use hash::KeyedHash;

use std::{fmt, str::FromStr};

use portcullis_shared::{api_key::ApiKeyId, ids::UserId, scope::ScopeSet, time::UnixSeconds};

use crate::domain::audit::Actor;

/// The longest name, in characters.
pub const KEY_NAME_LIMIT: usize = 100;

/// The text is not a key's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a key has 1 to {KEY_NAME_LIMIT} characters, none of them for control")]
pub struct InvalidKeyName;

/// What a key is called, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyName(String);

impl KeyName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = InvalidKeyName;

    fn from_str(text: &str) -> Result<Self, InvalidKeyName> {
        let length = text.chars().count();
        if length == 0 || length > KEY_NAME_LIMIT || text.chars().any(char::is_control) {
            return Err(InvalidKeyName);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// An API key as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredApiKey {
    /// The first part of the key, and the `client_id` of its access tokens.
    pub id: ApiKeyId,
    /// Whose key it is; the `sub` of its access tokens.
    pub user_id: UserId,
    /// For people.
    pub name: KeyName,
    /// The client whose audiences its access tokens get.
    pub client_id: String,
    /// The most that its access tokens may do; less where the owner may do less.
    pub scopes: ScopeSet,
    /// What the secret is recognised by.
    pub hash: KeyedHash,
    /// Who made it.
    pub created_by: Actor,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// From when on it is over, if ever.
    pub expires_at: Option<UnixSeconds>,
    /// When it was last exchanged, if it was.
    pub last_used_at: Option<UnixSeconds>,
    /// The greatest `iat` of its access tokens. A revocation of the owner covers it.
    pub last_iat: UnixSeconds,
    /// The greatest `exp` of its access tokens; what revokes them is published until then.
    pub last_exp: UnixSeconds,
    /// When it was revoked, if it was.
    pub revoked_at: Option<UnixSeconds>,
    /// The key that took its place, if one did.
    pub replaced_by: Option<ApiKeyId>,
}

/// What can become of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It can be exchanged.
    Active,
    /// As well, but another took its place, and it will be over.
    Replaced,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl KeyState {
    /// The name, as it is told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl StoredApiKey {
    /// What it is at `now`.
    pub fn state(&self, now: UnixSeconds) -> KeyState {
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.expires_at.is_some_and(|at| at <= now) {
            KeyState::Expired
        } else if self.replaced_by.is_some() {
            KeyState::Replaced
        } else {
            KeyState::Active
        }
    }

    /// Whether it can be exchanged at `now`, as far as the key itself goes.
    pub fn is_usable(&self, now: UnixSeconds) -> bool {
        match self.state(now) {
            KeyState::Active | KeyState::Replaced => true,
            KeyState::Expired | KeyState::Revoked => false,
        }
    }
}

/// Which API keys to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFilter {
    /// Only this user's.
    pub owner: Option<UserId>,
    /// Only those that are, or are not, usable at `now`.
    pub usable: Option<bool>,
    /// The time.
    pub now: UnixSeconds,
    /// Only those after this one, in the order of their ids.
    pub after: Option<ApiKeyId>,
    /// At most so many.
    pub limit: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_steers_nothing() {
        for name in ["deploy", "Ann's laptop, 2026", "ключ", &"a".repeat(100)] {
            assert_eq!(name.parse::<KeyName>().unwrap().as_str(), name);
        }
        for name in ["", "a\nb", "a\0", "\u{1b}[2J", &"a".repeat(101)] {
            assert_eq!(name.parse::<KeyName>(), Err(InvalidKeyName), "{name:?}");
        }
    }
}

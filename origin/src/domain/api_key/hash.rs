//! What is stored of a key's secret: HMAC-SHA256 (RFC 2104) over the key's id and the secret, under
//! a key that is derived from a master key and stands in no database.
//!
//! The secret has 256 random bits, so a slow hash would add nothing; the key of the hash makes that
//! whoever can write to the database alone cannot make an API key there. The number of the master key
//! is stored beside it, so that master keys can be changed: a key is hashed again with the newest one
//! when it is next used.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use portcullis_shared::api_key::ApiKey;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::domain::master_key::{MasterKeys, Purpose};

/// A keyed hash of a secret; not shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyedHash {
    /// The number of the master key.
    pub master_key: u8,
    /// The hash.
    pub mac: [u8; 32],
}

impl KeyedHash {
    /// The hash of a key's secret, under the newest master key.
    pub fn of(key: &ApiKey, keys: &MasterKeys) -> Self {
        Self {
            master_key: keys.current_id(),
            mac: mac(&keys.current(Purpose::ApiKeys), key),
        }
    }

    /// Whether it is the hash of this key's secret. It costs the same whether there is one or none,
    /// and whether its master key is still there.
    pub fn is_of(stored: Option<&Self>, key: &ApiKey, keys: &MasterKeys) -> bool {
        let derived = stored.and_then(|hash| keys.derive(hash.master_key, Purpose::ApiKeys));
        let is_known = derived.is_some();
        let derived = derived.unwrap_or_else(|| keys.current(Purpose::ApiKeys));
        let expected = stored.map_or([0; 32], |hash| hash.mac);
        let is_equal: bool = mac(&derived, key).ct_eq(&expected).into();
        is_known && is_equal
    }
}

impl fmt::Debug for KeyedHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "KeyedHash({}, …)", self.master_key)
    }
}

fn mac(derived: &[u8; 32], key: &ApiKey) -> [u8; 32] {
    // 32 bytes are a block's half: every length is taken, so the fallback is never reached.
    let keyed = Hmac::<Sha256>::new_from_slice(derived)
        .unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
    keyed
        .chain_update(key.id().as_bytes())
        .chain_update(key.secret())
        .finalize()
        .into_bytes()
        .into()
}

#[cfg(test)]
mod tests {
    use portcullis_shared::api_key::ApiKeyId;

    use super::*;

    fn key(id: u8, secret: u8) -> ApiKey {
        ApiKey::new(ApiKeyId::from_bytes([id; 16]), [secret; 32])
    }

    fn keys(text: &str) -> MasterKeys {
        MasterKeys::parse(text).unwrap()
    }

    #[test]
    fn a_hash_is_of_one_key_under_one_master_key() {
        let (first, second) = ("A".repeat(43), format!("{}E", "B".repeat(42)));
        let old = keys(&format!("1 {first}"));
        let hash = KeyedHash::of(&key(1, 1), &old);
        assert!(KeyedHash::is_of(Some(&hash), &key(1, 1), &old));
        for other in [key(1, 2), key(2, 1)] {
            assert!(!KeyedHash::is_of(Some(&hash), &other, &old));
        }
        assert!(!KeyedHash::is_of(None, &key(1, 1), &old));
        // The master key changes: the old one still recognises, and without it nothing does.
        let both = keys(&format!("2 {second}\n1 {first}"));
        assert!(KeyedHash::is_of(Some(&hash), &key(1, 1), &both));
        assert_ne!(KeyedHash::of(&key(1, 1), &both), hash);
        let new = keys(&format!("2 {second}"));
        assert!(!KeyedHash::is_of(Some(&hash), &key(1, 1), &new));
        let replaced = keys(&format!("1 {second}"));
        assert!(!KeyedHash::is_of(Some(&hash), &key(1, 1), &replaced));
    }

    #[test]
    fn what_stands_for_an_unknown_hash_is_no_hash() {
        let keys = keys(&format!("1 {}", "A".repeat(43)));
        let zero = KeyedHash {
            master_key: 1,
            mac: [0; 32],
        };
        assert!(!KeyedHash::is_of(Some(&zero), &key(1, 1), &keys));
        assert_eq!(format!("{zero:?}"), "KeyedHash(1, …)");
    }
}

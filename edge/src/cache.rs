//! Tokens whose signature has been checked already.
//!
//! Invariant: a token is found by its whole text, so one that differs in one bit is another; and what
//! is kept is only [`Authentic`], so that time, issuer, audience, key and
//! revocation are judged anew at each use.
//!
//! Bounded in bytes: see [`Generations`].

use std::{fmt, rc::Rc};

use portcullis_shared::token::Authentic;
use sha2::{Digest as _, Sha256};

use crate::generations::Generations;

/// What a token is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a token as it came.
    pub fn of(token: &str) -> Self {
        Self::of_parts(&[token.as_bytes()])
    }

    /// The end of a token as it came: of its signature, which for a genuine one is as good as chance.
    /// A digest of the whole would take longer than all the rest of the decision.
    fn of_end(token: &str) -> Self {
        let mut end = [0; 32];
        for (place, byte) in end.iter_mut().zip(token.bytes().rev()) {
            *place = byte;
        }
        Self(end)
    }

    /// The fingerprint of these parts, one after the other.
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let hash = parts.iter().fold(Sha256::new(), Sha256::chain_update);
        Self(hash.finalize().into())
    }
}

/// How often the cache was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uses {
    /// The token was there.
    pub hits: u64,
    /// It was not.
    pub misses: u64,
}

struct Kept {
    text: Box<str>,
    token: Rc<Authentic>,
}

/// The cache.
pub struct TokenCache {
    tokens: Generations<Kept>,
    uses: Uses,
}

impl fmt::Debug for TokenCache {
    /// Without the tokens.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = out.debug_struct("TokenCache");
        out.field("tokens", &self.len()).field("uses", &self.uses);
        out.finish_non_exhaustive()
    }
}

impl TokenCache {
    /// A cache of about `bytes` bytes at most; 0 keeps nothing.
    pub fn new(bytes: usize) -> Self {
        Self {
            tokens: Generations::new(bytes),
            uses: Uses::default(),
        }
    }

    /// The token of this text.
    pub fn get(&mut self, text: &str) -> Option<Rc<Authentic>> {
        let alike = self.tokens.get(&Fingerprint::of_end(text));
        let found = alike.filter(|kept| *kept.text == *text);
        let found = found.map(|kept| Rc::clone(&kept.token));
        let count = match found {
            Some(_) => &mut self.uses.hits,
            None => &mut self.uses.misses,
        };
        *count += 1;
        found
    }

    /// Keeps the token of this text.
    pub fn insert(&mut self, text: &str, token: Rc<Authentic>) {
        let bytes = text.len() + token.weight();
        let text = text.into();
        let kept = Kept { text, token };
        self.tokens
            .insert(Fingerprint::of_end(&kept.text), kept, bytes);
    }

    /// How often it was asked, since it was made.
    pub fn uses(&self) -> Uses {
        self.uses
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.tokens.clear();
    }

    /// How many tokens are kept.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use portcullis_shared::{
        keys::{KeySet, SigningKey},
        token::Unverified,
    };

    use super::*;

    fn authentic(sub: &str) -> (String, Rc<Authentic>) {
        let key = SigningKey::from_seed(&[1; 32]).unwrap();
        let keys = KeySet::new(vec![key.verifying_key().unwrap()]).unwrap();
        let claims = serde_json::json!({"iss": "i", "aud": "a", "sub": sub, "client_id": "c",
            "iat": 1, "exp": 2, "jti": "j"});
        let claims = serde_json::from_value(claims).unwrap();
        let token = portcullis_shared::token::sign(&key, &claims).unwrap();
        let authentic = Unverified::parse(&token)
            .unwrap()
            .authenticate(&keys)
            .unwrap();
        (token, Rc::new(authentic))
    }

    #[test]
    fn it_never_weighs_more_than_its_limit_and_keeps_what_is_used() {
        let (first, token) = authentic("first");
        let weight = first.len() + token.weight() + size_of::<Kept>() + 128;
        let mut cache = TokenCache::new(weight * 20);
        cache.insert(&first, token);
        for number in 0..200 {
            let (key, token) = authentic(&format!("{number:05}"));
            cache.insert(&key, token);
            assert!(cache.len() <= 20, "{}", cache.len());
            assert!(cache.get(&first).is_some(), "{number}");
        }
        assert!(cache.get(&authentic("00000").0).is_none());
        assert_eq!((cache.uses().hits, cache.uses().misses), (200, 1));
        cache.clear();
        assert!(cache.is_empty());
    }

    #[test]
    fn a_token_with_the_signature_of_another_is_not_taken_for_it() {
        let mut cache = TokenCache::new(1_000_000);
        let (text, token) = authentic("x");
        cache.insert(&text, token);
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] ^= 1;
            let other = String::from_utf8(other).unwrap();
            assert!(cache.get(&other).is_none(), "{at}");
        }
        assert!(cache.get(&text).is_some());
        assert!(cache.get(&text[1..]).is_none() && cache.get("").is_none());
        assert!(!format!("{cache:?}").contains(&text));
    }

    #[test]
    fn a_cache_of_no_bytes_keeps_nothing() {
        let mut cache = TokenCache::new(0);
        let (key, token) = authentic("x");
        cache.insert(&key, token);
        assert!(cache.is_empty());
    }
}

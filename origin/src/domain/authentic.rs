//! Tokens whose signature was right, so that the signature of one that comes again and again is
//! checked once.
//!
//! Only the signature is remembered, by the SHA-256 of the whole token. That the key is still one
//! of ours, the claims and the database are looked at each time, so nothing that was revoked,
//! withdrawn or has expired passes longer for having been here. Bounded in bytes.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use portcullis_shared::{
    keys::KeySet,
    token::{Authentic, Refusal, Unverified},
};
use sha2::{Digest, Sha256};

/// How many bytes each of the two generations may take.
const GENERATION: usize = 2 * 1024 * 1024;

type Tokens = HashMap<[u8; 32], Arc<Authentic>>;

/// The tokens. When the younger generation is full, the older one goes.
#[derive(Default)]
pub struct AuthenticTokens(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: Tokens,
    weight: usize,
    old: Tokens,
}

impl AuthenticTokens {
    /// The token, if a key of `keys` signed it.
    ///
    /// # Errors
    ///
    /// As [`Unverified::parse`] and [`Unverified::authenticate`].
    pub fn authenticate(&self, token: &str, keys: &KeySet) -> Result<Arc<Authentic>, Refusal> {
        // The form, and with it the length, first: hashing must not be for everything.
        let unverified = Unverified::parse(token)?;
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(known) = self.known(&digest)
            && keys.get(known.key_id()).is_some()
        {
            return Ok(known);
        }
        let authentic = Arc::new(unverified.authenticate(keys)?);
        self.keep(digest, &authentic);
        Ok(authentic)
    }

    fn known(&self, digest: &[u8; 32]) -> Option<Arc<Authentic>> {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = generations.young.get(digest) {
            return Some(Arc::clone(known));
        }
        let known = generations.old.remove(digest)?;
        generations.keep(*digest, &known);
        Some(known)
    }

    fn keep(&self, digest: [u8; 32], authentic: &Arc<Authentic>) {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        generations.keep(digest, authentic);
    }
}

impl Generations {
    fn keep(&mut self, digest: [u8; 32], authentic: &Arc<Authentic>) {
        // What an entry costs besides the token: its key, and its place in a table half full.
        let weight = authentic.weight() + 128;
        if self.weight + weight > GENERATION {
            self.old = mem::take(&mut self.young);
            self.weight = 0;
        }
        if self.young.insert(digest, Arc::clone(authentic)).is_none() {
            self.weight += weight;
        }
    }
}

impl std::fmt::Debug for AuthenticTokens {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("AuthenticTokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use portcullis_shared::{
        claims::{AccessClaims, Audience},
        keys::{SigningKey, VerifyingKey},
        time::UnixSeconds,
        token,
    };

    use super::*;

    fn signing(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32]).unwrap()
    }

    fn set(keys: &[&SigningKey]) -> KeySet {
        let verifying =
            |key: &&SigningKey| VerifyingKey::new(key.id().clone(), &key.public_bytes()).unwrap();
        KeySet::new(keys.iter().map(verifying).collect()).unwrap()
    }

    fn minted(key: &SigningKey, number: usize) -> String {
        let claims = AccessClaims {
            iss: "https://example.org".to_owned(),
            aud: Audience::new(vec!["api".to_owned()]).unwrap(),
            sub: "sub".to_owned(),
            client_id: "portcullis".to_owned(),
            iat: UnixSeconds(1),
            nbf: None,
            exp: UnixSeconds(601),
            jti: number.to_string(),
            sid: None,
            scope: "api:read".parse().unwrap(),
            roles: Vec::new(),
        };
        token::sign(key, &claims).unwrap()
    }

    #[test]
    fn a_key_that_went_takes_the_tokens_it_signed_along() {
        let (first, second) = (signing(1), signing(2));
        let tokens = AuthenticTokens::default();
        let token = minted(&first, 1);
        for _ in 0..2 {
            let known = tokens.authenticate(&token, &set(&[&first, &second]));
            assert_eq!(known.unwrap().key_id(), first.id());
        }
        let refused = tokens.authenticate(&token, &set(&[&second])).unwrap_err();
        assert!(matches!(refused, Refusal::UnknownKey(_)), "{refused:?}");
    }

    #[test]
    fn another_signature_under_a_known_token_is_refused() {
        let key = signing(1);
        let tokens = AuthenticTokens::default();
        let token = minted(&key, 1);
        tokens.authenticate(&token, &set(&[&key])).unwrap();
        let (signed, _) = token.rsplit_once('.').unwrap();
        let another = minted(&key, 2);
        let (_, signature) = another.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{signature}");
        let refused = tokens.authenticate(&forged, &set(&[&key])).unwrap_err();
        assert_eq!(refused, Refusal::Signature);
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_newest_stays() {
        let key = signing(1);
        let keys = set(&[&key]);
        let tokens = AuthenticTokens::default();
        let often = tokens.authenticate(&minted(&key, 0), &keys).unwrap();
        let mut generations = tokens.0.into_inner().unwrap();
        for number in 0..20_000_u32 {
            generations.keep(Sha256::digest(number.to_be_bytes()).into(), &often);
            assert!(generations.weight <= GENERATION);
        }
        let kept = generations.young.len() + generations.old.len();
        assert!(kept < 2 * GENERATION / often.weight(), "{kept}");
        let newest: [u8; 32] = Sha256::digest(19_999_u32.to_be_bytes()).into();
        assert!(generations.young.contains_key(&newest));
    }
}

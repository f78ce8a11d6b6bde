//! The keys, the policy and the moment that most tests share.

use std::sync::{Arc, LazyLock};

use portcullis_shared::{
    claims::AccessClaims,
    corpus::Forge,
    ed25519::{BaseTables, KeyTables},
    keys::{KeySet, SigningKey, VerifyingKey},
    revocation::{Digest, Document, DocumentError, Kind, Record, Revocations},
    time::UnixSeconds,
    token::{Authentic, Policy, Refusal, Unverified},
};

pub(crate) const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

/// When a token that was minted [`NOW`] has expired everywhere.
pub(crate) const LATER: UnixSeconds = NOW.plus(605);

pub(crate) const ISSUER: &str = "https://edge.example";

pub(crate) const POLICY: Policy<'static> = Policy {
    issuer: ISSUER,
    audience: "api",
    max_lifetime: 600,
};

/// A signing key for each number.
pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32]).unwrap()
}

pub(crate) fn key_set(keys: &[&SigningKey]) -> KeySet {
    KeySet::new(
        keys.iter()
            .map(|key| key.verifying_key().unwrap())
            .collect(),
    )
    .unwrap()
}

pub(crate) fn forge(key: &SigningKey) -> Forge<'_> {
    Forge {
        key,
        policy: POLICY,
        scope: "api:read",
        now: NOW,
    }
}

/// The whole way of a token, at the time `now`.
pub(crate) fn judge(token: &str, keys: &KeySet, now: UnixSeconds) -> Result<AccessClaims, Refusal> {
    let authentic = authenticate(token, keys)?;
    authentic
        .verify(&POLICY, now)
        .map(|verified| verified.claims().clone())
}

pub(crate) fn authenticate(token: &str, keys: &KeySet) -> Result<Authentic, Refusal> {
    Unverified::parse(token)?.authenticate(keys)
}

/// A record that stays until [`LATER`].
pub(crate) fn record(kind: Kind, id: &str) -> Record {
    Record {
        kind,
        digest: Digest::of(ISSUER, kind, id),
        not_before: NOW,
        drop_at: LATER,
    }
}

/// A document of the range (since, seq], signed [`NOW`].
pub(crate) fn sign(since: u64, seq: u64, records: &[Record]) -> String {
    Document::sign(&key(7), ISSUER, NOW, since..=seq, records.to_vec()).unwrap()
}

pub(crate) fn verify(text: &str) -> Result<Document, DocumentError> {
    Document::verify(text, &key_set(&[&key(7)]), ISSUER, NOW)
}

/// The list of these documents, each `since`, `seq` and records.
pub(crate) fn merged(documents: &[(u64, u64, &[Record])]) -> Revocations {
    let mut held = Revocations::default();
    for (since, seq, records) in documents {
        held.merge(&verify(&sign(*since, *seq, records)).unwrap(), NOW)
            .unwrap();
    }
    held
}

static BASE_TABLES: LazyLock<Arc<BaseTables>> = LazyLock::new(|| Arc::new(BaseTables::build()));

/// A key in the two ways in which it can verify, beside dalek's strict verification.
pub(crate) struct ThreeWays {
    key: VerifyingKey,
    tables: KeyTables,
    dalek: ed25519_dalek::VerifyingKey,
}

impl ThreeWays {
    pub(crate) fn new(public: &[u8; 32]) -> Self {
        let key = VerifyingKey::new("k".parse().unwrap(), public).unwrap();
        Self {
            tables: KeyTables::build(&key, Arc::clone(&BASE_TABLES)),
            key,
            dalek: ed25519_dalek::VerifyingKey::from_bytes(public).unwrap(),
        }
    }

    /// The verdict, which has to be the same in each way.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let dalek = ed25519_dalek::Signature::from_bytes(signature);
        let strict = self.dalek.verify_strict(message, &dalek).is_ok();
        assert_eq!(self.key.verify(message, signature), strict);
        assert_eq!(self.tables.verify(message, signature), strict);
        strict
    }
}

/// The bytes of a text in hexadecimal.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

pub(crate) fn unhex_array<const N: usize>(text: &str) -> [u8; N] {
    unhex(text).try_into().unwrap()
}

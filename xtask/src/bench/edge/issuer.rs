//! The issuer of the benchmark: tokens and documents, as the origin makes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use base64ct::{Base64UrlUnpadded, Encoding};
use portcullis_shared::claims::{AccessClaims, Audience};
use portcullis_shared::keys::{PublicKeySet, SigningKey};
use portcullis_shared::revocation::{Digest, Document, Kind, Record};
use portcullis_shared::time::UnixSeconds;
use portcullis_shared::token;

use crate::clock;

/// `iss` of all tokens.
pub(super) const ISSUER: &str = "http://127.0.0.1:8787";

/// As a site has on a bad day: revocations of the last ten minutes.
const REVOKED_SESSIONS: u64 = 1_000;

const SEQ: u64 = 1_700_000_000_000;

/// Mints tokens, no two alike.
#[derive(Clone)]
pub(super) struct Issuer {
    key: SigningKey,
    minted: Arc<AtomicU64>,
}

impl Issuer {
    pub(super) fn new() -> Result<Self> {
        // Known to everybody: what it signs passes nowhere but here.
        let key = SigningKey::from_seed(&[7; 32]).context("the benchmark's key")?;
        Ok(Self {
            key,
            minted: Arc::default(),
        })
    }

    /// So many tokens that nobody has seen yet.
    pub(super) fn tokens(&self, count: usize) -> Result<Vec<String>> {
        (0..count).map(|_| self.token()).collect()
    }

    /// A token as the origin's are.
    pub(super) fn token(&self) -> Result<String> {
        let now = UnixSeconds(clock::unix_seconds());
        let number = self.minted.fetch_add(1, Ordering::Relaxed);
        let audience = Audience::new(vec!["api".to_owned(), "images".to_owned()]);
        let claims = AccessClaims {
            iss: ISSUER.to_owned(),
            aud: audience.context("an audience")?,
            sub: id(1, number),
            client_id: "portcullis".to_owned(),
            iat: now,
            nbf: None,
            exp: now.plus(600),
            jti: id(2, number),
            sid: Some(id(3, number)),
            scope: "api:read api:write images:read"
                .parse()
                .context("a scope")?,
            roles: vec!["reader".to_owned()],
        };
        token::sign(&self.key, &claims).context("a token")
    }

    /// The same with the last bit of its signature turned round.
    pub(super) fn forged(&self) -> Result<String> {
        let token = self.token()?;
        let (signed, signature) = token.rsplit_once('.').context("a token")?;
        let mut bytes = Base64UrlUnpadded::decode_vec(signature).context("a signature")?;
        if let Some(first) = bytes.first_mut() {
            *first ^= 1;
        }
        Ok(format!(
            "{signed}.{}",
            Base64UrlUnpadded::encode_string(&bytes)
        ))
    }

    /// The key set, as JSON.
    pub(super) fn keys(&self) -> Result<String> {
        let keys = PublicKeySet {
            keys: vec![self.key.public_jwk()],
        };
        serde_json::to_string(&keys).context("a key set")
    }

    /// The revocations, signed now.
    pub(super) fn revocations(&self) -> Result<String> {
        let now = UnixSeconds(clock::unix_seconds());
        let record = |number: u64| Record {
            kind: Kind::Session,
            // Of sessions that no token here has.
            digest: Digest::of(ISSUER, Kind::Session, &id(4, number)),
            not_before: UnixSeconds(0),
            drop_at: now.plus(600),
        };
        let records = (0..REVOKED_SESSIONS).map(record).collect();
        Document::sign(&self.key, ISSUER, now, 0..=SEQ, records).context("a revocation document")
    }
}

/// 16 bytes in the form of the product's identifiers.
fn id(kind: u8, number: u64) -> String {
    let mut bytes = [kind; 16];
    for (place, byte) in bytes.iter_mut().zip(number.to_le_bytes()) {
        *place = byte;
    }
    Base64UrlUnpadded::encode_string(&bytes)
}

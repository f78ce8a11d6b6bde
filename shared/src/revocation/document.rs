//! The signed document that carries revocations.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use crate::{
    ids::KeyId,
    jws::{JwsError, Sealed},
    keys::KeySet,
    revocation::record::{self, Digest, Kind, RECORD_LEN},
    strict_json,
    time::UnixSeconds,
};

/// `typ` of the document.
pub const DOCUMENT_TYPE: &str = "revocations+jwt";

/// The largest document that is read, in bytes: some 200,000 entries.
pub const DOCUMENT_LIMIT: usize = 8 * 1024 * 1024;

/// `exp - iat` of a document, in seconds.
pub const DOCUMENT_LIFETIME: i64 = 60;

/// How far, in seconds, a document's `iat` may be from the verifier's time when it is fetched. An
/// old document, however genuine, is not news.
pub const FRESHNESS: i64 = 7;

/// Why a document is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Signed by a key that is not in the key set; it may be newer than the set.
    #[error("signed by the unknown key {0}")]
    UnknownKey(KeyId),
    /// Not a JWS of this type with a signature that holds.
    #[error("not a signed revocation document: {0}")]
    NotGenuine(String),
    /// The claims are not those of a revocation document.
    #[error("the claims are malformed")]
    Claims,
    /// Another issuer's.
    #[error("another issuer's")]
    Issuer,
    /// Not of now, or expired.
    #[error("signed {0} seconds from now")]
    NotFresh(i64),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    iat: UnixSeconds,
    exp: UnixSeconds,
    since: u64,
    seq: u64,
    entries: String,
}

/// A revocation document that is genuine and was fresh when it was read.
#[derive(Debug, Clone)]
pub struct Document {
    key_id: KeyId,
    /// The key that signed it, as a record would name it.
    key: Digest,
    since: u64,
    seq: u64,
    records: Vec<u8>,
}

impl Document {
    /// Reads a document at the time `now`.
    ///
    /// # Errors
    ///
    /// See [`DocumentError`].
    pub fn verify(
        text: &str,
        keys: &KeySet,
        issuer: &str,
        now: UnixSeconds,
    ) -> Result<Self, DocumentError> {
        let not_genuine = |error| match error {
            JwsError::UnknownKey(id) => DocumentError::UnknownKey(id),
            other => DocumentError::NotGenuine(other.to_string()),
        };
        let sealed = Sealed::parse(text, DOCUMENT_TYPE, DOCUMENT_LIMIT).map_err(not_genuine)?;
        let (key_id, payload) = sealed.open(keys).map_err(not_genuine)?;
        let claims: Claims =
            strict_json::from_slice(&payload).map_err(|_| DocumentError::Claims)?;
        if claims.iss != issuer {
            return Err(DocumentError::Issuer);
        }
        let distance = now.since(claims.iat);
        if distance.saturating_abs() > FRESHNESS || claims.exp <= now {
            return Err(DocumentError::NotFresh(distance));
        }
        let records =
            Base64UrlUnpadded::decode_vec(&claims.entries).map_err(|_| DocumentError::Claims)?;
        if claims.since > claims.seq || !is_sorted_list(&records) {
            return Err(DocumentError::Claims);
        }
        Ok(Self {
            key: Digest::of(issuer, Kind::SigningKey, key_id.as_str()),
            key_id,
            since: claims.since,
            seq: claims.seq,
            records,
        })
    }

    /// The key that signed it.
    pub fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// It holds whatever changed after this `seq`; all, when 0.
    pub fn since(&self) -> u64 {
        self.since
    }

    /// Up to which `seq` it tells.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    pub(super) fn key(&self) -> Digest {
        self.key
    }

    pub(super) fn records(&self) -> &[u8] {
        &self.records
    }
}

/// Whether these are whole records, each of a known kind, in strict order.
fn is_sorted_list(bytes: &[u8]) -> bool {
    let whole = bytes.len().is_multiple_of(RECORD_LEN);
    let count = record::read(bytes).count();
    let ordered = record::read(bytes).is_sorted_by(|one, next| one.place() < next.place());
    whole && ordered && count == bytes.len() / RECORD_LEN
}

#[cfg(feature = "sign")]
impl Document {
    /// Signs the document of what changed after `since` up to `seq`, made at the time `now`.
    ///
    /// # Errors
    ///
    /// When the claims cannot be written as JSON, which does not happen.
    pub fn sign(
        key: &crate::keys::SigningKey,
        issuer: &str,
        now: UnixSeconds,
        range: std::ops::RangeInclusive<u64>,
        mut records: Vec<super::Record>,
    ) -> Result<String, jwt_compact::CreationError> {
        records.sort_unstable_by_key(super::Record::place);
        records.dedup_by(|later, first| {
            let same = later.place() == first.place();
            if same {
                *first = first.strictest(*later);
            }
            same
        });
        let bytes: Vec<u8> = records
            .into_iter()
            .flat_map(super::Record::to_bytes)
            .collect();
        let claims = Claims {
            iss: issuer.to_owned(),
            iat: now,
            exp: now.plus(DOCUMENT_LIFETIME),
            since: *range.start(),
            seq: *range.end(),
            entries: Base64UrlUnpadded::encode_string(&bytes),
        };
        crate::jws::sign::seal(key, DOCUMENT_TYPE, &claims)
    }
}

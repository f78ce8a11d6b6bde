//! API keys: `pak_`, the key's id, `_`, its secret with a checksum.
//!
//! Id and secret are lower-case base32 without padding (RFC 4648 §6): 16 bytes in 26 characters, and
//! 32 bytes followed by 3 bytes of checksum in 56. The checksum is the beginning of SHA-256 over all
//! that stands before it, the secret as bytes. So a mistyped key, or a string that only looks like
//! one, is told from a key that may have been issued without asking anybody; whether it *was*
//! issued, and is still good, only the origin knows.
//!
//! Exactly one text stands for a key: whatever has other letters, another length, or bits that no
//! byte needs, is none. Scanners for leaked secrets find keys with
//!
//! ```text
//! \bpak_[a-z2-7]{25}[aeimquy4]_[a-z2-7]{56}\b
//! ```
//!
//! and can put [`ApiKey::parse`] behind it to drop what was never a key.

use std::{fmt, str::FromStr};

use base32ct::{Base32Unpadded, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::ids::InvalidId;

/// What every API key starts with.
pub const API_KEY_PREFIX: &str = "pak_";

/// The length of an API key in bytes, all of them ASCII.
pub const API_KEY_LEN: usize = API_KEY_PREFIX.len() + ID_TEXT_LEN + 1 + TAIL_TEXT_LEN;

/// The length of an [`ApiKeyId`] as text.
const ID_TEXT_LEN: usize = 26;
const SECRET_LEN: usize = 32;
const CHECKSUM_LEN: usize = 3;
const TAIL_LEN: usize = SECRET_LEN + CHECKSUM_LEN;
const TAIL_TEXT_LEN: usize = 56;

/// Whether `text` is meant to be an API key, well written or not: no other credential of ours starts
/// like one.
pub fn is_meant(text: &str) -> bool {
    text.starts_with(API_KEY_PREFIX)
}

/// The id of an API key: 16 random bytes, the `client_id` of the tokens that stand for it.
///
/// ```
/// use portcullis_shared::api_key::ApiKeyId;
/// let id = ApiKeyId::from_bytes([7; 16]);
/// assert_eq!(id.to_string(), "a4dqobyha4dqobyha4dqobyha4");
/// assert_eq!(id.to_string().parse::<ApiKeyId>(), Ok(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyId([u8; 16]);

impl ApiKeyId {
    /// Takes 16 random bytes as an identifier.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl TryFrom<&[u8]> for ApiKeyId {
    type Error = InvalidId;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidId> {
        bytes.try_into().map(Self).map_err(|_| InvalidId)
    }
}

impl FromStr for ApiKeyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        decode(text).map(Self).ok_or(InvalidId)
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&Base32Unpadded::encode_string(&self.0))
    }
}

impl fmt::Debug for ApiKeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ApiKeyId({self})")
    }
}

impl Serialize for ApiKeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ApiKeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The text is no API key: of another form, mistyped, or cut off. For logs; whoever presents it
/// learns no more than of a key that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an API key")]
pub struct NotAnApiKey;

/// A well-formed API key, which need not have been issued. Its secret is wiped when it is dropped,
/// and is not shown by `Debug`.
#[derive(Clone)]
pub struct ApiKey {
    id: ApiKeyId,
    secret: Zeroizing<[u8; SECRET_LEN]>,
}

impl ApiKey {
    /// Reads a key, without asking anybody: form and checksum are right.
    ///
    /// ```
    /// use portcullis_shared::api_key::{ApiKey, NotAnApiKey};
    /// let text = "pak_a4dqobyha4dqobyha4dqobyha4_bastardised";
    /// assert_eq!(ApiKey::parse(text).map(|key| key.id()), Err(NotAnApiKey));
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotAnApiKey`], whatever the cause.
    pub fn parse(text: &str) -> Result<Self, NotAnApiKey> {
        let parts = text.strip_prefix(API_KEY_PREFIX).ok_or(NotAnApiKey)?;
        let (id, tail) = parts.split_once('_').ok_or(NotAnApiKey)?;
        let id: ApiKeyId = id.parse().map_err(|_| NotAnApiKey)?;
        let tail: Zeroizing<[u8; TAIL_LEN]> =
            decode(tail).map(Zeroizing::new).ok_or(NotAnApiKey)?;
        let (secret, stated) = tail.split_first_chunk::<SECRET_LEN>().ok_or(NotAnApiKey)?;
        if checksum(id, secret) != *stated {
            return Err(NotAnApiKey);
        }
        let secret = Zeroizing::new(*secret);
        Ok(Self { id, secret })
    }

    /// The key's id, which is no secret.
    pub fn id(&self) -> ApiKeyId {
        self.id
    }

    /// The secret, of which the origin keeps a keyed hash.
    pub fn secret(&self) -> &[u8; SECRET_LEN] {
        &self.secret
    }
}

#[cfg(feature = "sign")]
impl ApiKey {
    /// The key of this id and this secret, both random.
    pub fn new(id: ApiKeyId, secret: [u8; SECRET_LEN]) -> Self {
        let secret = Zeroizing::new(secret);
        Self { id, secret }
    }

    /// The key as its owner gets it, once.
    ///
    /// ```
    /// use portcullis_shared::api_key::{API_KEY_LEN, ApiKey, ApiKeyId};
    /// let key = ApiKey::new(ApiKeyId::from_bytes([7; 16]), [9; 32]);
    /// assert!(key.expose().starts_with("pak_a4dqobyha4dqobyha4dqobyha4_"));
    /// assert_eq!(key.expose().len(), API_KEY_LEN);
    /// assert_eq!(ApiKey::parse(&key.expose())?.id(), key.id());
    /// # Ok::<(), portcullis_shared::api_key::NotAnApiKey>(())
    /// ```
    pub fn expose(&self) -> Zeroizing<String> {
        let mut tail = Zeroizing::new([0; TAIL_LEN]);
        let bytes = self.secret.iter().copied();
        tail.iter_mut()
            .zip(bytes.chain(checksum(self.id, &self.secret)))
            .for_each(|(to, from)| *to = from);
        let tail = Zeroizing::new(Base32Unpadded::encode_string(tail.as_slice()));
        Zeroizing::new(format!("{API_KEY_PREFIX}{}_{}", self.id, tail.as_str()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ApiKey({}, …)", self.id)
    }
}

/// What makes a typo visible; no protection, since anybody can compute it.
fn checksum(id: ApiKeyId, secret: &[u8; SECRET_LEN]) -> [u8; CHECKSUM_LEN] {
    let hash = Sha256::new()
        .chain_update(API_KEY_PREFIX)
        .chain_update(id.to_string())
        .chain_update("_")
        .chain_update(secret)
        .finalize();
    let mut first = [0; CHECKSUM_LEN];
    first.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    first
}

/// The bytes that `text` stands for, if it is the one way to write exactly `N` of them.
fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let decoded = Base32Unpadded::decode(text, &mut bytes).ok()?;
    // The decoder passes over bits that no byte needs, so that several texts would be one key.
    let is_whole = decoded.len() == N && Base32Unpadded::encode_string(decoded) == text;
    is_whole.then_some(bytes)
}

#[cfg(test)]
mod tests;

//! Signing keys and the key set (RFC 7517, RFC 8037): Ed25519, for signatures.
//!
//! A key set is read entry by entry. An entry of a kind that is not ours is passed over, as
//! RFC 7517 §5 asks; two usable entries of one `kid` make the whole set worthless, because nobody
//! can tell which of them is meant.
//!
//! A key that verifies much can be given [tables](crate::ed25519); see [`KeySet::awaits_tables`].

mod earning;

use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::{
    ed25519::KeyTables,
    ids::KeyId,
    strict_json::{self, present},
};

use earning::Count;
pub use earning::Order;

/// The largest key set that is read, in bytes.
pub const KEY_SET_LIMIT: usize = 64 * 1024;

/// Why a key set is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Over [`KEY_SET_LIMIT`].
    #[error("the key set is longer than {KEY_SET_LIMIT} bytes")]
    TooLong,
    /// Not the JSON of RFC 7517 §5.
    #[error("not a JSON Web Key Set")]
    Malformed,
    /// Two usable keys of one identifier.
    #[error("two keys are named {0}")]
    Duplicate(KeyId),
    /// No entry is a key for signatures of an algorithm that is taken.
    #[error("no key in it can be used")]
    Empty,
}

/// A public key that tokens are verified with: canonical, not of small order.
#[derive(Debug, Clone)]
pub struct VerifyingKey {
    id: KeyId,
    point: ed25519_dalek::VerifyingKey,
    /// Signatures that were found good.
    verified: Count,
    tables: Option<Arc<KeyTables>>,
}

impl VerifyingKey {
    /// The key of these 32 bytes (RFC 8032 §5.1.5), unless they are no point, a non-canonical
    /// encoding, or a point of small order.
    pub fn new(id: KeyId, bytes: &[u8; 32]) -> Option<Self> {
        let point = ed25519_dalek::VerifyingKey::from_bytes(bytes).ok()?;
        let canonical = point.to_edwards().compress().as_bytes() == bytes;
        (canonical && !point.is_weak()).then(|| Self {
            id,
            point,
            verified: Count::default(),
            tables: None,
        })
    }

    /// Its `kid`.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    pub(crate) fn point(&self) -> &ed25519_dalek::VerifyingKey {
        &self.point
    }

    /// Whether `signature` (R ‖ S) is this key's over `message`.
    ///
    /// Strict verification: the equation of RFC 8032 §5.1.7 without the cofactor, S < L, and an R
    /// that is canonical and not of small order. So no two signatures that differ pass for one
    /// message unless the key's owner made both.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let good = if let Some(tables) = &self.tables {
            tables.verify(message, signature)
        } else {
            let signature = ed25519_dalek::Signature::from_bytes(signature);
            self.point.verify_strict(message, &signature).is_ok()
        };
        if good {
            self.verified.increase();
        }
        good
    }
}

/// The members of a JWK that matter here. An entry without one that has no default is none of ours.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: KeyId,
    crv: String,
    x: String,
    #[serde(default, deserialize_with = "present")]
    alg: Option<String>,
    #[serde(default, rename = "use", deserialize_with = "present")]
    usage: Option<String>,
    #[serde(default, deserialize_with = "present")]
    key_ops: Option<Vec<String>>,
    /// The private half, which nobody must publish.
    #[serde(default, deserialize_with = "present")]
    d: Option<IgnoredAny>,
}

impl Jwk {
    fn into_key(self) -> Option<VerifyingKey> {
        let fits = self.kty == "OKP"
            && self.crv == "Ed25519"
            && self.usage.is_none_or(|usage| usage == "sig")
            && self
                .alg
                .is_none_or(|alg| alg == "EdDSA" || alg == "Ed25519")
            && self
                .key_ops
                .is_none_or(|ops| ops.iter().any(|op| op == "verify"))
            && self.d.is_none();
        if !fits {
            return None;
        }
        let mut bytes = [0; 32];
        if Base64UrlUnpadded::decode(&self.x, &mut bytes).ok()?.len() != 32 {
            return None;
        }
        VerifyingKey::new(self.kid, &bytes)
    }
}

/// The entries of a key set, each still to be read, after a look at its size.
pub(crate) fn entries(json: &[u8]) -> Result<Vec<Box<RawValue>>, KeySetError> {
    #[derive(Deserialize)]
    struct Document {
        keys: Vec<Box<RawValue>>,
    }
    if json.len() > KEY_SET_LIMIT {
        return Err(KeySetError::TooLong);
    }
    let document: Document =
        strict_json::outer_from_slice(json).map_err(|_| KeySetError::Malformed)?;
    Ok(document.keys)
}

/// The public keys of one issuer.
#[derive(Debug, Clone)]
pub struct KeySet {
    keys: Vec<VerifyingKey>,
}

impl KeySet {
    /// Reads the JSON of RFC 7517 §5.
    ///
    /// ```
    /// use portcullis_shared::keys::KeySet;
    /// let keys = KeySet::parse(br#"{"keys":[
    ///     {"kty":"RSA","kid":"other","n":"AQAB","e":"AQAB"},
    ///     {"kty":"OKP","crv":"Ed25519","kid":"ours","use":"sig",
    ///      "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
    /// assert!(keys.get(&"ours".parse()?).is_some());
    /// assert!(keys.get(&"other".parse()?).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`KeySetError`].
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        let entries = entries(json)?;
        let usable = entries.iter().filter_map(|entry| {
            let jwk: Jwk = strict_json::from_slice(entry.get().as_bytes()).ok()?;
            jwk.into_key()
        });
        Self::new(usable.collect())
    }

    /// A set of these keys.
    ///
    /// # Errors
    ///
    /// [`KeySetError::Empty`] when there are none, [`KeySetError::Duplicate`] when two have one
    /// identifier.
    pub fn new(keys: Vec<VerifyingKey>) -> Result<Self, KeySetError> {
        for (number, key) in keys.iter().enumerate() {
            if keys
                .iter()
                .skip(number + 1)
                .any(|other| other.id() == key.id())
            {
                return Err(KeySetError::Duplicate(key.id().clone()));
            }
        }
        if keys.is_empty() {
            return Err(KeySetError::Empty);
        }
        Ok(Self { keys })
    }

    /// The key of this identifier.
    pub fn get(&self, id: &KeyId) -> Option<&VerifyingKey> {
        self.keys.iter().find(|key| key.id == *id)
    }

    /// The identifiers of all keys.
    pub fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.keys.iter().map(VerifyingKey::id)
    }
}

/// A key as it is published (RFC 8037 §2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicJwk {
    kty: &'static str,
    crv: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: String,
    x: String,
}

impl PublicJwk {
    /// The published form of an Ed25519 public key of 32 bytes.
    pub fn new(id: &KeyId, public: &[u8; 32]) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            usage: "sig",
            alg: "EdDSA",
            kid: id.as_str().to_owned(),
            x: Base64UrlUnpadded::encode_string(public),
        }
    }
}

/// A key set as it is published (RFC 7517 §5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicKeySet {
    /// The keys, in no particular order.
    pub keys: Vec<PublicJwk>,
}

#[cfg(feature = "sign")]
pub use sign::SigningKey;

#[cfg(feature = "sign")]
mod sign {
    use std::fmt;

    use base64ct::{Base64UrlUnpadded, Encoding};
    use sha2::{Digest, Sha256};

    use crate::ids::KeyId;

    use super::{PublicJwk, VerifyingKey};

    /// A private key; its memory is wiped when it is dropped.
    #[derive(Clone)]
    pub struct SigningKey {
        id: KeyId,
        secret: ed25519_dalek::SigningKey,
    }

    impl SigningKey {
        /// The key of a 32-byte seed (RFC 8032 §5.1.5), named by its RFC 7638 thumbprint.
        pub fn from_seed(seed: &[u8; 32]) -> Option<Self> {
            let secret = ed25519_dalek::SigningKey::from_bytes(seed);
            let x = Base64UrlUnpadded::encode_string(secret.verifying_key().as_bytes());
            // RFC 7638 §3: the required members in lexicographic order, no white space.
            let json = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
            let thumbprint = Base64UrlUnpadded::encode_string(&Sha256::digest(json.as_bytes()));
            Some(Self {
                id: thumbprint.parse().ok()?,
                secret,
            })
        }

        /// Its `kid`.
        pub fn id(&self) -> &KeyId {
            &self.id
        }

        /// The 32 bytes of the public half.
        pub fn public_bytes(&self) -> [u8; 32] {
            self.secret.verifying_key().to_bytes()
        }

        /// The public half as it is published.
        pub fn public_jwk(&self) -> PublicJwk {
            PublicJwk::new(&self.id, &self.public_bytes())
        }

        /// The public half as verifiers use it.
        pub fn verifying_key(&self) -> Option<VerifyingKey> {
            VerifyingKey::new(self.id.clone(), &self.public_bytes())
        }

        /// Signs these bytes as they are (RFC 8032 §5.1.6), R ‖ S. Tokens and documents are made
        /// with [`crate::token::sign`] and [`crate::revocation::Document::sign`].
        pub fn sign(&self, message: &[u8]) -> [u8; 64] {
            ed25519_dalek::Signer::sign(&self.secret, message).to_bytes()
        }

        pub(crate) fn secret(&self) -> &ed25519_dalek::SigningKey {
            &self.secret
        }
    }

    impl fmt::Debug for SigningKey {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.debug_struct("SigningKey")
                .field("id", &self.id)
                .finish_non_exhaustive()
        }
    }
}

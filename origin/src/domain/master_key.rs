//! Master keys: 32 bytes each, from a file that is not in the database.
//!
//! From the newest come the keys that make refresh tokens, seal private signing keys and hash API keys
//! (HKDF-SHA256, RFC 5869, one label for each purpose); the older ones still verify and open. The
//! file has one key a line, the newest first: its number (0 to 255), a space, base64url of the
//! bytes. Empty lines and lines that start with `#` say nothing.

use std::{collections::BTreeMap, fmt};

use base64ct::{Base64UrlUnpadded, Encoding};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::domain::entropy::{self, Entropy, EntropyError};

/// What a derived key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The MAC of refresh tokens.
    RefreshTokens,
    /// Sealing private signing keys.
    SigningKeys,
    /// The MAC of cursors that pages are continued with.
    Cursors,
    /// The names of what attempts to log in are counted by.
    Throttle,
    /// The MAC of what a device is known by.
    Devices,
    /// Who stands in for a user who is not there.
    StandIns,
    /// The MAC of secrets in the record of the last start's settings.
    SettingsRecord,
    /// The keyed hashes of API keys.
    ApiKeys,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::RefreshTokens => b"portcullis refresh tokens 1",
            Self::SigningKeys => b"portcullis signing keys 1",
            Self::Cursors => b"portcullis cursors 1",
            Self::Throttle => b"portcullis throttle 1",
            Self::Devices => b"portcullis devices 1",
            Self::StandIns => b"portcullis stand-ins 1",
            Self::SettingsRecord => b"portcullis settings record 1",
            Self::ApiKeys => b"portcullis api keys 1",
        }
    }
}

/// Why a key file is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// A line is not a number from 0 to 255 and 32 bytes in base64url.
    #[error("line {0} is not a number from 0 to 255, a space, and 32 bytes in base64url")]
    Malformed(usize),
    /// Two lines have one number.
    #[error("line {0} repeats a number")]
    Repeated(usize),
    /// There is no key in it.
    #[error("there is no key in it")]
    Empty,
}

/// A sealed secret cannot be opened: another master key, or somebody changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot be opened with the master keys at hand")]
pub struct UnsealError;

type Key = Zeroizing<[u8; 32]>;

/// One master key.
struct Master {
    secret: Key,
    /// Derived once: each refresh needs it twice.
    refresh_tokens: Key,
}

impl Master {
    fn new(secret: Key) -> Self {
        Self {
            refresh_tokens: expand(&secret, Purpose::RefreshTokens),
            secret,
        }
    }

    fn derive(&self, purpose: Purpose) -> Key {
        match purpose {
            Purpose::RefreshTokens => self.refresh_tokens.clone(),
            Purpose::SigningKeys
            | Purpose::Cursors
            | Purpose::Throttle
            | Purpose::Devices
            | Purpose::StandIns
            | Purpose::SettingsRecord
            | Purpose::ApiKeys => expand(&self.secret, purpose),
        }
    }
}

/// All master keys; `Debug` shows their numbers alone.
pub struct MasterKeys {
    current_id: u8,
    current: Master,
    all: BTreeMap<u8, Master>,
}

impl MasterKeys {
    /// Reads a key file's text.
    ///
    /// # Errors
    ///
    /// See [`MasterKeyError`]; lines are counted from 1.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let mut current = None;
        let mut all = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let malformed = MasterKeyError::Malformed(index + 1);
            let (id, encoded) = line.split_once(' ').ok_or(malformed)?;
            let id: u8 = id.parse().map_err(|_| malformed)?;
            let mut key = Zeroizing::new([0; 32]);
            let decoded = Base64UrlUnpadded::decode(encoded.trim(), key.as_mut_slice());
            if decoded.map_err(|_| malformed)?.len() != 32 {
                return Err(malformed);
            }
            current.get_or_insert_with(|| (id, key.clone()));
            if all.insert(id, Master::new(key)).is_some() {
                return Err(MasterKeyError::Repeated(index + 1));
            }
        }
        let (current_id, current) = current.ok_or(MasterKeyError::Empty)?;
        Ok(Self {
            current_id,
            current: Master::new(current),
            all,
        })
    }

    /// The text of a file with one new key, number 1.
    ///
    /// # Errors
    ///
    /// [`EntropyError`].
    pub fn generate_file(entropy: &dyn Entropy) -> Result<Zeroizing<String>, EntropyError> {
        let key = Zeroizing::new(entropy::random::<32>(entropy)?);
        let encoded = Zeroizing::new(Base64UrlUnpadded::encode_string(key.as_slice()));
        Ok(Zeroizing::new(format!(
            "# Portcullis master keys, the newest first. Whoever has them can mint refresh tokens.\n\
             1 {}\n",
            encoded.as_str()
        )))
    }

    /// The number of the newest key.
    pub fn current_id(&self) -> u8 {
        self.current_id
    }

    /// The numbers of all keys.
    pub fn ids(&self) -> impl Iterator<Item = u8> {
        self.all.keys().copied()
    }

    /// The key for a purpose that comes of the newest master key.
    pub fn current(&self, purpose: Purpose) -> Key {
        self.current.derive(purpose)
    }

    /// The key for a purpose that comes of the master key of this number.
    pub fn derive(&self, id: u8, purpose: Purpose) -> Option<Key> {
        self.all.get(&id).map(|master| master.derive(purpose))
    }

    /// Seals `secret` (ChaCha20-Poly1305, RFC 8439) so that it opens only for the same `name`:
    /// key number ‖ nonce (12 bytes) ‖ ciphertext and tag.
    ///
    /// # Errors
    ///
    /// [`EntropyError`].
    pub fn seal(
        &self,
        secret: &[u8],
        name: &str,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, EntropyError> {
        let nonce = entropy::random::<12>(entropy)?;
        let cipher = ChaCha20Poly1305::new(&(*self.current(Purpose::SigningKeys)).into());
        let payload = Payload {
            msg: secret,
            aad: name.as_bytes(),
        };
        // Encryption fails for messages of gigabytes alone.
        let sealed = cipher
            .encrypt(&nonce.into(), payload)
            .map_err(|_| EntropyError)?;
        Ok([&[self.current_id], nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`Self::seal`] sealed for `name`.
    ///
    /// # Errors
    ///
    /// [`UnsealError`].
    pub fn open(&self, sealed: &[u8], name: &str) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        let (id, rest) = sealed.split_first().ok_or(UnsealError)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<12>().ok_or(UnsealError)?;
        let key = self.derive(*id, Purpose::SigningKeys).ok_or(UnsealError)?;
        let cipher = ChaCha20Poly1305::new(&(*key).into());
        let payload = Payload {
            msg: ciphertext,
            aad: name.as_bytes(),
        };
        let secret = cipher
            .decrypt(&(*nonce).into(), payload)
            .map_err(|_| UnsealError)?;
        Ok(Zeroizing::new(secret))
    }
}

fn expand(key: &Key, purpose: Purpose) -> Key {
    let mut derived = Zeroizing::new([0; 32]);
    // 32 bytes are within what HKDF can give; it fails for more than 8160 alone.
    let expanded =
        Hkdf::<Sha256>::new(None, key.as_slice()).expand(purpose.label(), derived.as_mut_slice());
    debug_assert!(expanded.is_ok());
    derived
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("MasterKeys")
            .field("ids", &self.all.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_off_is_refused_by_line() {
        let key = "A".repeat(43);
        assert!(
            MasterKeys::parse(&format!("# x\n\n2 {key}\n1 {key}\n"))
                .is_ok_and(|keys| keys.current_id() == 2)
        );
        let off = |text: &str| MasterKeys::parse(text).err();
        assert_eq!(off(""), Some(MasterKeyError::Empty));
        assert_eq!(off("# x\n300 AAAA"), Some(MasterKeyError::Malformed(2)));
        assert_eq!(off("1 AAAA"), Some(MasterKeyError::Malformed(1)));
        assert_eq!(
            off(&format!("1 {key}\n1 {key}")),
            Some(MasterKeyError::Repeated(2))
        );
    }
}

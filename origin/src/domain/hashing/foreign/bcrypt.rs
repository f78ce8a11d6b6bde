//! bcrypt: `$2a$`, `$2b$` and `$2y$`, Django's `bcrypt$` and `bcrypt_sha256$`, passlib's
//! `$bcrypt-sha256$`.
//!
//! Of a password the first 72 bytes count, as with every bcrypt; the forms with SHA-256 hash it
//! first and know no such limit. NUL is a byte like others, as it is for the implementations that
//! take it at all. `$2x$`, which marks the hashes of an old mistake, is not taken.

use base64ct::{Base64, Base64Bcrypt, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{
    RefusedHash,
    text::{self, Output},
};

/// The largest cost, the logarithm of the rounds: about a second.
const COST_LIMIT: u32 = 14;

/// What a round takes, as [`work`](Hash::work) tells it.
const ROUND: u64 = 90;

const COST_LEAST: u32 = 4;

/// How many bytes of a password count.
const KEY_LIMIT: usize = 72;

/// Characters of a salt, and of an output, in bcrypt's base64.
const SALT_CHARACTERS: usize = 22;
const OUTPUT_CHARACTERS: usize = 31;

/// What bcrypt is given.
enum Key {
    /// The password.
    Password,
    /// SHA-256 of the password in hexadecimal (Django).
    Sha256,
    /// HMAC-SHA256 of the password under the salt's text, in base64 (passlib, version 2).
    Hmac(String),
}

pub(super) struct Hash {
    key: Key,
    cost: u32,
    salt: [u8; 16],
    output: Output,
}

impl Hash {
    /// `None` for text that is no bcrypt.
    pub(super) fn recognise(text: &str) -> Option<Result<Self, RefusedHash>> {
        let (name, parsed) = if let Some(rest) = text.strip_prefix("bcrypt_sha256$") {
            ("Django's bcrypt_sha256", Self::plain(rest, Key::Sha256))
        } else if let Some(rest) = text.strip_prefix("bcrypt$") {
            ("Django's bcrypt", Self::plain(rest, Key::Password))
        } else if let Some(rest) = text.strip_prefix("$bcrypt-sha256$") {
            ("passlib's bcrypt-sha256", Self::passlib(rest))
        } else if text.starts_with("$2") {
            ("bcrypt", Self::plain(text, Key::Password))
        } else {
            return None;
        };
        let hash = parsed.ok_or(RefusedHash::Malformed(name));
        Some(hash.and_then(Self::within_limits))
    }

    fn within_limits(self) -> Result<Self, RefusedHash> {
        if self.cost > COST_LIMIT {
            return Err(RefusedHash::Work {
                parameter: "bcrypt's cost",
                limit: COST_LIMIT.into(),
            });
        }
        Ok(self)
    }

    /// `$2b$12$` and salt and output in one.
    fn plain(text: &str, key: Key) -> Option<Self> {
        let ["", "2a" | "2b" | "2y", cost, data] = text::parts(text)? else {
            return None;
        };
        let (salt, output) = data.split_at_checked(SALT_CHARACTERS)?;
        let two_digits = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
        let cost = cost.parse().ok().filter(|_| two_digits)?;
        Self::of(key, cost, salt, output)
    }

    /// `v=2,t=2b,r=12$`, salt, `$`, output.
    fn passlib(text: &str) -> Option<Self> {
        let [parameters, salt, output] = text::parts(text)?;
        let cost = parameters
            .strip_prefix("v=2,t=2b,")
            .and_then(|rest| text::named("r", rest))?;
        Self::of(Key::Hmac(salt.to_owned()), cost, salt, output)
    }

    fn of(key: Key, cost: u32, salt: &str, output: &str) -> Option<Self> {
        if !(COST_LEAST..=31).contains(&cost) || output.len() != OUTPUT_CHARACTERS {
            return None;
        }
        Some(Self {
            key,
            cost,
            salt: decode(salt, 0b11_0000)?.try_into().ok()?,
            output: Output::new(decode(output, 0b11_1100)?)?,
        })
    }

    /// See [`ForeignHash::work`](super::ForeignHash::work).
    pub(super) fn work(&self) -> u64 {
        ROUND.checked_shl(self.cost).unwrap_or(u64::MAX)
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let mut key = Zeroizing::new(Vec::new());
        match &self.key {
            Key::Password => key.extend_from_slice(password),
            Key::Sha256 => {
                let digest = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(password)));
                key.extend(digest.iter().flat_map(|byte| hexadecimal(*byte)));
            }
            Key::Hmac(salt) => {
                // A key of any length is taken.
                let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(salt.as_bytes()) else {
                    return false;
                };
                mac.update(password);
                let tag = Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()));
                key.extend_from_slice(Base64::encode_string(tag.as_slice()).as_bytes());
            }
        }
        // The NUL that ends C's strings is part of the key, where there is room.
        key.push(0);
        key.truncate(KEY_LIMIT);
        let computed = ::bcrypt::bcrypt(self.cost, self.salt, &key);
        // The last byte has never been part of the hash.
        computed
            .split_last()
            .is_some_and(|(_, output)| self.output.is(output))
    }
}

fn hexadecimal(byte: u8) -> [u8; 2] {
    let digit = |value: u8| match value {
        0..=9 => b'0' + value,
        _ => b'a' - 10 + value,
    };
    [digit(byte >> 4), digit(byte & 0xf)]
}

/// Decodes bcrypt's base64. Of the last character only the bits under `mask` count: there are
/// services that have written the others, and every bcrypt ignores them.
fn decode(text: &str, mask: u8) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let (last, rest) = text.as_bytes().split_last()?;
    let value = ALPHABET.iter().position(|character| character == last)?;
    let value = usize::from(u8::try_from(value).ok()? & mask);
    let mut text = std::str::from_utf8(rest).ok()?.to_owned();
    text.push(char::from(*ALPHABET.get(value)?));
    Base64Bcrypt::decode_vec(&text).ok()
}

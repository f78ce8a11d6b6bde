//! Refresh tokens: `prt_` and base64url of key id (1 byte) ‖ session id (16) ‖ generation (4,
//! big-endian) ‖ MAC (16).
//!
//! The MAC is HMAC-SHA256 (RFC 2104), cut to 16 bytes, under a key that is derived from a master
//! key and stands in no database. So a token that nobody issued costs no database work, and the
//! same token can be made again where its first copy was lost.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use portcullis_shared::ids::SessionId;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::domain::master_key::{MasterKeys, Purpose};

/// What every refresh token starts with, so that scanners for leaked secrets know it.
pub const PREFIX: &str = "prt_";

const MAC_LEN: usize = 16;
const BODY_LEN: usize = 1 + 16 + 4;

/// The text is not a refresh token that one of our keys made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token of ours")]
pub struct NotOurs;

/// What a genuine refresh token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session that it continues.
    pub session: SessionId,
    /// Its place in the session's chain.
    pub generation: u32,
}

impl RefreshToken {
    /// Writes the token, with the newest master key.
    pub fn issue(self, keys: &MasterKeys) -> IssuedToken {
        let key_id = keys.current_id();
        let body = self.body(key_id);
        let mut bytes = body.to_vec();
        bytes.extend(
            mac(&keys.current(Purpose::RefreshTokens), &body)
                .into_iter()
                .take(MAC_LEN),
        );
        let text = format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(&bytes));
        IssuedToken(Zeroizing::new(text))
    }

    /// Reads a token, if a key of ours made it.
    ///
    /// # Errors
    ///
    /// [`NotOurs`], whatever the cause.
    pub fn parse(text: &str, keys: &MasterKeys) -> Result<Self, NotOurs> {
        let encoded = text.strip_prefix(PREFIX).ok_or(NotOurs)?;
        let mut buffer = [0; BODY_LEN + MAC_LEN];
        let bytes = Base64UrlUnpadded::decode(encoded, &mut buffer).map_err(|_| NotOurs)?;
        let (body, tag) = bytes.split_first_chunk::<BODY_LEN>().ok_or(NotOurs)?;
        let [key_id, rest @ ..] = body;
        let key = keys
            .derive(*key_id, Purpose::RefreshTokens)
            .ok_or(NotOurs)?;
        if tag.len() != MAC_LEN {
            return Err(NotOurs);
        }
        keyed(&key)
            .chain_update(body)
            .verify_truncated_left(tag)
            .map_err(|_| NotOurs)?;
        let (session, generation) = rest.split_first_chunk::<16>().ok_or(NotOurs)?;
        let generation = generation.try_into().map_err(|_| NotOurs)?;
        Ok(Self {
            session: SessionId::from_bytes(*session),
            generation: u32::from_be_bytes(generation),
        })
    }

    fn body(self, key_id: u8) -> [u8; BODY_LEN] {
        let mut body = [0; BODY_LEN];
        let fields = [key_id]
            .into_iter()
            .chain(*self.session.as_bytes())
            .chain(self.generation.to_be_bytes());
        body.iter_mut()
            .zip(fields)
            .for_each(|(to, from)| *to = from);
        body
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    // 32 bytes are a block's half: every length is taken, so the fallback is never reached.
    Hmac::new_from_slice(key)
        .unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()))
}

fn mac(key: &[u8; 32], body: &[u8]) -> [u8; 32] {
    keyed(key).chain_update(body).finalize().into_bytes().into()
}

/// A refresh token on its way to the client: wiped when dropped, not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedToken(Zeroizing<String>);

impl IssuedToken {
    /// The token as the client gets it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("IssuedToken(…)")
    }
}

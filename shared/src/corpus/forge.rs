//! Making tokens by hand, below the types that would prevent it.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value, json};

use crate::{
    keys::SigningKey,
    time::UnixSeconds,
    token::{Policy, TOKEN_TYPE},
};

/// Makes good tokens and, from these, bad ones.
#[derive(Debug, Clone, Copy)]
pub struct Forge<'a> {
    /// The genuine key, which the verifier knows.
    pub key: &'a SigningKey,
    /// What the verifier demands; a `max_lifetime` of at least two minutes.
    pub policy: Policy<'a>,
    /// The `scope` of the tokens.
    pub scope: &'a str,
    /// The verifier's time.
    pub now: UnixSeconds,
}

impl Forge<'_> {
    /// The header of a good token.
    pub fn header(&self) -> Map<String, Value> {
        members([
            ("alg", json!("EdDSA")),
            ("typ", json!(TOKEN_TYPE)),
            ("kid", json!(self.key.id().as_str())),
        ])
    }

    /// The claims of a good token, minted a second ago for at most five minutes.
    pub fn claims(&self) -> Map<String, Value> {
        let iat = self.now.plus(-1);
        members([
            ("iss", json!(self.policy.issuer)),
            ("aud", json!(self.policy.audience)),
            ("sub", json!("AQEBAQEBAQEBAQEBAQEBAQ")),
            ("client_id", json!("portcullis")),
            ("iat", json!(iat)),
            ("exp", json!(iat.plus(self.policy.max_lifetime.min(300)))),
            ("jti", json!("AgICAgICAgICAgICAgICAg")),
            ("sid", json!("AwMDAwMDAwMDAwMDAwMDAw")),
            ("scope", json!(self.scope)),
            ("roles", json!(["reader"])),
        ])
    }

    /// A token that passes.
    pub fn good(&self) -> String {
        self.token(self.header(), self.claims())
    }

    /// A token of this header and these claims, signed by the genuine key.
    pub fn token(&self, header: Map<String, Value>, claims: Map<String, Value>) -> String {
        let (header, claims) = (Value::Object(header), Value::Object(claims));
        self.token_of(header.to_string(), claims.to_string())
    }

    /// A token of whatever bytes stand for header and payload, signed by the genuine key.
    pub fn token_of(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        self.sign(&format!("{}.{}", encode(header), encode(payload)))
    }

    /// What the genuine key makes of this signing input: the input, a dot and the signature.
    pub fn sign(&self, signing_input: &str) -> String {
        let signature = self.key.sign(signing_input.as_bytes());
        format!("{signing_input}.{}", encode(signature))
    }

    /// A good token with one claim changed.
    pub fn with_claim(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims();
        claims.insert(name.to_owned(), value);
        self.token(self.header(), claims)
    }

    /// A good token with one header member changed.
    pub fn with_header(&self, name: &str, value: Value) -> String {
        let mut header = self.header();
        header.insert(name.to_owned(), value);
        self.token(header, self.claims())
    }

    /// A token, good but perhaps for its length, of exactly `length` bytes; `length` is more than
    /// that of [`Forge::good`].
    pub fn good_of_length(&self, length: usize) -> String {
        let mut claims = self.claims();
        claims.insert("pad".to_owned(), json!(""));
        let bare = Value::Object(claims.clone()).to_string().len();
        // Base64url has no text of 4n + 1 characters; white space in the header shifts the rest.
        let mut header = Value::Object(self.header()).to_string();
        let rest = loop {
            let rest = length.saturating_sub(encode(&header).len() + 88);
            if rest % 4 != 1 {
                break rest;
            }
            header.push(' ');
        };
        let pad = (rest * 3 / 4).saturating_sub(bare);
        claims.insert("pad".to_owned(), json!("x".repeat(pad)));
        self.token_of(header, Value::Object(claims).to_string())
    }
}

/// Base64url without padding, as all parts of a token are.
pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

fn members<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    let owned = members.map(|(name, value)| (name.to_owned(), value));
    owned.into_iter().collect()
}

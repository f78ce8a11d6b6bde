//! API keys: `Authorization: Bearer pak_…`, or `X-API-Key: pak_…`.
//!
//! Invariant: a key is for the edge alone. Wherever a header holds what looks like one, it reaches
//! no upstream, be the key good or bad, and whether or not the route takes keys.

use portcullis_shared::api_key::{API_KEY_LEN, API_KEY_PREFIX, ApiKey, is_meant};

use crate::cache::Fingerprint;

use super::CredentialFault;

/// An API key as it came, with what it is known by from here on.
#[derive(Clone, Copy)]
pub struct PresentedKey<'a> {
    text: &'a str,
    fingerprint: Fingerprint,
}

impl<'a> PresentedKey<'a> {
    /// A key in the length and the letters of one. Whether it is whole, and was ever issued, is
    /// open.
    pub(super) fn new(text: &'a str) -> Result<Self, CredentialFault> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if text.len() != API_KEY_LEN || !is_meant(text) || !text.bytes().all(letter) {
            return Err(CredentialFault::Malformed);
        }
        let fingerprint = Fingerprint::of(text);
        Ok(Self { text, fingerprint })
    }

    /// The key in a header of its own, several of which the runtime has joined with commas.
    pub(super) fn alone(value: &'a str) -> Result<Self, CredentialFault> {
        if value.contains(',') {
            return Err(CredentialFault::Several);
        }
        Self::new(value.trim_matches([' ', '\t']))
    }

    /// The key itself, for the origin.
    pub fn reveal(&self) -> &'a str {
        self.text
    }

    /// What the key is known by.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The id that it holds, as it stands there.
    pub fn id_text(&self) -> Option<&'a str> {
        let parts = self.text.strip_prefix(API_KEY_PREFIX)?.split_once('_');
        parts.map(|(id, _)| id)
    }

    /// The key taken apart; `None` where its checksum says that nobody issued it.
    pub fn parsed(&self) -> Option<ApiKey> {
        ApiKey::parse(self.text).ok()
    }
}

/// By what they are known by, and by nothing else.
impl PartialEq for PresentedKey<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for PresentedKey<'_> {}

/// Whether a header's value holds what looks like a key, in any letter case, wherever it stands.
pub(super) fn is_held_in(value: &str) -> bool {
    let prefix = API_KEY_PREFIX.as_bytes();
    value
        .as_bytes()
        .windows(prefix.len())
        .any(|part| part.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "pak_a4dqobyha4dqobyha4dqobyha4_\
                       aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn fault(result: Result<PresentedKey<'_>, CredentialFault>) -> Option<CredentialFault> {
        result.err()
    }

    #[test]
    fn a_key_in_a_header_of_its_own_stands_there_alone() {
        for value in [KEY.to_owned(), format!(" {KEY}\t")] {
            let key = PresentedKey::alone(&value);
            assert_eq!(key.map(|key| key.reveal()).ok(), Some(KEY), "{value:?}");
        }
        for value in [format!("{KEY}, {KEY}"), format!("{KEY},"), ",".to_owned()] {
            let several = Some(CredentialFault::Several);
            assert_eq!(fault(PresentedKey::alone(&value)), several, "{value:?}");
        }
    }

    #[test]
    fn the_id_stands_in_the_key() {
        let key = PresentedKey::alone(KEY).ok();
        let id = key.and_then(|key| key.id_text());
        assert_eq!(id, Some("a4dqobyha4dqobyha4dqobyha4"));
    }

    #[test]
    fn what_cannot_be_a_key_is_not_looked_at() {
        for value in [
            String::new(),
            "pak_".to_owned(),
            "another-key-of-somebody-else".to_owned(),
            format!("Bearer {KEY}"),
            format!("{KEY}a"),
            KEY.to_uppercase(),
            KEY.replace("pak_", "pax_"),
            KEY.replace('q', "-"),
        ] {
            let malformed = Some(CredentialFault::Malformed);
            assert_eq!(fault(PresentedKey::alone(&value)), malformed, "{value:?}");
        }
    }

    #[test]
    fn a_key_is_found_wherever_it_stands_in_a_header() {
        for value in [
            KEY.to_owned(),
            format!("Bearer {KEY}"),
            format!("x, Token {}", KEY.to_uppercase()),
            "pak_".to_owned(),
        ] {
            assert!(is_held_in(&value), "{value:?}");
        }
        for value in ["", "pak", "Bearer a.b.c", "p a k _", "another-key"] {
            assert!(!is_held_in(value), "{value:?}");
        }
    }
}

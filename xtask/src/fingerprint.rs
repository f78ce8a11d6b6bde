//! Digests that say whether something is still what it was.

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

/// SHA-256 over parts, each with its length, so that no two lists of parts look alike.
#[derive(Default)]
pub(crate) struct Fingerprint(Sha256);

impl Fingerprint {
    pub(crate) fn add(&mut self, part: &[u8]) -> &mut Self {
        self.0.update(part.len().to_le_bytes());
        self.0.update(part);
        self
    }

    /// As text, 43 letters.
    pub(crate) fn text(&self) -> String {
        Base64UrlUnpadded::encode_string(&self.0.clone().finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;

    #[test]
    fn where_parts_begin_counts() {
        let of = |parts: &[&str]| {
            let mut print = Fingerprint::default();
            for part in parts {
                print.add(part.as_bytes());
            }
            print.text()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_eq!(of(&["ab"]), of(&["ab"]));
    }
}

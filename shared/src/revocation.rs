//! Revocations: what the origin publishes so that a token stops working before it expires.
//!
//! The document is a JWS of the type `revocations+jwt` with the claims `iss`, `iat`, `exp`,
//! `since`, `seq` and `entries`. `entries` is base64url of [`Record`]s of a fixed size, sorted,
//! those that changed after `since`; `seq` (milliseconds since the epoch, or one more than its
//! predecessor) only grows, in the order of the origin's commits. A verifier keeps a
//! [`Revocations`], merges each document into it, and looks entries up in place.
//!
//! An entry stays until everything that it concerns has expired (`drop_at`), so the list is
//! bounded by revocations per token lifetime and not by users.

mod document;
mod record;

pub use document::{
    DOCUMENT_LIFETIME, DOCUMENT_LIMIT, DOCUMENT_TYPE, Document, DocumentError, FRESHNESS,
};
pub use record::{Digest, Kind, Record, Subjects};

use record::RECORD_LEN;

use crate::{link, time::UnixSeconds, token::Verified};

/// What is revoked, as far as a verifier knows: records, sorted, without repetition.
#[derive(Debug, Clone, Default)]
pub struct Revocations {
    records: Vec<u8>,
    seq: u64,
}

/// Why a document that is genuine is not merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// Its `seq` is lower than what is held already: an old document, repeated.
    #[error("the document is older than what is held")]
    Older,
    /// It is signed by a key that has been withdrawn, perhaps by whoever stole it.
    #[error("the document is signed by a withdrawn key")]
    Withdrawn,
    /// Its `since` is higher than what is held: entries between are missing.
    #[error("the document does not follow on what is held")]
    Gap,
}

impl Revocations {
    /// Up to which `seq` this list is complete; 0 before the first document.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.records.len() / RECORD_LEN
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Takes the entries of `document` in, and drops those whose time is over.
    ///
    /// # Errors
    ///
    /// [`MergeError`]; the list is then as it was.
    pub fn merge(&mut self, document: &Document, now: UnixSeconds) -> Result<(), MergeError> {
        if self.find(Kind::SigningKey, document.key()).is_some() {
            return Err(MergeError::Withdrawn);
        }
        if document.seq() < self.seq {
            return Err(MergeError::Older);
        }
        if document.since() > self.seq {
            return Err(MergeError::Gap);
        }
        let mut merged = Vec::with_capacity(self.records.len() + document.records().len());
        let mut keep = |record: Record| {
            if record.drop_at >= now {
                merged.extend_from_slice(&record.to_bytes());
            }
        };
        let mut held = record::read(&self.records).peekable();
        let mut new = record::read(document.records()).peekable();
        loop {
            match (held.peek().copied(), new.peek().copied()) {
                (Some(old), Some(fresh)) if old.place() == fresh.place() => {
                    keep(old.strictest(fresh));
                    held.next();
                    new.next();
                }
                (Some(old), Some(fresh)) if old.place() < fresh.place() => {
                    keep(old);
                    held.next();
                }
                (_, Some(fresh)) => {
                    keep(fresh);
                    new.next();
                }
                (Some(old), None) => {
                    keep(old);
                    held.next();
                }
                (None, None) => break,
            }
        }
        drop(held);
        self.records = merged;
        self.seq = document.seq();
        Ok(())
    }

    /// By what kind of revocation the token is refused, if by any. A session, an API key and a
    /// signing key are refused outright; of a user, the tokens minted at `not_before` or earlier.
    pub fn refuses(&self, token: Verified<'_>) -> Option<Kind> {
        self.refuses_any(token.subjects().iter(), token.claims().iat)
    }

    /// As [`Self::refuses`], for a link, which belongs to a user and to no session.
    pub fn refuses_link(&self, link: link::Verified<'_>) -> Option<Kind> {
        self.refuses_any(link.subjects().iter().copied(), link.claims().iat)
    }

    fn refuses_any(
        &self,
        mut subjects: impl Iterator<Item = (Kind, Digest)>,
        iat: UnixSeconds,
    ) -> Option<Kind> {
        if self.is_empty() {
            return None;
        }
        subjects.find_map(|(kind, digest)| {
            let record = self.find(kind, digest)?;
            (kind != Kind::User || iat <= record.not_before).then_some(kind)
        })
    }

    /// Whether this signing key has been withdrawn. What it signed does not count any more;
    /// documents included, see [`MergeError::Withdrawn`].
    pub fn refuses_key(&self, issuer: &str, key_id: &crate::ids::KeyId) -> bool {
        let digest = Digest::of(issuer, Kind::SigningKey, key_id.as_str());
        !self.is_empty() && self.find(Kind::SigningKey, digest).is_some()
    }

    fn find(&self, kind: Kind, digest: Digest) -> Option<Record> {
        let wanted = (kind, digest);
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let record = record::at(&self.records, middle)?;
            match record.place().cmp(&wanted) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(record),
            }
        }
        None
    }
}

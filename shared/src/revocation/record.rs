//! One revocation as 19 bytes: kind (1), digest of what it names (8), `not_before` (5) and
//! `drop_at` (5), the times big-endian seconds. Sorted by kind and digest.

use sha2::{Digest as _, Sha256};

use crate::{claims::AccessClaims, ids::KeyId, time::UnixSeconds};

/// The size of a record in bytes.
pub(super) const RECORD_LEN: usize = 19;

/// What a revocation names. The numbers are the format's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A session (`sid`): all its tokens are refused.
    Session = 1,
    /// An API key (`client_id` of a token without `sid`): all its tokens are refused.
    ApiKey = 2,
    /// A signing key (`kid`): whatever it signed is refused.
    SigningKey = 3,
    /// A user (`sub`): tokens minted at `not_before` or earlier are refused.
    User = 4,
}

impl Kind {
    /// The kind of this number.
    pub fn from_number(number: i64) -> Option<Self> {
        [Self::Session, Self::ApiKey, Self::SigningKey, Self::User]
            .into_iter()
            .find(|kind| kind.number() == number)
    }

    /// The number that stands for the kind.
    pub const fn number(self) -> i64 {
        self as i64
    }
}

/// The first 8 bytes of SHA-256 over issuer, kind (one byte) and identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 8]);

impl Digest {
    /// The digest of an identifier as it stands in the token.
    pub fn of(issuer: &str, kind: Kind, id: &str) -> Self {
        let hash = Sha256::new()
            .chain_update(issuer.as_bytes())
            .chain_update([kind as u8])
            .chain_update(id.as_bytes())
            .finalize();
        let mut first = [0; 8];
        first.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Self(first)
    }
}

/// One entry of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// What it names.
    pub kind: Kind,
    /// Which one.
    pub digest: Digest,
    /// For a user: tokens minted then or earlier are refused. For the others without meaning.
    pub not_before: UnixSeconds,
    /// When everything that it concerns has expired.
    pub drop_at: UnixSeconds,
}

impl Record {
    /// What records are sorted by.
    pub(super) fn place(&self) -> (Kind, Digest) {
        (self.kind, self.digest)
    }

    /// Of two records for the same thing, what refuses whatever either refuses.
    pub(super) fn strictest(self, other: Self) -> Self {
        Self {
            not_before: self.not_before.max(other.not_before),
            drop_at: self.drop_at.max(other.drop_at),
            ..self
        }
    }

    pub(super) fn to_bytes(self) -> [u8; RECORD_LEN] {
        let mut bytes = [0; RECORD_LEN];
        let fields = [self.kind as u8]
            .into_iter()
            .chain(self.digest.0)
            .chain(five_bytes(self.not_before))
            .chain(five_bytes(self.drop_at));
        bytes
            .iter_mut()
            .zip(fields)
            .for_each(|(to, from)| *to = from);
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; RECORD_LEN]) -> Option<Self> {
        let [kind, rest @ ..] = bytes;
        let (digest, times) = rest.split_first_chunk::<8>()?;
        let (not_before, drop_at) = times.split_first_chunk::<5>()?;
        Some(Self {
            kind: Kind::from_number(i64::from(*kind))?,
            digest: Digest(*digest),
            not_before: from_five_bytes(not_before),
            drop_at: from_five_bytes(drop_at),
        })
    }
}

/// A time as 40 bits, held to what they can say (until the year 36812).
fn five_bytes(time: UnixSeconds) -> impl Iterator<Item = u8> {
    time.0
        .clamp(0, (1 << 40) - 1)
        .to_be_bytes()
        .into_iter()
        .skip(3)
}

fn from_five_bytes(bytes: &[u8]) -> UnixSeconds {
    UnixSeconds(
        bytes
            .iter()
            .fold(0, |time, byte| (time << 8) | i64::from(*byte)),
    )
}

/// The records in `bytes`, in order; what is no record ends the list.
pub(super) fn read(bytes: &[u8]) -> impl Iterator<Item = Record> {
    bytes
        .as_chunks::<RECORD_LEN>()
        .0
        .iter()
        .map_while(Record::from_bytes)
}

/// The record at `index`.
pub(super) fn at(bytes: &[u8], index: usize) -> Option<Record> {
    bytes
        .as_chunks::<RECORD_LEN>()
        .0
        .get(index)
        .and_then(Record::from_bytes)
}

/// What a revocation could name to end one token; computed once per token.
#[derive(Debug, Clone)]
pub struct Subjects([(Kind, Digest); 3]);

impl Subjects {
    /// What ends a token of these claims that was signed with this key.
    pub fn of(claims: &AccessClaims, key_id: &KeyId) -> Self {
        let (kind, id) = match &claims.sid {
            Some(sid) => (Kind::Session, sid.as_str()),
            None => (Kind::ApiKey, claims.client_id.as_str()),
        };
        let named = [
            (kind, id),
            (Kind::SigningKey, key_id.as_str()),
            (Kind::User, &claims.sub),
        ];
        Self(named.map(|(kind, id)| (kind, Digest::of(&claims.iss, kind, id))))
    }

    /// Kinds and digests.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, Digest)> {
        self.0.iter().copied()
    }
}

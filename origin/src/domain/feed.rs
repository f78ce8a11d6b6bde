//! The feed: the signed document of what is revoked, from which every edge decides.
//!
//! Each request reads the database's `seq`, so an answer never lags behind a ban that any replica
//! has answered. Entries are read, and signed, only when `seq` has moved or the second is over; the
//! document tells the `seq` of the statement that read its entries.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use portcullis_shared::{ids::KeyId, revocation::Document, time::UnixSeconds};

use crate::domain::{
    app::App,
    signing_keys::KeyError,
    store::{FeedRange, Seq, StoreError},
};

/// How many documents of the current second are kept: edges ask since different moments.
const KEPT: usize = 64;

/// How many bytes they have together at most, unless one alone has more.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// After this there is nothing: asking for it tells `seq` alone.
const NOTHING: Seq = Seq(u64::MAX);

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// See [`KeyError`].
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The claims could not be written.
    #[error("the revocation document could not be written")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The documents signed in the current second, by their `since`.
#[derive(Debug, Default)]
pub struct FeedCache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    moment: Option<Moment>,
    documents: HashMap<u64, Arc<str>>,
    bytes: usize,
}

/// What a document depends on beside its `since`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Moment {
    seq: Seq,
    now: UnixSeconds,
    key: KeyId,
}

impl FeedCache {
    fn get(&self, moment: &Moment, since: u64) -> Option<Arc<str>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = kept.moment.as_ref() == Some(moment);
        kept.documents.get(&since).filter(|_| same).cloned()
    }

    fn put(&self, moment: Moment, since: u64, document: &Arc<str>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = kept.documents.len() >= KEPT || kept.bytes + document.len() > KEPT_BYTES;
        if full || kept.moment.as_ref() != Some(&moment) {
            *kept = Kept {
                moment: Some(moment),
                ..Kept::default()
            };
        }
        kept.bytes += document.len();
        let before = kept.documents.insert(since, Arc::clone(document));
        kept.bytes -= before.map_or(0, |before| before.len());
    }
}

/// A signed document and the `seq` that it tells.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The JWS.
    pub document: Arc<str>,
    /// Its `seq`.
    pub seq: Seq,
}

/// The document of whatever was revoked after `since`; of everything that is in force when `since`
/// is 0, or is ahead of us.
///
/// # Errors
///
/// See [`Error`].
pub async fn document(app: &App, since: u64) -> Result<Answer, Error> {
    let seq = app.store.feed(NOTHING).await?.seq;
    let moment = Moment {
        seq,
        now: app.clock.now(),
        key: app.signing.active(app).await?.id().clone(),
    };
    if let Some(document) = app.feed.get(&moment, reachable(since, seq)) {
        return Ok(Answer { document, seq });
    }
    // More may have been published since, so it is a moment of its own.
    let (since, FeedRange { seq, mut records }) = read(app, since).await?;
    let now = app.clock.now();
    let key = app.signing.active(app).await?;
    let moment = Moment {
        seq,
        now,
        key: key.id().clone(),
    };
    records.retain(|record| record.drop_at >= now);
    let signed = Document::sign(&key, &app.config.issuer, now, since..=seq.0, records);
    let document: Arc<str> = signed
        .map_err(|error| Error::Malformed(error.into()))?
        .into();
    app.feed.put(moment, since, &document);
    Ok(Answer { document, seq })
}

/// From where on an edge that knows everything up to `since` is told. One that knows more than the
/// database, because a backup was put back, gets all there is, and keeps what it has.
fn reachable(since: u64, seq: Seq) -> u64 {
    if since > seq.0 { 0 } else { since }
}

/// The entries for such an edge, the `seq` of the moment that they were read at, and from where on
/// they are.
async fn read(app: &App, since: u64) -> Result<(u64, FeedRange), StoreError> {
    let range = app.store.feed(Seq(since)).await?;
    if reachable(since, range.seq) == since {
        return Ok((since, range));
    }
    Ok((0, app.store.feed(Seq(0)).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(seq: u64) -> Moment {
        Moment {
            seq: Seq(seq),
            now: UnixSeconds(1),
            key: "key".parse().unwrap(),
        }
    }

    #[test]
    fn documents_are_kept_for_their_moment_only() {
        let cache = FeedCache::default();
        cache.put(moment(1), 0, &"one".into());
        assert_eq!(cache.get(&moment(1), 0).as_deref(), Some("one"));
        assert_eq!(cache.get(&moment(1), 1), None);
        assert_eq!(cache.get(&moment(2), 0), None);
        cache.put(moment(2), 1, &"two".into());
        assert_eq!(cache.get(&moment(2), 0), None);
        assert_eq!(cache.get(&moment(2), 1).as_deref(), Some("two"));
    }

    #[test]
    fn no_more_bytes_are_kept_than_there_may_be() {
        let cache = FeedCache::default();
        let half: Arc<str> = "x".repeat(KEPT_BYTES / 2).into();
        for _ in 0..9 {
            cache.put(moment(1), 1, &half);
        }
        cache.put(moment(1), 2, &half);
        assert!(cache.get(&moment(1), 1).is_some());
        cache.put(moment(1), 3, &"x".into());
        let kept = [1, 2, 3].map(|since| cache.get(&moment(1), since).is_some());
        assert_eq!(kept, [false, false, true]);
    }
}

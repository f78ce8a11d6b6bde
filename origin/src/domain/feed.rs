//! The feed: the signed document of what is revoked, from which every edge decides.
//!
//! Each request reads the database's `seq`, so an answer never lags behind a ban that any replica
//! has answered. Signing is repeated only when `seq` has moved or the second is over.

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
        if kept.moment.as_ref() != Some(&moment) || kept.documents.len() >= KEPT {
            *kept = Kept {
                moment: Some(moment),
                documents: HashMap::new(),
            };
        }
        kept.documents.insert(since, Arc::clone(document));
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
    let FeedRange { seq, mut records } = app.store.feed(Seq(since)).await?;
    let since = if since > seq.0 {
        // An edge that knows more than the database: a backup was put back. It gets all there is,
        // and keeps what it has.
        records = app.store.feed(Seq(0)).await?.records;
        0
    } else {
        since
    };
    let now = app.clock.now();
    let key = app.signing.active(app).await?;
    let moment = Moment {
        seq,
        now,
        key: key.id().clone(),
    };
    if let Some(document) = app.feed.get(&moment, since) {
        return Ok(Answer { document, seq });
    }
    records.retain(|record| record.drop_at >= now);
    let signed = Document::sign(&key, &app.config.issuer, now, since..=seq.0, records);
    let document: Arc<str> = signed
        .map_err(|error| Error::Malformed(error.into()))?
        .into();
    app.feed.put(moment, since, &document);
    Ok(Answer { document, seq })
}

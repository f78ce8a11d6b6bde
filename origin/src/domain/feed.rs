//! The feed: the signed document of what is revoked, from which every edge decides.
//!
//! Each request reads the database's `seq`, so an answer never lags behind a ban that any replica
//! has answered. Entries are read, and signed, only when `seq` has moved or the second is over; the
//! document tells the `seq` of the statement that read its entries. No document is signed with a key
//! of whose withdrawal it tells.
//!
//! Nobody is asked who they are, so what they ask for makes little work: of all places that a
//! `since` may be at, a few documents come (`start`), and each is built once (`documents`).

mod documents;
mod start;

pub use documents::Documents;

use std::sync::Arc;

use portcullis_shared::revocation::Document;

use self::{documents::Moment, start::start};
use crate::domain::{
    app::App,
    signing_keys::KeyError,
    store::{FeedRange, Seq, StoreError},
};

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Too many different documents are wanted at the same time.
    #[error("too many revocation documents are being made")]
    Busy,
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

/// A signed document and the `seq` that it tells.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The JWS.
    pub document: Arc<str>,
    /// Its `seq`.
    pub seq: Seq,
}

/// The document of whatever was revoked after `since`, and perhaps of some that was before; of
/// everything that is in force when `since` is 0, or is ahead of us.
///
/// # Errors
///
/// See [`Error`].
pub async fn document(app: &App, since: u64) -> Result<Answer, Error> {
    let place = app.store.feed_place(Seq(since)).await?;
    app.signing.heard(place.seq);
    let moment = Moment {
        seq: place.seq,
        now: app.clock.now(),
        key: app.signing.active(app).await?.id().clone(),
    };
    let start = start(since, &place);
    app.feed.answer(moment, start, sign(app, start.after)).await
}

/// Signs what was published after `after`, as it is now.
async fn sign(app: &App, after: u64) -> Result<Answer, Error> {
    let (after, FeedRange { seq, mut records }) = read(app, after).await?;
    app.signing.heard(seq);
    let now = app.clock.now();
    let key = app.signing.active(app).await?;
    records.retain(|record| record.drop_at >= now);
    let signed = Document::sign(&key, &app.config.issuer, now, after..=seq.0, records);
    let document = signed.map_err(|error| Error::Malformed(error.into()))?;
    Ok(Answer {
        document: document.into(),
        seq,
    })
}

/// The entries after `after`, and from where on they are: all of them, if a backup was put back
/// since somebody looked.
async fn read(app: &App, after: u64) -> Result<(u64, FeedRange), StoreError> {
    let range = app.store.feed(Seq(after)).await?;
    if after <= range.seq.0 {
        return Ok((after, range));
    }
    Ok((0, app.store.feed(Seq(0)).await?))
}

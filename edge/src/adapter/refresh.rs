//! Keeping the snapshot up to date.
//!
//! Invariant: an attempt runs under `waitUntil`, also when its own request waits for it, so that a
//! client that goes away does not take the lease with it. Requests wait on timers of their own and
//! look at the snapshot; no promise is shared between them.

use std::{rc::Rc, time::Duration};

use portcullis_shared::{
    ids::KeyId,
    revocation::{DOCUMENT_LIMIT, DocumentError},
    routes::built_in,
};

use crate::{
    counters::Fetched,
    gate::Config,
    snapshot::{Attempt, FeedError, Needs, Snapshot, Step},
    time::Millis,
};

use super::{
    context::Context,
    document::{self, Kind},
    isolate, log, timer,
};

/// How often a request that waits looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

const KEYS: Kind = Kind {
    types: &["application/jwk-set+json", "application/json"],
    limit: 64 * 1024,
};

const FEED: Kind = Kind {
    types: &["application/revocations+jwt"],
    limit: DOCUMENT_LIMIT,
};

/// Whose keys.
#[derive(Clone, Copy)]
enum Owner {
    /// The origin.
    Ours,
    /// The foreign issuer at this place of the table.
    Foreign(usize),
}

impl From<Needs> for Owner {
    fn from(needs: Needs) -> Self {
        match needs {
            Needs::Ours(_) => Self::Ours,
            Needs::Foreign(issuer) => Self::Foreign(issuer),
        }
    }
}

/// Brings keys and revocations as far up to date as a request needs and may wait for.
pub(super) async fn freshen(config: &Rc<Config>, context: &Context, needs: Needs) {
    settle(config, context, needs.into(), |snapshot, since, now| {
        snapshot.advance(needs, since, now)
    })
    .await;
}

/// Looks for a key that a token names, as far as the budget for that goes.
pub(super) async fn look_for_key(
    config: &Rc<Config>,
    context: &Context,
    needs: Needs,
    key: &KeyId,
) {
    let owner = needs.into();
    settle(config, context, owner, |snapshot, since, now| match owner {
        Owner::Ours => snapshot.advance_for_key(key, since, now),
        Owner::Foreign(issuer) => snapshot.advance_for_foreign_key(issuer, key, since, now),
    })
    .await;
}

/// Does what `advance` says until there is nothing more to wait for.
async fn settle(
    config: &Rc<Config>,
    context: &Context,
    owner: Owner,
    advance: impl Fn(&mut Snapshot, Millis, Millis) -> Step,
) {
    let since = isolate::now();
    loop {
        let step = isolate::with_snapshot(|snapshot| advance(snapshot, since, isolate::now()));
        if let Some(attempt) = step.keys {
            let config = Rc::clone(config);
            context.spawn(async move {
                match owner {
                    Owner::Ours => {
                        fetch_keys(&config, attempt).await;
                    }
                    Owner::Foreign(issuer) => fetch_foreign_keys(&config, issuer, attempt).await,
                }
            });
        }
        if let Some(attempt) = step.feed {
            let config = Rc::clone(config);
            context.spawn(async move { fetch_feed(&config, attempt).await });
        }
        if !step.wait {
            return;
        }
        timer::sleep(LOOK_AGAIN).await;
    }
}

/// Fetches the keys; tells whether some came.
async fn fetch_keys(config: &Config, attempt: Attempt) -> bool {
    let url = config.settings.origin.join(built_in::KEY_SET);
    let taken = match document::fetch(&url, &KEYS).await {
        Ok(json) => isolate::with_snapshot(|snapshot| snapshot.put_keys(attempt, &json))
            .map_err(|error| error.to_string()),
        Err(fault) => Err(fault.to_string()),
    };
    isolate::with_snapshot(|snapshot| snapshot.end_keys(attempt));
    isolate::count_fetch(Fetched::Keys, taken.is_ok());
    match taken {
        Ok(changed) => {
            if changed {
                isolate::forget_tokens();
            }
            true
        }
        Err(reason) => {
            log::warning("the keys could not be fetched", &reason);
            false
        }
    }
}

/// Fetches the keys of a foreign issuer.
async fn fetch_foreign_keys(config: &Config, issuer: usize, attempt: Attempt) {
    let Some(declared) = config.table.issuers().get(issuer) else {
        return;
    };
    let taken = match document::fetch(declared.jwks_uri(), &KEYS).await {
        Ok(json) => isolate::with_snapshot(|snapshot| {
            snapshot.put_foreign_keys(issuer, declared, attempt, &json)
        })
        .map_err(|error| error.to_string()),
        Err(fault) => Err(fault.to_string()),
    };
    isolate::with_snapshot(|snapshot| snapshot.end_foreign_keys(issuer, attempt));
    isolate::count_fetch(Fetched::ForeignKeys, taken.is_ok());
    match taken {
        Ok(true) => isolate::forget_tokens(),
        Ok(false) => {}
        Err(reason) => {
            let reason = format!("{}: {reason}", declared.name());
            log::warning("the keys of a foreign issuer could not be fetched", &reason);
        }
    }
}

async fn fetch_feed(config: &Config, attempt: Attempt) {
    let taken = try_feed(config, attempt).await;
    isolate::count_fetch(Fetched::Revocations, taken.is_ok());
    if let Err(reason) = taken {
        log::warning("the revocations could not be fetched", &reason);
    }
    isolate::with_snapshot(|snapshot| snapshot.end_feed(attempt));
}

async fn try_feed(config: &Config, attempt: Attempt) -> Result<(), String> {
    let path = match isolate::seq() {
        Some(seq) => format!("{}?since={seq}", built_in::REVOCATIONS),
        None => built_in::REVOCATIONS.to_owned(),
    };
    let url = config.settings.origin.join(&path);
    let bytes = document::fetch(&url, &FEED)
        .await
        .map_err(|fault| fault.to_string())?;
    let text = String::from_utf8(bytes).map_err(|_| "not text".to_owned())?;
    // A cold isolate fetches both at once, and the feed may be the first to arrive.
    while isolate::with_snapshot(|snapshot| {
        snapshot.keys().is_none() && snapshot.is_fetching_keys(isolate::now())
    }) {
        timer::sleep(LOOK_AGAIN).await;
    }
    let put = || {
        let now = isolate::now();
        isolate::with_snapshot(|snapshot| {
            snapshot.put_feed(attempt, text.trim(), &config.settings.issuer, now)
        })
    };
    let first = put();
    if let Err(FeedError::Document(DocumentError::UnknownKey(key))) = &first {
        let keys =
            isolate::with_snapshot(|snapshot| snapshot.begin_keys_for_feed(key, isolate::now()));
        if let Some(attempt) = keys {
            if !fetch_keys(config, attempt).await {
                isolate::with_snapshot(Snapshot::repay_keys_for_feed);
            }
            return put().map_err(|error| error.to_string());
        }
    }
    first.map_err(|error| error.to_string())
}

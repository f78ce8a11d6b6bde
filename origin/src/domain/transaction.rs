//! Decisions with an answer: the store runs a decision inside a transaction; these hand out what
//! it found, once the transaction is committed, and let the log know what the audit trail got.

use std::sync::{Arc, Mutex, PoisonError};

use portcullis_shared::{
    api_key::ApiKeyId,
    ids::{PlanId, SessionId, UserId},
};

use crate::domain::{
    api_key::StoredApiKey,
    audit::Event,
    clock::UnixMillis,
    session::Session,
    signing_keys::StoredKey,
    store::{
        Batch, By, KeysChange, PlanChange, PlanStep, Seq, SessionChange, Standing, Store,
        StoreError, ThrottleChange, UserChange,
    },
    throttle::{bucket::Bucket, key::Key},
    user::User,
};

/// What a decision says besides what is to be written; of one that is taken again, what it said last.
struct Told<T>(Arc<Mutex<Option<T>>>);

impl<T> Told<T> {
    fn put(&self, said: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
    }

    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T> Default for Told<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Told<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Decides over a session; the decision's answer and the feed's `seq`, or `None` where there is no
/// such session.
///
/// # Errors
///
/// See [`StoreError`]; nothing was written then.
pub async fn with_session<T: Send + 'static>(
    store: &dyn Store,
    id: SessionId,
    now: UnixMillis,
    mut decide: impl FnMut(&Session, &User) -> (SessionChange, T) + Send + 'static,
) -> Result<Option<(T, Seq)>, StoreError> {
    let told = Told::default();
    let tell = told.clone();
    let decision = move |session: &Session, user: &User| {
        let (change, answer) = decide(session, user);
        tell.put((answer, change.events.clone()));
        change
    };
    let seq = store.change_session(id, now, Box::new(decision)).await?;
    let Some((seq, (answer, events))) = seq.zip(told.take()) else {
        return Ok(None);
    };
    events.iter().for_each(Event::announce);
    Ok(Some((answer, seq)))
}

/// Decides over a user and the sessions that have not been ended; as [`with_session`].
///
/// # Errors
///
/// See [`StoreError`]; nothing was written then.
pub async fn with_user<T: Send + 'static>(
    store: &dyn Store,
    id: UserId,
    now: UnixMillis,
    decide: impl FnOnce(&User, &[Session]) -> (UserChange, T) + Send + 'static,
) -> Result<Option<(T, Seq)>, StoreError> {
    let told = Told::default();
    let tell = told.clone();
    let decision = move |user: &User, sessions: &[Session]| {
        let (change, answer) = decide(user, sessions);
        tell.put((answer, change.events.clone()));
        change
    };
    let seq = store.change_user(id, now, Box::new(decision)).await?;
    let Some((seq, (answer, events))) = seq.zip(told.take()) else {
        return Ok(None);
    };
    events.iter().for_each(Event::announce);
    Ok(Some((answer, seq)))
}

/// Decides over an API key and its owner: the key's new state, if it gets one, and the decision's
/// answer. `None` where there is no such key.
///
/// # Errors
///
/// See [`StoreError`]; nothing was written then.
pub async fn with_api_key<T: Send + 'static>(
    store: &dyn Store,
    id: ApiKeyId,
    decide: impl FnOnce(&StoredApiKey, &User) -> (Option<StoredApiKey>, T) + Send + 'static,
) -> Result<Option<T>, StoreError> {
    let told = Told::default();
    let tell = told.clone();
    let decision = move |key: &StoredApiKey, owner: &User| {
        let (change, answer) = decide(key, owner);
        tell.put(answer);
        change
    };
    let exists = store.change_api_key(id, Box::new(decision)).await?;
    Ok(told.take().filter(|_| exists))
}

/// Decides over a user in the name of an administrator; as [`with_session`].
///
/// # Errors
///
/// See [`StoreError`]; nothing was written then.
pub async fn with_standing<T: Send + 'static>(
    store: &dyn Store,
    id: UserId,
    by: By,
    now: UnixMillis,
    decide: impl FnOnce(&Standing<'_>) -> (UserChange, T) + Send + 'static,
) -> Result<Option<(T, Seq)>, StoreError> {
    let told = Told::default();
    let tell = told.clone();
    let decision = move |standing: &Standing<'_>| {
        let (change, answer) = decide(standing);
        tell.put((answer, change.events.clone()));
        change
    };
    let seq = store
        .change_standing(id, by, now, Box::new(decision))
        .await?;
    let Some((seq, (answer, events))) = seq.zip(told.take()) else {
        return Ok(None);
    };
    events.iter().for_each(Event::announce);
    Ok(Some((answer, seq)))
}

/// Decides over the next sessions of a plan; as [`with_session`]. What happened to a user is in the
/// trail alone: the log has no room for a line for each.
///
/// # Errors
///
/// See [`StoreError`]; nothing was written then.
pub async fn with_planned<T: Send + 'static>(
    store: &dyn Store,
    id: PlanId,
    by: By,
    batch: Batch,
    now: UnixMillis,
    decide: impl FnOnce(&PlanStep<'_>) -> (PlanChange, T) + Send + 'static,
) -> Result<Option<(T, Seq)>, StoreError> {
    let told = Told::default();
    let tell = told.clone();
    let decision = move |step: &PlanStep<'_>| {
        let (change, answer) = decide(step);
        let general = change.events.iter().filter(|event| event.user_id.is_none());
        tell.put((answer, general.cloned().collect::<Vec<_>>()));
        change
    };
    let seq = store
        .change_planned(id, by, batch, now, Box::new(decision))
        .await?;
    let Some((seq, (answer, events))) = seq.zip(told.take()) else {
        return Ok(None);
    };
    events.iter().for_each(Event::announce);
    Ok(Some((answer, seq)))
}

/// Decides over the counts of attempts under these keys, which are in ascending order; as
/// [`with_session`].
///
/// # Errors
///
/// See [`StoreError`]; nothing was written then.
pub async fn with_throttle<T: Send + 'static>(
    store: &dyn Store,
    keys: &[Key],
    decide: impl FnOnce(&[Bucket]) -> (ThrottleChange, T) + Send + 'static,
) -> Result<Option<T>, StoreError> {
    let told = Told::default();
    let tell = told.clone();
    let decision = move |held: &[Bucket]| {
        let (change, answer) = decide(held);
        tell.put((answer, change.events.clone()));
        change
    };
    store.change_throttle(keys, Box::new(decision)).await?;
    let Some((answer, events)) = told.take() else {
        return Ok(None);
    };
    events.iter().for_each(Event::announce);
    Ok(Some(answer))
}

/// Decides over all signing keys; as [`with_session`].
///
/// # Errors
///
/// See [`StoreError`]; nothing was written then.
pub async fn with_keys(
    store: &dyn Store,
    now: UnixMillis,
    decide: impl FnOnce(&[StoredKey]) -> KeysChange + Send + 'static,
) -> Result<Seq, StoreError> {
    let told = Told::default();
    let tell = told.clone();
    let decision = move |keys: &[StoredKey]| {
        let change = decide(keys);
        tell.put(change.events.clone());
        change
    };
    let seq = store.change_signing_keys(now, Box::new(decision)).await?;
    let events = told.take().unwrap_or_default();
    events.iter().for_each(Event::announce);
    Ok(seq)
}

/// Adds users who are in nobody's way; as [`with_session`], and with the answer of the store.
///
/// # Errors
///
/// See [`StoreError`]; nothing was written then.
pub async fn import(
    store: &dyn Store,
    users: &[User],
    describe: impl FnOnce(&[Option<User>]) -> Vec<Event> + Send + 'static,
) -> Result<Vec<Option<User>>, StoreError> {
    let told = Told::default();
    let tell = told.clone();
    let decision = move |in_the_way: &[Option<User>]| {
        let events = describe(in_the_way);
        tell.put(events.clone());
        events
    };
    let in_the_way = store.import_users(users, Box::new(decision)).await?;
    let events = told.take().unwrap_or_default();
    events.iter().for_each(Event::announce);
    Ok(in_the_way)
}

//! Token revocation (RFC 7009): a client gives a token back, and its session ends.

use portcullis_shared::ids::SessionId;

use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    client::Client,
    context::Context,
    introspect,
    refresh::RefreshToken,
    session::{EndReason, Session},
    signing_keys::KeyError,
    store::{Seq, SessionChange, StoreError},
    transaction,
};

/// Why nothing is known to be revoked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// See [`KeyError`].
    #[error(transparent)]
    Key(#[from] KeyError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Ends the session that `token`, a refresh or an access token, belongs to, if it is the client's.
/// Anything else is no error (RFC 7009 §2.2) and changes nothing; `None` then.
///
/// # Errors
///
/// See [`Error`].
pub async fn revoke(
    app: &App,
    client: &Client,
    token: &str,
    context: &Context,
) -> Result<Option<Seq>, Error> {
    let session = match RefreshToken::parse(token, &app.master) {
        Ok(refresh) => Some(refresh.session),
        Err(_) => introspect::session_of(app, token).await?,
    };
    let Some(session) = session else {
        return Ok(None);
    };
    Ok(end_session(
        app,
        session,
        Some(client),
        EndReason::Revoked,
        Actor::Bearer,
        context,
    )
    .await?)
}

/// Ends one session, of this client where one is named. `None` when there is no such session, or
/// it is over already.
///
/// # Errors
///
/// See [`StoreError`].
pub async fn end_session(
    app: &App,
    id: SessionId,
    client: Option<&Client>,
    reason: EndReason,
    actor: Actor,
    context: &Context,
) -> Result<Option<Seq>, StoreError> {
    let (now, tokens, context) = (app.now(), app.tokens(), context.clone());
    let client = client.map(|client| client.id.clone());
    let decide = move |session: &Session, _: &_| {
        let theirs = client
            .as_ref()
            .is_none_or(|client| *client == session.client_id);
        if session.ended.is_some() || !theirs {
            return (SessionChange::default(), false);
        }
        let event = Event {
            user_id: Some(session.user_id),
            session_id: Some(session.id),
            detail: Some(reason.as_str().to_owned()),
            ..Event::new(now.seconds(), Action::SessionEnded, actor).from(&context)
        };
        let change = SessionChange {
            revocations: tokens
                .session_entry(session, now.seconds())
                .into_iter()
                .collect(),
            session: Some(session.end(reason, now.seconds())),
            events: vec![event],
        };
        (change, true)
    };
    let ended = transaction::with_session(app.store.as_ref(), id, now, decide).await?;
    Ok(ended.and_then(|(ended, seq)| ended.then_some(seq)))
}

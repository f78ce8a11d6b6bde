//! What people do with their own sessions: look at them, end one, log out.

use portcullis_shared::ids::SessionId;

use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    caller::Caller,
    context::Context,
    revoke::end_session,
    session::{EndReason, Session},
    store::{Seq, StoreError, UserChange},
    transaction,
    user::User,
};

/// The caller's active sessions, the last used first.
///
/// # Errors
///
/// See [`StoreError`].
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<Session>, StoreError> {
    app.store
        .active_sessions(caller.user.id, app.clock.now())
        .await
}

/// Ends the session that the caller's token belongs to.
///
/// # Errors
///
/// See [`StoreError`].
pub async fn logout(
    app: &App,
    caller: &Caller,
    context: &Context,
) -> Result<Option<Seq>, StoreError> {
    let actor = Actor::User(caller.user.id);
    end_session(
        app,
        caller.session.id,
        None,
        EndReason::Logout,
        actor,
        context,
    )
    .await
}

/// Ends one of the caller's sessions; `None` when the caller has no such active session.
///
/// # Errors
///
/// See [`StoreError`].
pub async fn end(
    app: &App,
    caller: &Caller,
    id: SessionId,
    context: &Context,
) -> Result<Option<Seq>, StoreError> {
    // A session never changes hands, so this may be looked at before.
    let session = app.store.session(id).await?;
    let theirs = session.is_some_and(|(session, _)| {
        session.user_id == caller.user.id && session.is_active(app.clock.now())
    });
    if !theirs {
        return Ok(None);
    }
    end_session(
        app,
        id,
        None,
        EndReason::Logout,
        Actor::User(caller.user.id),
        context,
    )
    .await
}

/// Ends all of the caller's sessions, this one included.
///
/// # Errors
///
/// See [`StoreError`].
pub async fn logout_all(
    app: &App,
    caller: &Caller,
    context: &Context,
) -> Result<Option<Seq>, StoreError> {
    let (now, tokens, ip) = (app.now(), app.tokens(), context.ip);
    let decide = move |user: &User, sessions: &[Session]| {
        let mut user = user.clone();
        let (ended, revocations) = tokens.end_all(
            &mut user,
            sessions,
            None,
            EndReason::LogoutAll,
            now.seconds(),
        );
        let event = Event {
            user_id: Some(user.id),
            ip,
            detail: Some(format!(
                "{}, {} sessions",
                EndReason::LogoutAll.as_str(),
                ended.len()
            )),
            ..Event::new(now.seconds(), Action::SessionEnded, Actor::User(user.id))
        };
        let change = UserChange {
            user: Some(user),
            ended,
            revocations,
            events: vec![event],
            ..UserChange::default()
        };
        (change, ())
    };
    let done = transaction::with_user(app.store.as_ref(), caller.user.id, now, decide).await?;
    Ok(done.map(|((), seq)| seq))
}

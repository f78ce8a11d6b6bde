//! What people do with their own sessions: look at them, end one, log out.

use portcullis_shared::{ids::SessionId, time::UnixSeconds};

use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    caller::Caller,
    context::Context,
    revoke::end_session,
    session::{EndReason, Session},
    store::{ActiveFilter, Seq, StoreError, UserChange},
    transaction,
    user::User,
};

/// The caller's active sessions, the last used first: at most `limit` after a place in that list.
///
/// # Errors
///
/// See [`StoreError`].
pub async fn list(
    app: &App,
    caller: &Caller,
    after: Option<(UnixSeconds, SessionId)>,
    limit: u32,
) -> Result<Vec<Session>, StoreError> {
    let filter = ActiveFilter {
        now: app.clock.now(),
        after,
        limit,
    };
    app.store.active_sessions(caller.user.id, &filter).await
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

/// Ends all of the caller's sessions but this one; `None` when this one is over meanwhile.
///
/// # Errors
///
/// See [`StoreError`].
pub async fn end_others(
    app: &App,
    caller: &Caller,
    context: &Context,
) -> Result<Option<Seq>, StoreError> {
    let (now, tokens, current) = (app.now(), app.tokens(), caller.session.id);
    let context = context.clone();
    let decide = move |user: &User, sessions: &[Session]| {
        let now = now.seconds();
        let is_current = |session: &Session| session.id == current && session.is_active(now);
        if !sessions.iter().any(is_current) {
            return (UserChange::default(), false);
        }
        let mut next = user.clone();
        let (ended, revocations) =
            tokens.end_all(&mut next, sessions, Some(current), EndReason::Logout, now);
        let event = Event {
            user_id: Some(user.id),
            detail: Some(format!("all others, {} sessions", ended.len())),
            ..Event::new(now, Action::SessionEnded, Actor::User(user.id)).from(&context)
        };
        let change = UserChange {
            user: (next != *user).then_some(next),
            events: if ended.is_empty() {
                vec![]
            } else {
                vec![event]
            },
            ended,
            revocations,
            ..UserChange::default()
        };
        (change, true)
    };
    let done = transaction::with_user(app.store.as_ref(), caller.user.id, now, decide).await?;
    Ok(done.and_then(|(done, seq)| done.then_some(seq)))
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
    let (now, tokens, context) = (app.now(), app.tokens(), context.clone());
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
            detail: Some(format!(
                "{}, {} sessions",
                EndReason::LogoutAll.as_str(),
                ended.len()
            )),
            ..Event::new(now.seconds(), Action::SessionEnded, Actor::User(user.id)).from(&context)
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

//! Refresh (RFC 6749 §6): a spent refresh token is exchanged for its successor and an access
//! token.
//!
//! [`token`] says what a refresh token is, [`decision`] what happens when one is presented,
//! [`moves`] what it means that one comes from elsewhere; this is the use case around them.

mod decision;
mod moves;
mod token;

pub use decision::{Granted, Rules, Transition, decide, decide_after_restore};
pub use moves::{MoveRules, OnChange};
pub use token::{IssuedToken, NotOurs, PREFIX, RefreshToken};

use std::sync::Arc;

use portcullis_shared::{scope::ScopeSet, time::UnixSeconds};

use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    client::Client,
    clock::UnixMillis,
    context::Context,
    ending::Tokens,
    mint::{MintError, Mintable, TokenSet, mint},
    session::{EndReason, Session},
    store::{SessionChange, StoreError},
    transaction,
    user::User,
};

/// A refresh as asked for.
pub struct Request<'a> {
    /// The refresh token.
    pub token: &'a str,
    /// The client, authenticated as its kind demands.
    pub client: &'a Client,
    /// What the access token shall be limited to.
    pub scope: Option<ScopeSet>,
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Request")
            .field("client", &self.client.id)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// Why no tokens were given.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Unknown, spent, ended, expired, another client's: all look alike.
    #[error("the refresh token is not valid")]
    InvalidGrant,
    /// More is asked for than was granted. The refresh token is still good.
    #[error("more scope is asked for than was granted")]
    InvalidScope,
    /// The same token too often within the window. The session lives.
    #[error("the refresh token is presented too often")]
    TooManyReplays,
    /// See [`MintError`].
    #[error(transparent)]
    Mint(#[from] MintError),
    /// See [`StoreError`]; the refresh token is still good.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the decision over the session came to.
#[expect(
    clippy::large_enum_variant,
    reason = "one is made for each refresh, handed on, and taken apart at once"
)]
enum Outcome {
    /// Tokens are to be minted.
    Granted(Mintable),
    /// None are.
    Refused(Error),
    /// The token is ahead of its session; nothing was written yet.
    Ahead,
}

/// Exchanges a refresh token.
///
/// # Errors
///
/// See [`Error`].
pub async fn refresh(
    app: &App,
    request: Request<'_>,
    context: &Context,
) -> Result<TokenSet, Error> {
    let Request {
        token,
        client,
        scope,
    } = request;
    let presented =
        RefreshToken::parse(token, &app.master).map_err(|NotOurs| Error::InvalidGrant)?;
    let now = app.now();
    let judge = Arc::new(Judge {
        presented,
        client: client.clone(),
        scope: scope.clone(),
        context: context.clone(),
        now: now.seconds(),
        rules: app.config.refresh,
        tokens: app.tokens(),
    });
    let mut outcome = judge.hold(app, now, WhenAhead::Ask).await?;
    if let Outcome::Ahead = outcome {
        // Rare: only now is it read whether a backup was put back.
        let restored = app.store.fast_forward_until().await? > now.seconds();
        let when_ahead = if restored {
            WhenAhead::FastForward
        } else {
            WhenAhead::Alarm
        };
        outcome = judge.hold(app, now, when_ahead).await?;
    }
    match outcome {
        Outcome::Granted(mintable) => Ok(mint(app, client, mintable, scope).await?),
        Outcome::Refused(error) => Err(error),
        Outcome::Ahead => Err(Error::InvalidGrant),
    }
}

/// What to do about a token that is ahead of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhenAhead {
    /// Nothing yet: whether a backup was put back is not known.
    Ask,
    /// Refuse it and tell somebody.
    Alarm,
    /// Have the session follow it.
    FastForward,
}

/// Whatever the decision over a session depends on beside the rows.
struct Judge {
    presented: RefreshToken,
    client: Client,
    scope: Option<ScopeSet>,
    context: Context,
    now: UnixSeconds,
    rules: Rules,
    tokens: Tokens,
}

impl Judge {
    /// Judges while the session is held.
    async fn hold(
        self: &Arc<Self>,
        app: &App,
        now: UnixMillis,
        when_ahead: WhenAhead,
    ) -> Result<Outcome, StoreError> {
        let judge = Arc::clone(self);
        let decided = transaction::with_session(
            app.store.as_ref(),
            self.presented.session,
            now,
            move |session, user| judge.judge(session, user, when_ahead),
        );
        let unknown = Outcome::Refused(Error::InvalidGrant);
        Ok(decided.await?.map_or(unknown, |(outcome, _)| outcome))
    }

    fn judge(
        &self,
        session: &Session,
        user: &User,
        when_ahead: WhenAhead,
    ) -> (SessionChange, Outcome) {
        let unchanged = |error| (SessionChange::default(), Outcome::Refused(error));
        if session.client_id != self.client.id || !user.is_active() {
            return unchanged(Error::InvalidGrant);
        }
        let rule = match when_ahead {
            WhenAhead::Ask | WhenAhead::Alarm => decide,
            WhenAhead::FastForward => decide_after_restore,
        };
        let transition = rule(
            session,
            self.presented.generation,
            &self.context,
            self.now,
            &self.rules,
        );
        // A wish for more is refused before the token is spent; theft is theft, whatever the wish.
        let granted = self.client.grant(&user.scopes);
        let too_much = self
            .scope
            .as_ref()
            .is_some_and(|wanted| !granted.is_superset(wanted));
        match transition {
            Transition::Rotate(_)
            | Transition::Replay(_)
            | Transition::LateRetry(_)
            | Transition::FastForward(_)
                if too_much =>
            {
                unchanged(Error::InvalidScope)
            }
            Transition::Rotate(granted) | Transition::LateRetry(granted) => {
                self.grant(granted, session, user, None)
            }
            Transition::Replay(granted) => {
                // No later than the first answer's access token, which was minted then.
                let first = granted.session.rotated_at.plus(self.tokens.lifetime);
                self.grant(granted, session, user, Some(first))
            }
            Transition::TooManyReplays => unchanged(Error::TooManyReplays),
            Transition::Over => unchanged(Error::InvalidGrant),
            Transition::Theft(ended) => {
                let event = self.event(Action::RefreshReuse, session, self.generations(session));
                self.end(ended, event)
            }
            Transition::Moved {
                session: ended,
                changed,
            } => {
                let places = moves::describe(changed, &session.last_from, &self.context);
                let detail = format!("{}: {places}", EndReason::Moved.as_str());
                self.end(ended, self.event(Action::SessionEnded, session, detail))
            }
            Transition::FastForward(granted) => {
                let detail = self.generations(session);
                let event = self.event(Action::RefreshFastForwarded, session, detail);
                let (mut change, outcome) = self.grant(granted, session, user, None);
                change.events.push(event);
                (change, outcome)
            }
            Transition::Ahead if when_ahead == WhenAhead::Ask => {
                (SessionChange::default(), Outcome::Ahead)
            }
            Transition::Ahead => {
                let detail = self.generations(session);
                let events = vec![self.event(Action::RefreshAhead, session, detail)];
                let change = SessionChange {
                    events,
                    ..SessionChange::default()
                };
                (change, Outcome::Refused(Error::InvalidGrant))
            }
        }
    }

    fn grant(
        &self,
        granted: Granted,
        before: &Session,
        user: &User,
        latest: Option<UnixSeconds>,
    ) -> (SessionChange, Outcome) {
        let Granted {
            session: mut next,
            flagged,
        } = granted;
        let mintable = Mintable::authorise(&mut next, user, self.now, self.tokens.lifetime);
        let mintable = match latest {
            Some(latest) => mintable.capped(latest),
            None => mintable,
        };
        let mut change = SessionChange::default();
        if !flagged.is_empty() {
            let places = moves::describe(flagged, &before.last_from, &self.context);
            let event = self.event(Action::SessionFlagged, &next, places);
            change.events.push(event);
        }
        change.session = Some(next);
        (change, Outcome::Granted(mintable))
    }

    /// Ends the session, although the answer is an error.
    fn end(&self, ended: Session, event: Event) -> (SessionChange, Outcome) {
        let entry = self.tokens.session_entry(&ended, self.now);
        let change = SessionChange {
            revocations: entry.into_iter().collect(),
            events: vec![event],
            session: Some(ended),
        };
        (change, Outcome::Refused(Error::InvalidGrant))
    }

    fn generations(&self, session: &Session) -> String {
        format!(
            "presented {}, accepted {}, issued {}",
            self.presented.generation, session.accepted, session.generation
        )
    }

    fn event(&self, action: Action, session: &Session, detail: String) -> Event {
        Event {
            user_id: Some(session.user_id),
            session_id: Some(session.id),
            detail: Some(detail),
            ..Event::new(self.now, action, Actor::Bearer).from(&self.context)
        }
    }
}

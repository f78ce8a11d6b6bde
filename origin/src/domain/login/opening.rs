//! The opening of a session, decided in the transaction that writes it. Pure: everything that it
//! depends on beside the user's row and sessions comes in as [`Opening`].
//!
//! Invariant: the password that was checked outside of the transaction is still the user's, and the
//! user may log in.

use portcullis_shared::{ids::SessionId, time::UnixSeconds};

use super::Error;
use crate::domain::{
    audit::{Action, Actor, Event},
    context::Context,
    ending::Tokens,
    failed_login::Obstacle,
    mint::Mintable,
    session::{
        EndReason, Flags, Session,
        cap::{self, Cap},
    },
    store::UserChange,
    throttle::settlement::Settlement,
    user::{User, UserStatus},
};

/// The password's hash changed between the check and the opening of the session.
pub(super) struct Changed;

/// Whatever the opening of a session depends on beside the user's row.
pub(super) struct Opening {
    pub(super) id: SessionId,
    pub(super) client_id: String,
    /// What the password was checked against; it must not have changed since.
    pub(super) checked_hash: Option<String>,
    /// Whether it is not checked once more when it has.
    pub(super) is_last: bool,
    pub(super) rehashed: Option<String>,
    /// What becomes of the counts of attempts.
    pub(super) settled: Vec<Settlement>,
    pub(super) device: Option<String>,
    pub(super) context: Context,
    pub(super) now: UnixSeconds,
    pub(super) tokens: Tokens,
    pub(super) cap: Cap,
    pub(super) idle_lifetime: i64,
    pub(super) absolute_lifetime: i64,
}

impl Opening {
    /// Nothing but the trace of it.
    fn refused(&self, user: &User, obstacle: Obstacle) -> UserChange {
        UserChange {
            events: vec![obstacle.event(self.now, user, &self.context)],
            ..UserChange::default()
        }
    }

    /// Opens the session, or says why there is none. `held` are the sessions of the user that have not
    /// ended.
    pub(super) fn decide(
        self,
        user: &User,
        held: &[Session],
    ) -> (UserChange, Result<Result<Mintable, Changed>, Error>) {
        if user.password_hash != self.checked_hash {
            let change = if self.is_last {
                self.refused(user, Obstacle::ChangedMeanwhile)
            } else {
                UserChange::default()
            };
            return (change, Ok(Err(Changed)));
        }
        let refusal = match user.status {
            UserStatus::Active => None,
            UserStatus::Banned { .. } => Some((Obstacle::Banned, Error::Banned)),
            UserStatus::Disabled { .. } => Some((Obstacle::Disabled, Error::Disabled)),
        };
        if let Some((obstacle, error)) = refusal {
            return (self.refused(user, obstacle), Err(error));
        }
        let evicted = match self.cap.surplus(held, self.now) {
            Ok(evicted) => evicted,
            Err(full) => return (self.refused(user, Obstacle::SessionCap), Err(full.into())),
        };
        let mut next = user.clone();
        if let Some(hash) = self.rehashed {
            next.password_hash = Some(hash);
            next.updated_at = self.now;
        }
        let (ended, revocations) =
            self.tokens
                .end(&mut next, held, &evicted, EndReason::Evicted, self.now);
        let mut session = Session {
            id: self.id,
            user_id: user.id,
            client_id: self.client_id,
            generation: 1,
            accepted: 0,
            rotated_at: self.now,
            replays: 0,
            late_retries: 0,
            last_iat: self.now,
            last_exp: self.now,
            ended: None,
            created_at: self.now,
            last_used_at: self.now,
            idle_expires_at: self.now.plus(self.idle_lifetime),
            absolute_expires_at: self.now.plus(self.absolute_lifetime),
            device: self.device.or_else(|| self.context.device()),
            flags: Flags::NONE,
            opened_from: self.context.clone(),
            last_from: self.context,
        };
        // By the user as it will be: no entry for those that made room concerns the new token.
        let mintable = Mintable::authorise(&mut session, &next, self.now, self.tokens.lifetime);
        let event = Event {
            user_id: Some(user.id),
            session_id: Some(session.id),
            ..Event::new(self.now, Action::Login, Actor::User(user.id)).from(&session.opened_from)
        };
        let mut events = cap::evictions(&evicted, user.id, &session.opened_from, self.now);
        events.push(event);
        let change = UserChange {
            user: (next != *user).then_some(next),
            opened: Some(session),
            ended,
            revocations,
            events,
            settled: self.settled,
            ..UserChange::default()
        };
        (change, Ok(Ok(mintable)))
    }
}

//! A backup was put back: what the service does so that its clients, whose tokens are newer than
//! the database, can go on, and so that nothing from before the loss passes that should not.
//!
//! - The feed's `seq` goes ahead of what any edge has seen, so that edges take what comes.
//! - The signing keys are withdrawn. Access tokens from before were minted for sessions and with
//!   times that the database has forgotten, so no later revocation could be sure to outlast them;
//!   and a key that was withdrawn since the backup is back. Clients refresh, and notice nothing.
//! - For a stated time a session that is behind its refresh token follows it
//!   ([`decide_after_restore`](crate::domain::refresh::decide_after_restore)).
//!
//! What nobody can bring back is what was revoked since the backup: that is for the operator.

use portcullis_shared::{ids::KeyId, time::UnixSeconds};

use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    clock::UnixMillis,
    signing_keys::{self, KeyError, Rotation},
    store::Seq,
};

/// How far `seq` goes ahead of the clock, in milliseconds: further than the clock of any replica
/// that was lost can have been.
const MARGIN: i64 = 60 * 60 * 1000;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The feed's `seq` from which on everything is in force.
    pub seq: Seq,
    /// The key that signs from now on.
    pub key: KeyId,
    /// Until when sessions follow newer tokens.
    pub until: UnixSeconds,
    /// When the last thing happened that the database knows of, which is about when the backup was
    /// made; none where it knows of nothing.
    pub newest_event: Option<UnixSeconds>,
}

/// Has the service go on after a backup was put back; sessions follow their tokens for
/// `fast_forward` seconds. It may be repeated.
///
/// # Errors
///
/// See [`KeyError`]; then it is to be repeated.
pub async fn restored(app: &App, fast_forward: i64, actor: Actor) -> Result<Outcome, KeyError> {
    let now = app.now();
    let until = now.seconds().plus(fast_forward);
    let event = Event {
        detail: Some(format!("sessions follow newer tokens for {fast_forward} s")),
        ..Event::new(now.seconds(), Action::Restored, actor)
    };
    let ahead = UnixMillis(now.0.saturating_add(MARGIN));
    let marked = app.store.mark_restored(ahead, until, &event).await?;
    event.announce();
    let (key, seq) = signing_keys::rotate(app, Rotation::Withdraw, actor).await?;
    Ok(Outcome {
        seq,
        key,
        until,
        newest_event: marked.newest_event,
    })
}

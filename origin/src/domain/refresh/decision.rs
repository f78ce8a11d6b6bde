//! What happens when a refresh token is presented: one pure function over the session's row.
//!
//! `generation` is the newest token ever issued, `accepted` the newest ever presented. Rotation
//! with reuse detection follows RFC 9700 §4.14.2; the rest is there so that a lost response logs
//! nobody out:
//!
//! | presented | outcome |
//! |---|---|
//! | `generation` | rotate |
//! | `accepted`, within the window | replay: the same successor again |
//! | `accepted`, later, from where the session was last used | late retry: another successor, the lost one is dead |
//! | any other spent one | theft: the session ends |
//! | one never issued | alarm: the database is older than the token |
//!
//! After a backup was put back, and for as long as the operator said, the last row is another one
//! ([`decide_after_restore`]): the token is genuine, so the session follows it.
//!
//! There is at most one live successor at any time: a late retry kills the one before.

use portcullis_shared::time::UnixSeconds;

use crate::domain::{
    context::Context,
    session::{EndReason, Session},
};

/// The rules' numbers; times in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How long after a rotation its spent token is answered with the same successor.
    pub window: i64,
    /// How often it is, within the window.
    pub max_replays: u32,
    /// How often a lost successor is replaced after the window.
    pub max_late_retries: u32,
    /// For how long a session may lie idle.
    pub idle_lifetime: i64,
}

/// What to do. `session` is the row to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transition {
    /// Issue `session.generation`, and an access token.
    Rotate(Session),
    /// Issue `session.generation` once more, and an access token that expires no later than the
    /// one that was minted at `session.rotated_at`.
    Replay(Session),
    /// As [`Self::Rotate`]; the token of the generation before was lost and is dead.
    LateRetry(Session),
    /// Too many replays; nothing changes.
    TooManyReplays,
    /// A spent token was used: the session is over, and that must be written although the answer
    /// is an error.
    Theft(Session),
    /// A token that this database never issued; nothing changes, somebody must be told.
    Ahead,
    /// As [`Self::Rotate`], from a token that this database does not know because it was put back
    /// from a backup.
    FastForward(Session),
    /// The session is ended or expired; nothing changes.
    Over,
}

/// Judges the token of generation `presented` of `session`, at the time `now`.
pub fn decide(
    session: &Session,
    presented: u32,
    context: &Context,
    now: UnixSeconds,
    rules: &Rules,
) -> Transition {
    if !session.is_active(now) {
        return Transition::Over;
    }
    if presented > session.generation {
        return Transition::Ahead;
    }
    if presented == session.generation {
        return rotate(session, context, now, rules);
    }
    if presented != session.accepted {
        return Transition::Theft(session.end(EndReason::Reuse, now));
    }
    // A clock that went backwards (another replica's) is within the window.
    if now.since(session.rotated_at) <= rules.window {
        if session.replays >= rules.max_replays {
            return Transition::TooManyReplays;
        }
        let replays = session.replays + 1;
        return Transition::Replay(touched(session, context, now, rules, |next| {
            next.replays = replays;
        }));
    }
    let retries = session.late_retries;
    if retries >= rules.max_late_retries || !context.resembles(&session.last_from) {
        return Transition::Theft(session.end(EndReason::Reuse, now));
    }
    let Some(generation) = session.generation.checked_add(1) else {
        return Transition::Over;
    };
    Transition::LateRetry(touched(session, context, now, rules, |next| {
        next.generation = generation;
        next.rotated_at = now;
        next.replays = 0;
        next.late_retries = retries + 1;
    }))
}

/// As [`decide`], while sessions may be behind their tokens because a backup was put back.
///
/// The token's MAC proves that it was issued, so it takes the place of the newest one. The session
/// only ever moves forward: whatever is older than the greatest generation that was presented is
/// spent, and its use is theft as always.
pub fn decide_after_restore(
    session: &Session,
    presented: u32,
    context: &Context,
    now: UnixSeconds,
    rules: &Rules,
) -> Transition {
    match decide(session, presented, context, now, rules) {
        Transition::Ahead => {
            let behind = Session {
                generation: presented,
                ..session.clone()
            };
            match rotate(&behind, context, now, rules) {
                Transition::Rotate(next) => Transition::FastForward(next),
                other => other,
            }
        }
        known => known,
    }
}

fn rotate(session: &Session, context: &Context, now: UnixSeconds, rules: &Rules) -> Transition {
    // 2^32 refreshes of one session do not happen within its absolute lifetime.
    let Some(generation) = session.generation.checked_add(1) else {
        return Transition::Over;
    };
    Transition::Rotate(touched(session, context, now, rules, |next| {
        next.accepted = session.generation;
        next.generation = generation;
        next.rotated_at = now;
        next.replays = 0;
        next.late_retries = 0;
    }))
}

/// The session after a use: last seen now, idle from now on, and as `change` makes it.
fn touched(
    session: &Session,
    context: &Context,
    now: UnixSeconds,
    rules: &Rules,
    change: impl FnOnce(&mut Session),
) -> Session {
    let mut next = Session {
        last_used_at: now.max(session.last_used_at),
        idle_expires_at: now.plus(rules.idle_lifetime).max(session.idle_expires_at),
        last_from: context.clone(),
        ..session.clone()
    };
    change(&mut next);
    next
}

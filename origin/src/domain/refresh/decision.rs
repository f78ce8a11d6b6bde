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
//!
//! Whatever would be granted is first judged by where it comes from ([`super::moves`]): a token
//! that is replayed from elsewhere may be a thief's just as one that rotates.

use portcullis_shared::time::UnixSeconds;

use super::moves::MoveRules;
use crate::domain::{
    context::Context,
    session::{EndReason, Flags, Session},
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
    /// What becomes of a session that is used from elsewhere.
    pub moves: MoveRules,
}

/// A use of a session that is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The row to write; the token of its `generation` is to issue.
    pub session: Session,
    /// What this use was flagged for; somebody must be told.
    pub flagged: Flags,
}

/// What to do. A session is the row to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transition {
    /// Issue the next token, and an access token.
    Rotate(Granted),
    /// Issue the same token once more, and an access token that expires no later than the one that
    /// was minted at the session's `rotated_at`.
    Replay(Granted),
    /// As [`Self::Rotate`]; the token of the generation before was lost and is dead.
    LateRetry(Granted),
    /// Too many replays; nothing changes.
    TooManyReplays,
    /// A spent token was used: the session is over, and that must be written although the answer
    /// is an error.
    Theft(Session),
    /// It came from elsewhere than the rules allow: as [`Self::Theft`].
    Moved {
        /// The session, which is over.
        session: Session,
        /// What changed.
        changed: Flags,
    },
    /// A token that this database never issued; nothing changes, somebody must be told.
    Ahead,
    /// As [`Self::Rotate`], from a token that this database does not know because it was put back
    /// from a backup.
    FastForward(Granted),
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
    let newest = presented == session.generation;
    if !newest && presented != session.accepted {
        return Transition::Theft(session.end(EndReason::Reuse, now));
    }
    // A clock that went backwards (another replica's) is within the window.
    let late = !newest && now.since(session.rotated_at) > rules.window;
    let again = session.late_retries < rules.max_late_retries;
    if late && !(again && context.resembles(&session.last_from)) {
        return Transition::Theft(session.end(EndReason::Reuse, now));
    }
    let moved = rules.moves.judge(session, context);
    if !moved.ending.is_empty() {
        return Transition::Moved {
            session: session.end(EndReason::Moved, now),
            changed: moved.ending,
        };
    }
    let granted = Granted {
        session: touched(session, context, now, rules, moved.flagged),
        flagged: moved.flagged,
    };
    if newest {
        rotate(granted, now)
    } else if late {
        late_retry(granted, now)
    } else {
        replay(granted, rules)
    }
}

/// As [`decide`], while sessions may be behind their tokens because a backup was put back.
///
/// The token's MAC proves that it was issued, so it takes the place of the newest one. The session
/// only ever moves forward: whatever is older than the greatest generation that was presented is
/// spent, and its use is theft as always. A spent one may be a thief's as much as the newest is the
/// client's, and nobody can tell them apart: so, as with a late retry, it counts only from where the
/// session was last used. From elsewhere it is an alarm, and the session stays as it is.
pub fn decide_after_restore(
    session: &Session,
    presented: u32,
    context: &Context,
    now: UnixSeconds,
    rules: &Rules,
) -> Transition {
    match decide(session, presented, context, now, rules) {
        Transition::Ahead if context.resembles(&session.last_from) => {
            let behind = Session {
                generation: presented,
                ..session.clone()
            };
            match decide(&behind, presented, context, now, rules) {
                Transition::Rotate(granted) => Transition::FastForward(granted),
                other => other,
            }
        }
        known => known,
    }
}

fn rotate(mut granted: Granted, now: UnixSeconds) -> Transition {
    let next = &mut granted.session;
    let accepted = next.generation;
    // 2^32 refreshes of one session do not happen within its absolute lifetime.
    let Some(generation) = accepted.checked_add(1) else {
        return Transition::Over;
    };
    next.accepted = accepted;
    next.generation = generation;
    next.rotated_at = now;
    next.replays = 0;
    next.late_retries = 0;
    Transition::Rotate(granted)
}

fn replay(mut granted: Granted, rules: &Rules) -> Transition {
    let next = &mut granted.session;
    if next.replays >= rules.max_replays {
        return Transition::TooManyReplays;
    }
    next.replays += 1;
    Transition::Replay(granted)
}

fn late_retry(mut granted: Granted, now: UnixSeconds) -> Transition {
    let next = &mut granted.session;
    let Some(generation) = next.generation.checked_add(1) else {
        return Transition::Over;
    };
    next.generation = generation;
    next.rotated_at = now;
    next.replays = 0;
    next.late_retries += 1;
    Transition::LateRetry(granted)
}

/// The session after a use: last seen now and here, idle from now on.
fn touched(
    session: &Session,
    context: &Context,
    now: UnixSeconds,
    rules: &Rules,
    flagged: Flags,
) -> Session {
    let device = session.device.clone();
    Session {
        last_used_at: now.max(session.last_used_at),
        idle_expires_at: now.plus(rules.idle_lifetime).max(session.idle_expires_at),
        // Sessions of before there were names of devices.
        device: device.or_else(|| context.device()),
        flags: flagged.iter().fold(session.flags, Flags::with),
        last_from: context.clone(),
        ..session.clone()
    }
}

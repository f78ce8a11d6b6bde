//! How many sessions a user may have at once. A login decides over it while it holds the user and
//! all of the user's sessions, so logins that race each other see one another's.

use portcullis_shared::{ids::UserId, time::UnixSeconds};

use super::{EndReason, Session};
use crate::domain::{
    audit::{Action, Actor, Event},
    context::Context,
    ending::SESSIONS_BY_ENTRY,
};

/// What a login does that would be one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtCap {
    /// It ends the session that was used least recently.
    Evict,
    /// It is refused.
    Refuse,
}

/// The cap of every user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// At most so many active sessions; 1 or more.
    pub max: usize,
    /// What happens at the cap.
    pub at_cap: AtCap,
}

/// The user has as many sessions as the cap allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are as many sessions as are allowed; end one of them first")]
pub struct Full;

impl Cap {
    /// Which of `held`, all sessions of a user that have not been ended, must end so that there is
    /// room for one more; usually none. Where the cap was lowered, it is all that is above it.
    /// Expired sessions take no room.
    ///
    /// # Errors
    ///
    /// [`Full`]; nothing is to end then.
    pub fn surplus<'a>(
        &self,
        held: &'a [Session],
        now: UnixSeconds,
    ) -> Result<Vec<&'a Session>, Full> {
        let mut active: Vec<&Session> = held.iter().filter(|one| one.is_active(now)).collect();
        let surplus = (active.len() + 1).saturating_sub(self.max);
        if surplus > 0 && self.at_cap == AtCap::Refuse {
            return Err(Full);
        }
        active.sort_by_key(|one| (one.last_used_at, one.created_at, *one.id.as_bytes()));
        active.truncate(surplus);
        Ok(active)
    }
}

/// What the audit trail gets for sessions that made room: an event for each, or one for very many.
pub fn evictions(
    evicted: &[&Session],
    user: UserId,
    context: &Context,
    now: UnixSeconds,
) -> Vec<Event> {
    let event = |session: Option<&Session>, detail: String| Event {
        user_id: Some(user),
        session_id: session.map(|session| session.id),
        detail: Some(detail),
        ..Event::new(now, Action::SessionEnded, Actor::Service).from(context)
    };
    let reason = EndReason::Evicted.as_str();
    if evicted.len() > SESSIONS_BY_ENTRY {
        return vec![event(None, format!("{reason}, {} sessions", evicted.len()))];
    }
    let one = |session: &&Session| event(Some(session), reason.to_owned());
    evicted.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::sample::{NOW, session};

    /// Sessions that were last used that many seconds ago; those unused for 100 have expired.
    fn held(ages: &[i64]) -> Vec<Session> {
        let unused_for = |(number, age): (usize, &i64)| Session {
            last_used_at: NOW.plus(-age),
            idle_expires_at: NOW.plus(100 - age),
            ..session(u8::try_from(number).unwrap())
        };
        ages.iter().enumerate().map(unused_for).collect()
    }

    /// How long ago those were used that have to go.
    fn gone(max: usize, ages: &[i64]) -> Vec<i64> {
        let cap = Cap {
            max,
            at_cap: AtCap::Evict,
        };
        let held = held(ages);
        let surplus = cap.surplus(&held, NOW).unwrap();
        surplus
            .iter()
            .map(|one| NOW.since(one.last_used_at))
            .collect()
    }

    #[test]
    fn the_least_recently_used_make_room_for_one_more() {
        assert!(gone(3, &[]).is_empty());
        assert!(gone(3, &[5, 9]).is_empty());
        assert_eq!(gone(3, &[5, 9, 7]), [9]);
        assert_eq!(gone(1, &[5]), [5]);
        // The cap was lowered.
        assert_eq!(gone(2, &[5, 9, 7, 1]), [9, 7, 5]);
    }

    #[test]
    fn expired_and_ended_sessions_take_no_room() {
        assert!(gone(2, &[5, 100, 4000]).is_empty());
        assert_eq!(gone(2, &[5, 100, 99]), [99]);
        let mut held = held(&[1, 2]);
        held[0] = held[0].end(EndReason::Logout, NOW);
        let cap = Cap {
            max: 2,
            at_cap: AtCap::Refuse,
        };
        assert_eq!(cap.surplus(&held, NOW), Ok(vec![]));
    }

    #[test]
    fn a_cap_that_refuses_ends_nothing() {
        let cap = Cap {
            max: 2,
            at_cap: AtCap::Refuse,
        };
        assert_eq!(cap.surplus(&held(&[1]), NOW), Ok(vec![]));
        assert_eq!(cap.surplus(&held(&[1, 2]), NOW), Err(Full));
        assert_eq!(cap.surplus(&held(&[1, 2, 3]), NOW), Err(Full));
    }

    #[test]
    fn very_many_evictions_are_one_event() {
        let held = held(&[1; 33]);
        let all: Vec<&Session> = held.iter().collect();
        let events = |some: &[&Session]| evictions(some, held[0].user_id, &Context::default(), NOW);
        assert_eq!(events(&all[..32]).len(), 32);
        assert_eq!(events(&all[..1])[0].session_id, Some(held[0].id));
        let one = events(&all);
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].detail.as_deref(), Some("evicted, 33 sessions"));
    }
}

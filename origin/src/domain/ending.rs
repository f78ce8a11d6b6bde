//! Ending sessions and revoking tokens: what is written, and what goes into the feed.
//!
//! Everything here is pure. The store runs it while it holds the rows, so that the greatest
//! `last_iat` of a user's sessions is known when the user is revoked: whatever has been minted is
//! covered, whatever is minted later carries a later `iat`. No replica's clock matters for that.

use portcullis_shared::{
    ids::SessionId,
    revocation::{Digest, Kind, Record},
    time::{LEEWAY, UnixSeconds},
};

use crate::domain::{
    session::{EndReason, Session},
    user::User,
};

/// How far apart clocks may be, beyond the leeway, until an entry is dropped; in seconds.
const MARGIN: i64 = 10;

/// More sessions of one user than this become one entry for the user.
const SESSIONS_BY_ENTRY: usize = 32;

/// Whose tokens these are, and how long they live.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// `iss`.
    pub issuer: String,
    /// The lifetime of an access token, in seconds.
    pub lifetime: i64,
}

impl Tokens {
    /// When a token minted at `iat` is refused by everybody for its age.
    pub fn all_expired_after(&self, iat: UnixSeconds) -> UnixSeconds {
        iat.plus(self.lifetime + LEEWAY + MARGIN)
    }

    /// The entry that ends a session; none where its last access token has expired.
    pub fn session_entry(&self, session: &Session, now: UnixSeconds) -> Option<Record> {
        let drop_at = self.all_expired_after(session.last_iat);
        let digest = Digest::of(&self.issuer, Kind::Session, &session.id.to_string());
        let record = Record {
            kind: Kind::Session,
            digest,
            not_before: now,
            drop_at,
        };
        (drop_at > now).then_some(record)
    }

    /// Revokes every access token of `user` that has been minted: moves the user's `not_before`
    /// and gives the entry. `sessions` are all that have not been ended.
    pub fn revoke_user(&self, user: &mut User, sessions: &[Session], now: UnixSeconds) -> Record {
        let latest = sessions
            .iter()
            .map(|session| session.last_iat)
            .fold(now, UnixSeconds::max);
        user.not_before = user.not_before.max(latest);
        Record {
            kind: Kind::User,
            digest: Digest::of(&self.issuer, Kind::User, &user.id.to_string()),
            not_before: user.not_before,
            drop_at: self.all_expired_after(user.not_before),
        }
    }

    /// Ends all of `sessions` but `keep`: which, and the entries. Where they are many it is one
    /// entry for the user, which ends the access tokens of `keep` as well; that session refreshes
    /// and goes on.
    pub fn end_all(
        &self,
        user: &mut User,
        sessions: &[Session],
        keep: Option<SessionId>,
        reason: EndReason,
        now: UnixSeconds,
    ) -> (Vec<(SessionId, EndReason)>, Vec<Record>) {
        let over = || sessions.iter().filter(|session| Some(session.id) != keep);
        let ended = over().map(|session| (session.id, reason)).collect();
        let entries: Vec<Record> = over()
            .filter_map(|session| self.session_entry(session, now))
            .collect();
        if entries.len() > SESSIONS_BY_ENTRY {
            (ended, vec![self.revoke_user(user, sessions, now)])
        } else {
            (ended, entries)
        }
    }
}

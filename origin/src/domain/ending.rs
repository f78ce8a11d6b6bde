//! Ending sessions and revoking tokens: what is written, and what goes into the feed.
//!
//! Everything here is pure. The store runs it while it holds the rows, so that the greatest
//! `last_iat` of a user's sessions is known when the user is revoked: whatever has been minted is
//! covered, whatever is minted later carries a later `iat`. No replica's clock matters for that.
//! An entry stays until the greatest `exp` that was written, so neither does a change of settings.

use portcullis_shared::{
    ids::SessionId,
    revocation::{Digest, Kind, Record},
    time::{LEEWAY, UnixSeconds},
};

use crate::domain::{
    api_key::StoredApiKey,
    session::{EndReason, Session},
    user::User,
};

/// How far apart clocks may be, beyond the leeway, until an entry is dropped; in seconds.
const MARGIN: i64 = 10;

/// More sessions of one user than this become one entry for the user.
pub const SESSIONS_BY_ENTRY: usize = 32;

/// The longest lifetime that settings may give an access token, in seconds.
pub const MAX_TOKEN_LIFETIME: i64 = 3600;

/// When everybody refuses a token of this `exp` for its age.
pub fn refused_for_age(exp: UnixSeconds) -> UnixSeconds {
    exp.plus(LEEWAY + MARGIN)
}

/// Whose tokens these are, and how long new ones live.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// `iss`.
    pub issuer: String,
    /// The lifetime of an access token, in seconds.
    pub lifetime: i64,
}

impl Tokens {
    /// The entry that ends a session; none where its last access token has expired.
    pub fn session_entry(&self, session: &Session, now: UnixSeconds) -> Option<Record> {
        let drop_at = refused_for_age(session.last_exp);
        let digest = Digest::of(&self.issuer, Kind::Session, &session.id.to_string());
        let record = Record {
            kind: Kind::Session,
            digest,
            not_before: now,
            drop_at,
        };
        (drop_at > now).then_some(record)
    }

    /// The entry that revokes an API key; none where its last access token has expired.
    pub fn api_key_entry(&self, key: &StoredApiKey, now: UnixSeconds) -> Option<Record> {
        let drop_at = refused_for_age(key.last_exp);
        let record = Record {
            kind: Kind::ApiKey,
            digest: Digest::of(&self.issuer, Kind::ApiKey, &key.id.to_string()),
            not_before: now,
            drop_at,
        };
        (drop_at > now).then_some(record)
    }

    /// Revokes every access token and every link of `user` that has been minted: moves the user's
    /// `not_before` and gives the entry. `sessions` are all that have not been ended, `keys` all API
    /// keys.
    pub fn revoke_user(
        &self,
        user: &mut User,
        sessions: &[Session],
        keys: &[StoredApiKey],
        now: UnixSeconds,
    ) -> Record {
        let of_sessions = sessions
            .iter()
            .map(|session| (session.last_iat, session.last_exp));
        let of_keys = keys.iter().map(|key| (key.last_iat, key.last_exp));
        let (last_iat, last_exp) = of_sessions
            .chain(of_keys)
            .chain([(user.links.last_iat, user.links.last_exp)])
            .fold((now, now), |greatest, (iat, exp)| {
                (greatest.0.max(iat), greatest.1.max(exp))
            });
        user.not_before = user.not_before.max(last_iat);
        Record {
            kind: Kind::User,
            digest: Digest::of(&self.issuer, Kind::User, &user.id.to_string()),
            not_before: user.not_before,
            drop_at: refused_for_age(last_exp),
        }
    }

    /// Ends all of `sessions` but `keep`; see [`Self::end`]. Where they are many, that ends the
    /// access tokens of `keep` as well; that session refreshes and goes on.
    pub fn end_all(
        &self,
        user: &mut User,
        sessions: &[Session],
        keep: Option<SessionId>,
        reason: EndReason,
        now: UnixSeconds,
    ) -> (Vec<(SessionId, EndReason)>, Vec<Record>) {
        let over = sessions.iter().filter(|session| Some(session.id) != keep);
        self.end(user, sessions, &over.collect::<Vec<_>>(), reason, now)
    }

    /// Ends those of `sessions`, all of the user's that have not been ended, that are `over`: which,
    /// and the entries. Where these are many it is one entry for the user, which moves the user's
    /// `not_before`: whatever has been minted for any session is revoked, whatever is authorised
    /// for the user as it is afterwards is not. Of a user with links there are as many entries as
    /// sessions: the end of a session ends no link. API keys go on: one that is exchanged again gives
    /// a token that passes.
    pub fn end(
        &self,
        user: &mut User,
        sessions: &[Session],
        over: &[&Session],
        reason: EndReason,
        now: UnixSeconds,
    ) -> (Vec<(SessionId, EndReason)>, Vec<Record>) {
        let ended = over.iter().map(|session| (session.id, reason)).collect();
        let entries: Vec<Record> = over
            .iter()
            .filter_map(|session| self.session_entry(session, now))
            .collect();
        let has_links = refused_for_age(user.links.last_exp) > now;
        if entries.len() > SESSIONS_BY_ENTRY && !has_links {
            (ended, vec![self.revoke_user(user, sessions, &[], now)])
        } else {
            (ended, entries)
        }
    }
}

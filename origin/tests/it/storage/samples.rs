//! Users, sessions, keys and revocations to store, told apart by a number.

use portcullis_origin::domain::{
    audit::{Action, Actor, Event},
    clock::UnixMillis,
    context::Context,
    session::{Flag, Flags, Session},
    signing_keys::StoredKey,
    user::{PendingSetup, SignedLinks, User, UserStatus},
};
use portcullis_shared::{
    ids::{SessionId, UserId},
    revocation::{Digest, Kind, Record},
    time::UnixSeconds,
};

/// 2026-01-01T00:00:00Z.
pub(super) const NOW: UnixSeconds = UnixSeconds(1_767_225_600);
/// The same.
pub(super) const MILLIS: UnixMillis = UnixMillis(NOW.0 * 1000);

pub(super) fn millis(offset: i64) -> UnixMillis {
    UnixMillis(MILLIS.0 + offset)
}

pub(super) fn user_id(number: u8) -> UserId {
    UserId::from_bytes([number; 16])
}

pub(super) fn session_id(number: u8) -> SessionId {
    SessionId::from_bytes([number; 16])
}

/// A user of a name, as sparse as users are.
pub(super) fn user(number: u8, name: &str) -> User {
    User {
        id: user_id(number),
        username: name.parse().unwrap(),
        email: None,
        password_hash: None,
        status: UserStatus::Active,
        roles: [].into(),
        scopes: "".parse().unwrap(),
        not_before: UnixSeconds(0),
        links: SignedLinks::default(),
        setup: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// A user with everything that a user can have.
pub(super) fn full_user(number: u8, name: &str) -> User {
    User {
        email: Some("Ann@bücher.example".parse().unwrap()),
        password_hash: Some("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA".to_owned()),
        status: UserStatus::Banned {
            reason: "späm; '\"%".to_owned(),
            at: NOW.plus(3),
        },
        roles: ["admin", "billing:eu"]
            .map(|role| role.parse().unwrap())
            .into(),
        scopes: "api:read api:write".parse().unwrap(),
        not_before: NOW.plus(2),
        links: SignedLinks {
            last_iat: NOW.plus(7),
            last_exp: NOW.plus(86_407),
        },
        setup: Some(PendingSetup {
            digest: [number; 32],
            expires_at: NOW.plus(86_400),
        }),
        updated_at: NOW.plus(4),
        ..user(number, name)
    }
}

/// A session with everything that a session can have; no two of its numbers are the same.
pub(super) fn session(number: u8, owner: UserId) -> Session {
    Session {
        id: session_id(number),
        user_id: owner,
        client_id: "portcullis".to_owned(),
        generation: 7,
        accepted: 6,
        rotated_at: NOW.plus(1),
        replays: 3,
        late_retries: 2,
        last_iat: NOW.plus(4),
        last_exp: NOW.plus(604),
        ended: None,
        created_at: NOW.plus(-50),
        last_used_at: NOW.plus(5),
        idle_expires_at: NOW.plus(1_000),
        absolute_expires_at: NOW.plus(2_000),
        device: Some("Ann's téléphone".to_owned()),
        flags: Flags::NONE.with(Flag::Network),
        opened_from: Context {
            ip: Some([192, 0, 2, number].into()),
            country: Some("NZ".to_owned()),
            user_agent: Some("curl/8.9.1".to_owned()),
        },
        last_from: Context {
            ip: Some("2001:db8::7".parse().unwrap()),
            country: Some("CH".to_owned()),
            user_agent: Some("Mozilla/5.0".to_owned()),
        },
    }
}

pub(super) fn key(number: u8) -> StoredKey {
    StoredKey {
        id: format!("key-{number}").parse().unwrap(),
        public: [number; 32],
        sealed: vec![number; 61],
        created_at: NOW.plus(i64::from(number)),
        activates_at: NOW.plus(i64::from(number) + 900),
        withdrawn_at: None,
    }
}

pub(super) fn record(number: u64) -> Record {
    Record {
        kind: Kind::User,
        digest: Digest(number.to_be_bytes()),
        not_before: NOW,
        drop_at: NOW.plus(615),
    }
}

pub(super) fn event(action: Action, detail: &str) -> Event {
    Event {
        user_id: Some(user_id(1)),
        session_id: Some(session_id(1)),
        ip: Some([192, 0, 2, 1].into()),
        detail: Some(detail.to_owned()),
        ..Event::new(NOW, action, Actor::User(user_id(1)))
    }
}

//! A session for the tests of pure rules, told apart by a number.

use portcullis_shared::{
    ids::{SessionId, UserId},
    time::UnixSeconds,
};

use super::{Flags, Session};
use crate::domain::context::Context;

pub(crate) const NOW: UnixSeconds = UnixSeconds(1_000_000);

/// One that has just been opened.
pub(crate) fn session(number: u8) -> Session {
    Session {
        id: SessionId::from_bytes([number; 16]),
        user_id: UserId::from_bytes([1; 16]),
        client_id: "portcullis".to_owned(),
        generation: 1,
        accepted: 0,
        rotated_at: NOW,
        replays: 0,
        late_retries: 0,
        last_iat: NOW,
        last_exp: NOW.plus(600),
        ended: None,
        created_at: NOW,
        last_used_at: NOW,
        idle_expires_at: NOW.plus(3000),
        absolute_expires_at: NOW.plus(9000),
        device: None,
        flags: Flags::NONE,
        opened_from: Context::default(),
        last_from: Context::default(),
    }
}

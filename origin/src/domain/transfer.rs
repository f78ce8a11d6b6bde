//! Users in and out, one JSON object a line: moving to Portcullis, and away.
//!
//! What [`export`] writes, [`import`] takes back, ids and password hashes included: nobody is
//! locked in. An import adds users and never changes one, so it can be run again.

pub mod export;
pub mod import;
pub mod record;
mod seen;

use portcullis_shared::ids::UserId;

use crate::domain::{
    admin::InvalidReason,
    hashing::foreign::RefusedHash,
    user::{InvalidEmail, InvalidRole, InvalidUsername, TooManyGrants, Username},
};

/// The longest line that is looked at, in bytes.
pub const LINE_LIMIT: usize = 16 * 1024;

/// Why a line is not imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Over [`LINE_LIMIT`].
    #[error("the line is longer than {LINE_LIMIT} bytes")]
    TooLong,
    /// Not text.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// Not a record; says where.
    #[error("not a user's record: {0}")]
    NotARecord(String),
    /// Not an id as Portcullis writes them.
    #[error("id: 22 characters of base64url, or none to be given one")]
    Id,
    /// See [`InvalidUsername`].
    #[error("username: {0}")]
    Username(#[from] InvalidUsername),
    /// See [`InvalidEmail`].
    #[error("email: {0}")]
    Email(#[from] InvalidEmail),
    /// See [`RefusedHash`].
    #[error("password_hash: {0}")]
    Hash(#[from] RefusedHash),
    /// See [`InvalidRole`].
    #[error("roles: {0}")]
    Role(#[from] InvalidRole),
    /// Not a scope (RFC 6749 §3.3).
    #[error("scopes: a scope has printable characters of ASCII, without space, \" and \\")]
    Scope,
    /// See [`TooManyGrants`].
    #[error(transparent)]
    Grants(#[from] TooManyGrants),
    /// See [`InvalidReason`].
    #[error("status_reason: {0}")]
    Reason(#[from] InvalidReason),
    /// The others need none.
    #[error("status_reason: of banned users alone")]
    StatusReason,
    /// Active users have always been that.
    #[error("status_since: of banned and disabled users alone")]
    StatusSince,
    /// Before 1970, or yet to come.
    #[error("{0}: Unix seconds, not in the future")]
    Time(&'static str),
    /// An earlier line of the file has it.
    #[error("line {line} of this file has {what}")]
    Repeated {
        /// What both have.
        what: &'static str,
        /// The earlier line.
        line: u64,
    },
    /// There is a user of this name, who is otherwise than the line says.
    #[error("the user exists and has another {}; nothing was changed", .0.join(", "))]
    Differs(Vec<&'static str>),
    /// There is a user whose name can be taken for this one.
    #[error("the name looks like that of the user {0}")]
    LooksLike(Username),
    /// There is another user of this id.
    #[error("the user {name} has the id {id}")]
    IdTaken {
        /// The id.
        id: UserId,
        /// Whose it is.
        name: Username,
    },
}

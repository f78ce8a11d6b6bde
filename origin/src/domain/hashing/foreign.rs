//! Password hashes that other services made: bcrypt, scrypt and PBKDF2, as PHC strings and as
//! passlib, Django and Werkzeug write them.
//!
//! A hash is parsed once, strictly, into what has to be computed; what would take more memory or
//! work than is stated here is refused, so that no stored hash turns a login into an attack. A
//! password is then checked exactly as the original did, its limits included.

mod bcrypt;
mod pbkdf2;
mod scrypt;
mod text;

use std::{fmt, str::FromStr};

use crate::domain::password::Password;

/// The longest hash that is looked at, in bytes.
pub const HASH_LIMIT: usize = 512;

/// The most memory that one check may take, in KiB.
pub const MEMORY_LIMIT_KIB: u32 = 256 * 1024;

/// Why a hash is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedHash {
    /// None of the forms that are known.
    #[error(
        "the hash is of no known form: argon2, bcrypt, scrypt and PBKDF2 are, as PHC strings and \
         as passlib, Django and Werkzeug write them"
    )]
    Unknown,
    /// It begins as this form does and goes on otherwise.
    #[error("the hash begins as {0} does, and is not well formed")]
    Malformed(&'static str),
    /// Longer than [`HASH_LIMIT`].
    #[error("the hash is longer than {HASH_LIMIT} characters")]
    TooLong,
    /// More than [`MEMORY_LIMIT_KIB`].
    #[error("to check the hash takes more than {} MiB of memory", MEMORY_LIMIT_KIB / 1024)]
    Memory,
    /// More work than is allowed of this parameter.
    #[error("to check the hash takes too long: {parameter} is more than {limit}")]
    Work {
        /// What is too large.
        parameter: &'static str,
        /// The largest that is taken.
        limit: u64,
    },
}

/// A hash of another service, ready to be checked against.
pub struct ForeignHash(Kind);

enum Kind {
    Bcrypt(bcrypt::Hash),
    Scrypt(scrypt::Hash),
    Pbkdf2(pbkdf2::Hash),
}

impl ForeignHash {
    /// Whether this is the password; takes as long as the parameters say.
    pub fn matches(&self, password: &Password) -> bool {
        match &self.0 {
            Kind::Bcrypt(hash) => hash.matches(password.expose()),
            Kind::Scrypt(hash) => hash.matches(password.expose()),
            Kind::Pbkdf2(hash) => hash.matches(password.expose()),
        }
    }

    /// About how much work a check is, in units of what argon2 takes for one KiB in one pass.
    pub fn work(&self) -> u64 {
        match &self.0 {
            Kind::Bcrypt(hash) => hash.work(),
            Kind::Scrypt(hash) => hash.work(),
            Kind::Pbkdf2(hash) => hash.work(),
        }
    }

    /// How much memory a check takes, in KiB.
    pub fn memory_kib(&self) -> u32 {
        match &self.0 {
            Kind::Scrypt(hash) => hash.memory_kib(),
            // Blowfish's tables have 4 KiB, and PBKDF2 next to nothing.
            Kind::Bcrypt(_) | Kind::Pbkdf2(_) => 8,
        }
    }
}

impl FromStr for ForeignHash {
    type Err = RefusedHash;

    fn from_str(text: &str) -> Result<Self, RefusedHash> {
        if text.len() > HASH_LIMIT {
            return Err(RefusedHash::TooLong);
        }
        if let Some(parsed) = bcrypt::Hash::recognise(text) {
            return parsed.map(Kind::Bcrypt).map(Self);
        }
        if let Some(parsed) = scrypt::Hash::recognise(text) {
            return parsed.map(Kind::Scrypt).map(Self);
        }
        if let Some(parsed) = pbkdf2::Hash::recognise(text) {
            return parsed.map(Kind::Pbkdf2).map(Self);
        }
        Err(RefusedHash::Unknown)
    }
}

impl fmt::Debug for ForeignHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self.0 {
            Kind::Bcrypt(_) => "ForeignHash(bcrypt)",
            Kind::Scrypt(_) => "ForeignHash(scrypt)",
            Kind::Pbkdf2(_) => "ForeignHash(pbkdf2)",
        })
    }
}

#[cfg(test)]
mod tests;

//! Passwords as they come in, and what a new one must be.
//!
//! Passwords are compared to the byte: nothing is trimmed, cut or normalised (NIST SP 800-63B
//! §5.1.1.2; OWASP ASVS 5.0 §6.2). Length is the only rule of composition.

use std::fmt;

use zeroize::Zeroizing;

use crate::domain::user::Username;

/// The longest password that is looked at, in bytes. Longer ones are refused before any hashing.
pub const PASSWORD_LIMIT: usize = 1024;

/// The shortest new password, in characters.
pub const PASSWORD_MINIMUM: usize = 8;

/// A password that somebody typed; wiped when dropped, not shown by `Debug`.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password as it came.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Its bytes.
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether it is short enough to be hashed.
    pub fn is_within_limit(&self) -> bool {
        self.0.len() <= PASSWORD_LIMIT
    }

    /// Whether it may become the password of the user of this name.
    ///
    /// # Errors
    ///
    /// [`PasswordRule`], the first that is broken.
    pub fn check_new(&self, username: &Username) -> Result<(), PasswordRule> {
        if !self.is_within_limit() {
            return Err(PasswordRule::TooLong);
        }
        if self.0.chars().count() < PASSWORD_MINIMUM {
            return Err(PasswordRule::TooShort);
        }
        if self.0.eq_ignore_ascii_case(username.as_str()) {
            return Err(PasswordRule::IsUsername);
        }
        Ok(())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Password(…)")
    }
}

/// What a new password breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRule {
    /// Under [`PASSWORD_MINIMUM`].
    #[error("a password has at least {PASSWORD_MINIMUM} characters")]
    TooShort,
    /// Over [`PASSWORD_LIMIT`].
    #[error("a password has at most {PASSWORD_LIMIT} bytes")]
    TooLong,
    /// It is the username.
    #[error("the password must not be the username")]
    IsUsername,
}

//! Passwords as they come in, and what a new one must be.
//!
//! Passwords are compared to the byte: nothing is trimmed, cut or normalised (NIST SP 800-63B
//! §5.1.1.2; OWASP ASVS 5.0 §6.2). A new one is refused for its length, for being one that everybody
//! tries first ([`common`]), or the user's own name or address. There is no rule of composition.

mod common;

use std::fmt;

use zeroize::Zeroizing;

use crate::domain::user::{Email, Username};

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

    /// Whether it may become the password of the user of this name and address.
    ///
    /// # Errors
    ///
    /// [`PasswordRule`], the first that is broken.
    pub fn check_new(
        &self,
        username: &Username,
        email: Option<&Email>,
    ) -> Result<(), PasswordRule> {
        if !self.is_within_limit() {
            return Err(PasswordRule::TooLong);
        }
        if self.0.chars().count() < PASSWORD_MINIMUM {
            return Err(PasswordRule::TooShort);
        }
        // The name in any form; the case of a password that everybody tries is tried as well.
        if self.0.parse().is_ok_and(|name: Username| name == *username) {
            return Err(PasswordRule::IsUsername);
        }
        let lower = Zeroizing::new(self.0.to_lowercase());
        if email.is_some_and(|email| is_of_address(&lower, email)) {
            return Err(PasswordRule::IsEmail);
        }
        if common::is_common(&lower) {
            return Err(PasswordRule::Common);
        }
        Ok(())
    }
}

/// Whether a text in lower case is an address, or what stands before its `@`.
fn is_of_address(lower: &str, email: &Email) -> bool {
    let address = email.as_str().to_lowercase();
    let local = address.rsplit_once('@').map(|(local, _)| local);
    lower == address || Some(lower) == local
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
    /// It is the e-mail address, or the part before the `@`.
    #[error("the password must not be the e-mail address")]
    IsEmail,
    /// Among the 3000 most common ones.
    #[error("this password is one of the most common ones, which are tried first")]
    Common,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str) -> Result<(), PasswordRule> {
        let (name, email) = (
            "Ann.Miller".parse().unwrap(),
            "a.miller@example.org".parse(),
        );
        Password::new(password.to_owned()).check_new(&name, email.ok().as_ref())
    }

    #[test]
    fn from_8_to_128_characters_and_more_are_taken_whatever_they_are() {
        for password in [
            "aaaaaaab",
            "пароль-1",
            "        ",
            "\0\0\0\0\0\0\0\0",
            "🐎🔋📎🐎🔋📎🐎🔋",
            &"🐎".repeat(128),
            &"x".repeat(PASSWORD_LIMIT),
        ] {
            assert_eq!(check(password), Ok(()), "{password:?}");
        }
        for password in ["", "1234567", "🐎🔋📎🐎🔋📎🐎"] {
            assert_eq!(check(password), Err(PasswordRule::TooShort), "{password:?}");
        }
        let long = "x".repeat(PASSWORD_LIMIT + 1);
        assert_eq!(check(&long), Err(PasswordRule::TooLong));
    }

    #[test]
    fn the_users_own_name_and_address_are_refused() {
        for password in ["ann.miller", "ANN.Miller", "ａｎｎ.miller"] {
            assert_eq!(check(password), Err(PasswordRule::IsUsername), "{password}");
        }
        for password in ["a.miller@example.org", "A.MILLER@example.org", "A.Miller"] {
            assert_eq!(check(password), Err(PasswordRule::IsEmail), "{password}");
        }
        for password in ["ann.miller1", "xa.miller@example.org"] {
            assert_eq!(check(password), Ok(()), "{password}");
        }
    }

    #[test]
    fn common_passwords_are_refused_in_any_case_and_to_the_letter() {
        for password in ["password", "PassWord", "12345678", "QWERTYUIOP", "trustno1"] {
            assert_eq!(check(password), Err(PasswordRule::Common), "{password}");
        }
        for password in [
            " password",
            "password\n",
            "passwor\u{212a}",
            "p\u{e4}ssword",
            "assword1x",
        ] {
            assert_eq!(check(password), Ok(()), "{password:?}");
        }
    }

    #[test]
    fn a_password_is_not_shown_by_debug() {
        let password = Password::new("hunter2".to_owned());
        assert_eq!(format!("{password:?}"), "Password(…)");
    }
}

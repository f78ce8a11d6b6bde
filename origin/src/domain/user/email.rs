//! Addresses of mail, for people to be written to. Nobody logs in with one, two users may have the
//! same, and none has been proven to be its user's.

use std::{fmt, str::FromStr};

/// The longest address, in bytes (RFC 5321 §4.5.3.1.3, without the angle brackets).
pub const EMAIL_LIMIT: usize = 254;

/// The longest part before the `@`, in bytes (RFC 5321 §4.5.3.1.1).
const LOCAL_LIMIT: usize = 64;

/// The text is not an address of mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an e-mail address has something before and after an @, no spaces, and at most {EMAIL_LIMIT} bytes"
)]
pub struct InvalidEmail;

/// An address of mail as it was written: whether it reaches anybody only a mail can tell.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Not in a log by accident.
impl fmt::Debug for Email {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Email(…)")
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmail)?;
        let labels = domain.split('.').all(|label| !label.is_empty());
        let fits = text.len() <= EMAIL_LIMIT && local.len() <= LOCAL_LIMIT && !local.is_empty();
        let shown = |character: char| {
            !character.is_whitespace()
                && !character.is_control()
                && !HIDDEN.iter().any(|range| range.contains(&character))
        };
        if labels && fits && text.chars().all(shown) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidEmail)
        }
    }
}

/// Characters that change how a text is shown and are not seen themselves.
const HIDDEN: [std::ops::RangeInclusive<char>; 5] = [
    '\u{ad}'..='\u{ad}',
    '\u{61c}'..='\u{61c}',
    '\u{200b}'..='\u{200f}',
    '\u{202a}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_as_it_was_written() {
        for text in [
            "Ann@example.org",
            "a@b",
            "\"odd@local\"@example.org",
            "用户@例子.公司",
        ] {
            assert_eq!(text.parse::<Email>().unwrap().as_str(), text);
        }
        let longest = format!("{}@{}", "a".repeat(64), "b".repeat(189));
        assert_eq!(longest.len(), EMAIL_LIMIT);
        assert!(longest.parse::<Email>().is_ok());
        assert!(format!("{longest}b").parse::<Email>().is_err());
    }

    #[test]
    fn what_reaches_nobody_is_refused() {
        for text in [
            "",
            "@",
            "a",
            "a@",
            "@b",
            "a@b.",
            "a@.b",
            "a@b..c",
            "a b@c",
            "a@b\n",
            "a\u{0}@b",
            "a\u{202e}@b",
            "a\u{200b}@b",
            "a@b\u{a0}",
        ] {
            assert_eq!(text.parse::<Email>(), Err(InvalidEmail), "{text:?}");
        }
        let long = format!("{}@b", "a".repeat(65));
        assert_eq!(long.parse::<Email>(), Err(InvalidEmail));
    }

    #[test]
    fn an_address_is_not_shown_by_debug() {
        let email: Email = "ann@example.org".parse().unwrap();
        assert_eq!(format!("{email:?}"), "Email(…)");
    }
}

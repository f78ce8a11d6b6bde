//! Why a user is banned.

use std::str::FromStr;

/// The text is not a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reason has at most {REASON_LIMIT} characters, none of them for control")]
pub struct InvalidReason;

/// The longest reason, in characters.
pub const REASON_LIMIT: usize = 500;

/// Why a user is banned, for people; may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reason(pub(super) String);

impl Reason {
    /// The text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl FromStr for Reason {
    type Err = InvalidReason;

    fn from_str(text: &str) -> Result<Self, InvalidReason> {
        if text.chars().count() > REASON_LIMIT || text.chars().any(char::is_control) {
            return Err(InvalidReason);
        }
        Ok(Self(text.to_owned()))
    }
}

//! Why settings are not taken. Every message names the key.

use std::{fmt::Display, ops::RangeInclusive, path::PathBuf};

/// Why settings are not taken.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A value is out of range, or does not go with another.
    #[error("{key}: {reason}")]
    Invalid {
        /// The key, with its section: `refresh.window`.
        key: String,
        /// What the value must be.
        reason: String,
    },
    /// A variable of ours that names no setting.
    #[error(
        "{variable}: there is no setting `{key}`; a section and its key stand two underscores apart, as in PORTCULLIS_DATABASE__URL"
    )]
    UnknownVariable {
        /// The variable's name.
        variable: String,
        /// The key that it would set.
        key: String,
    },
    /// A variable whose value is not Unicode.
    #[error("{variable}: must be Unicode text")]
    NotUnicode {
        /// The variable's name.
        variable: String,
    },
    /// The settings file cannot be read.
    #[error("the settings file {} cannot be read", path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, a key that nobody knows, or a value of the wrong kind.
    #[error("{0}")]
    Malformed(String),
}

/// The outcome of a check.
pub type Checked = Result<(), SettingsError>;

/// A value that does not pass.
pub fn invalid(key: &str, reason: impl Into<String>) -> SettingsError {
    SettingsError::Invalid {
        key: key.to_owned(),
        reason: reason.into(),
    }
}

/// Passes when `value` is within `range`.
///
/// # Errors
///
/// [`SettingsError::Invalid`] with the range in words.
pub fn within<T: PartialOrd + Display + Copy>(
    key: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Checked {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = (range.start(), range.end());
    Err(invalid(
        key,
        format!("must be between {least} and {most}, not {value}"),
    ))
}

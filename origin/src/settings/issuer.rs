//! `issuer`: the name under which tokens are signed (RFC 8414, section 2).

use serde::{Deserialize, Serialize};

use super::error::{Checked, invalid};

/// The edge's public URL, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Issuer(String);

impl Default for Issuer {
    fn default() -> Self {
        Self("http://127.0.0.1:8787".to_owned())
    }
}

impl Issuer {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether clients come by TLS, which something before the service ends.
    pub(super) fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    pub(super) fn check(&self) -> Checked {
        let rest = self
            .0
            .strip_prefix("https://")
            .or_else(|| self.0.strip_prefix("http://"));
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}?#@".contains(&byte);
        let fits = rest.is_some_and(|rest| {
            !rest.is_empty()
                && !rest.starts_with('/')
                && !rest.ends_with('/')
                && rest.bytes().all(plain)
        });
        if fits {
            return Ok(());
        }
        Err(invalid(
            "issuer",
            "must be an http or https URL without user, query, fragment or a slash at its end",
        ))
    }
}

//! `[[signed_urls]]`: which URLs users may have signed, so that they work without a credential. None
//! where none is declared.

use portcullis_shared::{
    link::{LinkPath, MAX_LINK_LIFETIME, is_host},
    scope::ScopeSet,
};
use serde::{Deserialize, Serialize};

use super::{
    error::{Checked, SettingsError, invalid, within},
    issuer::Issuer,
};
use crate::domain::links::{MIN_LIFETIME, Permission, host_of};

/// URLs that users may have signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedUrls {
    /// Scheme, host and port of the URLs; absent: the issuer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The path, or `/…/*` for all below one. Of several that are for a path, the longest governs;
    /// a link to all below a path has to satisfy those for a part of that as well.
    pub path: String,
    /// What user and access token must have, separated by spaces.
    pub scopes: String,
    /// For how many seconds a link may work at most.
    #[serde(default = "day")]
    pub max_expires_in: i64,
}

fn day() -> i64 {
    86_400
}

impl SignedUrls {
    pub(super) fn check(&self, issuer: &Issuer) -> Checked {
        within(
            "signed_urls.max_expires_in",
            self.max_expires_in,
            MIN_LIFETIME..=MAX_LINK_LIFETIME,
        )?;
        self.for_domain(issuer).map(|_| ())
    }

    /// The setting as the domain obeys it.
    ///
    /// # Errors
    ///
    /// None for settings that were loaded: they have been checked.
    pub(super) fn for_domain(&self, issuer: &Issuer) -> Result<Permission, SettingsError> {
        let off = |key: &str, reason: &str| invalid(&format!("signed_urls.{key}"), reason);
        let base_url = match &self.base_url {
            Some(url) => url,
            None => origin_of(issuer.as_str()),
        };
        let host = host_of(base_url).unwrap_or_default();
        if origin_of(base_url) != base_url || !base_url.starts_with("http") || !is_host(host) {
            let reason = "must be a URL such as https://img.example: a host in lower case, no path";
            return Err(off("base_url", reason));
        }
        let path = self.path.parse::<LinkPath>();
        let scopes = self.scopes.parse::<ScopeSet>();
        Ok(Permission {
            base_url: base_url.to_owned(),
            host: host.to_owned(),
            path: path.map_err(|error| off("path", &error.to_string()))?,
            scopes: scopes
                .ok()
                .filter(|scopes| !scopes.is_empty())
                .ok_or_else(|| off("scopes", "must be one or more scopes separated by spaces"))?,
            max_lifetime: self.max_expires_in,
        })
    }
}

/// Scheme, host and port of a URL.
fn origin_of(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |scheme| scheme + 3);
    let path = url.get(authority..).and_then(|rest| rest.find('/'));
    let end = path.map_or(url.len(), |path| authority + path);
    url.get(..end).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(text: &str) -> Result<Permission, String> {
        let issuer: Issuer =
            serde_json::from_value("https://id.example:8443/login".into()).unwrap();
        let own: SignedUrls = toml::from_str(text).unwrap();
        own.check(&issuer).map_err(|error| error.to_string())?;
        own.for_domain(&issuer).map_err(|error| error.to_string())
    }

    #[test]
    fn the_issuers_host_is_meant_where_none_is_named() {
        let own = permission("path = '/images/*'\nscopes = 'images:read'").unwrap();
        assert_eq!(own.base_url, "https://id.example:8443");
        assert_eq!(
            (own.host.as_str(), own.max_lifetime),
            ("id.example", 86_400)
        );
        let other =
            permission("base_url = 'http://[::1]:80'\npath = '/x'\nscopes = 'a b'").unwrap();
        assert_eq!(other.host, "[::1]");
    }

    #[test]
    fn a_mistake_names_its_key() {
        for (text, key) in [
            ("path = 'images'\nscopes = 'a'", "path"),
            ("path = '/a*'\nscopes = 'a'", "path"),
            ("path = '/a'\nscopes = ''", "scopes"),
            ("path = '/a'\nscopes = 'a  b'", "scopes"),
            (
                "path = '/a'\nscopes = 'a'\nmax_expires_in = 604801",
                "max_expires_in",
            ),
            (
                "path = '/a'\nscopes = 'a'\nmax_expires_in = 9",
                "max_expires_in",
            ),
            (
                "path = '/a'\nscopes = 'a'\nbase_url = 'https://a.example/'",
                "base_url",
            ),
            (
                "path = '/a'\nscopes = 'a'\nbase_url = 'https://A.example'",
                "base_url",
            ),
            (
                "path = '/a'\nscopes = 'a'\nbase_url = 'https://u@a.example'",
                "base_url",
            ),
            (
                "path = '/a'\nscopes = 'a'\nbase_url = 'a.example'",
                "base_url",
            ),
            ("path = '/a'\nscopes = 'a'\nbase_url = ''", "base_url"),
        ] {
            let error = permission(text).unwrap_err();
            assert!(
                error.starts_with(&format!("signed_urls.{key}: ")),
                "{error}"
            );
        }
    }
}

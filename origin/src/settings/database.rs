//! `[database]`: where everything is kept.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::{
    error::{Checked, invalid, within},
    secret::REDACTED,
};

/// Where everything is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite:` and a path, or `postgres://user:password@host/name`.
    pub url: Url,
    /// How many connections are open at most.
    pub max_connections: u32,
    /// By how many seconds this machine's clock may differ from the database's. Beyond that the
    /// service is not ready.
    pub clock_skew_max: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: Url("sqlite:data/portcullis.db".to_owned()),
            max_connections: 8,
            clock_skew_max: 2,
        }
    }
}

impl Database {
    pub(super) fn check(&self) -> Checked {
        if !["sqlite:", "postgres://", "postgresql://"]
            .iter()
            .any(|scheme| self.url.0.starts_with(scheme))
        {
            return Err(invalid(
                "database.url",
                "must start with sqlite: or postgres://",
            ));
        }
        within("database.max_connections", self.max_connections, 1..=1000)?;
        within("database.clock_skew_max", self.clock_skew_max, 1..=5)
    }
}

/// A database's URL; it prints without its password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Url(String);

impl Url {
    /// The URL with its password.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The URL with the password, wherever it stands in it, replaced.
    pub fn redacted(&self) -> String {
        let text = redact_userinfo(&self.0);
        let Some((head, query)) = text.split_once('?') else {
            return text;
        };
        let parameters: Vec<String> = query.split('&').map(redact_parameter).collect();
        format!("{head}?{}", parameters.join("&"))
    }
}

/// `scheme://user:password@rest` without the password. A password that was not encoded may hold
/// any character, so the last `@` of all counts: rather too much is replaced than too little.
fn redact_userinfo(url: &str) -> String {
    let replaced = url.split_once("://").and_then(|(scheme, rest)| {
        let (userinfo, host) = rest.rsplit_once('@')?;
        let (user, _) = userinfo.split_once(':')?;
        Some(format!("{scheme}://{user}:{REDACTED}@{host}"))
    });
    replaced.unwrap_or_else(|| url.to_owned())
}

fn redact_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if name.contains("password") => format!("{name}={REDACTED}"),
        _ => parameter.to_owned(),
    }
}

impl From<String> for Url {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", self.redacted())
    }
}

impl Serialize for Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.redacted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_url_is_never_printed() {
        let shown = |text: &str| Url(text.to_owned()).redacted();
        assert_eq!(
            shown("sqlite:data/p.db?mode=rw"),
            "sqlite:data/p.db?mode=rw"
        );
        assert_eq!(
            shown("postgres://u:p@ss@h:5432/d"),
            "postgres://u:[redacted]@h:5432/d"
        );
        assert_eq!(
            shown("postgres://u@h/d?password=x&a=b"),
            "postgres://u@h/d?password=[redacted]&a=b"
        );
        assert_eq!(shown("postgres://u:p?w@h/d"), "postgres://u:[redacted]@h/d");
    }
}

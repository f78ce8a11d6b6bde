//! The Worker's variables, typed. Whatever is wrong with one keeps the edge from deciding at all:
//! every request is then answered 503, and the log names the variable.

use std::{collections::BTreeMap, fmt, str::FromStr};

use portcullis_shared::routes::{RouteTable, Rule};

use crate::{
    platform::Platform,
    sampling::{Logged, Share},
    snapshot::Ages,
};

/// The names of all variables but those of upstreams, for whoever has to hand them on one by one.
pub const NAMES: [&str; 16] = [
    "ISSUER",
    "ORIGIN",
    "EDGE_SECRET",
    "PLATFORM",
    "TRUSTED_PROXIES",
    "REVOCATIONS_FRESH_MS",
    "REVOCATIONS_BEHIND_MS",
    "REVOCATIONS_HARD_MS",
    "KEYS_FRESH_MS",
    "KEYS_HARD_MS",
    "TOKEN_MAX_LIFETIME_SECONDS",
    "TOKEN_CACHE_BYTES",
    "MODE",
    "LOG_DECISIONS",
    "LOG_REFUSALS",
    "SERVER_TIMING",
];

/// How the variables of upstreams begin.
const UPSTREAM_PREFIX: &str = "UPSTREAM_";

/// A variable is missing or has a value that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the variable {name} {problem}")]
pub struct SettingsError {
    name: String,
    problem: &'static str,
}

/// The address of a server: scheme, host and port, without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The URL of a path (with its query, if any) on this server.
    pub fn join(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.0)
    }
}

/// The text has a path, no host, or another scheme than `http` and `https`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidBaseUrl;

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        let authority = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let part = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
        match authority {
            Some(authority) if !authority.is_empty() && authority.bytes().all(part) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidBaseUrl),
        }
    }
}

/// What tells the origin that a request comes from this edge.
#[derive(Clone, PartialEq, Eq)]
pub struct EdgeSecret(String);

impl EdgeSecret {
    /// The secret itself, for the header.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EdgeSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("EdgeSecret(..)")
    }
}

/// All settings of the edge.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `ISSUER`: the only issuer whose tokens are taken.
    pub issuer: String,
    /// `ORIGIN`: where the login service is.
    pub origin: BaseUrl,
    /// `EDGE_SECRET`, if there is one.
    pub edge_secret: Option<EdgeSecret>,
    /// How old keys and revocations may be.
    pub ages: Ages,
    /// `TOKEN_MAX_LIFETIME_SECONDS`: the longest `exp - iat` that is taken.
    pub token_max_lifetime: i64,
    /// `TOKEN_CACHE_BYTES`: how much memory the verified tokens may take.
    pub token_cache_bytes: usize,
    /// `PLATFORM` and `TRUSTED_PROXIES`: where the edge runs, and whose word on the client counts.
    pub platform: Platform,
    /// `MODE`: whether all routes report, whatever they say themselves.
    pub all_report: bool,
    /// `LOG_DECISIONS` and `LOG_REFUSALS`.
    pub log: Logged,
    /// `SERVER_TIMING`: whether answers say what the edge decided, and how long it took.
    pub server_timing: bool,
    /// The rule of the edge's own path.
    pub own_rule: Rule,
    /// The variable of each upstream that the table names, and its address.
    upstreams: BTreeMap<String, BaseUrl>,
}

impl Settings {
    /// Reads the variables, among them the address of each upstream that `table` names.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] names the variable.
    pub fn read(
        variables: &BTreeMap<String, String>,
        table: &RouteTable,
    ) -> Result<Self, SettingsError> {
        let variables = Variables(variables);
        let defaults = Ages::default();
        let ages = Ages {
            feed_fresh: variables.number("REVOCATIONS_FRESH_MS", defaults.feed_fresh)?,
            feed_ageing: variables.number("REVOCATIONS_BEHIND_MS", defaults.feed_ageing)?,
            feed_hard: variables.number("REVOCATIONS_HARD_MS", defaults.feed_hard)?,
            keys_fresh: variables.number("KEYS_FRESH_MS", defaults.keys_fresh)?,
            keys_hard: variables.number("KEYS_HARD_MS", defaults.keys_hard)?,
        };
        if !(ages.feed_fresh <= ages.feed_ageing && ages.feed_ageing <= ages.feed_hard) {
            return Err(variables.error(
                "REVOCATIONS_BEHIND_MS",
                "must lie between REVOCATIONS_FRESH_MS and REVOCATIONS_HARD_MS",
            ));
        }
        if ages.keys_fresh > ages.keys_hard {
            return Err(variables.error("KEYS_HARD_MS", "must not be less than KEYS_FRESH_MS"));
        }
        let mut upstreams = BTreeMap::new();
        for rule in table.rules() {
            let variable = rule.upstream.variable();
            upstreams.insert(variable.clone(), variables.base_url(&variable)?);
        }
        let issuer = variables.issuer()?;
        if table.issuer(&issuer).is_some() {
            let problem = "must not be declared as an [[issuer]] of the route table too";
            return Err(variables.error("ISSUER", problem));
        }
        if table.unknown_issuer(&issuer).is_some() {
            let problem =
                "is none of the issuers that a route names, and neither is a declared one";
            return Err(variables.error("ISSUER", problem));
        }
        Ok(Self {
            own_rule: Rule::of_edge_metrics(&issuer),
            issuer,
            origin: variables.base_url("ORIGIN")?,
            edge_secret: variables.secret("EDGE_SECRET")?,
            ages,
            token_max_lifetime: variables.number("TOKEN_MAX_LIFETIME_SECONDS", 600)?,
            token_cache_bytes: variables.number("TOKEN_CACHE_BYTES", 16 * 1024 * 1024)?,
            platform: variables.platform()?,
            all_report: variables.is("MODE", "routes", "report")?,
            log: variables.logged()?,
            server_timing: variables.is("SERVER_TIMING", "off", "on")?,
            upstreams,
        })
    }

    /// The address that a variable of an upstream holds.
    pub fn upstream(&self, variable: &str) -> Option<&BaseUrl> {
        self.upstreams.get(variable)
    }
}

struct Variables<'a>(&'a BTreeMap<String, String>);

impl Variables<'_> {
    #[expect(
        clippy::unused_self,
        reason = "reads better where the others are called"
    )]
    fn error(&self, name: &str, problem: &'static str) -> SettingsError {
        SettingsError {
            name: name.to_owned(),
            problem,
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        debug_assert!(
            NAMES.contains(&name) || name.starts_with(UPSTREAM_PREFIX),
            "{name} is missing in the list of names"
        );
        self.0.get(name).map(String::as_str)
    }

    fn required(&self, name: &str) -> Result<&str, SettingsError> {
        match self.get(name) {
            Some(value) if !value.is_empty() => Ok(value),
            _ => Err(self.error(name, "is missing")),
        }
    }

    fn base_url(&self, name: &str) -> Result<BaseUrl, SettingsError> {
        let problem = "must be an address such as https://api.internal.example, without a path";
        self.required(name)?
            .parse()
            .map_err(|_| self.error(name, problem))
    }

    fn issuer(&self) -> Result<String, SettingsError> {
        let issuer = self.required("ISSUER")?;
        let url = issuer.starts_with("https://") || issuer.starts_with("http://");
        let plain = issuer
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte));
        if !url || !plain || issuer.ends_with('/') {
            return Err(self.error("ISSUER", "must be a URL without a slash at its end"));
        }
        Ok(issuer.to_owned())
    }

    fn secret(&self, name: &str) -> Result<Option<EdgeSecret>, SettingsError> {
        match self.get(name).filter(|secret| !secret.is_empty()) {
            Some(secret) if secret.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Some(EdgeSecret(secret.to_owned())))
            }
            Some(_) => Err(self.error(name, "must be printable ASCII without spaces")),
            None => Ok(None),
        }
    }

    fn platform(&self) -> Result<Platform, SettingsError> {
        let platform = self.get("PLATFORM").unwrap_or_default();
        let proxies = self.get("TRUSTED_PROXIES").unwrap_or_default();
        Platform::read(platform, proxies).map_err(|fault| self.error(fault.variable, fault.problem))
    }

    /// Whether a variable is `other` and not `usual`, which it is by default.
    fn is(&self, name: &str, usual: &str, other: &str) -> Result<bool, SettingsError> {
        match self.get(name) {
            None | Some("") => Ok(false),
            Some(word) if word == usual => Ok(false),
            Some(word) if word == other => Ok(true),
            Some(_) if other == "on" => Err(self.error(name, "must be on or off")),
            Some(_) => Err(self.error(name, "must be routes or report")),
        }
    }

    fn logged(&self) -> Result<Logged, SettingsError> {
        let usual = Logged::default();
        Ok(Logged {
            passed: self.share("LOG_DECISIONS", usual.passed)?,
            refused: self.share("LOG_REFUSALS", usual.refused)?,
        })
    }

    fn share(&self, name: &str, usual: Share) -> Result<Share, SettingsError> {
        match self.get(name).filter(|text| !text.is_empty()) {
            Some(text) => text
                .parse()
                .map_err(|_| self.error(name, "must be a number from 0 to 1, such as 0.05")),
            None => Ok(usual),
        }
    }

    fn number<T: FromStr + PartialOrd + Default>(
        &self,
        name: &str,
        default: T,
    ) -> Result<T, SettingsError> {
        match self.get(name).filter(|text| !text.is_empty()) {
            Some(text) => match text.parse::<T>() {
                Ok(number) if number >= T::default() => Ok(number),
                _ => Err(self.error(name, "must be a whole number, not negative")),
            },
            None => Ok(default),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The variables that a development setup has.
    pub(crate) fn variables(changes: &[(&str, &str)]) -> BTreeMap<String, String> {
        let usual = [
            ("ISSUER", "https://id.example"),
            ("ORIGIN", "http://origin.internal:8080"),
            ("UPSTREAM_API", "http://api.internal:9001"),
            ("UPSTREAM_IMAGES", "http://images.internal:9002"),
        ];
        usual
            .iter()
            .chain(changes)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn table() -> RouteTable {
        RouteTable::parse("[[route]]\npath = '/x'\nupstream = 'api'\naccess = 'public'").unwrap()
    }

    #[test]
    fn four_variables_suffice() {
        let settings = Settings::read(&variables(&[]), &table()).unwrap();
        assert_eq!(settings.ages, Ages::default());
        assert_eq!(settings.token_max_lifetime, 600);
        assert_eq!(settings.edge_secret, None);
        assert_eq!(
            settings.upstream("UPSTREAM_API").unwrap().join("/a?b"),
            "http://api.internal:9001/a?b"
        );
        // What no rule names is not needed.
        assert_eq!(settings.upstream("UPSTREAM_IMAGES"), None);
    }

    #[test]
    fn a_mistake_names_its_variable() {
        for (name, value) in [
            ("ISSUER", ""),
            ("ISSUER", "https://id.example/"),
            ("ISSUER", "id.example"),
            ("ORIGIN", "http://origin/path"),
            ("ORIGIN", "origin:8080"),
            ("UPSTREAM_API", ""),
            ("UPSTREAM_API", "https://user@api"),
            ("EDGE_SECRET", "a b"),
            ("REVOCATIONS_HARD_MS", "soon"),
            ("REVOCATIONS_HARD_MS", "-1"),
            ("REVOCATIONS_BEHIND_MS", "31000"),
            ("KEYS_HARD_MS", "1"),
            ("TOKEN_MAX_LIFETIME_SECONDS", "1.5"),
            ("TOKEN_CACHE_BYTES", "16M"),
            ("PLATFORM", "my own"),
            ("TRUSTED_PROXIES", "10.0.0.0/8"),
            ("MODE", "enforce"),
            ("LOG_DECISIONS", "5%"),
            ("LOG_REFUSALS", "2"),
            ("SERVER_TIMING", "yes"),
        ] {
            let error = Settings::read(&variables(&[(name, value)]), &table()).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("the variable {name} ")),
                "{error}"
            );
        }
    }

    #[test]
    fn the_secret_is_not_printed() {
        let settings = Settings::read(&variables(&[("EDGE_SECRET", "hush")]), &table()).unwrap();
        assert!(!format!("{settings:?}").contains("hush"));
        assert_eq!(settings.edge_secret.unwrap().reveal(), "hush");
    }
}

//! The declaration of an issuer: `[[issuer]]` of the route table.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::claims::Audience;

/// The longest lifetime that may be granted to foreign tokens, in seconds: a day. The feed of
/// revocations does not know them, so whatever is granted is for how long a leaver stays in.
const LONGEST_LIFETIME: i64 = 86_400;

/// What is granted where the table does not say.
const USUAL_LIFETIME: i64 = 3_600;

/// An algorithm of foreign tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3).
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
    #[serde(rename = "ES256")]
    Es256,
}

impl Algorithm {
    /// The name in `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// A mistake in a declaration, in words for whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// A key is missing, unknown or of another type.
    #[error("{0}")]
    Form(String),
    /// `issuer` could not be an `iss`.
    #[error("`issuer`: must be 1 to 255 printable ASCII characters, to the letter as in `iss`")]
    Name,
    /// `jwks_uri` is no URL, or one of which anybody on the way could change the answer.
    #[error("`jwks_uri`: must be an https URL; http is for the machine's own addresses alone")]
    KeySet,
    /// No algorithm, no audience or no type would let nothing in.
    #[error("`{0}`: must not be empty")]
    Empty(&'static str),
    /// An empty word.
    #[error("`{0}`: holds an empty word")]
    EmptyWord(&'static str),
    /// `max_lifetime` is out of range.
    #[error("`max_lifetime`: must be between 1 and {LONGEST_LIFETIME} seconds")]
    Lifetime,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    issuer: String,
    jwks_uri: String,
    algorithms: BTreeSet<Algorithm>,
    audiences: BTreeMap<String, String>,
    #[serde(default = "usual_audience_claim")]
    audience_claim: String,
    #[serde(default = "usual_types")]
    types: BTreeSet<String>,
    #[serde(default = "usual_scope_claim")]
    scope_claim: String,
    #[serde(default)]
    roles_claim: Vec<String>,
    #[serde(default)]
    claims: BTreeMap<String, String>,
    #[serde(default = "usual_lifetime")]
    max_lifetime: i64,
}

fn usual_audience_claim() -> String {
    "aud".to_owned()
}

fn usual_types() -> BTreeSet<String> {
    BTreeSet::from([crate::token::TOKEN_TYPE.to_owned()])
}

fn usual_scope_claim() -> String {
    "scope".to_owned()
}

const fn usual_lifetime() -> i64 {
    USUAL_LIFETIME
}

/// An issuer whose tokens routes may take, beside the edge's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    name: String,
    jwks_uri: String,
    algorithms: BTreeSet<Algorithm>,
    /// What a route's `audience` is called by this issuer.
    audiences: BTreeMap<String, String>,
    pub(super) audience_claim: String,
    types: BTreeSet<String>,
    pub(super) scope_claim: String,
    /// The members that lead to the list of roles; empty where its word on roles is not taken.
    pub(super) roles_claim: Vec<String>,
    /// Claims that have to have these very values.
    pub(super) claims: BTreeMap<String, String>,
    max_lifetime: i64,
}

impl Issuer {
    /// Reads and checks a declaration.
    ///
    /// # Errors
    ///
    /// [`IssuerError`] names the key.
    pub(crate) fn read(
        table: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Self, IssuerError> {
        let written: Written = serde_json::from_value(serde_json::Value::Object(table))
            .map_err(|error| IssuerError::Form(error.to_string()))?;
        written.check()?;
        Ok(Self {
            name: written.issuer,
            jwks_uri: written.jwks_uri,
            algorithms: written.algorithms,
            audiences: written.audiences,
            audience_claim: written.audience_claim,
            types: written.types,
            scope_claim: written.scope_claim,
            roles_claim: written.roles_claim,
            claims: written.claims,
            max_lifetime: written.max_lifetime,
        })
    }

    /// Its `iss`, to the letter.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its public keys are (RFC 7517 §5).
    pub fn jwks_uri(&self) -> &str {
        &self.jwks_uri
    }

    /// The longest `exp - iat` that is taken, in seconds.
    pub fn max_lifetime(&self) -> i64 {
        self.max_lifetime
    }

    /// What this issuer calls the audience of a route; `None` for one that it has no tokens for.
    pub fn audience(&self, of_route: &str) -> Option<&str> {
        self.audiences.get(of_route).map(String::as_str)
    }

    /// The algorithm of this name, if the issuer is pinned to it.
    pub(super) fn algorithm(&self, name: &str) -> Option<Algorithm> {
        let mut pinned = self.algorithms.iter().copied();
        pinned.find(|algorithm| algorithm.name() == name)
    }

    /// Whether tokens of this `typ` are taken (RFC 7515 §4.1.9: without regard to case); one that
    /// has none is of the type `absent`.
    pub(super) fn takes_type(&self, typ: Option<&str>) -> bool {
        let typ = typ.unwrap_or("absent");
        let mut types = self.types.iter();
        types.any(|taken| taken.eq_ignore_ascii_case(typ))
    }

    /// Whether what it calls its audiences has a member in common with `audience`.
    pub(super) fn knows_any(&self, audience: &Audience) -> bool {
        self.audiences.values().any(|own| audience.contains(own))
    }
}

impl Written {
    fn check(&self) -> Result<(), IssuerError> {
        let graphic = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !(1..=255).contains(&self.issuer.len()) || !graphic(&self.issuer) {
            return Err(IssuerError::Name);
        }
        if !graphic(&self.jwks_uri) || !is_authenticated(&self.jwks_uri) {
            return Err(IssuerError::KeySet);
        }
        let empty = [
            ("algorithms", self.algorithms.is_empty()),
            ("audiences", self.audiences.is_empty()),
            ("types", self.types.is_empty()),
        ];
        if let Some((key, _)) = empty.into_iter().find(|(_, empty)| *empty) {
            return Err(IssuerError::Empty(key));
        }
        if let Some(key) = self.empty_word() {
            return Err(IssuerError::EmptyWord(key));
        }
        if !(1..=LONGEST_LIFETIME).contains(&self.max_lifetime) {
            return Err(IssuerError::Lifetime);
        }
        Ok(())
    }

    fn empty_word(&self) -> Option<&'static str> {
        let audiences = self.audiences.iter().flat_map(|(own, its)| [own, its]);
        let claims = self.claims.iter().flat_map(|(name, value)| [name, value]);
        let any_empty =
            |mut words: Box<dyn Iterator<Item = &String> + '_>| words.any(String::is_empty);
        [
            ("audiences", any_empty(Box::new(audiences))),
            ("claims", any_empty(Box::new(claims))),
            ("types", any_empty(Box::new(self.types.iter()))),
            ("roles_claim", any_empty(Box::new(self.roles_claim.iter()))),
            ("audience_claim", self.audience_claim.is_empty()),
            ("scope_claim", self.scope_claim.is_empty()),
        ]
        .into_iter()
        .find_map(|(key, empty)| empty.then_some(key))
    }
}

/// Whether nobody on the way to a URL could answer in its place: https, or this very machine.
fn is_authenticated(url: &str) -> bool {
    let host = |rest: &str| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let plain = !authority.is_empty() && !authority.contains('@') && !url.contains('#');
        plain.then(|| authority.to_owned())
    };
    if let Some(rest) = url.strip_prefix("https://") {
        return host(rest).is_some();
    }
    let Some(host) = url.strip_prefix("http://").and_then(host) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => &host,
    };
    ["127.0.0.1", "[::1]", "localhost"].contains(&name)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A declaration with these keys changed; `null` takes one away.
    pub(in crate::foreign) fn declared(changes: &Value) -> Result<Issuer, IssuerError> {
        let mut table = json!({
            "issuer": "https://tenant.example/",
            "jwks_uri": "https://tenant.example/.well-known/jwks.json",
            "algorithms": ["RS256", "ES256"],
            "audiences": {"api": "https://api.example"},
        });
        let table = table.as_object_mut().unwrap();
        for (key, value) in changes.as_object().unwrap() {
            table.insert(key.clone(), value.clone());
        }
        table.retain(|_, value| !value.is_null());
        Issuer::read(table.clone())
    }

    #[test]
    fn four_keys_suffice() {
        let issuer = declared(&json!({})).unwrap();
        assert_eq!(issuer.name(), "https://tenant.example/");
        assert_eq!(issuer.audience("api"), Some("https://api.example"));
        assert_eq!(issuer.audience("images"), None);
        assert_eq!(issuer.max_lifetime(), 3_600);
        assert!(issuer.takes_type(Some("AT+JWT")));
        assert!(!issuer.takes_type(Some("JWT")) && !issuer.takes_type(None));
    }

    #[test]
    fn a_mistake_names_its_key() {
        for (changes, key) in [
            (json!({"issuer": null}), "issuer"),
            (json!({"issuer": ""}), "issuer"),
            (json!({"issuer": "https://a b"}), "issuer"),
            (json!({"jwks_uri": null}), "jwks_uri"),
            (
                json!({"jwks_uri": "http://tenant.example/keys"}),
                "jwks_uri",
            ),
            (
                json!({"jwks_uri": "http://localhost.example/keys"}),
                "jwks_uri",
            ),
            (
                json!({"jwks_uri": "http://localhost@tenant.example/"}),
                "jwks_uri",
            ),
            (
                json!({"jwks_uri": "http://127.0.0.1:80@tenant.example/"}),
                "jwks_uri",
            ),
            (json!({"jwks_uri": "https:///keys"}), "jwks_uri"),
            (json!({"jwks_uri": "ftp://tenant.example"}), "jwks_uri"),
            (json!({"algorithms": null}), "algorithms"),
            (json!({"algorithms": []}), "algorithms"),
            (json!({"algorithms": ["HS256"]}), "HS256"),
            (json!({"algorithms": ["none"]}), "none"),
            (json!({"audiences": null}), "audiences"),
            (json!({"audiences": {}}), "audiences"),
            (json!({"audiences": {"api": ""}}), "audiences"),
            (json!({"types": []}), "types"),
            (json!({"types": [""]}), "types"),
            (json!({"claims": {"token_use": ""}}), "claims"),
            (json!({"roles_claim": [""]}), "roles_claim"),
            (json!({"max_lifetime": 0}), "max_lifetime"),
            (json!({"max_lifetime": 86_401}), "max_lifetime"),
            (json!({"colour": 1}), "colour"),
        ] {
            let error = declared(&changes).unwrap_err().to_string();
            assert!(error.contains(key), "{changes}: {error}");
        }
    }

    #[test]
    fn this_machine_needs_no_certificate() {
        for url in [
            "http://127.0.0.1:8080/keys",
            "http://[::1]:1/",
            "http://localhost/keys",
        ] {
            assert!(declared(&json!({"jwks_uri": url})).is_ok(), "{url}");
        }
    }
}

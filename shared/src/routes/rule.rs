//! One rule of the table. Combinations that make no sense cannot be written down: a public rule
//! has no demands, and only a rule with demands has an audience.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::scope::ScopeSet;

use super::{Fault, HostPattern, Methods, PathPattern, built_in};

/// What is done with the requests of a host, a path and some methods.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its place in the file, from 1; 0 for the edge's own.
    pub number: usize,
    /// The hosts.
    pub host: HostPattern,
    /// The paths.
    pub path: PathPattern,
    /// The methods.
    pub methods: Methods,
    /// Where they go.
    pub upstream: UpstreamName,
    /// Who may send them.
    pub access: Access,
    /// What caches may do with the answers.
    pub cache: Cache,
    /// Which web pages of other origins may send them, if any.
    pub cors: Option<Cors>,
    /// Whether the decision counts.
    pub mode: Mode,
}

impl Rule {
    /// The rule of the edge's own path, [`built_in::EDGE_METRICS`]: for administrators of this
    /// issuer. It leads to no upstream.
    pub fn of_edge_metrics(issuer: &str) -> Self {
        Self {
            number: 0,
            host: HostPattern::Any,
            path: PathPattern::exact(built_in::EDGE_METRICS),
            methods: Methods::All,
            upstream: UpstreamName("edge".to_owned()),
            access: Access::Required(Demand {
                credentials: vec![CredentialKind::Bearer],
                audience: issuer.to_owned(),
                scopes: ScopeSet::default(),
                roles: BTreeSet::from(["admin".to_owned()]),
                issuers: None,
                revocations: RevocationMode::Strict,
            }),
            cache: Cache::Private,
            cors: None,
            mode: Mode::Enforce,
        }
    }

    /// Whether it is the edge's own, and not one of the table.
    pub fn is_edge_s_own(&self) -> bool {
        self.number == 0
    }
}

/// Who may send a request.
#[derive(Debug, Clone)]
pub enum Access {
    /// Everybody; credentials are not looked at.
    Public,
    /// Everybody, but a credential that comes must satisfy the demand.
    Optional(Demand),
    /// Only who shows a credential that satisfies the demand.
    Required(Demand),
}

impl Access {
    /// What a credential must satisfy.
    pub fn demand(&self) -> Option<&Demand> {
        match self {
            Self::Public => None,
            Self::Optional(demand) | Self::Required(demand) => Some(demand),
        }
    }
}

/// What a credential must satisfy.
#[derive(Debug, Clone)]
pub struct Demand {
    /// How it may come; at least one way.
    pub credentials: Vec<CredentialKind>,
    /// The member that the token's `aud` must have.
    pub audience: String,
    /// The scopes that it must have, all of them.
    pub scopes: ScopeSet,
    /// The roles of which it must have one; none are asked for when empty.
    pub roles: BTreeSet<String>,
    /// The issuers that may have minted it; `None` is the edge's own.
    pub issuers: Option<Vec<String>>,
    /// How fresh the revocations must be that it is compared with.
    pub revocations: RevocationMode,
}

/// A way for a credential to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// `Authorization: Bearer` (RFC 6750 §2.1).
    Bearer,
    /// The edge's session cookie.
    Cookie,
    /// An API key, `Authorization: Bearer pak_…` or `X-API-Key: pak_…`.
    ApiKey,
    /// A signed URL ([`crate::link`]).
    SignedUrl,
}

/// How fresh revocations must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RevocationMode {
    /// Within the promised seconds, at the price of waiting for the origin at times.
    #[default]
    Strict,
    /// Up to the hard age without ever waiting for a refresh.
    Relaxed,
}

/// What caches may do with the answers of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cache {
    /// Fetched past every cache, and answered as private.
    #[default]
    Private,
    /// The upstream learns no identity, so its answers are anybody's and may be kept as it says.
    Shared,
}

/// Whether a decision counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// What is refused does not pass.
    #[default]
    Enforce,
    /// What would be refused is logged and passes as it came.
    Report,
}

/// Cross-origin access (the CORS protocol of the Fetch standard).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// The origins, compared to the letter.
    pub origins: Vec<String>,
    /// Whether a browser may send cookies along.
    #[serde(default)]
    pub credentials: bool,
}

impl Cors {
    pub(super) fn checked(self) -> Result<Self, Fault> {
        if self.origins.is_empty() {
            return Err(Fault::Empty);
        }
        match self.origins.iter().find(|origin| !is_origin(origin)) {
            Some(origin) => Err(Fault::Origin(origin.clone())),
            None => Ok(self),
        }
    }
}

/// Whether `text` is an origin as browsers serialise it (RFC 6454 §6.2).
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let scheme_fits = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let default = match scheme {
        "http" => "80",
        "https" => "443",
        _ => "",
    };
    // Browsers leave a scheme's own port out, so an origin that has it would never match.
    let port_fits = port.is_none_or(|port| {
        port != default && !port.starts_with('0') && port.parse::<u16>().is_ok()
    });
    scheme_fits && host != "*" && HostPattern::new(host).is_ok() && port_fits
}

/// The name of an upstream. The edge's setting `UPSTREAM_` + the name in capitals is its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamName(String);

impl UpstreamName {
    pub(super) fn new(name: String) -> Result<Self, Fault> {
        let fits = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.len() <= 64
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if fits {
            Ok(Self(name))
        } else {
            Err(Fault::Upstream)
        }
    }

    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the login service itself, whose address is the setting `ORIGIN`.
    pub fn is_origin(&self) -> bool {
        self.0 == "origin"
    }

    /// The setting that holds its address.
    pub fn variable(&self) -> String {
        if self.is_origin() {
            return "ORIGIN".to_owned();
        }
        format!("UPSTREAM_{}", self.0.to_ascii_uppercase())
    }
}

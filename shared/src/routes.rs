//! The route table: which request goes to which upstream, and what its bearer must show.
//!
//! It is written as `routes.toml`, checked by the build and read again by the edge, with the same
//! code, so that a table which does not parse is never in force. To the edge it goes as JSON, which it
//! can read anyway: a parser of TOML would be a tenth of the Worker.
//!
//! Invariant: a path is governed by exactly one pattern, the longest that covers it. If that
//! pattern has no rule for the request's method, the answer is "not allowed"; a shorter pattern is
//! never asked. A path that differs from a pattern only in letter case or by a slash at its end is
//! governed by that pattern too and then found nowhere, since an upstream might not see the
//! difference.

mod error;
mod fields;
mod method;
mod pattern;
mod rule;

use serde::{Deserialize, Serialize};

use crate::foreign::Issuer;

pub use error::{Fault, TableError};
pub use method::{Method, Methods, NEVER_FORWARDED};
pub use pattern::{HostPattern, PathPattern};
pub use rule::{
    Access, Cache, Cors, CredentialKind, Demand, Mode, RevocationMode, Rule, UpstreamName,
};

/// Paths that the edge passes to the origin by itself, whatever the table says. No rule may name
/// them.
pub mod built_in {
    /// Everything under this prefix is the origin's.
    pub const AUTH_PREFIX: &str = "/auth/";
    /// The token endpoint (RFC 6749 §3.2).
    pub const TOKEN: &str = "/auth/token";
    /// The public keys (RFC 7517).
    pub const KEY_SET: &str = "/.well-known/jwks.json";
    /// The metadata of the authorisation server (RFC 8414).
    pub const METADATA: &str = "/.well-known/oauth-authorization-server";
    /// The signed revocations.
    pub const REVOCATIONS: &str = "/.well-known/revocations";

    /// What the edge counts; its own, and not the origin's.
    pub const EDGE_METRICS: &str = "/.well-known/portcullis/edge";

    /// Whether `path` is one of the origin's.
    pub fn covers(path: &str) -> bool {
        path.starts_with(AUTH_PREFIX) || [KEY_SET, METADATA, REVOCATIONS].contains(&path)
    }
}

/// All rules that share host and path; their methods are disjoint.
#[derive(Debug)]
struct Pattern {
    host: HostPattern,
    path: PathPattern,
    rules: Vec<Rule>,
}

impl Pattern {
    /// Of two that cover a path, the one with the greater value is tried first.
    fn place(&self) -> ((usize, bool), bool) {
        (self.path.specificity(), self.host.is_exact())
    }
}

/// A table whose rules have all been checked.
#[derive(Debug, Default)]
pub struct RouteTable {
    /// In the order in which they are tried: the first that covers a path governs it.
    patterns: Vec<Pattern>,
    /// In the order of the file.
    issuers: Vec<Issuer>,
}

/// What the table says about a request.
#[derive(Debug)]
pub enum Found<'a> {
    /// This rule is to be applied.
    Rule(&'a Rule),
    /// The path is known, but not for this method (RFC 9110 §15.5.6).
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: String,
    },
    /// No rule names the path.
    NotFound,
}

/// A table as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    issuer: Vec<serde_json::Map<String, serde_json::Value>>,
    #[serde(default)]
    route: Vec<serde_json::Map<String, serde_json::Value>>,
}

#[cfg(feature = "toml")]
fn document(text: &str) -> Result<Document, TableError> {
    toml::from_str(text).map_err(|error| TableError::Syntax(error.to_string()))
}

impl RouteTable {
    /// Reads and checks a table.
    ///
    /// ```
    /// use portcullis_shared::routes::{Found, RouteTable};
    /// let table = RouteTable::parse(
    ///     r#"
    ///     [[route]]
    ///     path = "/notes/*"
    ///     methods = ["GET"]
    ///     upstream = "api"
    ///     audience = "api"
    ///     scopes = ["notes:read"]
    ///     "#,
    /// )?;
    /// assert!(matches!(table.find("any.example", "/notes/7", "HEAD"), Found::Rule(_)));
    /// assert!(matches!(table.find("any.example", "/notes/7", "PUT"), Found::MethodNotAllowed { .. }));
    /// assert!(matches!(table.find("any.example", "/other", "GET"), Found::NotFound));
    /// # Ok::<(), portcullis_shared::routes::TableError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TableError`] names the rule, its place in the file and the key.
    #[cfg(feature = "toml")]
    pub fn parse(text: &str) -> Result<Self, TableError> {
        Self::of(document(text)?)
    }

    /// The JSON of a table in TOML that [`Self::from_json`] reads as this does.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`].
    #[cfg(feature = "toml")]
    pub fn json(text: &str) -> Result<String, TableError> {
        let document = document(text)?;
        let json = serde_json::to_string(&document)
            .map_err(|error| TableError::Syntax(error.to_string()))?;
        Self::of(document)?;
        Ok(json)
    }

    /// Reads and checks a table that has been made JSON.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`].
    pub fn from_json(json: &str) -> Result<Self, TableError> {
        Self::of(serde_json::from_str(json).map_err(|error| TableError::Syntax(error.to_string()))?)
    }

    fn of(document: Document) -> Result<Self, TableError> {
        let mut table = Self::default();
        for (index, fields) in document.issuer.into_iter().enumerate() {
            table.declare(index + 1, fields)?;
        }
        for (index, fields) in document.route.into_iter().enumerate() {
            let rule = fields::read(index + 1, fields)?;
            table.check_issuers(&rule)?;
            table.insert(index + 1, rule)?;
        }
        Ok(table)
    }

    fn declare(
        &mut self,
        number: usize,
        fields: serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), TableError> {
        let issuer = Issuer::read(fields).map_err(|fault| TableError::Issuer {
            number,
            fault: fault.to_string(),
        })?;
        if self.issuer(issuer.name()).is_some() {
            return Err(TableError::Issuer {
                number,
                fault: format!("`issuer`: {} is declared twice", issuer.name()),
            });
        }
        self.issuers.push(issuer);
        Ok(())
    }

    /// A foreign token must be able to satisfy a rule that takes it.
    fn check_issuers(&self, rule: &Rule) -> Result<(), TableError> {
        let Some(demand) = rule.access.demand() else {
            return Ok(());
        };
        let named = demand.issuers.iter().flatten();
        let fault = |issuer: &Issuer| {
            if rule.upstream.is_origin() {
                Some(Fault::ForeignAtOrigin)
            } else if issuer.audience(&demand.audience).is_none() {
                Some(Fault::ForeignAudience(issuer.name().to_owned()))
            } else {
                None
            }
        };
        let fault = named.filter_map(|name| self.issuer(name)).find_map(fault);
        match fault {
            Some(fault) => Err(TableError::Rule {
                number: rule.number,
                host: rule.host.to_string(),
                path: rule.path.to_string(),
                key: "issuers".to_owned(),
                fault,
            }),
            None => Ok(()),
        }
    }

    fn insert(&mut self, number: usize, rule: Rule) -> Result<(), TableError> {
        let clash = |key: &str, fault| {
            Err(TableError::Rule {
                number,
                host: rule.host.to_string(),
                path: rule.path.to_string(),
                key: key.to_owned(),
                fault,
            })
        };
        let alike = self
            .patterns
            .iter_mut()
            .find(|other| other.host == rule.host && other.path.is_like(&rule.path));
        match alike {
            Some(pattern) if pattern.path != rule.path => {
                clash("path", Fault::AlmostEqual(pattern.path.to_string()))
            }
            Some(pattern) => {
                let taken = pattern
                    .rules
                    .iter()
                    .find_map(|other| other.methods.shared(&rule.methods));
                if let Some(method) = taken {
                    return clash("methods", Fault::MethodTwice(method));
                }
                pattern.rules.push(rule);
                Ok(())
            }
            None => {
                let pattern = Pattern {
                    host: rule.host.clone(),
                    path: rule.path.clone(),
                    rules: vec![rule],
                };
                let place = pattern.place();
                let at = self
                    .patterns
                    .partition_point(|other| other.place() >= place);
                self.patterns.insert(at, pattern);
                Ok(())
            }
        }
    }

    /// The rule for a request.
    ///
    /// `host` is without a port, `path` begins with a slash, is without a query and has passed
    /// whatever test for ambiguity the caller has; `method` is as the request has it. `HEAD` goes
    /// by the rule of `GET`.
    pub fn find(&self, host: &str, path: &str, method: &str) -> Found<'_> {
        let host = host.strip_suffix('.').unwrap_or(host);
        let Some(pattern) = self
            .patterns
            .iter()
            .find(|pattern| pattern.host.matches(host) && pattern.path.covers(path))
        else {
            return Found::NotFound;
        };
        if !pattern.path.matches(path) {
            return Found::NotFound;
        }
        match pattern
            .rules
            .iter()
            .find(|rule| rule.methods.contains(method))
        {
            Some(rule) => Found::Rule(rule),
            None => Found::MethodNotAllowed {
                allow: allow(&pattern.rules),
            },
        }
    }

    /// The issuers beside the edge's own that rules may name.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// The declared issuer of this name, to the letter.
    pub fn issuer(&self, name: &str) -> Option<&Issuer> {
        self.issuers.iter().find(|issuer| issuer.name() == name)
    }

    /// A rule that names an issuer which is neither declared nor `own`, the edge's: nobody knows its
    /// keys. With it the name.
    pub fn unknown_issuer(&self, own: &str) -> Option<(&Rule, &str)> {
        self.rules().find_map(|rule| {
            let named = rule.access.demand()?.issuers.iter().flatten();
            let mut unknown = named.filter(|name| *name != own && self.issuer(name).is_none());
            unknown.next().map(|name| (rule, name.as_str()))
        })
    }

    /// Every rule, in the order in which patterns are tried.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.patterns.iter().flat_map(|pattern| &pattern.rules)
    }

    /// The methods for which the pattern that governs a path has rules; the value of
    /// `Access-Control-Allow-Methods`.
    pub fn methods_of(&self, rule: &Rule) -> String {
        let same = |pattern: &&Pattern| pattern.host == rule.host && pattern.path == rule.path;
        self.patterns
            .iter()
            .find(same)
            .map(|pattern| allow(&pattern.rules))
            .unwrap_or_default()
    }
}

/// The methods of all these rules, as `Allow` lists them.
fn allow(rules: &[Rule]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in rules.iter().flat_map(|rule| rule.methods.names()) {
        if let Err(at) = names.binary_search(&name) {
            names.insert(at, name);
        }
    }
    names.join(", ")
}

#[cfg(test)]
mod tests;

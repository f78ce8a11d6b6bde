//! Methods (RFC 9110 §9): case-sensitive words. `HEAD` is always ruled by `GET`.

use std::{collections::BTreeSet, fmt};

use super::Fault;

/// Methods that no rule can have, and that are never forwarded: a tunnel is nobody's route, and an
/// echo of the request (RFC 9110 §9.3.8) would show what is added on the way.
pub const NEVER_FORWARDED: [&str; 3] = ["CONNECT", "TRACE", "TRACK"];

/// A method that a rule may name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Method(String);

impl TryFrom<String> for Method {
    type Error = Fault;

    fn try_from(name: String) -> Result<Self, Fault> {
        let word = (1..=32).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        if word && !NEVER_FORWARDED.contains(&name.as_str()) {
            Ok(Self(name))
        } else {
            Err(Fault::Method(name))
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The methods that a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Methods {
    /// Whatever can be forwarded.
    All,
    /// These; `GET` stands for `HEAD` as well.
    Only(BTreeSet<Method>),
}

impl Methods {
    /// Checks the value of the key `methods`.
    pub(super) fn new(names: Vec<String>) -> Result<Self, Fault> {
        let mut methods = BTreeSet::new();
        for name in names {
            let method = Method::try_from(name)?;
            let name = method.to_string();
            if !methods.insert(method) {
                return Err(Fault::Twice(name));
            }
        }
        if methods.is_empty() {
            return Err(Fault::Empty);
        }
        let has = |name: &str| methods.iter().any(|method| method.0 == name);
        if has("HEAD") && !has("GET") {
            return Err(Fault::HeadWithoutGet);
        }
        Ok(Self::Only(methods))
    }

    /// Whether a request with this method goes by the rule.
    pub fn contains(&self, method: &str) -> bool {
        let ruling = if method == "HEAD" { "GET" } else { method };
        match self {
            Self::All => !NEVER_FORWARDED
                .iter()
                .any(|never| never.eq_ignore_ascii_case(ruling)),
            Self::Only(methods) => methods.iter().any(|own| own.0 == ruling),
        }
    }

    /// A method that is in both.
    pub(super) fn shared(&self, other: &Self) -> Option<String> {
        match (self, other) {
            (Self::All, Self::All) => Some("every method".to_owned()),
            (Self::All, Self::Only(methods)) | (Self::Only(methods), Self::All) => {
                methods.first().map(ToString::to_string)
            }
            (Self::Only(mine), Self::Only(theirs)) => {
                mine.intersection(theirs).next().map(ToString::to_string)
            }
        }
    }

    /// The methods by name; the usual ones for [`Methods::All`].
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::All => vec!["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
            Self::Only(methods) => {
                let mut names: Vec<&str> = methods.iter().map(|method| method.0.as_str()).collect();
                if names.contains(&"GET") && !names.contains(&"HEAD") {
                    names.push("HEAD");
                }
                names
            }
        }
    }
}

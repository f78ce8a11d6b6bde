//! Reading one `[[route]]`: key by key, so that an error names the rule and the key.

use std::collections::BTreeSet;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::scope::Scope;

use super::{
    Access, Cache, Cors, CredentialKind, Demand, Fault, HostPattern, Methods, PathPattern, Rule,
    TableError, UpstreamName,
};

/// The keys that say what a credential must satisfy.
const DEMANDS: [&str; 6] = [
    "credentials",
    "audience",
    "scopes",
    "roles",
    "issuers",
    "revocations",
];

/// The other keys.
const OTHERS: [&str; 8] = [
    "host", "path", "methods", "upstream", "access", "cache", "cors", "mode",
];

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum AccessWord {
    Public,
    Optional,
    #[default]
    Required,
}

/// Reads the rule that stands at place `number` of the file.
pub(super) fn read(number: usize, table: Map<String, Value>) -> Result<Rule, TableError> {
    let mut fields = Fields::new(number, table);
    fields.refuse_unknown_keys()?;
    let access = fields.take("access")?.unwrap_or_default();
    let upstream = fields.upstream()?;
    let access = fields.access(access, &upstream)?;
    let cache = fields.take("cache")?.unwrap_or_default();
    if cache == Cache::Shared && takes_links(&access) {
        return Err(fields.error("credentials", Fault::SharedByLink));
    }
    Ok(Rule {
        number,
        host: fields.host()?,
        path: fields.path()?,
        methods: fields.methods()?,
        access,
        upstream,
        cache,
        cors: fields.cors()?,
        mode: fields.take("mode")?.unwrap_or_default(),
    })
}

fn takes_links(access: &Access) -> bool {
    let demand = access.demand();
    demand.is_some_and(|demand| demand.credentials.contains(&CredentialKind::SignedUrl))
}

/// The keys of a rule that have not been read yet.
struct Fields {
    number: usize,
    host: String,
    path: String,
    table: Map<String, Value>,
}

impl Fields {
    fn new(number: usize, table: Map<String, Value>) -> Self {
        let text = |key| table.get(key).and_then(Value::as_str).map(str::to_owned);
        let host = text("host").unwrap_or_else(|| "*".to_owned());
        let path = text("path").unwrap_or_default();
        Self {
            number,
            host,
            path,
            table,
        }
    }

    fn error(&self, key: &str, fault: Fault) -> TableError {
        let (host, path) = (self.host.clone(), self.path.clone());
        TableError::Rule {
            number: self.number,
            host,
            path,
            key: key.to_owned(),
            fault,
        }
    }

    fn refuse_unknown_keys(&self) -> Result<(), TableError> {
        let known = || DEMANDS.iter().chain(&OTHERS).copied();
        match self
            .table
            .keys()
            .find(|key| !known().any(|known| known == key.as_str()))
        {
            Some(key) => {
                let all = known().collect::<Vec<_>>().join(", ");
                Err(self.error(key, Fault::UnknownKey(all)))
            }
            None => Ok(()),
        }
    }

    fn take<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, TableError> {
        let Some(value) = self.table.remove(key) else {
            return Ok(None);
        };
        match serde_json::from_value(value) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(self.error(key, Fault::Value(error.to_string()))),
        }
    }

    fn required<T: DeserializeOwned>(&mut self, key: &str) -> Result<T, TableError> {
        match self.take(key)? {
            Some(value) => Ok(value),
            None => Err(self.error(key, Fault::Missing)),
        }
    }

    /// A list that, where it is there, has members, none twice.
    fn list<T: DeserializeOwned + PartialEq + std::fmt::Debug>(
        &mut self,
        key: &str,
    ) -> Result<Option<Vec<T>>, TableError> {
        let Some(list) = self.take::<Vec<T>>(key)? else {
            return Ok(None);
        };
        if list.is_empty() {
            return Err(self.error(key, Fault::Empty));
        }
        let twice = list
            .iter()
            .enumerate()
            .find(|(index, item)| list.iter().take(*index).any(|other| other == *item));
        match twice {
            Some((_, item)) => Err(self.error(key, Fault::Twice(format!("{item:?}")))),
            None => Ok(Some(list)),
        }
    }

    fn host(&mut self) -> Result<HostPattern, TableError> {
        match self.take::<String>("host")? {
            Some(text) => HostPattern::new(&text).map_err(|fault| self.error("host", fault)),
            None => Ok(HostPattern::Any),
        }
    }

    fn path(&mut self) -> Result<PathPattern, TableError> {
        let text: String = self.required("path")?;
        let path = PathPattern::new(&text).map_err(|fault| self.error("path", fault))?;
        if path.is_built_in() {
            Err(self.error("path", Fault::BuiltIn))
        } else {
            Ok(path)
        }
    }

    fn methods(&mut self) -> Result<Methods, TableError> {
        match self.take::<Vec<String>>("methods")? {
            Some(names) => Methods::new(names).map_err(|fault| self.error("methods", fault)),
            None => Ok(Methods::All),
        }
    }

    fn upstream(&mut self) -> Result<UpstreamName, TableError> {
        let name = self.required("upstream")?;
        UpstreamName::new(name).map_err(|fault| self.error("upstream", fault))
    }

    fn cors(&mut self) -> Result<Option<Cors>, TableError> {
        let Some(cors) = self.take::<Cors>("cors")? else {
            return Ok(None);
        };
        cors.checked()
            .map(Some)
            .map_err(|fault| self.error("cors", fault))
    }

    fn access(&mut self, word: AccessWord, upstream: &UpstreamName) -> Result<Access, TableError> {
        let forbidden: &[&str] = match word {
            AccessWord::Public => &DEMANDS,
            AccessWord::Optional => &["scopes", "roles"],
            AccessWord::Required => &[],
        };
        if let Some(key) = forbidden.iter().find(|key| self.table.contains_key(**key)) {
            let public = word == AccessWord::Public;
            return Err(self.error(
                key,
                if public {
                    Fault::OnPublic
                } else {
                    Fault::OnOptional
                },
            ));
        }
        Ok(match word {
            AccessWord::Public => Access::Public,
            AccessWord::Optional => Access::Optional(self.demand(upstream)?),
            AccessWord::Required => Access::Required(self.demand(upstream)?),
        })
    }

    fn demand(&mut self, upstream: &UpstreamName) -> Result<Demand, TableError> {
        let credentials = self.credentials(upstream)?;
        if credentials.contains(&CredentialKind::SignedUrl) && self.table.contains_key("roles") {
            return Err(self.error("roles", Fault::OnSignedUrl));
        }
        let mut roles = BTreeSet::new();
        roles.extend(self.words("roles")?.unwrap_or_default());
        Ok(Demand {
            credentials,
            audience: self.audience()?,
            scopes: self
                .list::<Scope>("scopes")?
                .unwrap_or_default()
                .into_iter()
                .collect(),
            roles,
            issuers: self.words("issuers")?,
            revocations: self.take("revocations")?.unwrap_or_default(),
        })
    }

    fn credentials(&mut self, upstream: &UpstreamName) -> Result<Vec<CredentialKind>, TableError> {
        let kinds = self
            .list("credentials")?
            .unwrap_or_else(|| vec![CredentialKind::Bearer]);
        if upstream.is_origin() && kinds != [CredentialKind::Bearer] {
            return Err(self.error("credentials", Fault::OnOrigin));
        }
        Ok(kinds)
    }

    fn audience(&mut self) -> Result<String, TableError> {
        let audience: String = self.required("audience")?;
        self.word("audience", audience)
    }

    fn words(&mut self, key: &str) -> Result<Option<Vec<String>>, TableError> {
        let Some(words) = self.list::<String>(key)? else {
            return Ok(None);
        };
        words
            .into_iter()
            .map(|word| self.word(key, word))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    fn word(&self, key: &str, word: String) -> Result<String, TableError> {
        let fits = (1..=128).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_graphic());
        if fits {
            Ok(word)
        } else {
            Err(self.error(key, Fault::Word(word)))
        }
    }
}

//! What a request is judged by: the route table, the Worker's variables, keys and revocations, each
//! from a file.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;
use portcullis_edge::{
    explain::Known,
    gate::Config,
    settings::{self, Settings},
};
use portcullis_shared::{
    keys::{KeySet, KeySetError},
    revocation::{Document, DocumentError, Revocations},
    routes::{RouteTable, TableError},
    time::UnixSeconds,
};
use toml::{Table, Value};

use crate::cli::when;

/// The files.
#[derive(Debug, Args)]
#[group(id = "inputs")]
pub(super) struct Arguments {
    /// The route table
    #[arg(long, default_value = "routes.toml", value_name = "FILE")]
    routes: PathBuf,
    /// The Worker's configuration, whose table `vars` has its settings
    #[arg(long, default_value = "wrangler.toml", value_name = "FILE")]
    wrangler: PathBuf,
    /// Take the variables of this environment of it
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// The issuer's key set, as /.well-known/jwks.json has it; without it no signature is checked
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// A revocation document, as /.well-known/revocations has it, of whatever age; without it nobody
    /// looks whether anything is revoked
    #[arg(long, value_name = "FILE", requires = "jwks")]
    revocations: Option<PathBuf>,
}

/// What is wrong with what was given.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Error {
    #[error("{} cannot be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}", path.display())]
    Routes {
        path: PathBuf,
        source: Box<TableError>,
    },
    #[error("{} is not TOML", path.display())]
    Wrangler {
        path: PathBuf,
        source: Box<toml::de::Error>,
    },
    #[error("{} has no table [{table}]", path.display())]
    NoVariables { path: PathBuf, table: String },
    #[error("{}, [{table}]", path.display())]
    Variables {
        path: PathBuf,
        table: String,
        source: settings::SettingsError,
    },
    #[error("{} is no key set", path.display())]
    Keys { path: PathBuf, source: KeySetError },
    #[error("{} is no revocation document of {issuer} signed with a key of --jwks", path.display())]
    Revocations {
        path: PathBuf,
        issuer: String,
        source: DocumentError,
    },
    #[error(
        "{} has only what was revoked after seq {since}: fetch it without `since`", path.display()
    )]
    Incomplete { path: PathBuf, since: u64 },
    #[error("--url must be absolute, such as https://app.example/api/notes, and without spaces")]
    Url,
    #[error("--method must be a word such as GET")]
    Method,
    #[error("--header must be a name, a colon and a value, such as 'Origin: https://app.example'")]
    Header,
    #[error("the token cannot be read from standard input")]
    Input(#[source] io::Error),
    #[error("a token is one word, and not empty")]
    Token,
    #[error("--token and --header 'Authorization: …' say the same twice: leave one out")]
    TwoTokens,
}

/// Reads all of them, for a request at the time `at`.
pub(super) fn read(files: &Arguments, at: UnixSeconds) -> Result<(Config, Known), Error> {
    let path = files.routes.clone();
    let table = RouteTable::parse(&text(&path)?).map_err(|source| {
        let source = Box::new(source);
        Error::Routes { path, source }
    })?;
    let settings = settings(files, &table)?;
    let keys = files.jwks.as_deref().map(keys).transpose()?;
    let revocations = match (&files.revocations, &keys) {
        (Some(path), Some(keys)) => Some(revocations(path, keys, &settings.issuer, at)?),
        _ => None,
    };
    let known = Known {
        keys,
        revocations,
        now: at,
        written: when::written,
    };
    Ok((Config { table, settings }, known))
}

fn text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// The Worker's settings, as its variables have them.
fn settings(files: &Arguments, table: &RouteTable) -> Result<Settings, Error> {
    let path = || files.wrangler.clone();
    let document: Table = toml::from_str(&text(&files.wrangler)?).map_err(|source| {
        let source = Box::new(source);
        Error::Wrangler {
            path: path(),
            source,
        }
    })?;
    let (name, place) = match &files.env {
        Some(env) => {
            let environments = document.get("env").and_then(Value::as_table);
            let own = environments.and_then(|all| all.get(env)?.as_table());
            (format!("env.{env}.vars"), own)
        }
        None => ("vars".to_owned(), Some(&document)),
    };
    let variables = place.and_then(|place| place.get("vars")?.as_table());
    let Some(variables) = variables else {
        let (path, table) = (path(), name);
        return Err(Error::NoVariables { path, table });
    };
    Settings::read(&words(variables), table).map_err(|source| Error::Variables {
        path: path(),
        table: name,
        source,
    })
}

/// The variables that are text or numbers, as the Worker takes them.
fn words(variables: &Table) -> BTreeMap<String, String> {
    let word = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    };
    let words = variables.iter();
    words
        .filter_map(|(name, value)| Some((name.clone(), word(value)?)))
        .collect()
}

fn keys(path: &Path) -> Result<KeySet, Error> {
    KeySet::parse(text(path)?.as_bytes()).map_err(|source| Error::Keys {
        path: path.to_owned(),
        source,
    })
}

/// What a document says that was fetched at some time or other.
fn revocations(
    path: &Path,
    keys: &KeySet,
    issuer: &str,
    at: UnixSeconds,
) -> Result<Revocations, Error> {
    let text = text(path)?;
    let text = text.trim_end();
    let document = match Document::verify(text, keys, issuer, at) {
        // It is genuine: taken as it was taken by whoever fetched it.
        Err(DocumentError::NotFresh(age)) => Document::verify(text, keys, issuer, at.plus(-age)),
        other => other,
    };
    let document = document.map_err(|source| Error::Revocations {
        path: path.to_owned(),
        issuer: issuer.to_owned(),
        source,
    })?;
    let mut revocations = Revocations::default();
    // Into nothing, only a document that goes on from elsewhere cannot be merged.
    revocations
        .merge(&document, at)
        .map_err(|_| Error::Incomplete {
            path: path.to_owned(),
            since: document.since(),
        })?;
    Ok(revocations)
}

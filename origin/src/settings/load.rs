//! Where settings come from: defaults, then a TOML file, then variables.
//!
//! A variable `PORTCULLIS_SECTION__KEY` sets `section.key`; `PORTCULLIS_ISSUER` sets `issuer`.
//! Whatever else starts with `PORTCULLIS_` is an error: it was meant for us and would do nothing. Lists of tables (`[[client]]`) are for the file alone.

use std::{
    collections::HashMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use config::{Config, Environment, FileFormat};

use super::{Settings, error::SettingsError};

const PREFIX: &str = "PORTCULLIS_";
const SEPARATOR: &str = "__";

/// Variables with our prefix that are no settings: where the file is, and what somebody who develops
/// the service may have told its build.
const NO_SETTINGS: [&str; 3] = ["config", "tools", "python"];

impl Settings {
    /// Reads the file, if there is one, and the given variables (`std::env::vars_os()`).
    ///
    /// # Errors
    ///
    /// See [`SettingsError`]: everything that is off is found here.
    pub fn load(
        file: Option<&Path>,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let mut builder = Config::builder();
        if let Some(path) = file {
            builder = builder.add_source(config::File::from_str(&read(path)?, FileFormat::Toml));
        }
        let variables = ours(variables)?;
        let variables = Environment::with_prefix("PORTCULLIS")
            .prefix_separator("_")
            .separator(SEPARATOR)
            .source(Some(variables));
        let read = builder
            .add_source(variables)
            .build()
            .and_then(Config::try_deserialize::<Self>);
        read.map_err(|error| malformed(&error, file))?.finish()
    }
}

fn read(path: &Path) -> Result<String, SettingsError> {
    std::fs::read_to_string(path).map_err(|source| SettingsError::Unreadable {
        path: PathBuf::from(path),
        source,
    })
}

/// The library's message, with the file's name where it came from the file, and without the lines
/// that it quotes, in which a secret may stand.
fn malformed(error: &config::ConfigError, file: Option<&Path>) -> SettingsError {
    let text = error.to_string();
    let told: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.contains('|'))
        .collect();
    let text = told.join(": ");
    let place = match file {
        Some(path) if !text.contains("the environment") => format!("{}: ", path.display()),
        Some(_) | None => String::new(),
    };
    SettingsError::Malformed(format!("{place}{text}"))
}

/// The variables that set something.
fn ours(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<HashMap<String, String>, SettingsError> {
    let mut found = HashMap::new();
    for (name, value) in variables {
        let Ok(name) = name.into_string() else {
            continue;
        };
        let Some(key) = name.strip_prefix(PREFIX).map(str::to_ascii_lowercase) else {
            continue;
        };
        if NO_SETTINGS.contains(&key.as_str()) {
            continue;
        }
        let key = key.replace(SEPARATOR, ".");
        if !known(&key) {
            return Err(SettingsError::UnknownVariable {
                variable: name,
                key,
            });
        }
        let value = value.into_string();
        let value = value.map_err(|_| SettingsError::NotUnicode {
            variable: name.clone(),
        })?;
        found.insert(name, value);
    }
    Ok(found)
}

/// Whether a value of this key could be set by a variable: what the defaults have there.
fn known(key: &str) -> bool {
    let defaults = toml::Table::try_from(Settings::default());
    let Ok(defaults) = defaults else { return false };
    let (first, rest) = key
        .split_once('.')
        .map_or((key, None), |(first, rest)| (first, Some(rest)));
    let steps = rest.into_iter().flat_map(|rest| rest.split('.'));
    let leaf = steps.fold(defaults.get(first), |value, step| value?.get(step));
    leaf.is_some_and(|value| !value.is_table() && !value.is_array())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_variables(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Settings::load(None, variables).map_err(|error| error.to_string())
    }

    #[test]
    fn all_clients_are_one_behind_a_proxy_whose_word_is_not_believed() {
        let one = |variables: &[(&str, &str)]| {
            from_variables(variables)
                .unwrap()
                .takes_all_clients_for_one()
        };
        let issuer = ("PORTCULLIS_ISSUER", "https://id.example");
        assert!(!one(&[]));
        assert!(one(&[issuer]));
        assert!(!one(&[
            issuer,
            ("PORTCULLIS_EDGE__SECRET", "0123456789abcdef")
        ]));
        let mut settings = from_variables(&[issuer]).unwrap();
        settings.server.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        assert!(!settings.takes_all_clients_for_one());
    }

    fn from_file(text: &str) -> Result<Settings, String> {
        let read = config::Config::builder()
            .add_source(config::File::from_str(text, FileFormat::Toml))
            .build()
            .and_then(Config::try_deserialize::<Settings>);
        let settings = read.map_err(|error| malformed(&error, None).to_string())?;
        settings.finish().map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_run() {
        let settings = from_variables(&[]).unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(from_file(&settings.to_toml().unwrap()).unwrap(), settings);
    }

    #[test]
    fn a_variable_sets_a_key_to_the_letter() {
        let settings = from_variables(&[
            ("PORTCULLIS_ISSUER", "https://edge.example"),
            ("PORTCULLIS_SERVER__LISTEN", "[::1]:0"),
            ("PORTCULLIS_EDGE__SECRET", "0007000000000000"),
            ("PORTCULLIS_REFRESH__WINDOW", "20"),
            ("PORTCULLIS_REFRESH__ON_CHANGE__COUNTRY", "end"),
            ("PORTCULLIS_LOG__FORMAT", "json"),
            ("PORTCULLIS_CONFIG", "elsewhere"),
            ("PORTCULLIS_TOOLS", "elsewhere"),
        ])
        .unwrap();
        assert_eq!(settings.edge.secret.expose(), Some("0007000000000000"));
        assert_eq!(settings.refresh.window, 20);
        assert_eq!(
            settings.refresh.on_change.country,
            super::super::refresh::Answer::End
        );
        assert_eq!(settings.server.listen.to_string(), "[::1]:0");
        assert_eq!(
            settings.client.last().unwrap().audiences,
            ["https://edge.example"]
        );
    }

    #[test]
    fn a_variable_that_sets_nothing_is_an_error() {
        let off = |name| from_variables(&[(name, "1")]).unwrap_err();
        assert_eq!(
            off("PORTCULLIS_REFRESH__WINDWO"),
            "PORTCULLIS_REFRESH__WINDWO: there is no setting `refresh.windwo`; a section and its key \
             stand two underscores apart, as in PORTCULLIS_DATABASE__URL"
        );
        assert!(off("PORTCULLIS_DATABASE_URL").contains("there is no setting `database_url`"));
        assert!(off("PORTCULLIS_REFRSH__WINDOW").contains("there is no setting `refrsh.window`"));
        assert!(off("PORTCULLIS_CLIENT__ID").contains("there is no setting `client.id`"));
    }

    #[test]
    fn errors_name_the_key() {
        let variable = |name, value| from_variables(&[(name, value)]).unwrap_err();
        insta::assert_snapshot!(variable("PORTCULLIS_REFRESH__WINDOW", "600"), @"refresh.window: must be between 1 and 300, and below tokens.lifetime (600), not 600");
        insta::assert_snapshot!(variable("PORTCULLIS_REFRESH__WINDOW", "ten"), @r#"invalid type: string "ten", expected an integer for key `refresh.window` in the environment"#);
        insta::assert_snapshot!(variable("PORTCULLIS_SERVER__LISTEN", "8080"), @"invalid socket address syntax for key `server.listen`");
        insta::assert_snapshot!(variable("PORTCULLIS_LOG__FILTER", "wraning"), @"log.filter: must be a log filter: `wraning` is none of off, error, warn, info, debug and trace");
        insta::assert_snapshot!(variable("PORTCULLIS_LOG__FORMAT", "xml"), @"must be `human` or `json` for key `log.format`");
        insta::assert_snapshot!(variable("PORTCULLIS_ISSUER", "http://edge/"), @"issuer: must be an http or https URL without user, query, fragment or a slash at its end");
        insta::assert_snapshot!(variable("PORTCULLIS_EDGE__SECRET", "short"), @"edge.secret: must have 16 to 256 visible ASCII characters, or none");
        insta::assert_snapshot!(from_file("[refesh]\nwindow = 3").unwrap_err(), @"unknown field `refesh`, expected one of `issuer`, `server`, `database`, `keys`, `tokens`, `refresh`, `sessions`, `password`, `throttle`, `users`, `audit`, `cookies`, `cleanup`, `edge`, `geo`, `log`, `client`, `signed_urls`");
        insta::assert_snapshot!(from_file("[refresh]\nwindwo = 3").unwrap_err(), @"unknown field `windwo`, expected one of `window`, `max_replays`, `max_late_retries`, `idle_lifetime`, `absolute_lifetime`, `on_change` for key `refresh`");
        insta::assert_snapshot!(from_file("[tokens]\nlifetime = -3").unwrap_err(), @"tokens.lifetime: must be between 2 and 3600, not -3");
        insta::assert_snapshot!(from_file("[tokens]\nlifetime = true").unwrap_err(), @"tokens.lifetime: must be between 2 and 3600, not 1");
        insta::assert_snapshot!(from_file("[tokens\nlifetime = 3").unwrap_err(), @"TOML parse error at line 1, column 8: unclosed table, expected `]`");
        // The line may hold a secret, and is not quoted.
        insta::assert_snapshot!(from_file("[edge]\nsecret = \"hunter2").unwrap_err(), @"TOML parse error at line 2, column 18: invalid basic string, expected `\"`");
        insta::assert_snapshot!(from_file("[[client]]\nid = \"a\"\nkind = \"confidential\"\naudiences = [\"api\"]").unwrap_err(), @"client `a`: secret_sha256: a confidential client needs one");
        insta::assert_snapshot!(from_file("[[client]]\nid = \"a\"\nkind = \"public\"\naudiences = []").unwrap_err(), @"client `a`: audiences: must be one or more, each of 1 to 256 visible ASCII characters");
    }

    #[test]
    fn the_administrations_tokens_are_for_the_issuer_alone() {
        let client = |audiences: &str| {
            from_file(&format!(
                "[[client]]\nid = \"portcullis-admin\"\nkind = \"public\"\naudiences = {audiences}"
            ))
        };
        assert_eq!(
            client("[\"http://127.0.0.1:8787\", \"api\"]").unwrap_err(),
            "client `portcullis-admin`: audiences: must be the issuer alone"
        );
        assert_eq!(
            client("[\"http://127.0.0.1:8787\"]").unwrap().client.len(),
            2
        );
    }

    #[test]
    fn what_is_printed_holds_no_secret() {
        let settings = from_file(
            "[database]\nurl = \"postgres://u:hunter2@h/d\"\n[edge]\nsecret = \"hunter2-hunter2-hunter2\"\n\
             [[client]]\nid = \"backend\"\nkind = \"confidential\"\naudiences = [\"api\"]\nsecret_sha256 = \"abababababababababababababababababababababababababababababababab\"",
        )
        .unwrap();
        assert_eq!(
            settings
                .client
                .last()
                .unwrap()
                .secret_sha256
                .as_ref()
                .unwrap()
                .bytes(),
            Some([0xab; 32])
        );
        for text in [settings.to_toml().unwrap(), format!("{settings:?}")] {
            assert!(
                !text.contains("hunter2") && !text.contains("abab"),
                "{text}"
            );
        }
    }
}

//! The settings one by one, for the record of what changed.

use toml::Value;
use zeroize::Zeroizing;

use super::{Settings, secret::REDACTED};
use crate::domain::settings_record::Setting;

impl Settings {
    /// Every setting by its key. Lists of tables go by the `id` of each.
    ///
    /// # Errors
    ///
    /// When a value does not fit TOML, which none of ours does.
    pub fn in_force(&self) -> Result<Vec<Setting>, toml::ser::Error> {
        let mut settings = Vec::new();
        flatten(String::new(), &Value::try_from(self)?, &mut settings);
        for setting in &mut settings {
            if setting.shown.contains(REDACTED) {
                setting.secret = self.secret(&setting.key);
            }
        }
        Ok(settings)
    }

    /// What is redacted where this key is printed.
    fn secret(&self, key: &str) -> Option<Zeroizing<String>> {
        let secret = match key {
            "edge.secret" => self.edge.secret.expose()?,
            "database.url" => self.database.url.expose(),
            _ => {
                let id = key
                    .strip_prefix("client.")?
                    .strip_suffix(".secret_sha256")?;
                let client = self.client.iter().find(|client| client.id == id)?;
                client.secret_sha256.as_ref()?.expose()
            }
        };
        Some(Zeroizing::new(secret.to_owned()))
    }
}

fn flatten(key: String, value: &Value, settings: &mut Vec<Setting>) {
    let join = |name: &str| match key.as_str() {
        "" => name.to_owned(),
        key => format!("{key}.{name}"),
    };
    match value {
        Value::Table(table) => {
            for (name, value) in table {
                flatten(join(name), value, settings);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_table) => {
            for (index, item) in items.iter().enumerate() {
                let id = item.get("id").and_then(Value::as_str);
                let name = id.map_or_else(|| index.to_string(), str::to_owned);
                flatten(join(&name), item, settings);
            }
        }
        value => settings.push(Setting {
            shown: value.to_string(),
            key,
            secret: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_redacted_has_its_secret_and_shows_nothing_of_it() {
        let text = "[database]\nurl = \"postgres://u:hunter2@h/d\"\n\
                    [edge]\nsecret = \"hunter2-hunter2-hunter2\"\n\
                    [[client]]\nid = \"a.b\"\nkind = \"confidential\"\naudiences = [\"api\"]\n\
                    secret_sha256 = \"hunter2\"\n";
        let settings: Settings = toml::from_str(text).unwrap();
        let settings = settings.in_force().unwrap();
        let with = |key: &str| settings.iter().find(|setting| setting.key == key).unwrap();
        for key in ["database.url", "edge.secret", "client.a.b.secret_sha256"] {
            assert!(
                with(key).secret.as_ref().unwrap().contains("hunter2"),
                "{key}"
            );
        }
        for setting in &settings {
            assert!(!setting.shown.contains("hunter2"), "{setting:?}");
            assert_eq!(
                setting.shown.contains(REDACTED),
                setting.secret.is_some(),
                "{setting:?}"
            );
        }
        assert_eq!(with("client.a.b.audiences").shown, "[\"api\"]");
        assert_eq!(with("refresh.window").shown, "30");
        assert_eq!(with("issuer").shown, "\"http://127.0.0.1:8787\"");
    }
}

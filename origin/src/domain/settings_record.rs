//! What changed in the settings since the last start, in the audit trail.
//!
//! The settings of a start are kept in the database; the next one compares its own with them in one
//! transaction, so that of replicas which start together with the same settings one writes the
//! event. Of a secret a MAC is kept, under a key that is derived from a master key: it tells whether
//! the secret is another one, and nothing else.

use std::collections::BTreeMap;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    master_key::{MasterKeys, Purpose},
    store::{RecordChange, StoreError},
};

/// A setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The key, with its section: `refresh.window`.
    pub key: String,
    /// The value as it may be seen by anybody.
    pub shown: String,
    /// The value itself, where it may not.
    pub secret: Option<Zeroizing<String>>,
}

/// A setting as it is kept.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    shown: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<SecretMac>,
}

/// The MAC of a secret, in base64url, and the number of the master key that it comes of.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SecretMac {
    master_key: u8,
    tag: String,
}

type Record = BTreeMap<String, Kept>;

/// The longest detail of an event, in bytes; beyond, keys stand without their values.
const DETAIL_LIMIT: usize = 4000;

/// Compares the settings with those of the last start, keeps them, and writes what changed. The
/// first start has nothing to compare with and writes nothing.
///
/// # Errors
///
/// See [`StoreError`].
pub async fn record(app: &App, settings: &[Setting]) -> Result<(), StoreError> {
    let mut all_tags = BTreeMap::new();
    let mut record = Record::new();
    // The MACs of the last start can be checked with its key alone: each is made under every key.
    for setting in settings {
        let secret = setting.secret.as_ref();
        let tags = secret.map(|secret| tags(&app.master, &setting.key, secret));
        let current = app.master.current_id();
        let mac = tags.as_ref().and_then(|tags| {
            let tag = tags.get(&current)?.clone();
            Some(SecretMac {
                master_key: current,
                tag,
            })
        });
        let shown = setting.shown.clone();
        record.insert(setting.key.clone(), Kept { shown, mac });
        all_tags.insert(setting.key.clone(), tags.unwrap_or_default());
    }
    let now = app.clock.now();
    let (send, receive) = std::sync::mpsc::channel();
    let decide = move |found: &str| {
        let document = serde_json::to_string(&record).unwrap_or_default();
        let changed = match serde_json::from_str::<Record>(found) {
            _ if found.is_empty() => vec![],
            Ok(last) => compare(&last, &record, &all_tags),
            Err(_) => vec![(
                "the record of the last start".to_owned(),
                "unreadable".to_owned(),
            )],
        };
        let event = (!changed.is_empty()).then(|| Event {
            detail: Some(detail(&changed)),
            ..Event::new(now, Action::SettingsChanged, Actor::Service)
        });
        let events = Vec::from_iter(event);
        let _ = send.send(events.clone());
        RecordChange {
            document: (document != found).then_some(document),
            events,
        }
    };
    app.store.change_settings_record(Box::new(decide)).await?;
    let events = receive.try_recv().unwrap_or_default();
    events.iter().for_each(Event::announce);
    Ok(())
}

/// A secret's tag under each master key.
type Tags = BTreeMap<u8, String>;

fn tags(keys: &MasterKeys, key: &str, secret: &str) -> Tags {
    keys.ids()
        .filter_map(|id| Some((id, tag(keys, id, key, secret)?)))
        .collect()
}

/// The key's name goes in, so that equal secrets of two settings do not look alike.
fn tag(keys: &MasterKeys, id: u8, key: &str, secret: &str) -> Option<String> {
    let derived = keys.derive(id, Purpose::SettingsRecord)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(derived.as_slice()).ok()?;
    mac.update(key.as_bytes());
    mac.update(&[0]);
    mac.update(secret.as_bytes());
    let bytes = mac.finalize().into_bytes();
    Some(Base64UrlUnpadded::encode_string(&bytes))
}

/// The keys that changed, each with what became of it.
fn compare(last: &Record, now: &Record, tags: &BTreeMap<String, Tags>) -> Vec<(String, String)> {
    let keys: std::collections::BTreeSet<&String> = last.keys().chain(now.keys()).collect();
    let change = |key: &String| {
        let (before, after) = (last.get(key), now.get(key));
        let shown = |kept: Option<&Kept>| kept.map_or("none".to_owned(), |kept| kept.shown.clone());
        if before.map(|kept| &kept.shown) != after.map(|kept| &kept.shown) {
            return Some(format!("{} -> {}", shown(before), shown(after)));
        }
        let mac = before.and_then(|kept| kept.mac.as_ref())?;
        let same = tags.get(key).and_then(|tags| tags.get(&mac.master_key)) == Some(&mac.tag);
        (!same).then(|| "secret changed".to_owned())
    };
    keys.into_iter()
        .filter_map(|key| Some((key.clone(), change(key)?)))
        .collect()
}

fn detail(changed: &[(String, String)]) -> String {
    let whole: Vec<String> = changed
        .iter()
        .map(|(key, change)| format!("{key}: {change}"))
        .collect();
    let whole = whole.join("; ");
    if whole.len() <= DETAIL_LIMIT {
        return whole;
    }
    let mut keys = String::new();
    for (index, (key, _)) in changed.iter().enumerate() {
        if keys.len() + key.len() > DETAIL_LIMIT {
            return format!("{keys}and {} more", changed.len() - index);
        }
        keys = format!("{keys}{key}; ");
    }
    keys.trim_end_matches("; ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_never_longer_than_its_limit_by_much() {
        let changed = |count: usize| -> Vec<(String, String)> {
            let one = |number| (format!("client.number-{number}.audiences"), "x".repeat(90));
            (0..count).map(one).collect()
        };
        assert!(detail(&changed(2)).contains(": xxx"));
        let keys = detail(&changed(60));
        assert!(
            !keys.contains("xxx") && keys.ends_with("number-59.audiences"),
            "{keys}"
        );
        let many = detail(&changed(5000));
        assert!(
            many.len() < DETAIL_LIMIT + 30 && many.ends_with("more"),
            "{many}"
        );
    }
}

//! `portcullis api-key`.

use portcullis_shared::api_key::ApiKey;
use serde_json::Value;

use super::{PASSWORD, Place};

fn list(place: &Place, arguments: &[&str]) -> Vec<Value> {
    let printed = place.run(&[&["api-key", "list", "--json"], arguments].concat(), "");
    let lines = printed.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn api_keys_are_made_listed_rotated_and_revoked_from_the_command_line() {
    let place = Place::new();
    let add = [
        "user",
        "add",
        "ann",
        "--scope",
        "api:read",
        "--password-stdin",
    ];
    place.run(&add, PASSWORD);
    let create = ["api-key", "create", "Ann", "--name", "deploy"];
    let rights = ["--scope", "api:read", "--expires", "90d", "--json"];
    let made = place.json(&[create.as_slice(), &rights].concat(), "");
    let (id, key) = (&made["api_key"]["id"], made["key"].as_str().unwrap());
    assert_eq!(ApiKey::parse(key).unwrap().id().to_string(), *id);
    assert_eq!(made["api_key"]["scopes"][0], "api:read");
    assert_eq!(made["api_key"]["client_id"], "portcullis");
    let time = |key: &Value, name: &str| key[name].as_i64().unwrap();
    let lifetime = time(&made["api_key"], "expires_at") - time(&made["api_key"], "created_at");
    assert_eq!(lifetime, 90 * 86_400);
    assert_eq!(list(&place, &["--owner", "ann"]), [made["api_key"].clone()]);

    let id = id.as_str().unwrap();
    let rotated = place.json(&["api-key", "rotate", id, "--overlap", "7d", "--json"], "");
    let old = &rotated["old"];
    assert_eq!(
        (&old["id"], &old["state"]),
        (&id.into(), &"replaced".into())
    );
    assert_eq!(old["replaced_by"], rotated["api_key"]["id"]);
    assert_eq!(
        time(old, "expires_at") - time(&rotated["api_key"], "created_at"),
        7 * 86_400
    );
    let revoked = place.json(&["api-key", "revoke", id, "--json"], "");
    assert!(revoked["seq"].is_u64());
    assert_eq!(revoked["api_key"]["state"], "revoked");
    assert_eq!(list(&place, &["--over"]), [revoked["api_key"].clone()]);
    assert_eq!(list(&place, &[]), [rotated["api_key"].clone()]);
    assert_eq!(list(&place, &["--any"]).len(), 2);

    // A person reads the key once, and where it has gone.
    let text = place.run(&["api-key", "create", "ann", "--name", "\u{202e}k"], "");
    let shown = text.lines().last().unwrap();
    let key = shown.strip_prefix("API key, shown this once: ").unwrap();
    let id = ApiKey::parse(key).unwrap().id().to_string();
    assert!(text.contains("expires never  \\u{202e}k"), "{text}");
    let text = place.run(&["api-key", "rotate", &id, "--overlap", "0s"], "");
    let gone = format!("The old key, {id}, is revoked, in force where");
    assert!(text.contains(&gone), "{text}");
    assert!(
        !place
            .run(&["api-key", "list", "--any"], "")
            .contains("pak_")
    );
}

#[test]
fn mistakes_with_api_keys_are_told() {
    let place = Place::new();
    place.run(&["user", "add", "ann", "--setup"], "");
    let nobodys = "aaaaaaaaaaaaaaaaaaaaaaaaaa";
    let create = |more: &[&'static str]| [&["api-key", "create"], more].concat();
    for (arguments, code, text) in [
        (
            create(&["nobody", "--name", "k"]),
            1,
            "there is no user nobody",
        ),
        (create(&["ann"]), 2, "--name"),
        (create(&["ann", "--name", ""]), 2, "the name of a key has"),
        (
            create(&["ann", "--name", "k", "--client", "portcullis-admin"]),
            1,
            "none that keys are made for",
        ),
        (
            create(&["ann", "--name", "k", "--expires", "2020-01-01"]),
            1,
            "the expiry must be in the future",
        ),
        (
            vec!["api-key", "revoke", nobodys],
            1,
            "there is no API key aaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
        (vec!["api-key", "rotate", nobodys], 1, "there is no API key"),
        (vec!["api-key", "revoke", "x"], 2, "not a valid identifier"),
        (
            vec!["api-key", "rotate", nobodys, "--overlap", "2026-01-01"],
            2,
            "must be a number and s, m, h or d",
        ),
        (
            vec!["api-key", "rotate", nobodys, "--overlap", "400d"],
            2,
            "an overlap is from 0",
        ),
    ] {
        let (got, error) = place.fail(&arguments, "");
        assert!(
            got == code && error.contains(text),
            "{arguments:?}: {got} {error}"
        );
    }
}

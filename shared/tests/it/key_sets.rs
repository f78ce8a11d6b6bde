//! Key sets: one bad entry does not spoil the others, and a set that cannot be trusted is refused
//! as a whole.

use std::{slice, sync::Arc};

use portcullis_shared::{
    ed25519::{BaseTables, KeyTables},
    keys::{KEY_SET_LIMIT, KeySet, KeySetError, PublicKeySet, VerifyingKey},
};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixture::{NOW, forge, judge, key, key_set};

/// An entry that is good but for its name.
fn entry(number: u8, kid: &str) -> Value {
    let mut entry = json!(key(number).public_jwk());
    entry["kid"] = json!(kid);
    entry
}

fn parse(entries: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::parse(json!({ "keys": entries }).to_string().as_bytes())
}

/// The names of the keys that are left of these entries.
fn kids(entries: &[Value]) -> Vec<String> {
    let keys = parse(entries).unwrap();
    keys.ids().map(ToString::to_string).collect()
}

#[test]
fn a_published_key_set_is_read_again() {
    let (one, other) = (key(1), key(2));
    let published = PublicKeySet {
        keys: vec![one.public_jwk(), other.public_jwk()],
    };
    let keys = KeySet::parse(&serde_json::to_vec(&published).unwrap()).unwrap();
    assert_eq!(keys.ids().collect::<Vec<_>>(), [one.id(), other.id()]);
    assert!(judge(&forge(&one).good(), &keys, NOW).is_ok());
    assert!(judge(&forge(&other).good(), &keys, NOW).is_ok());
}

#[test]
fn members_that_may_be_absent_or_unknown_do_not_matter() {
    let bare = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "bare", "x": entry(1, "")["x"] });
    let mut rich = entry(2, "rich");
    rich["alg"] = json!("Ed25519");
    rich["key_ops"] = json!(["verify"]);
    rich["x5t"] = json!("ignored");
    rich["nbf"] = json!({ "a": [1, 2, 3] });
    assert_eq!(kids(&[bare, rich]), ["bare", "rich"]);
}

/// What the members of an entry must not be; `x` is what the last should be.
fn wrong_values(x: &str) -> [(&'static str, Vec<Value>); 7] {
    [
        (
            "kty",
            vec![
                json!("okp"),
                json!("EC"),
                json!(""),
                json!(null),
                json!(["OKP"]),
            ],
        ),
        (
            "crv",
            vec![
                json!("X25519"),
                json!("Ed448"),
                json!("ed25519"),
                json!("P-256"),
                json!(null),
            ],
        ),
        (
            "use",
            vec![
                json!("enc"),
                json!("SIG"),
                json!(""),
                json!(null),
                json!(["sig"]),
            ],
        ),
        (
            "alg",
            vec![
                json!("none"),
                json!("HS256"),
                json!("Ed448"),
                json!("eddsa"),
                json!(null),
            ],
        ),
        (
            "key_ops",
            vec![
                json!([]),
                json!(["sign"]),
                json!(["encrypt"]),
                json!("verify"),
                json!(null),
            ],
        ),
        (
            "kid",
            vec![
                json!(""),
                json!("a b"),
                json!("k".repeat(129)),
                json!(7),
                json!(null),
            ],
        ),
        (
            "x",
            vec![
                json!(""),
                json!("AA"),
                json!(format!("{x}=")),
                json!(format!("{x}A")),
                json!(format!("{x}AA")),
                json!(x[1..]),
                json!(format!(" {x}")),
                json!(x.repeat(100)),
                json!(null),
                json!([1, 2, 3]),
            ],
        ),
    ]
}

/// Entries that are nobody's, other people's, or ours with a mistake in them.
fn bad_entries() -> Vec<Value> {
    let change = |name: &str, value: Value| {
        let mut entry = entry(1, "bad");
        entry[name] = value;
        entry
    };
    let without = |name: &str| {
        let mut entry = entry(1, "bad");
        entry.as_object_mut().unwrap().remove(name);
        entry
    };
    let x = entry(1, "")["x"].as_str().unwrap().to_owned();
    let mut bad = vec![
        json!(null),
        json!(7),
        json!("key"),
        json!([]),
        json!({}),
        json!({ "kty": "RSA", "kid": "bad", "n": "AQAB", "e": "AQAB" }),
        json!({ "kty": "EC", "crv": "P-256", "kid": "bad", "x": x, "y": x }),
        json!({ "kty": "oct", "kid": "bad", "k": x }),
        json!({ "kty": "AKP", "kid": "bad", "alg": "ML-DSA-44", "pub": x }),
        change("d", json!(x)),
        change("d", json!("")),
        change("d", json!(null)),
    ];
    for name in ["kty", "crv", "x", "kid"] {
        bad.push(without(name));
    }
    for (name, values) in wrong_values(&x) {
        bad.extend(values.into_iter().map(|value| change(name, value)));
    }
    bad
}

#[test]
fn an_entry_that_is_not_ours_is_passed_over() {
    for bad in bad_entries() {
        assert_eq!(
            parse(slice::from_ref(&bad)).unwrap_err(),
            KeySetError::Empty,
            "{bad}"
        );
        assert_eq!(
            kids(&[entry(2, "before"), bad, entry(3, "after")]),
            ["before", "after"]
        );
    }
}

#[test]
fn an_entry_of_odd_json_is_passed_over_as_well() {
    let good = entry(2, "good");
    let x = &entry(1, "")["x"];
    let bad = [
        format!(r#"{{"kty":"OKP","kty":"OKP","crv":"Ed25519","kid":"bad","x":{x}}}"#),
        format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"bad","kid":"bad","x":{x}}}"#),
        format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"bad","x":{x},"y":1,"y":1}}"#),
        format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"bad","x":{x},"y":"\ud800"}}"#),
        format!(r#"["OKP","bad","Ed25519",{x},null,null,null,null]"#),
        format!("{}{}", "[".repeat(100), "]".repeat(100)),
        format!("{}{}", "[".repeat(9000), "]".repeat(9000)),
    ];
    for bad in bad {
        let json = format!(r#"{{"keys":[{bad},{good}]}}"#);
        let keys = KeySet::parse(json.as_bytes()).unwrap();
        assert_eq!(
            keys.ids().map(ToString::to_string).collect::<Vec<_>>(),
            ["good"]
        );
    }
}

#[test]
fn a_key_that_cannot_be_used_does_not_contend_for_a_name() {
    let rsa = json!({ "kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB" });
    assert_eq!(kids(&[rsa.clone(), entry(1, "k"), rsa]), ["k"]);
}

#[test]
fn two_keys_of_one_name_spoil_the_set() {
    let duplicate = KeySetError::Duplicate("k".parse().unwrap());
    for entries in [
        vec![entry(1, "k"), entry(2, "k")],
        vec![entry(1, "k"), entry(1, "k")],
        vec![entry(1, "k"), entry(2, "a"), entry(3, "z"), entry(2, "k")],
    ] {
        assert_eq!(parse(&entries).unwrap_err(), duplicate);
    }
    let twice = vec![
        key(1).verifying_key().unwrap(),
        key(1).verifying_key().unwrap(),
    ];
    assert!(matches!(KeySet::new(twice), Err(KeySetError::Duplicate(_))));
}

#[test]
fn names_are_told_apart_by_case() {
    assert_eq!(kids(&[entry(1, "k"), entry(2, "K")]), ["k", "K"]);
}

#[test]
fn what_is_no_key_set_is_refused() {
    let good = json!({ "keys": [entry(1, "k")] }).to_string();
    let entries = &good[1..good.len() - 1];
    let documents = [
        String::new(),
        " ".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        entry(1, "k").to_string(),
        json!([entry(1, "k")]).to_string(),
        r#"{"keys":null}"#.to_owned(),
        r#"{"keys":{}}"#.to_owned(),
        r#"{"keys":"k"}"#.to_owned(),
        r#"{"Keys":[]}"#.to_owned(),
        "<!DOCTYPE html><html><body>502 Bad Gateway</body></html>".to_owned(),
        "upstream connect error".to_owned(),
        format!("\u{feff}{good}"),
        format!("{good}{good}"),
        format!("{good}x"),
        format!("{good}\0"),
        format!("{{{entries},{entries}}}"),
        format!("{{{entries},\"x\":1,\"x\":1}}"),
        good[..good.len() - 1].to_owned(),
        "[".repeat(KEY_SET_LIMIT),
        "{\"keys\":".repeat(KEY_SET_LIMIT / 8),
    ];
    for document in documents {
        let start: String = document.chars().take(80).collect();
        let parsed = KeySet::parse(document.as_bytes());
        assert_eq!(parsed.unwrap_err(), KeySetError::Malformed, "{start}");
    }
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin = [good.replace("}]}", "}],\"x\":\"").as_bytes(), b"\xe4\"}"].concat();
    for document in [utf16, latin, vec![0xff; 10], vec![0; 10]] {
        assert_eq!(
            KeySet::parse(&document).unwrap_err(),
            KeySetError::Malformed
        );
    }
}

#[test]
fn a_set_without_a_usable_key_is_empty() {
    assert_eq!(
        KeySet::parse(br#"{"keys":[]}"#).unwrap_err(),
        KeySetError::Empty
    );
    assert_eq!(KeySet::new(Vec::new()).unwrap_err(), KeySetError::Empty);
}

#[test]
fn the_size_limit_is_exact() {
    let mut json = json!({ "keys": [entry(1, "k")] }).to_string();
    json.push_str(&" ".repeat(KEY_SET_LIMIT - json.len()));
    assert!(KeySet::parse(json.as_bytes()).is_ok());
    json.push(' ');
    assert_eq!(
        KeySet::parse(json.as_bytes()).unwrap_err(),
        KeySetError::TooLong
    );
}

#[test]
fn a_signing_key_shows_nothing_of_its_secret_half() {
    let key = key(0x5a);
    let shown = format!(
        "{key:?} {}",
        serde_json::to_string(&key.public_jwk()).unwrap()
    );
    let public: VerifyingKey = key.verifying_key().unwrap();
    assert!(key_set(&[&key]).get(public.id()).is_some());
    for secret in ["5a5a", "Wlpa", "90, 90", "\"d\""] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn the_tables_of_a_key_take_less_than_a_megabyte() {
    let base = Arc::new(BaseTables::build());
    let tables = KeyTables::build(&key(7).verifying_key().unwrap(), Arc::clone(&base));
    assert_eq!([base.size(), tables.size()], [640 * 1024; 2]);
}

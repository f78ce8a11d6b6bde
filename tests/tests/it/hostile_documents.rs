//! Documents that an origin, or somebody before it, might serve instead of the two that the edge
//! needs. The last good ones stay in force up to their hard ages, which are shortened here.

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use portcullis_e2e::clock;
use portcullis_shared::revocation::Document;
use serde_json::{Value, json};

use crate::harness::{
    forged::{Forged, forge},
    hostile::{Conduct, State, key},
};

const SHORT: [(&str, &str); 5] = [
    ("REVOCATIONS_FRESH_MS", "100"),
    ("REVOCATIONS_BEHIND_MS", "200"),
    ("REVOCATIONS_HARD_MS", "2000"),
    ("KEYS_FRESH_MS", "100"),
    ("KEYS_HARD_MS", "2000"),
];

/// A good token passes, then the document is spoilt and it gets 503, and then it passes again.
async fn endures(set: &Forged, name: &str, spoil: impl FnOnce(&mut State)) {
    let token = set.token(&key(1));
    set.until_status(&token, 200).await;
    set.origin.set(spoil);
    assert_eq!(
        set.status(&token).await,
        200,
        "{name}: what is held stays in force"
    );
    let served = set.last_served(&token).await;
    assert!(served < Duration::from_secs(5), "{name}: {served:?}");
    set.origin.set(|state| {
        (state.keys_conduct, state.feed_conduct) = (Conduct::Good, Conduct::Good);
    });
    set.until_status(&token, 200).await;
}

/// A key set with a key of which members are changed, and beside it one that is good, so that the
/// set itself is.
fn with_members(changes: &[(&str, Value)]) -> Vec<u8> {
    let mut entry = json!(key(1).public_jwk());
    for (name, value) in changes {
        entry[*name] = value.clone();
    }
    let keys = [entry, json!(key(3).public_jwk())];
    json!({ "keys": keys }).to_string().into_bytes()
}

#[tokio::test]
async fn no_key_set_with_something_wrong_about_it_is_taken() {
    let set = Forged::start(&SHORT).await;
    let good = String::from_utf8(set.origin.state.lock().unwrap().key_set()).unwrap();
    let bodies = [
        ("an array", format!("[{good}]")),
        ("a string", json!(good).to_string()),
        ("twice", format!("{good}{good}")),
        ("a byte order mark", format!("\u{feff}{good}")),
        ("keys twice", good.replacen('{', "{\"keys\":[],", 1)),
        (
            "a member of the key twice",
            good.replacen("\"kty\"", "\"kty\":\"OKP\",\"kty\"", 1),
        ),
        (
            "keys as an object",
            good.replace('[', "{\"0\":").replace(']', "}"),
        ),
        ("null", "null".to_owned()),
        (
            "HTML in disguise",
            "<!doctype html><title>Sign in</title>".to_owned(),
        ),
        ("a token", set.token(&key(1))),
    ];
    for (name, body) in bodies {
        endures(&set, name, |state| {
            state.keys_conduct = Conduct::Body(body.into_bytes());
        })
        .await;
    }
    for (name, conduct) in [
        ("late", Conduct::Late(Duration::from_millis(2600))),
        ("no content", Conduct::Status(204)),
        ("partial", Conduct::Status(206)),
        ("no media type", Conduct::MediaType("")),
        ("another media type", Conduct::MediaType("text/plain")),
    ] {
        endures(&set, name, |state| state.keys_conduct = conduct).await;
    }
}

#[tokio::test]
async fn no_key_that_is_not_one_for_our_signatures_is_taken() {
    let set = Forged::start(&SHORT).await;
    let encode = |bytes: &[u8]| json!(Base64UrlUnpadded::encode_string(bytes));
    let x = |bytes: &[u8]| vec![("x", encode(bytes))];
    let public = key(1).public_bytes();
    let identity: Vec<u8> = std::iter::once(1).chain([0; 31]).collect();
    // The field's prime plus one: the identity, not in its canonical form.
    let not_canonical: Vec<u8> = [&[0xee][..], &[0xff; 30], &[0x7f]].concat();
    for (name, changes) in [
        ("for encryption", vec![("use", json!("enc"))]),
        ("for signing alone", vec![("key_ops", json!(["sign"]))]),
        ("for nothing", vec![("key_ops", json!([]))]),
        ("of another type", vec![("kty", json!("EC"))]),
        ("a secret", vec![("kty", json!("oct"))]),
        ("of another curve", vec![("crv", json!("X25519"))]),
        ("of a larger curve", vec![("crv", json!("Ed448"))]),
        ("of another algorithm", vec![("alg", json!("ES256"))]),
        ("of no algorithm", vec![("alg", json!("none"))]),
        ("of an odd algorithm", vec![("alg", json!(null))]),
        ("with its private half", vec![("d", encode(&[1; 32]))]),
        ("a byte short", x(&public[..31])),
        ("a byte long", x(&[&public[..], &[0]].concat())),
        ("of small order", x(&identity)),
        ("of no order", x(&[0; 32])),
        ("not canonical", x(&not_canonical)),
        ("no point", x(&[2; 32])),
        ("another key", x(&key(2).public_bytes())),
        ("of another name", vec![("kid", json!("another"))]),
        ("of an odd name", vec![("kid", json!(7))]),
        ("of no name", vec![("kid", json!(""))]),
    ] {
        let token = set.token(&key(1));
        set.until_status(&token, 200).await;
        set.origin.set(|state| {
            state.keys_conduct = Conduct::Body(with_members(&changes));
            state.signer = key(3);
        });
        set.until_status(&set.token(&key(3)), 200).await;
        assert_eq!(set.status(&token).await, 401, "{name}");
        set.origin.set(|state| {
            (state.keys_conduct, state.signer) = (Conduct::Good, key(1));
        });
    }
}

#[tokio::test]
async fn no_feed_with_something_wrong_about_it_is_taken() {
    let set = Forged::start(&SHORT).await;
    let issuer = set.edge.url();
    let signer = key(1);
    let forge = forge(&issuer, &signer);
    let seq = set.origin.state.lock().unwrap().seq;
    let document = |issuer: &str, offset: i64, range: std::ops::RangeInclusive<u64>| {
        let now = clock::now().plus(offset);
        Document::sign(&signer, issuer, now, range, Vec::new()).unwrap()
    };
    let good = document(&issuer, 0, 0..=seq);
    let (input, signature) = good.rsplit_once('.').unwrap();
    let payload = input.split_once('.').unwrap().1;
    let header = |typ: &str| {
        let mut header = forge.header();
        header.insert("typ".to_owned(), json!(typ));
        Base64UrlUnpadded::encode_string(Value::Object(header).to_string().as_bytes())
    };
    let claims = |change: &dyn Fn(&mut Value)| {
        let bytes = Base64UrlUnpadded::decode_vec(payload).unwrap();
        let mut claims: Value = serde_json::from_slice(&bytes).unwrap();
        change(&mut claims);
        let mut header = forge.header();
        header.insert("typ".to_owned(), json!("revocations+jwt"));
        forge.token_of(Value::Object(header).to_string(), claims.to_string())
    };
    for (name, body) in [
        ("an access token", forge.good()),
        (
            "of another type",
            forge.sign(&format!("{}.{payload}", header("at+jwt"))),
        ),
        (
            "of no type",
            forge.sign(&format!("{}.{payload}", header("JWT"))),
        ),
        (
            "of another issuer",
            document("https://other.example", 0, 0..=seq),
        ),
        ("of tomorrow", document(&issuer, 86_400, 0..=seq)),
        ("of a moment to come", document(&issuer, 30, 0..=seq)),
        ("of yesterday", document(&issuer, -86_400, 0..=seq)),
        (
            "without what lies between",
            document(&issuer, 0, seq + 5..=seq + 9),
        ),
        ("with a bit of its signature changed", {
            let other = if signature.starts_with('A') { 'B' } else { 'A' };
            format!("{input}.{other}{}", &signature[1..])
        }),
        ("without a signature", format!("{input}.")),
        ("with white space inside", good.replacen('.', " .", 1)),
        ("twice", format!("{good}{good}")),
        (
            "of no seq",
            claims(&|all| drop(all.as_object_mut().unwrap().remove("seq"))),
        ),
        ("of a negative seq", claims(&|all| all["seq"] = json!(-1))),
        (
            "of a seq with a fraction",
            claims(&|all| all["seq"] = json!(1.5)),
        ),
        (
            "of entries that are none",
            claims(&|all| all["entries"] = json!("AAAA")),
        ),
        (
            "of entries in an array",
            claims(&|all| all["entries"] = json!([])),
        ),
        (
            "of a since beyond its seq",
            claims(&|all| all["since"] = json!(seq + 1)),
        ),
    ] {
        endures(&set, name, |state| {
            state.feed_conduct = Conduct::Body(body.into_bytes());
        })
        .await;
    }
    for (name, conduct) in [
        ("late", Conduct::Late(Duration::from_millis(2600))),
        ("no content", Conduct::Status(204)),
        ("as JSON", Conduct::MediaType("application/json")),
    ] {
        endures(&set, name, |state| state.feed_conduct = conduct).await;
    }
}

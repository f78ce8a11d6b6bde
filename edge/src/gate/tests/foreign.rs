//! Tokens of other issuers, their signatures checked by somebody else.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use super::*;
use crate::{gate::conclude, snapshot::Needs};

const OTHER: &str = "https://other.example";
const THIRD: &str = "https://third.example/";

fn encoded(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// A token as the other issuer writes it, with changes; the signature is of the right length.
fn foreign(header: &Value, changes: &Value) -> String {
    let mut claims = json!({"iss": OTHER, "sub": "auth0|7", "aud": ["https://api.example"],
        "iat": NOW.seconds(), "exp": NOW.seconds().plus(600), "scope": "api:read",
        "groups": ["admin"]});
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let parts = [header, &claims].map(|part| encoded(part.to_string().as_bytes()));
    format!("{}.{}.{}", parts[0], parts[1], encoded(&[7; 256]))
}

fn usual() -> String {
    foreign(&header("r"), &json!({}))
}

fn header(kid: &str) -> Value {
    json!({"alg": "RS256", "kid": kid, "typ": "at+jwt"})
}

/// A key set with an RSA key of this name.
fn keys(kid: &str) -> Vec<u8> {
    let mut modulus = [0xff; 256];
    modulus[1] = kid.len().try_into().unwrap();
    let key = json!({"kty": "RSA", "kid": kid, "n": encoded(&modulus), "e": "AQAB"});
    json!({ "keys": [key] }).to_string().into_bytes()
}

/// With keys of both other issuers, and nothing of our own.
fn knowing() -> Snapshot {
    let table = config().table;
    let mut snapshot = Snapshot::new(Ages::default()).with_issuers(table.issuers().len());
    for (number, kid) in ["r", "third"].into_iter().enumerate() {
        put(&mut snapshot, number, kid);
    }
    snapshot
}

fn put(snapshot: &mut Snapshot, number: usize, kid: &str) {
    let table = config().table;
    let step = snapshot.advance(Needs::Foreign(number), NOW, NOW);
    let attempt = step.keys.unwrap();
    let declared = table.issuers().get(number).unwrap();
    snapshot
        .put_foreign_keys(number, declared, attempt, &keys(kid))
        .unwrap();
    snapshot.end_foreign_keys(number, attempt);
}

/// The decision, if whoever checks the signature says that it `holds`, and whether somebody was asked.
fn rule_if(holds: bool, head: &Head, snapshot: &Snapshot, memory: &mut Memory) -> (Ruling, bool) {
    let config = config();
    let case = match plan(head, &config) {
        Plan::Ruled(ruling) => return (ruling, false),
        Plan::Judge(case) => case,
    };
    match judge(&case, snapshot, memory, NOW) {
        Verdict::Ruled(ruling) => (ruling, false),
        Verdict::UnknownKey(key) => (refuse_unknown_key(&case, &key), false),
        Verdict::Exchange => panic!("no API key"),
        Verdict::CheckSignature(check) => {
            match conclude(&case, *check, holds, snapshot, memory, NOW) {
                Verdict::Ruled(ruling) => (ruling, true),
                other => panic!("{other:?}"),
            }
        }
    }
}

fn passes(token: &str) -> Ruling {
    let head = with_token("/foreign/x", token);
    rule_if(true, &head, &knowing(), &mut Memory::new(1 << 20)).0
}

#[test]
fn a_token_of_another_issuer_passes_with_its_identity_and_as_its_own_proof() {
    let forward = forwarded(passes(&usual()));
    let sent = sent(&forward);
    assert_eq!(sent["portcullis-issuer"], OTHER);
    assert_eq!(sent["portcullis-subject"], "auth0|7");
    assert_eq!(sent["portcullis-scope"], "api:read");
    assert_eq!(sent["portcullis-roles"], "admin");
    assert_eq!(sent["portcullis-proof"], usual());
    assert!(!sent.contains_key("portcullis-session"));
}

#[test]
fn the_signature_is_checked_once_and_everything_else_at_each_use() {
    let (head, snapshot) = (with_token("/foreign/x", &usual()), knowing());
    let mut memory = Memory::new(1 << 20);
    assert!(rule_if(true, &head, &snapshot, &mut memory).1);
    let (again, asked) = rule_if(true, &head, &snapshot, &mut memory);
    assert!(!asked && again.outcome() == Outcome::Passed);
    // A key that has gone takes its tokens with it.
    let mut renewed = knowing();
    put_later(&mut renewed);
    let (gone, asked) = rule_if(true, &head, &renewed, &mut memory);
    assert!(!asked);
    assert_eq!(gone.reason, Some(Reason::UnknownKey));
    let without_memory = &mut Memory::new(0);
    for _ in 0..2 {
        let (ruling, asked) = rule_if(true, &head, &snapshot, without_memory);
        assert!(asked && ruling.outcome() == Outcome::Passed);
    }
}

fn put_later(snapshot: &mut Snapshot) {
    let config = config();
    let key = "unknown".parse().unwrap();
    let step = snapshot.advance_for_foreign_key(0, &key, NOW, NOW);
    let declared = config.table.issuers().first().unwrap();
    snapshot
        .put_foreign_keys(0, declared, step.keys.unwrap(), &keys("newer"))
        .unwrap();
}

#[test]
fn a_signature_that_does_not_hold_is_refused_and_not_remembered() {
    let (head, snapshot) = (with_token("/foreign/x", &usual()), knowing());
    let mut memory = Memory::new(1 << 20);
    for _ in 0..2 {
        let (ruling, asked) = rule_if(false, &head, &snapshot, &mut memory);
        assert_eq!(ruling.reason, Some(Reason::Signature));
        assert_eq!(answered(ruling), Answer::invalid_token());
        assert!(asked);
    }
}

#[test]
fn no_issuer_s_key_stands_for_another_s() {
    // Signed with a key of the third, or with one of the other's that says to be the third.
    for token in [
        foreign(&header("third"), &json!({})),
        foreign(&header("r"), &json!({ "iss": THIRD })),
    ] {
        let head = with_token("/both/x", &token);
        let (ruling, asked) = rule_if(true, &head, &knowing(), &mut Memory::new(1 << 20));
        assert_eq!(ruling.reason, Some(Reason::UnknownKey));
        assert!(!asked);
    }
    let of_third = foreign(
        &header("third"),
        &json!({ "iss": THIRD, "aud": "third-api" }),
    );
    // This route does not take the third's: the token is held against our own keys.
    assert_eq!(passes(&of_third).outcome(), Outcome::Refused);
    let both = with_token("/both/x", &of_third);
    let (ruling, _) = rule_if(true, &both, &knowing(), &mut Memory::new(1 << 20));
    assert_eq!(ruling.outcome(), Outcome::Passed);
    assert_eq!(sent(&forwarded(ruling))["portcullis-issuer"], THIRD);
}

#[test]
fn our_issuer_is_nobody_else_s() {
    let mut memory = Memory::new(1 << 20);
    let ours = foreign(&header("r"), &json!({ "iss": ISSUER }));
    for path in ["/both/x", "/foreign/x", "/api/x"] {
        let head = with_token(path, &ours);
        let (ruling, asked) = rule_if(true, &head, &knowing(), &mut memory);
        assert_eq!(ruling.outcome(), Outcome::Refused, "{path}");
        assert!(!asked);
    }
    let head = with_token("/both/x", &token());
    let snapshot = snapshot(Vec::new()).with_issuers(2);
    assert_eq!(
        rule_if(true, &head, &snapshot, &mut memory).0.outcome(),
        Outcome::Passed
    );
}

#[test]
fn routes_that_do_not_name_the_issuer_take_none_of_its_tokens() {
    let mut memory = Memory::new(1 << 20);
    let head = with_token("/foreign/x", &usual());
    rule_if(true, &head, &knowing(), &mut memory);
    for path in ["/api/x", "/api/admin/x", "/maybe/x", "/admin/x"] {
        let head = with_token(path, &usual());
        let snapshot = snapshot(Vec::new()).with_issuers(2);
        let (ruling, asked) = rule_if(true, &head, &snapshot, &mut memory);
        assert_eq!(ruling.outcome(), Outcome::Refused, "{path}");
        assert!(!asked);
    }
}

#[test]
fn what_does_not_fit_the_declaration_is_refused_before_anybody_is_asked() {
    let now = NOW.seconds();
    for (header, changes, reason) in [
        (
            json!({"alg": "ES256", "kid": "r", "typ": "at+jwt"}),
            json!({}),
            Reason::TokenAlgorithm,
        ),
        (
            json!({"alg": "none", "kid": "r", "typ": "at+jwt"}),
            json!({}),
            Reason::TokenAlgorithm,
        ),
        (
            json!({"alg": "HS256", "kid": "r", "typ": "at+jwt"}),
            json!({}),
            Reason::TokenAlgorithm,
        ),
        (
            json!({"alg": "EdDSA", "kid": "r", "typ": "at+jwt"}),
            json!({}),
            Reason::TokenAlgorithm,
        ),
        (
            json!({"alg": "RS256", "kid": "r", "typ": "JWT"}),
            json!({}),
            Reason::TokenType,
        ),
        (
            json!({"alg": "RS256", "kid": "r"}),
            json!({}),
            Reason::TokenType,
        ),
        (
            json!({"alg": "RS256", "typ": "at+jwt"}),
            json!({}),
            Reason::TokenHeader,
        ),
        (
            json!({"alg": "RS256", "kid": "r", "typ": "at+jwt", "jku": "https://a"}),
            json!({}),
            Reason::TokenHeader,
        ),
        (
            json!({"alg": "RS256", "kid": "r", "typ": "at+jwt", "crit": []}),
            json!({}),
            Reason::TokenHeader,
        ),
        (
            json!({"alg": "RS256", "kid": ["r"], "typ": "at+jwt"}),
            json!({}),
            Reason::TokenHeader,
        ),
        (
            header("r"),
            json!({"aud": "https://other.example/userinfo"}),
            Reason::Audience,
        ),
        (header("r"), json!({"sub": ""}), Reason::Claims),
        (header("r"), json!({"exp": now}), Reason::Claims),
    ] {
        let head = with_token("/foreign/x", &foreign(&header, &changes));
        let (ruling, asked) = rule_if(true, &head, &knowing(), &mut Memory::new(1 << 20));
        assert_eq!(ruling.reason, Some(reason), "{header} {changes}");
        assert_eq!(answered(ruling), Answer::invalid_token());
        assert!(!asked, "{header} {changes}");
    }
}

#[test]
fn a_genuine_token_is_judged_by_the_declaration_s_terms() {
    let now = NOW.seconds();
    for (changes, reason) in [
        (
            json!({"iat": now.plus(-600), "exp": now.plus(-5)}),
            Reason::Expired,
        ),
        (json!({"exp": now.plus(3_601)}), Reason::Lifetime),
        (json!({"iat": now.plus(6)}), Reason::NotYetValid),
        (json!({"nbf": now.plus(6)}), Reason::NotYetValid),
        (json!({"scope": "api:rea"}), Reason::Scope),
        (json!({"groups": ["reader"]}), Reason::Role),
    ] {
        let ruling = passes(&foreign(&header("r"), &changes));
        assert_eq!(ruling.reason, Some(reason), "{changes}");
    }
}

#[test]
fn one_needs_keys_of_its_own_and_not_our_feed() {
    let head = with_token("/both/x", &usual());
    let own = snapshot(Vec::new()).with_issuers(2);
    let (ruling, _) = rule_if(true, &head, &own, &mut Memory::new(1 << 20));
    assert_eq!(ruling.reason, Some(Reason::Unavailable));
    let config = config();
    let Plan::Judge(case) = plan(&head, &config) else {
        panic!("no case")
    };
    assert_eq!(case.needs(), Needs::Foreign(0));
    assert!(knowing().is_fresh(case.needs(), NOW) && !own.is_fresh(case.needs(), NOW));
}

#[test]
fn a_session_s_cookie_beside_it_is_a_contradiction() {
    let mut head = with_token("/foreign/pages/x", &usual());
    head.names.push("cookie".to_owned());
    head.cookie = Some(format!("__Host-portcullis={}", token()));
    let (ruling, asked) = rule_if(true, &head, &knowing(), &mut Memory::new(1 << 20));
    assert_eq!(ruling.reason, Some(Reason::Contradiction));
    assert!(!asked);
}

#[test]
fn the_log_names_the_issuer_of_a_foreign_subject() {
    let ruling = passes(&foreign(&header("r"), &json!({"scope": ""})));
    assert_eq!(ruling.subject(), Some("auth0|7"));
    let issuer = ruling.subject.and_then(|subject| subject.issuer);
    assert_eq!(issuer.as_deref(), Some(OTHER));
}

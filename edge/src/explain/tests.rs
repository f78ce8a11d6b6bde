//! Explanations, each held against what the gate decides by itself.

use base64ct::{Base64UrlUnpadded, Encoding};
use portcullis_shared::{
    api_key::{ApiKey, ApiKeyId},
    claims::{AccessClaims, Audience},
    keys::{KeySet, SigningKey, VerifyingKey},
    link::{self, LinkClaims, LinkMethod, LinkMethods, QueryDigest},
    revocation::{Digest, Document, Kind, Record, Revocations},
    routes::RouteTable,
    time::UnixSeconds,
    token,
};
use serde_json::{Value, json};

use super::{Explanation, Known, Mark, Verdict, explain};
use crate::{
    gate::{Config, Decision, Head, Outcome, Reason, Ruling},
    settings::{Settings, tests::variables},
};

const ISSUER: &str = "https://id.example";
const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

const TABLE: &str = r#"
[[route]]
path = "/api/*"
methods = ["GET", "POST"]
upstream = "api"
audience = "api"
scopes = ["api:read"]
roles = ["admin"]
credentials = ["bearer", "cookie"]
cors = { origins = ["https://app.example"] }

[[route]]
path = "/watched/*"
upstream = "api"
audience = "api"
mode = "report"

[[route]]
path = "/open/*"
upstream = "api"
access = "public"

[[route]]
path = "/keys/*"
upstream = "api"
audience = "api"
credentials = ["api_key"]

[[route]]
path = "/linked/*"
upstream = "images"
audience = "images"
credentials = ["signed_url"]

[[route]]
path = "/foreign/*"
upstream = "api"
audience = "api"
scopes = ["api:read"]
issuers = ["https://other.example"]

[[issuer]]
issuer = "https://other.example"
jwks_uri = "https://other.example/jwks.json"
algorithms = ["RS256", "ES256"]
audiences = { api = "https://api.example" }
"#;

fn config() -> Config {
    let table = RouteTable::parse(TABLE).unwrap();
    let settings = Settings::read(&variables(&[]), &table).unwrap();
    Config { table, settings }
}

fn key() -> SigningKey {
    SigningKey::from_seed(&[1; 32]).unwrap()
}

fn keys_of(key: &SigningKey) -> KeySet {
    KeySet::new(vec![key.verifying_key().unwrap()]).unwrap()
}

fn claims() -> AccessClaims {
    AccessClaims {
        iss: ISSUER.to_owned(),
        aud: Audience::new(vec!["api".to_owned()]).unwrap(),
        sub: "user-1".to_owned(),
        client_id: "portcullis".to_owned(),
        iat: NOW,
        nbf: None,
        exp: NOW.plus(600),
        jti: "token-1".to_owned(),
        sid: Some("session-1".to_owned()),
        scope: "api:read".parse().unwrap(),
        roles: vec!["admin".to_owned()],
    }
}

/// A token that is wrong in whatever its claims can be wrong in.
fn wrong() -> AccessClaims {
    AccessClaims {
        iss: "https://other.example".to_owned(),
        aud: Audience::new(vec!["images".to_owned()]).unwrap(),
        iat: NOW.plus(-7_200),
        exp: NOW.plus(-3_600),
        scope: "notes".parse().unwrap(),
        roles: Vec::new(),
        ..claims()
    }
}

fn signed(claims: &AccessClaims) -> String {
    token::sign(&key(), claims).unwrap()
}

fn revocations(records: Vec<Record>) -> Revocations {
    let document = Document::sign(&key(), ISSUER, NOW, 0..=7, records).unwrap();
    let document = Document::verify(&document, &keys_of(&key()), ISSUER, NOW).unwrap();
    let mut revocations = Revocations::default();
    revocations.merge(&document, NOW).unwrap();
    revocations
}

fn known() -> Known {
    Known {
        keys: Some(keys_of(&key())),
        revocations: Some(revocations(Vec::new())),
        now: NOW,
        written: |time| time.0.to_string(),
    }
}

fn nothing_known() -> Known {
    Known {
        keys: None,
        revocations: None,
        ..known()
    }
}

fn get(path: &str) -> Head {
    Head {
        method: "GET".to_owned(),
        url: format!("https://edge.example{path}"),
        ..Head::default()
    }
}

fn with_token(path: &str, token: &str) -> Head {
    Head {
        authorization: Some(format!("Bearer {token}")),
        names: vec!["authorization".to_owned()],
        ..get(path)
    }
}

fn marks(explanation: &Explanation, mark: Mark) -> Vec<&'static str> {
    let steps = explanation.steps.iter();
    let of = steps.filter(|step| step.mark == mark);
    of.map(|step| step.check).collect()
}

fn ruling(explanation: &Explanation) -> &Ruling {
    match &explanation.verdict {
        Verdict::Ruled(ruling) => ruling,
        Verdict::Exchange { .. } => panic!("nothing is ruled: {explanation:?}"),
    }
}

#[test]
fn a_good_token_passes_every_check_and_what_is_forwarded_is_the_gate_s_own() {
    let token = signed(&claims());
    let explained = explain(&with_token("/api/x", &token), &config(), &known());
    assert_eq!(ruling(&explained).outcome(), Outcome::Passed);
    let passed = marks(&explained, Mark::Passed);
    let expected = [
        "url",
        "route",
        "credential",
        "form",
        "signature",
        "claims",
        "issuer",
        "lifetime",
        "expiry",
        "not_before",
        "audience",
        "revocation",
        "scopes",
        "roles",
    ];
    assert_eq!(passed, expected);
    assert!(explained.open.is_empty());
    let Decision::Forward(forward) = &ruling(&explained).decision else {
        panic!("{explained:?}");
    };
    let proof = ("portcullis-proof", token);
    assert!(
        forward.set.contains(&proof),
        "the token itself, no stand-in"
    );
}

#[test]
fn all_that_is_wrong_with_a_token_is_told_and_the_first_of_it_is_the_reason() {
    let explained = explain(
        &with_token("/api/x", &signed(&wrong())),
        &config(),
        &known(),
    );
    assert_eq!(ruling(&explained).reason, Some(Reason::Issuer));
    let failed = marks(&explained, Mark::Failed);
    let expected = [
        "issuer", "lifetime", "expiry", "audience", "scopes", "roles",
    ];
    assert_eq!(failed, expected);
    let passed = marks(&explained, Mark::Passed);
    assert!(passed.contains(&"not_before") && passed.contains(&"revocation"));
}

#[test]
fn without_keys_and_revocations_a_token_is_judged_all_the_same_and_both_stay_open() {
    let good = with_token("/api/x", &signed(&claims()));
    let explained = explain(&good, &config(), &nothing_known());
    assert_eq!(ruling(&explained).outcome(), Outcome::Passed);
    assert_eq!(explained.open, ["signature", "revocation"]);
    assert_eq!(marks(&explained, Mark::NotChecked), explained.open);
    assert!(marks(&explained, Mark::Failed).is_empty());

    let bad = with_token("/api/x", &signed(&wrong()));
    let explained = explain(&bad, &config(), &nothing_known());
    assert_eq!(ruling(&explained).reason, Some(Reason::Issuer));
    assert_eq!(marks(&explained, Mark::Failed).len(), 6);
}

#[test]
fn a_signature_that_does_not_hold_hides_nothing_of_what_else_is_wrong() {
    let other = SigningKey::from_seed(&[2; 32]).unwrap();
    let mut unknown = known();
    unknown.keys = Some(keys_of(&other));
    let mut forged = known();
    let public = other.public_bytes();
    let posing = VerifyingKey::new(key().id().clone(), &public).unwrap();
    forged.keys = Some(KeySet::new(vec![posing]).unwrap());
    for (known, reason) in [(unknown, Reason::UnknownKey), (forged, Reason::Signature)] {
        let head = with_token("/api/x", &signed(&wrong()));
        let explained = explain(&head, &config(), &known);
        assert_eq!(ruling(&explained).reason, Some(reason));
        let failed = marks(&explained, Mark::Failed);
        assert_eq!((failed[0], failed.len()), ("signature", 7), "{failed:?}");
    }
}

#[test]
fn what_is_revoked_is_told_with_the_rest() {
    let record = |kind, id| Record {
        kind,
        digest: Digest::of(ISSUER, kind, id),
        not_before: NOW,
        drop_at: NOW.plus(700),
    };
    for (record, reason) in [
        (record(Kind::Session, "session-1"), Reason::RevokedSession),
        (record(Kind::User, "user-1"), Reason::RevokedUser),
        (
            record(Kind::SigningKey, key().id().as_str()),
            Reason::RevokedSigningKey,
        ),
    ] {
        let claims = AccessClaims {
            roles: Vec::new(),
            ..claims()
        };
        // A withdrawn key signs no document that counts, so its own list is put together beforehand.
        let known = Known {
            revocations: Some(revocations(vec![record])),
            keys: None,
            ..known()
        };
        let explained = explain(&with_token("/api/x", &signed(&claims)), &config(), &known);
        assert_eq!(ruling(&explained).reason, Some(reason));
        assert_eq!(marks(&explained, Mark::Failed), ["revocation", "roles"]);
    }
}

#[test]
fn what_cannot_be_a_token_ends_there() {
    let explained = explain(&with_token("/api/x", "a.b.c"), &config(), &nothing_known());
    assert_eq!(ruling(&explained).reason, Some(Reason::TokenMalformed));
    assert_eq!(marks(&explained, Mark::Failed), ["form"]);
    assert!(explained.open.is_empty(), "it does not depend on keys");
}

#[test]
fn a_cookie_beside_a_token_has_to_be_of_its_session() {
    let other = AccessClaims {
        sid: Some("session-2".to_owned()),
        ..claims()
    };
    let head = |claims: &AccessClaims| Head {
        cookie: Some(format!("__Host-portcullis={}", signed(claims))),
        ..with_token("/api/x", &signed(&self::claims()))
    };
    for known in [known(), nothing_known()] {
        let same = explain(&head(&claims()), &config(), &known);
        assert!(marks(&same, Mark::Passed).contains(&"beside"));
        let differs = explain(&head(&other), &config(), &known);
        assert_eq!(ruling(&differs).reason, Some(Reason::Contradiction));
        assert_eq!(marks(&differs, Mark::Failed), ["beside"]);
    }
}

#[test]
fn what_needs_no_token_is_explained_up_to_where_it_is_decided() {
    let preflight = |origin: &str| Head {
        method: "OPTIONS".to_owned(),
        origin: Some(origin.to_owned()),
        asked_method: Some("POST".to_owned()),
        ..get("/api/x")
    };
    let post = Head {
        method: "POST".to_owned(),
        cookie: Some("__Host-portcullis=a.b.c".to_owned()),
        ..get("/api/x")
    };
    let put = Head {
        method: "PUT".to_owned(),
        ..get("/api/x")
    };
    let trace = Head {
        method: "TRACE".to_owned(),
        ..get("/api/x")
    };
    for (head, last, mark, reason) in [
        (
            get("/api//x"),
            "url",
            Mark::Failed,
            Some(Reason::AmbiguousPath),
        ),
        (trace, "method", Mark::Failed, Some(Reason::ForbiddenMethod)),
        (
            get("/nowhere"),
            "route",
            Mark::Failed,
            Some(Reason::NoRoute),
        ),
        (put, "route", Mark::Failed, Some(Reason::MethodNotAllowed)),
        (get("/auth/me"), "route", Mark::Passed, None),
        (get("/open/x"), "access", Mark::Noted, None),
        (
            get("/api/x"),
            "credential",
            Mark::Failed,
            Some(Reason::NoCredential),
        ),
        (post, "page", Mark::Failed, Some(Reason::CrossSite)),
        (
            preflight("https://app.example"),
            "preflight",
            Mark::Passed,
            None,
        ),
        (
            preflight("https://evil.example"),
            "preflight",
            Mark::Failed,
            Some(Reason::PreflightOrigin),
        ),
    ] {
        let explained = explain(&head, &config(), &nothing_known());
        let step = explained.steps.last().unwrap();
        assert_eq!((step.check, step.mark), (last, mark), "{head:?}");
        assert_eq!(ruling(&explained).reason, reason);
    }
}

#[test]
fn a_rule_that_only_reports_says_so_and_what_it_would_refuse() {
    let head = with_token("/watched/x", &signed(&wrong()));
    let explained = explain(&head, &config(), &known());
    assert_eq!(ruling(&explained).outcome(), Outcome::Reported);
    assert_eq!(ruling(&explained).would_be, Some(401));
    assert!(marks(&explained, Mark::Noted).contains(&"mode"));
    let failed = marks(&explained, Mark::Failed);
    assert_eq!(failed, ["issuer", "lifetime", "expiry", "audience"]);
}

#[test]
fn of_an_api_key_its_checksum_is_looked_at_and_the_rest_is_open() {
    let key = ApiKey::new(ApiKeyId::from_bytes([7; 16]), [9; 32]);
    let key = key.expose().to_string();
    let explained = explain(&with_token("/keys/x", &key), &config(), &known());
    let exchange = Verdict::Exchange {
        url: "http://api.internal:9001/keys/x".to_owned(),
        reports: false,
    };
    assert_eq!(explained.verdict, exchange);
    assert_eq!(explained.open, ["exchange"]);
    assert!(!format!("{explained:?}").contains(&key));

    let typo = key.replace("_a", "_b");
    let explained = explain(&with_token("/keys/x", &typo), &config(), &known());
    assert_eq!(ruling(&explained).reason, Some(Reason::NotAnApiKey));
    assert_eq!(marks(&explained, Mark::Failed), ["form"]);
}

fn with_link(change: impl FnOnce(&mut LinkClaims)) -> Head {
    let mut claims = LinkClaims {
        iss: ISSUER.to_owned(),
        sub: "user-1".to_owned(),
        iat: NOW,
        exp: NOW.plus(600),
        host: "edge.example".to_owned(),
        path: "/linked/a.png".parse().unwrap(),
        methods: LinkMethods::new(&[LinkMethod::Get]).unwrap(),
        query: QueryDigest::of(None),
        headers: None,
    };
    change(&mut claims);
    let link = link::sign(&key(), &claims).unwrap();
    get(&format!("/linked/a.png?portcullis_link={link}"))
}

#[test]
fn a_link_is_judged_with_and_without_keys() {
    for known in [known(), nothing_known()] {
        let good = explain(&with_link(|_| ()), &config(), &known);
        assert_eq!(ruling(&good).outcome(), Outcome::Passed);
        assert!(marks(&good, Mark::Failed).is_empty());

        let old = with_link(|claims| {
            claims.iat = NOW.plus(-700);
            claims.exp = NOW.plus(-100);
            claims.host = "img.example".to_owned();
        });
        let old = explain(&old, &config(), &known);
        assert_eq!(ruling(&old).reason, Some(Reason::Expired));
        assert_eq!(marks(&old, Mark::Failed), ["expiry", "host"]);
        let hidden: Vec<_> = marks(&old, Mark::NotChecked);
        assert!(hidden.ends_with(&["path", "query", "link_method", "revocation"]));
    }
}

#[test]
fn no_text_holds_a_token_or_a_link() {
    let token = signed(&claims());
    let link = with_link(|_| ());
    for head in [with_token("/api/x", &token), link.clone()] {
        let explained = explain(&head, &config(), &nothing_known());
        for step in &explained.steps {
            assert!(!step.text.contains("eyJ"), "{step:?}");
        }
    }
}

/// A token of the other issuer, whose signature nobody looks at.
fn foreign(algorithm: &str, changes: &Value) -> String {
    let mut claims = json!({"iss": "https://other.example", "sub": "auth0|7",
        "aud": ["https://api.example"], "iat": NOW, "exp": NOW.plus(600), "scope": "api:read"});
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let header = json!({"alg": algorithm, "kid": "k", "typ": "at+jwt"});
    let encoded = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
    let parts = [header, claims].map(|part| encoded(part.to_string().as_bytes()));
    let length = if algorithm == "ES256" { 64 } else { 256 };
    format!("{}.{}.{}", parts[0], parts[1], encoded(&vec![7; length]))
}

#[test]
fn a_token_of_another_issuer_is_judged_by_its_declaration_and_its_signature_stays_open() {
    for (algorithm, known) in [("RS256", known()), ("ES256", nothing_known())] {
        let good = with_token("/foreign/x", &foreign(algorithm, &json!({})));
        let explained = explain(&good, &config(), &known);
        assert_eq!(
            ruling(&explained).outcome(),
            Outcome::Passed,
            "{explained:?}"
        );
        assert_eq!(explained.open, ["signature"]);
        assert!(marks(&explained, Mark::Failed).is_empty());

        let changes = json!({"iat": NOW.plus(-900), "exp": NOW.plus(-300), "scope": "notes"});
        let bad = with_token("/foreign/x", &foreign(algorithm, &changes));
        let explained = explain(&bad, &config(), &known);
        assert_eq!(ruling(&explained).reason, Some(Reason::Expired));
        assert_eq!(marks(&explained, Mark::Failed), ["expiry", "scopes"]);
    }
    // Ours is none of its.
    let ours = with_token("/foreign/x", &signed(&claims()));
    let explained = explain(&ours, &config(), &known());
    assert_eq!(ruling(&explained).reason, Some(Reason::Issuer));
    assert_eq!(marks(&explained, Mark::Failed), ["issuer"]);
}

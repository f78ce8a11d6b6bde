use std::collections::BTreeMap;

use portcullis_shared::{
    claims::{AccessClaims, Audience},
    keys::{PublicKeySet, SigningKey},
    revocation::{Digest, Document, Kind, Record},
    routes::RevocationMode,
    time::UnixSeconds,
    token,
};
use proptest::prelude::*;

use super::*;
use crate::{settings::tests::variables, snapshot::Ages};

const ISSUER: &str = "https://id.example";
const NOW: Millis = Millis(1_800_000_000_000);

const TABLE: &str = r#"
[[route]]
path = "/api/*"
methods = ["GET", "POST"]
upstream = "api"
audience = "api"
scopes = ["api:read"]
cors = { origins = ["https://app.example"] }

[[route]]
path = "/api/admin/*"
upstream = "api"
audience = "api"
roles = ["admin", "auditor"]

[[route]]
path = "/open/*"
upstream = "api"
access = "public"

[[route]]
path = "/maybe/*"
upstream = "api"
access = "optional"
audience = "api"

[[route]]
path = "/shared/*"
upstream = "images"
audience = "images"
cache = "shared"

[[route]]
path = "/watched/*"
upstream = "api"
audience = "api"
mode = "report"

[[route]]
path = "/foreign/*"
upstream = "api"
audience = "api"
issuers = ["https://other.example"]

[[route]]
path = "/admin/*"
upstream = "origin"
audience = "https://id.example"
"#;

fn key() -> SigningKey {
    SigningKey::from_seed(&[1; 32]).unwrap()
}

fn config_with(changes: &[(&str, &str)]) -> Config {
    let table = RouteTable::parse(TABLE).unwrap();
    let settings = Settings::read(&variables(changes), &table).unwrap();
    Config { table, settings }
}

fn config() -> Config {
    config_with(&[])
}

fn claims() -> AccessClaims {
    AccessClaims {
        iss: ISSUER.to_owned(),
        aud: Audience::new(vec!["api".to_owned(), "images".to_owned()]).unwrap(),
        sub: "user-1".to_owned(),
        client_id: "portcullis".to_owned(),
        iat: NOW.seconds(),
        nbf: None,
        exp: NOW.seconds().plus(600),
        jti: "token-1".to_owned(),
        sid: Some("session-1".to_owned()),
        scope: "api:read notes".parse().unwrap(),
        roles: vec!["admin".to_owned()],
    }
}

fn signed(claims: &AccessClaims) -> String {
    token::sign(&key(), claims).unwrap()
}

fn token() -> String {
    signed(&claims())
}

fn snapshot(records: Vec<Record>) -> Snapshot {
    let mut snapshot = Snapshot::new(Ages::default());
    let step = snapshot.advance(RevocationMode::Strict, NOW, NOW);
    let keys = serde_json::to_vec(&PublicKeySet {
        keys: vec![key().public_jwk()],
    })
    .unwrap();
    snapshot.put_keys(step.keys.unwrap(), &keys).unwrap();
    let feed = Document::sign(&key(), ISSUER, NOW.seconds(), 0..=7, records).unwrap();
    snapshot
        .put_feed(step.feed.unwrap(), &feed, ISSUER, NOW)
        .unwrap();
    snapshot
}

fn revoked(kind: Kind, id: &str) -> Record {
    let digest = Digest::of(ISSUER, kind, id);
    Record {
        kind,
        digest,
        not_before: NOW.seconds(),
        drop_at: NOW.seconds().plus(700),
    }
}

fn get(path: &str) -> Head {
    Head {
        method: "GET".to_owned(),
        url: format!("https://edge.example{path}"),
        client_ip: Some("192.0.2.7".to_owned()),
        country: Some("NL".to_owned()),
        request_id: "request-1".to_owned(),
        ..Head::default()
    }
}

fn with_token(path: &str, token: &str) -> Head {
    let names = vec!["authorization".to_owned()];
    Head {
        authorization: Some(format!("Bearer {token}")),
        names,
        ..get(path)
    }
}

/// The whole decision, as the adapter makes it when nothing can be fetched.
fn rule_at(head: &Head, config: &Config, snapshot: &Snapshot, now: Millis) -> Ruling {
    match plan(head, config) {
        Plan::Ruled(ruling) => ruling,
        Plan::Judge(case) => match judge(&case, snapshot, &mut TokenCache::new(0), now) {
            Verdict::Ruled(ruling) => ruling,
            Verdict::UnknownKey(key) => refuse_unknown_key(&case, &key),
        },
    }
}

fn rule(head: &Head) -> Ruling {
    rule_at(head, &config(), &snapshot(Vec::new()), NOW)
}

fn forwarded(ruling: Ruling) -> Forward {
    match ruling.decision {
        Decision::Forward(forward) => forward,
        Decision::Answer(answer) => panic!("answered {answer:?} because of {:?}", ruling.reason),
    }
}

fn answered(ruling: Ruling) -> Answer {
    match ruling.decision {
        Decision::Answer(answer) => answer,
        Decision::Forward(forward) => panic!("forwarded {forward:?}"),
    }
}

fn sent(forward: &Forward) -> BTreeMap<&str, &str> {
    forward
        .set
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer
        .headers
        .iter()
        .find(|(own, _)| *own == name)
        .map(|(_, value)| value.as_str())
}

#[test]
fn a_good_token_goes_on_with_the_identity_that_it_proves() {
    let token = token();
    let forward = forwarded(rule(&with_token("/api/notes?q=1", &token)));
    assert_eq!(forward.url, "http://api.internal:9001/api/notes?q=1");
    assert_eq!(forward.cache, CacheUse::Private);
    assert!(forward.remove.is_empty(), "{:?}", forward.remove);
    let expected = BTreeMap::from([
        ("portcullis-proof", token.as_str()),
        ("portcullis-issuer", ISSUER),
        ("portcullis-subject", "user-1"),
        ("portcullis-session", "session-1"),
        ("portcullis-scope", "api:read notes"),
        ("portcullis-roles", "admin"),
        ("portcullis-expires", "1800000600"),
        ("portcullis-request-id", "request-1"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-host", "edge.example"),
        ("x-forwarded-proto", "https"),
    ]);
    assert_eq!(sent(&forward), expected);
}

#[test]
fn every_token_that_does_not_count_is_answered_alike() {
    let other = SigningKey::from_seed(&[2; 32]).unwrap();
    let changed = |change: fn(&mut AccessClaims)| {
        let mut claims = claims();
        change(&mut claims);
        signed(&claims)
    };
    let good = token();
    let broken = format!("{}A{}", &good[..good.len() - 10], &good[good.len() - 9..]);
    let tokens = [
        "x".to_owned(),
        "a.b.c".to_owned(),
        "x".repeat(10_000),
        broken,
        format!("{good}="),
        token::sign(&other, &claims()).unwrap(),
        changed(|claims| claims.iss = "https://id.example/".to_owned()),
        changed(|claims| claims.aud = Audience::new(vec!["apis".to_owned()]).unwrap()),
        changed(|claims| claims.exp = claims.iat.plus(601)),
        changed(|claims| (claims.iat, claims.exp) = (UnixSeconds(1), UnixSeconds(2))),
        changed(|claims| claims.iat = claims.iat.plus(60)),
        changed(|claims| claims.nbf = Some(claims.iat.plus(60))),
        changed(|claims| claims.sub = String::new()),
    ];
    let first = answered(rule(&with_token("/api/x", "no-token")));
    assert_eq!(first.status, 401);
    for token in &tokens {
        assert_eq!(
            answered(rule(&with_token("/api/x", token))),
            first,
            "{token}"
        );
    }
}

#[test]
fn a_revocation_of_each_kind_refuses() {
    let head = with_token("/api/x", &token());
    for record in [
        revoked(Kind::Session, "session-1"),
        revoked(Kind::User, "user-1"),
        revoked(Kind::SigningKey, key().id().as_str()),
    ] {
        let answer = answered(rule_at(&head, &config(), &snapshot(vec![record]), NOW));
        assert_eq!(
            (answer.status, header(&answer, "www-authenticate").is_some()),
            (401, true)
        );
    }
    let unrelated = [
        revoked(Kind::User, "user-2"),
        revoked(Kind::Session, "user-1"),
    ];
    for record in unrelated {
        forwarded(rule_at(&head, &config(), &snapshot(vec![record]), NOW));
    }
}

#[test]
fn a_token_minted_after_the_ban_passes_and_one_of_the_same_second_does_not() {
    let snapshot = snapshot(vec![revoked(Kind::User, "user-1")]);
    let mut later = claims();
    later.iat = later.iat.plus(1);
    forwarded(rule_at(
        &with_token("/api/x", &signed(&later)),
        &config(),
        &snapshot,
        NOW,
    ));
    answered(rule_at(
        &with_token("/api/x", &token()),
        &config(),
        &snapshot,
        NOW,
    ));
}

#[test]
fn a_cached_signature_saves_nothing_else() {
    let config = config();
    let head = with_token("/api/x", &token());
    let Plan::Judge(case) = plan(&head, &config) else {
        panic!("not a case")
    };
    let mut cache = TokenCache::new(100_000);
    let mut status = |snapshot: &Snapshot, now| match judge(&case, snapshot, &mut cache, now) {
        Verdict::Ruled(Ruling {
            decision: Decision::Answer(answer),
            ..
        }) => answer.status,
        Verdict::Ruled(_) => 200,
        Verdict::UnknownKey(_) => 0,
    };
    assert_eq!(status(&snapshot(Vec::new()), NOW), 200);
    assert_eq!(status(&snapshot(Vec::new()), NOW), 200);
    assert_eq!(
        status(&snapshot(vec![revoked(Kind::User, "user-1")]), NOW),
        401
    );
    assert_eq!(status(&snapshot(Vec::new()), NOW.plus(40_000)), 503);
    // Another key set: the key that signed the token has gone.
    let mut other = snapshot(Vec::new());
    let step = other.advance_for_key(&"unknown".parse().unwrap(), NOW, NOW);
    let new = SigningKey::from_seed(&[3; 32]).unwrap();
    let keys = serde_json::to_vec(&PublicKeySet {
        keys: vec![new.public_jwk()],
    })
    .unwrap();
    other.put_keys(step.keys.unwrap(), &keys).unwrap();
    assert_eq!(status(&other, NOW), 0);
    // It expires although it is cached.
    let mut late = Snapshot::new(Ages {
        feed_hard: i64::MAX,
        keys_hard: i64::MAX,
        ..Ages::default()
    });
    let step = late.advance(RevocationMode::Strict, NOW, NOW);
    let keys = serde_json::to_vec(&PublicKeySet {
        keys: vec![key().public_jwk()],
    })
    .unwrap();
    late.put_keys(step.keys.unwrap(), &keys).unwrap();
    let feed = Document::sign(&key(), ISSUER, NOW.seconds(), 0..=7, Vec::new()).unwrap();
    late.put_feed(step.feed.unwrap(), &feed, ISSUER, NOW)
        .unwrap();
    assert_eq!(status(&late, NOW.plus(604_000)), 200);
    assert_eq!(status(&late, NOW.plus(605_000)), 401);
}

#[test]
fn without_keys_or_revocations_nothing_passes() {
    let head = with_token("/api/x", &token());
    let nothing = Snapshot::default();
    let answer = answered(rule_at(&head, &config(), &nothing, NOW));
    assert_eq!(
        (answer.status, header(&answer, "retry-after").is_some()),
        (503, true)
    );
    let mut only_keys = Snapshot::default();
    let step = only_keys.advance(RevocationMode::Strict, NOW, NOW);
    let keys = serde_json::to_vec(&PublicKeySet {
        keys: vec![key().public_jwk()],
    })
    .unwrap();
    only_keys.put_keys(step.keys.unwrap(), &keys).unwrap();
    assert_eq!(
        answered(rule_at(&head, &config(), &only_keys, NOW)).status,
        503
    );
    let filled = snapshot(Vec::new());
    forwarded(rule_at(&head, &config(), &filled, NOW.plus(30_000)));
    assert_eq!(
        answered(rule_at(&head, &config(), &filled, NOW.plus(30_001))).status,
        503
    );
}

#[test]
fn what_needs_no_keys_never_waits_for_them() {
    let config = config();
    let decided = |head: &Head| matches!(plan(head, &config), Plan::Ruled(_));
    assert!(decided(&get("/api/x")), "no credential");
    assert!(decided(&get("/open/x")) && decided(&get("/maybe/x")) && decided(&get("/nowhere")));
    assert!(decided(&get("/auth/login")) && decided(&get("/.well-known/jwks.json")));
    assert!(decided(&with_token("/open/x", "whatever")));
    let head = with_token("/api/x", "malformed");
    let Plan::Judge(case) = plan(&head, &config) else {
        panic!("not a case")
    };
    assert!(case.screen().is_some());
}

#[test]
fn scopes_are_needed_all_and_roles_one() {
    let status = |path: &str, scope: &str, roles: &[&str]| {
        let mut claims = claims();
        claims.scope = scope.parse().unwrap();
        claims.roles = roles.iter().map(ToString::to_string).collect();
        match rule(&with_token(path, &signed(&claims))).decision {
            Decision::Forward(_) => 200,
            Decision::Answer(answer) => answer.status,
        }
    };
    assert_eq!(status("/api/x", "api:read", &[]), 200);
    assert_eq!(status("/api/x", "api:readonly api", &["admin"]), 403);
    assert_eq!(status("/api/admin", "api:read", &[]), 403);
    assert_eq!(status("/api/admin/x", "", &["auditor"]), 200);
    assert_eq!(status("/api/admin/x", "", &["administrator", "Admin"]), 403);
}

#[test]
fn a_lacking_scope_is_told_and_a_lacking_role_is_not() {
    let mut claims = claims();
    (claims.scope, claims.roles) = ("notes".parse().unwrap(), Vec::new());
    let token = signed(&claims);
    let scope = answered(rule(&with_token("/api/x", &token)));
    assert!(
        header(&scope, "www-authenticate")
            .unwrap()
            .contains("scope=\"api:read\"")
    );
    let role = answered(rule(&with_token("/api/admin/x", &token)));
    assert!(!format!("{role:?}").contains("auditor"));
}

#[test]
fn credentials_are_asked_for_told_apart_and_never_mixed() {
    let status = |authorization: &str| {
        let head = Head {
            authorization: Some(authorization.to_owned()),
            ..get("/api/x")
        };
        let answer = answered(rule(&head));
        let error = header(&answer, "www-authenticate")
            .unwrap()
            .split("error=")
            .nth(1)
            .map(str::to_owned);
        (answer.status, error)
    };
    let token = token();
    assert_eq!(
        status(&format!("Bearer {token}, Bearer {token}")),
        (400, Some("\"invalid_request\"".to_owned()))
    );
    assert_eq!(status("Basic dTpw"), (401, None));
    assert_eq!(
        status("Bearer "),
        (401, Some("\"invalid_token\"".to_owned()))
    );
    let none = answered(rule(&get("/api/x")));
    assert_eq!(
        header(&none, "www-authenticate"),
        Some("Bearer realm=\"portcullis\"")
    );
    // A token in the query is no credential.
    assert_eq!(
        answered(rule(&get(&format!("/api/x?access_token={token}")))).status,
        401
    );
}

#[test]
fn optional_access_takes_nobody_but_no_bad_token() {
    let anonymous = forwarded(rule(&get("/maybe/x")));
    assert!(!sent(&anonymous).contains_key("portcullis-subject"));
    assert_eq!(answered(rule(&with_token("/maybe/x", "bad"))).status, 401);
    let known = forwarded(rule(&with_token("/maybe/x", &token())));
    assert_eq!(sent(&known).get("portcullis-subject"), Some(&"user-1"));
}

#[test]
fn a_token_that_nobody_looked_at_does_not_pass_a_public_route() {
    let forward = forwarded(rule(&with_token("/open/x", &token())));
    assert_eq!(forward.remove, ["authorization"]);
    assert!(!sent(&forward).contains_key("portcullis-subject"));
    let basic = Head {
        authorization: Some("Basic dTpw".to_owned()),
        ..get("/open/x")
    };
    assert!(forwarded(rule(&basic)).remove.is_empty());
}

#[test]
fn a_shared_route_tells_no_identity() {
    let mut head = with_token("/shared/x", &token());
    head.cookie = Some("theme=dark".to_owned());
    let forward = forwarded(rule(&head));
    assert_eq!(forward.cache, CacheUse::Shared);
    assert_eq!(forward.remove, ["authorization", "cookie"]);
    let names: Vec<_> = sent(&forward).into_keys().collect();
    assert_eq!(
        names,
        [
            "portcullis-request-id",
            "x-forwarded-host",
            "x-forwarded-proto"
        ]
    );
}

#[test]
fn a_route_that_reports_lets_through_what_it_would_refuse_but_no_identity() {
    let mut head = with_token("/watched/x", "bad");
    head.names.push("portcullis-subject".to_owned());
    let ruling = rule(&head);
    assert!(
        ruling
            .reason
            .as_deref()
            .is_some_and(|reason| reason.starts_with("would be 401"))
    );
    let forward = forwarded(ruling);
    assert_eq!(forward.remove, ["portcullis-subject"]);
    assert!(!sent(&forward).contains_key("portcullis-proof"));
    let good = rule(&with_token("/watched/x", &token()));
    assert_eq!(good.reason, None);
    assert!(sent(&forwarded(good)).contains_key("portcullis-proof"));
}

#[test]
fn a_route_for_other_issuers_takes_none_of_ours() {
    assert_eq!(
        answered(rule(&with_token("/foreign/x", &token()))).status,
        401
    );
}

#[test]
fn no_reserved_header_passes_on_any_route() {
    let names = [
        "portcullis_subject",
        "Portcullis.Proof",
        "x-forwarded-for",
        "forwarded",
        "x-http-method-override",
        "connection",
    ];
    for path in [
        "/api/x",
        "/open/x",
        "/maybe/x",
        "/shared/x",
        "/watched/x",
        "/auth/login",
        "/.well-known/jwks.json",
    ] {
        let mut head = with_token(path, &token());
        head.names.extend(names.map(str::to_owned));
        let forward = forwarded(rule(&head));
        for name in names {
            assert!(
                forward.remove.iter().any(|removed| removed == name),
                "{path} {name}"
            );
        }
    }
}

#[test]
fn our_cookies_do_not_reach_an_upstream() {
    let mut head = get("/open/x");
    head.cookie = Some("a=1; __Host-portcullis=secret".to_owned());
    assert_eq!(sent(&forwarded(rule(&head))).get("cookie"), Some(&"a=1"));
    head.cookie = Some("__Host-portcullis=secret".to_owned());
    assert_eq!(forwarded(rule(&head)).remove, ["cookie"]);
    // Where people sign in is where they belong, and nowhere else.
    head.url = "https://edge.example/auth/token".to_owned();
    let token = forwarded(rule(&head));
    assert!(token.remove.is_empty() && !sent(&token).contains_key("cookie"));
    assert!(token.may_set_own_cookies);
    head.url = "https://edge.example/auth/login".to_owned();
    head.cookie = Some("__Host-portcullis-device=pdt_x".to_owned());
    let login = forwarded(rule(&head));
    assert!(login.remove.is_empty() && !sent(&login).contains_key("cookie"));
    assert!(login.may_set_own_cookies);
    head.url = "https://edge.example/.well-known/jwks.json".to_owned();
    let keys = forwarded(rule(&head));
    assert!(keys.remove == ["cookie"] && !keys.may_set_own_cookies);
}

#[test]
fn the_refresh_cookie_and_any_spelling_of_ours_stay_from_upstreams_too() {
    for (cookie, left) in [
        ("__Host-portcullis-refresh=secret; a=1", Some("a=1")),
        (
            "a=1;__host-portcullis=x; __Host-portcullis-refresh=y",
            Some("a=1"),
        ),
        ("__Host-portcullis=x; __Host-portcullis=y", None),
        ("__Host-portcullis-refresh", None),
        ("__Host-portcullis-device=pdt_x; a=1", Some("a=1")),
        ("__Host-portcullis-device=pdt_x", None),
    ] {
        let mut head = with_token("/api/notes", &token());
        head.cookie = Some(cookie.to_owned());
        let forward = forwarded(rule(&head));
        assert_eq!(sent(&forward).get("cookie").copied(), left, "{cookie}");
        assert_eq!(
            forward.remove.contains(&"cookie".to_owned()),
            left.is_none()
        );
        assert!(!forward.may_set_own_cookies);
    }
}

#[test]
fn our_cookies_do_not_reach_the_administration() {
    let mut admin = claims();
    admin.aud = Audience::new(vec![ISSUER.to_owned()]).unwrap();
    let mut head = with_token("/admin/users", &signed(&admin));
    head.cookie = Some("__Host-portcullis=secret".to_owned());
    let forward = forwarded(rule(&head));
    assert!(forward.remove.contains(&"cookie".to_owned()));
    assert!(!forward.may_set_own_cookies);
}

#[test]
fn only_the_origin_is_told_the_secret_and_who_the_client_is() {
    let config = config_with(&[("EDGE_SECRET", "hush")]);
    let decide = |head: &Head| forwarded(rule_at(head, &config, &snapshot(Vec::new()), NOW));
    let login = decide(&get("/auth/login"));
    assert_eq!(login.url, "http://origin.internal:8080/auth/login");
    assert!(login.may_set_own_cookies);
    let told = sent(&login);
    assert_eq!(told.get("portcullis-edge-secret"), Some(&"hush"));
    assert_eq!(told.get("portcullis-client-ip"), Some(&"192.0.2.7"));
    assert_eq!(told.get("portcullis-client-country"), Some(&"NL"));
    let api = decide(&with_token("/api/x", &token()));
    assert!(!format!("{api:?}").contains("hush") && !api.may_set_own_cookies);
    // Without a secret the origin would have no reason to believe any of it.
    let forward = forwarded(rule(&get("/auth/login")));
    assert_eq!(
        sent(&forward).into_keys().collect::<Vec<_>>(),
        ["portcullis-request-id"]
    );
}

#[test]
fn administration_passes_because_the_table_says_so() {
    let mut admin = claims();
    admin.aud = Audience::new(vec![ISSUER.to_owned()]).unwrap();
    let forward = forwarded(rule(&with_token("/admin/users", &signed(&admin))));
    assert_eq!(forward.url, "http://origin.internal:8080/admin/users");
    assert_eq!(
        answered(rule(&with_token("/admin/users", &token()))).status,
        401
    );
}

#[test]
fn a_path_that_can_be_read_twice_is_refused_before_any_rule() {
    for path in [
        "/open//x",
        "/open/%2e%2e/api/x",
        "/open/..%2fapi",
        "/auth/%2e%2e/api/x",
        "/auth//x",
    ] {
        assert_eq!(answered(rule(&get(path))).status, 400, "{path}");
    }
}

#[test]
fn unknown_paths_and_methods_reach_nobody() {
    assert_eq!(
        answered(rule(&with_token("/nowhere", &token()))).status,
        404
    );
    let head = Head {
        method: "PUT".to_owned(),
        ..with_token("/api/x", &token())
    };
    let answer = answered(rule(&head));
    assert_eq!(
        (answer.status, header(&answer, "allow")),
        (405, Some("GET, HEAD, POST"))
    );
    let from_page = Head {
        origin: Some("https://app.example".to_owned()),
        ..head
    };
    assert_eq!(
        header(&answered(rule(&from_page)), "access-control-allow-origin"),
        Some("https://app.example")
    );
}

#[test]
fn what_would_echo_the_request_is_never_forwarded() {
    for method in ["TRACE", "TRACK", "CONNECT"] {
        for path in [
            "/auth/login",
            "/.well-known/jwks.json",
            "/open/x",
            "/nowhere",
        ] {
            let head = Head {
                method: method.to_owned(),
                ..get(path)
            };
            assert_eq!(answered(rule(&head)).status, 405, "{method} {path}");
        }
    }
}

#[test]
fn preflights_are_answered_here_and_refusals_can_be_read_by_scripts() {
    let preflight = |origin: &str, method: &str| Head {
        method: "OPTIONS".to_owned(),
        origin: Some(origin.to_owned()),
        asked_method: Some(method.to_owned()),
        ..get("/api/x")
    };
    let good = answered(rule(&preflight("https://app.example", "POST")));
    assert_eq!(good.status, 204);
    assert_eq!(
        header(&good, "access-control-allow-methods"),
        Some("GET, HEAD, POST")
    );
    assert_eq!(
        answered(rule(&preflight("https://evil.example", "POST"))).status,
        403
    );
    assert_eq!(
        answered(rule(&preflight("https://app.example", "PUT"))).status,
        405
    );
    let refused = answered(rule(&Head {
        origin: Some("https://app.example".to_owned()),
        ..get("/api/x")
    }));
    assert_eq!(refused.status, 401);
    assert_eq!(
        header(&refused, "access-control-allow-origin"),
        Some("https://app.example")
    );
}

proptest! {
    #[test]
    fn nothing_but_a_genuine_token_passes(token in "[A-Za-z0-9_.=-]{0,200}") {
        let head = with_token("/api/x", &token);
        let ruling = rule(&head);
        prop_assert!(matches!(ruling.decision, Decision::Answer(_)));
    }

    #[test]
    fn a_token_with_one_changed_character_does_not_pass(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let good = token();
        let at = at.index(good.len());
        let changed = format!("{}{to}{}", &good[..at], &good[at + 1..]);
        prop_assume!(changed != good);
        let answer = answered(rule(&with_token("/api/x", &changed)));
        prop_assert_eq!(answer, Answer::invalid_token().with_cors());
    }
}

impl Answer {
    /// As `/api/*` answers where no origin is named.
    fn with_cors(self) -> Self {
        self.with("vary", "Origin".to_owned())
    }
}

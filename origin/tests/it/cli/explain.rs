//! `portcullis explain`: what the edge would do, by files alone.

use std::fs;

use portcullis_shared::{
    api_key::{ApiKey, ApiKeyId},
    claims::{AccessClaims, Audience},
    keys::{PublicKeySet, SigningKey},
    revocation::{Digest, Document, Kind, Record},
    time::UnixSeconds,
    token,
};
use serde_json::Value;

use super::Place;

const ISSUER: &str = "https://id.example";
const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
const URL: &str = "https://id.example/api/notes";

const ROUTES: &str = r#"
[[route]]
path = "/api/*"
upstream = "api"
audience = "api"
scopes = ["api:read"]
credentials = ["bearer", "api_key"]

[[route]]
path = "/watched/*"
upstream = "api"
audience = "api"
mode = "report"
"#;

const WRANGLER: &str = r#"
name = "edge"
[vars]
ISSUER = "https://id.example"
ORIGIN = "https://origin.internal"
UPSTREAM_API = "https://api.internal"
TOKEN_MAX_LIFETIME_SECONDS = 600
[env.test.vars]
ISSUER = "https://test.example"
ORIGIN = "https://origin.internal"
UPSTREAM_API = "https://test.internal"
"#;

fn key() -> SigningKey {
    SigningKey::from_seed(&[1; 32]).unwrap()
}

fn token(change: impl FnOnce(&mut AccessClaims)) -> String {
    let mut claims = AccessClaims {
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
        roles: Vec::new(),
    };
    change(&mut claims);
    token::sign(&key(), &claims).unwrap()
}

fn documents(since: u64, revoked: &[(Kind, &str)]) -> String {
    let records = revoked.iter().map(|(kind, id)| Record {
        kind: *kind,
        digest: Digest::of(ISSUER, *kind, id),
        not_before: NOW,
        drop_at: NOW.plus(700),
    });
    Document::sign(&key(), ISSUER, NOW, since..=7, records.collect()).unwrap()
}

/// A folder with whatever a decision takes.
fn place() -> Place {
    let place = Place::new();
    let keys = vec![key().public_jwk()];
    let keys = serde_json::to_string(&PublicKeySet { keys }).unwrap();
    for (name, text) in [
        ("routes.toml", ROUTES),
        ("wrangler.toml", WRANGLER),
        ("keys.json", &keys),
        ("none.jws", &documents(0, &[])),
        ("some.jws", &documents(0, &[(Kind::Session, "session-1")])),
        ("part.jws", &documents(3, &[])),
    ] {
        fs::write(place.0.join(name), text).unwrap();
    }
    place
}

/// The arguments, at a moment after the documents were fetched.
fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["explain", "--at", "1800000300"][..], more].concat()
}

const FILES: [&str; 4] = ["--jwks", "keys.json", "--revocations", "none.jws"];

#[test]
fn a_good_token_passes_and_is_printed_nowhere() {
    let place = place();
    let token = token(|_| ());
    let more = [&["--url", URL, "--token", "-"][..], &FILES].concat();
    let text = place.run(&arguments(&more), &format!("{token}\n"));
    assert!(
        text.contains("Forwarded to https://api.internal/api/notes.\n"),
        "{text}"
    );
    assert!(text.contains("portcullis-subject: user-1"), "{text}");
    assert!(!text.contains(&token) && !text.contains("eyJ"), "{text}");
    assert!(text.lines().all(|line| !line.starts_with("NO")), "{text}");

    let also = [&more[..2], &["--token-stdin", "--json"], &FILES].concat();
    let json = place.json(&arguments(&also), &token);
    assert_eq!(json["outcome"], "passed");
    assert_eq!(json["headers"]["portcullis-session"], "session-1");
    assert_eq!(json["open"], serde_json::json!([]));
    assert!(!json.to_string().contains("eyJ"), "{json}");
}

#[test]
fn all_that_is_wrong_is_told_and_a_refusal_has_an_exit_code() {
    let place = place();
    let token = token(|claims| {
        claims.exp = NOW.plus(200);
        claims.scope = "notes".parse().unwrap();
    });
    let files = ["--jwks", "keys.json", "--revocations", "some.jws", "--json"];
    let more = [&["--url", URL, "--token", &token][..], &files].concat();
    let output = place.run_with(&arguments(&more), "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&json["status"], &json["code"]),
        (&401.into(), &"invalid_token".into())
    );
    assert_eq!(json["reason"], "expired");
    let steps = json["steps"].as_array().unwrap().iter();
    let failed: Vec<_> = steps
        .filter(|step| step["mark"] == "failed")
        .map(|step| step["check"].as_str().unwrap())
        .collect();
    assert_eq!(failed, ["expiry", "revocation", "scopes"]);
}

#[test]
fn what_cannot_be_checked_stays_open() {
    let place = place();
    let token = token(|_| ());
    let text = place.run(&arguments(&["--url", URL, "--token", &token]), "");
    let verdict = "Forwarded to https://api.internal/api/notes, if its signature is good and \
                   nothing of it is revoked.";
    assert!(text.contains(verdict), "{text}");

    let key = ApiKey::new(ApiKeyId::from_bytes([7; 16]), [9; 32]);
    let key = key.expose().to_string();
    let header = format!("X-API-Key: {key}");
    for given in [["--token", &key], ["--header", &header]] {
        let text = place.run(&arguments(&[&["--url", URL], &given[..]].concat()), "");
        assert!(text.contains("if the origin's token for it"), "{text}");
        assert!(!text.contains(&key), "{text}");
    }
}

#[test]
fn a_route_that_only_reports_says_what_it_would_refuse_and_lets_it_pass() {
    let place = place();
    let url = "https://id.example/watched/x";
    let text = place.run(&arguments(&["--url", url]), "");
    assert!(
        text.contains("It would be refused with 401: no credential."),
        "{text}"
    );
    let json = place.json(&arguments(&["--url", url, "--json"]), "");
    assert_eq!(
        (&json["outcome"], &json["would_be"]),
        (&"reported".into(), &401.into())
    );
}

#[test]
fn an_environment_has_variables_of_its_own() {
    let place = place();
    let token = token(|claims| claims.iss = "https://test.example".to_owned());
    let more = ["--url", URL, "--token", &token, "--env", "test", "--json"];
    let json = place.json(&arguments(&more), "");
    assert_eq!(json["url"], "https://test.internal/api/notes");
}

#[test]
fn mistakes_in_what_is_given_name_file_and_place() {
    let place = place();
    let write = |name: &str, text: &str| fs::write(place.0.join(name), text).unwrap();
    write("bad.toml", "[[route]]\npath = 1");
    write(
        "rule.toml",
        "[[route]]\npath = '/x'\nupstream = 'api'\naccess = 'maybe'",
    );
    write("bare.toml", "name = 'edge'");
    write("short.toml", "[vars]\nISSUER = 'https://id.example'");
    write("keys.txt", "{}");
    for (more, text) in [
        (
            &["--routes", "missing.toml"][..],
            "missing.toml cannot be read",
        ),
        (&["--routes", "bad.toml"], "bad.toml: route 1"),
        (&["--routes", "rule.toml"], "rule.toml: route 1"),
        (&["--wrangler", "keys.txt"], "keys.txt is not TOML"),
        (
            &["--wrangler", "bare.toml"],
            "bare.toml has no table [vars]",
        ),
        (
            &["--wrangler", "short.toml"],
            "short.toml, [vars]: the variable UPSTREAM_API is missing",
        ),
        (
            &["--env", "none"],
            "wrangler.toml has no table [env.none.vars]",
        ),
        (&["--jwks", "keys.txt"], "keys.txt is no key set"),
        (&["--revocations", "none.jws"], "--jwks"),
        (
            &["--jwks", "keys.json", "--revocations", "keys.json"],
            "keys.json is no revocation document",
        ),
        (
            &["--jwks", "keys.json", "--revocations", "part.jws"],
            "part.jws has only what was revoked after seq 3",
        ),
        (&["--header", "nothing"], "--header must be"),
        (&["--token", ""], "a token is one word"),
        (
            &["--token", "a", "--header", "authorization: Bearer b"],
            "leave one out",
        ),
        (&["--method", "A B"], "--method must be"),
    ] {
        let (code, error) = place.fail(&arguments(&[&["--url", URL], more].concat()), "");
        assert!(
            code == 2 && error.contains(text),
            "{more:?}: {code} {error}"
        );
    }
    let (code, error) = place.fail(&["explain", "--url", URL, "--at", "soon"], "");
    assert!(code == 2 && error.contains("must be an age"), "{error}");
    let (code, error) = place.fail(&arguments(&["--url", "id.example/x"]), "");
    assert!(
        code == 2 && error.contains("--url must be absolute"),
        "{error}"
    );
}

#[test]
fn the_settings_of_the_service_are_not_asked_for() {
    let place = place();
    let mut command = place.command(&arguments(&["--url", "https://id.example/auth/me"]));
    let output = command.env("PORTCULLIS_CONFIG", "missing.toml").output();
    assert!(output.unwrap().status.success());
}

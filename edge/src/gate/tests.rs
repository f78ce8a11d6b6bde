//! The whole decision about requests, over a table, keys and revocations that are made here.

mod access;
mod api_keys;
mod cookies;
mod foreign;
mod headers;
mod lines;
mod links;
mod metrics;
mod paths;
mod reports;
mod table;
mod tokens;

use std::collections::BTreeMap;

use portcullis_shared::{
    claims::{AccessClaims, Audience},
    keys::{PublicKeySet, SigningKey},
    revocation::{Digest, Document, Kind, Record},
    routes::{RevocationMode, RouteTable},
    token,
};

use super::{
    Config, Decision, Forward, Head, Memory, Outcome, Plan, Reason, Ruling, Verdict, judge, plan,
    refuse_unknown_key,
};
use crate::{
    answer::Answer,
    exchange::Next,
    settings::{Settings, tests::variables},
    snapshot::{Ages, Snapshot},
    time::Millis,
};

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
path = "/watched/shared/*"
methods = ["GET"]
upstream = "images"
audience = "images"
cache = "shared"
mode = "report"
cors = { origins = ["https://app.example"] }

[[route]]
path = "/watched/open/*"
upstream = "api"
access = "public"
mode = "report"

[[route]]
path = "/pages/*"
upstream = "api"
audience = "api"
credentials = ["bearer", "cookie"]

[[route]]
path = "/linked/*"
upstream = "images"
audience = "images"
scopes = ["images:read"]
credentials = ["bearer", "cookie", "signed_url"]

[[issuer]]
issuer = "https://other.example"
jwks_uri = "https://other.example/keys"
algorithms = ["RS256"]
audiences = { api = "https://api.example" }
roles_claim = ["groups"]

[[issuer]]
issuer = "https://third.example/"
jwks_uri = "https://third.example/keys"
algorithms = ["RS256"]
audiences = { api = "third-api" }

[[route]]
path = "/foreign/*"
upstream = "api"
audience = "api"
scopes = ["api:read"]
roles = ["admin"]
issuers = ["https://other.example"]

[[route]]
path = "/foreign/pages/*"
upstream = "api"
audience = "api"
credentials = ["bearer", "cookie"]
issuers = ["https://other.example"]

[[route]]
path = "/both/*"
upstream = "api"
audience = "api"
issuers = ["https://id.example", "https://other.example", "https://third.example/"]

[[route]]
path = "/admin/*"
upstream = "origin"
audience = "https://id.example"

[[route]]
path = "/keys/*"
methods = ["GET", "POST"]
upstream = "api"
audience = "api"
scopes = ["api:read"]
credentials = ["bearer", "api_key"]

[[route]]
path = "/keys/pages/*"
upstream = "api"
audience = "api"
credentials = ["cookie", "api_key"]

[[route]]
path = "/keys/maybe/*"
upstream = "api"
audience = "api"
access = "optional"
credentials = ["api_key"]

[[route]]
path = "/keys/watched/*"
upstream = "api"
audience = "api"
credentials = ["api_key"]
mode = "report"
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

/// The key set with one key in it.
fn public(key: &SigningKey) -> Vec<u8> {
    let keys = vec![key.public_jwk()];
    serde_json::to_vec(&PublicKeySet { keys }).unwrap()
}

fn snapshot(records: Vec<Record>) -> Snapshot {
    snapshot_of(Ages::default(), records)
}

fn snapshot_of(ages: Ages, records: Vec<Record>) -> Snapshot {
    snapshot_by(&key(), ages, records)
}

fn snapshot_by(key: &SigningKey, ages: Ages, records: Vec<Record>) -> Snapshot {
    let mut snapshot = Snapshot::new(ages);
    let step = snapshot.advance(RevocationMode::Strict, NOW, NOW);
    let keys = public(key);
    snapshot.put_keys(step.keys.unwrap(), &keys).unwrap();
    let feed = Document::sign(key, ISSUER, NOW.seconds(), 0..=7, records).unwrap();
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
        Plan::Judge(case) => match judge(&case, snapshot, &mut Memory::new(0), now) {
            Verdict::Ruled(ruling) => ruling,
            Verdict::UnknownKey(key) => refuse_unknown_key(&case, &key),
            Verdict::Exchange | Verdict::CheckSignature(_) => case.not_exchanged(Next::Unavailable),
        },
    }
}

fn rule(head: &Head) -> Ruling {
    rule_at(head, &config(), &snapshot(Vec::new()), NOW)
}

fn forwarded(ruling: Ruling) -> Forward {
    match ruling.decision {
        Decision::Forward(forward) => forward,
        other => panic!("not forwarded but {other:?} because of {:?}", ruling.reason),
    }
}

fn answered(ruling: Ruling) -> Answer {
    match ruling.decision {
        Decision::Answer(answer) => answer,
        other => panic!("not answered but {other:?}"),
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

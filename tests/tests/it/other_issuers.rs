//! Tokens of other issuers, which `jose` signs, at an edge in a real workerd: checked by the runtime's
//! own cryptography, pinned to what their issuer is declared to be.

use std::collections::BTreeMap;

use base64ct::{Base64UrlUnpadded, Encoding};
use portcullis_e2e::clock;
use serde_json::{Value, json};

use crate::harness::{
    client::{Answer, Http},
    echo,
    edge::{Edge, Options},
    forged::forge,
    hostile::{Conduct, Hostile, key},
    other_issuer::OtherIssuer,
    ports,
    server::Served,
};

const NAME: &str = "https://tenant.example/";
const TWIN: &str = "https://twin.example/";

const ROUTES: &str = r#"
[[issuer]]
issuer = "https://tenant.example/"
jwks_uri = "JWKS"
algorithms = ["RS256", "ES256"]
audiences = { api = "https://api.example" }
types = ["at+jwt", "JWT"]
roles_claim = ["realm_access", "roles"]

[[issuer]]
issuer = "https://twin.example/"
jwks_uri = "TWIN"
algorithms = ["ES256"]
audiences = { api = "twin-api" }
audience_claim = "client_id"
types = ["absent"]
claims = { token_use = "access" }

[[route]]
path = "/own/*"
upstream = "echo"
audience = "api"

[[route]]
path = "/tenant/*"
upstream = "echo"
audience = "api"
scopes = ["api:read"]
issuers = ["https://tenant.example/"]

[[route]]
path = "/admins/*"
upstream = "echo"
audience = "api"
roles = ["admin"]
issuers = ["https://tenant.example/"]

[[route]]
path = "/all/*"
upstream = "echo"
audience = "api"
issuers = ["OWN", "https://tenant.example/", "https://twin.example/"]

[[route]]
path = "/public/*"
upstream = "echo"
access = "public"
"#;

/// An edge that takes tokens of three issuers.
struct Set {
    edge: Edge,
    origin: Hostile,
    tenant: OtherIssuer,
    twin: OtherIssuer,
    http: Http,
    _echo: Served,
}

fn claims(changes: &Value) -> Value {
    let now = clock::now();
    let mut claims = json!({"iss": NAME, "sub": "auth0|7", "aud": ["https://api.example", "other"],
        "iat": now, "exp": now.plus(600), "azp": "spa", "scope": "openid api:read",
        "realm_access": {"roles": ["admin"]}});
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

impl Set {
    async fn start() -> Self {
        let port = ports::free();
        let own = ports::url(port);
        let (tenant, twin) = (OtherIssuer::start().await, OtherIssuer::start().await);
        let (origin, echo) = (Hostile::start(&own), echo::start());
        let routes = ROUTES
            .replace("JWKS", &tenant.jwks_uri())
            .replace("TWIN", &twin.jwks_uri())
            .replace("OWN", &own);
        let edge = Edge::start(Options {
            port,
            variables: vec![("ORIGIN", origin.url()), ("UPSTREAM_ECHO", echo.url())],
            routes: Some(routes),
            ..Options::default()
        });
        Self {
            edge: edge.await,
            origin,
            tenant,
            twin,
            http: Http::new(),
            _echo: echo,
        }
    }

    async fn at(&self, path: &str, token: &str) -> Answer {
        self.http.get(&self.edge.at(path), token).await
    }

    /// The headers with which a request of this token reaches the upstream.
    async fn forwarded(&self, path: &str, token: &str) -> BTreeMap<String, String> {
        let told = self.at(path, token).await.expect(200).json();
        serde_json::from_value::<Vec<(String, String)>>(told["headers"].clone())
            .unwrap()
            .into_iter()
            .collect()
    }

    /// A token of the tenant, with changed claims.
    async fn tenant_s(&self, kid: &str, changes: &Value) -> String {
        let alg = if kid == "ec" { "ES256" } else { "RS256" };
        let header = json!({"alg": alg, "kid": kid, "typ": "JWT"});
        self.tenant.sign(&header, kid, &claims(changes)).await
    }
}

#[tokio::test]
async fn tokens_of_two_algorithms_and_three_issuers_pass_side_by_side() {
    let set = Set::start().await;
    let ours = forge(&set.edge.url(), &key(1)).good();
    for kid in ["rsa", "ec"] {
        let token = set.tenant_s(kid, &json!({})).await;
        // The second time the signature is remembered.
        for _ in 0..2 {
            let headers = set.forwarded("/tenant/x", &token).await;
            assert_eq!(headers["portcullis-issuer"], NAME);
            assert_eq!(headers["portcullis-subject"], "auth0|7");
            assert_eq!(headers["portcullis-roles"], "admin");
            assert_eq!(headers["portcullis-proof"], token);
        }
        set.at("/admins/x", &token).await.expect(200);
        set.at("/all/x", &token).await.expect(200);
    }
    let header = json!({"alg": "ES256", "kid": "ec"});
    let of_twin = json!({"iss": TWIN, "client_id": "twin-api", "token_use": "access"});
    let of_twin = set.twin.sign(&header, "ec", &claims(&of_twin)).await;
    let headers = set.forwarded("/all/x", &of_twin).await;
    assert_eq!(headers["portcullis-issuer"], TWIN);
    set.at("/all/x", &ours).await.expect(200);
    set.at("/own/x", &ours).await.expect(200);
    // Each only where a rule names it, and to no public route's upstream.
    let foreign = set.tenant_s("rsa", &json!({})).await;
    set.at("/own/x", &foreign).await.expect(401);
    set.at("/tenant/x", &of_twin).await.expect(401);
    set.at("/tenant/x", &ours).await.expect(401);
    let headers = set.forwarded("/public/x", &foreign).await;
    assert!(!headers.contains_key("authorization"), "{headers:?}");
}

#[tokio::test]
async fn whatever_is_forged_or_does_not_fit_the_declaration_gets_one_answer() {
    let set = Set::start().await;
    let good = set.tenant_s("rsa", &json!({})).await;
    set.at("/tenant/x", &good).await.expect(200);
    let refused = set
        .at("/tenant/x", "no.token.here")
        .await
        .expect(401)
        .text();
    let jwt = |alg: &str, kid: &str| json!({"alg": alg, "kid": kid, "typ": "JWT"});
    let now = clock::now();
    let usual = claims(&json!({}));
    let mut forged = vec![
        // A key of the same name that another issuer has.
        (
            "another issuer's key",
            set.twin.sign(&jwt("RS256", "rsa"), "rsa", &usual).await,
        ),
        // The token says one key, and another of the issuer signed.
        (
            "another key",
            set.tenant
                .sign(&jwt("RS256", "rsa"), "rsa-next", &usual)
                .await,
        ),
        (
            "another algorithm",
            set.tenant.sign(&jwt("ES256", "rsa"), "ec", &usual).await,
        ),
        (
            "an unpublished key",
            set.tenant
                .sign(&jwt("RS256", "rsa-next"), "rsa-next", &usual)
                .await,
        ),
    ];
    for changes in [
        json!({"iss": "https://tenant.example"}),
        json!({"iss": set.edge.url()}),
        json!({"aud": "https://api.example/"}),
        json!({"exp": now.plus(-10), "iat": now.plus(-600)}),
        json!({"exp": now.plus(4000)}),
        json!({"iat": now.plus(60)}),
        json!({"sub": ""}),
    ] {
        forged.push(("claims", set.tenant_s("rsa", &changes).await));
    }
    // Every part of a good one with a character changed.
    for at in [3, good.find('.').unwrap() + 9, good.rfind('.').unwrap() + 9] {
        let mut changed = good.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        forged.push(("a character", String::from_utf8(changed).unwrap()));
    }
    // No signature, and a MAC in the place of one.
    let (signed, _) = good.rsplit_once('.').unwrap();
    let (_, payload) = signed.split_once('.').unwrap();
    for alg in ["none", "HS256"] {
        let header = Base64UrlUnpadded::encode_string(jwt(alg, "rsa").to_string().as_bytes());
        forged.push(("algorithm", format!("{header}.{payload}.")));
        forged.push((
            "algorithm",
            format!("{header}.{payload}.{}", "A".repeat(43)),
        ));
    }
    for (what, token) in &forged {
        for path in ["/tenant/x", "/all/x"] {
            let answer = set.at(path, token).await;
            assert_eq!(answer.status, 401, "{what} {token}");
            assert_eq!(answer.text(), refused, "{what}");
        }
    }
    let no_scope = set.tenant_s("rsa", &json!({"scope": "api:rea"})).await;
    set.at("/tenant/x", &no_scope).await.expect(403);
    let no_role = set
        .tenant_s("ec", &json!({"realm_access": {"roles": ["user"]}}))
        .await;
    set.at("/admins/x", &no_role).await.expect(403);
    set.at("/tenant/x", &good).await.expect(200);
    assert!(!set.edge.log().contains(&good), "a token is in the log");
}

#[tokio::test]
async fn a_new_key_of_another_issuer_is_found_and_unknown_ones_cost_a_fetch_in_thirty_seconds() {
    let set = Set::start().await;
    let old = set.tenant_s("rsa", &json!({})).await;
    set.at("/tenant/x", &old).await.expect(200);
    assert_eq!(set.tenant.count().await, 1);
    // The first token of a new key has it looked for.
    set.tenant.publish(&["rsa", "rsa-next"]).await;
    let new = set.tenant_s("rsa-next", &json!({})).await;
    set.at("/tenant/x", &new).await.expect(200);
    set.at("/tenant/x", &old).await.expect(200);
    assert_eq!(set.tenant.count().await, 2);
    for number in 0..50 {
        let header = json!({"alg": "RS256", "kid": format!("no-{number}"), "typ": "JWT"});
        let token = set.tenant.sign(&header, "rsa", &claims(&json!({}))).await;
        set.at("/tenant/x", &token).await.expect(401);
    }
    assert_eq!(set.tenant.count().await, 2);
    // Nor do they cost the other issuer or our origin anything.
    assert_eq!(set.twin.count().await, 0);
}

#[tokio::test]
async fn other_issuers_do_not_depend_on_our_origin_nor_it_on_them() {
    let set = Set::start().await;
    set.origin.set(|state| {
        state.keys_conduct = Conduct::Down;
        state.feed_conduct = Conduct::Down;
    });
    let token = set.tenant_s("ec", &json!({})).await;
    set.at("/tenant/x", &token).await.expect(200);
    let ours = forge(&set.edge.url(), &key(1)).good();
    set.at("/all/x", &ours).await.expect(503);
    let headers = set.forwarded("/all/x", &token).await;
    assert_eq!(headers["portcullis-issuer"], NAME);
}

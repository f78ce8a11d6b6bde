//! The documents that anybody may read.

use insta::assert_snapshot;
use poem::http::Method;

use super::api::Api;
use crate::support::on_both_engines;

on_both_engines!(
    the_key_set_is_public_and_kept_for_a_minute,
    the_revocations_are_kept_for_a_second,
    head_is_get_without_a_body,
);

async fn the_key_set_is_public_and_kept_for_a_minute(api: Api) {
    let keys = api.get("/.well-known/jwks.json").send().await;
    assert_snapshot!(keys.shown(), @r#"
    200 application/jwk-set+json
    {
      "keys": [
        {
          "alg": "EdDSA",
          "crv": "Ed25519",
          "kid": "[kid]",
          "kty": "OKP",
          "use": "sig",
          "x": "[x]"
        }
      ]
    }
    "#);
    assert_eq!(keys.header("cache-control"), Some("public, max-age=60"));
    assert!(keys.header("pragma").is_none());
}

#[tokio::test]
async fn the_metadata_tells_clients_where_to_go() {
    let api = Api::without_store().await;
    assert_snapshot!(api.get("/.well-known/oauth-authorization-server").send().await.shown(), @r#"
    200 application/json
    {
      "grant_types_supported": [
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:token-exchange"
      ],
      "introspection_endpoint": "http://edge.test/auth/introspect",
      "introspection_endpoint_auth_methods_supported": [
        "client_secret_basic",
        "client_secret_post"
      ],
      "issuer": "http://edge.test",
      "jwks_uri": "http://edge.test/.well-known/jwks.json",
      "response_types_supported": [
        "none"
      ],
      "revocation_endpoint": "http://edge.test/auth/revoke",
      "revocation_endpoint_auth_methods_supported": [
        "none",
        "client_secret_basic",
        "client_secret_post"
      ],
      "token_endpoint": "http://edge.test/auth/token",
      "token_endpoint_auth_methods_supported": [
        "none",
        "client_secret_basic",
        "client_secret_post"
      ]
    }
    "#);
}

async fn the_revocations_are_kept_for_a_second(api: Api) {
    let out = api
        .post("/auth/logout")
        .bearer(&api.user().await)
        .send()
        .await;
    let feed = |query: &str| api.get(format!("/.well-known/revocations{query}")).send();
    let document = feed("?since=0").await;
    assert_eq!(
        document.header("content-type"),
        Some("application/revocations+jwt")
    );
    assert_eq!(document.header("cache-control"), Some("public, max-age=1"));
    assert_eq!(
        document.header("portcullis-feed-seq"),
        Some(out.number("seq").to_string().as_str())
    );
    assert_eq!(feed("").await.body, document.body);
    let rest = feed(&format!("?since={}", out.number("seq"))).await;
    assert!(rest.body.len() < document.body.len());
    for query in [
        "?since=-1",
        "?since=x",
        "?since=",
        "?since=18446744073709551616",
        "?since=1&since=2",
    ] {
        assert_eq!(feed(query).await.text("code"), "invalid_request", "{query}");
    }
    assert_eq!(feed("?since=18446744073709551615").await.status, 200);
}

async fn head_is_get_without_a_body(api: Api) {
    for path in [
        "/.well-known/jwks.json",
        "/.well-known/revocations",
        "/health/live",
        "/auth/me",
        "/nothing",
    ] {
        let (get, head) = (
            api.get(path).send().await,
            api.call(Method::HEAD, path).send().await,
        );
        assert_eq!(
            (head.status, head.body.as_str()),
            (get.status, ""),
            "{path}"
        );
        assert_eq!(
            head.header("content-type"),
            get.header("content-type"),
            "{path}"
        );
    }
    assert_eq!(
        api.call(Method::HEAD, "/auth/login").send().await.status,
        405
    );
}

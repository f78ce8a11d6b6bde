//! Credentials that contradict each other, that stand where none is looked for, or that are of
//! another kind; and what a good one does not allow.

use portcullis_shared::keys::SigningKey;
use serde_json::json;

use crate::harness::{
    forged::{Forged, forge},
    hostile::key,
    raw,
};

/// The status of a GET with these headers.
async fn status(set: &Forged, target: &str, headers: &[&str]) -> u16 {
    let request = raw::request(set.edge.port, &format!("GET {target}"), headers);
    raw::exchange(set.edge.port, &request).await.unwrap().status
}

/// A token of another session than [`Forged::token`]'s.
fn of_another_session(set: &Forged, key: &SigningKey) -> String {
    let issuer = set.edge.url();
    forge(&issuer, key).with_claim("sid", json!("BBBBBBBBBBBBBBBBBBBBBB"))
}

#[tokio::test]
async fn two_credentials_are_400_and_reach_nobody() {
    let set = Forged::start(&[]).await;
    let token = set.token(&key(1));
    let other = of_another_session(&set, &key(1));
    let bearer = format!("Authorization: Bearer {token}");
    for second in [
        bearer.clone(),
        format!("Authorization: bearer {token}"),
        format!("authorization: Bearer {other}"),
        "Authorization: Bearer".to_owned(),
        "Authorization: Basic dTpw".to_owned(),
        "Authorization: DPoP x".to_owned(),
    ] {
        for pair in [[&bearer, &second], [&second, &bearer]] {
            let pair = pair.map(String::as_str);
            assert_eq!(status(&set, "/echo/x", &pair).await, 400, "{pair:?}");
        }
    }
    for joined in [
        format!("Authorization: Bearer {token}, Bearer {token}"),
        format!("Authorization: Bearer {token},Bearer {other}"),
        format!("Authorization: Bearer {token},"),
        format!("Authorization: Basic dTpw, Bearer {token}"),
    ] {
        assert_eq!(status(&set, "/echo/x", &[&joined]).await, 400, "{joined}");
    }
    let cookie = |token: &str| format!("__Host-portcullis={token}");
    for cookies in [
        vec![format!("Cookie: {}; {}", cookie(&token), cookie(&token))],
        vec![format!("Cookie: {}; {}", cookie(&token), cookie(&other))],
        vec![format!("Cookie: {};{}", cookie("x"), cookie(&token))],
        vec![format!("Cookie: {}, {}", cookie(&token), cookie(&token))],
        vec![format!("Cookie: {}; a=b; {}", cookie(&token), cookie(""))],
        vec![
            format!("Cookie: {}", cookie(&token)),
            format!("Cookie: {}", cookie(&token)),
        ],
        vec![
            format!("Cookie: {}", cookie(&token)),
            format!("cookie: a=b; {}", cookie(&other)),
        ],
        vec![bearer.clone(), format!("Cookie: {}", cookie(&other))],
        vec![
            bearer.clone(),
            format!("Cookie: {}; {}", cookie(&token), cookie(&token)),
        ],
        vec![bearer.clone(), format!("Cookie: {}", cookie("a.b.c"))],
        vec![
            bearer.clone(),
            format!("Cookie: {}", cookie(&set.token(&key(7)))),
        ],
    ] {
        let headers: Vec<&str> = cookies.iter().map(String::as_str).collect();
        assert_eq!(status(&set, "/pages/x", &headers).await, 400, "{cookies:?}");
    }
    assert_eq!(set.echo.requests(), 0);
    // The same in both places is no contradiction.
    let both = [bearer, format!("Cookie: {}", cookie(&token))];
    assert_eq!(
        status(&set, "/pages/x", &both.each_ref().map(String::as_str)).await,
        200
    );
}

#[tokio::test]
async fn a_token_counts_in_its_header_and_its_cookie_alone() {
    let set = Forged::start(&[]).await;
    let token = set.token(&key(1));
    for target in ["/pages/x", "/echo/x"] {
        for header in [
            format!("Proxy-Authorization: Bearer {token}"),
            format!("X-Authorization: Bearer {token}"),
            format!("Authentication: Bearer {token}"),
            format!("X-Auth-Token: {token}"),
            format!("X-Access-Token: {token}"),
            format!("Portcullis-Proof: {token}"),
            format!("Sec-WebSocket-Protocol: bearer, {token}"),
            format!("Authorization: {token}"),
            format!("Authorization: Token {token}"),
            format!("Authorization: JWT {token}"),
            format!("Authorization: Bearer={token}"),
            format!("Authorization: Bearer \"{token}\""),
            format!("Authorization: Bearer token={token}"),
            format!("Authorization: \"Bearer\" {token}"),
            format!("Cookie: access_token={token}"),
            format!("Cookie: portcullis={token}"),
            format!("Cookie: __host-portcullis={token}"),
            format!("Cookie: __Secure-portcullis={token}"),
            format!("Cookie: __Host-portcullis-refresh={token}"),
            format!("Cookie: __Host-portcullis=\"{token}\""),
            format!("Cookie: x=__Host-portcullis={token}"),
            format!("Cookie: {token}"),
        ] {
            assert_eq!(
                status(&set, target, &[&header]).await,
                401,
                "{target}: {header}"
            );
        }
        for query in [
            "access_token",
            "ACCESS_TOKEN",
            "token",
            "bearer",
            "authorization",
        ] {
            let target = format!("{target}?{query}={token}");
            assert_eq!(status(&set, &target, &[]).await, 401, "{target}");
        }
    }
    let port = set.edge.port;
    let form = format!("access_token={token}");
    let length = form.len();
    let mut request = raw::request(
        port,
        "POST /pages/x",
        &[
            "Content-Type: application/x-www-form-urlencoded",
            &format!("Content-Length: {length}"),
        ],
    );
    request.extend(form.into_bytes());
    assert_eq!(raw::exchange(port, &request).await.unwrap().status, 401);
    assert_eq!(set.echo.requests(), 0);
    for header in [
        format!("Authorization: Bearer {token}"),
        format!("AUTHORIZATION: BEARER {token}"),
        format!("authorization:bearer {token}"),
        format!("Authorization: \t bEaReR   {token}  "),
        format!("Authorization: Bearer\t{token}"),
    ] {
        assert_eq!(status(&set, "/echo/x", &[&header]).await, 200, "{header}");
    }
}

#[tokio::test]
async fn a_scope_that_only_begins_like_another_is_403_and_names_what_is_needed() {
    let set = Forged::start(&[]).await;
    let token = set.token(&key(1));
    assert_eq!(set.status_at("/notes/x", &token).await, 200);
    let forwarded = set.echo.requests();
    for (path, needed) in [("/near/x", "api:rea"), ("/wider/x", "api:read:all")] {
        let answer = set.http.get(&set.edge.at(path), &token).await.expect(403);
        assert_eq!(answer.json()["code"], "insufficient_scope", "{path}");
        let challenge = answer.header("www-authenticate");
        let named = format!("error=\"insufficient_scope\", scope=\"{needed}\"");
        assert!(challenge.ends_with(&named), "{path}: {challenge}");
    }
    assert_eq!(set.echo.requests(), forwarded);
}

#[tokio::test]
async fn a_link_that_a_token_names_is_never_followed() {
    let set = Forged::start(&[]).await;
    let (issuer, own, stranger) = (set.edge.url(), key(1), key(7));
    let forge = forge(&issuer, &own);
    let url = format!("{}/keys.json", set.echo.url());
    for (name, value) in [
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("jwk", json!(stranger.public_jwk())),
        ("kid", json!(url)),
        ("iss", json!(set.echo.url())),
        ("x5c", json!([url])),
    ] {
        assert_eq!(
            set.status(&forge.with_header(name, value)).await,
            401,
            "{name}"
        );
    }
    let elsewhere = set.echo.url();
    assert_eq!(
        set.status(&forge.with_claim("iss", json!(elsewhere))).await,
        401
    );
    assert_eq!(set.echo.requests(), 0, "nobody asked there for a key");
    assert!(set.origin.keys_asked() <= 2, "{}", set.origin.keys_asked());
}

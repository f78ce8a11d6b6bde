//! What all endpoints have in common.

use insta::assert_snapshot;
use poem::http::Method;

use super::api::Api;

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let api = Api::without_store().await;
    assert_snapshot!(api.get("/nothing").send().await.shown(), @r#"
    404 application/problem+json
    {"code":"not_found","status":404,"title":"There is nothing here","type":"urn:portcullis:problem:not_found"}
    "#);
    for path in [
        "/",
        "/auth",
        "/auth/",
        "/auth//login",
        "/AUTH/login",
        "/auth/login/",
        "/nowhere",
        "/auth/%6Cogin",
    ] {
        assert_eq!(api.post(path).send().await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_method_that_is_not_there_is_told_which_are() {
    let api = Api::without_store().await;
    assert_snapshot!(api.call(Method::PUT, "/admin/users").send().await.shown(), @r#"
    405 application/problem+json
    allow: GET, HEAD, POST
    {"code":"method_not_allowed","status":405,"title":"The method is not allowed here","type":"urn:portcullis:problem:method_not_allowed"}
    "#);
    for (path, allow) in [
        ("/auth/login", "POST"),
        ("/auth/sessions/x", "DELETE"),
        ("/admin/users/x", "DELETE, GET, HEAD, PATCH"),
        ("/openapi.json", "GET, HEAD"),
    ] {
        for method in [
            Method::OPTIONS,
            Method::TRACE,
            Method::CONNECT,
            Method::from_bytes(b"X").unwrap(),
        ] {
            let answer = api.call(method.clone(), path).send().await;
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, Some(allow)),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn method_override_headers_change_nothing() {
    let api = Api::without_store().await;
    let call = api
        .get("/health/live")
        .header("x-http-method-override", "DELETE");
    assert_eq!(call.send().await.status, 200);
}

#[tokio::test]
async fn a_request_keeps_its_identifier_if_it_is_a_safe_one() {
    let api = Api::without_store().await;
    let echoed = |id: String| async {
        let answer = api
            .get("/health/live")
            .header("portcullis-request-id", id)
            .send()
            .await;
        answer.header("portcullis-request-id").unwrap().to_owned()
    };
    for id in ["a", "A-b_c.9", &"x".repeat(64)] {
        assert_eq!(echoed(id.to_owned()).await, id);
    }
    for id in ["", "a b", "a\tb", "a/b", "a\"b", &"x".repeat(65)] {
        let made = echoed(id.to_owned()).await;
        assert!(made != id && made.len() == 22, "{id:?}: {made}");
    }
}

#[tokio::test]
async fn a_query_is_read_in_one_way_only() {
    let api = Api::without_store().await;
    for query in ["a=1&a=2", "a&%61", "a=%", "a=%ff"] {
        let answer = api.get(format!("/health/live?{query}")).send().await;
        assert_eq!(
            (answer.status, answer.text("code").as_str()),
            (400, "invalid_request"),
            "{query}"
        );
    }
    assert_eq!(api.get("/health/live?a=1&b=&c").send().await.status, 200);
}

#[tokio::test]
async fn no_origin_is_let_in_by_a_browser() {
    let api = Api::without_store().await;
    let preflight = api
        .call(Method::OPTIONS, "/auth/login")
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST");
    assert_eq!(preflight.send().await.status, 405);
    api.get("/auth/me")
        .header("origin", "https://evil.example")
        .send()
        .await;
}

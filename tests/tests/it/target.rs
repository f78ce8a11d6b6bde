//! Paths and methods: the rule is chosen on exactly what is forwarded, and what no rule names
//! reaches nobody.

use reqwest::Method;
use serde_json::Value;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::harness::{
    client::send,
    raw::{self, RawAnswer},
    stack::Stack,
};

/// Asks for a target, to the letter, with a good token.
async fn ask(stack: &Stack, token: &str, method: &str, target: &str) -> Option<RawAnswer> {
    let bearer = format!("Authorization: Bearer {token}");
    let request = raw::request(stack.edge.port, &format!("{method} {target}"), &[&bearer]);
    raw::exchange(stack.edge.port, &request).await
}

#[tokio::test]
async fn a_path_that_can_be_read_in_two_ways_reaches_nobody() {
    let stack = Stack::start(&[]).await;
    let token = stack.bearer().await.1.access;
    for path in [
        "/public%2Fx",
        "/public/x%20",
        "/public/x.",
        "/api%20/me",
        "/public//x",
        "//public/x",
        "/public/x%5Cy",
        "/public/%5c..%5capi",
        "/public/%00",
        "/public/%0d%0aX:y",
        "/public/%7f",
        "/public/%61dmin",
        "/public/x;y",
        "/public/x%3By",
        "/public/%252e%252e/api",
        "/public/x%252Fy",
        "/public/%3Fx",
        "/public/%23",
        "/public/%c0%af",
        "/public/%ff",
        "/public/%",
        "/public/%zz",
        "/public/%u002f",
    ] {
        let answer = ask(&stack, &token, "GET", path).await;
        let status = answer.as_ref().map(|answer| answer.status);
        assert!(matches!(status, None | Some(400)), "{path}: {status:?}");
    }
    assert_eq!(stack.echo.requests(), 0);
    assert_eq!(stack.api.requests(), 0);
}

#[tokio::test]
async fn what_the_runtime_resolves_is_what_is_judged_and_forwarded() {
    let stack = Stack::start(&[]).await;
    // A URL parser (WHATWG) resolves these before anybody here sees them. Whatever comes of it
    // either reaches nobody or reaches the upstream in the form that the rule was chosen by.
    for path in [
        "/public/../api/me",
        "/public/./x",
        "/public/%2e%2e/api/me",
        "/public/.%2E/x",
        "/public/%2E/x",
        "/public/..",
        "/public\\..\\api\\me",
        "/public/x\\y",
        "\\public",
        "/a/../public/x",
    ] {
        let before = (stack.echo.requests(), stack.api.requests());
        let request = raw::request(stack.edge.port, &format!("GET {path}"), &[]);
        let answer = raw::exchange(stack.edge.port, &request).await;
        assert_eq!(
            stack.api.requests(),
            before.1,
            "{path}: an API that wants a token"
        );
        if stack.echo.requests() > before.0 {
            let answer = answer.unwrap();
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            let json = &text[text.find('{').unwrap()..=text.rfind('}').unwrap()];
            let seen: Value = serde_json::from_str(json).unwrap();
            let target = seen["target"].as_str().unwrap();
            assert!(
                target.contains("/public/") || target.ends_with("/public"),
                "{path} became {target}"
            );
            assert!(
                !target.contains("..") && !target.contains('\\'),
                "{path} became {target}"
            );
        }
    }
}

#[tokio::test]
async fn a_query_is_forwarded_as_it_came_and_a_token_in_it_is_none() {
    let stack = Stack::shared().await;
    let token = stack.bearer().await.1.access;
    let query = "a=/../%2F;x&b=%zz&access_token=y";
    let seen = stack
        .get(&format!("/echo/x?{query}"), &token)
        .await
        .expect(200)
        .json();
    assert!(
        seen["target"]
            .as_str()
            .unwrap()
            .ends_with(&format!("/echo/x?{query}")),
        "{seen}"
    );
    let url = stack.edge.at(&format!("/api/me?access_token={token}"));
    let answer = stack.http.get_plain(&url).await.expect(401);
    assert_eq!(
        answer.header("www-authenticate"),
        "Bearer realm=\"portcullis\""
    );
}

#[tokio::test]
async fn a_method_that_no_rule_names_is_405_and_a_path_that_none_names_404() {
    let stack = Stack::start(&[]).await;
    let token = stack.bearer().await.1.access;
    let images = stack.edge.at("/images/gate.png");
    let request = stack
        .http
        .request(Method::DELETE, &images)
        .bearer_auth(&token);
    let answer = send(request).await.expect(405);
    assert_eq!(answer.header("allow"), "GET, HEAD");
    assert_eq!(answer.json()["code"], "method_not_allowed");
    for path in [
        "/",
        "/nobody",
        "/API/me",
        "/api%20x/me",
        "/metrics",
        "/health",
        "/openapi.json",
    ] {
        let answer = stack.get(path, &token).await;
        assert!(
            [404, 403, 401].contains(&answer.status),
            "{path}: {}",
            answer.status
        );
    }
    let answer = stack.get("/nobody", &token).await.expect(404);
    assert_eq!(answer.json()["code"], "not_found");
    assert_eq!(
        (
            stack.api.requests(),
            stack.images.requests(),
            stack.echo.requests()
        ),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn head_goes_by_the_rule_of_get_and_has_no_body() {
    let stack = Stack::shared().await;
    let token = stack.bearer().await.1.access;
    for (path, bearer, status) in [
        ("/api/me", Some(&token), 200),
        ("/api/me", None, 401),
        ("/nobody", Some(&token), 404),
        ("/images/gate.png", Some(&token), 200),
    ] {
        let bearer = bearer.map(|token| format!("Authorization: Bearer {token}"));
        let headers: Vec<&str> = bearer.iter().map(String::as_str).collect();
        let port = stack.edge.port;
        let mut two = raw::request(port, &format!("HEAD {path}"), &headers);
        two.extend(raw::request(port, "GET /the-next-request", &[]));
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(&two).await.unwrap();
        let first = raw::read_head(&mut stream).await.unwrap();
        assert!(
            first.starts_with(&format!("HTTP/1.1 {status}")),
            "{path}: {first}"
        );
        // Where a body would be, the next answer begins.
        let next = raw::read_head(&mut stream).await.unwrap();
        assert!(next.starts_with("HTTP/1.1 404"), "{path}: {next}");
    }
}

#[tokio::test]
async fn a_method_override_changes_nothing() {
    let stack = Stack::shared().await;
    let reader = stack.origin.home.add_user(&["api:read"], &[]);
    let token = stack.login(&reader).await.access;
    for name in [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "X_HTTP_Method_Override",
    ] {
        let request = stack
            .http
            .request(Method::GET, &stack.edge.at("/echo/x"))
            .bearer_auth(&token);
        let seen = send(request.header(name, "DELETE"))
            .await
            .expect(200)
            .json();
        assert_eq!(seen["method"], "GET");
        assert!(
            !seen.to_string().to_ascii_lowercase().contains("override"),
            "{name}: {seen}"
        );
    }
}

//! What passes by reference: bodies of any size, web sockets, redirects, cookies; and CORS.

use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{client::send, raw, stack::Stack};

const LARGE: usize = 50 * 1024 * 1024;

#[tokio::test]
async fn a_large_body_passes_both_ways() {
    let stack = Stack::shared().await;
    let token = stack.bearer().await.1.access;
    let request = stack
        .http
        .request(Method::POST, &stack.edge.at("/echo/count"));
    let counted = send(request.bearer_auth(&token).body(vec![b'y'; LARGE]))
        .await
        .expect(200);
    assert_eq!(counted.text(), LARGE.to_string());
    let bytes = stack
        .get(&format!("/echo/bytes?{LARGE}"), &token)
        .await
        .expect(200);
    assert_eq!(bytes.body.len(), LARGE);
}

#[tokio::test]
async fn a_refused_request_s_large_body_reaches_nobody() {
    let stack = Stack::shared().await;
    let request = stack
        .http
        .request(Method::POST, &stack.edge.at("/echo/count"));
    let answer = send(
        request
            .bearer_auth("no-token")
            .body(vec![b'y'; 1024 * 1024]),
    )
    .await;
    answer.expect(401);
}

#[tokio::test]
async fn a_redirect_is_passed_on_and_not_followed() {
    let stack = Stack::shared().await;
    let token = stack.bearer().await.1.access;
    let answer = stack.get("/echo/redirect", &token).await.expect(302);
    assert_eq!(answer.header("location"), "http://127.0.0.1:1/elsewhere");
}

#[tokio::test]
async fn an_upstream_cannot_set_the_edge_s_cookies_nor_speak_for_it() {
    let stack = Stack::shared().await;
    let token = stack.bearer().await.1.access;
    let answer = stack.get("/echo/cookies", &token).await.expect(200);
    assert_eq!(answer.header("set-cookie"), "theme=dark; Path=/");
    assert_ne!(answer.feed_seq(), 99_999_999_999_999);
    let answer = stack.get("/shared/cookies", &token).await.expect(200);
    assert_eq!(
        answer.header("set-cookie"),
        "",
        "an answer for everybody sets no cookie"
    );
}

#[tokio::test]
async fn a_private_answer_says_so() {
    let stack = Stack::shared().await;
    let token = stack.bearer().await.1.access;
    let answer = stack.get("/echo/x", &token).await.expect(200);
    assert!(answer.header("cache-control").starts_with("private"));
}

#[tokio::test]
async fn no_cache_gives_one_bearer_s_answer_to_another_whatever_the_upstream_says() {
    let stack = Stack::start(&[]).await;
    let (one, other) = (stack.bearer().await.1.access, stack.bearer().await.1.access);
    let ids = [stack.id_of(&one).await, stack.id_of(&other).await];
    for path in ["/echo/kept", "/optional/kept", "/pages/kept", "/cors/kept"] {
        for _ in 0..2 {
            for (token, id) in [&one, &other].into_iter().zip(&ids) {
                let before = stack.echo.requests();
                let answer = stack.get(path, token).await.expect(200);
                assert_eq!(answer.text(), *id, "{path}");
                assert_eq!(stack.echo.requests(), before + 1, "{path}: asked each time");
                assert_eq!(
                    answer.header("cache-control"),
                    "private, max-age=600",
                    "{path}"
                );
                let vary = answer.header("vary").to_ascii_lowercase();
                assert!(vary.contains("authorization"), "{path}: {vary}");
                assert_eq!(
                    vary.contains("cookie"),
                    path == "/pages/kept",
                    "{path}: {vary}"
                );
                for name in [
                    "cdn-cache-control",
                    "cloudflare-cdn-cache-control",
                    "surrogate-control",
                ] {
                    assert_eq!(answer.header(name), "", "{path}: {name}");
                }
            }
        }
    }
    // What anybody may keep was made for nobody.
    let shared = stack.get("/shared/kept", &one).await.expect(200);
    assert_eq!(shared.text(), "nobody");
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_edge_for_listed_origins_alone() {
    let stack = Stack::shared().await;
    let preflight = |origin: &'static str, method: &'static str| {
        let request = stack
            .http
            .request(Method::OPTIONS, &stack.edge.at("/cors/x"));
        let request = request.header("origin", origin);
        send(
            request
                .header("access-control-request-method", method)
                .header("access-control-request-headers", "authorization"),
        )
    };
    let good = preflight("https://app.example", "PUT").await.expect(204);
    assert_eq!(
        good.header("access-control-allow-origin"),
        "https://app.example"
    );
    assert!(good.header("access-control-allow-methods").contains("PUT"));
    assert_eq!(good.header("access-control-allow-headers"), "authorization");
    assert!(good.header("access-control-allow-credentials").is_empty());
    for origin in [
        "https://evil.example",
        "null",
        "http://app.example",
        "https://app.example.evil.example",
    ] {
        let bad = preflight(origin, "PUT").await;
        assert_eq!(bad.header("access-control-allow-origin"), "", "{origin}");
    }
}

#[tokio::test]
async fn answers_and_errors_of_a_cors_route_carry_its_headers_and_no_upstream_s() {
    let stack = Stack::shared().await;
    let token = stack.bearer().await.1.access;
    for (bearer, status) in [(token.as_str(), 200), ("bad", 401)] {
        let request = stack.http.request(Method::GET, &stack.edge.at("/cors/x"));
        let request = request
            .bearer_auth(bearer)
            .header("origin", "https://app.example");
        let answer = send(request).await.expect(status);
        assert_eq!(
            answer.header("access-control-allow-origin"),
            "https://app.example"
        );
        assert!(
            answer
                .header("vary")
                .to_ascii_lowercase()
                .contains("origin")
        );
        let request = stack.http.request(Method::GET, &stack.edge.at("/cors/x"));
        let request = request
            .bearer_auth(bearer)
            .header("origin", "https://evil.example");
        assert_eq!(
            send(request).await.header("access-control-allow-origin"),
            ""
        );
    }
    let request = stack
        .http
        .request(Method::DELETE, &stack.edge.at("/cors/x"))
        .bearer_auth(&token);
    send(request.header("origin", "https://app.example"))
        .await
        .expect(405);
}

#[tokio::test]
async fn a_web_socket_passes_with_a_token_and_not_without() {
    let stack = Stack::shared().await;
    let token = stack.bearer().await.1.access;
    let shake = |bearer: &str| {
        format!(
            "GET /echo/socket HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {bearer}\r\n\r\n",
            stack.edge.port
        )
    };
    let mut refused = TcpStream::connect(("127.0.0.1", stack.edge.port))
        .await
        .unwrap();
    refused.write_all(shake("bad").as_bytes()).await.unwrap();
    assert!(
        raw::read_head(&mut refused)
            .await
            .unwrap()
            .starts_with("HTTP/1.1 401")
    );

    let mut socket = TcpStream::connect(("127.0.0.1", stack.edge.port))
        .await
        .unwrap();
    socket.write_all(shake(&token).as_bytes()).await.unwrap();
    let answer = raw::read_head(&mut socket).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    // RFC 6455 section 1.3: what that key has to be answered with.
    assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    // One text frame of two letters, masked with nothing.
    socket
        .write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i'])
        .await
        .unwrap();
    let mut frame = [0; 4];
    socket.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame, [0x81, 0x02, b'h', b'i']);
}

#[tokio::test]
async fn an_upstream_that_is_gone_is_502() {
    let stack = Stack::shared().await;
    let answer = stack
        .http
        .get_plain(&stack.edge.at("/gone/x"))
        .await
        .expect(502);
    assert_eq!(answer.json()["code"], "bad_gateway");
    assert_eq!(answer.header("cache-control"), "no-store");
}

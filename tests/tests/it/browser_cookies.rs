//! A browser that holds its tokens in cookies, at the real edge.
//!
//! `wrangler dev` speaks plain http, where no browser would take a `__Host-` cookie: the cookies are
//! carried by hand here.

use std::collections::BTreeMap;

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::harness::{
    client::{Answer, send},
    origin::User,
    raw,
    stack::{ADMIN_CLIENT, BAN_PROMISE, Stack},
    wait,
};

const ACCESS: &str = "__Host-portcullis";
const REFRESH: &str = "__Host-portcullis-refresh";
const DEVICE: &str = "__Host-portcullis-device";

/// What a browser has of ours.
#[derive(Debug, Clone, Default)]
struct Jar(BTreeMap<String, String>);

impl Jar {
    /// Takes and forgets what an answer says.
    fn keep(&mut self, answer: &Answer) {
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (pair, attributes) = line.split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            for attribute in ["Path=/", "Secure", "HttpOnly"] {
                assert!(attributes.split("; ").any(|one| one == attribute), "{line}");
            }
            assert!(!attributes.contains("Domain"), "{line}");
            if attributes.contains("Max-Age=0;") {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn header(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }
}

fn request(stack: &Stack, jar: &Jar, method: Method, path: &str) -> RequestBuilder {
    let request = stack.http.request(method, &stack.edge.at(path));
    if jar.0.is_empty() {
        return request;
    }
    request.header("cookie", format!("theme=dark; {}", jar.header()))
}

fn from_here(request: RequestBuilder) -> RequestBuilder {
    request.header("sec-fetch-site", "same-origin")
}

fn login(stack: &Stack, user: &User) -> RequestBuilder {
    let body = json!({ "username": user.name, "password": user.password, "cookies": true });
    request(stack, &Jar::default(), Method::POST, "/auth/login").json(&body)
}

fn refresh(stack: &Stack, jar: &Jar) -> RequestBuilder {
    request(stack, jar, Method::POST, "/auth/token").form(&[("grant_type", "refresh_token")])
}

async fn signed_in(stack: &Stack) -> Jar {
    let answer = send(from_here(login(stack, &stack.user())))
        .await
        .expect(200);
    let mut jar = Jar::default();
    jar.keep(&answer);
    assert!(
        answer.json().get("access_token").is_none(),
        "{}",
        answer.text()
    );
    jar
}

#[tokio::test]
async fn a_browser_signs_in_stays_and_signs_out_at_the_edge() {
    let stack = Stack::shared().await;
    let mut jar = signed_in(stack).await;
    assert_eq!(jar.0.keys().collect::<Vec<_>>(), [ACCESS, DEVICE, REFRESH]);
    let me = send(request(stack, &jar, Method::GET, "/auth/me"))
        .await
        .expect(200);

    let first = jar.clone();
    let answer = send(from_here(refresh(stack, &jar))).await.expect(200);
    jar.keep(&answer);
    assert!(answer.json()["expires_in"].as_i64().unwrap() > 0);
    assert_ne!(jar.0[REFRESH], first.0[REFRESH]);
    let again = send(request(stack, &jar, Method::GET, "/auth/me"))
        .await
        .expect(200);
    assert_eq!(again.member("session_id"), me.member("session_id"));

    // The access token is gone with its time, as a browser has it.
    let before = jar.clone();
    jar.0.remove(ACCESS);
    let logout = from_here(request(stack, &jar, Method::POST, "/auth/logout"));
    jar.keep(&send(logout).await.expect(200));
    assert!(jar.0.keys().eq([DEVICE]));
    send(request(stack, &before, Method::GET, "/auth/me"))
        .await
        .expect(401);
    let late = send(from_here(refresh(stack, &before))).await.expect(400);
    assert_eq!(late.member("error"), "invalid_grant");
}

#[tokio::test]
async fn pages_of_other_sites_cannot_use_the_cookies() {
    let stack = Stack::shared().await;
    let jar = signed_in(stack).await;
    let user = stack.user();
    for (name, value) in [
        ("x-nothing", "1"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ] {
        for call in [
            login(stack, &user),
            refresh(stack, &jar),
            request(stack, &jar, Method::POST, "/auth/logout"),
            request(stack, &jar, Method::POST, "/auth/logout-all"),
        ] {
            let answer = send(call.header(name, value)).await.expect(403);
            assert_eq!(answer.member("code"), "cross_site", "{name}: {value}");
            assert_eq!(answer.header("set-cookie"), "");
        }
    }
    // The public URL's own pages, in a browser that knows no Sec-Fetch-Site.
    let origin = stack.edge.url();
    send(refresh(stack, &jar).header("origin", origin))
        .await
        .expect(200);
}

#[tokio::test]
async fn the_cookies_reach_nobody_but_where_people_sign_in() {
    let stack = Stack::shared().await;
    let jar = signed_in(stack).await;
    let (_, tokens) = stack.bearer().await;
    let echoed = send(request(stack, &jar, Method::GET, "/echo/x").bearer_auth(&tokens.access));
    let echoed = echoed.await.expect(200).text();
    assert!(echoed.contains("theme=dark"), "{echoed}");
    assert!(
        !echoed.to_lowercase().contains("__host-portcullis"),
        "{echoed}"
    );
    // Nor are they a credential anywhere else.
    for path in ["/echo/x", "/api/notes", "/admin/users"] {
        send(request(stack, &jar, Method::GET, path))
            .await
            .expect(401);
    }
    // An administrator's token in a cookie administrates nothing, not even at the origin itself.
    let planted = format!("{ACCESS}={}", stack.admin_token().await);
    let users = stack
        .http
        .request(Method::GET, &format!("{}/admin/users", stack.origin.url()));
    send(users.header("cookie", planted)).await.expect(401);
    let admin = json!({
        "username": stack.admin.name, "password": stack.admin.password,
        "client_id": ADMIN_CLIENT, "cookies": true,
    });
    let login = request(stack, &Jar::default(), Method::POST, "/auth/login").json(&admin);
    send(from_here(login)).await.expect(422);
}

#[tokio::test]
async fn a_cookie_that_is_there_twice_is_refused_however_it_is_sent() {
    let stack = Stack::shared().await;
    let jar = signed_in(stack).await;
    let cookie = format!("{ACCESS}={}", jar.0[ACCESS]);
    let one = format!("Cookie: {cookie}");
    for headers in [
        vec![one.clone(), one.clone()],
        vec![format!("Cookie: {cookie}; {cookie}")],
        vec![format!("Cookie: {cookie}, {cookie}")],
    ] {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let bytes = raw::request(stack.edge.port, "GET /auth/me", &headers);
        let answer = raw::exchange(stack.edge.port, &bytes).await.unwrap();
        assert_eq!(
            answer.status,
            400,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
    }
    let bytes = raw::request(stack.edge.port, "GET /auth/me", &[&one]);
    let answer = raw::exchange(stack.edge.port, &bytes).await.unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_page_of_the_site_shows_what_the_cookie_may_see() {
    let stack = Stack::shared().await;
    let jar = signed_in(stack).await;
    // `<img>`: a GET from whatever page.
    let image = request(stack, &jar, Method::GET, "/images/gate.png");
    let image = send(image.header("sec-fetch-site", "cross-site")).await;
    assert_eq!(image.expect(200).header("vary"), "authorization, cookie");
    let page = send(request(stack, &jar, Method::GET, "/pages/x")).await;
    let page = page.expect(200).text();
    let as_token = format!("Bearer {}", jar.0[ACCESS]);
    assert!(page.contains(&as_token), "{page}");
    assert!(!page.to_lowercase().contains("__host-"), "{page}");

    for (name, value, status) in [
        ("x-nothing", "1", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("origin", "https://evil.example", 403),
        ("sec-fetch-site", "same-origin", 200),
    ] {
        let change = request(stack, &jar, Method::POST, "/pages/x").header(name, value);
        let answer = send(change).await.expect(status);
        if status == 403 {
            assert_eq!(answer.member("code"), "cross_site");
        }
    }
    send(from_here(request(
        stack,
        &jar,
        Method::POST,
        "/auth/logout",
    )))
    .await
    .expect(200);
    wait::until("the logout to be in force", BAN_PROMISE, || async {
        let again = send(request(stack, &jar, Method::GET, "/pages/x")).await;
        (again.status == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_cookie_beside_a_token_has_to_be_of_its_session() {
    let stack = Stack::shared().await;
    let jar = signed_in(stack).await;
    let (_, other) = stack.bearer().await;
    let both = |token: &str| request(stack, &jar, Method::GET, "/pages/x").bearer_auth(token);
    send(both(&jar.0[ACCESS])).await.expect(200);
    send(both(&other.access)).await.expect(400);
}

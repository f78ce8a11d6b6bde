//! The bundle: the same Worker in a raw workerd, where no platform says who a client is.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    client::{Http, send},
    edge::Runtime,
    place, raw,
    server::RUNTIME,
    stack::{self, BAN_PROMISE, Stack},
    wait,
};

const AS_MADE: Runtime = Runtime::Bundle {
    removes_headers: true,
};

/// Addresses of nobody here (RFC 5737).
const FORGED: &str = "203.0.113.66";
const CLIENT: &str = "192.0.2.7";

async fn start(runtime: Runtime, variables: &[(&'static str, &str)]) -> Stack {
    Stack::start_in(runtime, &[], variables).await
}

#[tokio::test]
async fn the_bundle_lets_in_serves_refreshes_and_obeys_a_ban() {
    let stack = start(AS_MADE, &[]).await;
    let (_, bearer) = stack.bearer().await;
    let other = stack.bearer().await.1;
    let id = stack.get("/api/me", &bearer.access).await.expect(200);
    assert_eq!(id.member("sub"), stack.id_of(&bearer.access).await);
    let picture = stack
        .get("/images/gate.png", &bearer.access)
        .await
        .expect(200);
    assert!(picture.body.starts_with(b"\x89PNG"));
    let note = json!({ "text": "kept" });
    let notes = stack.edge.at("/api/notes");
    stack
        .http
        .post(&notes, &bearer.access, &note)
        .await
        .expect(201);
    stack.http.get_plain(&notes).await.expect(401);
    stack
        .http
        .get_plain(&stack.edge.at("/nowhere"))
        .await
        .expect(404);

    let refreshed = stack::refresh(&stack.http, &stack.edge.url(), &bearer.refresh).await;
    let bearer = stack::tokens(&refreshed.expect(200));
    stack.get("/api/me", &bearer.access).await.expect(200);

    let ban = stack.ban(&id.member("sub")).await;
    wait::until_time(ban.answered + BAN_PROMISE).await;
    let refused = stack.get("/api/me", &bearer.access).await.expect(401);
    assert!(refused.feed_seq() >= ban.seq);
    stack.get("/api/me", &other.access).await.expect(200);
}

#[tokio::test]
async fn in_a_bundle_a_client_has_the_address_of_its_connection_whatever_it_says() {
    // Also where somebody has written settings of their own that keep no header away.
    for removes_headers in [true, false] {
        let stack = start(Runtime::Bundle { removes_headers }, &[]).await;
        let (token, ray) = log_in_with_forged_headers(&stack).await;
        assert_ne!(ray, "forged-ray", "{removes_headers}");
        let sessions = stack.get("/auth/sessions", &token).await.expect(200).text();
        assert!(sessions.contains("127.0.0.1"), "{sessions}");
        assert!(!sessions.contains(FORGED), "{sessions}");
        assert!(!sessions.contains("\"XX\""), "{sessions}");

        let headers = seen(&stack, &token).await;
        let of = |name: &str| headers.iter().find(|(own, _)| own == name);
        assert_eq!(of("x-forwarded-for").unwrap().1, "127.0.0.1");
        for (name, value) in &headers {
            assert!(
                !value.contains("orged") && !value.contains(FORGED),
                "{name}: {value}"
            );
            assert!(!name.starts_with("cf-"), "{name}: {value}");
        }
    }
}

#[tokio::test]
async fn in_a_bundle_the_word_of_a_trusted_proxy_counts_and_no_other() {
    let stack = start(AS_MADE, &[("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let (token, _) = log_in_with_forged_headers(&stack).await;
    let sessions = stack.get("/auth/sessions", &token).await.expect(200).text();
    // The rightmost entry is the one that the proxy wrote.
    assert!(sessions.contains(CLIENT), "{sessions}");
    assert!(!sessions.contains(FORGED), "{sessions}");
    let headers = seen(&stack, &token).await;
    let told = headers.iter().find(|(name, _)| name == "x-forwarded-for");
    assert_eq!(told.unwrap().1, CLIENT);
}

#[test]
fn the_bundle_names_the_workerd_that_it_is_tested_with() {
    let read = |path: std::path::PathBuf| -> Value {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    let installed = read(place::node_modules().join("workerd/package.json"));
    let named = read(place::bundle().join("package.json"));
    assert_eq!(named["dependencies"]["workerd"], installed["version"]);
    let locked = read(place::bundle().join("package-lock.json"));
    let locked = &locked["packages"]["node_modules/workerd"];
    assert_eq!(locked["version"], installed["version"]);
    assert!(locked["integrity"].as_str().unwrap().starts_with("sha512-"));
}

/// What a client might write to pass for somebody else; `CLIENT` is what a proxy would add.
const HEADERS: [(&str, &str); 8] = [
    ("cf-connecting-ip", FORGED),
    ("cf_connecting_ip", FORGED),
    ("cf-ipcountry", "XX"),
    ("cf-ray", "forged-ray"),
    ("cf-worker", "forged"),
    ("true-client-ip", FORGED),
    ("x-real-ip", FORGED),
    ("x-forwarded-for", "203.0.113.66, 192.0.2.7"),
];

/// The access token, and what the edge called the request.
async fn log_in_with_forged_headers(stack: &Stack) -> (String, String) {
    let user = stack.user();
    let body = json!({ "username": user.name, "password": user.password });
    let login = stack.edge.at("/auth/login");
    let request = stack.http.request(Method::POST, &login).json(&body);
    let request = HEADERS.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    let answer = send(request).await.expect(200);
    (
        answer.member("access_token"),
        answer.header("portcullis-request-id"),
    )
}

/// The headers that an upstream gets.
async fn seen(stack: &Stack, token: &str) -> Vec<(String, String)> {
    let mut headers = vec![format!("Authorization: Bearer {token}")];
    headers.extend(
        HEADERS
            .iter()
            .map(|(name, value)| format!("{name}: {value}")),
    );
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let request = raw::request(stack.edge.port, "GET /echo/x", &headers);
    let answer = raw::exchange(stack.edge.port, &request).await.unwrap();
    assert_eq!(answer.status, 200);
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let (from, to) = (text.find('{').unwrap(), text.rfind('}').unwrap());
    let json: Value = serde_json::from_str(&text[from..=to]).unwrap();
    let pairs = json["headers"].as_array().unwrap().iter();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    pairs.map(|pair| (word(&pair[0]), word(&pair[1]))).collect()
}

/// Reads an image of this length to its end, keeping none of it.
async fn stream(url: String, token: String, length: usize) {
    let request = Http::new().request(Method::GET, &format!("{url}?{length}"));
    let mut answer = request.bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut received = 0;
    while let Some(part) = answer.chunk().await.unwrap() {
        received += part.len();
    }
    assert_eq!(received, length);
}

/// Here and not under `wrangler dev`, which keeps bodies in a proxy of its own.
#[tokio::test]
async fn four_images_of_a_hundred_megabytes_stream_through_and_the_edge_does_not_grow() {
    let stack = start(AS_MADE, &[]).await;
    let token = stack.bearer().await.1.access;
    let one = |length| {
        let url = stack.edge.at("/echo/bytes");
        RUNTIME.spawn(stream(url, token.clone(), length))
    };
    // The runtime gets its buffers.
    one(10_000_000).await.unwrap();
    let before = stack.edge.peak_kib();
    for image in [(); 4].map(|()| one(100_000_000)) {
        image.await.unwrap();
    }
    let grown = stack.edge.peak_kib() - before;
    // Wasm memory that has grown stays so: a tenth of what went through would show.
    assert!(grown < 40_000, "the edge grew by {grown} KiB");
}

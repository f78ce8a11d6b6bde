//! API keys at the real edge: exchanged at the origin once, then judged in memory like any token.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use crate::harness::{
    api_keys::{administrate, ask, create, exchanges, get, made_up, revoke},
    client::{Answer, send},
    raw,
    stack::{BAN_PROMISE, Stack},
    wait,
};

const GUESSER: &str = "203.0.113.9";
const VICTIM: &str = "192.0.2.1";

fn code(answer: &Answer) -> String {
    answer.member("code")
}

#[tokio::test]
async fn a_key_counts_in_both_headers_and_its_scopes_bound_it() {
    let stack = Stack::shared().await;
    let key = create(stack, &["api:read"]).await;
    let own = |method, path: &str| {
        let request = stack.http.request(method, &stack.edge.at(path));
        request.header("x-api-key", &key.text)
    };
    for answer in [
        ask(stack, "/api/me", &key.text).await,
        send(own(Method::GET, "/api/me")).await,
        send(own(Method::GET, "/api/me").bearer_auth(&key.text)).await,
    ] {
        let answer = answer.expect(200);
        assert!(answer.text().contains(&key.owner), "{}", answer.text());
        let vary = answer.header("vary").to_ascii_lowercase();
        assert!(vary.contains("x-api-key"), "{vary}");
        assert!(answer.header("cache-control").contains("private"));
    }
    let note = json!({ "text": "from a program" });
    let refused = send(own(Method::POST, "/api/notes").json(&note))
        .await
        .expect(403);
    assert_eq!(code(&refused), "insufficient_scope");
    assert!(refused.header("www-authenticate").contains("api:write"));
    let writing = create(stack, &["api:read", "api:write"]).await;
    let posted = stack
        .http
        .request(Method::POST, &stack.edge.at("/api/notes"));
    let posted = send(posted.bearer_auth(&writing.text).json(&note)).await;
    assert_eq!(posted.status / 100, 2, "{}", posted.text());
}

#[tokio::test]
async fn the_upstream_gets_the_token_and_never_the_key() {
    let stack = Stack::shared().await;
    let key = create(stack, &["api:read"]).await;
    let exchanged = ask(stack, "/keyed/x", &key.text).await.expect(200);
    let headers = exchanged.json()["headers"].to_string().to_lowercase();
    for name in ["portcullis-proof", "authorization", "portcullis-subject"] {
        assert!(headers.contains(name), "{headers}");
    }
    assert!(headers.contains(&key.owner.to_lowercase()), "{headers}");
    for (path, status) in [
        ("/keyed/x", 200),
        ("/public/x", 200),
        ("/report/x", 200),
        ("/optional/x", 200),
        ("/optional/y", 401),
        ("/echo/x", 401),
    ] {
        let request = stack.http.request(Method::GET, &stack.edge.at(path));
        let request = request.header("X-Api-Key", &key.text);
        let request = match path {
            "/optional/y" | "/public/x" | "/report/x" => request.bearer_auth(&key.text),
            _ => request,
        };
        let answer = send(request.header("x_api_key", &key.text))
            .await
            .expect(status);
        assert!(!answer.text().contains("pak_"), "{path}: {}", answer.text());
    }
    for log in [stack.edge.log(), stack.origin.log()] {
        assert!(!log.contains(&key.text), "a key in a log");
    }
}

#[tokio::test]
async fn whatever_contradicts_itself_is_400() {
    let stack = Stack::shared().await;
    let key = create(stack, &["api:read"]).await;
    let other = create(stack, &["api:read"]).await;
    let line = |name: &str, value: &str| format!("{name}: {value}");
    let bearer = |value: &str| line("Authorization", &format!("Bearer {value}"));
    let named = |value: &str| line("X-API-Key", value);
    let cookie = |value: &str| line("Cookie", &format!("__Host-portcullis={value}"));
    for (headers, status) in [
        (vec![named(&key.text), bearer(&key.text)], 200),
        (vec![named(&key.text), bearer(&other.text)], 400),
        (vec![named(&key.text), bearer(&key.token)], 400),
        (vec![named(&key.text), named(&key.text)], 400),
        (vec![bearer(&key.text), bearer(&key.text)], 400),
        (vec![bearer(&key.text), cookie(&key.token)], 200),
        (vec![named(&key.text), cookie(&other.token)], 400),
        (vec![named("of-somebody-else")], 401),
        (vec![named(&key.text.to_uppercase())], 401),
    ] {
        let lines: Vec<&str> = headers.iter().map(String::as_str).collect();
        let bytes = raw::request(stack.edge.port, "GET /keyed/x", &lines);
        let answer = raw::exchange(stack.edge.port, &bytes).await.unwrap();
        assert_eq!(answer.status, status, "{headers:?}");
    }
}

#[tokio::test]
async fn a_key_is_exchanged_once_and_a_mistyped_one_never() {
    let stack = Stack::start(&[]).await;
    let key = create(&stack, &["api:read"]).await;
    let before = exchanges(&stack);
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        requests.spawn(send(get(&stack, "/keyed/x", &key.text, VICTIM)));
    }
    for answer in requests.join_all().await {
        answer.expect(200);
    }
    for _ in 0..50 {
        ask(&stack, "/keyed/x", &key.text).await.expect(200);
    }
    assert_eq!(exchanges(&stack) - before, 1);
    let mut mistyped = key.text.clone();
    let last = if mistyped.pop() == Some('a') {
        'q'
    } else {
        'a'
    };
    mistyped.push(last);
    let fault = ask(&stack, "/keyed/x", &mistyped).await.expect(401);
    assert_eq!(code(&fault), "invalid_token");
    assert_eq!(exchanges(&stack) - before, 1);
}

#[tokio::test]
async fn a_revoked_key_is_refused_within_the_promise_and_for_good() {
    let stack = Stack::start(&[]).await;
    let key = create(&stack, &["api:read"]).await;
    let other = create(&stack, &["api:read"]).await;
    for text in [&key.text, &other.text] {
        ask(&stack, "/keyed/x", text).await.expect(200);
    }
    let before = exchanges(&stack);
    let revoked = revoke(&stack, &key.id).await;
    let limit = BAN_PROMISE + Duration::from_secs(1);
    let refused = wait::until("the refusal", limit, || async {
        let asked = revoked.answered.elapsed();
        let answer = ask(&stack, "/keyed/x", &key.text).await;
        assert!(
            answer.status == 401 || asked < BAN_PROMISE,
            "passed {asked:?} after the revocation"
        );
        (answer.status == 401).then_some(answer)
    })
    .await;
    assert!(refused.feed_seq() >= revoked.seq);
    assert_eq!(code(&refused), "invalid_token");
    for _ in 0..50 {
        ask(&stack, "/keyed/x", &key.text).await.expect(401);
        ask(&stack, "/keyed/x", &other.text).await.expect(200);
    }
    assert_eq!(exchanges(&stack) - before, 0, "nothing is asked about it");
    // The owner's ban ends the other one, too.
    let ban = stack.ban(&other.owner).await;
    wait::until_time(ban.answered + BAN_PROMISE).await;
    ask(&stack, "/keyed/x", &other.text).await.expect(401);
    ask(&stack, "/keyed/x", &other.text).await.expect(401);
}

#[tokio::test]
async fn a_rotated_key_and_its_successor_work_side_by_side() {
    let stack = Stack::shared().await;
    let old = create(stack, &["api:read"]).await;
    ask(stack, "/keyed/x", &old.text).await.expect(200);
    let path = format!("/{}/rotate", old.id);
    let body = json!({ "overlap_seconds": 3600 });
    let new = administrate(stack, &path, &body)
        .await
        .expect(200)
        .member("key");
    assert_ne!(new, old.text);
    for key in [&old.text, &new] {
        ask(stack, "/keyed/x", key).await.expect(200);
    }
    revoke(stack, &old.id).await;
    let limit = BAN_PROMISE + Duration::from_secs(1);
    wait::until("the end of the old key", limit, || async {
        let answer = ask(stack, "/keyed/x", &old.text).await;
        (answer.status == 401).then_some(())
    })
    .await;
    ask(stack, "/keyed/x", &new).await.expect(200);
}

#[tokio::test]
async fn whoever_guesses_is_stopped_and_the_victim_goes_on() {
    let stack = Stack::start(&[]).await;
    let key = create(&stack, &["api:read"]).await;
    let known = create(&stack, &["api:read"]).await;
    let from_there = |text: &str| send(get(&stack, "/keyed/x", text, GUESSER));
    from_there(&known.text).await.expect(200);
    let before = exchanges(&stack);
    let started = Instant::now();
    // The same wrong key again and again; then others with the victim's id; then with any.
    let wrong = made_up(&key.id, 0);
    for _ in 0..50 {
        let answer = from_there(&wrong).await.expect(401);
        assert_eq!(code(&answer), "invalid_token");
    }
    assert!(exchanges(&stack) - before <= 1 + seconds(started) / 10);
    let mut statuses = Vec::new();
    for secret in 1..100 {
        let answer = from_there(&made_up(&key.id, secret)).await;
        if answer.status == 429 {
            assert_eq!(code(&answer), "too_many_requests");
            let pause: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=10).contains(&pause), "{pause}");
        }
        statuses.push(answer.status);
    }
    assert!(
        statuses.iter().all(|status| [401, 429].contains(status)),
        "{statuses:?}"
    );
    assert_eq!(statuses.last(), Some(&429));
    assert!(exchanges(&stack) - before <= 6 + seconds(started) / 10);
    for number in 0..100_u8 {
        let id = portcullis_shared::api_key::ApiKeyId::from_bytes([number; 16]);
        let answer = from_there(&made_up(&id.to_string(), 1)).await;
        assert!([401, 429].contains(&answer.status), "{}", answer.status);
    }
    let asked = exchanges(&stack) - before;
    assert!(asked <= 30 + seconds(started) / 2, "{asked}");
    // The victim from elsewhere, whom this edge does not know; and who is known even from there.
    send(get(&stack, "/keyed/x", &key.text, VICTIM))
        .await
        .expect(200);
    from_there(&known.text).await.expect(200);
    from_there(&key.text).await.expect(200);
}

#[tokio::test]
async fn without_the_origin_a_known_key_goes_on_until_its_token_ends() {
    let origin = [
        ("PORTCULLIS_TOKENS__LIFETIME", "20"),
        ("PORTCULLIS_REFRESH__WINDOW", "5"),
    ];
    let edge = [
        ("REVOCATIONS_HARD_MS", "600000"),
        ("REVOCATIONS_BEHIND_MS", "600000"),
    ];
    let stack = Stack::start_with(&origin, &edge).await;
    let key = create(&stack, &["api:read"]).await;
    let other = create(&stack, &["api:read"]).await;
    ask(&stack, "/keyed/x", &key.text).await.expect(200);
    let obtained = Instant::now();
    stack.origin.freeze();
    let unknown = ask(&stack, "/keyed/x", &other.text).await.expect(503);
    assert!(!unknown.header("retry-after").is_empty());
    let passes_until = obtained + Duration::from_secs(17);
    while Instant::now() < passes_until {
        let asked = Instant::now();
        let answer = ask(&stack, "/keyed/x", &key.text).await;
        assert!(
            answer.status == 200 || asked > passes_until,
            "{}",
            answer.text()
        );
    }
    let ended = wait::until("the end of the token", Duration::from_secs(20), || async {
        let answer = ask(&stack, "/keyed/x", &key.text).await;
        (answer.status != 200).then_some(answer)
    })
    .await
    .expect(503);
    assert!(!ended.header("retry-after").is_empty());
    stack.origin.thaw();
    wait::until("the recovery", Duration::from_secs(20), || async {
        let answer = ask(&stack, "/keyed/x", &key.text).await;
        assert_ne!(answer.status, 401, "{}", answer.text());
        (answer.status == 200).then_some(())
    })
    .await;
}

fn seconds(since: Instant) -> usize {
    usize::try_from(since.elapsed().as_secs()).unwrap() + 1
}

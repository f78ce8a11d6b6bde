//! The Rust half traps, really: the request that it happened to is refused, nobody is left waiting,
//! and the next one works.

use reqwest::Method;
use tokio::task::JoinSet;

use crate::harness::{
    client::{Answer, send},
    forged::Forged,
    hostile::{Conduct, key},
    place,
};

const WAYS: [&str; 2] = ["memory", "stack"];

async fn start() -> Forged {
    let entry = place::root().join("tests/js/trapping.js");
    Forged::start_by(Some(entry), &[]).await
}

/// What comes of a request that is to trap.
async fn trapped(set: &Forged, method: Method, token: &str, trap: &str) -> Answer {
    let request = set.http.request(method, &set.edge.at("/echo/x"));
    send(request.bearer_auth(token).header("x-trap", trap)).await
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert_eq!(answer.member("code"), "internal_error");
    assert_eq!(answer.header("cache-control"), "no-store");
    // Neither the cause nor where it happened.
    assert!(!answer.text().contains("unreachable"), "{}", answer.text());
    assert!(!answer.text().contains("wasm"), "{}", answer.text());
}

#[tokio::test]
async fn a_request_that_traps_reaches_nobody_and_the_next_one_works() {
    let set = start().await;
    let (good, bad) = (set.token(&key(1)), set.token(&key(7)));
    for round in 0..3 {
        for way in WAYS {
            assert_eq!(set.status(&good).await, 200, "{way}, {round}");
            let (forwarded, asked) = (set.echo.requests(), set.origin.keys_asked());
            let now = format!("{way} now");
            assert_refused(&trapped(&set, Method::GET, &good, &now).await);
            assert_eq!(set.echo.requests(), forwarded, "{way}, {round}");
            // The next one, whoever sends it.
            assert_eq!(set.status(&bad).await, 401, "{way}, {round}");
            assert_eq!(set.status(&good).await, 200, "{way}, {round}");
            // It is another instance, which knew nothing.
            assert!(set.origin.keys_asked() > asked, "{way}, {round}");
        }
    }
    let head = trapped(&set, Method::HEAD, &good, "memory now").await;
    assert_eq!((head.status, head.body.len()), (500, 0));
    let posted = set.http.request(Method::POST, &set.edge.at("/echo/count"));
    let posted = posted.bearer_auth(&good).body(vec![b'x'; 1 << 20]);
    assert_refused(&send(posted.header("x-trap", "memory now")).await);
    assert_eq!(set.status(&good).await, 200);
}

#[tokio::test]
async fn who_waits_when_the_instance_traps_is_refused_at_once_and_the_next_request_works() {
    let set = start().await;
    let good = set.token(&key(1));
    for way in WAYS {
        set.origin.set(|state| {
            (state.keys_conduct, state.feed_conduct) = (Conduct::Silent, Conduct::Silent);
        });
        // An instance that knows nothing, so that whoever asks has to wait for the origin.
        assert_refused(&trapped(&set, Method::GET, &good, "memory now").await);
        let mut waiting = JoinSet::new();
        for _ in 0..8 {
            let (http, url, token) = (set.http.clone(), set.edge.at("/echo/x"), good.clone());
            let trap = format!("{way} 8");
            waiting.spawn(async move {
                let request = http.request(Method::GET, &url).bearer_auth(token);
                send(request.header("x-trap", trap)).await
            });
        }
        for answer in waiting.join_all().await {
            assert_refused(&answer);
        }
        set.origin.set(|state| {
            (state.keys_conduct, state.feed_conduct) = (Conduct::Good, Conduct::Good);
        });
        assert_eq!(set.status(&good).await, 200, "{way}");
        assert_eq!(set.status(&set.token(&key(7))).await, 401, "{way}");
    }
}

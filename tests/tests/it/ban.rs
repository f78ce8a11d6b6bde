//! A ban bites everywhere in seconds, with the defaults, and costs the origin a fetch a second.

use std::time::Duration;

use tokio::{task::JoinSet, time::Instant};

use crate::harness::{
    stack::{self, BAN_PROMISE, Stack},
    wait,
};

const FEED: &str = "/.well-known/revocations";

#[tokio::test]
async fn a_ban_is_in_force_five_seconds_after_its_answer_and_the_edge_says_so() {
    let stack = Stack::shared().await;
    let (_, bearer) = stack.bearer().await;
    let (_, other) = stack.bearer().await;
    let id = stack.id_of(&bearer.access).await;
    stack.get("/api/me", &bearer.access).await.expect(200);
    let ban = stack.ban(&id).await;
    let refused = wait::until(
        "the refusal",
        BAN_PROMISE + Duration::from_secs(1),
        || async {
            let asked = ban.answered.elapsed();
            let answer = stack.get("/api/me", &bearer.access).await;
            assert!(
                answer.status == 401 || asked < BAN_PROMISE,
                "passed {asked:?} after the ban"
            );
            (answer.status == 401).then_some(answer)
        },
    )
    .await;
    println!(
        "refused {:?} after the ban's answer",
        ban.answered.elapsed()
    );
    assert!(
        refused.feed_seq() >= ban.seq,
        "{} < {}",
        refused.feed_seq(),
        ban.seq
    );
    assert_eq!(refused.json()["code"], "invalid_token");
    // From now on for good, and for nobody else.
    for _ in 0..20 {
        stack.get("/api/me", &bearer.access).await.expect(401);
        stack.get("/api/me", &other.access).await.expect(200);
    }
    stack::refresh(&stack.http, &stack.edge.url(), &bearer.refresh)
        .await
        .expect(400);
}

#[tokio::test]
async fn an_isolate_that_was_idle_refuses_a_banned_user_at_the_first_request() {
    let stack = Stack::start(&[]).await;
    let (_, bearer) = stack.bearer().await;
    let id = stack.id_of(&bearer.access).await;
    stack.get("/api/me", &bearer.access).await.expect(200);
    let ban = stack.ban(&id).await;
    // Nobody asks the edge meanwhile: what it knows is from before the ban, and older than serves.
    wait::until_time(ban.answered + BAN_PROMISE).await;
    let answers = join(&stack, &bearer.access, 20).await;
    assert!(answers.iter().all(|status| *status == 401), "{answers:?}");
    let refused = stack.get("/api/me", &bearer.access).await.expect(401);
    assert!(refused.feed_seq() >= ban.seq);
}

#[tokio::test]
async fn a_thousand_requests_cost_the_origin_about_a_fetch_a_second() {
    let stack = Stack::start(&[]).await;
    let (_, bearer) = stack.bearer().await;
    stack.get("/api/me", &bearer.access).await.expect(200);
    let before = stack.proxy.counts();
    let (start, passed) = (Instant::now(), stack.api.requests());
    // At least over five seconds, so that a second more or less is not what is measured.
    let mut sent = 0;
    while sent < 1000 || start.elapsed() < Duration::from_secs(5) {
        let answers = join(&stack, &bearer.access, 50).await;
        assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
        sent += answers.len();
    }
    let seconds = start.elapsed().as_secs_f64();
    let mut asked = stack.proxy.counts();
    for (path, count) in before {
        *asked.get_mut(&path).unwrap() -= count;
    }
    let feed = asked.remove(FEED).unwrap_or(0);
    println!("{sent} requests in {seconds:.1} s, {feed} fetches of the feed");
    assert_eq!(stack.api.requests() - passed, sent);
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let rate = feed as f64 / (seconds + 1.0);
    assert!(rate <= 1.0, "{feed} fetches in {seconds:.1} s");
    assert!(feed >= 1, "the feed is kept fresh");
    // And nothing else was asked of the origin on their account.
    assert!(asked.values().all(|count| *count == 0), "{asked:?}");
}

/// So many requests at once; their statuses.
async fn join(stack: &Stack, token: &str, count: usize) -> Vec<u16> {
    let mut requests = JoinSet::new();
    for _ in 0..count {
        let (http, url, token) = (
            stack.http.clone(),
            stack.edge.at("/api/me"),
            token.to_owned(),
        );
        requests.spawn(async move { http.get(&url, &token).await.status });
    }
    requests.join_all().await
}

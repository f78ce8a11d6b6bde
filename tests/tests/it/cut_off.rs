//! An edge that is cut off from the origin, with the defaults: it serves for thirty seconds, then
//! nobody passes, and it recovers by itself.

use std::time::Duration;

use tokio::time::Instant;

use crate::harness::{
    stack::{self, Stack},
    wait,
};

/// The hard age, counted from the beginning of the last fetch that succeeded.
const HARD: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_cut_off_edge_serves_for_thirty_seconds_then_answers_503_and_recovers_by_itself() {
    let stack = Stack::start(&[]).await;
    let (_, bearer) = stack.bearer().await;
    stack.get("/api/me", &bearer.access).await.expect(200);
    // It hangs, which is worse than if it were gone.
    stack.origin.freeze();
    let cut = Instant::now();
    let refused = wait::until("the refusal", HARD + Duration::from_secs(10), || async {
        let asked = cut.elapsed();
        let answer = stack.get("/api/me", &bearer.access).await;
        match answer.status {
            // What was fetched last is up to 3.5 s old, and a fetch may have been under way.
            200 => assert!(
                asked < HARD + Duration::from_secs(2),
                "still served after {asked:?}"
            ),
            503 => assert!(
                asked + Duration::from_secs(5) > HARD,
                "refused after {asked:?} already"
            ),
            other => panic!("{other} after {asked:?}: {}", answer.text()),
        }
        (answer.status == 503).then_some(answer)
    })
    .await;
    println!("503 after {:?}", cut.elapsed());
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(refused.json()["code"], "unavailable");
    // Not the wrong answer: the token is good.
    assert!(refused.header("www-authenticate").is_empty());

    stack.origin.thaw();
    let back = Instant::now();
    wait::until("the recovery", Duration::from_secs(10), || async {
        (stack.get("/api/me", &bearer.access).await.status == 200).then_some(())
    })
    .await;
    println!("recovered after {:?}", back.elapsed());
    let next = stack::refresh(&stack.http, &stack.edge.url(), &bearer.refresh)
        .await
        .expect(200);
    stack
        .get("/api/me", &stack::tokens(&next).access)
        .await
        .expect(200);
}

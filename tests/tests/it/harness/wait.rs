//! Waiting for something to become true, with a deadline: the only place where a test sleeps.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};

/// How long to pause between two looks.
const TURN: Duration = Duration::from_millis(25);

/// Asks until the answer is `Some`.
///
/// # Panics
///
/// When it is not after `limit`; the message says for `what` was waited.
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> F,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(
            start.elapsed() < limit,
            "after {limit:?}: still waiting for {what}"
        );
        sleep(TURN).await;
    }
}

/// Waits until a point in time, where the passing of time itself is what is tested.
pub async fn until_time(when: Instant) {
    let limit = when.saturating_duration_since(Instant::now()) + Duration::from_secs(5);
    until("a point in time", limit, || async {
        (Instant::now() >= when).then_some(())
    })
    .await;
}

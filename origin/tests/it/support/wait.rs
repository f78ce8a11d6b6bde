//! Waiting for something to become true, with a deadline: the only place where a test sleeps.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// How long to pause between two looks.
const TURN: Duration = Duration::from_millis(5);

/// How long to wait at most. Long: only a test that fails waits for so long.
const LIMIT: Duration = Duration::from_secs(20);

/// Asks until the answer is `Some`. Fails when it never is, and says for `what` was waited.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            sleep(TURN).await;
        }
    };
    let found = timeout(LIMIT, asking).await;
    found.unwrap_or_else(|_| panic!("after {LIMIT:?}: still waiting for {what}"))
}

//! Changes that wait for rows which somebody else holds, aside from the groups.
//!
//! Each waits with a connection of its own. So only as many do at once as leave half of the
//! connections to everybody else, however often one session is asked for; the others wait without a
//! connection, and when too many of them do, whoever comes is told so.

use std::future::Future;

use tokio::sync::Semaphore;

use super::fault::{Fault, within_patience};

/// How many may wait. Whoever comes then is told so at once.
const MOST: usize = 1024;

/// Where they wait.
pub(super) struct Aside {
    places: Semaphore,
    turns: Semaphore,
}

impl Aside {
    /// For a pool of so many connections.
    pub(super) fn new(connections: u32) -> Self {
        let half = usize::try_from(connections / 2).unwrap_or(MOST);
        Self {
            places: Semaphore::new(MOST),
            turns: Semaphore::new(half.max(1)),
        }
    }

    /// Does something when it is its turn.
    pub(super) async fn run<T>(
        &self,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let _place = self.places.try_acquire().map_err(|_| Fault::Overloaded)?;
        let turn = async { self.turns.acquire().await.map_err(|_| Fault::Closed) };
        let _turn = within_patience(turn).await?;
        work.await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn half_of_the_connections_are_used_and_too_many_who_wait_are_refused() {
        assert_eq!(Aside::new(9).turns.available_permits(), 4);
        assert_eq!(Aside::new(1).turns.available_permits(), 1);
        let aside = Arc::new(Aside::new(4));
        let held = aside.turns.acquire_many(2).await.unwrap();
        let mut waiting = JoinSet::new();
        for _ in 0..MOST {
            let aside = Arc::clone(&aside);
            waiting.spawn(async move { aside.run(async { Ok(()) }).await });
        }
        while aside.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let late = aside.run(async { Ok(()) }).await;
        assert!(matches!(late, Err(Fault::Overloaded)), "{late:?}");
        drop(held);
        let done = waiting.join_all().await;
        assert!(done.iter().all(Result::is_ok));
        aside.run(async { Ok(()) }).await.unwrap();
    }
}

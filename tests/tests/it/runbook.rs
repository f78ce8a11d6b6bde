//! The steps of docs/operations.md, each as it stands there, on real processes: backup, restore,
//! upgrade, another master key, another database server.

mod backup;
mod failover;
mod master_key;
mod upgrade;

use std::{sync::Arc, time::Duration};

use crate::harness::{
    chain::{Attempt, Chain, assert_invalid_grant, present},
    client::Http,
    origin::{Home, Origin, User},
    stack::{SCOPES, login, tokens},
    wait,
};

const ISSUER: &str = "http://edge.example";

const LIMIT: Duration = Duration::from_secs(10);

/// How many clients there are.
const CLIENTS: usize = 4;

/// An origin's user, and chains of that user's sessions.
struct People {
    http: Http,
    user: User,
}

impl People {
    fn new(home: &Home) -> Self {
        Self {
            http: Http::new(),
            user: home.add_user(&SCOPES, &[]),
        }
    }

    async fn log_in(&self, origin: &Origin) -> Chain {
        let answer = login(&self.http, &origin.url(), &self.user, None).await;
        Chain::begin(tokens(&answer.expect(200)))
    }

    async fn log_all_in(&self, origin: &Origin) -> Vec<Chain> {
        let mut chains = Vec::new();
        for _ in 0..CLIENTS {
            chains.push(self.log_in(origin).await);
        }
        chains
    }

    async fn present(&self, origin: &Origin, chain: &Chain) -> Attempt {
        present(&self.http, &origin.url(), &chain.held().refresh).await
    }

    /// The newest token works, and what comes of it. Connections to a database that was cut off
    /// may be noticed one by one.
    async fn goes_on(&self, origin: &Origin, chain: &mut Chain) {
        for _ in 0..2 {
            let next = wait::until("a successor", LIMIT, || async {
                match self.present(origin, chain).await {
                    Attempt::Granted(next) => Some(next),
                    Attempt::Unavailable => None,
                    other => panic!("it does not go on: {other:?}"),
                }
            });
            chain.note(next.await);
            let me = origin.at("/auth/me");
            let told = wait::until("who it is", LIMIT, || async {
                let answer = self.http.get(&me, &chain.held().access).await;
                (answer.status != 503).then_some(answer)
            });
            told.await.expect(200);
        }
    }

    /// A token that was spent before ends the session.
    async fn theft_is_theft(&self, origin: &Origin, chain: &Chain) {
        let spent = chain.long_spent().unwrap();
        assert_invalid_grant(&present(&self.http, &origin.url(), spent).await);
        assert_invalid_grant(&self.present(origin, chain).await);
    }
}

/// Asks an origin to finish, and waits until it has.
async fn stop(origin: Origin) {
    origin.terminate();
    assert!(origin.ended_well().await);
}

/// Starts an origin again, at the same address.
async fn restart(origin: Origin) -> Origin {
    let (home, port) = (Arc::clone(&origin.home), origin.port);
    stop(origin).await;
    Origin::start_at(home, port).await
}

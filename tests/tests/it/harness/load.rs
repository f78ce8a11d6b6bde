//! Clients that refresh all the time, while a test does something to the service.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::task::JoinSet;

use super::{
    chain::{Attempt, Chain, present},
    client::Http,
    wait,
};

/// How long a client tries again before it gives up.
const PATIENCE: Duration = Duration::from_mins(1);

/// The clients.
#[derive(Debug)]
pub struct Load {
    state: Arc<State>,
    clients: JoinSet<Chain>,
}

#[derive(Debug)]
struct State {
    http: Http,
    urls: Vec<String>,
    granted: AtomicUsize,
    over: AtomicBool,
}

impl Load {
    /// Has each chain refreshed all the time, at whichever origin answers.
    pub fn start(urls: Vec<String>, chains: Vec<Chain>) -> Self {
        let state = Arc::new(State {
            http: Http::new(),
            urls,
            granted: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        });
        let mut clients = JoinSet::new();
        for (number, chain) in chains.into_iter().enumerate() {
            clients.spawn(Arc::clone(&state).refresh(chain, number));
        }
        Self { state, clients }
    }

    /// Until so many more refreshes were answered.
    pub async fn progress(&mut self, more: usize) {
        let goal = self.state.granted.load(SeqCst) + more;
        wait::until("clients that go on", PATIENCE, || {
            let gave_up = self.clients.try_join_next();
            assert!(gave_up.is_none(), "a client gave up: {gave_up:?}");
            let done = self.state.granted.load(SeqCst) >= goal;
            async move { done.then_some(()) }
        })
        .await;
    }

    /// Stops; what the clients hold.
    pub async fn stop(self) -> Vec<Chain> {
        self.state.over.store(true, SeqCst);
        self.clients.join_all().await
    }
}

impl State {
    async fn refresh(self: Arc<Self>, mut chain: Chain, mut place: usize) -> Chain {
        while !self.over.load(SeqCst) {
            let token = chain.held().refresh.clone();
            let next = wait::until("an answer", PATIENCE, || {
                place += 1;
                let url = &self.urls[place % self.urls.len()];
                let asking = present(&self.http, url, &token);
                async move {
                    match asking.await {
                        Attempt::Granted(next) => Some(next),
                        Attempt::Unavailable | Attempt::NoAnswer => None,
                        Attempt::Refused(answer) => panic!("lost: {}", answer.text()),
                    }
                }
            });
            chain.note(next.await);
            self.granted.fetch_add(1, SeqCst);
        }
        chain
    }
}

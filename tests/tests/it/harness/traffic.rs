//! Clients that ask with good tokens all the time, while a test does something to the service.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::Instant};

use super::{client::Http, wait};

/// Longer than any number of answers takes that a test waits for.
const PATIENCE: Duration = Duration::from_secs(40);

/// What a client was answered.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// When it asked.
    pub asked: Instant,
    pub status: u16,
}

/// The clients.
#[derive(Debug)]
pub struct Traffic {
    state: Arc<State>,
    clients: JoinSet<()>,
}

#[derive(Debug)]
struct State {
    http: Http,
    url: String,
    tokens: Mutex<Vec<String>>,
    seen: Mutex<Vec<Seen>>,
    over: AtomicBool,
}

impl Traffic {
    /// Has `clients` ask for `url` with one token after the other.
    pub fn start(url: String, tokens: Vec<String>, clients: usize) -> Self {
        let state = Arc::new(State {
            http: Http::new(),
            url,
            tokens: Mutex::new(tokens),
            seen: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let clients = (0..clients).map(|place| Arc::clone(&state).ask(place));
        Self {
            clients: clients.collect(),
            state,
        }
    }

    /// One more token to ask with.
    pub fn add(&self, token: String) {
        self.state.tokens.lock().unwrap().push(token);
    }

    /// Waits until one of those answers that were asked for from now on is wanted.
    pub async fn until(&self, what: &str, wanted: impl Fn(u16) -> bool) -> Seen {
        let now = Instant::now();
        wait::until(what, PATIENCE, || {
            let seen = self.state.seen.lock().unwrap();
            let mut later = seen.iter().filter(|seen| seen.asked >= now);
            let found = later.find(|seen| wanted(seen.status)).copied();
            async move { found }
        })
        .await
    }

    /// Waits for so many more answers.
    pub async fn progress(&self, more: usize) {
        let goal = self.state.seen.lock().unwrap().len() + more;
        wait::until("answers", PATIENCE, || {
            let done = self.state.seen.lock().unwrap().len() >= goal;
            async move { done.then_some(()) }
        })
        .await;
    }

    /// Stops; all that was answered, in no particular order.
    pub async fn stop(self) -> Vec<Seen> {
        self.state.over.store(true, SeqCst);
        self.clients.join_all().await;
        self.state.seen.lock().unwrap().clone()
    }
}

impl State {
    async fn ask(self: Arc<Self>, mut place: usize) {
        while !self.over.load(SeqCst) {
            place += 1;
            let token = {
                let tokens = self.tokens.lock().unwrap();
                tokens[place % tokens.len()].clone()
            };
            let asked = Instant::now();
            let status = self.http.get(&self.url, &token).await.status;
            self.seen.lock().unwrap().push(Seen { asked, status });
        }
    }
}

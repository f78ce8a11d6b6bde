//! What a test of storage works on: an empty database, storage over it, and a way to look behind
//! storage's back.

use std::{
    future::{Future, poll_fn},
    sync::{Arc, mpsc},
    task::Poll,
};

use portcullis_origin::domain::{
    audit::{Action, Actor, Event},
    session::Session,
    store::{By, Seq, SessionChange, Store, StoreError, UserChange},
    user::User,
};
use portcullis_shared::ids::SessionId;
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use tokio::{
    sync::oneshot,
    task::{JoinHandle, JoinSet},
};

use super::{
    covered::{Covered, Method},
    samples::{MILLIS, NOW, event, record, session_id},
};
use crate::support::{Database, Engine, until};

pub(super) struct Bench {
    pub(super) engine: Engine,
    pub(super) database: Database,
    pub(super) store: Arc<Covered>,
}

impl Bench {
    pub(super) async fn new(engine: Engine) -> Self {
        let database = Database::create(engine).await;
        let store = Arc::new(Covered::new(database.connect().await));
        Self {
            engine,
            database,
            store,
        }
    }

    /// Storage, and replicas of it on the same database: `count` in all.
    pub(super) async fn replicas(&self, count: usize) -> Vec<Arc<dyn Store>> {
        let mut replicas: Vec<Arc<dyn Store>> = vec![self.store.clone()];
        while replicas.len() < count {
            replicas.push(self.database.connect().await);
        }
        replicas
    }

    /// Does something for each number at once, on two replicas in turn; gives what came of each, in
    /// no order.
    pub(super) async fn at_once<N, T, F>(
        &self,
        numbers: impl IntoIterator<Item = N>,
        work: impl Fn(N, Arc<dyn Store>) -> F,
    ) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let replicas = self.replicas(2).await;
        let mut racing = JoinSet::new();
        for (number, store) in numbers.into_iter().zip(replicas.iter().cycle()) {
            racing.spawn(work(number, Arc::clone(store)));
        }
        racing.join_all().await
    }

    /// Fails when the test did not test what it is listed for.
    pub(super) fn finish(self, method: Method) {
        assert_ne!(self.store.calls(method), 0, "{method:?} was not called");
    }

    /// Has a user.
    pub(super) async fn add_user(&self, user: &User) {
        let event = Event::new(NOW, Action::UserCreated, Actor::Operator);
        self.store
            .create_user(user, &event, By::Service)
            .await
            .unwrap();
    }

    /// Has the session of a user that exists.
    pub(super) async fn add_session(&self, session: &Session) {
        let opened = session.clone();
        let decide = move |_: &User, _: &[Session]| UserChange {
            opened: Some(opened),
            ..UserChange::default()
        };
        let changed = self
            .store
            .change_user(session.user_id, MILLIS, Box::new(decide));
        assert!(changed.await.unwrap().is_some());
    }

    /// The session as it is stored.
    pub(super) async fn stored(&self, session: &Session) -> Session {
        self.store.session(session.id).await.unwrap().unwrap().0
    }

    /// The column of texts that a query gives.
    pub(super) async fn texts(&self, sql: &'static str) -> Vec<String> {
        self.try_texts(sql).await.unwrap()
    }

    /// The column of texts that a query gives, unless the database refuses it.
    pub(super) async fn try_texts(&self, sql: &'static str) -> Result<Vec<String>, sqlx::Error> {
        match self.engine {
            Engine::Sqlite => {
                let mut raw = SqliteConnection::connect(&self.database.url).await.unwrap();
                sqlx::query_scalar(sql).fetch_all(&mut raw).await
            }
            Engine::Postgres => {
                let mut raw = PgConnection::connect(&self.database.url).await.unwrap();
                sqlx::query_scalar(sql).fetch_all(&mut raw).await
            }
        }
    }

    /// How many transactions wait for what another one holds. Postgres alone knows.
    pub(super) async fn waiting(&self) -> usize {
        let waiting = "SELECT CAST(pid AS TEXT) FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        self.texts(waiting).await.len()
    }

    /// Returns when so many transactions wait for what another one holds. On SQLite there is nothing
    /// to wait for: the one writer takes changes in the order in which they were [`asked`].
    pub(super) async fn until_waiting(&self, count: usize) {
        if self.engine == Engine::Postgres {
            let enough = async || (self.waiting().await >= count).then_some(());
            until("transactions that wait for others", enough).await;
        }
    }

    /// The audit trail, an entry a line.
    pub(super) async fn trail(&self) -> Vec<String> {
        self.texts(
            "SELECT action || ' by ' || actor || coalesce(': ' || detail, '') \
             FROM audit_events ORDER BY id",
        )
        .await
    }
}

/// Asks for something that cannot be answered yet, and returns once it has been asked: whatever is
/// asked after that, is asked later.
pub(super) async fn asked<T: Send + 'static>(
    asking: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    let mut asking = Box::pin(asking);
    // Storage takes a change when it is polled first.
    let first = poll_fn(|context| Poll::Ready(asking.as_mut().poll(context))).await;
    assert!(first.is_pending(), "it was answered at once");
    tokio::spawn(asking)
}

/// For a decision that is to stay in its middle, and for whoever holds it there.
pub(super) fn pause<T>() -> (Pause<T>, Paused<T>) {
    let (show, shown) = oneshot::channel();
    let (go_on, waiting) = mpsc::channel();
    let show = Some(show);
    (Pause { show, waiting }, Paused { shown, go_on })
}

/// Where a decision stays until it is told to go on.
pub(super) struct Pause<T> {
    show: Option<oneshot::Sender<T>>,
    waiting: mpsc::Receiver<()>,
}

impl<T: std::fmt::Debug> Pause<T> {
    /// Tells what the decision was shown, and stays; not when it is taken anew.
    pub(super) fn stay(&mut self, shown: T) {
        let Some(show) = self.show.take() else {
            return;
        };
        show.send(shown).unwrap();
        // The runtime's thread is held too; the others must know.
        tokio::task::block_in_place(|| self.waiting.recv().unwrap());
    }
}

/// A decision that stays.
pub(super) struct Paused<T> {
    shown: oneshot::Receiver<T>,
    go_on: mpsc::Sender<()>,
}

impl<T> Paused<T> {
    /// What the decision was shown, once it has begun.
    pub(super) async fn begun(&mut self) -> T {
        (&mut self.shown).await.unwrap()
    }

    pub(super) fn go_on(&self) {
        self.go_on.send(()).unwrap();
    }
}

/// A change of a session, the session 1 where none is named, that stays in the middle of its
/// decision until it is told to go on; then it rotates.
pub(super) struct Held {
    pub(super) decision: Paused<Session>,
    pub(super) changing: JoinHandle<Result<Option<Seq>, StoreError>>,
}

impl Held {
    /// Returns when it has been asked for.
    pub(super) async fn queue(store: Arc<dyn Store>) -> Self {
        Self::queue_over(store, session_id(1)).await
    }

    async fn queue_over(store: Arc<dyn Store>, id: SessionId) -> Self {
        Self::queue_after(0, store, id).await
    }

    /// Stays in its decision when that was taken so often, each time in vain.
    async fn queue_after(mut vain: u32, store: Arc<dyn Store>, id: SessionId) -> Self {
        let (mut pause, decision) = pause();
        let decide = move |session: &Session, user: &User| {
            if vain > 0 {
                vain -= 1;
                return SessionChange {
                    events: vec![event(Action::Login, "must not be kept")],
                    ..rotate(session, user)
                };
            }
            pause.stay(session.clone());
            rotate(session, user)
        };
        let change = async move { store.change_session(id, MILLIS, Box::new(decide)).await };
        Self {
            decision,
            changing: asked(change).await,
        }
    }

    /// As [`Self::begin`], with the session held for certain: on Postgres a decision is taken before
    /// that, and anew with the session held when it writes more than the session.
    pub(super) async fn begin_holding(bench: &Bench) -> Self {
        let vain = match bench.engine {
            Engine::Sqlite => 0,
            Engine::Postgres => 1,
        };
        let mut held = Self::queue_after(vain, bench.store.clone(), session_id(1)).await;
        held.decision.begun().await;
        held
    }

    /// Returns when the decision has begun.
    pub(super) async fn begin(store: Arc<dyn Store>) -> Self {
        Self::begin_over(store, session_id(1)).await
    }

    /// As [`Self::begin`], over another session.
    pub(super) async fn begin_over(store: Arc<dyn Store>, id: SessionId) -> Self {
        let mut held = Self::queue_over(store, id).await;
        held.decision.begun().await;
        held
    }

    pub(super) fn go_on(&self) {
        self.decision.go_on();
    }
}

/// The next generation of refresh token, as a decision over a session.
pub(super) fn rotate(session: &Session, _: &User) -> SessionChange {
    let mut session = session.clone();
    session.accepted = session.generation;
    session.generation += 1;
    SessionChange {
        session: Some(session),
        ..SessionChange::default()
    }
}

/// The end of a user, with an entry in the feed, as a decision over the user.
pub(super) fn deletion(user: &User, _: &[Session]) -> UserChange {
    UserChange {
        deleted: true,
        revocations: vec![record(u64::from(user.id.as_bytes()[0]))],
        events: vec![event(Action::UserDeleted, "")],
        ..UserChange::default()
    }
}

pub(super) fn is_unavailable<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable(_)))
}

pub(super) fn is_broken<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Broken(_)))
}

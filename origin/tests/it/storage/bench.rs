//! What a test of storage works on: an empty database, storage over it, and a way to look behind
//! storage's back.

use std::sync::{Arc, mpsc};

use portcullis_origin::domain::{
    audit::{Action, Actor, Event},
    session::Session,
    store::{Seq, SessionChange, Store, StoreError, UserChange},
    user::User,
};
use portcullis_shared::ids::SessionId;
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{
    covered::{Covered, Method},
    samples::{MILLIS, NOW, session_id},
};
use crate::support::{Database, Engine};

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

    /// Fails when the test did not test what it is listed for.
    pub(super) fn finish(self, method: Method) {
        assert!(self.store.was_called(method), "{method:?} was not called");
    }

    /// Has a user.
    pub(super) async fn add_user(&self, user: &User) {
        let event = Event::new(NOW, Action::UserCreated, Actor::Operator);
        self.store.create_user(user, &event).await.unwrap();
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

    /// The audit trail, an entry a line.
    pub(super) async fn trail(&self) -> Vec<String> {
        self.texts(
            "SELECT action || ' by ' || actor || coalesce(': ' || detail, '') \
             FROM audit_events ORDER BY id",
        )
        .await
    }
}

/// A change of a session, the session 1 where none is named, that stays in the middle of its decision until it is told to go on;
/// then it rotates.
pub(super) struct Held {
    /// What the decision was shown.
    pub(super) shown: oneshot::Receiver<Session>,
    pub(super) changing: JoinHandle<Result<Option<Seq>, StoreError>>,
    go_on: mpsc::Sender<()>,
}

impl Held {
    pub(super) fn queue(store: Arc<dyn Store>) -> Self {
        Self::queue_over(store, session_id(1))
    }

    pub(super) fn queue_over(store: Arc<dyn Store>, id: SessionId) -> Self {
        let (show, shown) = oneshot::channel();
        let (go_on, waiting) = mpsc::channel();
        let decide = move |session: &Session, user: &User| {
            show.send(session.clone()).unwrap();
            // The runtime's thread is held too; the others must know.
            tokio::task::block_in_place(|| waiting.recv().unwrap());
            rotate(session, user)
        };
        let changing =
            tokio::spawn(async move { store.change_session(id, MILLIS, Box::new(decide)).await });
        Self {
            shown,
            changing,
            go_on,
        }
    }

    /// Returns when the decision has begun.
    pub(super) async fn begin(store: Arc<dyn Store>) -> Self {
        let mut held = Self::queue(store);
        (&mut held.shown).await.unwrap();
        held
    }

    pub(super) fn go_on(&self) {
        self.go_on.send(()).unwrap();
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

pub(super) fn is_unavailable<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable(_)))
}

pub(super) fn is_broken<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Broken(_)))
}

//! Decisions over a session that Postgres takes before it holds the session: whatever has changed
//! until it is written, it is taken anew.

use std::sync::{Arc, Mutex};

use portcullis_origin::domain::{
    session::Session,
    store::{Seq, Store, StoreError},
    user::User,
};
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinHandle;

use super::{
    bench::{Bench, Paused, asked, pause, rotate},
    samples::{MILLIS, session, session_id, user, user_id},
};
use crate::support::Engine;

const BAN: &str = "UPDATE users SET banned_at = 1, banned_reason = ''";

/// What a decision was shown: the session's generation, and whether the user is active.
type Shown = (u32, bool);

/// A rotation that tells what it was shown, each time that it is decided.
struct Rotation {
    first: Paused<()>,
    shown: Arc<Mutex<Vec<Shown>>>,
    changing: JoinHandle<Result<Option<Seq>, StoreError>>,
}

impl Rotation {
    /// Asks for it; it stays in the middle of its first decision.
    async fn ask(store: Arc<dyn Store>) -> Self {
        let (mut pause, first) = pause();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&shown);
        let decide = move |session: &Session, user: &User| {
            let now = (session.generation, user.is_active());
            tell.lock().unwrap().push(now);
            pause.stay(());
            rotate(session, user)
        };
        let change = async move {
            let id = session_id(1);
            store.change_session(id, MILLIS, Box::new(decide)).await
        };
        Self {
            first,
            shown,
            changing: asked(change).await,
        }
    }

    async fn done(self) -> Vec<Shown> {
        assert!(self.changing.await.unwrap().unwrap().is_some());
        self.shown.lock().unwrap().clone()
    }
}

async fn bench() -> (Bench, PgConnection) {
    let bench = Bench::new(Engine::Postgres).await;
    bench.add_user(&user(1, "ann")).await;
    bench.add_session(&session(1, user_id(1))).await;
    let raw = PgConnection::connect(&bench.database.url).await.unwrap();
    (bench, raw)
}

async fn run(raw: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(raw).await.unwrap();
}

/// What the decisions are shown when this is committed after the first one.
async fn shown_when(change: &'static str) -> Vec<Shown> {
    let (bench, mut raw) = bench().await;
    let mut rotation = Rotation::ask(bench.store.clone()).await;
    rotation.first.begun().await;
    run(&mut raw, change).await;
    rotation.first.go_on();
    rotation.done().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_is_decided_once_where_nothing_changes_meanwhile() {
    assert_eq!(shown_when("SELECT 1").await, [(7, true)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_changed_meanwhile_is_looked_at_again() {
    assert_eq!(shown_when(BAN).await, [(7, true), (7, false)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_changed_meanwhile_is_looked_at_again() {
    let rotated = "UPDATE sessions SET generation = 8, accepted = 7";
    assert_eq!(shown_when(rotated).await, [(7, true), (8, true)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_somebody_holds_is_waited_for_and_looked_at_again() {
    let (bench, mut raw) = bench().await;
    let mut rotation = Rotation::ask(bench.store.clone()).await;
    rotation.first.begun().await;
    let mut ban = raw.begin().await.unwrap();
    run(&mut ban, "SELECT id FROM sessions FOR UPDATE").await;
    rotation.first.go_on();
    bench.until_waiting(1).await;
    run(&mut ban, BAN).await;
    ban.commit().await.unwrap();
    assert_eq!(rotation.done().await, [(7, true), (7, false)]);
}

/// The statement that writes sees the rows of the moment at which it begins. Here it is stopped
/// between that and its look at the versions; whatever the server's default isolation is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ban_between_the_begin_of_the_write_and_its_end_is_seen() {
    let (bench, mut raw) = bench().await;
    run(
        &mut raw,
        "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$; \
         CREATE TRIGGER stop BEFORE UPDATE ON sessions FOR EACH STATEMENT EXECUTE FUNCTION stop(); \
         DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation \
         = serializable', current_database()); END $$; \
         SELECT pg_advisory_lock(1)",
    )
    .await;
    let store = bench.database.connect().await;
    let mut rotation = Rotation::ask(store).await;
    rotation.first.begun().await;
    rotation.first.go_on();
    bench.until_waiting(1).await;
    run(&mut raw, BAN).await;
    run(&mut raw, "SELECT pg_advisory_unlock(1)").await;
    assert_eq!(rotation.done().await, [(7, true), (7, false)]);
    let before = session(1, user_id(1));
    assert_eq!(bench.stored(&before).await.generation, 8);
}

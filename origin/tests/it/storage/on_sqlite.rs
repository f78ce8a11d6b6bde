//! What only SQLite can get wrong.

use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use portcullis_origin::{
    domain::store::Store as _,
    storage::{self, ConnectError},
};
use sqlx::{Connection as _, SqliteConnection};
use tokio::task::JoinSet;

use super::{
    Bench,
    bench::{Held, is_unavailable, rotate},
    samples::{MILLIS, session, session_id, user, user_id},
};
use crate::support::{Database, Engine};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_file_and_its_folder_are_for_their_owner_alone() {
    let database = Database::create(Engine::Sqlite).await;
    let path = database.url.strip_prefix("sqlite:").unwrap();
    let folder = Path::new(path).with_extension("d").join("inner");
    let file = folder.join("portcullis.db");
    let store = storage::connect(&format!("sqlite:{}", file.display()), 2)
        .await
        .unwrap();
    store.advance_seq(MILLIS).await.unwrap();
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(folder.parent().unwrap()), 0o700);
    for name in ["portcullis.db", "portcullis.db-wal", "portcullis.db-shm"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
    store.close().await;
}

#[tokio::test]
async fn what_is_no_file_is_refused() {
    for url in [
        "sqlite:",
        "sqlite://",
        "sqlite::memory:",
        "sqlite://:memory:",
        "sqlite:test.db?mode=memory",
    ] {
        let refused = storage::connect(url, 2).await.err();
        assert!(matches!(refused, Some(ConnectError::NotAFile)), "{url}");
    }
    for url in ["", "test.db", "mysql://localhost/test", "postgres"] {
        let refused = storage::connect(url, 2).await.err();
        assert!(
            matches!(refused, Some(ConnectError::UnknownEngine)),
            "{url}"
        );
    }
}

/// A bench whose writer is in the middle of a decision.
async fn held() -> (Bench, Held) {
    let bench = Bench::new(Engine::Sqlite).await;
    bench.add_user(&user(1, "ann")).await;
    bench.add_session(&session(1, user_id(1))).await;
    let held = Held::begin(bench.store.clone()).await;
    (bench, held)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_or_is_told_what_is_not_committed() {
    let (bench, first) = held().await;
    // These two come into the next transaction together, and the second is held again.
    let second = Held::queue(bench.store.clone()).await;
    let mut third = Held::queue(bench.store.clone()).await;
    second.go_on();
    first.go_on();
    first.changing.await.unwrap().unwrap();

    let before = session(1, user_id(1)).generation;
    assert_eq!(third.decision.begun().await.generation, before + 2);
    let stored = bench.stored(&session(1, user_id(1))).await;
    assert_eq!(stored.generation, before + 1);
    assert!(!second.changing.is_finished());

    third.go_on();
    assert!(second.changing.await.unwrap().unwrap().is_some());
    assert!(third.changing.await.unwrap().unwrap().is_some());
    let stored = bench.stored(&session(1, user_id(1))).await;
    assert_eq!(stored.generation, before + 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_at_once_and_loses_nothing_that_it_took() {
    let (bench, held) = held().await;
    let mut changing = JoinSet::new();
    for _ in 0..1_500 {
        let store = Arc::clone(&bench.store);
        changing.spawn(async move {
            store
                .change_session(session_id(1), MILLIS, Box::new(rotate))
                .await
        });
    }
    // While the writer is held, only those that are refused can end.
    let mut refused = 0;
    while refused < 400 {
        let result = changing.join_next().await.unwrap().unwrap();
        assert!(is_unavailable(&result), "{result:?}");
        refused += 1;
    }
    held.go_on();
    held.changing.await.unwrap().unwrap();
    let taken = changing.join_all().await.into_iter().flatten();
    let taken = u32::try_from(taken.count()).unwrap();
    assert!(taken >= 1_024, "{taken}");
    let before = session(1, user_id(1));
    assert_eq!(
        bench.stored(&before).await.generation,
        before.generation + taken + 1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_of_another_process_is_waited_for_but_not_for_ever() {
    let bench = Bench::new(Engine::Sqlite).await;
    bench.add_user(&user(1, "ann")).await;
    let mut other = SqliteConnection::connect(&bench.database.url)
        .await
        .unwrap();
    let held = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    // Reading goes on meanwhile.
    let advancing =
        |store: Arc<super::covered::Covered>| async move { store.advance_seq(MILLIS).await };
    let waiting = tokio::spawn(advancing(Arc::clone(&bench.store)));
    assert!(bench.store.user(user_id(1)).await.unwrap().is_some());
    assert!(!waiting.is_finished());
    held.rollback().await.unwrap();
    waiting.await.unwrap().unwrap();

    let held = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let given_up = bench.store.advance_seq(MILLIS).await;
    assert!(is_unavailable(&given_up), "{given_up:?}");
    held.rollback().await.unwrap();
    bench.store.advance_seq(MILLIS).await.unwrap();
}

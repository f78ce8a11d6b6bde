//! What only Postgres can get wrong.

use std::sync::Arc;

use portcullis_origin::{
    domain::{
        audit::{Action, Actor, Event, query::Filter, tail::Tail},
        session::{EndReason, Ended, Session},
        store::{By, Seq, SessionChange, Standing, Store, StoreError},
        user::User,
    },
    storage,
};
use sqlx::{Connection as _, PgConnection, Row as _};

use super::{
    Bench,
    bench::{Held, asked, deletion, is_unavailable, rotate},
    samples::{MILLIS, NOW, record, session, session_id, user, user_id},
};
use crate::support::Engine;

async fn bench() -> (Bench, PgConnection) {
    let bench = Bench::new(Engine::Postgres).await;
    bench.add_user(&user(1, "ann")).await;
    bench.add_session(&session(1, user_id(1))).await;
    let raw = PgConnection::connect(&bench.database.url).await.unwrap();
    (bench, raw)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_what_is_not_committed() {
    let (bench, mut raw) = bench().await;
    let mut held = raw.begin().await.unwrap();
    sqlx::query("SELECT seq FROM feed FOR UPDATE")
        .execute(&mut *held)
        .await
        .unwrap();
    let store = Arc::clone(&bench.store);
    let changing = tokio::spawn(async move {
        let decide = |session: &Session, user: &User| SessionChange {
            revocations: vec![record(1)],
            ..rotate(session, user)
        };
        store
            .change_session(session_id(1), MILLIS, Box::new(decide))
            .await
    });
    bench.until_waiting(1).await;
    // Everything but the feed is written by now.
    let before = session(1, user_id(1));
    assert_eq!(bench.stored(&before).await, before);
    assert_eq!(bench.store.feed(Seq(0)).await.unwrap().records, []);
    held.rollback().await.unwrap();
    assert!(changing.await.unwrap().unwrap().is_some());
    assert_eq!(
        bench.stored(&before).await.generation,
        before.generation + 1
    );
    assert_eq!(bench.store.feed(Seq(0)).await.unwrap().records, [record(1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_cut_are_replaced() {
    let (bench, mut raw) = bench().await;
    for _ in 0..3 {
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'portcullis'",
        )
        .execute(&mut raw)
        .await
        .unwrap();
        // Each connection that was used a moment ago may fail once, and says so truly.
        let mut failures = 0;
        while let Err(error) = bench.store.user(user_id(1)).await {
            assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
            failures += 1;
            assert!(failures <= 8);
        }
        let rotated = bench
            .store
            .change_session(session_id(1), MILLIS, Box::new(rotate))
            .await;
        assert!(rotated.is_ok() || is_unavailable(&rotated), "{rotated:?}");
    }
    assert!(bench.store.user(user_id(1)).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_free_connection_the_answer_is_that_it_is_unavailable() {
    let (bench, _raw) = bench().await;
    let narrow = storage::connect(&bench.database.url, 1).await.unwrap();
    let held = Held::begin(Arc::clone(&narrow)).await;
    let refused = narrow.user(user_id(1)).await;
    assert!(is_unavailable(&refused), "{refused:?}");
    held.go_on();
    assert!(held.changing.await.unwrap().unwrap().is_some());
    assert!(narrow.user(user_id(1)).await.unwrap().is_some());
}

/// Writes an event of this number in a transaction that stays open.
async fn write_event(raw: &mut PgConnection) -> i64 {
    let row = sqlx::query(
        "INSERT INTO audit_events (at, action, actor) VALUES (1, 'login', 'service') RETURNING id",
    );
    row.fetch_one(raw).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_hands_out_events_that_are_committed_after_later_ones() {
    let (bench, mut raw) = bench().await;
    let store = &*bench.store;
    let mut other = PgConnection::connect(&bench.database.url).await.unwrap();
    let mut first = raw.begin().await.unwrap();
    let mut second = other.begin().await.unwrap();
    let first_id = write_event(&mut first).await;
    let second_id = write_event(&mut second).await;
    assert!(first_id < second_id);
    // One that begins while somebody writes waits for those that may have smaller numbers.
    let late = Event::new(NOW, Action::Restored, Actor::Operator);
    store.append_audit(&[late]).await.unwrap();
    let horizon = store.audit_horizon().await.unwrap();
    assert!(
        horizon.newest.0 > second_id && horizon.writers.len() == 2,
        "{horizon:?}"
    );
    let begin = || Tail::begin(store, &horizon, Filter::default());
    assert!(begin().await.unwrap().is_none());
    second.rollback().await.unwrap();
    assert!(begin().await.unwrap().is_none());
    first.commit().await.unwrap();
    let mut tail = begin().await.unwrap().unwrap();
    assert_eq!(tail.settled(), horizon.newest);

    // One that has begun hands out whatever is committed, in whatever order.
    let mut first = raw.begin().await.unwrap();
    let mut second = other.begin().await.unwrap();
    let (first_id, second_id) = (
        write_event(&mut first).await,
        write_event(&mut second).await,
    );
    let mut news = async || -> Vec<i64> {
        let news = tail.news(store).await.unwrap();
        news.iter().map(|entry| entry.id.0).collect()
    };
    assert!(news().await.is_empty());
    second.commit().await.unwrap();
    assert_eq!(news().await, [second_id]);
    // However often it looks meanwhile, and whatever else is written.
    for _ in 0..20 {
        let event = Event::new(NOW, Action::Restored, Actor::Operator);
        store.append_audit(&[event]).await.unwrap();
        assert_eq!(news().await.len(), 1);
    }
    first.commit().await.unwrap();
    assert_eq!(news().await, [first_id]);
    assert!(news().await.is_empty());
}

const ENDED: Ended = Ended {
    reason: EndReason::Logout,
    at: NOW,
};

async fn delete(store: Arc<dyn Store>, user: u8) {
    let decide = |standing: &Standing<'_>| deletion(standing.user, standing.sessions);
    let deleted = store
        .change_standing(user_id(user), By::Service, MILLIS, Box::new(decide))
        .await;
    assert!(deleted.as_ref().is_ok_and(Option::is_some), "{deleted:?}");
}

async fn end(bench: &Bench, number: u8) {
    let decide = |session: &Session, _: &User| SessionChange {
        session: Some(Session {
            ended: Some(ENDED),
            ..session.clone()
        }),
        ..SessionChange::default()
    };
    let id = session_id(number);
    let ended = bench
        .store
        .change_session(id, MILLIS, Box::new(decide))
        .await;
    assert!(ended.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_waits_for_an_ended_session_without_holding_the_feed() {
    let (bench, mut raw) = bench().await;
    end(&bench, 1).await;
    let mut group = raw.begin().await.unwrap();
    sqlx::query("SELECT id FROM sessions FOR UPDATE")
        .execute(&mut *group)
        .await
        .unwrap();
    let store: Arc<dyn Store> = bench.store.clone();
    let deleting = tokio::spawn(delete(store, 1));
    bench.until_waiting(1).await;
    sqlx::query("SELECT seq FROM feed FOR UPDATE NOWAIT")
        .execute(&mut *group)
        .await
        .unwrap();
    group.commit().await.unwrap();
    deleting.await.unwrap();
    assert_eq!(bench.texts("SELECT username FROM users").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletions_that_race_uses_of_ended_sessions_and_logouts_wait_in_no_circle() {
    let bench = Bench::new(Engine::Postgres).await;
    for number in 1..=6 {
        bench
            .add_user(&user(number, &format!("user{number}")))
            .await;
        for nth in 0..8 {
            let id = number * 8 + nth;
            bench.add_session(&session(id, user_id(number))).await;
            if nth % 2 == 0 {
                end(&bench, id).await;
            }
        }
    }
    bench
        .at_once(0..600_u32, |round, store| async move {
            if round % 100 == 50 {
                return delete(store, u8::try_from(1 + round / 100).unwrap()).await;
            }
            let id = session_id(u8::try_from(8 + round * 7 % 48).unwrap());
            // Who replays an ended token and who logs out: each publishes something.
            let decide = move |session: &Session, _: &User| SessionChange {
                session: Some(Session {
                    ended: Some(ENDED),
                    ..session.clone()
                }),
                revocations: vec![record(round.into())],
                ..SessionChange::default()
            };
            let done = store.change_session(id, MILLIS, Box::new(decide)).await;
            assert!(done.is_ok(), "{done:?}");
        })
        .await;
    assert_eq!(bench.texts("SELECT username FROM users").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cleanup_leaves_a_session_that_somebody_holds() {
    let (bench, mut raw) = bench().await;
    bench.add_session(&session(2, user_id(1))).await;
    let mut using = raw.begin().await.unwrap();
    sqlx::query("SELECT id FROM sessions ORDER BY id LIMIT 1 FOR UPDATE")
        .execute(&mut *using)
        .await
        .unwrap();
    let cutoff = NOW.plus(10 * 365 * 86_400);
    let over = || bench.store.remove_sessions_over(cutoff, None, 10);
    assert_eq!(over().await.unwrap(), (1, Some(session_id(2))));
    using.rollback().await.unwrap();
    assert_eq!(over().await.unwrap(), (1, Some(session_id(1))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_wait_for_one_session_leave_connections_to_others() {
    let (bench, mut raw) = bench().await;
    bench.add_session(&session(2, user_id(1))).await;
    let narrow = storage::connect(&bench.database.url, 4).await.unwrap();
    let mut held = raw.begin().await.unwrap();
    sqlx::query("SELECT id FROM sessions ORDER BY id LIMIT 1 FOR UPDATE")
        .execute(&mut *held)
        .await
        .unwrap();
    let mut changing = Vec::new();
    for _ in 0..40 {
        let narrow = Arc::clone(&narrow);
        let change = async move {
            let change = narrow.change_session(session_id(1), MILLIS, Box::new(rotate));
            change.await.unwrap()
        };
        changing.push(asked(change).await);
    }
    bench.until_waiting(2).await;
    // Asked after them all, and so looked at after them all.
    let other = narrow.change_session(session_id(2), MILLIS, Box::new(rotate));
    assert!(other.await.unwrap().is_some());
    assert!(narrow.user(user_id(1)).await.unwrap().is_some());
    assert_eq!(bench.waiting().await, 2, "half of the connections");
    held.rollback().await.unwrap();
    for changing in changing {
        assert!(changing.await.unwrap().is_some());
    }
    let before = session(1, user_id(1));
    assert_eq!(
        bench.stored(&before).await.generation,
        before.generation + 40
    );
}

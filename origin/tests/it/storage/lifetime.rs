//! From start to close.

use std::sync::Arc;

use portcullis_origin::domain::store::{Seq, Store};

use super::{
    bench::{Bench, Held, asked, is_unavailable, rotate},
    samples::{MILLIS, millis, session, session_id, user, user_id},
};

pub(super) async fn the_database_tells_the_time_in_milliseconds(bench: &Bench) {
    let earlier = bench.store.database_time().await.unwrap();
    let later = bench.store.database_time().await.unwrap();
    assert!(earlier <= later);
    // After 2025, before 2100: not seconds, not microseconds.
    assert!(
        (1_735_689_600_000..4_102_444_800_000).contains(&later.0),
        "{later:?}"
    );
}

pub(super) async fn closing_waits_for_what_is_being_written(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    bench.add_session(&session(1, user_id(1))).await;
    let held = Held::begin(bench.store.clone()).await;
    let store = Arc::clone(&bench.store);
    let closing = asked(async move { store.close().await }).await;
    let late = bench
        .store
        .change_session(session_id(1), MILLIS, Box::new(rotate));
    assert!(is_unavailable(&late.await), "it takes nothing more");
    assert!(!closing.is_finished(), "what it took is not done yet");
    held.go_on();
    assert!(held.changing.await.unwrap().unwrap().is_some());
    closing.await.unwrap();

    assert!(is_unavailable(&bench.store.database_time().await));
    assert!(is_unavailable(&bench.store.advance_seq(MILLIS).await));
    bench.store.close().await;
    let again = bench.database.connect().await;
    let (stored, _) = again.session(session_id(1)).await.unwrap().unwrap();
    assert_eq!(stored.generation, session(1, user_id(1)).generation + 1);
}

pub(super) async fn a_new_start_finds_everything(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    bench.add_session(&session(1, user_id(1))).await;
    let seq = bench.store.advance_seq(millis(9)).await.unwrap();
    bench.store.close().await;

    let again: Arc<dyn Store> = bench.database.connect().await;
    let found = again.session(session_id(1)).await.unwrap();
    assert_eq!(found, Some((session(1, user_id(1)), user(1, "ann"))));
    assert_eq!(again.feed(Seq(0)).await.unwrap().seq, seq);
    // As each start does: ahead even when the clock is behind.
    assert_eq!(again.advance_seq(MILLIS).await.unwrap(), Seq(seq.0 + 1));
}

//! What is kept of a backup that was put back.

use portcullis_origin::domain::{
    audit::{Action, Actor, Event},
    clock::UnixMillis,
    store::{Restored, Seq, Store as _},
};
use portcullis_shared::time::UnixSeconds;

use super::{
    bench::Bench,
    samples::{MILLIS, NOW, millis, user},
};

async fn mark(bench: &Bench, ahead: UnixMillis, until: UnixSeconds) -> Restored {
    let event = Event::new(NOW.plus(9), Action::Restored, Actor::Operator);
    bench
        .store
        .mark_restored(ahead, until, &event)
        .await
        .unwrap()
}

fn seq(offset: i64) -> Seq {
    Seq(u64::try_from(millis(offset).0).unwrap())
}

pub(super) async fn seq_goes_ahead_and_the_trail_says_so(bench: &Bench) {
    let empty = mark(bench, MILLIS, NOW).await;
    assert_eq!((empty.seq, empty.newest_event), (seq(0), None));
    bench.add_user(&user(1, "ann")).await;

    let marked = mark(bench, millis(5), NOW).await;
    assert_eq!((marked.seq, marked.newest_event), (seq(5), Some(NOW)));
    assert_eq!(bench.store.feed(Seq(0)).await.unwrap().seq, seq(5));
    assert_eq!(
        bench.trail().await,
        [
            "restored by operator",
            "user_created by operator",
            "restored by operator"
        ]
    );
}

pub(super) async fn a_seq_that_is_further_ahead_only_grows(bench: &Bench) {
    bench.store.advance_seq(millis(100)).await.unwrap();
    assert_eq!(mark(bench, MILLIS, NOW).await.seq, seq(101));
    assert_eq!(mark(bench, millis(101), NOW).await.seq, seq(102));
}

pub(super) async fn sessions_do_not_follow_until_it_is_said(bench: &Bench) {
    let until = bench.store.fast_forward_until().await.unwrap();
    assert_eq!(until, UnixSeconds(0));
}

pub(super) async fn every_replica_knows_until_when_sessions_follow(bench: &Bench) {
    let replica = bench.database.connect().await;
    for until in [NOW.plus(60), NOW.plus(7), NOW.plus(99)] {
        mark(bench, MILLIS, until).await;
        assert_eq!(bench.store.fast_forward_until().await.unwrap(), until);
        assert_eq!(replica.fast_forward_until().await.unwrap(), until);
    }
    // What revokes leaves it alone.
    bench.store.advance_seq(millis(1)).await.unwrap();
    let until = bench.store.fast_forward_until().await.unwrap();
    assert_eq!(until, NOW.plus(99));
}

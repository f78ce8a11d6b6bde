//! Signing keys.

use std::sync::Arc;

use portcullis_origin::domain::{
    audit::Action,
    signing_keys::StoredKey,
    store::{KeysChange, KeysDecision, Seq, Store},
};

use super::{
    bench::{Bench, asked, pause},
    samples::{MILLIS, NOW, event, key, millis, record},
};

fn adding(keys: Vec<StoredKey>) -> KeysDecision {
    Box::new(|_| KeysChange {
        added: keys,
        ..KeysChange::default()
    })
}

pub(super) async fn keys_come_oldest_first_and_as_they_were(bench: &Bench) {
    assert_eq!(bench.store.signing_keys().await.unwrap(), []);
    let withdrawn = StoredKey {
        withdrawn_at: Some(NOW),
        ..key(2)
    };
    let added = adding(vec![key(3), withdrawn.clone(), key(1)]);
    bench
        .store
        .change_signing_keys(MILLIS, added)
        .await
        .unwrap();
    assert_eq!(
        bench.store.signing_keys().await.unwrap(),
        [key(1), withdrawn, key(3)]
    );
}

pub(super) async fn what_is_decided_over_keys_is_written_whole(bench: &Bench) {
    let added = adding(vec![key(1), key(2), key(3)]);
    let first = bench.store.change_signing_keys(MILLIS, added).await;
    assert_eq!(first.unwrap(), Seq(0));
    let decide = |keys: &[StoredKey]| {
        assert_eq!(keys, [key(1), key(2), key(3)]);
        KeysChange {
            added: vec![key(4)],
            withdrawn: vec![(key(2).id, NOW.plus(9))],
            removed: vec![key(1).id],
            revocations: vec![record(2)],
            events: vec![event(Action::KeyWithdrawn, "key-2")],
        }
    };
    let seq = bench
        .store
        .change_signing_keys(millis(1), Box::new(decide))
        .await
        .unwrap();
    let withdrawn = StoredKey {
        withdrawn_at: Some(NOW.plus(9)),
        ..key(2)
    };
    assert_eq!(
        bench.store.signing_keys().await.unwrap(),
        [withdrawn, key(3), key(4)]
    );
    let feed = bench.store.feed(Seq(0)).await.unwrap();
    assert_eq!((feed.seq, feed.records), (seq, vec![record(2)]));
    assert_eq!(bench.trail().await, ["key_withdrawn by user: key-2"]);
}

pub(super) async fn replicas_that_start_at_once_add_one_first_key(bench: &Bench) {
    let replicas = bench.replicas(3).await;
    let adds_first = |number: u8, keys: &[StoredKey]| KeysChange {
        added: Vec::from_iter(keys.is_empty().then(|| key(number))),
        ..KeysChange::default()
    };
    let start = |number: u8, decide: KeysDecision| {
        let store = Arc::clone(&replicas[usize::from(number) % replicas.len()]);
        asked(async move { store.change_signing_keys(MILLIS, decide).await })
    };
    // The others ask while the first one has seen the empty table and has not added its key.
    let (mut pause, mut first) = pause();
    let decide = move |keys: &[StoredKey]| {
        pause.stay(());
        adds_first(0, keys)
    };
    let mut starting = vec![start(0, Box::new(decide)).await];
    first.begun().await;
    for number in 1..30 {
        let decide = move |keys: &[StoredKey]| adds_first(number, keys);
        starting.push(start(number, Box::new(decide)).await);
    }
    bench.until_waiting(replicas.len()).await;
    first.go_on();
    for started in starting {
        started.await.unwrap().unwrap();
    }
    assert_eq!(bench.store.signing_keys().await.unwrap(), [key(0)]);
}

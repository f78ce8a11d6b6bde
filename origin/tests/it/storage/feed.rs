//! The feed: `seq` only grows, in the order of commits, and a reader misses nothing.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use portcullis_origin::domain::{
    session::Session,
    store::{FeedPlace, FeedRange, KeysChange, Seq, Store, UserChange},
    user::User,
};
use portcullis_shared::revocation::{Kind, Record};
use tokio::task::JoinSet;

use super::{
    bench::Bench,
    samples::{MILLIS, NOW, millis, record, user, user_id},
};

fn seq(offset: i64) -> Seq {
    Seq(u64::try_from(millis(offset).0).unwrap())
}

pub(super) async fn seq_follows_the_clock_and_never_stands_still(bench: &Bench) {
    for (now, expected) in [(0, 0), (0, 1), (-5_000, 2), (2, 3), (10, 10), (10, 11)] {
        let advanced = bench.store.advance_seq(millis(now)).await.unwrap();
        assert_eq!(advanced, seq(expected), "at {now}");
        assert_eq!(bench.store.feed(Seq(0)).await.unwrap().seq, advanced);
    }
}

pub(super) async fn no_two_advances_give_the_same_seq(bench: &Bench) {
    let advanced = bench
        .at_once(0..40, |_, store| async move {
            store.advance_seq(MILLIS).await.unwrap()
        })
        .await;
    let seqs: BTreeSet<Seq> = advanced.into_iter().collect();
    assert_eq!(seqs.len(), 40);
    assert_eq!((seqs.first(), seqs.last()), (Some(&seq(0)), Some(&seq(39))));
}

async fn publish(store: &dyn Store, offset: i64, records: Vec<Record>) -> Seq {
    let decide = |_: &[_]| KeysChange {
        revocations: records,
        ..KeysChange::default()
    };
    store
        .change_signing_keys(millis(offset), Box::new(decide))
        .await
        .unwrap()
}

/// The numbers of the samples after a `seq`, sorted.
async fn after(bench: &Bench, since: Seq) -> Vec<u64> {
    let FeedRange { records, .. } = bench.store.feed(since).await.unwrap();
    let numbers: BTreeSet<u64> = records.iter().map(number).collect();
    assert_eq!(numbers.len(), records.len(), "an entry stands twice");
    numbers.into_iter().collect()
}

fn number(record: &Record) -> u64 {
    u64::from_be_bytes(record.digest.0)
}

pub(super) async fn the_feed_holds_what_came_after(bench: &Bench) {
    let empty = bench.store.feed(Seq(0)).await.unwrap();
    assert_eq!((empty.seq, empty.records), (Seq(0), vec![]));

    let first = publish(&*bench.store, 0, vec![record(1), record(2)]).await;
    let second = publish(&*bench.store, 5, vec![record(3)]).await;
    assert_eq!((first, second), (seq(0), seq(5)));
    assert_eq!(after(bench, Seq(0)).await, [1, 2, 3]);
    assert_eq!(after(bench, Seq(first.0 - 1)).await, [1, 2, 3]);
    assert_eq!(after(bench, first).await, [3]);
    for since in [second, Seq(second.0 + 1), Seq(u64::MAX)] {
        let range = bench.store.feed(since).await.unwrap();
        assert_eq!((range.seq, range.records), (second, vec![]));
    }
}

pub(super) async fn an_entry_that_is_repeated_only_becomes_stricter(bench: &Bench) {
    let entry = |not_before, drop_at| Record {
        not_before: NOW.plus(not_before),
        drop_at: NOW.plus(drop_at),
        ..record(1)
    };
    let of_a_session = Record {
        kind: Kind::Session,
        ..record(1)
    };
    publish(&*bench.store, 0, vec![entry(10, 20), of_a_session]).await;
    let before = publish(&*bench.store, 1, vec![record(2)]).await;
    let again = publish(&*bench.store, 2, vec![entry(5, 30)]).await;
    let range = bench.store.feed(before).await.unwrap();
    assert_eq!((range.seq, range.records), (again, vec![entry(10, 30)]));
    assert_eq!(bench.store.feed(Seq(0)).await.unwrap().records.len(), 3);
}

pub(super) async fn entries_go_an_hour_after_their_time(bench: &Bench) {
    let over = 615 + 3600;
    let later = |number| Record {
        drop_at: NOW.plus(2 * over),
        ..record(number)
    };
    publish(&*bench.store, 0, vec![record(1)]).await;
    publish(&*bench.store, over * 1000, vec![later(2)]).await;
    assert_eq!(after(bench, Seq(0)).await, [1, 2]);
    publish(&*bench.store, (over + 1) * 1000, vec![later(3)]).await;
    assert_eq!(after(bench, Seq(0)).await, [2, 3]);
}

pub(super) async fn a_reader_misses_no_entry_up_to_the_seq_it_was_told(bench: &Bench) {
    let replicas = bench.replicas(2).await;
    for number in 1..=4 {
        bench
            .add_user(&user(number, &format!("user{number}")))
            .await;
    }
    let published: Arc<Mutex<Vec<(Seq, u64)>>> = Arc::default();
    let mut writers = JoinSet::new();
    for (writer, store) in (0..4_u8).zip(replicas.iter().cycle()) {
        let store = Arc::clone(store);
        let published = Arc::clone(&published);
        writers.spawn(async move {
            for round in 0..25 {
                let number = u64::from(writer) * 100 + round;
                let decide = move |_: &User, _: &[Session]| UserChange {
                    revocations: vec![record(number)],
                    ..UserChange::default()
                };
                // Every replica has a clock of its own, one of them seconds behind.
                let now = millis(i64::from(writer) * -1_000);
                let seq = store
                    .change_user(user_id(writer + 1), now, Box::new(decide))
                    .await;
                let seq = seq.unwrap().unwrap();
                published.lock().unwrap().push((seq, number));
            }
        });
    }
    let done = Arc::new(AtomicBool::new(false));
    let reading = {
        let (done, store) = (Arc::clone(&done), Arc::clone(&bench.store));
        tokio::spawn(async move {
            let (mut since, mut seen) = (Seq(0), HashSet::new());
            loop {
                let last_round = done.load(Ordering::SeqCst);
                let range = store.feed(since).await.unwrap();
                assert!(range.seq >= since);
                since = range.seq;
                seen.extend(range.records.iter().map(number));
                for (seq, number) in published.lock().unwrap().iter() {
                    assert!(*seq > since || seen.contains(number), "{number} was missed");
                }
                if last_round {
                    let seqs: Vec<Seq> = published
                        .lock()
                        .unwrap()
                        .iter()
                        .map(|(seq, _)| *seq)
                        .collect();
                    break (since, seen, seqs);
                }
            }
        })
    };
    writers.join_all().await;
    done.store(true, Ordering::SeqCst);
    let (last, seen, seqs) = reading.await.unwrap();
    assert_eq!(seen.len(), 100);
    assert_eq!(seqs.iter().collect::<BTreeSet<_>>().len(), 100);
    assert_eq!(seqs.iter().max(), Some(&last));
}

pub(super) async fn a_place_in_the_feed_is_between_entries(bench: &Bench) {
    let place = |since| bench.store.feed_place(since);
    let none = FeedPlace {
        seq: Seq(0),
        oldest: Seq(0),
        before: Seq(0),
        newest: Seq(0),
    };
    assert_eq!(place(Seq(5)).await.unwrap(), none);
    publish(&*bench.store, 0, vec![record(1), record(2)]).await;
    publish(&*bench.store, 10, vec![record(3)]).await;
    publish(&*bench.store, 20, vec![record(4)]).await;
    let now = bench.store.advance_seq(millis(30)).await.unwrap();
    for (since, before) in [
        (Seq(0), Seq(0)),
        (Seq(seq(0).0 - 1), Seq(0)),
        (seq(0), seq(0)),
        (Seq(seq(10).0 - 1), seq(0)),
        (seq(10), seq(10)),
        (seq(20), seq(20)),
        (seq(30), seq(20)),
        (Seq(u64::MAX), seq(20)),
    ] {
        let expected = FeedPlace {
            seq: now,
            oldest: seq(0),
            before,
            newest: seq(20),
        };
        assert_eq!(place(since).await.unwrap(), expected, "{since:?}");
    }
    // An entry that is repeated moves.
    publish(&*bench.store, 40, vec![record(3)]).await;
    let moved = place(seq(10)).await.unwrap();
    assert_eq!((moved.before, moved.newest), (seq(0), seq(40)));
}

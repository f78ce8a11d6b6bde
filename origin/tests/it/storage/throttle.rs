//! Counts of attempts.

use portcullis_origin::domain::{
    audit::Action,
    session::Session,
    store::{Store, ThrottleChange, UserChange},
    throttle::{
        bucket::{Bucket, Rule},
        key::Key,
        settlement::{Effect, Settlement},
    },
    user::User,
};

use super::{
    bench::Bench,
    samples::{MILLIS, NOW, event, session, user},
};

const RULE: Rule = Rule {
    attempts: 10,
    first_delay: 1,
    growth: 2,
    max_delay: 900,
    forget_after: 86_400,
};

fn key(number: u8) -> Key {
    Key([number; 16])
}

fn full(number: u32) -> Bucket {
    Bucket {
        count: number,
        drained_at: NOW.plus(1),
        ready_at: NOW.plus(2),
        known_until: Some(NOW.plus(3)),
        told: true,
        expires_at: NOW.plus(i64::from(number)),
    }
}

async fn put(store: &dyn Store, numbers: &[u8]) {
    let keys: Vec<Key> = numbers.iter().copied().map(key).collect();
    let buckets = numbers.iter().map(|&number| full(number.into())).collect();
    let decide = move |_: &[Bucket]| ThrottleChange {
        buckets: Some(buckets),
        events: vec![],
    };
    store
        .change_throttle(&keys, Box::new(decide))
        .await
        .unwrap();
}

/// Counts an attempt under each of the keys, if none of them refuses it.
async fn attempt(store: &dyn Store, keys: &[Key]) -> bool {
    let (send, receive) = std::sync::mpsc::channel();
    let decide = move |held: &[Bucket]| {
        let admitted = held.iter().all(|bucket| bucket.wait(&RULE, NOW).is_none());
        send.send(admitted).unwrap();
        let counted = || held.iter().map(|bucket| bucket.count(&RULE, NOW)).collect();
        ThrottleChange {
            buckets: admitted.then(counted),
            events: vec![],
        }
    };
    store.change_throttle(keys, Box::new(decide)).await.unwrap();
    receive.recv().unwrap()
}

pub(super) async fn counts_come_in_the_order_of_their_keys(bench: &Bench) {
    put(&*bench.store, &[3, 5]).await;
    let found = bench.store.throttle(&[key(5), key(4), key(3)]).await;
    assert_eq!(found.unwrap(), [full(5), Bucket::default(), full(3)]);
}

pub(super) async fn a_count_comes_back_as_it_was(bench: &Bench) {
    let sparse = Bucket {
        known_until: None,
        told: false,
        ..full(9)
    };
    for bucket in [full(7), sparse] {
        let decide = move |_: &[Bucket]| ThrottleChange {
            buckets: Some(vec![bucket]),
            events: vec![event(Action::LoginThrottled, "told")],
        };
        let keys = [key(1)];
        let changed = bench.store.change_throttle(&keys, Box::new(decide));
        changed.await.unwrap();
        assert_eq!(bench.store.throttle(&[key(1)]).await.unwrap(), [bucket]);
    }
    assert_eq!(bench.trail().await, ["login_throttled by user: told"; 2]);
}

pub(super) async fn a_decision_that_changes_nothing_writes_nothing(bench: &Bench) {
    put(&*bench.store, &[1]).await;
    let decide = |held: &[Bucket]| {
        assert_eq!(held, [full(1), Bucket::default()]);
        ThrottleChange::default()
    };
    let keys = [key(1), key(2)];
    let changed = bench.store.change_throttle(&keys, Box::new(decide));
    changed.await.unwrap();
    let found = bench.store.throttle(&keys).await.unwrap();
    assert_eq!(found, [full(1), Bucket::default()]);
}

pub(super) async fn fifty_attempts_on_two_replicas_are_each_counted(bench: &Bench) {
    let admitted = bench
        .at_once(0..50, |_, store| async move {
            attempt(&*store, &[key(1), key(2)]).await
        })
        .await;
    assert_eq!(admitted.iter().filter(|admitted| **admitted).count(), 10);
    let found = bench.store.throttle(&[key(1), key(2)]).await.unwrap();
    assert_eq!(
        found.iter().map(|bucket| bucket.count).collect::<Vec<_>>(),
        [10, 10]
    );
}

pub(super) async fn counts_that_overlap_do_not_wait_for_each_other_for_ever(bench: &Bench) {
    let admitted = bench
        .at_once(0..60, |number, store| async move {
            let first = number % 5;
            let keys = [key(first), key(first + 2), key(first + 3)];
            attempt(&*store, &keys).await
        })
        .await;
    // Each attempt is counted under three keys, or under none.
    let keys: Vec<Key> = (0..8).map(key).collect();
    let counted = bench.store.throttle(&keys).await.unwrap();
    let admitted = admitted.iter().filter(|admitted| **admitted).count();
    let counted: u32 = counted.iter().map(|bucket| bucket.count).sum();
    assert_eq!(counted, u32::try_from(admitted * 3).unwrap());
}

pub(super) async fn what_a_login_settles_is_written_with_it(bench: &Bench) {
    let owner = user(1, "ann");
    bench.add_user(&owner).await;
    assert!(attempt(&*bench.store, &[key(1), key(2)]).await);
    let until = NOW.plus(1_000);
    let settle = |effect, number| Settlement {
        key: key(number),
        effect,
        now: NOW,
    };
    let settled = vec![
        settle(Effect::Recognise(until), 1),
        settle(Effect::GiveBack(RULE), 2),
        settle(Effect::Recognise(until), 3),
    ];
    let opened = session(1, owner.id);
    let decide = move |_: &User, _: &[Session]| UserChange {
        opened: Some(opened),
        settled,
        ..UserChange::default()
    };
    let changed = bench.store.change_user(owner.id, MILLIS, Box::new(decide));
    assert!(changed.await.unwrap().is_some());
    let keys = [key(1), key(2), key(3)];
    let found = bench.store.throttle(&keys).await.unwrap();
    assert_eq!(found.iter().map(|bucket| bucket.count).sum::<u32>(), 0);
    let known: Vec<bool> = found.iter().map(|bucket| bucket.is_known(NOW)).collect();
    assert_eq!(known, [true, false, true]);

    // The same session again cannot be opened: nothing of it stays.
    assert!(attempt(&*bench.store, &keys).await);
    let again = session(1, owner.id);
    let decide = move |_: &User, _: &[Session]| UserChange {
        opened: Some(again),
        settled: vec![settle(Effect::GiveBack(RULE), 2)],
        ..UserChange::default()
    };
    let changed = bench.store.change_user(owner.id, MILLIS, Box::new(decide));
    assert!(changed.await.is_err());
    let found = bench.store.throttle(&keys).await.unwrap();
    assert!(found.iter().all(|bucket| bucket.count == 1), "{found:?}");
}

pub(super) async fn expired_counts_are_forgotten_a_few_at_a_time(bench: &Bench) {
    put(&*bench.store, &[10, 20, 30, 40]).await;
    let forget = |after, limit| bench.store.forget_throttle(NOW.plus(after), limit);
    assert_eq!(forget(9, 10).await.unwrap(), 0);
    assert_eq!(forget(30, 2).await.unwrap(), 2);
    let keys = [key(10), key(20), key(30), key(40)];
    let empty = Bucket::default();
    let left = bench.store.throttle(&keys).await.unwrap();
    assert_eq!(left, [empty, empty, full(30), full(40)]);
    assert_eq!(forget(30, 2).await.unwrap(), 1);
    assert_eq!(forget(39, 10).await.unwrap(), 0);
}

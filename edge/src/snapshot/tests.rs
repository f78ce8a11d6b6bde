use portcullis_shared::{
    keys::{PublicKeySet, SigningKey},
    revocation::{Digest, Document, Kind, Record},
    routes::RevocationMode::{Relaxed, Strict},
    time::UnixSeconds,
};
use proptest::prelude::*;

use super::*;

const ISSUER: &str = "https://id.example";
const START: Millis = Millis(1_800_000_000_000);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32]).unwrap()
}

fn key_set(keys: &[&SigningKey]) -> Vec<u8> {
    let keys = keys.iter().map(|key| key.public_jwk()).collect();
    serde_json::to_vec(&PublicKeySet { keys }).unwrap()
}

fn feed(key: &SigningKey, at: Millis, since: u64, seq: u64, records: Vec<Record>) -> String {
    Document::sign(key, ISSUER, at.seconds(), since..=seq, records).unwrap()
}

fn withdrawal(key: &SigningKey) -> Record {
    Record {
        kind: Kind::SigningKey,
        digest: Digest::of(ISSUER, Kind::SigningKey, key.id().as_str()),
        not_before: UnixSeconds(0),
        drop_at: START.seconds().plus(3600),
    }
}

/// A snapshot whose keys and revocations were fetched at `START`.
fn filled() -> Snapshot {
    let mut snapshot = Snapshot::default();
    let step = snapshot.advance(Strict, START, START);
    let (keys, attempt) = (step.keys.unwrap(), step.feed.unwrap());
    assert!(snapshot.put_keys(keys, &key_set(&[&key(1)])).unwrap());
    snapshot
        .put_feed(
            attempt,
            &feed(&key(1), START, 0, 100, Vec::new()),
            ISSUER,
            START,
        )
        .unwrap();
    snapshot.end_keys(keys);
    snapshot.end_feed(attempt);
    snapshot
}

/// Takes in a feed signed with `key`, fetched at `at`.
fn fetch(snapshot: &mut Snapshot, key: &SigningKey, at: Millis, seq: u64) -> Result<(), FeedError> {
    let attempt = snapshot.feed_schedule.begin_always(at);
    let result = snapshot.put_feed(attempt, &feed(key, at, 0, seq, Vec::new()), ISSUER, at);
    snapshot.end_feed(attempt);
    result
}

#[test]
fn revocations_serve_by_the_ages_of_the_table() {
    let snapshot = filled();
    let at = |age| snapshot.feed_freshness(Strict, START.plus(age));
    assert_eq!([at(0), at(2_000)], [Freshness::Fresh; 2]);
    assert_eq!([at(2_001), at(3_500)], [Freshness::Ageing; 2]);
    assert_eq!([at(3_501), at(30_000)], [Freshness::Stale; 2]);
    assert_eq!(at(30_001), Freshness::Gone);
    let relaxed = |age| snapshot.feed_freshness(Relaxed, START.plus(age));
    assert_eq!([relaxed(2_001), relaxed(30_000)], [Freshness::Ageing; 2]);
    assert_eq!(relaxed(30_001), Freshness::Gone);
}

#[test]
fn keys_serve_for_a_day_and_are_fetched_anew_after_five_minutes() {
    let snapshot = filled();
    let at = |age| snapshot.keys_freshness(START.plus(age));
    assert_eq!(at(300_000), Freshness::Fresh);
    assert_eq!([at(300_001), at(86_400_000)], [Freshness::Ageing; 2]);
    assert_eq!(at(86_400_001), Freshness::Gone);
}

#[test]
fn a_clock_that_was_put_back_makes_nothing_fresh() {
    let snapshot = filled();
    assert_eq!(
        snapshot.feed_freshness(Strict, START.plus(-900)),
        Freshness::Fresh
    );
    assert_eq!(
        snapshot.feed_freshness(Strict, START.plus(-60_000)),
        Freshness::Gone
    );
}

#[test]
fn a_cold_isolate_fetches_both_at_once_and_its_requests_wait_for_one_attempt() {
    let mut snapshot = Snapshot::default();
    let first = snapshot.advance(Strict, START, START);
    assert!(first.keys.is_some() && first.feed.is_some() && first.wait);
    for _ in 0..200 {
        let other = snapshot.advance(Strict, START, START.plus(50));
        assert_eq!(
            other,
            Step {
                wait: true,
                ..Step::default()
            }
        );
    }
    let late = snapshot.advance(Strict, START, START.plus(2_500));
    assert!(!late.wait, "nobody waits for ever");
}

#[test]
fn an_attempt_that_failed_is_not_waited_for_and_not_repeated_at_once() {
    let mut snapshot = filled();
    let now = START.plus(4_000);
    let attempt = snapshot.advance(Strict, now, now).feed.unwrap();
    snapshot.end_feed(attempt);
    assert_eq!(
        snapshot.advance(Strict, now, now.plus(300)),
        Step::default()
    );
    assert!(
        snapshot
            .advance(Strict, now, now.plus(1_000))
            .feed
            .is_some()
    );
}

#[test]
fn an_attempt_whose_holder_vanished_is_begun_again_after_a_second_by_who_waits() {
    let mut snapshot = filled();
    let now = START.plus(4_000);
    assert!(snapshot.advance(Strict, now, now).feed.is_some());
    let waiting = snapshot.advance(Strict, now.plus(500), now.plus(900));
    assert_eq!(
        waiting,
        Step {
            wait: true,
            ..Step::default()
        }
    );
    assert!(
        snapshot
            .advance(Strict, now.plus(500), now.plus(1_000))
            .feed
            .is_some()
    );
}

#[test]
fn a_refresh_behind_respects_the_lease() {
    let mut snapshot = filled();
    let now = START.plus(2_100);
    let step = snapshot.advance(Strict, now, now);
    assert!(step.feed.is_some() && !step.wait);
    assert_eq!(
        snapshot.advance(Strict, now, now.plus(1_100)),
        Step::default()
    );
    assert!(
        snapshot
            .advance(Relaxed, now, now.plus(2_500))
            .feed
            .is_some()
    );
}

#[test]
fn age_runs_from_the_beginning_of_the_fetch() {
    let mut snapshot = filled();
    let began = START.plus(4_000);
    let attempt = snapshot.advance(Strict, began, began).feed.unwrap();
    let arrived = began.plus(1_900);
    let text = feed(&key(1), arrived, 100, 101, Vec::new());
    snapshot.put_feed(attempt, &text, ISSUER, arrived).unwrap();
    assert_eq!(
        snapshot.feed_freshness(Strict, began.plus(2_000)),
        Freshness::Fresh
    );
    assert_eq!(
        snapshot.feed_freshness(Strict, began.plus(2_001)),
        Freshness::Ageing
    );
}

#[test]
fn a_document_that_is_not_genuine_fresh_and_newer_changes_nothing() {
    let mut snapshot = filled();
    let now = START.plus(10_000);
    let attempt = snapshot.feed_schedule.begin_always(now);
    let good = feed(&key(1), now, 0, 200, Vec::new());
    for text in [
        String::new(),
        "<html>".to_owned(),
        format!("{good}x"),
        feed(&key(2), now, 0, 200, Vec::new()),
        feed(&key(1), START, 0, 200, Vec::new()),
        feed(&key(1), now.plus(8_000), 0, 200, Vec::new()),
        feed(&key(1), now, 0, 99, Vec::new()),
        feed(&key(1), now, 101, 200, Vec::new()),
    ] {
        assert!(
            snapshot.put_feed(attempt, &text, ISSUER, now).is_err(),
            "{text}"
        );
        assert!(
            snapshot
                .put_feed(attempt, &good, "https://other.example", now)
                .is_err()
        );
        assert_eq!(snapshot.seq(), Some(100));
        assert_eq!(snapshot.feed_freshness(Strict, now), Freshness::Stale);
    }
    for json in ["", "{}", "<html>", r#"{"keys":[]}"#] {
        assert!(
            snapshot.put_keys(attempt, json.as_bytes()).is_err(),
            "{json}"
        );
        assert!(snapshot.keys().unwrap().get(key(1).id()).is_some());
    }
}

#[test]
fn a_repeated_genuine_document_is_fresh_only_while_its_signature_is() {
    let mut snapshot = filled();
    let old = feed(&key(1), START, 0, 100, Vec::new());
    for (delay, taken) in [
        (1_000, true),
        (7_000, true),
        (8_000, false),
        (25_000, false),
    ] {
        let now = START.plus(delay);
        let attempt = snapshot.feed_schedule.begin_always(now);
        assert_eq!(
            snapshot.put_feed(attempt, &old, ISSUER, now).is_ok(),
            taken,
            "{delay}"
        );
    }
}

#[test]
fn what_a_withdrawn_key_signed_does_not_count() {
    let mut snapshot = filled();
    let (old, new) = (key(1), key(2));
    let attempt = snapshot.keys.schedule.begin_always(START);
    assert!(snapshot.put_keys(attempt, &key_set(&[&old, &new])).unwrap());
    let now = START.plus(1_000);
    let attempt = snapshot.feed_schedule.begin_always(now);
    let text = feed(&new, now, 100, 150, vec![withdrawal(&old)]);
    snapshot.put_feed(attempt, &text, ISSUER, now).unwrap();
    let result = fetch(&mut snapshot, &old, now.plus(1_000), 300);
    assert!(matches!(result, Err(FeedError::WithdrawnKey(id)) if id == *old.id()));
    assert_eq!(snapshot.seq(), Some(150));
    assert!(fetch(&mut snapshot, &new, now.plus(1_000), 300).is_ok());
}

#[test]
fn unknown_keys_of_tokens_start_one_fetch_in_thirty_seconds() {
    let mut snapshot = filled();
    let unknown = key(9).id().clone();
    let now = START.plus(1_000);
    let attempt = snapshot.advance_for_key(&unknown, now, now).keys.unwrap();
    let second = snapshot.advance_for_key(&unknown, now, now.plus(10));
    assert_eq!(
        second,
        Step {
            wait: true,
            ..Step::default()
        },
        "it waits for the first one's"
    );
    snapshot.end_keys(attempt);
    assert_eq!(
        snapshot.advance_for_key(&unknown, now, now.plus(20)),
        Step::default()
    );
    assert_eq!(
        snapshot.advance_for_key(&unknown, now, now.plus(29_999)),
        Step::default()
    );
    assert!(
        snapshot
            .advance_for_key(&unknown, now, now.plus(30_000))
            .keys
            .is_some()
    );
    // A key that is there needs nothing.
    assert_eq!(
        snapshot.advance_for_key(key(1).id(), now, now.plus(90_000)),
        Step::default()
    );
}

#[test]
fn the_feed_s_unknown_key_has_a_budget_of_its_own() {
    let mut snapshot = filled();
    let now = START.plus(1_000);
    assert!(
        snapshot
            .advance_for_key(key(9).id(), now, now)
            .keys
            .is_some()
    );
    assert!(snapshot.begin_keys_for_feed(key(9).id(), now).is_some());
    assert!(
        snapshot
            .begin_keys_for_feed(key(9).id(), now.plus(29_999))
            .is_none()
    );
    assert!(
        snapshot
            .begin_keys_for_feed(key(9).id(), now.plus(30_000))
            .is_some()
    );
}

#[test]
fn a_key_set_that_was_asked_for_earlier_does_not_replace_a_later_one() {
    let mut snapshot = filled();
    let early = snapshot.keys.schedule.begin_always(START.plus(10));
    let late = snapshot.keys.schedule.begin_always(START.plus(20));
    assert!(snapshot.put_keys(late, &key_set(&[&key(2)])).unwrap());
    assert!(!snapshot.put_keys(early, &key_set(&[&key(1)])).unwrap());
    assert!(snapshot.keys().unwrap().get(key(2).id()).is_some());
    assert!(
        !snapshot.put_keys(late, &key_set(&[&key(2)])).unwrap(),
        "the same set again"
    );
}

proptest! {
    /// However requests come, and however fetches end, attempts are a second apart.
    #[test]
    fn attempts_start_at_most_once_a_second(
        gaps in proptest::collection::vec((0..700_i64, any::<bool>(), any::<bool>()), 1..200),
    ) {
        let mut snapshot = filled();
        let mut now = START;
        let mut last: Option<Millis> = None;
        for (gap, succeeds, relaxed) in gaps {
            now = now.plus(gap);
            let mode = if relaxed { Relaxed } else { Strict };
            let Some(attempt) = snapshot.advance(mode, now, now).feed else { continue };
            if let Some(last) = last {
                prop_assert!(now.since(last) >= 1_000);
            }
            last = Some(now);
            if succeeds {
                let text = feed(&key(1), now, 0, 100, Vec::new());
                prop_assert!(snapshot.put_feed(attempt, &text, ISSUER, now).is_ok());
                snapshot.end_feed(attempt);
            }
        }
    }
}

#[test]
fn a_clock_that_was_an_hour_ahead_is_forgotten_when_it_is_put_right() {
    let mut snapshot = filled();
    let ahead = START.plus(3_600_000);
    let attempt = snapshot.keys.schedule.begin_always(ahead);
    snapshot.put_keys(attempt, &key_set(&[&key(1)])).unwrap();
    fetch(&mut snapshot, &key(1), ahead, 200).unwrap();
    let right = START.plus(10_000);
    assert_eq!(snapshot.keys_freshness(right), Freshness::Gone);
    let attempt = snapshot.keys.schedule.begin_always(right);
    snapshot.put_keys(attempt, &key_set(&[&key(1)])).unwrap();
    fetch(&mut snapshot, &key(1), right, 200).unwrap();
    assert!(snapshot.is_fresh(Strict, right));
}

#[test]
fn a_second_new_key_of_the_feed_does_not_wait_for_the_first_ones_budget() {
    let mut snapshot = filled();
    let now = START.plus(1_000);
    assert!(snapshot.begin_keys_for_feed(key(8).id(), now).is_some());
    assert!(
        snapshot
            .begin_keys_for_feed(key(9).id(), now.plus(1_000))
            .is_some()
    );
    assert!(
        snapshot
            .begin_keys_for_feed(key(9).id(), now.plus(2_000))
            .is_none()
    );
}

#[test]
fn keys_that_the_feed_asked_for_in_vain_are_asked_for_again() {
    let mut snapshot = filled();
    let now = START.plus(1_000);
    assert!(snapshot.begin_keys_for_feed(key(9).id(), now).is_some());
    snapshot.repay_keys_for_feed();
    assert!(
        snapshot
            .begin_keys_for_feed(key(9).id(), now.plus(1_000))
            .is_some()
    );
}

/// Has so many feeds verified, after that of `filled`, that the first key has earned its tables.
fn earn_tables(snapshot: &mut Snapshot) {
    for seq in 101..164 {
        assert!(!snapshot.awaits_tables());
        fetch(snapshot, &key(1), START, seq).unwrap();
    }
}

#[test]
fn tables_are_begun_once_and_again_when_the_builder_has_vanished() {
    let mut snapshot = filled();
    assert!(snapshot.begin_tables(START).is_none());
    earn_tables(&mut snapshot);
    assert!(snapshot.begin_tables(START).is_some());
    assert!(snapshot.awaits_tables());
    assert!(snapshot.begin_tables(START.plus(2_499)).is_none());
    let order = snapshot.begin_tables(START.plus(2_500)).unwrap();
    snapshot.put_tables(order.prepare().build());
    assert!(!snapshot.awaits_tables());
    fetch(&mut snapshot, &key(1), START, 200).unwrap();
    assert!(fetch(&mut snapshot, &key(2), START, 201).is_err());
}

#[test]
fn tables_stay_with_their_key_when_the_set_changes_and_go_with_it() {
    let mut snapshot = filled();
    earn_tables(&mut snapshot);
    let order = snapshot.begin_tables(START).unwrap();
    snapshot.put_tables(order.build());
    let with_tables = |snapshot: &Snapshot| snapshot.keys().unwrap().with_tables();
    assert_eq!(with_tables(&snapshot), 1);
    let mut renew = |keys: &[&SigningKey]| {
        let attempt = snapshot.keys.schedule.begin_always(START);
        snapshot.put_keys(attempt, &key_set(keys)).unwrap();
        with_tables(&snapshot)
    };
    assert_eq!(renew(&[&key(2), &key(1)]), 1);
    assert_eq!(renew(&[&key(2)]), 0);
    assert_eq!(renew(&[&key(2), &key(1)]), 0);
}

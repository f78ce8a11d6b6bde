//! API keys.

use std::sync::{Arc, Mutex};

use portcullis_origin::domain::{
    api_key::{KeyFilter, KeyedHash, StoredApiKey},
    audit::{Action, Actor},
    session::Session,
    store::{ApiKeyDecision, By, Seq, Standing, Store as _, UserChange},
    user::User,
};
use portcullis_shared::{api_key::ApiKeyId, time::UnixSeconds};

use super::{
    bench::{Bench, asked, deletion, is_broken, pause},
    samples::{MILLIS, NOW, event, record, user, user_id},
};

fn key_id(number: u8) -> ApiKeyId {
    ApiKeyId::from_bytes([number; 16])
}

/// A key with everything that a key can have; no two of its numbers are the same.
fn key(number: u8, owner: u8) -> StoredApiKey {
    StoredApiKey {
        id: key_id(number),
        user_id: user_id(owner),
        name: "Ann's déploiement; '\"%".parse().unwrap(),
        client_id: "portcullis".to_owned(),
        scopes: "api:read api:write".parse().unwrap(),
        hash: KeyedHash {
            master_key: 200,
            mac: [number; 32],
        },
        created_by: Actor::User(user_id(9)),
        created_at: NOW,
        expires_at: Some(NOW.plus(1_000)),
        last_used_at: Some(NOW.plus(3)),
        last_iat: NOW.plus(4),
        last_exp: NOW.plus(604),
        revoked_at: Some(NOW.plus(5)),
        replaced_by: Some(key_id(77)),
    }
}

/// A key as sparse as keys are.
fn sparse(number: u8, owner: u8) -> StoredApiKey {
    StoredApiKey {
        name: "k".parse().unwrap(),
        scopes: "".parse().unwrap(),
        created_by: Actor::Operator,
        expires_at: None,
        last_used_at: None,
        last_iat: UnixSeconds(0),
        last_exp: UnixSeconds(0),
        revoked_at: None,
        replaced_by: None,
        ..key(number, owner)
    }
}

/// Writes keys of a user.
async fn put(bench: &Bench, owner: u8, keys: Vec<StoredApiKey>) {
    let decide = |_: &User, _: &[Session]| UserChange {
        api_keys: keys,
        ..UserChange::default()
    };
    let changed = bench
        .store
        .change_user(user_id(owner), MILLIS, Box::new(decide));
    assert!(changed.await.unwrap().is_some());
}

async fn stored(bench: &Bench, number: u8) -> Option<StoredApiKey> {
    let found = bench.store.api_key(key_id(number)).await.unwrap();
    found.map(|(key, _)| key)
}

async fn list(bench: &Bench, filter: &KeyFilter) -> Vec<u8> {
    let found = bench.store.api_keys(filter).await.unwrap();
    found.iter().map(|(key, _)| key.id.as_bytes()[0]).collect()
}

const ALL: KeyFilter = KeyFilter {
    owner: None,
    usable: None,
    now: NOW,
    after: None,
    limit: 100,
};

/// The use of a key, as a decision.
fn used(at: UnixSeconds) -> ApiKeyDecision {
    Box::new(move |key: &StoredApiKey, _: &User| {
        Some(StoredApiKey {
            last_used_at: Some(at),
            last_iat: key.last_iat.plus(1),
            ..key.clone()
        })
    })
}

pub(super) async fn a_key_comes_back_as_it_was_with_its_owner(bench: &Bench) {
    let owner = user(1, "ann");
    bench.add_user(&owner).await;
    put(bench, 1, vec![key(1, 1), sparse(2, 1)]).await;
    for as_it_was in [key(1, 1), sparse(2, 1)] {
        let found = bench.store.api_key(as_it_was.id).await.unwrap();
        assert_eq!(found, Some((as_it_was, owner.clone())));
    }
    assert_eq!(stored(bench, 3).await, None);
}

pub(super) async fn what_may_change_of_a_key_is_written_and_no_more(bench: &Bench) {
    for (number, name) in [(1, "ann"), (2, "bob")] {
        bench.add_user(&user(number, name)).await;
    }
    put(bench, 1, vec![sparse(1, 1)]).await;
    let changed = StoredApiKey {
        hash: KeyedHash {
            master_key: 3,
            mac: [33; 32],
        },
        ..key(1, 1)
    };
    // Neither whose it is nor what it may do.
    let other = StoredApiKey {
        user_id: user_id(2),
        ..changed.clone()
    };
    put(bench, 1, vec![other]).await;
    let expected = StoredApiKey {
        name: sparse(1, 1).name,
        scopes: sparse(1, 1).scopes,
        created_by: Actor::Operator,
        ..changed
    };
    assert_eq!(stored(bench, 1).await, Some(expected));
}

pub(super) async fn keys_are_listed_by_owner_and_by_whether_they_are_over(bench: &Bench) {
    for (number, name) in [(1, "ann"), (2, "bob")] {
        bench.add_user(&user(number, name)).await;
    }
    let expiring = |number, at| StoredApiKey {
        expires_at: Some(at),
        ..sparse(number, 1)
    };
    let revoked = StoredApiKey {
        revoked_at: Some(NOW),
        ..sparse(5, 1)
    };
    let keys = vec![
        sparse(1, 1),
        expiring(3, NOW.plus(1)),
        expiring(4, NOW),
        revoked,
    ];
    put(bench, 1, keys).await;
    put(bench, 2, vec![sparse(2, 2)]).await;
    assert_eq!(list(bench, &ALL).await, [1, 2, 3, 4, 5]);
    let of = |owner, usable| KeyFilter {
        owner: Some(user_id(owner)),
        usable,
        ..ALL
    };
    assert_eq!(list(bench, &of(2, None)).await, [2]);
    assert_eq!(list(bench, &of(3, None)).await, [0; 0]);
    assert_eq!(list(bench, &of(1, Some(true))).await, [1, 3]);
    assert_eq!(list(bench, &of(1, Some(false))).await, [4, 5]);
    let found = bench.store.api_keys(&of(2, None)).await.unwrap();
    assert_eq!(found, [(sparse(2, 2), user(2, "bob"))]);
}

pub(super) async fn pages_of_keys_follow_each_other_without_gap_or_overlap(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    put(bench, 1, (1..=7).map(|number| sparse(number, 1)).collect()).await;
    let (mut filter, mut seen) = (KeyFilter { limit: 3, ..ALL }, Vec::new());
    loop {
        let page = list(bench, &filter).await;
        let Some(last) = page.last() else { break };
        filter.after = Some(key_id(*last));
        seen.extend(page);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7]);
}

pub(super) async fn a_missing_key_is_not_decided_over(bench: &Bench) {
    let decide = |_: &StoredApiKey, _: &User| panic!("there is nothing to decide over");
    let changed = bench.store.change_api_key(key_id(1), Box::new(decide));
    assert!(!changed.await.unwrap());
}

pub(super) async fn what_is_decided_over_a_key_is_written(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    put(bench, 1, vec![sparse(1, 1)]).await;
    let shown = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&shown);
    let nothing = move |key: &StoredApiKey, owner: &User| {
        *seen.lock().unwrap() = Some((key.clone(), owner.clone()));
        None
    };
    let looked = bench.store.change_api_key(key_id(1), Box::new(nothing));
    assert!(looked.await.unwrap());
    assert_eq!(
        shown.lock().unwrap().take(),
        Some((sparse(1, 1), user(1, "ann")))
    );
    assert_eq!(stored(bench, 1).await, Some(sparse(1, 1)));
    let use_it = bench.store.change_api_key(key_id(1), used(NOW));
    assert!(use_it.await.unwrap());
    let expected = StoredApiKey {
        last_used_at: Some(NOW),
        last_iat: UnixSeconds(1),
        ..sparse(1, 1)
    };
    assert_eq!(stored(bench, 1).await, Some(expected));
}

pub(super) async fn fifty_uses_of_a_key_see_each_other(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    put(bench, 1, vec![sparse(1, 1)]).await;
    let uses = bench.at_once(0..50, |_, store| async move {
        store.change_api_key(key_id(1), used(NOW)).await
    });
    for one in uses.await {
        assert!(one.unwrap());
    }
    let key = stored(bench, 1).await.unwrap();
    assert_eq!(key.last_iat, UnixSeconds(50));
}

/// Whoever revokes the owner sees every use that came before, and each use that comes after sees the
/// owner revoked.
pub(super) async fn a_use_waits_for_a_ban_of_the_owner_and_sees_it(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    put(bench, 1, vec![sparse(1, 1)]).await;
    let other = bench.replicas(2).await.remove(1);
    let (mut pausing, mut paused) = pause();
    let ban = move |standing: &Standing<'_>| {
        pausing.stay(standing.api_keys.to_vec());
        UserChange {
            user: Some(User {
                not_before: NOW.plus(7),
                ..standing.user.clone()
            }),
            ..UserChange::default()
        }
    };
    let banning = asked(async move {
        let ban = Box::new(ban);
        other
            .change_standing(user_id(1), By::Service, MILLIS, ban)
            .await
    })
    .await;
    assert_eq!(paused.begun().await, [sparse(1, 1)]);
    let seen = Arc::new(Mutex::new(None));
    let shown = Arc::clone(&seen);
    let using = move |_: &StoredApiKey, owner: &User| {
        *shown.lock().unwrap() = Some(owner.not_before);
        None
    };
    let store = bench.store.clone();
    let using = asked(async move { store.change_api_key(key_id(1), Box::new(using)).await }).await;
    bench.until_waiting(1).await;
    paused.go_on();
    assert!(banning.await.unwrap().unwrap().is_some());
    assert!(using.await.unwrap().unwrap());
    assert_eq!(*seen.lock().unwrap(), Some(NOW.plus(7)));
}

pub(super) async fn a_key_that_fails_to_be_written_leaves_nothing(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    let before = bench.store.feed(Seq(0)).await.unwrap();
    let decide = |_: &Standing<'_>| UserChange {
        // Nobody has that id: the second statement fails.
        api_keys: vec![sparse(1, 1), sparse(2, 3)],
        revocations: vec![record(1)],
        events: vec![event(Action::ApiKeyCreated, "")],
        ..UserChange::default()
    };
    let failed = bench
        .store
        .change_standing(user_id(1), By::Service, MILLIS, Box::new(decide))
        .await;
    assert!(is_broken(&failed), "{failed:?}");
    assert_eq!(stored(bench, 1).await, None);
    assert_eq!(bench.store.feed(Seq(0)).await.unwrap(), before);
    assert_eq!(bench.trail().await, ["user_created by operator"]);
}

pub(super) async fn keys_go_with_their_owner(bench: &Bench) {
    for (number, name) in [(1, "ann"), (2, "bob")] {
        bench.add_user(&user(number, name)).await;
    }
    put(bench, 1, vec![sparse(1, 1), key(2, 1)]).await;
    put(bench, 2, vec![sparse(3, 2)]).await;
    let deleted = bench
        .store
        .change_user(user_id(1), MILLIS, Box::new(deletion))
        .await;
    assert!(deleted.unwrap().is_some());
    assert_eq!(list(bench, &ALL).await, [3]);
    let gone = bench.store.api_key(key_id(1)).await.unwrap();
    assert_eq!(gone, None);
}

pub(super) async fn keys_go_when_they_and_their_tokens_were_over_at_the_cutoff(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    let cutoff = NOW.plus(5_000);
    let over = |number, revoked: Option<i64>, expires: Option<i64>, last_exp: i64| StoredApiKey {
        revoked_at: revoked.map(|after| cutoff.plus(after)),
        expires_at: expires.map(|after| cutoff.plus(after)),
        last_exp: cutoff.plus(last_exp),
        ..sparse(number, 1)
    };
    let keys = vec![
        over(1, None, None, -600),
        over(2, Some(0), None, -600),
        over(3, Some(1), None, -600),
        over(4, None, Some(0), 0),
        over(5, None, Some(1), 0),
        // A token of each may be good.
        over(6, None, Some(0), 1),
        over(7, Some(0), None, 1),
        over(8, Some(0), Some(1), 0),
    ];
    put(bench, 1, keys).await;
    assert_eq!(bench.store.remove_api_keys(cutoff, 2).await.unwrap(), 2);
    assert_eq!(bench.store.remove_api_keys(cutoff, 2).await.unwrap(), 1);
    assert_eq!(bench.store.remove_api_keys(cutoff, 2).await.unwrap(), 0);
    assert_eq!(list(bench, &ALL).await, [1, 3, 5, 6, 7]);
}

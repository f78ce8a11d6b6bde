//! Signing keys: rotation that nobody notices, and withdrawal that everybody does.

use std::sync::{Arc, Mutex, mpsc};

use portcullis_origin::domain::{
    audit::Actor,
    entropy::{Entropy, EntropyError},
    feed,
    signing_keys::{self, KeyState, Rotation},
};
use portcullis_shared::{
    keys::KeySet,
    revocation::{Document, Revocations},
};
use tokio::sync::oneshot;

use crate::support::{TestApp, TestClock, on_both_engines};

on_both_engines!(
    a_new_key_is_published_before_it_signs_and_the_old_one_stays_for_its_tokens,
    a_withdrawn_key_is_refused_by_edges_that_still_hold_it,
    who_was_refused_for_a_key_that_another_replica_withdrew_gets_a_good_token_at_once,
    a_document_that_tells_of_a_withdrawn_key_is_signed_with_another,
    a_key_that_is_withdrawn_while_a_password_is_checked_does_not_sign_the_token,
);

async fn key_states(test: &TestApp) -> Vec<KeyState> {
    let keys = test.app.store.signing_keys().await.unwrap();
    signing_keys::states(&keys, test.app.clock.now(), 600)
}

async fn a_new_key_is_published_before_it_signs_and_the_old_one_stays_for_its_tokens(
    test: TestApp,
) {
    let first = test.app.signing.active(&test.app).await.unwrap();
    signing_keys::rotate(&test.app, Rotation::Scheduled, Actor::Operator)
        .await
        .unwrap();
    assert_eq!(key_states(&test).await, [KeyState::Active, KeyState::Next]);
    assert_eq!(
        test.app.signing.public(&test.app).await.unwrap().keys.len(),
        2
    );
    let known_early = test.edge().await;
    test.clock.advance(899);
    let by_first = test.login().await;
    assert_eq!(
        test.app.signing.active(&test.app).await.unwrap().id(),
        first.id()
    );
    test.clock.advance(1);
    let by_second = test.login().await;
    assert_ne!(
        test.app.signing.active(&test.app).await.unwrap().id(),
        first.id()
    );
    // An edge that has not fetched keys since takes both.
    assert!(known_early.passes(&by_first.access_token, &test));
    assert!(known_early.passes(&by_second.access_token, &test));
    assert_eq!(
        key_states(&test).await,
        [KeyState::Retiring, KeyState::Active]
    );
    test.clock.advance(598);
    assert!(test.passes(&by_first.access_token).await);
    test.clock.advance(30);
    assert_eq!(key_states(&test).await, [KeyState::Gone, KeyState::Active]);
    assert_eq!(
        test.app.signing.public(&test.app).await.unwrap().keys.len(),
        1
    );
}

async fn a_withdrawn_key_is_refused_by_edges_that_still_hold_it(test: TestApp) {
    let old = test.login().await;
    test.clock.advance(1);
    let (_, seq) = signing_keys::rotate(&test.app, Rotation::Withdraw, Actor::Operator)
        .await
        .unwrap();
    let edge = test.edge().await;
    assert!(edge.revocations.seq() >= seq.0);
    assert!(!edge.passes(&old.access_token, &test));
    let new = test.refresh(old.refresh_token.expose()).await.unwrap();
    assert!(edge.passes(&new.access_token, &test));
    assert_eq!(
        key_states(&test).await,
        [KeyState::Withdrawn, KeyState::Active]
    );
    // By the feed alone, also for whoever holds the key set of before.
    let keys = test.app.store.signing_keys().await.unwrap();
    assert!(
        edge.revocations
            .refuses_key(&test.app.config.issuer, &keys[0].id)
    );
    assert!(
        !edge
            .revocations
            .refuses_key(&test.app.config.issuer, &keys[1].id)
    );
}

/// Another replica withdraws the keys, and the time stands still: what was read a moment ago is not
/// too old yet.
async fn withdrawn_elsewhere(test: &TestApp) {
    let other = test.replica(TestClock::new()).await;
    signing_keys::rotate(&other.app, Rotation::Withdraw, Actor::Operator)
        .await
        .unwrap();
}

async fn who_was_refused_for_a_key_that_another_replica_withdrew_gets_a_good_token_at_once(
    test: TestApp,
) {
    let old = test.login().await;
    withdrawn_elsewhere(&test).await;
    let edge = test.edge().await;
    assert!(!edge.passes(&old.access_token, &test));
    let refreshed = test.refresh(old.refresh_token.expose()).await.unwrap();
    assert!(edge.passes(&refreshed.access_token, &test));
    assert!(edge.passes(&test.login().await.access_token, &test));
}

async fn a_document_that_tells_of_a_withdrawn_key_is_signed_with_another(test: TestApp) {
    let old = test.app.signing.active(&test.app).await.unwrap();
    let third = test.replica(TestClock::new()).await;
    third.app.signing.active(&third.app).await.unwrap();
    withdrawn_elsewhere(&test).await;
    let told = feed::document(&test.app, 0).await.unwrap().document;
    // Whoever looks for its key finds it, also at a replica that nobody has asked for the feed.
    for replica in [&test, &third] {
        let public = replica.app.signing.public(&replica.app).await.unwrap();
        let keys = serde_json::to_vec(&*public).unwrap();
        let keys = KeySet::parse(&keys).unwrap();
        let (issuer, now) = (&test.app.config.issuer, test.app.clock.now());
        let document = Document::verify(&told, &keys, issuer, now).unwrap();
        let mut revocations = Revocations::default();
        revocations.merge(&document, now).unwrap();
        assert!(revocations.refuses_key(issuer, old.id()));
        assert!(!revocations.refuses_key(issuer, document.key_id()));
    }
}

/// Randomness that has to be waited for, the first time that somebody asks for it.
struct Awaited {
    source: Arc<dyn Entropy>,
    asked: Mutex<Option<oneshot::Sender<()>>>,
    go_on: Mutex<mpsc::Receiver<()>>,
}

impl Entropy for Awaited {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        if let Some(asked) = self.asked.lock().unwrap().take() {
            asked.send(()).unwrap();
            let go_on = self.go_on.lock().unwrap();
            tokio::task::block_in_place(|| go_on.recv().unwrap());
        }
        self.source.fill(bytes)
    }
}

async fn a_key_that_is_withdrawn_while_a_password_is_checked_does_not_sign_the_token(
    mut test: TestApp,
) {
    // What a login asks randomness for first is the session's id, when the password was right.
    let (asked, is_asked) = oneshot::channel();
    let (go_on, told) = mpsc::channel();
    let app = Arc::get_mut(&mut test.app).unwrap();
    app.entropy = Arc::new(Awaited {
        source: Arc::clone(&app.entropy),
        asked: Mutex::new(Some(asked)),
        go_on: Mutex::new(told),
    });
    let test = Arc::new(test);
    let logging_in = Arc::clone(&test);
    let login = tokio::spawn(async move { logging_in.login().await });
    is_asked.await.unwrap();
    withdrawn_elsewhere(&test).await;
    let edge = test.edge().await;
    go_on.send(()).unwrap();
    let tokens = login.await.unwrap();
    assert!(edge.passes(&tokens.access_token, &test));
}

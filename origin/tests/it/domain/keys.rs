//! Signing keys: rotation that nobody notices, and withdrawal that everybody does.

use portcullis_origin::domain::{
    audit::Actor, signing_keys, signing_keys::KeyState, signing_keys::Rotation,
};

use crate::support::{TestApp, on_both_engines};

on_both_engines!(
    a_new_key_is_published_before_it_signs_and_the_old_one_stays_for_its_tokens,
    a_withdrawn_key_is_refused_by_edges_that_still_hold_it,
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

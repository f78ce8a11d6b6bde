//! The cap of a user's sessions.

use std::{collections::HashSet, sync::Arc};

use portcullis_origin::domain::{
    audit::{
        Action, Actor,
        query::{Filter, Order, Query},
    },
    clock::Clock as _,
    login,
    mint::{MintError, TokenSet},
    refresh,
    session::{
        EndReason, Session,
        cap::{AtCap, Cap},
    },
    signing_keys::StoredKey,
    store::{ActiveFilter, KeysChange},
};
use tokio::{sync::Barrier, task::JoinSet};

use crate::support::{CURL, TestApp, TestClock, USER, context, on_both_engines};

on_both_engines!(
    the_least_recently_used_session_makes_room,
    a_cap_that_refuses_refuses_whoever_has_the_right_password,
    a_login_without_a_key_to_sign_with_opens_nothing_and_ends_nothing,
    a_lowered_cap_ends_what_is_above_it_at_the_next_login,
    an_expired_session_takes_no_room,
    fifty_logins_that_race_on_two_replicas_leave_as_many_as_the_cap,
);

/// The same service with another cap.
async fn capped(test: &TestApp, max: usize, at_cap: AtCap) -> TestApp {
    let cap = Cap { max, at_cap };
    test.restarted(|config| config.session_cap = cap).await
}

async fn active(test: &TestApp) -> Vec<Session> {
    let user = test.user(USER.0).await.id;
    let all = ActiveFilter {
        now: test.app.clock.now(),
        after: None,
        limit: 2000,
    };
    test.app.store.active_sessions(user, &all).await.unwrap()
}

async fn is_over(test: &TestApp, tokens: &TokenSet) -> bool {
    let refreshed = test.refresh(tokens.refresh_token.expose()).await;
    assert!(matches!(
        refreshed,
        Ok(_) | Err(refresh::Error::InvalidGrant)
    ));
    let over = refreshed.is_err();
    assert_eq!(test.passes(&tokens.access_token).await, !over);
    over
}

async fn the_least_recently_used_session_makes_room(test: TestApp) {
    let test = capped(&test, 2, AtCap::Evict).await;
    let first = test.login().await;
    test.clock.advance(10);
    let second = test.login().await;
    test.clock.advance(10);
    let first = test.refresh(first.refresh_token.expose()).await.unwrap();
    test.clock.advance(10);
    let third = test.login().await;

    let evicted = test.session_of(&second).await;
    assert_eq!(evicted.end_reason(), Some(EndReason::Evicted));
    assert_eq!(evicted.ended.unwrap().at, test.app.clock.now());
    assert!(is_over(&test, &second).await);
    assert!(!is_over(&test, &first).await);
    assert!(!is_over(&test, &third).await);
    let query = Query {
        filter: Filter {
            actions: vec![Action::SessionEnded],
            ..Filter::default()
        },
        order: Order::Newest { before: None },
        limit: 10,
    };
    let told = test.app.store.audit(&query).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].event.session_id, Some(evicted.id));
    assert_eq!(told[0].event.user_id, Some(evicted.user_id));
    assert_eq!(told[0].event.actor, Actor::Service);
    assert_eq!(told[0].event.detail.as_deref(), Some("evicted"));
}

async fn a_cap_that_refuses_refuses_whoever_has_the_right_password(test: TestApp) {
    let test = capped(&test, 1, AtCap::Refuse).await;
    let tokens = test.login().await;
    let from = context(CURL, "DE");
    let login = async |password: &str| {
        test.login_as((USER.0, password), "portcullis", &from)
            .await
            .map(|_| ())
    };
    for _ in 0..2 {
        assert!(matches!(login(USER.1).await, Err(login::Error::Full(_))));
        let trail = test.trail().await;
        let told = "to ann: session_cap";
        assert!(trail.last().unwrap().ends_with(told), "{trail:?}");
    }
    let wrong = login("another password").await;
    assert!(
        matches!(wrong, Err(login::Error::InvalidCredentials)),
        "{wrong:?}"
    );
    assert!(!is_over(&test, &tokens).await);
    assert_eq!(active(&test).await.len(), 1);
}

async fn a_login_without_a_key_to_sign_with_opens_nothing_and_ends_nothing(test: TestApp) {
    let test = capped(&test, 1, AtCap::Evict).await;
    let before = test.session_of(&test.login().await).await;
    let now = test.clock.now();
    let withdraw = move |keys: &[StoredKey]| KeysChange {
        withdrawn: keys.iter().map(|key| (key.id.clone(), now)).collect(),
        ..KeysChange::default()
    };
    let store = &test.app.store;
    store
        .change_signing_keys(test.app.now(), Box::new(withdraw))
        .await
        .unwrap();
    test.clock.advance(2);
    let trail = test.trail().await;
    for password in [USER.1, "another password"] {
        let refused = test
            .login_as((USER.0, password), "portcullis", &context(CURL, "DE"))
            .await;
        // Whether the password is right is not told either.
        assert!(
            matches!(refused, Err(login::Error::Mint(MintError::Key(_)))),
            "{refused:?}"
        );
    }
    assert_eq!(active(&test).await, [before]);
    assert_eq!(test.trail().await, trail);
}

async fn an_expired_session_takes_no_room(test: TestApp) {
    let test = capped(&test, 1, AtCap::Refuse).await;
    test.login().await;
    test.clock.advance(31 * 86_400);
    test.login().await;
    assert_eq!(active(&test).await.len(), 1);
}

/// Many sessions end at once, which is one entry for the user in the feed; it must not concern the
/// session that was opened.
async fn a_lowered_cap_ends_what_is_above_it_at_the_next_login(test: TestApp) {
    let mut before = Vec::new();
    for _ in 0..40 {
        before.push(test.login().await);
    }
    let test = capped(&test, 3, AtCap::Evict).await;
    let after = test.login().await;
    assert_eq!(active(&test).await.len(), 3);
    assert!(test.passes(&after.access_token).await);
    let mut over = 0;
    for tokens in &before {
        // All old access tokens, but the sessions that are left go on.
        assert!(!test.passes(&tokens.access_token).await);
        let ended = test.session_of(tokens).await.end_reason();
        over += usize::from(ended == Some(EndReason::Evicted));
    }
    assert_eq!(over, 38);
    assert!(!is_over(&test, &after).await);
}

async fn fifty_logins_that_race_on_two_replicas_leave_as_many_as_the_cap(test: TestApp) {
    const MAX: usize = 20;
    let first = Arc::new(capped(&test, MAX, AtCap::Evict).await);
    let second = Arc::new(first.replica(TestClock::new()).await);
    let start = Arc::new(Barrier::new(50));
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        let replica = Arc::clone(if number % 2 == 0 { &first } else { &second });
        let start = Arc::clone(&start);
        tasks.spawn(async move {
            start.wait().await;
            replica.login().await
        });
    }
    let opened = tasks.join_all().await;
    let left: HashSet<_> = active(&first).await.iter().map(|one| one.id).collect();
    assert_eq!(left.len(), MAX);
    let edge = first.edge().await;
    for tokens in &opened {
        let session = first.session_of(tokens).await;
        let goes_on = left.contains(&session.id);
        assert_eq!(session.end_reason().is_none(), goes_on);
        assert_eq!(edge.passes(&tokens.access_token, &first), goes_on);
    }
}

//! Users whose imported hashes take long to check are in nobody's way.

use std::sync::Arc;

use portcullis_origin::domain::{
    admin::{self, Authority},
    audit::{Action, Actor, Event},
    login,
    store::By,
};
use portcullis_shared::ids::UserId;
use tokio::task::JoinSet;

use crate::support::{ADMIN, CURL, TestApp, USER, context, on_both_engines};

on_both_engines!(
    other_logins_go_past_those_whose_hashes_are_heavy,
    under_another_name_nobody_has_a_heavy_hash_checked,
);

/// A check takes some tenths of a second, and 64 MiB.
const HEAVY: &str = "$argon2id$v=19$m=65536,t=5,p=1$c29tZXNhbHQwMTIzNDU2Nzg5YWJjZA$ZGAi1rrL/beTjqCQUFK023OBFzhefqo4qM+GOCCW10Y";

const OPERATOR: Authority = Authority::OPERATOR;

/// Adds a user with the heavy hash.
async fn add_heavy(test: &TestApp) {
    let mut user = test.user(USER.0).await;
    user.id = UserId::from_bytes([7; 16]);
    user.username = "heavy".parse().unwrap();
    user.password_hash = Some(HEAVY.to_owned());
    let event = Event::new(user.created_at, Action::UserCreated, Actor::Operator);
    test.app
        .store
        .create_user(&user, &event, By::Service)
        .await
        .unwrap();
}

async fn refused(test: &TestApp, name: &str) {
    let from = context(CURL, "DE");
    let refused = test.login_as((name, "wrong"), "portcullis", &from).await;
    assert!(
        matches!(refused, Err(login::Error::InvalidCredentials)),
        "{refused:?}"
    );
}

async fn other_logins_go_past_those_whose_hashes_are_heavy(test: TestApp) {
    add_heavy(&test).await;
    let test = Arc::new(test);
    let mut heavy = JoinSet::new();
    for _ in 0..8 {
        let test = Arc::clone(&test);
        heavy.spawn(async move { refused(&test, "heavy").await });
    }
    // In one queue with them, no later than the second of these would wait for all eight.
    for _ in 0..6 {
        test.login().await;
    }
    while heavy.try_join_next().is_some() {}
    assert!(heavy.len() >= 3, "{} heavy ones are left", heavy.len());
    heavy.join_all().await;
}

async fn under_another_name_nobody_has_a_heavy_hash_checked(test: TestApp) {
    add_heavy(&test).await;
    // Whoever stands in is somebody who is there.
    for name in [USER.0, ADMIN.0] {
        let id = test.user(name).await.id;
        admin::delete_user(&test.app, OPERATOR, id).await.unwrap();
    }
    let computed = || test.app.hasher.computed();
    let before = computed();
    refused(&test, "heavy").await;
    assert_eq!(computed(), before + 2);
    for name in ["nobody", "somebody else"] {
        let before = computed();
        refused(&test, name).await;
        assert_eq!(computed(), before + 1, "{name}");
    }
}

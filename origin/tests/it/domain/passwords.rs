//! Passwords: the first one, new ones, and hashes that are out of date.

use std::sync::Arc;

use portcullis_origin::domain::{
    admin, admin::Authority, audit::Actor, hashing::Parameters, login, password::Password, setup,
};
use portcullis_shared::scope::ScopeSet;

use crate::support::{CURL, TestApp, USER, context, on_both_engines};

on_both_engines!(
    a_setup_token_works_once_and_in_time,
    a_ban_spends_a_setup_token,
    a_new_password_ends_sessions_and_the_old_password,
    logins_at_once_after_a_change_of_parameters_all_work,
);

const OPERATOR: Authority = Authority::OPERATOR;

async fn a_setup_token_works_once_and_in_time(test: TestApp) {
    let new = |name: &str| admin::NewUser {
        username: name.parse().unwrap(),
        email: None,
        password: None,
        roles: [].into(),
        scopes: "api:read".parse().unwrap(),
    };
    let created = admin::create_user(&test.app, OPERATOR, new("ben"))
        .await
        .unwrap();
    let token = created.setup_token.unwrap();
    let from = context(CURL, "DE");
    let password = |text: &str| Password::new(text.to_owned());
    let refused = setup::complete(&test.app, &token, password("short"), &from).await;
    assert!(
        matches!(refused, Err(setup::Error::Password(_))),
        "{refused:?}"
    );
    setup::complete(&test.app, &token, password("long enough"), &from)
        .await
        .unwrap();
    test.login_as(("Ben", "long enough"), "portcullis", &from)
        .await
        .unwrap();
    let again = setup::complete(&test.app, &token, password("another one"), &from).await;
    assert!(
        matches!(again, Err(setup::Error::InvalidToken)),
        "{again:?}"
    );
    let late = admin::create_user(&test.app, OPERATOR, new("eve"))
        .await
        .unwrap()
        .setup_token
        .unwrap();
    test.clock.advance(86_400);
    let late = setup::complete(&test.app, &late, password("long enough"), &from).await;
    assert!(matches!(late, Err(setup::Error::InvalidToken)), "{late:?}");
}

async fn a_ban_spends_a_setup_token(test: TestApp) {
    let new = admin::NewUser {
        username: "ben".parse().unwrap(),
        email: None,
        password: None,
        roles: [].into(),
        scopes: ScopeSet::default(),
    };
    let created = admin::create_user(&test.app, OPERATOR, new).await.unwrap();
    let (token, from) = (created.setup_token.unwrap(), context(CURL, "DE"));
    let password = || Password::new("long enough".to_owned());
    admin::ban(&test.app, OPERATOR, created.user.id, "".parse().unwrap())
        .await
        .unwrap();
    let refused = setup::complete(&test.app, &token, password(), &from).await;
    assert!(
        matches!(refused, Err(setup::Error::InvalidToken)),
        "{refused:?}"
    );
    admin::unban(&test.app, OPERATOR, created.user.id)
        .await
        .unwrap();
    let refused = setup::complete(&test.app, &token, password(), &from).await;
    assert!(
        matches!(refused, Err(setup::Error::InvalidToken)),
        "{refused:?}"
    );
    let link = admin::issue_setup(&test.app, OPERATOR, created.user.id).await;
    let token = link.unwrap().unwrap().token;
    setup::complete(&test.app, &token, password(), &from)
        .await
        .unwrap();
}

async fn a_new_password_ends_sessions_and_the_old_password(test: TestApp) {
    let old = test.login().await;
    let user = test.user(USER.0).await;
    let new = "a brand new password";
    let password = Password::new(new.to_owned());
    setup::set_password(&test.app, &user, password, Actor::Operator)
        .await
        .unwrap()
        .unwrap();
    assert!(!test.passes(&old.access_token).await);
    assert!(test.refresh(old.refresh_token.expose()).await.is_err());
    let from = context(CURL, "DE");
    let refused = test.login_as(USER, "portcullis", &from).await;
    assert!(
        matches!(refused, Err(login::Error::InvalidCredentials)),
        "{refused:?}"
    );
    test.login_as((USER.0, new), "portcullis", &from)
        .await
        .unwrap();
}

async fn logins_at_once_after_a_change_of_parameters_all_work(test: TestApp) {
    let harder = Parameters {
        memory_kib: 16,
        iterations: 1,
        parallelism: 1,
    };
    let test = Arc::new(test.rehashing(harder).await);
    let before = test.user(USER.0).await.password_hash;
    let logins = (0..6).map(|_| {
        let test = Arc::clone(&test);
        tokio::spawn(async move { test.login().await })
    });
    for login in logins.collect::<Vec<_>>() {
        login.await.unwrap();
    }
    let after = test.user(USER.0).await.password_hash;
    assert_ne!(before, after);
    test.login().await;
    assert_eq!(test.user(USER.0).await.password_hash, after);
}

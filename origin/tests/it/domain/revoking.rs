//! What ends tokens, and what stays in force.

use std::sync::{Arc, Mutex};

use portcullis_origin::domain::{
    admin, admin::Authority, caller, context::Context, introspect, login, revoke, session::Session,
    sessions, store::UserChange, user::User,
};

use crate::support::{CURL, TestApp, USER, context, on_both_engines};

on_both_engines!(
    a_logout_ends_this_session_alone,
    logging_out_everywhere_ends_all_however_many,
    a_banned_user_is_out_and_comes_back_with_new_tokens_alone,
    revocation_takes_either_token_of_the_client_and_no_other,
    introspection_knows_what_is_in_force,
    an_expired_session_needs_no_entry_in_the_feed,
    a_shorter_lifetime_leaves_no_older_token_working,
    a_session_long_over_is_nobodys_burden,
    seq_grows_also_when_the_clock_stands_still,
);

const OPERATOR: Authority = Authority::OPERATOR;

async fn a_logout_ends_this_session_alone(test: TestApp) {
    let (here, there) = (test.login().await, test.login().await);
    let caller = caller::authenticate(&test.app, &here.access_token)
        .await
        .unwrap();
    let list = sessions::list(&test.app, &caller, None, 100).await;
    assert_eq!(list.unwrap().len(), 2);
    let seq = sessions::logout(&test.app, &caller, &Context::default())
        .await
        .unwrap()
        .unwrap();
    let edge = test.edge().await;
    assert!(edge.revocations.seq() >= seq.0);
    assert!(!edge.passes(&here.access_token, &test) && edge.passes(&there.access_token, &test));
    assert!(
        caller::authenticate(&test.app, &here.access_token)
            .await
            .is_err()
    );
    assert!(test.refresh(here.refresh_token.expose()).await.is_err());
    test.refresh(there.refresh_token.expose()).await.unwrap();
    // Once more changes nothing.
    assert_eq!(
        sessions::logout(&test.app, &caller, &Context::default())
            .await
            .unwrap(),
        None
    );
}

async fn logging_out_everywhere_ends_all_however_many(test: TestApp) {
    for count in [3, 40] {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(test.login().await);
        }
        let before = test.edge().await.revocations.len();
        let caller = caller::authenticate(&test.app, &all[0].access_token)
            .await
            .unwrap();
        sessions::logout_all(&test.app, &caller, &Context::default())
            .await
            .unwrap()
            .unwrap();
        let edge = test.edge().await;
        // Few are named one by one, many by their user.
        assert_eq!(
            edge.revocations.len() - before,
            if count == 3 { 3 } else { 1 }
        );
        for tokens in &all {
            assert!(!edge.passes(&tokens.access_token, &test));
            assert!(test.refresh(tokens.refresh_token.expose()).await.is_err());
        }
        assert!(test.passes(&test.login().await.access_token).await);
    }
}

async fn a_banned_user_is_out_and_comes_back_with_new_tokens_alone(test: TestApp) {
    let old = test.login().await;
    let user = test.user(USER.0).await;
    let banned = admin::ban(&test.app, OPERATOR, user.id, "spam".parse().unwrap())
        .await
        .unwrap();
    assert!(test.edge().await.revocations.seq() >= banned.unwrap().seq.0);
    assert!(!test.passes(&old.access_token).await);
    let from = context(CURL, "DE");
    let refused = test.login_as(USER, "portcullis", &from).await;
    assert!(matches!(refused, Err(login::Error::Banned)), "{refused:?}");
    let wrong = test
        .login_as((USER.0, "something else"), "portcullis", &from)
        .await;
    assert!(
        matches!(wrong, Err(login::Error::InvalidCredentials)),
        "{wrong:?}"
    );
    admin::unban(&test.app, OPERATOR, user.id)
        .await
        .unwrap()
        .unwrap();
    // In the very second of the ban: later tokens are told apart all the same.
    let new = test.login().await;
    assert!(test.passes(&new.access_token).await);
    assert!(!test.passes(&old.access_token).await);
    assert!(test.refresh(old.refresh_token.expose()).await.is_err());
}

async fn revocation_takes_either_token_of_the_client_and_no_other(test: TestApp) {
    let (one, two, three) = (test.login().await, test.login().await, test.login().await);
    let client = |id: &str| test.app.config.client(id).unwrap().clone();
    let (ours, other, from) = (client("portcullis"), client("other"), Context::default());
    for token in [one.refresh_token.expose(), &two.access_token] {
        assert_eq!(
            revoke::revoke(&test.app, &other, token, &from)
                .await
                .unwrap(),
            None
        );
        assert!(
            revoke::revoke(&test.app, &ours, token, &from)
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(
            revoke::revoke(&test.app, &ours, token, &from)
                .await
                .unwrap(),
            None
        );
    }
    for token in ["", "prt_x", "a.b.c", &three.access_token[1..]] {
        assert_eq!(
            revoke::revoke(&test.app, &ours, token, &from)
                .await
                .unwrap(),
            None
        );
    }
    for (tokens, passes) in [(&one, false), (&two, false), (&three, true)] {
        assert_eq!(test.passes(&tokens.access_token).await, passes);
        assert_eq!(
            test.refresh(tokens.refresh_token.expose()).await.is_ok(),
            passes
        );
    }
}

async fn introspection_knows_what_is_in_force(test: TestApp) {
    let tokens = test.login().await;
    let (access, refresh) = (
        tokens.access_token.to_string(),
        tokens.refresh_token.expose().to_owned(),
    );
    let active = introspect::introspect(&test.app, &access)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (active.kind, active.username.as_str()),
        ("access_token", USER.0)
    );
    assert_eq!(active.scope, tokens.scope);
    let active = introspect::introspect(&test.app, &refresh)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(active.kind, "refresh_token");
    let next = test.refresh(&refresh).await.unwrap();
    assert_eq!(
        introspect::introspect(&test.app, &refresh).await.unwrap(),
        None
    );
    let user = test.user(USER.0).await;
    admin::ban(&test.app, OPERATOR, user.id, admin::Reason::default())
        .await
        .unwrap();
    for token in [
        access.as_str(),
        next.access_token.as_str(),
        next.refresh_token.expose(),
        "",
        "x",
    ] {
        assert_eq!(
            introspect::introspect(&test.app, token).await.unwrap(),
            None
        );
    }
}

async fn an_expired_session_needs_no_entry_in_the_feed(test: TestApp) {
    let tokens = test.login().await;
    let ours = test.app.config.client("portcullis").unwrap().clone();
    test.clock.advance(616);
    let token = tokens.refresh_token.expose();
    revoke::revoke(&test.app, &ours, token, &Context::default())
        .await
        .unwrap()
        .unwrap();
    assert!(test.edge().await.revocations.is_empty());
    assert!(test.refresh(token).await.is_err());
}

async fn a_shorter_lifetime_leaves_no_older_token_working(test: TestApp) {
    let old = test.login().await;
    let restarted = test.restarted(|config| config.token_lifetime = 60).await;
    let user = restarted.user(USER.0).await;
    admin::ban(&restarted.app, OPERATOR, user.id, "".parse().unwrap())
        .await
        .unwrap();
    restarted.clock.advance(590);
    assert!(!restarted.passes(&old.access_token).await);
    assert_eq!(restarted.edge().await.revocations.len(), 1);
}

async fn a_session_long_over_is_nobodys_burden(test: TestApp) {
    test.login().await;
    test.clock.advance(40 * 86_400);
    let new = test.login().await;
    let held = Arc::new(Mutex::new(0));
    let count = Arc::clone(&held);
    let decide = move |_: &User, sessions: &[Session]| {
        *count.lock().unwrap() = sessions.len();
        UserChange::default()
    };
    let user = test.user(USER.0).await;
    let store = &test.app.store;
    store
        .change_user(user.id, test.app.now(), Box::new(decide))
        .await
        .unwrap();
    assert_eq!(*held.lock().unwrap(), 1);
    test.refresh(new.refresh_token.expose()).await.unwrap();
}

async fn seq_grows_also_when_the_clock_stands_still(test: TestApp) {
    let mut last = test.edge().await.revocations.seq();
    for _ in 0..5 {
        let tokens = test.login().await;
        let caller = caller::authenticate(&test.app, &tokens.access_token)
            .await
            .unwrap();
        let seq = sessions::logout(&test.app, &caller, &Context::default())
            .await
            .unwrap()
            .unwrap();
        assert!(seq.0 > last);
        last = seq.0;
        test.clock.advance(-1);
    }
}

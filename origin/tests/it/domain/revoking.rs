//! What ends tokens, and what stays in force.

use std::sync::{Arc, Mutex};

use portcullis_origin::domain::{
    admin::{self, Authority, Changes},
    audit::Actor,
    caller::{self, require_admin},
    context::Context,
    hashing::Parameters,
    introspect, login,
    password::Password,
    revoke,
    session::Session,
    sessions, setup,
    signing_keys::{self, KeyState, Rotation},
    store::UserChange,
    user::{Roles, User},
};
use portcullis_shared::scope::ScopeSet;

use crate::support::{ADMIN, CURL, TestApp, USER, context, on_both_engines};

on_both_engines!(
    a_logout_ends_this_session_alone,
    logging_out_everywhere_ends_all_however_many,
    a_banned_user_is_out_and_comes_back_with_new_tokens_alone,
    taking_a_scope_away_revokes_tokens_and_leaves_sessions,
    giving_a_scope_revokes_nothing,
    a_demoted_or_banned_admin_cannot_act_whatever_the_token_says,
    a_token_of_another_client_is_no_admins_token,
    revocation_takes_either_token_of_the_client_and_no_other,
    introspection_knows_what_is_in_force,
    a_setup_token_works_once_and_in_time,
    a_new_password_ends_sessions_and_the_old_password,
    an_expired_session_needs_no_entry_in_the_feed,
    a_shorter_lifetime_leaves_no_older_token_working,
    a_session_long_over_is_nobodys_burden,
    more_roles_than_a_token_has_room_for_are_refused,
    a_ban_does_not_spend_a_setup_token,
    logins_at_once_after_a_change_of_parameters_all_work,
    a_new_key_is_published_before_it_signs_and_the_old_one_stays_for_its_tokens,
    a_withdrawn_key_is_refused_by_edges_that_still_hold_it,
    seq_grows_also_when_the_clock_stands_still,
);

const OPERATOR: Authority = Authority {
    actor: Actor::Operator,
    ip: None,
};

async fn a_logout_ends_this_session_alone(test: TestApp) {
    let (here, there) = (test.login().await, test.login().await);
    let caller = caller::authenticate(&test.app, &here.access_token)
        .await
        .unwrap();
    assert_eq!(sessions::list(&test.app, &caller).await.unwrap().len(), 2);
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

async fn taking_a_scope_away_revokes_tokens_and_leaves_sessions(test: TestApp) {
    let old = test.login().await;
    let user = test.user(USER.0).await;
    let scopes = Some("api:read".parse().unwrap());
    let changes = Changes {
        scopes,
        ..Changes::default()
    };
    let done = admin::change_user(&test.app, OPERATOR, user.id, changes)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(done.user.scopes.to_string(), "api:read");
    assert!(!test.passes(&old.access_token).await);
    let new = test.refresh(old.refresh_token.expose()).await.unwrap();
    assert_eq!(new.scope.to_string(), "api:read");
    assert!(test.passes(&new.access_token).await);
}

async fn giving_a_scope_revokes_nothing(test: TestApp) {
    let old = test.login().await;
    let user = test.user(USER.0).await;
    let scopes = Some("api:read api:write images:read more".parse().unwrap());
    let changes = Changes {
        scopes,
        ..Changes::default()
    };
    admin::change_user(&test.app, OPERATOR, user.id, changes)
        .await
        .unwrap()
        .unwrap();
    assert!(test.passes(&old.access_token).await);
}

async fn a_demoted_or_banned_admin_cannot_act_whatever_the_token_says(test: TestApp) {
    let from = context(CURL, "DE");
    let tokens = test
        .login_as(ADMIN, "portcullis-admin", &from)
        .await
        .unwrap();
    let caller = caller::authenticate(&test.app, &tokens.access_token)
        .await
        .unwrap();
    require_admin(&test.app, caller).unwrap();
    let root = test.user(ADMIN.0).await;
    let changes = Changes {
        roles: Some([].into()),
        ..Changes::default()
    };
    admin::change_user(&test.app, OPERATOR, root.id, changes)
        .await
        .unwrap();
    assert!(
        caller::authenticate(&test.app, &tokens.access_token)
            .await
            .is_err()
    );
    // A token from after the demotion is good, and no admin's.
    let client = test.app.config.client("portcullis-admin").unwrap();
    let request = portcullis_origin::domain::refresh::Request {
        token: tokens.refresh_token.expose(),
        client,
        scope: None,
    };
    let smaller = portcullis_origin::domain::refresh::refresh(&test.app, request, &from)
        .await
        .unwrap();
    let caller = caller::authenticate(&test.app, &smaller.access_token)
        .await
        .unwrap();
    require_admin(&test.app, caller).unwrap_err();
    admin::ban(&test.app, OPERATOR, root.id, admin::Reason::default())
        .await
        .unwrap();
    assert!(
        caller::authenticate(&test.app, &smaller.access_token)
            .await
            .is_err()
    );
}

async fn a_token_of_another_client_is_no_admins_token(test: TestApp) {
    let from = context(CURL, "DE");
    for client in ["portcullis", "other"] {
        let tokens = test.login_as(ADMIN, client, &from).await.unwrap();
        let caller = caller::authenticate(&test.app, &tokens.access_token)
            .await
            .unwrap();
        require_admin(&test.app, caller).unwrap_err();
    }
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

async fn a_setup_token_works_once_and_in_time(test: TestApp) {
    let new = |name: &str| admin::NewUser {
        username: name.parse().unwrap(),
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

async fn more_roles_than_a_token_has_room_for_are_refused(test: TestApp) {
    let roles = |count: usize| -> Option<Roles> {
        let name = |number: usize| format!("{number:02}-{}", "r".repeat(60)).parse().unwrap();
        Some((0..count).map(name).collect())
    };
    let scopes = |count: usize| -> Option<ScopeSet> {
        let name = |number: usize| format!("{number:02}-{}", "s".repeat(60)).parse().unwrap();
        Some((0..count).map(name).collect())
    };
    let user = test.user(USER.0).await;
    for (roles, scopes) in [(roles(13), None), (None, scopes(13))] {
        let refused = admin::change_user(&test.app, OPERATOR, user.id, Changes { roles, scopes });
        let refused = refused.await;
        assert!(
            matches!(refused, Err(admin::ChangeError::TooManyGrants(_))),
            "{refused:?}"
        );
    }
    let changes = Changes {
        roles: roles(12),
        scopes: scopes(12),
    };
    admin::change_user(&test.app, OPERATOR, user.id, changes)
        .await
        .unwrap();
    // The most that is allowed is a token that verifiers take.
    assert!(test.passes(&test.login().await.access_token).await);
}

async fn a_ban_does_not_spend_a_setup_token(test: TestApp) {
    let new = admin::NewUser {
        username: "ben".parse().unwrap(),
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
    setup::complete(&test.app, &token, password(), &from)
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

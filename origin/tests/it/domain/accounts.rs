//! Accounts: who may sign up, who is out, and how a password is changed or chosen anew.

use std::sync::Arc;

use portcullis_origin::domain::{
    admin::{self, Authority, NewUser, StandingError},
    app::Registration,
    audit::Actor,
    caller::{self, Caller},
    change_password::{self, Passwords, change_password},
    context::Context,
    login,
    mint::TokenSet,
    password::{Password, PasswordRule},
    registration, sessions, setup,
    user::{User, UserStatus},
};
use tokio::task::JoinSet;

use crate::support::{ADMIN, CURL, TestApp, USER, context, on_both_engines};

on_both_engines!(
    a_disabled_user_is_out_and_comes_back_with_new_tokens_alone,
    who_is_out_comes_back_by_the_same_door_alone,
    a_deleted_user_is_out_and_the_name_is_free,
    the_last_administrator_stays_but_for_the_operator,
    of_two_administrators_who_disable_each_other_one_stays,
    a_setup_token_of_a_user_who_exists_changes_nothing_until_it_is_used,
    a_new_setup_token_takes_the_place_of_the_last,
    a_setup_token_is_gone_for_good_when_its_user_is_put_out,
    a_password_change_ends_the_other_sessions_alone,
    a_wrong_current_password_changes_nothing,
    a_session_that_is_over_changes_no_password,
    of_many_password_changes_at_once_one_wins,
    a_password_changes_whose_hash_was_replaced_meanwhile,
    nobody_signs_up_where_registration_is_closed,
    who_signs_up_has_the_scopes_of_the_settings_and_no_role,
    of_many_who_sign_up_under_names_that_look_alike_one_does,
    any_form_of_the_name_logs_in,
);

const OPERATOR: Authority = Authority {
    actor: Actor::Operator,
    ip: None,
};

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

fn here() -> Context {
    context(CURL, "DE")
}

async fn by(test: &TestApp, name: &str) -> Authority {
    Authority {
        actor: Actor::User(test.user(name).await.id),
        ip: None,
    }
}

async fn is_out(test: &TestApp, tokens: &TokenSet) {
    assert!(!test.passes(&tokens.access_token).await);
    let refreshed = test.refresh(tokens.refresh_token.expose()).await;
    assert!(refreshed.is_err());
}

async fn goes_on(test: &TestApp, tokens: &TokenSet) -> TokenSet {
    let caller = caller::authenticate(&test.app, &tokens.access_token).await;
    assert!(caller.is_ok());
    test.refresh(tokens.refresh_token.expose()).await.unwrap()
}

async fn a_disabled_user_is_out_and_comes_back_with_new_tokens_alone(test: TestApp) {
    let old = test.login().await;
    let user = test.user(USER.0).await;
    let disabled = admin::disable(&test.app, OPERATOR, user.id).await.unwrap();
    assert!(test.edge().await.revocations.seq() >= disabled.unwrap().seq.0);
    is_out(&test, &old).await;
    let ended = test.session_of(&old).await.ended.unwrap();
    assert_eq!(ended.reason.as_str(), "disabled");
    let refused = test.login_as(USER, "portcullis", &here()).await;
    assert!(
        matches!(refused, Err(login::Error::Disabled)),
        "{refused:?}"
    );
    let other = (USER.0, "something else");
    let wrong = test.login_as(other, "portcullis", &here()).await;
    assert!(
        matches!(wrong, Err(login::Error::InvalidCredentials)),
        "{wrong:?}"
    );
    // Once more changes nothing, the time least of all.
    test.clock.advance(10);
    admin::disable(&test.app, OPERATOR, user.id).await.unwrap();
    let at = old_time(&test.user(USER.0).await);
    assert_eq!(at, user.created_at.0);
    admin::enable(&test.app, OPERATOR, user.id).await.unwrap();
    let new = test.login().await;
    assert!(test.passes(&new.access_token).await);
    is_out(&test, &old).await;
}

fn old_time(user: &User) -> i64 {
    match user.status {
        UserStatus::Disabled { at } => at.0,
        UserStatus::Active | UserStatus::Banned { .. } => panic!("{:?}", user.status),
    }
}

async fn who_is_out_comes_back_by_the_same_door_alone(test: TestApp) {
    let (app, user) = (&test.app, test.user(USER.0).await);
    admin::disable(app, OPERATOR, user.id).await.unwrap();
    let banned = admin::ban(app, OPERATOR, user.id, admin::Reason::default()).await;
    assert!(matches!(banned, Err(StandingError::Disabled)), "{banned:?}");
    let unbanned = admin::unban(app, OPERATOR, user.id).await;
    assert!(
        matches!(unbanned, Err(StandingError::Disabled)),
        "{unbanned:?}"
    );
    admin::enable(app, OPERATOR, user.id).await.unwrap();
    admin::ban(app, OPERATOR, user.id, "spam".parse().unwrap())
        .await
        .unwrap();
    let disabled = admin::disable(app, OPERATOR, user.id).await;
    assert!(
        matches!(disabled, Err(StandingError::Banned)),
        "{disabled:?}"
    );
    let enabled = admin::enable(app, OPERATOR, user.id).await;
    assert!(matches!(enabled, Err(StandingError::Banned)), "{enabled:?}");
    assert!(!test.user(USER.0).await.is_active());
    admin::unban(app, OPERATOR, user.id).await.unwrap();
    test.login().await;
}

async fn a_deleted_user_is_out_and_the_name_is_free(test: TestApp) {
    let old = test.login().await;
    let user = test.user(USER.0).await;
    let seq = admin::delete_user(&test.app, OPERATOR, user.id).await;
    assert!(test.edge().await.revocations.seq() >= seq.unwrap().unwrap().0);
    is_out(&test, &old).await;
    assert!(
        caller::authenticate(&test.app, &old.access_token)
            .await
            .is_err()
    );
    let refused = test.login_as(USER, "portcullis", &here()).await;
    assert!(
        matches!(refused, Err(login::Error::InvalidCredentials)),
        "{refused:?}"
    );
    let again = admin::delete_user(&test.app, OPERATOR, user.id).await;
    assert_eq!(again.unwrap(), None);
    let new = NewUser {
        username: USER.0.parse().unwrap(),
        email: None,
        password: Some(password(USER.1)),
        roles: [].into(),
        scopes: "api:read".parse().unwrap(),
    };
    let new = admin::create_user(&test.app, OPERATOR, new).await.unwrap();
    assert_ne!(new.user.id, user.id);
    let tokens = test.login().await;
    assert!(test.passes(&tokens.access_token).await);
    is_out(&test, &old).await;
}

async fn the_last_administrator_stays_but_for_the_operator(test: TestApp) {
    let (app, root) = (&test.app, test.user(ADMIN.0).await);
    let own = by(&test, ADMIN.0).await;
    let none = admin::Changes {
        roles: Some([].into()),
        ..admin::Changes::default()
    };
    let last = |result: &Result<_, StandingError>| {
        matches!(result, Err(StandingError::LastAdmin(admin::LastAdmin)))
    };
    assert!(last(&admin::disable(app, own, root.id).await));
    assert!(last(
        &admin::ban(app, own, root.id, admin::Reason::default()).await
    ));
    let deleted = admin::delete_user(app, own, root.id).await;
    assert!(matches!(deleted, Err(admin::DeleteError::LastAdmin(_))));
    let demoted = admin::change_user(app, own, root.id, none.clone()).await;
    assert!(matches!(demoted, Err(admin::ChangeError::LastAdmin(_))));
    assert_eq!(test.user(ADMIN.0).await, root);
    // Somebody who is no administrator is not the last one; who has another may go.
    let ann = test.user(USER.0).await.id;
    admin::disable(app, own, ann).await.unwrap();
    admin::enable(app, own, ann).await.unwrap();
    let more = admin::Changes {
        roles: Some(["admin".parse().unwrap()].into()),
        ..admin::Changes::default()
    };
    admin::change_user(app, own, ann, more).await.unwrap();
    admin::disable(app, own, root.id).await.unwrap();
    admin::disable(app, OPERATOR, ann).await.unwrap();
}

async fn of_two_administrators_who_disable_each_other_one_stays(test: TestApp) {
    let more = admin::Changes {
        roles: Some(["admin".parse().unwrap()].into()),
        ..admin::Changes::default()
    };
    let (ann, root) = (test.user(USER.0).await.id, test.user(ADMIN.0).await.id);
    admin::change_user(&test.app, OPERATOR, ann, more)
        .await
        .unwrap();
    let (by_ann, by_root) = (by(&test, USER.0).await, by(&test, ADMIN.0).await);
    for _ in 0..10 {
        let (one, other) = tokio::join!(
            admin::disable(&test.app, by_root, ann),
            admin::disable(&test.app, by_ann, root),
        );
        assert_eq!(one.is_ok(), other.is_err(), "{one:?} {other:?}");
        for id in [ann, root] {
            admin::enable(&test.app, OPERATOR, id).await.unwrap();
        }
    }
}

async fn issue(test: &TestApp) -> setup::SetupToken {
    let user = test.user(USER.0).await;
    let link = admin::issue_setup(&test.app, OPERATOR, user.id).await;
    link.unwrap().unwrap().token
}

async fn a_setup_token_of_a_user_who_exists_changes_nothing_until_it_is_used(test: TestApp) {
    let old = test.login().await;
    let token = issue(&test).await;
    let old = goes_on(&test, &old).await;
    test.login().await;
    let new = "a brand new password";
    setup::complete(&test.app, &token, password(new), &here())
        .await
        .unwrap();
    is_out(&test, &old).await;
    assert!(test.login_as(USER, "portcullis", &here()).await.is_err());
    let tokens = test.login_as((USER.0, new), "portcullis", &here()).await;
    // Whoever else holds the token is too late.
    let again = setup::complete(&test.app, &token, password("yet another one"), &here()).await;
    assert!(
        matches!(again, Err(setup::Error::InvalidToken)),
        "{again:?}"
    );
    goes_on(&test, &tokens.unwrap()).await;
}

async fn a_setup_token_is_gone_for_good_when_its_user_is_put_out(test: TestApp) {
    for banned in [true, false] {
        let token = issue(&test).await;
        let id = test.user(USER.0).await.id;
        if banned {
            let reason = "spam".parse().unwrap();
            admin::ban(&test.app, OPERATOR, id, reason).await.unwrap();
            admin::unban(&test.app, OPERATOR, id).await.unwrap();
        } else {
            admin::disable(&test.app, OPERATOR, id).await.unwrap();
            admin::enable(&test.app, OPERATOR, id).await.unwrap();
        }
        assert!(test.user(USER.0).await.is_active());
        let done = setup::complete(&test.app, &token, password("long enough"), &here()).await;
        assert!(matches!(done, Err(setup::Error::InvalidToken)), "{done:?}");
    }
    test.login().await;
}

async fn a_new_setup_token_takes_the_place_of_the_last(test: TestApp) {
    let (first, second) = (issue(&test).await, issue(&test).await);
    let complete = async |token: &str| {
        setup::complete(&test.app, token, password("long enough"), &here()).await
    };
    assert!(complete(&first).await.is_err());
    let user = test.user(USER.0).await;
    admin::disable(&test.app, OPERATOR, user.id).await.unwrap();
    assert!(complete(&second).await.is_err(), "who is disabled is out");
    admin::enable(&test.app, OPERATOR, user.id).await.unwrap();
    assert!(complete(&second).await.is_err(), "and so is the token");
    let third = issue(&test).await;
    complete(&third).await.unwrap();
    let (late, unused) = (issue(&test).await, issue(&test).await);
    test.clock.advance(86_400);
    assert!(complete(&late).await.is_err() && complete(&unused).await.is_err());
    let unknown = portcullis_shared::ids::UserId::from_bytes([9; 16]);
    let none = admin::issue_setup(&test.app, OPERATOR, unknown).await;
    assert!(none.unwrap().is_none());
    // Any new password spends a token.
    let token = issue(&test).await;
    setup::set_password(&test.app, &user, password("operator's"), Actor::Operator)
        .await
        .unwrap();
    assert!(complete(&token).await.is_err());
}

async fn caller_of(test: &TestApp, tokens: &TokenSet) -> Caller {
    caller::authenticate(&test.app, &tokens.access_token)
        .await
        .unwrap()
}

fn to(new: &str) -> Passwords {
    Passwords {
        current: password(USER.1),
        new: password(new),
    }
}

const NEW: &str = "a brand new password";

async fn a_password_change_ends_the_other_sessions_alone(test: TestApp) {
    let (mut current, mut other_count) = (USER.1, 2);
    for new in [NEW, "another\0 one with NUL", "🐎🔋📎🐎🔋📎🐎🔋"] {
        let log_in = async || {
            let who = (USER.0, current);
            test.login_as(who, "portcullis", &here()).await.unwrap()
        };
        let own = log_in().await;
        let mut others = Vec::new();
        for _ in 0..other_count {
            others.push(log_in().await);
        }
        let passwords = Passwords {
            current: password(current),
            new: password(new),
        };
        let caller = caller_of(&test, &own).await;
        let seq = change_password(&test.app, &caller, passwords, &here()).await;
        assert!(test.edge().await.revocations.seq() >= seq.unwrap().0);
        for tokens in &others {
            is_out(&test, tokens).await;
        }
        // Where they are many, this session's access token goes with theirs; it refreshes.
        let own = test.refresh(own.refresh_token.expose()).await.unwrap();
        assert!(test.passes(&own.access_token).await);
        let old = test
            .login_as((USER.0, current), "portcullis", &here())
            .await;
        assert!(matches!(old, Err(login::Error::InvalidCredentials)));
        (current, other_count) = (new, 40);
    }
}

async fn a_wrong_current_password_changes_nothing(test: TestApp) {
    let (own, other) = (test.login().await, test.login().await);
    let caller = caller_of(&test, &own).await;
    let before = test.user(USER.0).await;
    for current in ["", "wrong", &USER.1.to_uppercase(), &"x".repeat(100_000)] {
        let passwords = Passwords {
            current: password(current),
            new: password(NEW),
        };
        let refused = change_password(&test.app, &caller, passwords, &here()).await;
        assert!(
            matches!(refused, Err(change_password::Error::WrongPassword)),
            "{refused:?}"
        );
    }
    for (new, rule) in [
        ("short", PasswordRule::TooShort),
        ("PassWord", PasswordRule::Common),
    ] {
        let refused = change_password(&test.app, &caller, to(new), &here()).await;
        assert!(
            matches!(refused, Err(change_password::Error::Password(broken)) if broken == rule),
            "{refused:?}"
        );
    }
    assert_eq!(test.user(USER.0).await, before);
    goes_on(&test, &own).await;
    goes_on(&test, &other).await;
}

async fn a_session_that_is_over_changes_no_password(test: TestApp) {
    let own = test.login().await;
    let caller = caller_of(&test, &own).await;
    let before = test.user(USER.0).await.password_hash;
    sessions::logout(&test.app, &caller, &here()).await.unwrap();
    let over = async || {
        let refused = change_password(&test.app, &caller, to(NEW), &here()).await;
        assert!(
            matches!(refused, Err(change_password::Error::SessionOver)),
            "{refused:?}"
        );
    };
    over().await;
    admin::disable(&test.app, OPERATOR, caller.user.id)
        .await
        .unwrap();
    over().await;
    assert_eq!(test.user(USER.0).await.password_hash, before);
    admin::delete_user(&test.app, OPERATOR, caller.user.id)
        .await
        .unwrap();
    over().await;
}

async fn of_many_password_changes_at_once_one_wins(test: TestApp) {
    let test = Arc::new(test);
    let own = test.login().await;
    let caller = caller_of(&test, &own).await;
    let mut changing = JoinSet::new();
    for number in 0..8 {
        let (test, caller) = (Arc::clone(&test), caller.clone());
        changing.spawn(async move {
            let new = format!("new password {number}");
            let changed = change_password(&test.app, &caller, to(&new), &here()).await;
            match changed {
                Ok(_) => Some(new),
                Err(change_password::Error::WrongPassword) => None,
                Err(error) => panic!("{error:?}"),
            }
        });
    }
    let won: Vec<String> = changing.join_all().await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    test.login_as((USER.0, &won[0]), "portcullis", &here())
        .await
        .unwrap();
}

async fn a_password_changes_whose_hash_was_replaced_meanwhile(test: TestApp) {
    let own = test.login().await;
    // As after the first look at the user: a login replaces the hash by one of the same password.
    let caller = caller_of(&test, &own).await;
    let harder = portcullis_origin::domain::hashing::Parameters {
        memory_kib: 16,
        iterations: 1,
        parallelism: 1,
    };
    test.rehashing(harder).await.login().await;
    assert_ne!(
        test.user(USER.0).await.password_hash,
        caller.user.password_hash
    );
    change_password(&test.app, &caller, to(NEW), &here())
        .await
        .unwrap();
    test.login_as((USER.0, NEW), "portcullis", &here())
        .await
        .unwrap();
}

fn sign_up(name: &str) -> registration::Request {
    registration::Request {
        username: name.parse().unwrap(),
        email: Some("new@example.org".parse().unwrap()),
        password: password(NEW),
    }
}

async fn nobody_signs_up_where_registration_is_closed(test: TestApp) {
    let refused = registration::register(&test.app, sign_up("new"), &here()).await;
    assert!(
        matches!(refused, Err(registration::Error::Closed)),
        "{refused:?}"
    );
    let none = test.app.store.user_by_name(&"new".parse().unwrap()).await;
    assert_eq!(none.unwrap(), None);
}

async fn open(test: &TestApp) -> TestApp {
    let scopes = "api:read".parse().unwrap();
    test.restarted(|config| config.registration = Registration::Open { scopes })
        .await
}

async fn who_signs_up_has_the_scopes_of_the_settings_and_no_role(test: TestApp) {
    let test = open(&test).await;
    let user = registration::register(&test.app, sign_up("Žofie"), &here())
        .await
        .unwrap();
    assert_eq!(test.user("žofie").await, user);
    assert!(user.roles.is_empty());
    let tokens = test.login_as(("ŽOFIE", NEW), "portcullis", &here()).await;
    assert_eq!(tokens.unwrap().scope.to_string(), "api:read");
    for (name, text) in [
        ("newcomer", "NewComer"),
        ("x", "NEW@example.org"),
        ("y", "12345678"),
    ] {
        let request = registration::Request {
            password: password(text),
            ..sign_up(name)
        };
        let refused = registration::register(&test.app, request, &here()).await;
        assert!(
            matches!(refused, Err(registration::Error::Password(_))),
            "{refused:?}"
        );
    }
    let taken = registration::register(&test.app, sign_up("ANN"), &here()).await;
    assert!(
        matches!(taken, Err(registration::Error::NameTaken)),
        "{taken:?}"
    );
}

async fn of_many_who_sign_up_under_names_that_look_alike_one_does(test: TestApp) {
    let test = Arc::new(open(&test).await);
    let mut signing_up = JoinSet::new();
    for number in 0..12 {
        let test = Arc::clone(&test);
        let name = ["mary", "rnary", "MARY"][number % 3];
        signing_up.spawn(async move {
            match registration::register(&test.app, sign_up(name), &here()).await {
                Ok(_) => true,
                Err(registration::Error::NameTaken) => false,
                Err(error) => panic!("{error:?}"),
            }
        });
    }
    let one = signing_up.join_all().await.into_iter().filter(|done| *done);
    assert_eq!(one.count(), 1);
}

async fn any_form_of_the_name_logs_in(test: TestApp) {
    let test = open(&test).await;
    registration::register(&test.app, sign_up("José.Weiß"), &here())
        .await
        .unwrap();
    for name in ["josé.weiß", "JOSÉ.WEISS", "Jose\u{301}.Weiß", "ｊosé.weiß"] {
        let tokens = test.login_as((name, NEW), "portcullis", &here()).await;
        assert!(tokens.is_ok(), "{name}: {tokens:?}");
    }
    for name in ["jose.weiß", "josé.weiß ", "jоsé.weiß"] {
        let refused = test.login_as((name, NEW), "portcullis", &here()).await;
        assert!(
            matches!(refused, Err(login::Error::InvalidCredentials)),
            "{name}: {refused:?}"
        );
    }
}

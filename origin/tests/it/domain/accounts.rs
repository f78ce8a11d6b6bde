//! Accounts: who may sign up, who is out, and how a password is changed or chosen anew.

mod passwords;
mod registration;
mod setup_links;

use portcullis_origin::domain::{
    admin::{self, Authority, NewUser, StandingError},
    audit::Actor,
    caller,
    context::Context,
    login,
    mint::TokenSet,
    password::Password,
    user::{User, UserStatus},
};

use crate::support::{ADMIN, CURL, TestApp, USER, context, on_both_engines};

on_both_engines!(
    a_disabled_user_is_out_and_comes_back_with_new_tokens_alone,
    who_is_out_comes_back_by_the_same_door_alone,
    a_deleted_user_is_out_and_the_name_is_free,
    the_last_administrator_stays_but_for_the_operator,
    of_two_administrators_who_disable_each_other_one_stays,
);

const OPERATOR: Authority = Authority::OPERATOR;

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

fn here() -> Context {
    context(CURL, "DE")
}

async fn by(test: &TestApp, name: &str) -> Authority {
    Authority {
        actor: Actor::User(test.user(name).await.id),
        from: here(),
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
    assert!(last(&admin::disable(app, own.clone(), root.id).await));
    assert!(last(
        &admin::ban(app, own.clone(), root.id, admin::Reason::default()).await
    ));
    let deleted = admin::delete_user(app, own.clone(), root.id).await;
    assert!(matches!(deleted, Err(admin::DeleteError::LastAdmin(_))));
    let demoted = admin::change_user(app, own.clone(), root.id, none.clone()).await;
    assert!(matches!(demoted, Err(admin::ChangeError::LastAdmin(_))));
    assert_eq!(test.user(ADMIN.0).await, root);
    // Somebody who is no administrator is not the last one; who has another may go.
    let ann = test.user(USER.0).await.id;
    admin::disable(app, own.clone(), ann).await.unwrap();
    admin::enable(app, own.clone(), ann).await.unwrap();
    let more = admin::Changes {
        roles: Some(["admin".parse().unwrap()].into()),
        ..admin::Changes::default()
    };
    admin::change_user(app, own.clone(), ann, more)
        .await
        .unwrap();
    admin::disable(app, own.clone(), root.id).await.unwrap();
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
            admin::disable(&test.app, by_root.clone(), ann),
            admin::disable(&test.app, by_ann.clone(), root),
        );
        assert_eq!(one.is_ok(), other.is_err(), "{one:?} {other:?}");
        for id in [ann, root] {
            admin::enable(&test.app, OPERATOR, id).await.unwrap();
        }
    }
}

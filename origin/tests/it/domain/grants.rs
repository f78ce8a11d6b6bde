//! Roles and scopes: given, taken away, and what they open.

use portcullis_origin::domain::{
    admin, admin::Authority, admin::Changes, caller, caller::require_admin, refresh, user::Roles,
};
use portcullis_shared::scope::ScopeSet;

use crate::support::{ADMIN, CURL, TestApp, USER, context, on_both_engines};

on_both_engines!(
    taking_a_scope_away_revokes_tokens_and_leaves_sessions,
    giving_a_scope_revokes_nothing,
    a_demoted_or_banned_admin_cannot_act_whatever_the_token_says,
    a_token_of_another_client_is_no_admins_token,
    more_roles_than_a_token_has_room_for_are_refused,
);

const OPERATOR: Authority = Authority::OPERATOR;

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
    let request = refresh::Request {
        token: tokens.refresh_token.expose(),
        client,
        scope: None,
    };
    let smaller = refresh::refresh(&test.app, request, &from).await.unwrap();
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
        let refused = admin::change_user(
            &test.app,
            OPERATOR,
            user.id,
            Changes {
                roles,
                scopes,
                email: admin::EmailChange::Keep,
            },
        );
        let refused = refused.await;
        assert!(
            matches!(refused, Err(admin::ChangeError::TooManyGrants(_))),
            "{refused:?}"
        );
    }
    let changes = Changes {
        roles: roles(12),
        scopes: scopes(12),
        email: admin::EmailChange::Keep,
    };
    admin::change_user(&test.app, OPERATOR, user.id, changes)
        .await
        .unwrap();
    // The most that is allowed is a token that verifiers take.
    assert!(test.passes(&test.login().await.access_token).await);
}

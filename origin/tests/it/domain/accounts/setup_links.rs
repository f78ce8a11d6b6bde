//! Passwords that are chosen with a setup token.

use portcullis_origin::domain::{admin, audit::Actor, setup};

use super::{OPERATOR, goes_on, here, is_out, password};
use crate::support::{TestApp, USER, on_both_engines};

on_both_engines!(
    a_setup_token_of_a_user_who_exists_changes_nothing_until_it_is_used,
    a_new_setup_token_takes_the_place_of_the_last,
    a_setup_token_is_gone_for_good_when_its_user_is_put_out,
);

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

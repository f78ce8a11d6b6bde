//! Each row of the table in `domain::refresh::decision`.

use portcullis_origin::domain::{
    context::Context,
    refresh::{self, RefreshToken},
    session::EndReason,
};
use portcullis_shared::ids::SessionId;

use crate::support::{CURL, TestApp, context, on_both_engines};

on_both_engines!(
    the_newest_token_rotates,
    a_replay_gets_the_same_successor_and_an_access_token_that_ends_no_later,
    the_window_of_replays_does_not_slide,
    more_replays_than_allowed_are_refused_and_the_session_lives,
    a_late_retry_gets_another_successor_and_the_lost_one_is_theft,
    a_late_retry_whose_answer_is_lost_too_is_replayed,
    a_late_retry_from_another_country_is_theft,
    a_late_retry_by_another_program_is_theft,
    an_update_of_the_program_is_no_other_program,
    too_many_late_retries_are_theft,
    an_older_spent_token_ends_the_session_and_its_access_tokens,
    a_generation_never_issued_changes_nothing,
    whatever_is_no_good_looks_alike_and_changes_nothing,
    a_token_that_nobody_issued_costs_no_database_work,
    more_scope_is_refused_and_spends_nothing,
    less_scope_is_granted_and_lasts_for_one_token,
    an_idle_session_expires_and_a_used_one_lives_until_its_absolute_end,
    a_banned_users_refresh_is_refused,
);

async fn expose(test: &TestApp, token: &str) -> String {
    test.refresh(token)
        .await
        .unwrap()
        .refresh_token
        .expose()
        .to_owned()
}

fn is_invalid_grant<T>(result: &Result<T, refresh::Error>) -> bool {
    matches!(result, Err(refresh::Error::InvalidGrant))
}

async fn the_newest_token_rotates(test: TestApp) {
    let first = test.login().await;
    test.clock.advance(60);
    let second = test.refresh(first.refresh_token.expose()).await.unwrap();
    assert_ne!(first.refresh_token, second.refresh_token);
    assert_eq!(second.expires_in, 600);
    let session = test.session_of(&second).await;
    assert_eq!((session.generation, session.accepted), (2, 1));
    assert_eq!(session.last_used_at, test.app.clock.now());
    assert_eq!(session.last_iat, test.app.clock.now());
    assert!(test.passes(&second.access_token).await);
}

async fn a_replay_gets_the_same_successor_and_an_access_token_that_ends_no_later(test: TestApp) {
    let first = test.login().await;
    let second = test.refresh(first.refresh_token.expose()).await.unwrap();
    test.clock.advance(30);
    let again = test.refresh(first.refresh_token.expose()).await.unwrap();
    assert_eq!(second.refresh_token, again.refresh_token);
    let (second, again) = (
        test.claims(&second.access_token).await,
        test.claims(&again.access_token).await,
    );
    assert_ne!(second.jti, again.jti);
    assert_eq!(second.exp, again.exp);
    assert_eq!(again.exp.since(again.iat), 570);
}

async fn the_window_of_replays_does_not_slide(test: TestApp) {
    let first = test.login().await;
    let second = test.refresh(first.refresh_token.expose()).await.unwrap();
    test.clock.advance(20);
    assert_eq!(
        expose(&test, first.refresh_token.expose()).await,
        second.refresh_token.expose()
    );
    test.clock.advance(11);
    // 31 s after the rotation, 11 s after the replay: the successor is another one.
    assert_ne!(
        expose(&test, first.refresh_token.expose()).await,
        second.refresh_token.expose()
    );
}

async fn more_replays_than_allowed_are_refused_and_the_session_lives(test: TestApp) {
    let first = test.login().await;
    let second = test.refresh(first.refresh_token.expose()).await.unwrap();
    for _ in 0..100 {
        test.refresh(first.refresh_token.expose()).await.unwrap();
    }
    let refused = test.refresh(first.refresh_token.expose()).await;
    assert!(
        matches!(refused, Err(refresh::Error::TooManyReplays)),
        "{refused:?}"
    );
    test.refresh(second.refresh_token.expose()).await.unwrap();
}

async fn a_late_retry_gets_another_successor_and_the_lost_one_is_theft(test: TestApp) {
    let first = test.login().await;
    let lost = test.refresh(first.refresh_token.expose()).await.unwrap();
    test.clock.advance(31);
    let found = test.refresh(first.refresh_token.expose()).await.unwrap();
    assert_ne!(lost.refresh_token, found.refresh_token);
    assert_eq!(test.session_of(&found).await.late_retries, 1);
    assert!(is_invalid_grant(
        &test.refresh(lost.refresh_token.expose()).await
    ));
    assert_eq!(
        test.session_of(&found).await.end_reason(),
        Some(EndReason::Reuse)
    );
    assert!(is_invalid_grant(
        &test.refresh(found.refresh_token.expose()).await
    ));
}

async fn a_late_retry_whose_answer_is_lost_too_is_replayed(test: TestApp) {
    let first = test.login().await;
    test.refresh(first.refresh_token.expose()).await.unwrap();
    test.clock.advance(31);
    let late = expose(&test, first.refresh_token.expose()).await;
    test.clock.advance(29);
    assert_eq!(expose(&test, first.refresh_token.expose()).await, late);
    test.refresh(&late).await.unwrap();
}

async fn late_from(test: &TestApp, from: &Context) -> Result<(), refresh::Error> {
    let first = test.login().await;
    test.refresh(first.refresh_token.expose()).await.unwrap();
    test.clock.advance(31);
    let result = test.refresh_from(first.refresh_token.expose(), from).await;
    let ended = test.session_of(&first).await.ended;
    assert_eq!(ended.is_some(), result.is_err());
    result.map(|_| ())
}

async fn a_late_retry_from_another_country_is_theft(test: TestApp) {
    assert!(is_invalid_grant(
        &late_from(&test, &context(CURL, "FR")).await
    ));
}

async fn a_late_retry_by_another_program_is_theft(test: TestApp) {
    assert!(is_invalid_grant(
        &late_from(&test, &context("okhttp/4.12", "DE")).await
    ));
}

async fn an_update_of_the_program_is_no_other_program(test: TestApp) {
    late_from(&test, &context("curl/8.10.0", "DE"))
        .await
        .unwrap();
}

async fn too_many_late_retries_are_theft(test: TestApp) {
    let first = test.login().await;
    test.refresh(first.refresh_token.expose()).await.unwrap();
    for _ in 0..10 {
        test.clock.advance(31);
        test.refresh(first.refresh_token.expose()).await.unwrap();
    }
    test.clock.advance(31);
    assert!(is_invalid_grant(
        &test.refresh(first.refresh_token.expose()).await
    ));
    assert_eq!(
        test.session_of(&first).await.end_reason(),
        Some(EndReason::Reuse)
    );
}

async fn an_older_spent_token_ends_the_session_and_its_access_tokens(test: TestApp) {
    let first = test.login().await;
    let second = test.refresh(first.refresh_token.expose()).await.unwrap();
    let third = test.refresh(second.refresh_token.expose()).await.unwrap();
    assert!(test.passes(&third.access_token).await);
    let before = test.edge().await.revocations.seq();
    // Within the window too: it is not the token that was spent last.
    assert!(is_invalid_grant(
        &test.refresh(first.refresh_token.expose()).await
    ));
    assert!(test.edge().await.revocations.seq() > before);
    for tokens in [&first, &second, &third] {
        assert!(!test.passes(&tokens.access_token).await);
        assert!(is_invalid_grant(
            &test.refresh(tokens.refresh_token.expose()).await
        ));
    }
    assert_eq!(
        test.session_of(&third).await.end_reason(),
        Some(EndReason::Reuse)
    );
}

async fn a_generation_never_issued_changes_nothing(test: TestApp) {
    let first = test.login().await;
    let before = test.session_of(&first).await;
    let ahead = RefreshToken {
        session: before.id,
        generation: 2,
    }
    .issue(&test.app.master);
    assert!(is_invalid_grant(&test.refresh(ahead.expose()).await));
    assert_eq!(test.session_of(&first).await, before);
    test.refresh(first.refresh_token.expose()).await.unwrap();
}

async fn whatever_is_no_good_looks_alike_and_changes_nothing(test: TestApp) {
    let tokens = test.login().await;
    let before = test.session_of(&tokens).await;
    let other = test.app.config.client("other").unwrap();
    let token = tokens.refresh_token.expose();
    let request = refresh::Request {
        token,
        client: other,
        scope: None,
    };
    let from = context(CURL, "DE");
    assert!(is_invalid_grant(
        &refresh::refresh(&test.app, request, &from).await
    ));
    let unknown = RefreshToken {
        session: SessionId::from_bytes([9; 16]),
        generation: 1,
    };
    assert!(is_invalid_grant(
        &test.refresh(unknown.issue(&test.app.master).expose()).await
    ));
    assert_eq!(test.session_of(&tokens).await, before);
}

async fn a_token_that_nobody_issued_costs_no_database_work(test: TestApp) {
    let tokens = test.login().await;
    let token = tokens.refresh_token.expose();
    let flipped = if token.ends_with('A') { "Q" } else { "A" };
    let forged = format!("{}{flipped}", &token[..token.len() - 1]);
    // With the database gone, whatever asks it fails in another way.
    test.app.store.close().await;
    assert!(matches!(
        test.refresh(token).await,
        Err(refresh::Error::Store(_))
    ));
    for token in [
        forged.as_str(),
        "prt_",
        "prt_AAAA",
        "",
        &format!("{token}A"),
        &token[4..],
    ] {
        assert!(is_invalid_grant(&test.refresh(token).await), "{token}");
    }
}

async fn more_scope_is_refused_and_spends_nothing(test: TestApp) {
    let tokens = test.login().await;
    let before = test.session_of(&tokens).await;
    let result = refresh_for(&test, tokens.refresh_token.expose(), "api:read admin:all").await;
    assert!(
        matches!(result, Err(refresh::Error::InvalidScope)),
        "{result:?}"
    );
    assert_eq!(test.session_of(&tokens).await, before);
}

async fn less_scope_is_granted_and_lasts_for_one_token(test: TestApp) {
    let first = test.login().await;
    let second = refresh_for(&test, first.refresh_token.expose(), "api:read")
        .await
        .unwrap();
    assert_eq!(second.scope.to_string(), "api:read");
    assert_eq!(
        test.claims(&second.access_token).await.scope.to_string(),
        "api:read"
    );
    let third = test.refresh(second.refresh_token.expose()).await.unwrap();
    assert_eq!(third.scope, first.scope);
}

async fn refresh_for(
    test: &TestApp,
    token: &str,
    scope: &str,
) -> Result<portcullis_origin::domain::mint::TokenSet, refresh::Error> {
    let client = test.app.config.client("portcullis").unwrap();
    let request = refresh::Request {
        token,
        client,
        scope: Some(scope.parse().unwrap()),
    };
    refresh::refresh(&test.app, request, &context(CURL, "DE")).await
}

async fn an_idle_session_expires_and_a_used_one_lives_until_its_absolute_end(test: TestApp) {
    let idle = test.login().await;
    let mut used = test.login().await;
    let days = |days: i64| test.clock.advance(days * 86_400);
    for _ in 0..8 {
        days(20);
        used = test.refresh(used.refresh_token.expose()).await.unwrap();
    }
    assert!(is_invalid_grant(
        &test.refresh(idle.refresh_token.expose()).await
    ));
    days(19);
    used = test.refresh(used.refresh_token.expose()).await.unwrap();
    days(1);
    assert!(is_invalid_grant(
        &test.refresh(used.refresh_token.expose()).await
    ));
}

async fn a_banned_users_refresh_is_refused(test: TestApp) {
    let tokens = test.login().await;
    let user = test.user("ann").await;
    let operator = portcullis_origin::domain::admin::Authority::OPERATOR;
    portcullis_origin::domain::admin::ban(&test.app, operator, user.id, "spam".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert!(is_invalid_grant(
        &test.refresh(tokens.refresh_token.expose()).await
    ));
    assert_eq!(
        test.session_of(&tokens).await.end_reason(),
        Some(EndReason::Banned)
    );
}

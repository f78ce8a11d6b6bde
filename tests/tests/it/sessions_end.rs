//! Every way in which access ends reaches the edge in seconds, and none takes more with it than it
//! should.

use reqwest::Method;
use serde_json::json;

use crate::harness::{
    client::{Answer, send},
    stack::{self, BAN_PROMISE, Stack, Tokens},
    wait,
};

/// Waits until the edge refuses the token, which it has to in time, and says what it should.
async fn refused_soon(stack: &Stack, token: &str, way: &str) {
    let what = format!("the refusal after {way}");
    let refused = wait::until(&what, BAN_PROMISE, || async {
        let answer = stack.get("/echo/x", token).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(refused.status, 401, "{way}");
    assert!(
        refused
            .header("www-authenticate")
            .contains("error=\"invalid_token\""),
        "{way}"
    );
}

async fn post(stack: &Stack, path: &str, token: &str) -> Answer {
    stack
        .http
        .post(&stack.edge.at(path), token, &json!({}))
        .await
        .expect(200)
}

async fn refresh(stack: &Stack, tokens: &Tokens) -> Answer {
    stack::refresh(&stack.http, &stack.edge.url(), &tokens.refresh).await
}

#[tokio::test]
async fn signing_out_one_device_leaves_the_others() {
    let stack = Stack::shared().await;
    let (user, here) = stack.bearer().await;
    let there = stack.login(&user).await;
    let id = stack
        .get("/auth/me", &there.access)
        .await
        .expect(200)
        .member("session_id");
    let url = stack.edge.at(&format!("/auth/sessions/{id}"));
    send(
        stack
            .http
            .request(Method::DELETE, &url)
            .bearer_auth(&here.access),
    )
    .await
    .expect(200);
    refused_soon(stack, &there.access, "the end of a session").await;
    refresh(stack, &there).await.expect(400);
    stack.get("/echo/x", &here.access).await.expect(200);
    let list = stack
        .get("/auth/sessions", &here.access)
        .await
        .expect(200)
        .json();
    assert_eq!(list["sessions"].as_array().unwrap().len(), 1);
    // Another user's session is not to be found.
    let stranger = stack.bearer().await.1;
    let own = stack
        .get("/auth/me", &here.access)
        .await
        .expect(200)
        .member("session_id");
    let url = stack.edge.at(&format!("/auth/sessions/{own}"));
    send(
        stack
            .http
            .request(Method::DELETE, &url)
            .bearer_auth(&stranger.access),
    )
    .await
    .expect(404);
    stack.get("/echo/x", &here.access).await.expect(200);
}

#[tokio::test]
async fn logout_everywhere_ends_every_session_of_the_user_and_of_nobody_else() {
    let stack = Stack::shared().await;
    let (user, here) = stack.bearer().await;
    let (there, other) = (stack.login(&user).await, stack.bearer().await.1);
    post(stack, "/auth/logout-all", &here.access).await;
    for tokens in [&here, &there] {
        refused_soon(stack, &tokens.access, "logout everywhere").await;
        refresh(stack, tokens).await.expect(400);
    }
    stack.get("/echo/x", &other.access).await.expect(200);
    let again = stack.login(&user).await;
    stack.get("/echo/x", &again.access).await.expect(200);
}

#[tokio::test]
async fn a_token_that_is_given_back_ends_its_session() {
    let stack = Stack::shared().await;
    for which in ["access", "refresh"] {
        let tokens = stack.bearer().await.1;
        let token = if which == "access" {
            &tokens.access
        } else {
            &tokens.refresh
        };
        let form = [("token", token.as_str()), ("client_id", "portcullis")];
        stack
            .http
            .post_form(&stack.edge.at("/auth/revoke"), &form)
            .await
            .expect(200);
        refused_soon(stack, &tokens.access, which).await;
        refresh(stack, &tokens).await.expect(400);
    }
}

#[tokio::test]
async fn a_reused_refresh_token_ends_the_session_and_its_access_tokens() {
    let stack = Stack::shared().await;
    let first = stack.bearer().await.1;
    let second = stack::tokens(&refresh(stack, &first).await.expect(200));
    let third = stack::tokens(&refresh(stack, &second).await.expect(200));
    // The owner has gone on: whoever shows the first one is somebody else.
    let reuse = refresh(stack, &first).await.expect(400);
    assert_eq!(reuse.json()["error"], "invalid_grant");
    for tokens in [&first, &second, &third] {
        refused_soon(stack, &tokens.access, "reuse").await;
    }
    refresh(stack, &third).await.expect(400);
}

#[tokio::test]
async fn a_new_password_ends_all_sessions() {
    let stack = Stack::shared().await;
    let (user, tokens) = stack.bearer().await;
    let arguments = ["user", "password", &user.name, "--password-stdin"];
    stack
        .origin
        .home
        .run(&arguments, "another password altogether");
    refused_soon(stack, &tokens.access, "a new password").await;
    refresh(stack, &tokens).await.expect(400);
    stack::login(&stack.http, &stack.edge.url(), &user, None)
        .await
        .expect(401);
}

#[tokio::test]
async fn a_scope_that_is_taken_away_is_gone_in_seconds_and_the_session_goes_on() {
    let stack = Stack::shared().await;
    let tokens = stack.bearer().await.1;
    let id = stack.id_of(&tokens.access).await;
    let url = stack.origin.at(&format!("/admin/users/{id}"));
    let request = stack
        .http
        .request(Method::PATCH, &url)
        .bearer_auth(stack.admin_token().await);
    send(request.json(&json!({ "scopes": ["api:read"] })))
        .await
        .expect(200);
    refused_soon(stack, &tokens.access, "a smaller scope").await;
    let next = refresh(stack, &tokens).await.expect(200);
    assert_eq!(next.json()["scope"], "api:read");
    let next = stack::tokens(&next).access;
    stack.get("/api/me", &next).await.expect(200);
    stack.get("/images/gate.png", &next).await.expect(403);
}

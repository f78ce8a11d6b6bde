//! The main path: log in at the edge, call the API, fetch an image, refresh, log out.

use reqwest::Method;
use serde_json::json;

use crate::harness::{
    client::send,
    stack::{self, BAN_PROMISE, SCOPES, Stack, tokens},
    wait,
};

#[tokio::test]
async fn a_login_opens_the_api_and_the_images_until_the_logout() {
    let stack = Stack::shared().await;
    let (user, first) = stack.bearer().await;

    let me = stack.get("/api/me", &first.access).await.expect(200);
    assert_eq!(me.json()["scope"], SCOPES.join(" "));
    assert_eq!(me.json()["iss"], stack.edge.url());
    assert_eq!(me.member("sub"), stack.id_of(&first.access).await);
    assert_eq!(me.header("cache-control"), "private");
    assert!(me.feed_seq() > 0);

    let notes = stack.edge.at("/api/notes");
    let note = json!({ "text": "through the gate" });
    stack
        .http
        .post(&notes, &first.access, &note)
        .await
        .expect(201);
    let read = stack.http.get(&notes, &first.access).await.expect(200);
    assert_eq!(read.json()["notes"][0]["text"], "through the gate");

    let image = stack
        .get("/images/gate.png", &first.access)
        .await
        .expect(200);
    assert_eq!(image.header("content-type"), "image/png");
    let mut reader = png::Decoder::new(std::io::Cursor::new(&image.body))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    assert_eq!(reader.next_frame(&mut pixels).unwrap().width, 256);

    let second = stack::refresh(&stack.http, &stack.edge.url(), &first.refresh)
        .await
        .expect(200);
    assert_eq!(second.header("cache-control"), "no-store");
    let second = tokens(&second);
    stack.get("/api/me", &second.access).await.expect(200);

    let logout = stack.edge.at("/auth/logout");
    stack
        .http
        .post(&logout, &second.access, &json!({}))
        .await
        .expect(200);
    for token in [&first.access, &second.access] {
        wait::until("the logout to be in force", BAN_PROMISE, || async {
            (stack.get("/api/me", token).await.status == 401).then_some(())
        })
        .await;
    }
    let after = stack::refresh(&stack.http, &stack.edge.url(), &second.refresh)
        .await
        .expect(400);
    assert_eq!(after.json()["error"], "invalid_grant");
    // The user is not banned: a new session is another matter.
    let again = stack.login(&user).await;
    stack.get("/api/me", &again.access).await.expect(200);
}

#[tokio::test]
async fn a_scope_that_is_lacking_is_named() {
    let stack = Stack::shared().await;
    let reader = stack.origin.home.add_user(&["api:read"], &[]);
    let token = stack.login(&reader).await.access;
    stack.get("/api/notes", &token).await.expect(200);
    let notes = stack.edge.at("/api/notes");
    let refused = stack
        .http
        .post(&notes, &token, &json!({ "text": "x" }))
        .await
        .expect(403);
    assert_eq!(
        refused.header("www-authenticate"),
        "Bearer realm=\"portcullis\", error=\"insufficient_scope\", scope=\"api:write\""
    );
    assert_eq!(refused.json()["code"], "insufficient_scope");
    let refused = stack.get("/images/gate.png", &token).await.expect(403);
    assert!(
        refused
            .header("www-authenticate")
            .contains("scope=\"images:read\"")
    );
}

#[tokio::test]
async fn the_corner_for_administrators_opens_by_role_alone() {
    let stack = Stack::shared().await;
    let (_, plain) = stack.bearer().await;
    let refused = stack
        .get("/api/admin/stats", &plain.access)
        .await
        .expect(403);
    assert_eq!(refused.json()["code"], "forbidden");
    let admin = stack.login(&stack.admin).await.access;
    stack.get("/api/admin/stats", &admin).await.expect(200);
    // The role opens that corner and nothing that wants a scope.
    stack.get("/api/me", &admin).await.expect(403);
}

#[tokio::test]
async fn without_a_credential_the_challenge_has_no_error() {
    let stack = Stack::shared().await;
    let answer = stack
        .http
        .get_plain(&stack.edge.at("/api/admin/x"))
        .await
        .expect(401);
    assert_eq!(
        answer.header("www-authenticate"),
        "Bearer realm=\"portcullis\""
    );
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.json()["code"], "authentication_required");
}

#[tokio::test]
async fn an_image_is_asked_for_again_by_its_etag_and_head_has_no_body() {
    let stack = Stack::shared().await;
    let token = stack.bearer().await.1.access;
    let url = stack.edge.at("/images/etag.png");
    let image = stack.http.get(&url, &token).await.expect(200);
    let etag = image.header("etag");
    let request = stack.http.request(Method::GET, &url).bearer_auth(&token);
    let again = send(request.header("if-none-match", &etag))
        .await
        .expect(304);
    assert!(again.body.is_empty());
    let head = send(stack.http.request(Method::HEAD, &url).bearer_auth(&token))
        .await
        .expect(200);
    assert_eq!(head.header("etag"), etag);
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn the_administration_passes_the_edge_only_with_a_token_for_the_issuer_alone() {
    let stack = Stack::shared().await;
    let user = stack.user();
    let url = stack.edge.at(&format!("/admin/users?search={}", user.name));
    let admin = stack.admin_token().await;
    let found = stack.http.get(&url, &admin).await.expect(200);
    assert!(found.text().contains(&user.name));
    // The same person's token of the usual client, and somebody else's.
    let usual = stack.login(&stack.admin).await.access;
    stack.http.get(&url, &usual).await.expect(401);
    stack
        .http
        .get(&stack.origin.at("/admin/users"), &usual)
        .await
        .expect(403);
    let other = stack.login(&user).await.access;
    stack.http.get(&url, &other).await.expect(401);
    // And the administration's token opens no upstream.
    stack.get("/api/me", &admin).await.expect(401);
}

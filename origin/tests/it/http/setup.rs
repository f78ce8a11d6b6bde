//! `POST /auth/setup`: the first password.

use insta::assert_snapshot;
use serde_json::json;

use super::api::{Answer, Api};
use crate::support::on_both_engines;

on_both_engines!(a_setup_token_sets_the_password_once, a_setup_token_expires,);

async fn invited(api: &Api) -> String {
    let body = json!({ "username": "new" });
    let created = api
        .post("/admin/users")
        .bearer(&api.admin().await)
        .json(&body)
        .send()
        .await;
    created.text("setup_token")
}

async fn setup(api: &Api, token: &str, password: &str) -> Answer {
    api.post("/auth/setup")
        .json(&json!({ "token": token, "password": password }))
        .send()
        .await
}

async fn a_setup_token_sets_the_password_once(api: Api) {
    let token = invited(&api).await;
    assert_snapshot!(setup(&api, &token, "short").await.shown(), @r#"
    422 application/problem+json
    {"code":"validation_failed","detail":"password: a password has at least 8 characters","status":422,"title":"The request's content is not acceptable","type":"urn:portcullis:problem:validation_failed"}
    "#);
    assert_eq!(setup(&api, &token, &"a".repeat(1025)).await.status, 422);
    assert_snapshot!(setup(&api, &token, "a new password").await.shown(), @"204 -");
    api.login(("new", "a new password"), "portcullis").await;
    assert_snapshot!(setup(&api, &token, "another password").await.shown(), @r#"
    403 application/problem+json
    {"code":"forbidden","detail":"the setup token is not valid","status":403,"title":"This is not allowed","type":"urn:portcullis:problem:forbidden"}
    "#);
    api.login(("new", "a new password"), "portcullis").await;
}

async fn a_setup_token_expires(api: Api) {
    let token = invited(&api).await;
    api.test.clock.advance(86_400);
    assert_eq!(setup(&api, &token, "a new password").await.status, 403);
    assert_eq!(setup(&api, "nonsense", "a new password").await.status, 403);
}

//! `POST /auth/setup`: the first password.

use insta::assert_snapshot;
use serde_json::json;

use super::api::{Answer, Api};

async fn invited(api: &Api) -> String {
    let body = json!({ "username": "new" });
    let created = api.post("/admin/users").bearer(&api.admin().await).json(&body).send().await;
    created.text("setup_token")
}

async fn setup(api: &Api, token: &str, password: &str) -> Answer {
    api.post("/auth/setup").json(&json!({ "token": token, "password": password })).send().await
}

#[tokio::test]
async fn a_setup_token_sets_the_password_once() {
    let api = Api::start().await;
    let token = invited(&api).await;
    assert_snapshot!(setup(&api, &token, "short").await.shown(), @"");
    assert_eq!(setup(&api, &token, &"a".repeat(1025)).await.status, 422);
    assert_snapshot!(setup(&api, &token, "a new password").await.shown(), @"");
    api.login(("new", "a new password"), "portcullis").await;
    assert_snapshot!(setup(&api, &token, "another password").await.shown(), @"");
    api.login(("new", "a new password"), "portcullis").await;
}

#[tokio::test]
async fn a_setup_token_expires() {
    let api = Api::start().await;
    let token = invited(&api).await;
    api.test.clock.advance(86_400);
    assert_eq!(setup(&api, &token, "a new password").await.status, 422);
    assert_eq!(setup(&api, "nonsense", "a new password").await.status, 422);
}

//! `POST /auth/introspect`.

use base64ct::{Base64, Encoding};
use insta::assert_snapshot;

use super::api::{Api, BACKEND};
use crate::support::{ADMIN, USER, on_both_engines};

on_both_engines!(
    a_confidential_client_learns_what_a_token_is_worth,
    an_administrator_may_ask_and_nobody_else,
);

const CLIENT: &str = "client_id=backend&client_secret=s3cret%3A+of+the+backend%2F";

async fn a_confidential_client_learns_what_a_token_is_worth(api: Api) {
    let (access, refresh) = api.login(USER, "portcullis").await;
    let ask = |token: String| {
        api.post("/auth/introspect")
            .form(format!("{CLIENT}&token={token}"))
            .send()
    };
    assert_snapshot!(ask(access.clone()).await.shown(), @r#"
    200 application/json
    {
      "active": true,
      "aud": [
        "api",
        "images"
      ],
      "client_id": "portcullis",
      "exp": 1767226200,
      "iat": 1767225600,
      "iss": "http://edge.test",
      "jti": "[jti]",
      "scope": "api:read api:write images:read",
      "sid": "[sid]",
      "sub": "[sub]",
      "token_type": "access_token",
      "username": "ann"
    }
    "#);
    assert_snapshot!(ask(refresh.clone()).await.shown(), @r#"
    200 application/json
    {
      "active": true,
      "client_id": "portcullis",
      "exp": 1769817600,
      "iat": 1767225600,
      "iss": "http://edge.test",
      "scope": "api:read api:write images:read",
      "sid": "[sid]",
      "sub": "[sub]",
      "token_type": "refresh_token",
      "username": "ann"
    }
    "#);
    assert_snapshot!(ask("nonsense".to_owned()).await.shown(), @r#"
    200 application/json
    {
      "active": false
    }
    "#);
    api.post("/auth/logout").bearer(&access).send().await;
    assert_eq!(ask(access).await.body, r#"{"active":false}"#);
    assert_eq!(ask(refresh).await.body, r#"{"active":false}"#);
    let basic = format!(
        "Basic {}",
        Base64::encode_string(b"backend:s3cret%3A+of+the+backend%2F")
    );
    let call = api
        .post("/auth/introspect")
        .header("authorization", basic)
        .form("token=x");
    assert_eq!(call.send().await.status, 200);
}

async fn an_administrator_may_ask_and_nobody_else(api: Api) {
    let token = api.user().await;
    let ask = |bearer: &str| {
        api.post("/auth/introspect")
            .bearer(bearer)
            .form(format!("token={token}"))
            .send()
    };
    assert_eq!(ask(&api.admin().await).await.value()["active"], true);
    assert_snapshot!(ask(&token).await.shown(), @r#"
    403 application/json
    {"error":"access_denied","error_description":"this needs an administrator's token of the client portcullis-admin"}
    "#);
    assert_eq!(
        ask(&api.login(ADMIN, "portcullis").await.0).await.status,
        403,
        "for another audience"
    );
    assert_snapshot!(ask("nonsense").await.shown(), @r#"
    401 application/json
    www-authenticate: Bearer realm="portcullis", error="invalid_token"
    {"error":"invalid_token","error_description":"the access token is not valid"}
    "#);
    let nobody = api
        .post("/auth/introspect")
        .form(format!("token={token}"))
        .send()
        .await;
    assert_snapshot!(nobody.shown(), @r#"
    401 application/json
    www-authenticate: Basic realm="portcullis", charset="UTF-8"
    {"error":"invalid_client","error_description":"the client is not known, or did not authenticate"}
    "#);
    let public = format!("token={token}&client_id=portcullis");
    assert_eq!(
        api.post("/auth/introspect")
            .form(public)
            .send()
            .await
            .status,
        401
    );
    let wrong = format!("token={token}&client_id={}&client_secret=wrong", BACKEND.0);
    assert_eq!(
        api.post("/auth/introspect").form(wrong).send().await.status,
        401
    );
    assert_eq!(
        api.post("/auth/introspect")
            .form(CLIENT)
            .send()
            .await
            .text("error"),
        "invalid_request"
    );
}

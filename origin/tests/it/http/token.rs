//! `POST /auth/token` and `POST /auth/revoke`.

use base64ct::{Base64, Encoding};
use insta::assert_snapshot;
use serde_json::json;

use super::api::{Answer, Api, BACKEND};
use crate::support::{USER, on_both_engines};

on_both_engines!(
    a_refresh_token_becomes_its_successor,
    a_token_that_is_not_good_is_an_invalid_grant,
    a_spent_token_ends_the_session,
    a_grant_is_refused_by_what_is_wrong_with_it,
    a_json_parameter_that_is_no_string_is_not_taken_for_an_absent_one,
    a_client_authenticates_as_its_kind_demands,
    too_many_replays_are_told_to_slow_down,
    a_revoked_token_ends_its_session,
    revoking_what_is_not_the_clients_changes_nothing,
);

async fn refresh(api: &Api, token: &str) -> Answer {
    api.post("/auth/token")
        .form(format!("grant_type=refresh_token&refresh_token={token}"))
        .send()
        .await
}

fn basic(id: &str, secret: &str) -> String {
    format!(
        "Basic {}",
        Base64::encode_string(format!("{id}:{secret}").as_bytes())
    )
}

async fn a_refresh_token_becomes_its_successor(api: Api) {
    let (_, token) = api.login(USER, "portcullis").await;
    let answer = refresh(&api, &token).await;
    assert_snapshot!(answer.shown(), @r#"
    200 application/json
    {
      "access_token": "[access_token]",
      "expires_in": 600,
      "refresh_token": "[refresh_token]",
      "scope": "api:read api:write images:read",
      "token_type": "Bearer"
    }
    "#);
    assert_ne!(answer.text("refresh_token"), token);
    let body = json!({
        "grant_type": "refresh_token", "refresh_token": answer.text("refresh_token"),
        "client_id": "portcullis", "scope": "api:read", "unknown": ["ignored"],
    });
    let again = api.post("/auth/token").json(&body).send().await;
    assert_eq!(
        (again.status, again.text("scope").as_str()),
        (200, "api:read")
    );
}

async fn a_token_that_is_not_good_is_an_invalid_grant(api: Api) {
    let (_, token) = api.login(USER, "portcullis").await;
    let unknown = refresh(&api, "prt_AAAA").await;
    assert_snapshot!(unknown.shown(), @r#"
    400 application/json
    {"error":"invalid_grant","error_description":"the refresh token is not valid"}
    "#);
    let other = format!("grant_type=refresh_token&refresh_token={token}&client_id=other");
    assert_eq!(
        api.post("/auth/token").form(other).send().await.shown(),
        unknown.shown()
    );
    let access = api.user().await;
    assert_eq!(refresh(&api, &access).await.shown(), unknown.shown());
    assert_eq!(
        refresh(&api, &token).await.status,
        200,
        "none of that spent it"
    );
}

async fn a_spent_token_ends_the_session(api: Api) {
    let (access, first) = api.login(USER, "portcullis").await;
    let second = refresh(&api, &first).await.text("refresh_token");
    let third = refresh(&api, &second).await.text("refresh_token");
    assert_eq!(refresh(&api, &first).await.status, 400);
    assert_eq!(refresh(&api, &third).await.status, 400);
    assert_eq!(api.me(&access).await.status, 401);
}

async fn a_grant_is_refused_by_what_is_wrong_with_it(api: Api) {
    let (_, token) = api.login(USER, "portcullis").await;
    let post = |form: String| api.post("/auth/token").form(form).send();
    assert_snapshot!(post("grant_type=password&username=a&password=b".to_owned()).await.shown(), @r#"
    400 application/json
    {"error":"unsupported_grant_type","error_description":"the grants are refresh_token and token exchange"}
    "#);
    assert_snapshot!(post(format!("refresh_token={token}")).await.shown(), @r#"
    400 application/json
    {"error":"invalid_request","error_description":"the parameter grant_type is missing"}
    "#);
    assert_snapshot!(post("grant_type=refresh_token&refresh_token=".to_owned()).await.shown(), @r#"
    400 application/json
    {"error":"invalid_request","error_description":"the parameter refresh_token is missing"}
    "#);
    let scope = |scope: &str| {
        post(format!(
            "grant_type=refresh_token&refresh_token={token}&scope={scope}"
        ))
    };
    assert_snapshot!(scope("admin:all").await.shown(), @r#"
    400 application/json
    {"error":"invalid_scope","error_description":"more is asked for than was granted, or it is no scope"}
    "#);
    assert_eq!(
        scope("api:read++api:write").await.text("error"),
        "invalid_scope"
    );
    let repeated =
        format!("grant_type=refresh_token&refresh_token={token}&refresh%5ftoken={token}");
    assert_snapshot!(post(repeated).await.shown(), @r#"
    400 application/json
    {"error":"invalid_request","error_description":"a parameter is repeated"}
    "#);
    assert_eq!(
        post("grant_type=refresh_token&unknown=1&unknown=2".to_owned())
            .await
            .text("error"),
        "invalid_request"
    );
    let twice = format!(
        "{{\"grant_type\":\"refresh_token\",\"refresh_token\":\"{token}\",\"x\":1,\"x\":2}}"
    );
    let twice = api
        .post("/auth/token")
        .raw("application/json", twice)
        .send()
        .await;
    assert_snapshot!(twice.shown(), @r#"
    400 application/json
    {"error":"invalid_request","error_description":"the body is not a JSON object of strings, each there once"}
    "#);
    let plain = api
        .post("/auth/token")
        .raw("text/plain", "grant_type=refresh_token")
        .send()
        .await;
    assert_snapshot!(plain.shown(), @r#"
    415 application/json
    {"error":"invalid_request","error_description":"the body must be application/x-www-form-urlencoded or application/json"}
    "#);
    let large = api
        .post("/auth/token")
        .form("a".repeat(70_000))
        .send()
        .await;
    assert_snapshot!(large.shown(), @r#"
    413 application/json
    {"error":"invalid_request","error_description":"the request is too large"}
    "#);
    assert_eq!(
        refresh(&api, &token).await.status,
        200,
        "none of that spent it"
    );
}

async fn a_json_parameter_that_is_no_string_is_not_taken_for_an_absent_one(api: Api) {
    let (_, token) = api.login(USER, "portcullis").await;
    for (name, value) in [
        ("scope", json!(["api:read"])),
        ("client_id", json!(null)),
        ("client_secret", json!(1)),
    ] {
        let mut body = json!({ "grant_type": "refresh_token", "refresh_token": token });
        body[name] = value;
        let answer = api.post("/auth/token").json(&body).send().await;
        assert_eq!(answer.text("error"), "invalid_request", "{name}");
    }
}

async fn a_client_authenticates_as_its_kind_demands(api: Api) {
    let form = "grant_type=refresh_token&refresh_token=prt_AAAA";
    let grant = "invalid_grant";
    let encoded = "s3cret%3A+of+the+backend%2F";
    let (client, secret) = BACKEND;
    for (extra, header, error) in [
        (String::new(), Some(basic(client, encoded)), grant),
        (
            format!("&client_id={client}&client_secret={encoded}"),
            None,
            grant,
        ),
        (
            format!("&client_id={client}"),
            Some(basic(client, encoded)),
            grant,
        ),
        ("&client_id=portcullis".to_owned(), None, grant),
        (String::new(), Some(basic("portcullis", "")), grant),
        (format!("&client_id={client}"), None, "invalid_client"),
        (
            format!("&client_id={client}&client_secret=wrong"),
            None,
            "invalid_client",
        ),
        (
            "&client_id=portcullis&client_secret=any".to_owned(),
            None,
            "invalid_client",
        ),
        ("&client_id=nobody".to_owned(), None, "invalid_client"),
        (
            String::new(),
            Some(basic(client, "wrong")),
            "invalid_client",
        ),
        (String::new(), Some(basic(client, "%zz")), "invalid_client"),
        (String::new(), Some("Basic !".to_owned()), "invalid_client"),
        (String::new(), Some("Digest x".to_owned()), "invalid_client"),
        (
            format!("&client_secret={encoded}"),
            Some(basic(client, encoded)),
            "invalid_request",
        ),
        (
            "&client_id=portcullis".to_owned(),
            Some(basic(client, encoded)),
            "invalid_request",
        ),
    ] {
        let mut call = api.post("/auth/token").form(format!("{form}{extra}"));
        if let Some(header) = &header {
            call = call.header("authorization", header);
        }
        assert_eq!(
            call.send().await.text("error"),
            error,
            "{extra} {header:?} {secret}"
        );
    }
    let call = api
        .post("/auth/token")
        .form(form)
        .header("authorization", basic(client, "wrong"));
    assert_snapshot!(call.send().await.shown(), @r#"
    401 application/json
    www-authenticate: Basic realm="portcullis", charset="UTF-8"
    {"error":"invalid_client","error_description":"the client is not known, or did not authenticate"}
    "#);
    let call = api.post("/auth/token").form(form);
    let call = call
        .header("authorization", basic(client, encoded))
        .header("authorization", "Bearer x");
    assert_snapshot!(call.send().await.shown(), @r#"
    400 application/json
    {"error":"invalid_request","error_description":"there are two Authorization headers"}
    "#);
}

async fn too_many_replays_are_told_to_slow_down(api: Api) {
    let (_, token) = api.login(USER, "portcullis").await;
    for _ in 0..=100 {
        assert_eq!(refresh(&api, &token).await.status, 200);
    }
    assert_snapshot!(refresh(&api, &token).await.shown(), @r#"
    429 application/json
    retry-after: 1
    {"error":"slow_down","error_description":"the refresh token is presented too often"}
    "#);
}

async fn a_revoked_token_ends_its_session(api: Api) {
    for by_access_token in [false, true] {
        let (access, token) = api.login(USER, "portcullis").await;
        let given = if by_access_token { &access } else { &token };
        let answer = api
            .post("/auth/revoke")
            .form(format!("token={given}&token_type_hint=x"))
            .send()
            .await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("portcullis-feed-seq"),
            Some(answer.number("seq").to_string().as_str())
        );
        assert_eq!(refresh(&api, &token).await.status, 400);
        assert_eq!(api.me(&access).await.status, 401);
    }
}

async fn revoking_what_is_not_the_clients_changes_nothing(api: Api) {
    let (_, token) = api.login(USER, "portcullis").await;
    let revoke = |form: String| api.post("/auth/revoke").form(form).send();
    assert_snapshot!(revoke("token=nonsense".to_owned()).await.shown(), @r#"
    200 application/json
    {}
    "#);
    assert_eq!(
        revoke(format!("token={token}&client_id=other")).await.body,
        "{}"
    );
    assert_eq!(refresh(&api, &token).await.status, 200);
    assert_snapshot!(revoke("token_type_hint=access_token".to_owned()).await.shown(), @r#"
    400 application/json
    {"error":"invalid_request","error_description":"the parameter token is missing"}
    "#);
    assert_eq!(
        revoke(format!("token={token}&client_id={}", BACKEND.0))
            .await
            .text("error"),
        "invalid_client"
    );
}

//! `POST /auth/register`, `POST /auth/password`, and what administrators do with accounts.

use insta::assert_snapshot;
use portcullis_origin::domain::app::Registration;
use serde_json::{Value, json};

use super::api::{Answer, Api};
use crate::support::{ADMIN, Engine, USER, on_both_engines};

on_both_engines!(
    registration_is_closed_where_nothing_is_said,
    somebody_signs_up_and_logs_in,
    a_network_that_signs_up_too_often_is_told_to_wait,
    a_password_is_changed_with_the_old_one,
    a_user_is_disabled_and_enabled,
    the_last_administrator_is_not_removed,
    a_user_is_deleted,
    a_lost_password_is_replaced_with_a_setup_token,
    an_email_address_is_changed_and_removed,
);

async fn open(engine: Engine) -> Api {
    Api::with(engine, |config| {
        let scopes = "api:read".parse().unwrap();
        let reserved = ["admin".parse().unwrap()].into_iter().collect();
        config.registration = Registration::Open { scopes, reserved };
    })
    .await
}

async fn register(api: &Api, body: Value) -> Answer {
    api.post("/auth/register").json(&body).send().await
}

async fn registration_is_closed_where_nothing_is_said(api: Api) {
    let body = json!({ "username": "new", "password": "a new password" });
    assert_snapshot!(register(&api, body).await.shown(), @r#"
    403 application/problem+json
    {"code":"registration_closed","status":403,"title":"Registration is closed","type":"urn:portcullis:problem:registration_closed"}
    "#);
}

async fn somebody_signs_up_and_logs_in(engine: Engine) {
    let api = open(engine).await;
    let body =
        json!({ "username": "Žofie", "password": "a new password", "email": "z@example.org" });
    assert_snapshot!(register(&api, body.clone()).await.shown(), @r#"
    201 application/json
    {
      "id": "[id]",
      "scopes": [
        "api:read"
      ],
      "username": "žofie"
    }
    "#);
    api.login(("ŽOFIE", "a new password"), "portcullis").await;
    assert_snapshot!(register(&api, body).await.shown(), @r#"
    409 application/problem+json
    {"code":"conflict","detail":"the username is taken","status":409,"title":"It conflicts with what is there","type":"urn:portcullis:problem:conflict"}
    "#);
    let with = |name: &str, value: Value| {
        let mut body = json!({ "username": "other", "password": "a new password" });
        body[name] = value;
        register(&api, body)
    };
    assert_snapshot!(with("password", "PASSWORD1".into()).await.shown(), @r#"
    422 application/problem+json
    {"code":"validation_failed","detail":"password: this password is one of the most common ones, which are tried first","status":422,"title":"The request's content is not acceptable","type":"urn:portcullis:problem:validation_failed"}
    "#);
    assert_snapshot!(with("email", "nobody".into()).await.shown(), @r#"
    422 application/problem+json
    {"code":"validation_failed","detail":"email: an e-mail address has something before and after an @, no spaces, and at most 254 bytes","status":422,"title":"The request's content is not acceptable","type":"urn:portcullis:problem:validation_failed"}
    "#);
    for (name, value) in [
        ("username", json!("a b")),
        ("username", json!("аnn")),
        ("roles", json!(["admin"])),
        ("scopes", json!(["api:write"])),
        ("email", json!(null)),
    ] {
        assert_eq!(
            with(name, value.clone()).await.status,
            422,
            "{name} {value}"
        );
    }
    assert_eq!(with("username", "zofie".into()).await.status, 201);
    assert_eq!(with("username", "r00t".into()).await.status, 409);
    assert_eq!(with("username", "r00ts".into()).await.status, 201);
    // Reserved, which looks as if somebody had it.
    assert_eq!(with("username", "adrnin".into()).await.status, 409);
}

async fn a_network_that_signs_up_too_often_is_told_to_wait(engine: Engine) {
    let api = open(engine).await;
    // Of a name that is taken, which is counted and costs no hash.
    let body = json!({ "username": USER.0, "password": "a new password" });
    let mut answer = register(&api, body.clone()).await;
    let mut attempts = 1;
    while answer.status == 409 {
        answer = register(&api, body.clone()).await;
        attempts += 1;
    }
    assert_eq!(attempts, 31);
    assert_snapshot!(answer.shown(), @r#"
    429 application/problem+json
    retry-after: 1
    {"code":"too_many_requests","status":429,"title":"Too many requests","type":"urn:portcullis:problem:too_many_requests"}
    "#);
    api.test.clock.advance(1);
    assert_eq!(register(&api, body).await.status, 409);
}

async fn change(api: &Api, token: &str, current: &str, new: &str) -> Answer {
    api.post("/auth/password")
        .bearer(token)
        .json(&json!({ "current_password": current, "new_password": new }))
        .send()
        .await
}

async fn a_password_is_changed_with_the_old_one(api: Api) {
    let ((own, _), (other, _)) = (
        api.login(USER, "portcullis").await,
        api.login(USER, "portcullis").await,
    );
    let new = "a new pässword\0🐎";
    assert_snapshot!(change(&api, &own, "wrong", new).await.shown(), @r#"
    403 application/problem+json
    {"code":"wrong_password","status":403,"title":"The current password is wrong","type":"urn:portcullis:problem:wrong_password"}
    "#);
    assert_snapshot!(change(&api, &own, USER.1, "short").await.shown(), @r#"
    422 application/problem+json
    {"code":"validation_failed","detail":"new_password: a password has at least 8 characters","status":422,"title":"The request's content is not acceptable","type":"urn:portcullis:problem:validation_failed"}
    "#);
    assert_snapshot!(change(&api, &own, USER.1, new).await.shown(), @r#"
    200 application/json
    portcullis-feed-seq: 1767225600001
    {
      "seq": 1767225600001
    }
    "#);
    let status = async |token: &str| api.me(token).await.status;
    assert_eq!((status(&own).await, status(&other).await), (200, 401));
    assert_eq!(change(&api, &other, new, USER.1).await.status, 401);
    api.login((USER.0, new), "portcullis").await;
    let nobody = json!({ "current_password": new, "new_password": USER.1 });
    let nobody = api.post("/auth/password").json(&nobody).send().await;
    assert_eq!(nobody.text("code"), "authentication_required");
}

async fn a_user_is_disabled_and_enabled(api: Api) {
    let (user, admin) = (api.user().await, api.admin().await);
    let id = api.id_of(USER.0).await;
    let before = api.read_user(&admin, &id).await.value();
    assert_snapshot!(api.act(&admin, &id, "disable").await.shown_beside(&before), @r#"
    200 application/json
    portcullis-feed-seq: 1767225600001
    {
      "seq": 1767225600001,
      "user": {
        "disabled_at": 1767225600,
        "status": "disabled"
      }
    }
    "#);
    assert_eq!(api.me(&user).await.status, 401);
    let login = |password: &str| {
        let body = json!({ "username": USER.0, "password": password });
        api.post("/auth/login").json(&body).send()
    };
    assert_snapshot!(login(USER.1).await.shown(), @r#"
    403 application/problem+json
    {"code":"forbidden","detail":"the account is disabled","status":403,"title":"This is not allowed","type":"urn:portcullis:problem:forbidden"}
    "#);
    assert_eq!(login("wrong").await.status, 401);
    assert_snapshot!(api.act(&admin, &id, "unban").await.shown(), @r#"
    409 application/problem+json
    {"code":"conflict","detail":"the user is disabled","status":409,"title":"It conflicts with what is there","type":"urn:portcullis:problem:conflict"}
    "#);
    let disabled = api.get("/admin/users?disabled=true").bearer(&admin).send();
    assert_eq!(disabled.await.text("users/0/username"), USER.0);
    let enabled = api.act(&admin, &id, "enable").await;
    assert_eq!(enabled.text("user/status"), "active");
    assert_eq!(login(USER.1).await.status, 200);
    let unknown = "AAAAAAAAAAAAAAAAAAAAAA";
    for what in ["disable", "enable", "setup"] {
        assert_eq!(api.act(&admin, unknown, what).await.status, 404, "{what}");
    }
}

async fn the_last_administrator_is_not_removed(api: Api) {
    let admin = api.admin().await;
    let own = api.id_of(ADMIN.0).await;
    assert_snapshot!(api.delete_user(&admin, &own).await.shown(), @r#"
    409 application/problem+json
    {"code":"conflict","detail":"this is the last administrator who can log in","status":409,"title":"It conflicts with what is there","type":"urn:portcullis:problem:conflict"}
    "#);
    assert_eq!(api.act(&admin, &own, "disable").await.status, 409);
    assert_eq!(api.ban(&admin, &own, "").await.status, 409);
    let demoted = api.change_user(&admin, &own, &json!({ "roles": [] })).await;
    assert_eq!(demoted.status, 409);
}

async fn a_user_is_deleted(api: Api) {
    let (user, admin) = (api.user().await, api.admin().await);
    let id = api.id_of(USER.0).await;
    assert_snapshot!(api.delete_user(&admin, &id).await.shown(), @r#"
    200 application/json
    portcullis-feed-seq: 1767225600001
    {
      "seq": 1767225600001
    }
    "#);
    assert_eq!(api.me(&user).await.status, 401);
    assert_eq!(api.delete_user(&admin, &id).await.status, 404);
    assert_eq!(api.read_user(&admin, &id).await.status, 404);
    let trail = api.get(format!("/admin/audit?user={id}")).bearer(&admin);
    assert!(trail.send().await.body.contains("user_deleted"));
}

async fn a_lost_password_is_replaced_with_a_setup_token(api: Api) {
    let (user, admin) = (api.user().await, api.admin().await);
    let id = api.id_of(USER.0).await;
    let before = api.read_user(&admin, &id).await.value();
    let first = api.act(&admin, &id, "setup").await;
    assert_snapshot!(first.shown_beside(&before), @r#"
    201 application/json
    {
      "setup_expires_at": 1767312000,
      "setup_token": "[setup_token]",
      "user": {}
    }
    "#);
    let second = api.act(&admin, &id, "setup").await;
    let complete = |issued: &Answer| {
        let body = json!({ "token": issued.text("setup_token"), "password": "a new password" });
        api.post("/auth/setup").json(&body).send()
    };
    assert_eq!(complete(&first).await.status, 403, "it was replaced");
    assert_eq!(api.me(&user).await.status, 200);
    assert_eq!(complete(&second).await.status, 204);
    assert_eq!(api.me(&user).await.status, 401);
    assert_eq!(complete(&second).await.status, 403, "it was spent");
    api.login((USER.0, "a new password"), "portcullis").await;
}

async fn an_email_address_is_changed_and_removed(api: Api) {
    let (user, admin) = (api.user().await, api.admin().await);
    let id = api.id_of(USER.0).await;
    let patch = async |email: Value| {
        let body = json!({ "email": email });
        api.change_user(&admin, &id, &body).await
    };
    let changed = patch("Ann@example.org".into()).await;
    assert_eq!(changed.text("user/email"), "Ann@example.org");
    for off in [json!("ann"), json!(""), json!(7), json!([])] {
        assert_eq!(patch(off.clone()).await.status, 422, "{off}");
    }
    let read = api.read_user(&admin, &id).await;
    assert_eq!(read.text("email"), "Ann@example.org");
    assert_eq!(api.me(&user).await.text("email"), "Ann@example.org");
    let removed = patch(Value::Null).await;
    assert_eq!(removed.value()["user"].get("email"), None);
    let me = api.me(&user).await;
    assert_eq!(me.status, 200, "no token was revoked");
    assert_eq!(me.value().get("email"), None);
    let trail = api.get("/admin/audit").bearer(&admin).send().await;
    assert!(trail.body.contains("e-mail changed") && !trail.body.contains("example.org"));
}

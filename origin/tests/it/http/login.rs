//! `POST /auth/login`.

use insta::assert_snapshot;
use portcullis_origin::domain::{
    audit::{Action, Actor, Event},
    entropy,
    store::By,
    user::{User, UserStatus},
};
use serde_json::json;

use super::api::{Answer, Api, BACKEND, EDGE_SECRET};
use crate::support::{USER, on_both_engines};

on_both_engines!(
    a_login_gives_tokens,
    wrong_passwords_and_unknown_users_look_alike,
    until_the_password_is_right_all_users_get_one_answer_for_one_hash,
    too_many_wrong_passwords_are_told_to_wait_and_a_known_device_is_not,
    only_who_has_the_password_learns_of_a_ban,
    clients_and_devices_are_checked,
    the_edge_is_believed_and_nobody_else,
);

async fn login(api: &Api, username: &str, password: &str) -> Answer {
    api.post("/auth/login")
        .json(&json!({ "username": username, "password": password }))
        .send()
        .await
}

async fn a_login_gives_tokens(api: Api) {
    let answer = login(&api, "ANN", USER.1).await;
    assert_snapshot!(answer.shown(), @r#"
    200 application/json
    {
      "access_token": "[access_token]",
      "device_token": "[device_token]",
      "expires_in": 600,
      "refresh_token": "[refresh_token]",
      "scope": "api:read api:write images:read",
      "token_type": "Bearer"
    }
    "#);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(
        api.get("/auth/me")
            .bearer(&answer.text("access_token"))
            .send()
            .await
            .status,
        200
    );
}

async fn wrong_passwords_and_unknown_users_look_alike(api: Api) {
    let wrong = login(&api, USER.0, "wrong").await;
    assert_snapshot!(wrong.shown(), @r#"
    401 application/problem+json
    www-authenticate: Password realm="portcullis"
    {"code":"invalid_credentials","status":401,"title":"Username or password is wrong","type":"urn:portcullis:problem:invalid_credentials"}
    "#);
    for (username, password) in [
        ("nobody", USER.1),
        ("", ""),
        ("a\u{0}b", USER.1),
        ("ann ", USER.1),
        (USER.0, &"x".repeat(2000)),
    ] {
        assert_eq!(
            login(&api, username, password).await.shown(),
            wrong.shown(),
            "{username:?}"
        );
    }
    // A user who has not chosen a password.
    let admin = api.admin().await;
    let new = api
        .post("/admin/users")
        .bearer(&admin)
        .json(&json!({ "username": "new" }))
        .send()
        .await;
    assert_eq!(new.status, 201);
    assert_eq!(login(&api, "new", "").await.shown(), wrong.shown());
}

async fn until_the_password_is_right_all_users_get_one_answer_for_one_hash(api: Api) {
    let statuses = [
        ("active", UserStatus::Active),
        (
            "banned",
            UserStatus::Banned {
                reason: "spam".to_owned(),
                at: api.test.app.clock.now(),
            },
        ),
        (
            "disabled",
            UserStatus::Disabled {
                at: api.test.app.clock.now(),
            },
        ),
    ];
    let hash = api.test.user(USER.0).await.password_hash;
    for (name, status) in statuses {
        let new = User {
            id: entropy::user_id(api.test.app.entropy.as_ref()).unwrap(),
            username: name.parse().unwrap(),
            password_hash: hash.clone(),
            status,
            ..api.test.user(USER.0).await
        };
        let event = Event::new(new.created_at, Action::UserCreated, Actor::Operator);
        api.test
            .app
            .store
            .create_user(&new, &event, By::Service)
            .await
            .unwrap();
    }
    let mut answers = Vec::new();
    for name in ["active", "banned", "disabled", "nobody", "no\u{0}body"] {
        let before = api.test.app.hasher.computed();
        let answer = login(&api, name, "wrong").await;
        let mut headers = answer.headers.clone();
        headers.remove("portcullis-request-id");
        let computed = api.test.app.hasher.computed() - before;
        answers.push((answer.status, headers, answer.body, computed));
    }
    assert_eq!((answers[0].0, answers[0].3), (401, 1));
    assert!(
        answers.iter().all(|answer| answer == &answers[0]),
        "{answers:?}"
    );
    for (name, status) in [("active", 200), ("banned", 403), ("disabled", 403)] {
        assert_eq!(login(&api, name, USER.1).await.status, status, "{name}");
    }
}

async fn too_many_wrong_passwords_are_told_to_wait_and_a_known_device_is_not(api: Api) {
    let device = login(&api, USER.0, USER.1).await.text("device_token");
    let mut answer = login(&api, USER.0, "wrong").await;
    while answer.status == 401 {
        answer = login(&api, USER.0, "wrong").await;
    }
    assert_snapshot!(answer.shown(), @r#"
    429 application/problem+json
    retry-after: 1
    {"code":"too_many_requests","status":429,"title":"Too many requests","type":"urn:portcullis:problem:too_many_requests"}
    "#);
    assert_eq!(login(&api, USER.0, USER.1).await.status, 429);
    api.test.clock.advance(1);
    assert_eq!(login(&api, USER.0, "wrong").await.status, 401);
    let later = login(&api, USER.0, "wrong").await;
    assert_eq!(
        (later.status, later.header("retry-after")),
        (429, Some("2"))
    );
    let body = json!({ "username": USER.0, "password": USER.1, "device_token": device });
    let known = api.post("/auth/login").json(&body).send().await;
    assert_eq!(known.status, 200, "{}", known.body);
}

async fn only_who_has_the_password_learns_of_a_ban(api: Api) {
    let admin = api.admin().await;
    let banned = api.ban(&admin, &api.id_of(USER.0).await, "spam").await;
    assert_eq!(banned.status, 200);
    assert_snapshot!(login(&api, USER.0, USER.1).await.shown(), @r#"
    403 application/problem+json
    {"code":"forbidden","detail":"the account is banned","status":403,"title":"This is not allowed","type":"urn:portcullis:problem:forbidden"}
    "#);
    assert_eq!(login(&api, USER.0, "wrong").await.status, 401);
}

async fn clients_and_devices_are_checked(api: Api) {
    let with = |name: &'static str, value: String| {
        let mut body = json!({ "username": USER.0, "password": USER.1 });
        body[name] = value.into();
        api.post("/auth/login").json(&body).send()
    };
    assert_snapshot!(with("client_id", "nobody".to_owned()).await.shown(), @r#"
    422 application/problem+json
    {"code":"validation_failed","detail":"client_id: the client is not known","status":422,"title":"The request's content is not acceptable","type":"urn:portcullis:problem:validation_failed"}
    "#);
    assert_eq!(
        with("client_id", BACKEND.0.to_owned()).await.status,
        422,
        "users do not log in with it"
    );
    assert_snapshot!(with("device", "a\u{0}b".to_owned()).await.shown(), @r#"
    422 application/problem+json
    {"code":"validation_failed","detail":"device: a device's name has 1 to 100 characters, none of them for control","status":422,"title":"The request's content is not acceptable","type":"urn:portcullis:problem:validation_failed"}
    "#);
    assert_eq!(with("device", "é".repeat(100)).await.status, 200);
    assert_eq!(with("device", "é".repeat(101)).await.status, 422);
}

async fn the_edge_is_believed_and_nobody_else(api: Api) {
    let from = |secret: Option<&str>| {
        let call = api
            .post("/auth/login")
            .header("portcullis-client-ip", "2001:db8::7")
            .header("portcullis-client-country", "CH")
            .header("x-forwarded-for", "203.0.113.9")
            .header("user-agent", "curl/8.9.1")
            .json(&json!({ "username": USER.0, "password": USER.1 }));
        match secret {
            Some(secret) => call.header("portcullis-edge-secret", secret),
            None => call,
        }
    };
    for (secret, place) in [
        (
            Some(EDGE_SECRET),
            json!({ "ip": "2001:db8::7", "country": "CH", "user_agent": "curl/8.9.1" }),
        ),
        (
            Some("the-secret-of-the-edgf"),
            json!({ "user_agent": "curl/8.9.1" }),
        ),
        (None, json!({ "user_agent": "curl/8.9.1" })),
    ] {
        let token = from(secret).send().await.text("access_token");
        let sessions = api
            .get("/auth/sessions")
            .bearer(&token)
            .send()
            .await
            .value();
        let current = sessions["sessions"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["current"] == true);
        assert_eq!(current.unwrap()["opened_from"], place, "{secret:?}");
    }
}

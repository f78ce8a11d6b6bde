//! `GET /admin/audit`, and what logins leave in the trail.

use serde_json::{Value, json};

use super::api::{Answer, Api, EDGE_SECRET};
use crate::support::{ADMIN, TestClock, USER, on_both_engines};

on_both_engines!(
    an_event_tells_who_did_what_to_whom_when_and_from_where,
    every_filter_is_obeyed,
    what_no_filter_can_be_is_refused,
    pages_follow_each_other_and_their_size_is_clamped,
    only_administrators_read_the_trail,
    a_login_that_cannot_be_recorded_is_not_answered,
);

async fn page(api: &Api, query: &str) -> Answer {
    let admin = api.admin().await;
    let path = format!("/admin/audit{query}");
    api.get(path).bearer(&admin).send().await
}

fn actions(answer: &Answer) -> Vec<String> {
    let events = answer.value()["events"].as_array().unwrap().clone();
    let action = |event: &Value| event["action"].as_str().unwrap().to_owned();
    events.iter().map(action).collect()
}

async fn try_login(api: &Api, username: &str, password: &str) -> Answer {
    api.post("/auth/login")
        .header("portcullis-edge-secret", EDGE_SECRET)
        .header("portcullis-client-ip", "198.51.100.7")
        .header("portcullis-client-country", "NZ")
        .json(&json!({ "username": username, "password": password }))
        .send()
        .await
}

async fn an_event_tells_who_did_what_to_whom_when_and_from_where(api: Api) {
    try_login(&api, USER.0, "wrong").await;
    let user = api.id_of(USER.0).await;
    let answer = page(&api, "?action=login_failed").await;
    let mut event = answer.value()["events"][0].clone();
    assert!(event["id"].as_i64() > Some(0));
    event["id"] = 1.into();
    assert_eq!(
        event,
        json!({
            "id": 1, "at": TestClock::START, "action": "login_failed", "actor": "service",
            "user_id": user, "ip": "198.51.100.7", "country": "NZ", "detail": "wrong_password",
        })
    );
    let admin = api.id_of(ADMIN.0).await;
    let logins = page(&api, &format!("?actor={admin}&action=login")).await;
    assert_eq!(logins.text("events/0/actor_id"), admin);
}

async fn every_filter_is_obeyed(api: Api) {
    try_login(&api, USER.0, USER.1).await;
    try_login(&api, USER.0, "wrong").await;
    let user = api.id_of(USER.0).await;
    let logins = page(&api, &format!("?user={user}&action=login")).await;
    let session = logins.text("events/0/session_id");
    let (start, later) = (TestClock::START, TestClock::START + 1);
    for (query, expected) in [
        (
            format!("?user={user}"),
            vec!["login_failed", "login", "user_created"],
        ),
        (format!("?session={session}"), vec!["login"]),
        (format!("?actor={user}"), vec!["login"]),
        (format!("?actor=service&user={user}"), vec!["login_failed"]),
        (
            "?action=login_failed,user_banned".to_owned(),
            vec!["login_failed"],
        ),
        (
            "?network=198.51.100.0/24".to_owned(),
            vec!["login_failed", "login"],
        ),
        ("?network=2001:db8::/32".to_owned(), vec![]),
        (format!("?since={later}"), vec![]),
        (format!("?until={start}"), vec![]),
        (
            format!("?since={start}&until={later}&user={user}&actor=operator"),
            vec!["user_created"],
        ),
        (
            "?action=user_created".to_owned(),
            vec!["user_created", "user_created"],
        ),
    ] {
        assert_eq!(actions(&page(&api, &query).await), expected, "{query}");
    }
}

async fn what_no_filter_can_be_is_refused(api: Api) {
    for (query, detail) in [
        ("?user=ann", "user: not a valid identifier"),
        ("?session=x", "session: not a valid identifier"),
        (
            "?actor=root",
            "actor: must be a user's identifier, or one of user, operator, bearer and service",
        ),
        ("?action=login,nonsense", "action: there is no such action"),
        ("?action=", "action: there is no such action"),
        (
            "?network=198.51.100.7/24",
            "network: must be an address or a network such as 192.0.2.0/24, without bits beyond its prefix",
        ),
        ("?since=yesterday", "since: the parameter is malformed"),
        ("?cursor=AAAA", "cursor: not one of ours"),
    ] {
        let answer = page(&api, query).await;
        assert_eq!(
            (answer.status, answer.text("detail").as_str()),
            (400, detail),
            "{query}"
        );
    }
    // A cursor of another list is none of this one.
    let admin = api.admin().await;
    let users = api.get("/admin/users?limit=1").bearer(&admin).send().await;
    let cursor = users.text("next_cursor");
    assert_eq!(page(&api, &format!("?cursor={cursor}")).await.status, 400);
}

async fn pages_follow_each_other_and_their_size_is_clamped(api: Api) {
    for _ in 0..5 {
        try_login(&api, USER.0, "wrong").await;
    }
    let whole = page(&api, "?action=login_failed,user_created")
        .await
        .value();
    let whole = whole["events"].as_array().unwrap();
    assert_eq!(whole.len(), 7);
    let (mut events, mut cursor) = (Vec::new(), String::new());
    loop {
        let query = format!("?action=login_failed,user_created&limit=3{cursor}");
        let answer = page(&api, &query).await.value();
        events.extend(answer["events"].as_array().unwrap().clone());
        match answer["next_cursor"].as_str() {
            Some(text) => cursor = format!("&cursor={text}"),
            None => break,
        }
    }
    assert_eq!(&events, whole);
    for (limit, count) in [(-5, 1), (0, 1), (100_000, 7)] {
        let query = format!("?action=login_failed,user_created&limit={limit}");
        assert_eq!(actions(&page(&api, &query).await).len(), count, "{limit}");
    }
}

async fn only_administrators_read_the_trail(api: Api) {
    assert_eq!(api.get("/admin/audit").send().await.status, 401);
    let user = api.user().await;
    assert_eq!(
        api.get("/admin/audit").bearer(&user).send().await.status,
        403
    );
}

async fn a_login_that_cannot_be_recorded_is_not_answered(api: Api) {
    let on_sqlite = "CREATE TRIGGER full_disk BEFORE INSERT ON audit_events \
                     BEGIN SELECT RAISE(ABORT, 'no'); END";
    let on_postgres = "ALTER TABLE audit_events ADD CHECK (false) NOT VALID";
    api.test.database.tamper(on_sqlite, on_postgres).await;
    // Nothing tells a right password from a wrong one, nor a user from nobody.
    let right = try_login(&api, USER.0, USER.1).await;
    assert_eq!(right.status, 500);
    for (name, password) in [(USER.0, "wrong"), ("nobody", "wrong")] {
        assert_eq!(try_login(&api, name, password).await.shown(), right.shown());
    }
}

//! `GET /admin/sessions` and `POST /admin/sessions/revoke`.

use insta::assert_snapshot;
use poem::http::Method;
use serde_json::{Value, json};

use super::api::{Answer, Api, EDGE_SECRET};
use crate::support::{ADMIN, USER, on_both_engines};

on_both_engines!(
    only_administrators_see_and_end_the_sessions_of_others,
    sessions_are_counted_and_then_ended,
    an_administrator_may_end_his_own_session_with_the_others,
    what_is_not_asked_for_plainly_is_refused,
    sessions_are_listed_by_criteria_page_by_page,
);

async fn revoke(api: &Api, token: &str, body: Value) -> Answer {
    api.post("/admin/sessions/revoke")
        .bearer(token)
        .json(&body)
        .send()
        .await
}

async fn list(api: &Api, token: &str, query: &str) -> Answer {
    api.get(format!("/admin/sessions{query}"))
        .bearer(token)
        .send()
        .await
}

/// An access token of the user, who comes from there.
async fn login_from(api: &Api, ip: &str, country: &str) -> String {
    let body = json!({ "username": USER.0, "password": USER.1, "device": "Ann's laptop" });
    let answer = api
        .post("/auth/login")
        .header("portcullis-edge-secret", EDGE_SECRET)
        .header("portcullis-client-ip", ip)
        .header("portcullis-client-country", country)
        .header("user-agent", "curl/8.9.1")
        .json(&body)
        .send()
        .await;
    answer.text("access_token")
}

async fn only_administrators_see_and_end_the_sessions_of_others(api: Api) {
    let (user, elsewhere) = (api.user().await, api.login(ADMIN, "portcullis").await.0);
    for (method, path) in [
        (Method::GET, "/admin/sessions"),
        (Method::POST, "/admin/sessions/revoke"),
    ] {
        let call = || api.call(method.clone(), path).json(&json!({ "plan": "x" }));
        assert_eq!(call().send().await.status, 401);
        for token in [&user, &elsewhere] {
            let refused = call().bearer(token).send().await;
            assert_eq!(refused.text("code"), "forbidden", "{method} {path}");
        }
    }
}

async fn sessions_are_counted_and_then_ended(api: Api) {
    let admin = api.admin().await;
    let ann = api.id_of(USER.0).await;
    let shown = |answer: &Answer, known: &Value| {
        let (shown, plan) = (answer.shown_beside(known), answer.text("plan"));
        shown.replace(&plan, "[plan]").replace(&ann, "[ann]")
    };
    let german = login_from(&api, "192.0.2.7", "DE").await;
    let french = login_from(&api, "198.51.100.7", "FR").await;
    let counted = revoke(
        &api,
        &admin,
        json!({ "countries": ["de"], "dry_run": true }),
    )
    .await;
    assert_snapshot!(shown(&counted, &Value::Null), @r#"
    200 application/json
    {
      "count": 1,
      "expires_at": 1767226500,
      "plan": "[plan]",
      "sample": [
        {
          "client_id": "portcullis",
          "created_at": 1767225600,
          "device": "Ann's laptop",
          "expires_at": 1769817600,
          "flags": [],
          "id": "[id]",
          "last_from": {
            "country": "DE",
            "ip": "192.0.2.7",
            "user_agent": "curl/8.9.1"
          },
          "last_used_at": 1767225600,
          "opened_from": {
            "country": "DE",
            "ip": "192.0.2.7",
            "user_agent": "curl/8.9.1"
          },
          "user_id": "[ann]",
          "username": "ann"
        }
      ]
    }
    "#);
    let session = &counted.value()["sample"][0];
    let plan = json!({ "plan": counted.text("plan") });
    let me = async |token: &str| api.me(token).await.status;
    assert_eq!((me(&german).await, me(&french).await), (200, 200));
    login_from(&api, "192.0.2.7", "DE").await;
    let done = revoke(&api, &admin, plan.clone()).await;
    assert_snapshot!(shown(&done, session), @r#"
    200 application/json
    portcullis-feed-seq: 1767225600001
    {
      "count": 1,
      "expires_at": 1767226500,
      "plan": "[plan]",
      "run": {
        "already_over": 0,
        "done": true,
        "ended": 1,
        "left": 0,
        "newcomers": 1,
        "newcomers_sample": [
          {
            "id": "[id]"
          }
        ],
        "seq": 1767225600001
      }
    }
    "#);
    assert_eq!((me(&german).await, me(&french).await), (401, 200));
    let again = revoke(&api, &admin, plan).await;
    assert_eq!(again.value()["run"]["ended"], 1);
    assert_eq!(
        again.header("portcullis-feed-seq"),
        done.header("portcullis-feed-seq")
    );
    let over = list(&api, &admin, "?state=over").await;
    assert_eq!(over.text("sessions/0/ended/reason"), "administrator");
}

async fn an_administrator_may_end_his_own_session_with_the_others(api: Api) {
    let (admin, user) = (api.admin().await, api.user().await);
    let counted = revoke(&api, &admin, json!({ "all": true, "dry_run": true })).await;
    assert_eq!(counted.number("count"), 2);
    let done = revoke(&api, &admin, json!({ "plan": counted.text("plan") })).await;
    assert_eq!((done.status, done.number("run/ended")), (200, 2));
    for token in [&admin, &user] {
        assert_eq!(api.me(token).await.status, 401);
    }
}

async fn what_is_not_asked_for_plainly_is_refused(api: Api) {
    let admin = api.admin().await;
    for (body, member) in [
        (json!({}), "dry_run"),
        (json!({ "countries": ["DE"] }), "dry_run"),
        (json!({ "countries": ["DE"], "dry_run": false }), "dry_run"),
        (json!({ "all": true }), "dry_run"),
        (json!({ "dry_run": true }), "all"),
        (json!({ "dry_run": true, "countries": [] }), "all"),
        (json!({ "dry_run": true, "all": true, "role": "x" }), "all"),
        (json!({ "plan": "x", "dry_run": true }), "plan"),
        (json!({ "plan": "x", "role": "x" }), "plan"),
        (json!({ "plan": "x", "all": true }), "plan"),
        (json!({ "dry_run": true, "user_id": "ann" }), "user_id"),
        (json!({ "dry_run": true, "username": "" }), "username"),
        (json!({ "dry_run": true, "role": "a b" }), "role"),
        (json!({ "dry_run": true, "client_id": "" }), "client_id"),
        (
            json!({ "dry_run": true, "countries": ["DEU"] }),
            "countries",
        ),
        (
            json!({ "dry_run": true, "network": "192.0.2.1/24" }),
            "network",
        ),
        (
            json!({ "dry_run": true, "user_agent": "a\u{1b}" }),
            "user_agent",
        ),
        (json!({ "dry_run": true, "device": "" }), "device"),
    ] {
        let refused = revoke(&api, &admin, body.clone()).await;
        assert_eq!(refused.status, 422, "{body}");
        let detail = refused.text("detail");
        assert!(
            detail.starts_with(&format!("{member}: ")),
            "{body}: {detail}"
        );
    }
    let unknown = json!({ "dry_run": true, "rolle": "x" });
    assert_eq!(revoke(&api, &admin, unknown).await.status, 422);
    for plan in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(
            revoke(&api, &admin, json!({ "plan": plan })).await.status,
            404
        );
    }
    let counted = revoke(&api, &admin, json!({ "all": true, "dry_run": true })).await;
    api.test.clock.advance(900);
    let admin = api.admin().await;
    let late = revoke(&api, &admin, json!({ "plan": counted.text("plan") })).await;
    assert_snapshot!(late.shown(), @r#"
    409 application/problem+json
    {"code":"conflict","detail":"the plan has expired: make another dry run","status":409,"title":"It conflicts with what is there","type":"urn:portcullis:problem:conflict"}
    "#);
}

async fn sessions_are_listed_by_criteria_page_by_page(api: Api) {
    let admin = api.admin().await;
    for (ip, country) in [
        ("192.0.2.7", "DE"),
        ("198.51.100.7", "FR"),
        ("2001:db8::7", "DE"),
    ] {
        login_from(&api, ip, country).await;
    }
    let id = api.id_of(USER.0).await;
    for (query, count) in [
        (String::new(), 4),
        (format!("?user_id={id}"), 3),
        ("?username=ann&countries=DE".to_owned(), 2),
        ("?countries=DE,FR".to_owned(), 3),
        ("?countries=DE&network=192.0.2.0/24".to_owned(), 1),
        ("?role=admin".to_owned(), 1),
        (
            "?user_agent=CURL&device=laptop&client_id=portcullis".to_owned(),
            3,
        ),
        ("?created_before=1767225600".to_owned(), 0),
        (
            "?created_after=1767225600&last_used_before=1767225601".to_owned(),
            4,
        ),
        ("?state=over".to_owned(), 0),
        ("?state=any".to_owned(), 4),
    ] {
        let answer = list(&api, &admin, &query).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        let sessions = answer.value()["sessions"].as_array().unwrap().len();
        assert_eq!(sessions, count, "{query}");
    }
    for (query, status) in [
        ("?countries=DEU", 422),
        ("?network=x", 422),
        ("?created_after=soon", 400),
        ("?state=asleep", 400),
        ("?cursor=x", 400),
        ("?limit=x", 400),
    ] {
        assert_eq!(list(&api, &admin, query).await.status, status, "{query}");
    }
    let mut seen = Vec::new();
    let mut query = "?limit=0".to_owned();
    loop {
        let page = list(&api, &admin, &query).await.value();
        assert_eq!(page["sessions"].as_array().unwrap().len(), 1);
        seen.push(page["sessions"][0]["id"].as_str().unwrap().to_owned());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        query = format!("?limit=1&cursor={cursor}");
    }
    assert_eq!(seen.len(), 4);
    seen.dedup();
    assert_eq!(seen.len(), 4);
    let one = list(&api, &admin, "?network=198.51.100.7").await.value();
    assert_eq!(one["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(one["sessions"][0]["opened_from"]["country"], "FR");
    assert_eq!(one["sessions"][0]["user_id"], id.as_str());
}

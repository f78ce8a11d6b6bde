//! What people do with their own sessions, and who is let in at all.

use insta::assert_snapshot;
use poem::http::Method;
use portcullis_origin::domain::session::cap::{AtCap, Cap};
use serde_json::{Value, json};

use super::api::Api;
use crate::support::{ADMIN, Engine, USER, on_both_engines};

on_both_engines!(
    me_is_who_the_database_says,
    who_shows_no_good_token_is_asked_for_one,
    sessions_are_listed_and_ended_one_by_one,
    sessions_come_page_by_page_where_they_are_many,
    another_users_session_is_not_found,
    a_logout_ends_one_session_and_logout_all_every,
    who_is_banned_cannot_act_whatever_the_token_says,
    all_other_sessions_are_ended_at_once_and_this_one_goes_on,
    a_login_beyond_the_cap_is_refused_where_the_settings_say_so,
);

async fn me_is_who_the_database_says(api: Api) {
    assert_snapshot!(api.me(&api.user().await).await.shown(), @r#"
    200 application/json
    {
      "client_id": "portcullis",
      "id": "[id]",
      "roles": [],
      "scopes": [
        "api:read",
        "api:write",
        "images:read"
      ],
      "session_id": "[session_id]",
      "username": "ann"
    }
    "#);
}

async fn who_shows_no_good_token_is_asked_for_one(api: Api) {
    let token = api.user().await;
    let with = |value: &str| api.get("/auth/me").header("authorization", value).send();
    let absent = api.get("/auth/me").send().await;
    assert_snapshot!(absent.shown(), @r#"
    401 application/problem+json
    www-authenticate: Bearer realm="portcullis"
    {"code":"authentication_required","status":401,"title":"Authentication is required","type":"urn:portcullis:problem:authentication_required"}
    "#);
    assert_snapshot!(with("Bearer nonsense").await.shown(), @r#"
    401 application/problem+json
    www-authenticate: Bearer realm="portcullis", error="invalid_token"
    {"code":"invalid_token","status":401,"title":"The access token is not valid","type":"urn:portcullis:problem:invalid_token"}
    "#);
    for value in ["Basic YTpi", "Bearer", "Token x"] {
        assert_eq!(with(value).await.shown(), absent.shown(), "{value}");
    }
    assert_eq!(
        with(&format!("bEARER  {token}")).await.status,
        200,
        "the scheme has no case"
    );
    let twice = api
        .get("/auth/me")
        .bearer(&token)
        .bearer(&token)
        .send()
        .await;
    assert_snapshot!(twice.shown(), @r#"
    400 application/problem+json
    {"code":"invalid_request","detail":"there are two Authorization headers","status":400,"title":"The request is not valid","type":"urn:portcullis:problem:invalid_request"}
    "#);
    assert_eq!(
        api.get(format!("/auth/me?access_token={token}"))
            .send()
            .await
            .status,
        401
    );
    api.test.clock.advance(606);
    assert_eq!(
        with(&format!("Bearer {token}")).await.text("code"),
        "invalid_token"
    );
}

async fn sessions_are_listed_and_ended_one_by_one(api: Api) {
    let first = api.user().await;
    api.test.clock.advance(60);
    let second = api.user().await;
    let list = api.get("/auth/sessions").bearer(&second).send().await;
    assert_snapshot!(list.shown(), @r#"
    200 application/json
    {
      "sessions": [
        {
          "client_id": "portcullis",
          "created_at": 1767225660,
          "current": true,
          "device": "laptop",
          "expires_at": 1769817660,
          "flags": [],
          "id": "[id]",
          "last_from": {},
          "last_used_at": 1767225660,
          "opened_from": {}
        },
        {
          "client_id": "portcullis",
          "created_at": 1767225600,
          "current": false,
          "device": "laptop",
          "expires_at": 1769817600,
          "flags": [],
          "id": "[id]",
          "last_from": {},
          "last_used_at": 1767225600,
          "opened_from": {}
        }
      ]
    }
    "#);
    let other = list.text("sessions/1/id");
    let end = |id: &str| {
        api.call(Method::DELETE, format!("/auth/sessions/{id}"))
            .bearer(&second)
            .send()
    };
    let ended = end(&other).await;
    assert_eq!(
        ended.header("portcullis-feed-seq"),
        Some(ended.number("seq").to_string().as_str())
    );
    assert_eq!(api.me(&first).await.status, 401);
    assert_eq!(end(&other).await.status, 404, "it is over");
    assert_snapshot!(end("nonsense").await.shown(), @r#"
    404 application/problem+json
    {"code":"not_found","status":404,"title":"There is nothing here","type":"urn:portcullis:problem:not_found"}
    "#);
}

async fn sessions_come_page_by_page_where_they_are_many(api: Api) {
    let mut token = String::new();
    for _ in 0..5 {
        // Two at a time were last used in the same second.
        api.user().await;
        token = api.user().await;
        api.test.clock.advance(1);
    }
    let list = async |query: &str| {
        let call = api.get(format!("/auth/sessions{query}")).bearer(&token);
        call.send().await
    };
    let ids = |page: &Value| {
        let sessions = page["sessions"].as_array().unwrap().iter();
        sessions
            .map(|session| session["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let whole = list("").await.value();
    assert_eq!((ids(&whole).len(), whole.get("next_cursor")), (10, None));
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(&format!("?limit=3{cursor}")).await.value();
        pages.push(ids(&page));
        match page["next_cursor"].as_str() {
            Some(text) => cursor = format!("&cursor={text}"),
            None => break,
        }
    }
    let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
    assert_eq!(sizes, [3, 3, 3, 1]);
    assert_eq!(pages.concat(), ids(&whole));
    for (limit, count) in [(-5, 1), (0, 1), (100_000, 10)] {
        let page = list(&format!("?limit={limit}")).await.value();
        assert_eq!(ids(&page).len(), count, "{limit}");
    }
    let admin = api.admin().await;
    let all = api.get("/admin/sessions?limit=1").bearer(&admin);
    let of_another_list = all.send().await.text("next_cursor");
    for forged in ["", "AAAA", &of_another_list] {
        let refused = list(&format!("?cursor={forged}")).await;
        assert_eq!(refused.text("code"), "invalid_request");
    }
}

async fn another_users_session_is_not_found(api: Api) {
    let theirs = api.login(ADMIN, "portcullis").await.0;
    let id = api.me(&theirs).await.text("session_id");
    let call = api
        .call(Method::DELETE, format!("/auth/sessions/{id}"))
        .bearer(&api.user().await);
    assert_eq!(call.send().await.status, 404);
    assert_eq!(api.me(&theirs).await.status, 200);
}

async fn a_logout_ends_one_session_and_logout_all_every(api: Api) {
    let (one, two, three) = (api.user().await, api.user().await, api.user().await);
    let out = api.post("/auth/logout").bearer(&one).send().await;
    assert_eq!(
        out.header("portcullis-feed-seq"),
        Some(out.number("seq").to_string().as_str())
    );
    let status = async |token: &str| api.me(token).await.status;
    assert_eq!((status(&one).await, status(&two).await), (401, 200));
    let all = api.post("/auth/logout-all").bearer(&two).send().await;
    assert!(all.number("seq") > out.number("seq"));
    assert_eq!((status(&two).await, status(&three).await), (401, 401));
    assert_eq!(
        api.post("/auth/logout").bearer(&one).send().await.status,
        401
    );
}

async fn who_is_banned_cannot_act_whatever_the_token_says(api: Api) {
    let (user, admin) = (api.user().await, api.admin().await);
    api.ban(&admin, &api.id_of(USER.0).await, "").await;
    for path in ["/auth/logout", "/auth/logout-all"] {
        assert_eq!(
            api.post(path).bearer(&user).send().await.text("code"),
            "invalid_token"
        );
    }
    assert_eq!(
        api.get("/auth/sessions").bearer(&user).send().await.status,
        401
    );
}

async fn all_other_sessions_are_ended_at_once_and_this_one_goes_on(api: Api) {
    let (one, two, three) = (api.user().await, api.user().await, api.user().await);
    let theirs = api.login(ADMIN, "portcullis").await.0;
    let end_others = |token: &str| {
        api.call(Method::DELETE, "/auth/sessions")
            .bearer(token)
            .send()
    };
    let ended = end_others(&two).await;
    assert_eq!(
        ended.header("portcullis-feed-seq"),
        Some(ended.number("seq").to_string().as_str())
    );
    let status = async |token: &str| api.me(token).await.status;
    assert_eq!(
        [status(&one).await, status(&two).await, status(&three).await],
        [401, 200, 401]
    );
    assert_eq!(status(&theirs).await, 200);
    assert!(!api.test.passes(&one).await && api.test.passes(&two).await);
    // There are none any more.
    assert_eq!(end_others(&two).await.status, 200);
    assert_eq!(end_others(&one).await.text("code"), "invalid_token");
}

async fn a_login_beyond_the_cap_is_refused_where_the_settings_say_so(engine: Engine) {
    let api = Api::with(engine, |config| {
        config.session_cap = Cap {
            max: 1,
            at_cap: AtCap::Refuse,
        };
    })
    .await;
    let token = api.user().await;
    let login = |password: &str| {
        let body = json!({ "username": USER.0, "password": password });
        api.post("/auth/login").json(&body).send()
    };
    assert_eq!(
        login("a wrong password").await.text("code"),
        "invalid_credentials"
    );
    assert_snapshot!(login(USER.1).await.shown(), @r#"
    409 application/problem+json
    {"code":"too_many_sessions","detail":"there are as many sessions as are allowed; end one of them first","status":409,"title":"There are too many sessions","type":"urn:portcullis:problem:too_many_sessions"}
    "#);
    api.post("/auth/logout").bearer(&token).send().await;
    assert_eq!(login(USER.1).await.status, 200);
}

//! `POST /auth/token` with an API key, and `/admin/api-keys`.

use insta::assert_snapshot;
use poem::http::Method;
use portcullis_shared::api_key::{ApiKey, ApiKeyId};
use serde_json::{Value, json};

use super::api::{Answer, Api, BACKEND};
use crate::support::{ADMIN, USER, on_both_engines};

on_both_engines!(
    a_key_is_made_shown_once_and_exchanged,
    whatever_is_wrong_with_a_key_the_answer_is_the_same,
    an_exchange_is_refused_by_what_is_wrong_with_it,
    a_client_that_is_named_must_be_the_key_s,
    a_key_s_token_says_who_it_is_and_opens_nothing_that_needs_a_login,
    keys_are_listed_page_by_page_without_secrets,
    a_key_is_rotated_with_an_overlap,
    a_key_is_revoked_and_the_answer_says_when_it_is_in_force,
    only_administrators_do_anything_with_keys,
    what_makes_no_key_is_told,
    exchanges_are_counted_by_what_came_of_them,
);

/// What every exchange says.
pub(super) const EXCHANGE: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange\
     &subject_token_type=urn:portcullis:token-type:api-key";

pub(super) async fn exchange(api: &Api, key: &str) -> Answer {
    exchange_with(api, key, "").await
}

async fn exchange_with(api: &Api, key: &str, more: &str) -> Answer {
    let form = format!("{EXCHANGE}&subject_token={key}{more}");
    api.post("/auth/token").form(form).send().await
}

/// Makes a key of the user.
async fn create(api: &Api, admin: &str, more: &Value) -> Answer {
    let mut body = json!({ "user_id": api.id_of(USER.0).await, "name": "deploy" });
    let members = body.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let call = api.post("/admin/api-keys").bearer(admin);
    call.json(&body).send().await
}

/// The id and the text of a key that may read and write.
async fn key(api: &Api, admin: &str) -> (String, String) {
    let made = create(api, admin, &json!({ "scopes": ["api:read", "api:write"] })).await;
    assert_eq!(made.status, 201, "{}", made.body);
    (made.text("api_key/id"), made.text("key"))
}

async fn act(api: &Api, admin: &str, id: &str, what: &str, body: Option<Value>) -> Answer {
    let call = api.post(format!("/admin/api-keys/{id}/{what}"));
    let call = call.bearer(admin);
    match body {
        Some(body) => call.json(&body).send().await,
        None => call.send().await,
    }
}

/// An answer without what differs from run to run.
fn shown(answer: &Answer) -> String {
    let mut value = answer.value();
    for pointer in [
        "/key",
        "/api_key/user_id",
        "/api_key/created_by",
        "/old/user_id",
        "/old/created_by",
        "/old/replaced_by",
        "/seq",
    ] {
        if let Some(found) = value.pointer_mut(pointer) {
            *found = json!("[redacted]");
        }
    }
    let mut headers = answer.headers.clone();
    headers.remove("portcullis-feed-seq");
    let plain = Answer {
        status: answer.status,
        headers,
        body: value.to_string(),
    };
    plain.shown()
}

async fn a_key_is_made_shown_once_and_exchanged(api: Api) {
    let admin = api.admin().await;
    let more = json!({
        "scopes": ["api:read", "billing"], "client_id": "portcullis", "expires_at": 1_767_225_900,
    });
    let made = create(&api, &admin, &more).await;
    assert_snapshot!(shown(&made), @r#"
    201 application/json
    {
      "api_key": {
        "client_id": "portcullis",
        "created_at": 1767225600,
        "created_by": "[redacted]",
        "expires_at": 1767225900,
        "id": "[id]",
        "name": "deploy",
        "scopes": [
          "api:read",
          "billing"
        ],
        "state": "active",
        "user_id": "[redacted]",
        "username": "ann"
      },
      "key": "[redacted]"
    }
    "#);
    let (id, text) = (made.text("api_key/id"), made.text("key"));
    assert_eq!(ApiKey::parse(&text).unwrap().id().to_string(), id);
    assert_eq!(made.text("api_key/created_by"), api.id_of(ADMIN.0).await);
    let given = exchange(&api, &text).await;
    assert_snapshot!(given.shown(), @r#"
    200 application/json
    {
      "access_token": "[access_token]",
      "expires_in": 300,
      "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
      "scope": "api:read",
      "token_type": "Bearer"
    }
    "#);
    let requested = "&requested_token_type=urn:ietf:params:oauth:token-type:access_token\
         &scope=api:read&unknown=ignored";
    assert_eq!(exchange_with(&api, &text, requested).await.status, 200);
    let body = json!({
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:portcullis:token-type:api-key", "subject_token": text,
    });
    let as_json = api.post("/auth/token").json(&body).send().await;
    assert_eq!(as_json.status, 200);
    let claims = api.test.claims(&given.text("access_token")).await;
    assert_eq!((claims.client_id, claims.sid), (id, None));
    let metadata = api.get("/.well-known/oauth-authorization-server").send();
    assert_eq!(
        metadata.await.value()["grant_types_supported"],
        json!([
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:token-exchange"
        ])
    );
}

async fn whatever_is_wrong_with_a_key_the_answer_is_the_same(api: Api) {
    let admin = api.admin().await;
    let (id, good) = key(&api, &admin).await;
    let of_banned = key(&api, &admin).await.1;
    let expired = create(&api, &admin, &json!({ "expires_at": 1_767_225_660 })).await;
    let expired = expired.text("key");
    assert_eq!(exchange(&api, &expired).await.status, 200);
    api.test.clock.advance(60);
    let id: ApiKeyId = id.parse().unwrap();
    let guessed = ApiKey::new(id, [7; 32]).expose();
    let unknown = ApiKey::new(ApiKeyId::from_bytes([7; 16]), [7; 32]).expose();
    let mut typo = good.clone();
    typo.pop();
    assert_eq!(exchange(&api, &good).await.status, 200);
    act(&api, &admin, &id.to_string(), "revoke", None).await;
    let first = exchange(&api, "pak_").await;
    assert_snapshot!(first.shown(), @r#"
    400 application/json
    {"error":"invalid_grant","error_description":"the API key is not valid"}
    "#);
    for bad in [&good, &expired, &*guessed, &*unknown, &typo, "prt_AAAA"] {
        let refused = exchange(&api, bad).await;
        assert_eq!(refused.shown(), first.shown(), "{bad}");
    }
    assert_eq!(exchange(&api, &of_banned).await.status, 200);
    let user = api.id_of(USER.0).await;
    api.ban(&admin, &user, "").await;
    assert_eq!(exchange(&api, &of_banned).await.shown(), first.shown());
    api.delete_user(&admin, &user).await;
    assert_eq!(exchange(&api, &of_banned).await.shown(), first.shown());
}

async fn an_exchange_is_refused_by_what_is_wrong_with_it(api: Api) {
    let admin = api.admin().await;
    let (_, key) = key(&api, &admin).await;
    let grant = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange";
    let post = |form: String| api.post("/auth/token").form(form).send();
    let missing = post(EXCHANGE.to_owned()).await;
    assert_snapshot!(missing.shown(), @r#"
    400 application/json
    {"error":"invalid_request","error_description":"the parameter subject_token is missing"}
    "#);
    let without_type = post(format!("{grant}&subject_token={key}")).await;
    assert_eq!(without_type.text("error"), "invalid_request");
    for (more, error) in [
        (
            "&requested_token_type=urn:ietf:params:oauth:token-type:refresh_token",
            "invalid_request",
        ),
        ("&actor_token=x", "invalid_request"),
        ("&audience=api", "invalid_target"),
        ("&resource=https://api.example", "invalid_target"),
        ("&scope=images:read", "invalid_scope"),
        ("&scope=api:read++api:write", "invalid_scope"),
        ("&subject%5ftoken=x", "invalid_request"),
    ] {
        let refused = exchange_with(&api, &key, more).await;
        assert_eq!(
            (refused.status, refused.text("error").as_str()),
            (400, error),
            "{more}"
        );
    }
    let token = api.user().await;
    let access_token = post(format!(
        "{grant}&subject_token={token}\
         &subject_token_type=urn:ietf:params:oauth:token-type:access_token"
    ));
    assert_snapshot!(access_token.await.shown(), @r#"
    400 application/json
    {"error":"invalid_request","error_description":"the subject_token_type is not that of an API key"}
    "#);
    let list = json!({
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:portcullis:token-type:api-key", "subject_token": key,
        "audience": ["api"],
    });
    let refused = api.post("/auth/token").json(&list).send().await;
    assert_eq!(refused.text("error"), "invalid_request");
    // A refresh takes no key, and an exchange no refresh token.
    let swapped = post(format!("grant_type=refresh_token&refresh_token={key}")).await;
    assert_eq!(swapped.text("error"), "invalid_grant");
    assert_eq!(exchange(&api, &key).await.status, 200);
}

async fn a_client_that_is_named_must_be_the_key_s(api: Api) {
    let admin = api.admin().await;
    let (_, key) = key(&api, &admin).await;
    let named = |more: &'static str| exchange_with(&api, &key, more);
    assert_eq!(named("&client_id=portcullis").await.status, 200);
    let other = named("&client_id=other").await;
    assert_eq!(other.text("error"), "invalid_grant");
    for more in [
        "&client_id=nobody",
        "&client_id=backend&client_secret=wrong",
        "&client_secret=any",
    ] {
        assert_eq!(named(more).await.text("error"), "invalid_client", "{more}");
    }
    let of_backend = create(&api, &admin, &json!({ "client_id": BACKEND.0 })).await;
    let given = exchange(&api, &of_backend.text("key")).await;
    let claims = api.test.claims(&given.text("access_token")).await;
    assert_eq!(claims.aud.members(), ["api"]);
}

async fn a_key_s_token_says_who_it_is_and_opens_nothing_that_needs_a_login(api: Api) {
    let admin = api.admin().await;
    let body = json!({ "user_id": api.id_of(ADMIN.0).await, "name": "k", "scopes": ["api:read"] });
    let made = api.post("/admin/api-keys").bearer(&admin);
    let made = made.json(&body).send().await;
    let token = exchange(&api, &made.text("key")).await.text("access_token");
    let me = api.me(&token).await;
    assert_eq!(me.text("client_id"), made.text("api_key/id"));
    assert_snapshot!(me.shown_beside(&json!({ "client_id": me.text("client_id") })), @r#"
    200 application/json
    {
      "id": "[id]",
      "roles": [],
      "scopes": [
        "api:read"
      ],
      "username": "root"
    }
    "#);
    for (method, path) in [
        (Method::GET, "/auth/sessions"),
        (Method::POST, "/auth/logout"),
        (Method::POST, "/auth/logout-all"),
        (Method::GET, "/admin/users"),
        (Method::GET, "/admin/api-keys"),
    ] {
        let call = api.call(method.clone(), path).bearer(&token);
        let refused = call.send().await;
        assert_eq!(refused.status, 403, "{method} {path}: {}", refused.body);
        let detail = "this needs a login; the access token is that of an API key";
        assert_eq!(refused.text("detail"), detail);
    }
    // Of two credentials that are not of one session neither is taken.
    let session = api.user().await;
    let both = api.get("/auth/me").bearer(&token);
    let both = both.header("cookie", format!("__Host-portcullis={session}"));
    assert_eq!(both.send().await.status, 400);
    let in_cookie = api.get("/auth/me");
    let in_cookie = in_cookie.header("cookie", format!("__Host-portcullis={token}"));
    assert_eq!(in_cookie.send().await.status, 403);
    let password = json!({ "password": ADMIN.1, "new_password": "another long password" });
    let call = api.post("/auth/password").bearer(&token);
    assert_eq!(call.json(&password).send().await.status, 403);
    let ask = |bearer: &str| {
        let call = api.post("/auth/introspect").bearer(bearer);
        call.form(format!("token={token}")).send()
    };
    assert_eq!(ask(&token).await.text("error"), "access_denied");
    let worth = ask(&admin).await.value();
    assert_eq!(worth["active"], true);
    assert_eq!(worth["client_id"], made.text("api_key/id"));
    assert_eq!(worth.get("sid"), None);
    act(&api, &admin, &made.text("api_key/id"), "revoke", None).await;
    assert_eq!(ask(&admin).await.body, r#"{"active":false}"#);
    assert_eq!(api.me(&token).await.status, 401);
}

async fn keys_are_listed_page_by_page_without_secrets(api: Api) {
    let admin = api.admin().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(key(&api, &admin).await);
    }
    made.sort();
    act(&api, &admin, &made[0].0, "revoke", None).await;
    exchange(&api, &made[1].1).await;
    let list = |query: String| {
        let call = api.get(format!("/admin/api-keys{query}"));
        call.bearer(&admin).send()
    };
    let ids = |answer: &Answer| -> Vec<String> {
        let value = answer.value();
        let keys = value["api_keys"].as_array().unwrap().iter();
        keys.map(|key| key["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let expected: Vec<String> = made.iter().map(|(id, _)| id.clone()).collect();
    let (user, root) = (api.id_of(USER.0).await, api.id_of(ADMIN.0).await);
    assert_eq!(ids(&list(String::new()).await), expected[1..]);
    assert_eq!(ids(&list("?state=any".to_owned()).await), expected);
    assert_eq!(ids(&list("?state=over".to_owned()).await), expected[..1]);
    let of = |id: &str| list(format!("?state=any&user_id={id}"));
    assert_eq!(ids(&of(&user).await), expected);
    assert_eq!(ids(&of(&root).await), Vec::<String>::new());
    let page = list("?limit=3".to_owned()).await;
    assert_eq!(ids(&page), expected[1..4]);
    let cursor = page.text("next_cursor");
    let rest = list(format!("?limit=3&cursor={cursor}")).await;
    assert_eq!(ids(&rest), expected[4..]);
    assert_eq!(rest.value().get("next_cursor"), None);
    let listed = list(String::new()).await;
    assert_eq!(listed.number("api_keys/0/last_used_at"), 1_767_225_600);
    assert_eq!(listed.value().pointer("/api_keys/1/last_used_at"), None);
    for (_, text) in &made {
        assert!(!listed.body.contains(text.rsplit('_').next().unwrap()));
    }
    for off in ["?user_id=x", "?cursor=x", "?state=x"] {
        assert_eq!(list(off.to_owned()).await.status, 400, "{off}");
    }
}

async fn a_key_is_rotated_with_an_overlap(api: Api) {
    let admin = api.admin().await;
    let (id, old) = key(&api, &admin).await;
    let overlap = |seconds: i64| Some(json!({ "overlap_seconds": seconds }));
    let rotated = act(&api, &admin, &id, "rotate", overlap(3600)).await;
    assert_snapshot!(shown(&rotated), @r#"
    200 application/json
    {
      "api_key": {
        "client_id": "portcullis",
        "created_at": 1767225600,
        "created_by": "[redacted]",
        "id": "[id]",
        "name": "deploy",
        "scopes": [
          "api:read",
          "api:write"
        ],
        "state": "active",
        "user_id": "[redacted]",
        "username": "ann"
      },
      "key": "[redacted]",
      "old": {
        "client_id": "portcullis",
        "created_at": 1767225600,
        "created_by": "[redacted]",
        "expires_at": 1767229200,
        "id": "[id]",
        "name": "deploy",
        "replaced_by": "[redacted]",
        "scopes": [
          "api:read",
          "api:write"
        ],
        "state": "replaced",
        "user_id": "[redacted]",
        "username": "ann"
      },
      "seq": "[redacted]"
    }
    "#);
    assert_eq!(rotated.text("old/id"), id);
    assert_eq!(rotated.text("old/replaced_by"), rotated.text("api_key/id"));
    for key in [&old, &rotated.text("key")] {
        assert_eq!(exchange(&api, key).await.status, 200);
    }
    let again = act(&api, &admin, &id, "rotate", overlap(3600)).await;
    assert_snapshot!(again.shown(), @r#"
    409 application/problem+json
    {"code":"conflict","detail":"the API key was rotated before","status":409,"title":"It conflicts with what is there","type":"urn:portcullis:problem:conflict"}
    "#);
    api.test.clock.advance(3600);
    assert_eq!(exchange(&api, &old).await.status, 400);
    assert_eq!(exchange(&api, &rotated.text("key")).await.status, 200);
    let admin = api.admin().await;
    for seconds in [-1, i64::MAX] {
        let refused = act(&api, &admin, &id, "rotate", overlap(seconds)).await;
        assert_eq!(refused.text("code"), "validation_failed");
    }
    let now = rotated.text("api_key/id");
    let at_once = act(&api, &admin, &now, "rotate", overlap(0)).await;
    assert_eq!(at_once.text("old/state"), "revoked");
    assert_eq!(
        at_once.header("portcullis-feed-seq"),
        Some(at_once.number("seq").to_string().as_str())
    );
}

async fn a_key_is_revoked_and_the_answer_says_when_it_is_in_force(api: Api) {
    let admin = api.admin().await;
    let (id, text) = key(&api, &admin).await;
    let token = exchange(&api, &text).await.text("access_token");
    assert!(api.test.passes(&token).await);
    let revoked = act(&api, &admin, &id, "revoke", None).await;
    assert_snapshot!(shown(&revoked), @r#"
    200 application/json
    {
      "api_key": {
        "client_id": "portcullis",
        "created_at": 1767225600,
        "created_by": "[redacted]",
        "id": "[id]",
        "last_used_at": 1767225600,
        "name": "deploy",
        "revoked_at": 1767225600,
        "scopes": [
          "api:read",
          "api:write"
        ],
        "state": "revoked",
        "user_id": "[redacted]",
        "username": "ann"
      },
      "seq": "[redacted]"
    }
    "#);
    let seq = revoked.number("seq");
    assert_eq!(
        revoked.header("portcullis-feed-seq"),
        Some(seq.to_string().as_str())
    );
    let edge = api.test.edge().await;
    assert!(edge.revocations.seq() >= u64::try_from(seq).unwrap());
    assert!(!edge.passes(&token, &api.test));
    let again = act(&api, &admin, &id, "revoke", None).await;
    assert_eq!((again.status, again.number("seq")), (200, seq));
}

async fn only_administrators_do_anything_with_keys(api: Api) {
    let (user, elsewhere) = (api.user().await, api.login(ADMIN, "portcullis").await.0);
    let admin = api.admin().await;
    let (id, text) = key(&api, &admin).await;
    for (method, path) in [
        (Method::GET, "/admin/api-keys".to_owned()),
        (Method::POST, "/admin/api-keys".to_owned()),
        (Method::POST, format!("/admin/api-keys/{id}/rotate")),
        (Method::POST, format!("/admin/api-keys/{id}/revoke")),
    ] {
        let call = || api.call(method.clone(), path.clone()).json(&json!({}));
        assert_eq!(call().send().await.status, 401, "{path}");
        for token in [&user, &elsewhere] {
            let refused = call().bearer(token).send().await;
            assert_eq!(refused.text("code"), "forbidden", "{method} {path}");
        }
    }
    assert_eq!(exchange(&api, &text).await.status, 200);
    let nobodys = ApiKeyId::from_bytes([1; 16]).to_string();
    for id in [nobodys.as_str(), "x", &id.to_uppercase()] {
        assert_eq!(act(&api, &admin, id, "revoke", None).await.status, 404);
        let body = Some(json!({ "overlap_seconds": 1 }));
        assert_eq!(act(&api, &admin, id, "rotate", body).await.status, 404);
    }
}

async fn what_makes_no_key_is_told(api: Api) {
    let admin = api.admin().await;
    for (more, member) in [
        (json!({ "user_id": "x" }), "user_id"),
        (json!({ "user_id": "AAAAAAAAAAAAAAAAAAAAAA" }), "user_id"),
        (json!({ "name": "" }), "name"),
        (json!({ "name": "a\nb" }), "name"),
        (json!({ "client_id": "nobody" }), "client_id"),
        (json!({ "client_id": "portcullis-admin" }), "client_id"),
        (json!({ "scopes": ["a b"] }), "scopes"),
        (
            json!({ "scopes": (0..100).map(|n| format!("scope-{n}")).collect::<Vec<_>>() }),
            "scopes",
        ),
        (json!({ "expires_at": 1_767_225_600 }), "expires_at"),
    ] {
        let refused = create(&api, &admin, &more).await;
        assert_eq!(refused.text("code"), "validation_failed", "{more}");
        let detail = refused.text("detail");
        assert!(detail.starts_with(&format!("{member}: ")), "{detail}");
    }
    for off in [json!({ "secret": "x" }), json!({ "expires_at": null })] {
        assert_eq!(create(&api, &admin, &off).await.status, 422, "{off}");
    }
}

async fn exchanges_are_counted_by_what_came_of_them(api: Api) {
    let admin = api.admin().await;
    let (_, text) = key(&api, &admin).await;
    for key in [&text, "pak_", "pak_", "prt_"] {
        exchange(&api, key).await;
    }
    exchange_with(&api, &text, "&scope=images:read").await;
    let counts = api.get("/metrics").send().await.body;
    for line in [
        r#"portcullis_api_key_exchanges_total{outcome="granted"} 1"#,
        r#"portcullis_api_key_exchanges_total{outcome="malformed"} 3"#,
        r#"portcullis_api_key_exchanges_total{outcome="scope"} 1"#,
    ] {
        assert!(counts.contains(line), "{line} is not in\n{counts}");
    }
    // Who tries keys out writes nothing.
    let events = api.test.trail().await.len();
    let unknown = ApiKey::new(ApiKeyId::from_bytes([7; 16]), [7; 32]).expose();
    exchange(&api, &unknown).await;
    assert_eq!(api.test.trail().await.len(), events);
}

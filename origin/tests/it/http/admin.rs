//! `/admin/*`.

use insta::assert_snapshot;
use poem::{Body, http::Method};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::api::Api;
use crate::support::{ADMIN, Engine, USER, on_both_engines};

on_both_engines!(
    only_administrators_with_a_token_for_it_get_in,
    an_administrator_who_was_demoted_a_moment_ago_cannot_act,
    nobody_lifts_an_own_ban,
    a_body_that_arrives_after_its_sender_was_demoted_does_nothing,
    a_user_is_created_with_a_setup_token,
    a_user_is_read_and_an_unknown_one_is_not_found,
    what_is_taken_away_is_revoked,
    a_ban_is_in_the_feed_and_can_be_lifted,
    users_are_listed_page_by_page,
    a_cursor_that_was_not_given_out_is_refused,
);

/// Makes an administrator of the user, so that the other one is not the last.
async fn another_admin(api: &Api, admin: &str) {
    let id = api.id_of(USER.0).await;
    let promoted = api
        .change_user(admin, &id, &json!({ "roles": ["admin"] }))
        .await;
    assert_eq!(promoted.status, 200);
}

async fn only_administrators_with_a_token_for_it_get_in(api: Api) {
    let (user, elsewhere) = (api.user().await, api.login(ADMIN, "portcullis").await.0);
    let not_admin = api.login(USER, "portcullis-admin").await.0;
    let id = api.id_of(USER.0).await;
    for (method, path) in [
        (Method::GET, "/admin/users".to_owned()),
        (Method::POST, "/admin/users".to_owned()),
        (Method::GET, format!("/admin/users/{id}")),
        (Method::PATCH, format!("/admin/users/{id}")),
        (Method::POST, format!("/admin/users/{id}/ban")),
        (Method::POST, format!("/admin/users/{id}/unban")),
        (Method::POST, format!("/admin/users/{id}/disable")),
        (Method::POST, format!("/admin/users/{id}/enable")),
        (Method::POST, format!("/admin/users/{id}/setup")),
        (Method::DELETE, format!("/admin/users/{id}")),
    ] {
        let call = || api.call(method.clone(), path.clone());
        assert_eq!(
            call().send().await.text("code"),
            "authentication_required",
            "{method} {path}"
        );
        assert_eq!(
            call().bearer("nonsense").send().await.text("code"),
            "invalid_token"
        );
        for token in [&user, &elsewhere, &not_admin] {
            assert_eq!(
                call().bearer(token).send().await.text("code"),
                "forbidden",
                "{method} {path}"
            );
        }
    }
    assert_snapshot!(api.get("/admin/users").bearer(&user).send().await.shown(), @r#"
    403 application/problem+json
    {"code":"forbidden","detail":"this needs an administrator's token of the client portcullis-admin","status":403,"title":"This is not allowed","type":"urn:portcullis:problem:forbidden"}
    "#);
}

async fn an_administrator_who_was_demoted_a_moment_ago_cannot_act(api: Api) {
    let admin = api.admin().await;
    another_admin(&api, &admin).await;
    let own = api.id_of(ADMIN.0).await;
    assert_eq!(
        api.change_user(&admin, &own, &json!({ "roles": [] }))
            .await
            .status,
        200
    );
    assert_eq!(
        api.get("/admin/users").bearer(&admin).send().await.status,
        401,
        "its token is revoked"
    );
    api.test.clock.advance(1);
    assert_eq!(
        api.get("/admin/users")
            .bearer(&api.admin().await)
            .send()
            .await
            .status,
        403
    );
}

async fn nobody_lifts_an_own_ban(api: Api) {
    let admin = api.admin().await;
    let own = api.id_of(ADMIN.0).await;
    let lift = |door: &str| {
        let path = format!("/admin/users/{own}/{door}");
        api.post(path).bearer(&admin).send()
    };
    assert_snapshot!(lift("unban").await.shown(), @r#"
    403 application/problem+json
    {"code":"forbidden","detail":"this is for another administrator to do, not for the user","status":403,"title":"This is not allowed","type":"urn:portcullis:problem:forbidden"}
    "#);
    assert_eq!(lift("enable").await.shown(), lift("unban").await.shown());
}

async fn a_body_that_arrives_after_its_sender_was_demoted_does_nothing(engine: Engine) {
    for (method, path, whole) in [
        (Method::POST, "/admin/users", r#"{"username":"late"}"#),
        (Method::PATCH, "/admin/users/{}", r#"{"roles":["admin"]}"#),
        (Method::POST, "/admin/users/{}/ban", r#"{"reason":"late"}"#),
    ] {
        let api = Api::on(engine).await;
        let admin = api.admin().await;
        let other = api.login(ADMIN, "portcullis-admin").await.0;
        another_admin(&api, &other).await;
        let (own, user) = (api.id_of(ADMIN.0).await, api.id_of(USER.0).await);
        // One byte at a time: writing more takes a server that reads.
        let (mut sender, receiver) = tokio::io::duplex(1);
        let (early, late) = whole.split_at(5);
        let request = api
            .call(method, path.replace("{}", &user))
            .bearer(&admin)
            .raw("application/json", Body::from_async_read(receiver))
            .send();
        let demotion = async {
            sender.write_all(early.as_bytes()).await.unwrap();
            // The server has let the sender in, and waits for the rest.
            api.change_user(&other, &own, &json!({ "roles": [] })).await;
            sender.write_all(late.as_bytes()).await.unwrap();
            drop(sender);
        };
        let (answer, ()) = tokio::join!(request, demotion);
        assert_eq!(answer.status, 401, "{}", answer.body);
    }
}

async fn a_user_is_created_with_a_setup_token(api: Api) {
    let admin = api.admin().await;
    let body = json!({ "username": "New.User", "roles": ["editor"], "scopes": ["api:read"] });
    assert_snapshot!(api.create_user(&admin, &body).await.shown(), @r#"
    201 application/json
    {
      "setup_expires_at": 1767312000,
      "setup_token": "[setup_token]",
      "user": {
        "created_at": 1767225600,
        "has_password": false,
        "id": "[id]",
        "roles": [
          "editor"
        ],
        "scopes": [
          "api:read"
        ],
        "status": "active",
        "updated_at": 1767225600,
        "username": "new.user"
      }
    }
    "#);
    assert_snapshot!(api.create_user(&admin, &body).await.shown(), @r#"
    409 application/problem+json
    {"code":"conflict","detail":"the username is taken","status":409,"title":"It conflicts with what is there","type":"urn:portcullis:problem:conflict"}
    "#);
    assert_snapshot!(api.create_user(&admin, &json!({ "username": "a b" })).await.shown(), @r#"
    422 application/problem+json
    {"code":"validation_failed","detail":"username: a username has 1 to 64 characters: letters and digits of one script, and . _ - @ + inside or after","status":422,"title":"The request's content is not acceptable","type":"urn:portcullis:problem:validation_failed"}
    "#);
    assert_snapshot!(api.create_user(&admin, &json!({ "username": "a", "roles": ["a b"] })).await.shown(), @r#"
    422 application/problem+json
    {"code":"validation_failed","detail":"roles: a role has 1 to 64 characters: letters and digits of ASCII, and . _ : -","status":422,"title":"The request's content is not acceptable","type":"urn:portcullis:problem:validation_failed"}
    "#);
    assert_snapshot!(api.create_user(&admin, &json!({ "username": "a", "scopes": ["a b"] })).await.shown(), @r#"
    422 application/problem+json
    {"code":"validation_failed","detail":"scopes: not a scope: 1 to 64 characters, printable ASCII without spaces, quotes and backslashes (RFC 6749 section 3.3)","status":422,"title":"The request's content is not acceptable","type":"urn:portcullis:problem:validation_failed"}
    "#);
    assert_snapshot!(api.create_user(&admin, &json!({ "username": "a", "password": "x" })).await.shown(), @r#"
    422 application/problem+json
    {"code":"validation_failed","detail":"unknown field `password`, expected one of `username`, `email`, `roles`, `scopes` at line 1 column 11","status":422,"title":"The request's content is not acceptable","type":"urn:portcullis:problem:validation_failed"}
    "#);
}

async fn a_user_is_read_and_an_unknown_one_is_not_found(api: Api) {
    let admin = api.admin().await;
    let id = api.id_of(USER.0).await;
    assert_snapshot!(api.read_user(&admin, &id).await.shown(), @r#"
    200 application/json
    {
      "created_at": 1767225600,
      "has_password": true,
      "id": "[id]",
      "roles": [],
      "scopes": [
        "api:read",
        "api:write",
        "images:read"
      ],
      "status": "active",
      "updated_at": 1767225600,
      "username": "ann"
    }
    "#);
    for id in ["AAAAAAAAAAAAAAAAAAAAAA", "nonsense", "%00", "a%2Fb"] {
        assert_eq!(api.read_user(&admin, id).await.status, 404, "{id}");
    }
    let id = "AAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(api.change_user(&admin, id, &json!({})).await.status, 404);
    assert_eq!(api.ban(&admin, id, "").await.status, 404);
    assert_eq!(api.act(&admin, id, "unban").await.status, 404);
}

async fn what_is_taken_away_is_revoked(api: Api) {
    let (user, admin) = (api.user().await, api.admin().await);
    let id = api.id_of(USER.0).await;
    let before = api.read_user(&admin, &id).await.value();
    let given = api
        .change_user(&admin, &id, &json!({ "roles": ["editor"] }))
        .await;
    assert_snapshot!(given.shown_beside(&before), @r#"
    200 application/json
    portcullis-feed-seq: 1767225600000
    {
      "seq": 1767225600000,
      "user": {
        "roles": [
          "editor"
        ]
      }
    }
    "#);
    assert_eq!(api.me(&user).await.status, 200, "nothing was taken away");
    let taken = api
        .change_user(&admin, &id, &json!({ "scopes": ["api:read"] }))
        .await;
    assert!(taken.number("seq") > given.number("seq"));
    assert_eq!(api.me(&user).await.status, 401);
    let same = api.change_user(&admin, &id, &json!({})).await;
    assert_eq!(same.value(), taken.value(), "nothing changed");
    for body in [
        json!({ "roles": null }),
        json!({ "username": "x" }),
        json!({ "roles": [1] }),
        json!([]),
    ] {
        assert_eq!(
            api.change_user(&admin, &id, &body).await.status,
            422,
            "{body}"
        );
    }
}

async fn a_ban_is_in_the_feed_and_can_be_lifted(api: Api) {
    let (access, refresh) = api.login(USER, "portcullis").await;
    let admin = api.admin().await;
    let id = api.id_of(USER.0).await;
    let before = api.read_user(&admin, &id).await.value();
    let banned = api.ban(&admin, &id, "spam").await;
    assert_snapshot!(banned.shown_beside(&before), @r#"
    200 application/json
    portcullis-feed-seq: 1767225600001
    {
      "seq": 1767225600001,
      "user": {
        "ban": {
          "at": 1767225600,
          "reason": "spam"
        },
        "status": "banned"
      }
    }
    "#);
    assert_eq!(api.me(&access).await.status, 401);
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    assert_eq!(
        api.post("/auth/token")
            .form(form)
            .send()
            .await
            .text("error"),
        "invalid_grant"
    );
    let feed = api.get("/.well-known/revocations").send().await;
    assert_eq!(
        feed.header("portcullis-feed-seq"),
        banned.header("portcullis-feed-seq")
    );

    assert_snapshot!(api.ban(&admin, &id, "a\r\n\u{1b}[31mb").await.shown(), @r#"
    422 application/problem+json
    {"code":"validation_failed","detail":"reason: a reason has at most 500 characters, none of them for control","status":422,"title":"The request's content is not acceptable","type":"urn:portcullis:problem:validation_failed"}
    "#);
    assert_eq!(api.ban(&admin, &id, &"é".repeat(500)).await.status, 200);
    assert_eq!(api.ban(&admin, &id, &"é".repeat(501)).await.status, 422);

    let unbanned = api.act(&admin, &id, "unban").await;
    assert_eq!(unbanned.text("user/status"), "active");
    assert_eq!(api.me(&access).await.status, 401, "what is over stays over");
    api.test.clock.advance(1);
    api.user().await;
}

async fn names(api: &Api, admin: &str, query: &str) -> (Vec<String>, Option<String>) {
    let answer = api
        .get(format!("/admin/users?{query}"))
        .bearer(admin)
        .send()
        .await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    let value = answer.value();
    let users = value["users"].as_array().unwrap().iter();
    let names = users
        .map(|user| user["username"].as_str().unwrap().to_owned())
        .collect();
    (names, value["next_cursor"].as_str().map(str::to_owned))
}

async fn users_are_listed_page_by_page(api: Api) {
    let admin = api.admin().await;
    for name in ["bea", "ben", "cat"] {
        assert_eq!(
            api.create_user(&admin, &json!({ "username": name }))
                .await
                .status,
            201
        );
    }
    let ann = api
        .read_user(&admin, &api.id_of(USER.0).await)
        .await
        .value();
    let page = api.get("/admin/users?limit=1").bearer(&admin).send().await;
    assert_eq!(page.value()["users"], json!([ann]));
    let (first, cursor) = names(&api, &admin, "limit=2").await;
    let (second, after) = names(&api, &admin, &format!("limit=2&cursor={}", cursor.unwrap())).await;
    let (third, none) = names(&api, &admin, &format!("limit=2&cursor={}", after.unwrap())).await;
    assert_eq!(
        [first, second, third].concat(),
        ["ann", "bea", "ben", "cat", "root"]
    );
    assert_eq!(none, None);
    assert_eq!(
        names(&api, &admin, "limit=5").await.1,
        None,
        "the last page knows that it is"
    );
    assert_eq!(names(&api, &admin, "search=BE").await.0, ["bea", "ben"]);
    for search in ["%25", "_", "%00", "b%27--", "%5C", "é"] {
        assert_eq!(
            names(&api, &admin, &format!("search={search}")).await.0,
            [""; 0],
            "{search}"
        );
    }
    assert_eq!(names(&api, &admin, "banned=true").await.0, [""; 0]);
    assert_eq!(
        names(&api, &admin, "banned=false&search=a").await.0,
        ["ann", "bea", "cat"]
    );
    for (limit, count) in [("0", 1), ("-7", 1), ("1000000", 5)] {
        assert_eq!(
            names(&api, &admin, &format!("limit={limit}")).await.0.len(),
            count,
            "{limit}"
        );
    }
}

async fn a_cursor_that_was_not_given_out_is_refused(api: Api) {
    let admin = api.admin().await;
    let list = |query: &str| {
        api.get(format!("/admin/users?{query}"))
            .bearer(&admin)
            .send()
    };
    assert_snapshot!(list("cursor=YW5u").await.shown(), @r#"
    400 application/problem+json
    {"code":"invalid_request","detail":"cursor: not one of ours","status":400,"title":"The request is not valid","type":"urn:portcullis:problem:invalid_request"}
    "#);
    assert_eq!(list("cursor=").await.status, 400);
    assert_snapshot!(list("limit=many").await.shown(), @r#"
    400 application/problem+json
    {"code":"invalid_request","detail":"limit: the parameter is malformed","status":400,"title":"The request is not valid","type":"urn:portcullis:problem:invalid_request"}
    "#);
    assert_snapshot!(list("limit=1&limit=2").await.shown(), @r#"
    400 application/problem+json
    {"code":"invalid_request","detail":"a parameter is repeated","status":400,"title":"The request is not valid","type":"urn:portcullis:problem:invalid_request"}
    "#);
    assert_eq!(list("banned=maybe").await.status, 400);
}

//! `POST /auth/signed-urls`.

use portcullis_origin::domain::links::Permission;
use serde_json::{Value, json};

use super::api::{Answer, Api};
use crate::support::{Engine, TestClock, on_both_engines};

on_both_engines!(
    urls_are_signed_and_told_apart_from_their_parameter,
    nobody_signs_where_nothing_is_permitted,
    who_shows_no_good_token_signs_nothing,
    a_wish_that_makes_no_sense_is_told_its_member,
);

async fn api(engine: Engine) -> Api {
    Api::with(engine, |config| {
        config.links = vec![Permission {
            base_url: "http://img.test:8787".to_owned(),
            host: "img.test".to_owned(),
            path: "/images/*".parse().unwrap(),
            scopes: "images:read".parse().unwrap(),
            max_lifetime: 3600,
        }];
    })
    .await
}

async fn asked(api: &Api, token: &str, body: &Value) -> Answer {
    let call = api.post("/auth/signed-urls").bearer(token).json(body);
    call.send().await
}

async fn urls_are_signed_and_told_apart_from_their_parameter(engine: Engine) {
    let api = api(engine).await;
    let token = api.user().await;
    let body = json!({
        "host": "img.test",
        "paths": ["/images/cat.png", "/images/cat.png?w=100", "/images/7/*"],
        "methods": ["GET", "HEAD"],
        "expires_in": 3600,
        "headers": { "content-disposition": "attachment; filename=\"cat.png\"" },
    });
    let answer = asked(&api, &token, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let expires_at = answer.number("expires_at");
    let expires_in = answer.number("expires_in");
    assert_eq!(expires_at, TestClock::START + expires_in);
    assert!((2700..=3600).contains(&expires_in), "{expires_in}");
    let link = |index: usize, name: &str| answer.text(&format!("links/{index}/{name}"));
    assert!(link(0, "parameter").starts_with("portcullis_link="));
    for (index, path, url) in [
        (0, "/images/cat.png", "http://img.test:8787/images/cat.png?"),
        (
            1,
            "/images/cat.png?w=100",
            "http://img.test:8787/images/cat.png?w=100&",
        ),
    ] {
        assert_eq!(link(index, "path"), path);
        assert_eq!(
            link(index, "url"),
            format!("{url}{}", link(index, "parameter"))
        );
    }
    assert_eq!(link(2, "path"), "/images/7/*");
    assert_eq!(answer.value().pointer("/links/2/url"), None);
    // Once more, with another token: the same.
    let again = asked(&api, &api.user().await, &body).await;
    assert_eq!(again.body, answer.body);
}

async fn nobody_signs_where_nothing_is_permitted(engine: Engine) {
    let closed = Api::on(engine).await;
    let body = json!({ "paths": ["/images/cat.png"], "expires_in": 60 });
    let answer = asked(&closed, &closed.user().await, &body).await;
    assert_eq!(
        (answer.status, answer.text("code")),
        (403, "forbidden".to_owned())
    );
    // The issuer's host is another one than is permitted.
    let api = api(engine).await;
    let answer = asked(&api, &api.user().await, &body).await;
    assert_eq!(answer.status, 403);
    let body =
        json!({ "host": "img.test", "paths": ["/images/cat.png", "/other"], "expires_in": 60 });
    let answer = asked(&api, &api.user().await, &body).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.value().pointer("/links"), None);
}

async fn who_shows_no_good_token_signs_nothing(engine: Engine) {
    let api = api(engine).await;
    let body = json!({ "host": "img.test", "paths": ["/images/cat.png"], "expires_in": 60 });
    assert_eq!(
        api.post("/auth/signed-urls")
            .json(&body)
            .send()
            .await
            .status,
        401
    );
    assert_eq!(asked(&api, "nonsense", &body).await.status, 401);
    let answer = asked(&api, &api.user().await, &body).await;
    let parameter = answer.text("links/0/parameter");
    let link = parameter.strip_prefix("portcullis_link=").unwrap();
    // A link is no access token, here either.
    assert_eq!(asked(&api, link, &body).await.status, 401);
    assert_eq!(api.me(link).await.status, 401);
}

async fn a_wish_that_makes_no_sense_is_told_its_member(engine: Engine) {
    let api = api(engine).await;
    let token = api.user().await;
    let good = json!({ "host": "img.test", "paths": ["/images/cat.png"], "expires_in": 60 });
    assert_eq!(asked(&api, &token, &good).await.status, 200);
    let many: Vec<String> = (0..101).map(|number| format!("/images/{number}")).collect();
    for (member, value) in [
        ("paths", json!([])),
        ("paths", json!(many)),
        ("paths", json!(["/images/../x"])),
        ("paths", json!(["http://img.test/images/cat.png"])),
        ("paths", json!(["/images/cat.png?"])),
        ("paths", json!(["/images/cat.png?portcullis_link=x"])),
        ("host", json!("IMG.test")),
        ("host", json!("img.test:80")),
        ("methods", json!([])),
        ("methods", json!(["POST"])),
        ("expires_in", json!(0)),
        ("expires_in", json!(3601)),
        ("expires_in", json!(i64::MAX)),
        ("expires_in", json!("60")),
        ("headers", json!({ "content-disposition": "inline" })),
        ("headers", json!({ "content-type": "text/html" })),
        ("headers", json!(null)),
        ("x", json!(1)),
    ] {
        let mut body = good.clone();
        body[member] = value.clone();
        let answer = asked(&api, &token, &body).await;
        assert_eq!(answer.status, 422, "{member} {value}: {}", answer.body);
    }
}

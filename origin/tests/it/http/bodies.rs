//! What bodies are taken.

use insta::assert_snapshot;
use poem::Body;

use super::api::{Answer, Api};
use crate::support::on_both_engines;

on_both_engines!(json_is_taken_strictly, a_body_is_counted_while_it_is_read,);

async fn login(api: &Api, media_type: &str, body: impl Into<Body>) -> Answer {
    api.post("/auth/login").raw(media_type, body).send().await
}

const JSON: &str = "application/json";
const LIKELY: &str = r#"{"username":"a","password":"b"}"#;

async fn json_is_taken_strictly(api: Api) {
    let good = r#"{"username":"ann","password":"correct horse battery"}"#;
    assert_eq!(
        login(&api, "Application/JSON; charset=utf-8", good)
            .await
            .status,
        200
    );
    let unknown = r#"{"username":"a","password":"b","admin":true}"#;
    assert_snapshot!(login(&api, JSON, unknown).await.shown(), @r#"
    422 application/problem+json
    {"code":"validation_failed","detail":"unknown field `admin`, expected one of `username`, `password`, `client_id`, `device`, `device_token`, `cookies` at line 1 column 38","status":422,"title":"The request's content is not acceptable","type":"urn:portcullis:problem:validation_failed"}
    "#);
    let repeated = r#"{"username":"a","password":"b","usern\u0061me":"c"}"#;
    assert_snapshot!(login(&api, JSON, repeated).await.shown(), @r#"
    422 application/problem+json
    {"code":"validation_failed","detail":"duplicate field `username` at line 1 column 46","status":422,"title":"The request's content is not acceptable","type":"urn:portcullis:problem:validation_failed"}
    "#);
    assert_snapshot!(login(&api, JSON, r#"{"username":"a"}"#).await.shown(), @r#"
    422 application/problem+json
    {"code":"validation_failed","detail":"missing field `password` at line 1 column 16","status":422,"title":"The request's content is not acceptable","type":"urn:portcullis:problem:validation_failed"}
    "#);
    assert_snapshot!(login(&api, JSON, r#"{"username":"#).await.shown(), @r#"
    400 application/problem+json
    {"code":"invalid_request","detail":"the body is not valid JSON","status":400,"title":"The request is not valid","type":"urn:portcullis:problem:invalid_request"}
    "#);
    for body in [
        "",
        "null",
        "[]",
        "\u{feff}{}",
        "{}{}",
        r#"{"username":1,"password":"b"}"#,
    ] {
        let status = login(&api, JSON, body).await.status;
        assert!([400, 422].contains(&status), "{body:?}: {status}");
    }
    assert_eq!(
        login(&api, JSON, b"{\"username\":\"\xff\"}".to_vec())
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_deep_body_is_refused_without_falling_over() {
    let api = Api::without_store().await;
    let deep = format!("{{\"username\":{}", "[".repeat(60_000));
    assert_eq!(login(&api, JSON, deep.clone()).await.status, 422);
    let form = api
        .post("/auth/token")
        .raw(JSON, format!("{{\"x\":{}", "[".repeat(60_000)))
        .send()
        .await;
    assert_eq!(form.text("error"), "invalid_request");
}

#[tokio::test]
async fn other_media_types_are_refused() {
    let api = Api::without_store().await;
    let good = r#"{"username":"ann","password":"correct horse battery"}"#;
    assert_snapshot!(login(&api, "text/plain", good).await.shown(), @r#"
    415 application/problem+json
    {"code":"unsupported_media_type","detail":"the body must be application/json","status":415,"title":"The media type is not supported","type":"urn:portcullis:problem:unsupported_media_type"}
    "#);
    for media_type in [
        "application/x-www-form-urlencoded",
        "application/json+x",
        "json",
        "",
    ] {
        assert_eq!(
            login(&api, media_type, good).await.status,
            415,
            "{media_type}"
        );
    }
    let twice = api
        .post("/auth/login")
        .header("content-type", JSON)
        .raw("text/plain", good);
    assert_eq!(twice.send().await.status, 415);
    assert_eq!(api.post("/auth/login").send().await.status, 415);
}

async fn a_body_is_counted_while_it_is_read(api: Api) {
    let endless = || Body::from_async_read(tokio::io::repeat(b' '));
    let large = api
        .post("/auth/login")
        .raw(JSON, endless())
        .header("content-length", "10");
    assert_snapshot!(large.send().await.shown(), @r#"
    413 application/problem+json
    {"code":"payload_too_large","detail":"the body must have at most 65536 bytes","status":413,"title":"The request is too large","type":"urn:portcullis:problem:payload_too_large"}
    "#);
    let form = "application/x-www-form-urlencoded";
    for path in ["/auth/token", "/auth/revoke", "/auth/introspect"] {
        let answer = api.post(path).raw(form, endless()).send().await;
        assert_eq!(
            (answer.status, answer.text("error").as_str()),
            (413, "invalid_request"),
            "{path}"
        );
    }
    let exactly = format!("{LIKELY}{}", " ".repeat(65_536 - LIKELY.len()));
    assert_eq!(login(&api, JSON, exactly.clone()).await.status, 401);
    assert_eq!(login(&api, JSON, exactly + " ").await.status, 413);
}

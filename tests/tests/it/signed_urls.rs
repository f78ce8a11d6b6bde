//! Links to images, from the origin's signature to the picture, and back to nothing.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::harness::{
    client::{Answer, send},
    stack::{BAN_PROMISE, Stack},
    wait,
};

const PNG: &[u8] = b"\x89PNG\r\n";

/// Asks for links, as a user does.
async fn asked(stack: &Stack, token: &str, body: &Value) -> Answer {
    let url = stack.edge.at("/auth/signed-urls");
    stack.http.post(&url, token, body).await
}

/// The URL of a link, or for a prefix its parameter.
async fn signed(stack: &Stack, token: &str, path: &str, expires_in: i64) -> String {
    let body = json!({ "paths": [path], "expires_in": expires_in });
    let answer = asked(stack, token, &body).await.expect(200);
    let link = &answer.json()["links"][0];
    let member = if path.ends_with('*') {
        "parameter"
    } else {
        "url"
    };
    link[member].as_str().unwrap().to_owned()
}

async fn get(stack: &Stack, url: &str) -> Answer {
    stack.http.get_plain(url).await
}

/// The value of a header that the echo was sent; none where there was none.
fn sent(answer: &Answer, name: &str) -> Option<String> {
    let told = answer.json();
    let pairs = told["headers"].as_array().unwrap().clone();
    let own = pairs.iter().find(|pair| pair[0] == name)?;
    Some(own[1].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_picture_comes_to_whoever_has_the_link_and_stays_with_the_browser() {
    let stack = Stack::shared().await;
    let (_, tokens) = stack.bearer().await;
    let url = signed(stack, &tokens.access, "/images/cat.png", 3600).await;
    assert!(url.starts_with(&stack.edge.at("/images/cat.png?portcullis_link=")));
    let picture = get(stack, &url).await.expect(200);
    assert!(picture.body.starts_with(PNG));
    assert_eq!(picture.header("content-type"), "image/png");
    let cached = picture.header("cache-control");
    let max_age = cached.strip_prefix("private, max-age=").expect(&cached);
    let max_age: i64 = max_age.parse().unwrap();
    assert!((2600..=3600).contains(&max_age), "{max_age}");
    assert_eq!(picture.header("vary"), "");
    // As with the token, and without either nothing.
    let by_token = stack
        .get("/images/cat.png", &tokens.access)
        .await
        .expect(200);
    assert_eq!(by_token.body, picture.body);
    get(stack, &stack.edge.at("/images/cat.png"))
        .await
        .expect(401);
    // The very same link for whoever asks again, from another session too.
    assert_eq!(
        signed(stack, &tokens.access, "/images/cat.png", 3600).await,
        url
    );
    // HEAD has the same headers and no body; what the browser has it need not fetch again.
    let head = send(stack.http.request(Method::HEAD, &url))
        .await
        .expect(200);
    assert_eq!(head.header("content-type"), "image/png");
    assert!(head.body.is_empty());
    let etag = picture.header("etag");
    let known = stack
        .http
        .request(Method::GET, &url)
        .header("if-none-match", etag);
    let known = send(known).await.expect(304);
    assert!(
        known
            .header("cache-control")
            .starts_with("private, max-age=")
    );
}

#[tokio::test]
async fn the_upstream_gets_the_link_as_a_proof_and_the_url_without_it() {
    let stack = Stack::shared().await;
    let (_, tokens) = stack.bearer().await;
    let id = stack.id_of(&tokens.access).await;
    let url = signed(stack, &tokens.access, "/linked/cat.png?w=100&x=%41", 3600).await;
    let request = stack.http.request(Method::GET, &url);
    let request = request
        .header("range", "bytes=0-99")
        .header("portcullis-subject", "somebody-else")
        .header("portcullis-scope", "admin");
    let answer = send(request).await.expect(200);
    assert_eq!(answer.json()["target"], "/linked/cat.png?w=100&x=%41");
    let (_, link) = url.split_once("portcullis_link=").unwrap();
    assert_eq!(sent(&answer, "portcullis-proof").as_deref(), Some(link));
    assert_eq!(sent(&answer, "portcullis-subject"), Some(id));
    assert_eq!(sent(&answer, "range").as_deref(), Some("bytes=0-99"));
    for name in [
        "authorization",
        "portcullis-scope",
        "portcullis-session",
        "portcullis-roles",
    ] {
        assert_eq!(sent(&answer, name), None, "{name}");
    }
    // The demo's image server looks for itself, whoever claims to be the edge.
    let direct = |path: &str, host: &str| {
        let request = stack
            .http
            .request(Method::GET, &format!("{}{path}", stack.images.url()));
        let request = request.header("portcullis-proof", link);
        request.header("x-forwarded-host", host.to_owned())
    };
    let host = stack.edge.url().replace("http://", "");
    send(direct("/images/cat.png", &host)).await.expect(401);
    let picture = signed(stack, &tokens.access, "/images/cat.png", 3600).await;
    let (_, link) = picture.split_once("portcullis_link=").unwrap();
    let direct = |path: &str, host: &str| {
        let request = stack
            .http
            .request(Method::GET, &format!("{}{path}", stack.images.url()));
        let request = request.header("portcullis-proof", link);
        request.header("x-forwarded-host", host.to_owned())
    };
    send(direct("/images/cat.png", &host)).await.expect(200);
    send(direct("/images/dog.png", &host)).await.expect(401);
    send(direct("/images/cat.png?w=1", &host)).await.expect(401);
    send(direct("/images/cat.png", "other.example"))
        .await
        .expect(401);
}

#[tokio::test]
async fn a_link_that_was_tampered_with_opens_nothing() {
    let stack = Stack::shared().await;
    let (_, tokens) = stack.bearer().await;
    let url = signed(stack, &tokens.access, "/linked/cat.png?w=100", 3600).await;
    get(stack, &url).await.expect(200);
    let pattern = get(stack, &stack.edge.at("/linked/x?portcullis_link=a.b.c"))
        .await
        .expect(401);
    for (from, to) in [
        ("cat.png", "dog.png"),
        ("cat.png", "cat.png/"),
        ("cat.png", "Cat.png"),
        ("w=100", "w=1000"),
        ("w=100&", ""),
        ("w=100", "w=100&h=1"),
        ("w=100", "w=%3100"),
        ("portcullis_link=", "portcullis_link=x"),
    ] {
        let tampered = url.replacen(from, to, 1);
        assert_ne!(tampered, url);
        let answer = get(stack, &tampered).await.expect(401);
        assert_eq!(answer.body, pattern.body, "{tampered}");
    }
    get(stack, &format!("{url}&h=1")).await.expect(401);
    get(stack, &format!("{url}&")).await.expect(401);
    let elsewhere = stack
        .http
        .request(Method::GET, &url)
        .header("host", "other.example");
    send(elsewhere).await.expect(401);
    send(stack.http.request(Method::POST, &url))
        .await
        .expect(401);
    // Twice, or beside a token: nobody can tell which is meant.
    let (_, parameter) = url.split_once('&').unwrap();
    get(stack, &format!("{url}&{parameter}")).await.expect(400);
    stack.http.get(&url, &tokens.access).await.expect(400);
    // As an access token, and an access token as a link.
    let (_, link) = url.split_once("portcullis_link=").unwrap();
    stack.get("/linked/cat.png?w=100", link).await.expect(401);
    stack.get("/auth/me", link).await.expect(401);
    let dressed = stack.edge.at(&format!(
        "/linked/cat.png?portcullis_link={}",
        tokens.access
    ));
    get(stack, &dressed).await.expect(401);
}

#[tokio::test]
async fn a_prefix_opens_what_is_below_it_and_a_link_is_nothing_where_none_is_taken() {
    let stack = Stack::shared().await;
    let (_, tokens) = stack.bearer().await;
    let parameter = signed(stack, &tokens.access, "/linked/7/*", 3600).await;
    let at = |path: &str| stack.edge.at(&format!("{path}?{parameter}"));
    get(stack, &at("/linked/7/cat.png")).await.expect(200);
    get(stack, &at("/linked/7/small/cat.png")).await.expect(200);
    get(stack, &at("/linked/8/cat.png")).await.expect(401);
    get(stack, &at("/linked/7")).await.expect(401);
    get(stack, &at("/linked/7/%2e%2e%2f8/cat.png"))
        .await
        .expect(400);
    // Elsewhere it is nobody's credential, and nobody is told.
    get(stack, &at("/echo/x")).await.expect(401);
    for path in ["/public/x", "/optional/x"] {
        let answer = get(stack, &at(path)).await.expect(200);
        assert_eq!(answer.json()["target"], path);
        assert_eq!(sent(&answer, "portcullis-proof"), None);
    }
}

#[tokio::test]
async fn a_link_brings_a_name_for_the_file() {
    let stack = Stack::shared().await;
    let (_, tokens) = stack.bearer().await;
    let disposition = "attachment; filename=\"my cat.png\"";
    let body = json!({
        "paths": ["/images/cat.png"],
        "expires_in": 60,
        "headers": { "content-disposition": disposition },
    });
    let answer = asked(stack, &tokens.access, &body).await.expect(200);
    let url = answer.json()["links"][0]["url"]
        .as_str()
        .unwrap()
        .to_owned();
    let picture = get(stack, &url).await.expect(200);
    assert_eq!(picture.header("content-disposition"), disposition);
}

#[tokio::test]
async fn no_link_reaches_a_log() {
    let stack = Stack::shared().await;
    let (_, tokens) = stack.bearer().await;
    let url = signed(stack, &tokens.access, "/images/logged.png", 3600).await;
    get(stack, &url).await.expect(200);
    get(stack, &format!("{url}&x")).await.expect(401);
    // On its way to the origin, whose paths take none, nobody takes it out.
    let (_, parameter) = url.split_once('?').unwrap();
    get(stack, &stack.edge.at(&format!("/auth/me?{parameter}")))
        .await
        .expect(401);
    get(stack, &stack.edge.at(&format!("/no-such-path?{parameter}")))
        .await
        .expect(404);
    let (_, signature) = url.rsplit_once('.').unwrap();
    let (origin, edge) = (stack.origin.log(), stack.edge.log());
    assert!(
        origin.contains("/auth/signed-urls"),
        "it does not log paths"
    );
    assert!(!origin.contains(signature) && !edge.contains(signature));
}

#[tokio::test]
async fn a_link_expires() {
    let stack = Stack::shared().await;
    let (_, tokens) = stack.bearer().await;
    let url = signed(stack, &tokens.access, "/images/cat.png", 10).await;
    get(stack, &url).await.expect(200);
    // Ten seconds and the leeway of five are the longest that it can work.
    let limit = Duration::from_secs(20);
    wait::until("the end of the link", limit, || async {
        (get(stack, &url).await.status == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_ban_ends_links_and_a_logout_does_not() {
    let stack = Stack::shared().await;
    let (user, tokens) = stack.bearer().await;
    let id = stack.id_of(&tokens.access).await;
    let url = signed(stack, &tokens.access, "/images/cat.png", 3600).await;
    get(stack, &url).await.expect(200);
    let logout_all = stack.edge.at("/auth/logout-all");
    let logout = stack
        .http
        .post(&logout_all, &tokens.access, &json!({}))
        .await;
    logout.expect(200);
    let out = Instant::now();
    wait::until_time(out + BAN_PROMISE).await;
    stack
        .get("/images/cat.png", &tokens.access)
        .await
        .expect(401);
    get(stack, &url).await.expect(200);

    let ban = stack.ban(&id).await;
    let limit = BAN_PROMISE + Duration::from_secs(1);
    wait::until("the refusal", limit, || async {
        let asked = ban.answered.elapsed();
        let answer = get(stack, &url).await;
        assert!(
            answer.status == 401 || asked < BAN_PROMISE,
            "passed {asked:?} after the ban"
        );
        (answer.status == 401).then_some(())
    })
    .await;
    // Forgiven, the user signs links that work, in the same period, and the old one does not.
    let unban = stack.origin.at(&format!("/admin/users/{id}/unban"));
    let admin = stack.admin_token().await;
    stack
        .http
        .post(&unban, &admin, &json!({}))
        .await
        .expect(200);
    let tokens = stack.login(&user).await;
    let new = signed(stack, &tokens.access, "/images/cat.png", 3600).await;
    assert_ne!(new, url);
    get(stack, &new).await.expect(200);
    get(stack, &url).await.expect(401);
}

#[tokio::test]
async fn nobody_signs_what_the_settings_do_not_permit() {
    let stack = Stack::shared().await;
    let (_, tokens) = stack.bearer().await;
    let ask = |path: &str| json!({ "paths": [path], "expires_in": 60 });
    for path in ["/api/notes", "/images", "/*"] {
        asked(stack, &tokens.access, &ask(path)).await.expect(403);
    }
    let reader = stack.origin.home.add_user(&["api:read"], &[]);
    let reader = stack.login(&reader).await;
    asked(stack, &reader.access, &ask("/images/cat.png"))
        .await
        .expect(403);
    asked(stack, &reader.access, &ask("/linked/x"))
        .await
        .expect(200);
    let url = stack.edge.at("/auth/signed-urls");
    stack
        .http
        .post_plain(&url, &ask("/linked/x"))
        .await
        .expect(401);
}

//! Browsers that hold their tokens in cookies.

use std::collections::BTreeMap;

use poem::http::{Method, header};
use serde_json::{Value, json};

use super::api::{Answer, Api, BACKEND, Call};
use crate::support::{ADMIN, USER, on_both_engines};

on_both_engines!(
    a_browser_stays_signed_in_until_it_signs_out,
    tokens_are_in_cookies_and_nowhere_else,
    the_refresh_cookie_lives_no_longer_than_the_session,
    whatever_changes_something_by_cookie_needs_proof_that_it_comes_from_here,
    credentials_that_contradict_each_other_are_refused,
    administration_and_clients_with_a_secret_take_no_cookies,
    a_logout_works_when_the_access_token_has_expired,
    signing_out_everywhere_clears_the_cookies,
    who_sends_a_refresh_token_itself_gets_tokens_back_itself,
    a_browser_that_logged_in_once_gets_in_while_its_account_is_flooded,
);

const ACCESS: &str = "__Host-portcullis";
const REFRESH: &str = "__Host-portcullis-refresh";
const DEVICE: &str = "__Host-portcullis-device";

/// A browser on a page of this site.
struct Browser<'a> {
    api: &'a Api,
    jar: BTreeMap<String, String>,
}

/// What an answer sets, by name: value and attributes.
fn set_by(answer: &Answer) -> BTreeMap<String, (String, String)> {
    let lines = answer.headers.get_all(header::SET_COOKIE).iter();
    lines
        .map(|line| {
            let (pair, attributes) = line.to_str().unwrap().split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), (value.to_owned(), attributes.to_owned()))
        })
        .collect()
}

fn same_origin(call: Call<'_>) -> Call<'_> {
    call.header("sec-fetch-site", "same-origin")
}

impl<'a> Browser<'a> {
    async fn login(api: &'a Api) -> Self {
        let mut browser = Self {
            api,
            jar: BTreeMap::new(),
        };
        let answer = same_origin(login(api, USER, &json!({}))).send().await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        browser.keep(&answer);
        browser
    }

    fn keep(&mut self, answer: &Answer) {
        for (name, (value, attributes)) in set_by(answer) {
            if attributes.contains("Max-Age=0;") {
                self.jar.remove(&name);
            } else {
                self.jar.insert(name, value);
            }
        }
    }

    /// A request with the cookies and without proof.
    fn bare(&self, method: Method, path: &str) -> Call<'a> {
        let pairs: Vec<String> = self
            .jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let call = self.api.call(method, path);
        call.header("cookie", format!("theme=dark; {}", pairs.join("; ")))
    }

    async fn send(&mut self, call: Call<'_>) -> Answer {
        let answer = call.send().await;
        self.keep(&answer);
        answer
    }

    async fn get(&self, path: &str) -> Answer {
        self.bare(Method::GET, path).send().await
    }

    async fn post(&mut self, path: &str) -> Answer {
        let call = same_origin(self.bare(Method::POST, path));
        self.send(call).await
    }

    async fn refresh(&mut self) -> Answer {
        let call = same_origin(self.bare(Method::POST, "/auth/token"));
        self.send(call.form("grant_type=refresh_token")).await
    }
}

fn login<'a>(api: &'a Api, (username, password): (&str, &str), more: &Value) -> Call<'a> {
    let mut body = json!({ "username": username, "password": password, "cookies": true });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    api.post("/auth/login").json(&body)
}

async fn a_browser_stays_signed_in_until_it_signs_out(api: Api) {
    let mut browser = Browser::login(&api).await;
    let me = browser.get("/auth/me").await;
    assert_eq!((me.status, me.text("username").as_str()), (200, USER.0));

    let before = browser.jar.clone();
    api.test.clock.advance(300);
    let refreshed = browser.refresh().await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    assert!(
        browser.jar.len() == 3
            && browser
                .jar
                .iter()
                .all(|(name, value)| (before[name] == *value) == (name == DEVICE))
    );
    assert_eq!(
        browser.get("/auth/me").await.text("session_id"),
        me.text("session_id")
    );
    // Another tab that sent the spent token meanwhile gets the same successor.
    let mut tab = Browser {
        api: &api,
        jar: before,
    };
    assert_eq!(tab.refresh().await.status, 200);
    assert_eq!(tab.jar[REFRESH], browser.jar[REFRESH]);

    let gone = browser.jar.clone();
    let logout = browser.post("/auth/logout").await;
    assert!(logout.status == 200 && logout.number("seq") > 0);
    assert!(browser.jar.keys().eq([DEVICE]));
    let mut late = Browser {
        api: &api,
        jar: gone,
    };
    assert_eq!(late.get("/auth/me").await.text("code"), "invalid_token");
    assert_eq!(late.refresh().await.text("error"), "invalid_grant");
}

async fn tokens_are_in_cookies_and_nowhere_else(api: Api) {
    let answer = same_origin(login(&api, USER, &json!({}))).send().await;
    insta::assert_snapshot!(answer.shown(), @r#"
    200 application/json
    {
      "expires_in": 600,
      "scope": "api:read api:write images:read"
    }
    "#);
    let set = set_by(&answer);
    assert_eq!(set.len(), 3);
    let attributes = |name: &str| set[name].1.as_str();
    assert_eq!(
        attributes(ACCESS),
        "Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax"
    );
    assert_eq!(
        attributes(REFRESH),
        "Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Strict"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    // Who does not ask for cookies gets none.
    for body in [json!({ "cookies": false }), json!({})] {
        let mut body = body;
        body["username"] = USER.0.into();
        body["password"] = USER.1.into();
        let answer = api.post("/auth/login").json(&body).send().await;
        assert!(set_by(&answer).is_empty() && !answer.text("access_token").is_empty());
    }
}

async fn the_refresh_cookie_lives_no_longer_than_the_session(api: Api) {
    let mut browser = Browser::login(&api).await;
    for _ in 0..6 {
        api.test.clock.advance(29 * 86_400);
        assert_eq!(browser.refresh().await.status, 200);
    }
    // 174 of 180 days are over.
    api.test.clock.advance(86_400);
    let last = browser.refresh().await;
    assert!(
        set_by(&last)[REFRESH].1.contains("Max-Age=432000;"),
        "{last:?}"
    );
}

async fn whatever_changes_something_by_cookie_needs_proof_that_it_comes_from_here(api: Api) {
    let browser = Browser::login(&api).await;
    let me = browser.get("/auth/me").await;
    let session = format!("/auth/sessions/{}", me.text("session_id"));
    let grant = "grant_type=refresh_token";
    let passwords = json!({ "current_password": USER.1, "new_password": "hunter2 and hunter3" });
    for (name, value) in [
        ("x-nothing", "1"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://edge.test.evil.example"),
    ] {
        let calls = [
            login(&api, USER, &json!({})),
            browser.bare(Method::POST, "/auth/token").form(grant),
            browser.bare(Method::POST, "/auth/logout"),
            browser.bare(Method::POST, "/auth/logout-all"),
            browser.bare(Method::DELETE, &session),
            browser.bare(Method::DELETE, "/auth/sessions"),
            browser
                .bare(Method::POST, "/auth/password")
                .json(&passwords),
        ];
        for call in calls {
            let answer = call.header(name, value).send().await;
            assert_eq!(answer.status, 403, "{name}: {value}");
            assert_eq!(answer.text("code"), "cross_site");
            assert!(set_by(&answer).is_empty());
        }
    }
    // Nothing has happened; and looking needs no proof.
    let all = browser.get("/auth/sessions").await.value();
    assert_eq!(all["sessions"].as_array().unwrap().len(), 1);
    // A header that no page of another site can write is proof enough.
    let refreshed = browser
        .bare(Method::POST, "/auth/token")
        .form(grant)
        .header("origin", "http://edge.test");
    assert_eq!(refreshed.send().await.status, 200);
    let token = &browser.jar[ACCESS];
    assert_eq!(
        api.post("/auth/logout").bearer(token).send().await.status,
        200
    );
}

async fn credentials_that_contradict_each_other_are_refused(api: Api) {
    let (one, other) = (Browser::login(&api).await, Browser::login(&api).await);
    let (own, others) = (&one.jar[ACCESS], &other.jar[ACCESS]);
    let status = async |cookie: String, bearer: Option<&String>| {
        let call = api.get("/auth/me").header("cookie", cookie);
        let call = match bearer {
            Some(token) => call.bearer(token),
            None => call,
        };
        let answer = call.send().await;
        (
            answer.status,
            answer.text(if answer.status == 200 { "id" } else { "code" }),
        )
    };
    let refused = (400, "invalid_request".to_owned());
    assert_eq!(status(format!("{ACCESS}={own}"), Some(own)).await.0, 200);
    for (cookie, bearer) in [
        (format!("{ACCESS}={others}"), Some(own)),
        (format!("{ACCESS}=nonsense"), Some(own)),
        (format!("{ACCESS}={own}; {ACCESS}={own}"), None),
        (format!("{ACCESS}={own}; {ACCESS}={others}"), Some(own)),
        (format!("{ACCESS}={own}, {ACCESS}={own}"), None),
        (format!("{ACCESS}=\"{own}\""), None),
        (format!("a={}; {ACCESS}={own}", "x".repeat(17_000)), None),
    ] {
        assert_eq!(status(cookie.clone(), bearer).await, refused, "{cookie}");
    }
    for cookie in [
        format!("{ACCESS}=nonsense"),
        format!("{ACCESS}={}", one.jar[REFRESH]),
    ] {
        assert_eq!(
            status(cookie, None).await,
            (401, "invalid_token".to_owned())
        );
    }
    // One that expired is no longer of any session.
    let fresh = api.user().await;
    api.test.clock.advance(606);
    assert_eq!(status(format!("{ACCESS}={own}"), None).await.0, 401);
    assert_eq!(status(format!("{ACCESS}={own}"), Some(&fresh)).await.0, 401);
}

async fn administration_and_clients_with_a_secret_take_no_cookies(api: Api) {
    let asked = login(&api, ADMIN, &json!({ "client_id": "portcullis-admin" }));
    insta::assert_snapshot!(same_origin(asked).send().await.shown(), @r#"
    422 application/problem+json
    {"code":"validation_failed","detail":"cookies: the administration takes none","status":422,"title":"The request's content is not acceptable","type":"urn:portcullis:problem:validation_failed"}
    "#);
    // Whoever plants a token there has not opened a door.
    let (access, refresh) = api.login(ADMIN, "portcullis-admin").await;
    let planted = Browser {
        api: &api,
        jar: [(ACCESS, &access), (REFRESH, &refresh)]
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .into(),
    };
    let users = planted.get("/admin/users").await;
    assert_eq!(users.text("code"), "authentication_required");
    assert_eq!(planted.get("/auth/me").await.text("code"), "invalid_token");
    let refresh = async |more: &str| {
        let call = same_origin(planted.bare(Method::POST, "/auth/token"));
        let answer = call
            .form(format!("grant_type=refresh_token{more}"))
            .send()
            .await;
        (answer.status, answer.text("error"))
    };
    let unauthorized = (400, "unauthorized_client".to_owned());
    assert_eq!(refresh("&client_id=portcullis-admin").await, unauthorized);
    let secret = BACKEND.1.replace(' ', "+");
    let backend = format!("&client_id={}&client_secret={secret}", BACKEND.0);
    assert_eq!(refresh(&backend).await, unauthorized);
    assert_eq!(
        refresh("&client_id=other").await,
        (400, "invalid_grant".to_owned())
    );
    // A cookie beside the header changes nothing for the administration.
    let both = planted.bare(Method::GET, "/admin/users").bearer(&access);
    assert_eq!(both.send().await.status, 200);
}

async fn a_logout_works_when_the_access_token_has_expired(api: Api) {
    let mut browser = Browser::login(&api).await;
    let user = api.id_of(USER.0).await;
    api.test.clock.advance(3600);
    browser.jar.remove(ACCESS);
    let refresh = browser.jar[REFRESH].clone();
    assert_eq!(
        browser
            .bare(Method::POST, "/auth/logout")
            .send()
            .await
            .text("code"),
        "cross_site"
    );
    let logout = browser.post("/auth/logout").await;
    assert_eq!(
        (logout.status, set_by(&logout).len(), browser.jar.len()),
        (200, 2, 1)
    );
    let grant = format!("grant_type=refresh_token&refresh_token={refresh}");
    let late = api.post("/auth/token").form(grant).send().await;
    assert_eq!(late.text("error"), "invalid_grant");
    let admin = api.admin().await;
    let trail = format!("/admin/audit?user={user}&action=session_ended");
    let trail = api.get(trail).bearer(&admin).send().await.value();
    assert_eq!(trail["events"].as_array().unwrap().len(), 1);
    assert_eq!(trail["events"][0]["detail"], "logout");

    // Whatever is left of a session that is over is cleared away all the same.
    for jar in [
        [(REFRESH.to_owned(), refresh.clone())].into(),
        [(REFRESH.to_owned(), "prt_nonsense".to_owned())].into(),
        BTreeMap::from([(ACCESS.to_owned(), "nonsense".to_owned())]),
    ] {
        let mut browser = Browser { api: &api, jar };
        let again = browser.post("/auth/logout").await;
        assert_eq!((again.status, again.body.as_str()), (200, "{}"));
        assert!(browser.jar.is_empty());
    }
    // Without any cookie there is nobody to sign out.
    let nobody = same_origin(api.post("/auth/logout")).send().await;
    assert_eq!(nobody.text("code"), "authentication_required");
}

async fn signing_out_everywhere_clears_the_cookies(api: Api) {
    let mut browser = Browser::login(&api).await;
    let other = api.user().await;
    assert_eq!(browser.post("/auth/logout-all").await.status, 200);
    assert!(browser.jar.keys().eq([DEVICE]));
    assert_eq!(api.me(&other).await.status, 401);
}

async fn who_sends_a_refresh_token_itself_gets_tokens_back_itself(api: Api) {
    let browser = Browser::login(&api).await;
    let (_, token) = api.login(USER, "portcullis").await;
    let grant = format!("grant_type=refresh_token&refresh_token={token}");
    // Beside the cookie of another session nobody knows which one is meant.
    let call = same_origin(browser.bare(Method::POST, "/auth/token"));
    let both = call.form(grant.clone()).send().await;
    assert_eq!(
        (both.status, both.text("error").as_str()),
        (400, "invalid_request")
    );
    assert!(set_by(&both).is_empty());
    let call = api.post("/auth/token");
    let call = call.header("cookie", format!("{REFRESH}={token}"));
    let answer = call.form(grant).send().await;
    assert!(set_by(&answer).is_empty() && answer.text("refresh_token") != token);
    // Neither here nor there: as ever.
    let missing = api
        .post("/auth/token")
        .form("grant_type=refresh_token")
        .send()
        .await;
    assert_eq!(
        missing.text("error_description"),
        "the parameter refresh_token is missing"
    );
    let twice = api
        .post("/auth/token")
        .header("cookie", format!("{REFRESH}={token}; {REFRESH}={token}"))
        .form("grant_type=refresh_token");
    let twice = same_origin(twice).send().await;
    assert_eq!(
        (twice.status, twice.text("error").as_str()),
        (400, "invalid_request")
    );
}

async fn a_browser_that_logged_in_once_gets_in_while_its_account_is_flooded(api: Api) {
    let mut browser = Browser::login(&api).await;
    browser.post("/auth/logout").await;
    let wrong = (USER.0, "wrong");
    let mut answer = same_origin(login(&api, wrong, &json!({}))).send().await;
    while answer.status == 401 {
        answer = same_origin(login(&api, wrong, &json!({}))).send().await;
    }
    assert_eq!(answer.status, 429);
    let with = |cookie: String| {
        let call = login(&api, USER, &json!({})).header("cookie", cookie);
        same_origin(call).send()
    };
    let device = &browser.jar[DEVICE];
    // What cannot be read is nobody's.
    for cookie in [
        "a=1".to_owned(),
        format!("{DEVICE}=nonsense"),
        format!("{DEVICE}={device}; {DEVICE}={device}"),
    ] {
        assert_eq!(with(cookie.clone()).await.status, 429, "{cookie}");
    }
    // Nor is it read for whoever asks for no cookies: without proof it may not have been meant.
    let body = json!({ "username": USER.0, "password": USER.1 });
    let bare = browser.bare(Method::POST, "/auth/login").json(&body);
    assert_eq!(bare.send().await.status, 429);
    let known = with(format!("{DEVICE}={device}")).await;
    assert_eq!(known.status, 200, "{}", known.body);
    let (token, attributes) = &set_by(&known)[DEVICE];
    assert!(token.starts_with("pdt_") && token != device);
    let known_for = api.test.app.config.throttle.known_for;
    assert_eq!(
        *attributes,
        format!("Path=/; Max-Age={known_for}; Secure; HttpOnly; SameSite=Strict")
    );
    // That alone signs nobody in, and is nothing to sign out of.
    let alone = api
        .get("/auth/me")
        .header("cookie", format!("{DEVICE}={token}"));
    assert_eq!(alone.send().await.text("code"), "authentication_required");
}

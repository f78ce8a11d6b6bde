//! No secret reaches the log, not even where everything is logged: whatever comes in or goes out as
//! a credential is looked for in what the origin wrote.

use std::fs;

use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Value, json};

use crate::harness::{
    client::{Answer, Http, send},
    origin::{Home, Origin, User},
    postgres::Database,
    stack::{ADMIN_CLIENT, BACKEND, SCOPES, login, refresh, settings},
};

const EDGE_SECRET: &str = "the-edge-that-must-not-be-told";
const DATABASE_PASSWORD: &str = "the-password-of-the-database";

/// An origin that logs all it can, and the secrets that it has met.
struct Watched {
    http: Http,
    origin: Origin,
    secrets: Vec<(&'static str, String)>,
}

#[tokio::test]
async fn no_secret_reaches_the_log_on_sqlite() {
    let home = Home::sqlite("http://edge.example");
    let secrets = Watched::start(home).await.live().await;
    assert!(secrets > 30, "{secrets}");
}

#[tokio::test]
async fn no_secret_reaches_the_log_on_postgres() {
    let database = Database::create().await;
    let mut url: Url = database.url.parse().unwrap();
    // A server that trusts whoever comes from this machine does not ask for it.
    if url.password().is_none() {
        url.set_password(Some(DATABASE_PASSWORD)).unwrap();
    }
    let password = url.password().unwrap().to_owned();
    let home = Home::on(url.as_str(), "http://edge.example");
    let mut watched = Watched::start(home).await;
    watched.knows("the database's password", password);
    watched.live().await;
}

impl Watched {
    async fn start(home: Home) -> Self {
        let home = home
            .with("PORTCULLIS_LOG__FILTER", "trace")
            .with("PORTCULLIS_EDGE__SECRET", EDGE_SECRET)
            .with("PORTCULLIS_USERS__REGISTRATION", "open")
            .with_settings(&settings());
        let mut watched = Self {
            http: Http::new(),
            origin: Origin::start(home).await,
            secrets: vec![],
        };
        watched.knows("the edge's secret", EDGE_SECRET.to_owned());
        watched.knows("a client's secret", BACKEND.1.to_owned());
        let master = fs::read_to_string(watched.origin.home.master_key()).unwrap();
        let key = master.split_whitespace().last().unwrap();
        watched.knows("a master key", key.to_owned());
        watched
    }

    fn knows(&mut self, what: &'static str, secret: String) {
        assert!(secret.len() >= 8, "{what} is too short to look for");
        self.secrets.push((what, secret));
    }

    /// Takes all tokens of an answer, in its body or its cookies; gives the body.
    fn keep(&mut self, answer: &Answer) -> Value {
        for line in answer.headers.get_all("set-cookie") {
            let pair = line.to_str().unwrap().split("; ").next().unwrap();
            let (_, value) = pair.split_once('=').unwrap();
            if !value.is_empty() {
                self.knows("a cookie", value.to_owned());
            }
        }
        let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        for (name, value) in body.as_object().into_iter().flatten() {
            match (name.as_str(), value.as_str()) {
                ("access_token", Some(token)) => self.knows("an access token", token.to_owned()),
                ("refresh_token", Some(token)) => self.knows("a refresh token", token.to_owned()),
                ("device_token", Some(token)) => self.knows("a device token", token.to_owned()),
                ("setup_token", Some(token)) => self.knows("a setup token", token.to_owned()),
                // What is before the last underscore is its id, which is no secret.
                ("key", Some(key)) => {
                    let secret = key.rsplit('_').next().unwrap();
                    self.knows("an API key's secret", secret.to_owned());
                }
                _ => {}
            }
        }
        body
    }

    fn request(&self, path: &str) -> RequestBuilder {
        self.http.request(Method::POST, &self.origin.at(path))
    }

    async fn post(&mut self, path: &str, token: &str, body: Value, status: u16) -> Value {
        let request = self.request(path).bearer_auth(token).json(&body);
        let answer = send(request).await.expect(status);
        self.keep(&answer)
    }

    /// Has every secret come in or go out, and looks for it; gives how many there were.
    async fn live(mut self) -> usize {
        let user = self.origin.home.add_user(&SCOPES, &[]);
        let admin = self.origin.home.add_user(&[], &["admin"]);
        self.knows("a user's password", user.password.clone());
        self.knows("an administrator's password", admin.password.clone());
        let refreshed = self.log_in_and_refresh(&user).await;
        self.by_cookies(&user).await;
        self.ask_as_a_client(&refreshed).await;
        self.exchange_api_keys(&refreshed, &admin).await;
        self.choose_passwords(&user, &admin).await;
        self.show_what_is_not_good().await;
        let log = self.origin.log();
        for path in [
            "/auth/login",
            "/auth/token",
            "/auth/password",
            "/auth/register",
            "/auth/setup",
            "/auth/introspect",
            "/auth/revoke",
            "/admin/api-keys",
        ] {
            assert!(log.contains(path), "nothing is logged of {path}");
        }
        assert!(log.contains("DEBUG"), "not everything is logged");
        for (what, secret) in &self.secrets {
            // All parts of an access token but its signature are no secret.
            let telling = secret.rsplit('.').next().unwrap();
            assert!(!log.contains(telling), "{what} is in the log");
        }
        self.secrets.len()
    }

    /// Gives the newest access token.
    async fn log_in_and_refresh(&mut self, user: &User) -> String {
        let url = self.origin.url();
        let first = login(&self.http, &url, user, None).await.expect(200);
        let first = self.keep(&first);
        let device = json!({
            "username": user.name, "password": user.password,
            "device_token": first["device_token"],
        });
        self.post("/auth/login", "", device, 200).await;
        let wrong = json!({ "username": user.name, "password": "wrong-but-still-secret" });
        self.knows("a wrong password", "wrong-but-still-secret".to_owned());
        self.post("/auth/login", "", wrong, 401).await;
        let token = first["refresh_token"].as_str().unwrap();
        let second = refresh(&self.http, &url, token).await.expect(200);
        let second = self.keep(&second);
        let access = second["access_token"].as_str().unwrap().to_owned();
        let me = self.http.get(&self.origin.at("/auth/me"), &access).await;
        me.expect(200);
        access
    }

    async fn by_cookies(&mut self, user: &User) {
        let body = json!({ "username": user.name, "password": user.password, "cookies": true });
        let here = ("sec-fetch-site", "same-origin");
        let request = self
            .request("/auth/login")
            .header(here.0, here.1)
            .json(&body);
        let answer = send(request).await.expect(200);
        self.keep(&answer);
        let jar: Vec<_> = answer
            .headers
            .get_all("set-cookie")
            .iter()
            .map(|line| line.to_str().unwrap().split("; ").next().unwrap())
            .collect();
        assert_eq!(jar.len(), 3);
        let refreshed = self
            .request("/auth/token")
            .header(here.0, here.1)
            .header("cookie", jar.join("; "))
            .form(&[("grant_type", "refresh_token")]);
        let refreshed = send(refreshed).await.expect(200);
        self.keep(&refreshed);
    }

    /// For the user who has this access token.
    async fn exchange_api_keys(&mut self, access: &str, admin: &User) {
        let me = self.http.get(&self.origin.at("/auth/me"), access).await;
        let owner = me.expect(200).json()["id"].clone();
        let url = self.origin.url();
        let tokens = login(&self.http, &url, admin, Some(ADMIN_CLIENT))
            .await
            .expect(200);
        let admin = self.keep(&tokens)["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let new = json!({ "user_id": owner, "name": "deploy", "scopes": ["api:read"] });
        let made = self.post("/admin/api-keys", &admin, new, 201).await;
        let path = format!(
            "/admin/api-keys/{}/rotate",
            made["api_key"]["id"].as_str().unwrap()
        );
        let overlap = json!({ "overlap_seconds": 60 });
        let rotated = self.post(&path, &admin, overlap, 200).await;
        let key = rotated["key"].as_str().unwrap();
        let mistyped = format!("{key}a");
        for (key, status) in [
            (made["key"].as_str().unwrap(), 200),
            (key, 200),
            (&mistyped, 400),
        ] {
            let form = [
                (
                    "grant_type",
                    "urn:ietf:params:oauth:grant-type:token-exchange",
                ),
                ("subject_token_type", "urn:portcullis:token-type:api-key"),
                ("subject_token", key),
            ];
            let exchanged = send(self.request("/auth/token").form(&form)).await;
            self.keep(&exchanged.expect(status));
        }
    }

    /// By signing up, with the old one, and with a setup token.
    async fn choose_passwords(&mut self, user: &User, admin: &User) {
        for password in [
            "signed-up-with-it",
            "changed-into-it",
            "chosen-with-a-token",
        ] {
            self.knows("a new password", password.to_owned());
        }
        let body = json!({ "username": "somebody", "password": "signed-up-with-it" });
        self.post("/auth/register", "", body, 201).await;

        let url = self.origin.url();
        let tokens = login(&self.http, &url, user, None).await.expect(200);
        let access = self.keep(&tokens)["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let wrong = json!({
            "current_password": "wrong-but-still-secret", "new_password": "changed-into-it",
        });
        self.post("/auth/password", &access, wrong, 403).await;
        let right = json!({
            "current_password": user.password, "new_password": "changed-into-it",
        });
        self.post("/auth/password", &access, right, 200).await;

        let tokens = login(&self.http, &url, admin, Some(ADMIN_CLIENT))
            .await
            .expect(200);
        let access = self.keep(&tokens)["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let new = json!({ "username": "invited" });
        let invited = self.post("/admin/users", &access, new, 201).await;
        let token = &invited["setup_token"];
        let body = json!({ "token": token, "password": "short" });
        self.post("/auth/setup", "", body, 422).await;
        let body = json!({ "token": token, "password": "chosen-with-a-token" });
        self.post("/auth/setup", "", body, 204).await;
    }

    /// As a client that has a secret, in both ways of showing it; and as the edge.
    async fn ask_as_a_client(&mut self, token: &str) {
        let (id, secret) = BACKEND;
        let basic = |request: RequestBuilder| request.basic_auth(id, Some(secret));
        let header = basic(self.request("/")).build().unwrap();
        let header = header.headers()["authorization"]
            .to_str()
            .unwrap()
            .to_owned();
        self.knows(
            "a client's header",
            header.rsplit(' ').next().unwrap().to_owned(),
        );
        let asked = basic(self.request("/auth/introspect")).form(&[("token", token)]);
        assert_eq!(send(asked).await.expect(200).json()["active"], true);
        let wrong = "no-secret-of-any-client";
        self.knows("a wrong client's secret", wrong.to_owned());
        for (secret, status) in [(secret, 200), (wrong, 401)] {
            let form = [
                ("client_id", id),
                ("client_secret", secret),
                ("token", token),
            ];
            let asked = self.request("/auth/introspect").form(&form);
            send(asked).await.expect(status);
        }
        let wrong = "no-secret-of-any-edge";
        self.knows("a wrong edge's secret", wrong.to_owned());
        for secret in [EDGE_SECRET, wrong] {
            let form = [("token", "prt_thrown-away"), ("client_id", "portcullis")];
            let request = self.request("/auth/revoke").form(&form);
            let request = request
                .header("portcullis-edge-secret", secret)
                .header("portcullis-client-ip", "198.51.100.7");
            send(request).await.expect(200);
        }
        self.knows("a revoked token", "prt_thrown-away".to_owned());
    }

    /// Where parsers and checks complain, they could quote.
    async fn show_what_is_not_good(&mut self) {
        let broken = r#"{"username":"ann","password":"in-a-broken-body""#;
        let request = self.request("/auth/login");
        let request = request
            .header("content-type", "application/json")
            .body(broken);
        send(request).await.expect(400);
        let other = json!({ "username": "ann", "passwort": "in-an-unknown-member" });
        self.post("/auth/login", "", other, 422).await;
        let mistaken = json!({ "username": "typed-into-the-wrong-field", "password": "ann" });
        self.post("/auth/login", "", mistaken, 401).await;
        let twice = "grant_type=refresh_token&refresh_token=prt_once&refresh_token=prt_twice";
        let request = self.request("/auth/token");
        let form = "application/x-www-form-urlencoded";
        let request = request.header("content-type", form).body(twice);
        send(request).await.expect(400);
        let url = self.origin.at("/auth/me?access_token=prt_in_the_query");
        self.http
            .get(&url, "bad-token-in-a-header")
            .await
            .expect(401);
        for secret in [
            "in-a-broken-body",
            "in-an-unknown-member",
            "typed-into-the-wrong-field",
            "prt_once",
            "prt_twice",
            "prt_in_the_query",
            "bad-token-in-a-header",
        ] {
            self.knows("what was not good", secret.to_owned());
        }
    }
}
